//! From the statistics of a gene to its score, p-value and fold change.

use super::gene::{GeneStatistics, Moments};
use super::{Comparison, Test};
use sensitome_eval::special::{normal_two_sided, t_two_sided};

/// scanpy's guard against division by zero in fold changes.
const PSEUDO: f64 = 1e-9;

/// What is known of a gene in one group against its reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct GeneResult {
    pub(super) score: f64,
    pub(super) p_value: f64,
    pub(super) log_fold_change: f64,
    pub(super) mean: f64,
    pub(super) reference_mean: f64,
    pub(super) fraction: f64,
    pub(super) reference_fraction: f64,
}

/// The chosen test.
pub(super) struct Tester {
    test: Test,
    ln_base: f64,
}

impl Tester {
    pub(super) fn new(how: &Comparison) -> Self {
        Self { test: how.test, ln_base: how.log_base.ln() }
    }

    pub(super) fn test(&self, gene: &GeneStatistics, group: usize) -> GeneResult {
        let (own, other) = (gene.moments[group], gene.reference_moments(group));
        let (score, p_value) = match self.test {
            Test::Wilcoxon { tie_correct } => {
                let ties = if tie_correct { gene.ties(group) } else { 0.0 };
                wilcoxon(gene.ranks[group].u, own.n, other.n, ties)
            }
            Test::Welch => welch(own, other, other.n),
            Test::OverestimatedVariance => welch(own, other, own.n),
        };
        let count = |mean: f64| (mean * self.ln_base).exp_m1() + PSEUDO;
        GeneResult {
            score,
            p_value,
            log_fold_change: (count(own.mean) / count(other.mean)).log2(),
            mean: own.mean,
            reference_mean: other.mean,
            fraction: own.non_zero / own.n,
            reference_fraction: other.non_zero / other.n,
        }
    }
}

/// z of U and its p; 0 and 1 where all values are equal.
fn wilcoxon(u: f64, n: f64, m: f64, ties: f64) -> (f64, f64) {
    let total = n + m;
    let tie_factor = 1.0 - ties / (total * (total * total - 1.0));
    let z = (u - n * m / 2.0) / (tie_factor * n * m * (total + 1.0) / 12.0).sqrt();
    if z.is_finite() { (z, normal_two_sided(z)) } else { (0.0, 1.0) }
}

/// Welch's t and its p, the reference counted as `m` cells. Without any variance: infinite when the means differ,
/// else 0 and 1.
fn welch(own: Moments, other: Moments, m: f64) -> (f64, f64) {
    let (a, b) = (own.variance() / own.n, other.variance() / m);
    let t = (own.mean - other.mean) / (a + b).sqrt();
    if t.is_nan() {
        return (0.0, 1.0);
    }
    let degrees = (a + b).powi(2) / (a * a / (own.n - 1.0) + b * b / (m - 1.0));
    (t, t_two_sided(t, if degrees.is_nan() { 1.0 } else { degrees }))
}
