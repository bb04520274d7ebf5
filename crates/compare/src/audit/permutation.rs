//! Fits to permuted labels of the source are no better than chance.

use sensitome_eval::special::t_two_sided;

use super::{Check, Finding, Verdict};

/// Fewer permutations cannot tell a leak from luck. Cells that differ mostly along one axis are sorted along it by any
/// fit, one way or the other: AUROCs of permuted fits are then near 0 or 1 as a coin falls. Five coins fall alike one
/// time in 32, eight one time in 256.
pub const LEAST_PERMUTATIONS: usize = 8;

/// Student's t over the permutations must be as rare as this.
const T_AT_MOST: f64 = 0.001;
/// So must the share of sign patterns whose mean is as high: all of eight alike are one in 256, just below.
const SIGNS_AT_MOST: f64 = 0.005;
/// The mean must be this far above chance: less is of no consequence.
const MARGIN: f64 = 0.05;
/// So many signs are gone through one by one; above, a bound does.
const ENUMERATED: usize = 16;

/// AUROCs of fits of `method` whose source labels were permuted, each with a seed of its own: their mean must be at
/// chance. A leak is a mean above .55 that is rare both by Student's t and under flips of the signs of AUROC - .5.
///
/// Why one-sided: permuted labels know nothing of the cells, so the fit is as likely to point one way as the other. It
/// can be far from .5 in any one permutation and on both sides over many (a dominant axis of the cells, no leak); it
/// cannot be above chance in all of them unless it sees the cells' labels elsewhere. Consistently below chance is no
/// label seen, it would be used the right way round; it is reported. One thing that is no leak can look like one: with
/// classes of unequal size a method may have a direction of its own whatever the labels (say, calling cells of few
/// genes resistant), which may agree with the truth. So a leak found here is a reason to look at the method.
///
/// Why the signs: where single AUROCs lie near 0 and 1, Student's t over few of them is fooled by all falling alike.
pub fn label_permutation(method: &str, aurocs: &[f64]) -> Finding {
    let finding = |verdict, detail: String| Finding::new(Check::LabelPermutation, verdict, detail);
    let known: Vec<f64> = aurocs.iter().copied().filter(|a| a.is_finite()).map(|a| a - 0.5).collect();
    let n = known.len();
    let undefined = match aurocs.len() - n {
        0 => String::new(),
        k => format!(" ({k} undefined are left out)"),
    };
    if n < LEAST_PERMUTATIONS {
        return finding(
            Verdict::NotApplicable,
            format!(
                "{method}: {n} permutations{undefined}; with fewer than {LEAST_PERMUTATIONS} luck cannot be excluded"
            ),
        );
    }
    let size = n as f64;
    let mean = known.iter().sum::<f64>() / size;
    let sd = (known.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (size - 1.0)).sqrt();
    let away = known.iter().map(|d| d.abs()).sum::<f64>() / size;
    let p_t = t_upper(mean, sd / size.sqrt(), n - 1);
    let p_signs = signs_upper(&known);
    let leak = mean > MARGIN && p_t < T_AT_MOST && p_signs < SIGNS_AT_MOST;
    let below = mean < -MARGIN && t_upper(-mean, sd / size.sqrt(), n - 1) < T_AT_MOST && {
        let flipped: Vec<f64> = known.iter().map(|d| -d).collect();
        signs_upper(&flipped) < SIGNS_AT_MOST
    };
    let more = if leak {
        "; the method sees the cells' labels, or has a direction of its own whatever the labels: look into it"
    } else if below {
        "; consistently below chance: no label seen, but the method has a direction of its own whatever the labels"
    } else if away > 2.0 * MARGIN && away > 2.0 * mean.abs() {
        "; single fits are far from .5 on both sides: the cells differ along one axis, and one AUROC alone says little"
    } else {
        ""
    };
    let detail = format!(
        "{method}: mean AUROC {:.3} over {n} permutations of the source's labels{undefined}, {away:.3} from .5 on \
         average; above chance with p = {p_t:.1e} (Student's t), {p_signs:.1e} (signs){more}",
        0.5 + mean
    );
    finding(if leak { Verdict::Leak } else { Verdict::Passed }, detail)
}

/// P(T >= mean / error) of Student's t.
fn t_upper(mean: f64, error: f64, degrees: usize) -> f64 {
    // Equal values have no spread up to rounding: the mean is certain.
    if error <= 1e-12 {
        return if mean > 1e-12 { 0.0 } else { 1.0 };
    }
    let half = t_two_sided(mean / error, degrees as f64) / 2.0;
    if mean > 0.0 { half } else { 1.0 - half }
}

/// Share of all patterns of signs whose sum is at least the one seen: exact where every value is as likely as its
/// negative. For many values Hoeffding's bound, which is never too small.
fn signs_upper(values: &[f64]) -> f64 {
    let seen: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|v| v * v).sum();
    if seen <= 0.0 || squares == 0.0 {
        return 1.0;
    }
    if values.len() > ENUMERATED {
        return (-seen * seen / (2.0 * squares)).exp();
    }
    let patterns = 1u32 << values.len();
    let rounding = 1e-12 * squares.sqrt();
    let as_high = |pattern: &u32| {
        let sum: f64 =
            values.iter().enumerate().map(|(k, v)| if pattern >> k & 1 == 1 { -v } else { *v }).sum();
        sum >= seen - rounding
    };
    (0..patterns).filter(as_high).count() as f64 / f64::from(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of Student's t: one-sided quantiles.
    #[test]
    fn tails_of_students_t_are_those_of_the_tables() {
        for (degrees, t, p) in [
            (1, 12.706_205, 0.025),
            (2, 4.302_653, 0.025),
            (3, 2.353_363, 0.05),
            (7, 4.785_290, 0.001),
            (9, 4.296_806, 0.001),
            (10, 4.143_700, 0.001),
            (30, 2.042_272, 0.025),
        ] {
            let got = t_upper(t, 1.0, degrees);
            assert!((got - p).abs() < 1e-6 * p.max(0.1), "{degrees} degrees: {got}, not {p}");
            assert!((t_upper(-t, 1.0, degrees) - (1.0 - p)).abs() < 1e-6, "{degrees} degrees, below");
        }
    }

    #[test]
    fn signs_are_counted_and_the_bound_is_never_smaller() {
        assert_eq!(signs_upper(&[0.4; 8]), 1.0 / 256.0);
        assert_eq!(signs_upper(&[0.3, 0.3, -0.3]), 0.5);
        let many: Vec<f64> =
            (0..16).map(|k| 0.1 + 0.02 * f64::from(k % 5) - 0.05 * f64::from(k % 3)).collect();
        let (sum, squares) = many.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
        assert!(signs_upper(&many) <= (-sum * sum / (2.0 * squares)).exp());
    }
}
