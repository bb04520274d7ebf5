//! From directions to decisions: a few labelled cells, and probabilities.

use ndarray::Array1;
use sensitome_data::FewShot;
use sensitome_eval::calibration::Platt;

use super::cells::Cells;
use super::neighbours::Neighbours;

/// A weight of every gene, the score (of cells less their mean) at which the classes are equally likely, and how well the
/// direction without labels told the labelled cells apart.
#[derive(Debug)]
pub(crate) struct Direction {
    pub(crate) weight: Array1<f64>,
    pub(crate) middle: f64,
    pub(crate) support: Option<f64>,
}

/// `calm` and, for its share, `sharp`: each counts the less, the worse it tells the labelled cells apart.
pub(crate) fn mixed(
    cells: &Cells,
    few: Option<&FewShot>,
    (calm, sharp): (&Array1<f64>, &Array1<f64>),
    share: f64,
) -> Array1<f64> {
    let support = |w: &Array1<f64>| support(few, |few| cells.rows(&few.rows).mapv(f64::from).dot(w));
    let mut parts = [1.0 - share, share];
    if let (Some(calm), Some(sharp)) = (support(calm), support(sharp)) {
        let told = [parts[0] * calm, parts[1] * sharp];
        // None of what is trusted is borne out: the labels say nothing of which part is better.
        if told != [0.0, 0.0] {
            parts = told;
        }
    }
    cells.unit(&(calm * parts[0] + sharp * parts[1]))
}

/// How well scores tell the labelled cells apart, 0 (as chance would, or worse) to 1; `None` without cells of both classes.
fn support(few: Option<&FewShot>, scores: impl FnOnce(&FewShot) -> Array1<f64>) -> Option<f64> {
    let few = few?;
    let auroc = sensitome_eval::auroc(&few.labels, &scores(few).to_vec(), None).ok()?;
    Some((2.0 * auroc - 1.0).max(0.0))
}

/// From the resistant to the sensitive labelled cells and, as far as it tells them apart, along `free`, the direction found
/// without labels. Where scores are averaged over neighbours, labels will be told to the cells around them and `free` is
/// followed in any case. One class alone gives no direction: then it is `free`.
pub(crate) fn with_labels(
    cells: &Cells,
    few: Option<&FewShot>,
    free: Array1<f64>,
    share: f64,
    near: Option<&Neighbours>,
) -> Direction {
    let support = support(few, |few| match near {
        Some(near) => near.averages(cells.rows(&few.rows).view(), &near.values(&free)),
        None => cells.rows(&few.rows).mapv(f64::from).dot(&free),
    });
    let (Some(few), Some(support)) = (few, support) else {
        return Direction { weight: free, middle: 0.0, support: None };
    };
    let centroid = |class: u8| {
        let of = few.rows.iter().zip(&few.labels).filter(|(_, l)| **l == class);
        cells.centroid(&of.map(|(&r, _)| r).collect::<Vec<_>>())
    };
    let (up, down) = (centroid(1), centroid(0));
    // Averages have less noise than a difference of a few cells, and labels are told to them besides.
    let known = share * if near.is_some() { 2.0 + 6.0 * support * support } else { support };
    let weight = cells.unit(&(cells.unit(&(&up - &down)) + free * known));
    let middle = weight.dot(&((up + down) / 2.0 - cells.means()));
    Direction { weight, middle, support: Some(support) }
}

