//! Correlation coefficients with two-sided p-values.

use crate::ranks::midranks;
use crate::special::{beta_reg, normal_two_sided, t_two_sided};
use crate::{Metric, Undefined, input};

/// A coefficient in [-1, 1] and its two-sided p-value.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// The coefficient.
    pub coefficient: f64,
    /// Against no association; undefined where the reference distribution is (Spearman of two points).
    pub p_value: Metric,
}

fn check(x: &[f64], y: &[f64]) -> Metric<()> {
    input::not_empty("x", x.len())?;
    input::same_len("y", y.len(), x.len())?;
    input::at_least("points", x.len(), 2)?;
    for (what, v) in [("x", x), ("y", y)] {
        input::finite(what, v)?;
        if v.iter().all(|e| *e == v[0]) {
            return Err(Undefined::Constant { what });
        }
    }
    Ok(())
}

/// Pearson's linear correlation; the p-value is exact for normal data (1 for two points).
///
/// # Errors
/// [`Undefined`] for fewer than 2 points, unequal lengths, values that are not finite, and constant input.
pub fn pearson(x: &[f64], y: &[f64]) -> Metric<Correlation> {
    check(x, y)?;
    let r = coefficient(x, y)?;
    let n = x.len() as f64;
    let p_value = if n == 2.0 { 1.0 } else { beta_reg((n - 2.0) / 2.0, 0.5, (1.0 - r) * (1.0 + r)) };
    Ok(Correlation { coefficient: r, p_value: Ok(p_value) })
}

fn coefficient(x: &[f64], y: &[f64]) -> Metric {
    let unit = |what: &'static str, v: &[f64]| {
        // Scaled first, so that squares neither overflow nor vanish.
        let largest = v.iter().fold(0.0f64, |m, e| m.max(e.abs()));
        let mean = v.iter().map(|e| e / largest).sum::<f64>() / v.len() as f64;
        let centred: Vec<f64> = v.iter().map(|e| e / largest - mean).collect();
        let spread = centred.iter().fold(0.0f64, |m, e| m.max(e.abs()));
        if spread == 0.0 {
            return Err(Undefined::Constant { what });
        }
        let norm = spread * centred.iter().map(|e| (e / spread) * (e / spread)).sum::<f64>().sqrt();
        Ok(centred.into_iter().map(move |e| e / norm).collect::<Vec<_>>())
    };
    let (x, y) = (unit("x", x)?, unit("y", y)?);
    Ok(x.iter().zip(&y).map(|(a, b)| a * b).sum::<f64>().clamp(-1.0, 1.0))
}

/// Spearman's rank correlation (ties share their mean rank); p from Student's t with n − 2 degrees of freedom.
///
/// # Errors
/// As [`pearson`]; the p-value alone is undefined for two points.
pub fn spearman(x: &[f64], y: &[f64]) -> Metric<Correlation> {
    check(x, y)?;
    let r = coefficient(&midranks(x).0, &midranks(y).0)?;
    let degrees = x.len() as f64 - 2.0;
    let p_value = if degrees < 1.0 {
        Err(Undefined::TooFew { what: "points", needed: 3, got: x.len() })
    } else {
        Ok(t_two_sided(r * (degrees / ((1.0 - r) * (1.0 + r))).sqrt(), degrees))
    };
    Ok(Correlation { coefficient: r, p_value })
}

/// Kendall's τ-b in O(n log n) (Knight 1966). The p-value is exact without ties up to 33 points or one discordant
/// (or concordant) pair, else normal with the variance corrected for ties.
///
/// # Errors
/// As [`pearson`].
pub fn kendall(x: &[f64], y: &[f64]) -> Metric<Correlation> {
    check(x, y)?;
    let n = x.len();
    let (rx, ties_x) = midranks(x);
    let (ry, ties_y) = midranks(y);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| rx[a].total_cmp(&rx[b]).then(ry[a].total_cmp(&ry[b])));
    let tied_both: f64 =
        order.chunk_by(|&a, &b| rx[a] == rx[b] && ry[a] == ry[b]).map(|c| pairs(c.len())).sum();
    let mut sorted: Vec<f64> = order.iter().map(|&i| ry[i]).collect();
    let discordant = inversions(&mut sorted) as f64;
    let all = pairs(n);
    let (tied_x, tied_y): (f64, f64) =
        (ties_x.iter().map(|&t| pairs(t)).sum(), ties_y.iter().map(|&t| pairs(t)).sum());
    let excess = all - tied_x - tied_y + tied_both - 2.0 * discordant;
    let tau = (excess / (all - tied_x).sqrt() / (all - tied_y).sqrt()).clamp(-1.0, 1.0);
    let fewer = discordant.min(all - discordant);
    let p_value = if tied_x == 0.0 && tied_y == 0.0 && (n <= 33 || fewer <= 1.0) {
        exact_p(n, fewer as usize, 2.0 * discordant == all)
    } else {
        let m = n as f64;
        let sum = |ties: &[usize], f: fn(f64) -> f64| ties.iter().map(|&t| f(t as f64)).sum::<f64>();
        let cubes = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
        let triples = |t: f64| t * (t - 1.0) * (t - 2.0);
        let mut variance = (cubes(m) - sum(&ties_x, cubes) - sum(&ties_y, cubes)) / 18.0
            + 2.0 * tied_x * tied_y / (m * (m - 1.0));
        if n > 2 {
            variance += sum(&ties_x, triples) * sum(&ties_y, triples) / (9.0 * triples(m));
        }
        normal_two_sided(excess / variance.sqrt())
    };
    Ok(Correlation { coefficient: tau, p_value: Ok(p_value) })
}

fn pairs(n: usize) -> f64 {
    n as f64 * (n as f64 - 1.0) / 2.0
}

/// Pairs out of order, by merge sort; equal values are in order.
fn inversions(values: &mut [f64]) -> u64 {
    let n = values.len();
    let mut from = values.to_vec();
    let mut into = values.to_vec();
    let (mut count, mut width) = (0u64, 1);
    while width < n {
        for start in (0..n).step_by(2 * width) {
            let (middle, end) = ((start + width).min(n), (start + 2 * width).min(n));
            let (mut i, mut j) = (start, middle);
            for slot in &mut into[start..end] {
                if i < middle && (j >= end || from[i] <= from[j]) {
                    *slot = from[i];
                    i += 1;
                } else {
                    *slot = from[j];
                    j += 1;
                    count += (middle - i) as u64;
                }
            }
        }
        std::mem::swap(&mut from, &mut into);
        width *= 2;
    }
    count
}

/// Twice the chance of at most `discordant` inversions in a random order of n.
fn exact_p(n: usize, discordant: usize, balanced: bool) -> f64 {
    if balanced {
        return 1.0;
    }
    // Inversions are a sum of independent uniforms on 0..i; only the low end is needed.
    let mut chance = vec![0.0; discordant + 1];
    chance[0] = 1.0;
    for i in 1..n {
        let mut running = 0.0;
        let before = chance.clone();
        for d in 0..=discordant {
            running += before[d];
            if d > i {
                running -= before[d - i - 1];
            }
            chance[d] = running / (i + 1) as f64;
        }
    }
    (2.0 * chance.iter().sum::<f64>()).min(1.0)
}