/// Slope and intercept that turn a score in deviations into log-odds, as they do for lines that were not seen, and the
/// prevalence of sensitive lines. The order of the scores is never turned round.
pub(crate) fn log_odds(unseen: &Array1<f64>, labels: &[Option<u8>]) -> (f64, f64, f64) {
    let (mean, deviation) = (unseen.sum() / unseen.len().max(1) as f64, unseen.std(0.0).max(1e-12));
    let scored = unseen.iter().zip(labels).filter_map(|(u, l)| Some(((u - mean) / deviation, (*l)?)));
    let (scores, labels): (Vec<f64>, Vec<u8>) = scored.unzip();
    let prevalence = labels.iter().filter(|&&l| l == 1).count() as f64 / labels.len().max(1) as f64;
    Platt::fit(&labels, &scores, None)
        .map_or((1.0, 0.0, 0.5), |p| (p.slope.max(0.05), p.intercept, prevalence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn two_groups() -> Array2<f32> {
        Array2::from_shape_fn((20, 4), |(i, j)| match j {
            0 => (i % 2) as f32 * 3.0,
            1 => ((i * 7) % 5) as f32,
            _ => ((i * 3 + j) % 4) as f32,
        })
    }

    #[test]
    fn labels_set_the_direction_and_a_contradicted_one_is_left_out() {
        let x = two_groups();
        let cells = Cells::new(x.view());
        let few = FewShot { rows: vec![0, 2, 4, 1, 3, 5], labels: vec![0, 0, 0, 1, 1, 1] };
        let right = cells.unit(&Array1::from_vec(vec![1.0, 0.0, 0.0, 0.0]));
        let wrong = -&right;
        let helped = with_labels(&cells, Some(&few), right.clone(), 0.5, None);
        let alone = with_labels(&cells, Some(&few), right.clone(), 0.0, None);
        let contradicted = with_labels(&cells, Some(&few), wrong, 0.5, None);
        assert_eq!(contradicted.weight, alone.weight);
        assert_eq!((helped.support, contradicted.support), (Some(1.0), Some(0.0)));
        let scores = cells.scores(&helped.weight);
        assert!((0..20).all(|i| (scores[i] > helped.middle) == (i % 2 == 1)), "{scores}");
        let one_class = FewShot { rows: vec![1, 3], labels: vec![1, 1] };
        assert_eq!(with_labels(&cells, Some(&one_class), right.clone(), 0.5, None).weight, right);
    }

    #[test]
    fn of_two_directions_the_one_that_labels_bear_out_counts() {
        let x = two_groups();
        let cells = Cells::new(x.view());
        let few = FewShot { rows: vec![0, 2, 4, 1, 3, 5], labels: vec![0, 0, 0, 1, 1, 1] };
        let axis = |j: usize| cells.unit(&Array1::from_shape_fn(4, |k| f64::from(u8::from(j == k))));
        let (right, other) = (axis(0), axis(1));
        let half = cells.unit(&(&right * 0.5 + &other * 0.5));
        assert_eq!(mixed(&cells, None, (&other, &right), 0.5), half);
        let told = mixed(&cells, Some(&few), (&other, &right), 0.5);
        let with =
            |a: &Array1<f64>| crate::linear::correlation(cells.scores(a).view(), cells.scores(&right).view());
        assert!(with(&told) > with(&half) + 0.05, "{} {}", with(&told), with(&half));
        // None of the two is borne out: the share decides as without labels.
        let same = |a: Array1<f64>, b: &Array1<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(same(mixed(&cells, Some(&few), (&-&right, &-&right), 0.3), &-&right));
        // What was not trusted at all stays out.
        assert!(same(mixed(&cells, Some(&few), (&other, &right), 0.0), &other));
    }

    /// Averages hear of labels by what is told to the cells around: here they do not turn the direction.
    #[test]
    fn where_scores_are_averages_labels_leave_the_direction() {
        let x = Array2::from_shape_fn((40, 4), |(i, j)| two_groups()[[i % 20, j]]);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let few = FewShot { rows: vec![0, 2, 4, 1, 3, 5], labels: vec![0, 0, 0, 1, 1, 1] };
        let wrong = -cells.unit(&Array1::from_vec(vec![1.0, 0.0, 0.0, 0.0]));
        let side = |near| {
            let found = with_labels(&cells, Some(&few), wrong.clone(), 2.0, near);
            assert_eq!(found.support, Some(0.0));
            crate::linear::correlation(cells.scores(&found.weight).view(), cells.scores(&wrong).view())
        };
        assert!(side(None) < -0.9 && side(Some(&near)) > 0.9, "{} {}", side(None), side(Some(&near)));
    }

    #[test]
    fn log_odds_rise_with_the_score_whatever_the_lines_say() {
        let unseen = Array1::from_shape_fn(30, |i| i as f64);
        let labels = |turned: bool| -> Vec<Option<u8>> {
            (0..30).map(|i| (i % 7 != 3).then_some(u8::from((i > 14) != turned))).collect()
        };
        assert!(log_odds(&unseen, &labels(false)).0 > 1.0);
        assert_eq!(log_odds(&unseen, &labels(true)).0, 0.05);
        let third: Vec<Option<u8>> = (0..30).map(|i| Some(u8::from(i >= 20))).collect();
        assert!((log_odds(&unseen, &third).2 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(log_odds(&unseen, &[Some(1); 30]), (1.0, 0.0, 0.5));
    }
}
