//! Wilcoxon's signed-rank test for paired values.

use crate::ranks::midranks;
use crate::special::normal_cdf;
use crate::{Metric, Undefined, input};

/// What is claimed against "no difference".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alternative {
    /// They differ.
    #[default]
    TwoSided,
    /// The first is greater.
    Greater,
    /// The first is less.
    Less,
}

/// What becomes of pairs without difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zeros {
    /// Left out before ranking (Wilcoxon 1945).
    #[default]
    Drop,
    /// Ranked, then left out (Pratt 1959).
    Pratt,
}

/// Outcome of [`wilcoxon_signed_rank`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Rank sum of the positive differences.
    pub positive: f64,
    /// Rank sum of the negative differences.
    pub negative: f64,
    /// p-value of the alternative.
    pub p_value: f64,
    /// Whether it is exact (by the distribution of all sign flips, ties included) or normal.
    pub exact: bool,
    /// Pairs that differ.
    pub pairs: usize,
}

/// Are paired values of `a` and `b` (one pair per task) shifted? Exact up to 50 differing pairs, beyond that normal
/// with the variance corrected for ties and without continuity correction.
///
/// # Errors
/// [`Undefined`] for empty or unequal input, values that are not finite, and [`Undefined::Constant`] when no pair
/// differs.
pub fn wilcoxon_signed_rank(
    a: &[f64],
    b: &[f64],
    zeros: Zeros,
    alternative: Alternative,
) -> Metric<SignedRank> {
    const MOST_EXACT: usize = 50;
    const LONGEST_TABLE: usize = 2_000_000;
    let all = differences(a, b)?;
    let ranked: Vec<f64> = match zeros {
        Zeros::Drop => all.into_iter().filter(|d| *d != 0.0).collect(),
        Zeros::Pratt => all,
    };
    let (ranks, _) = midranks(&ranked.iter().map(|d| d.abs()).collect::<Vec<_>>());
    let used: Vec<(f64, f64)> = ranked.iter().copied().zip(ranks).filter(|(d, _)| *d != 0.0).collect();
    if used.is_empty() {
        return Err(Undefined::Constant { what: "the difference" });
    }
    let rank_sum =
        |positive: bool| -> f64 { used.iter().filter(|(d, _)| (*d > 0.0) == positive).map(|(_, r)| r).sum() };
    let (positive, negative) = (rank_sum(true), rank_sum(false));
    let doubled: Vec<usize> = used.iter().map(|(_, r)| (2.0 * r) as usize).collect();
    let exact = used.len() <= MOST_EXACT && doubled.iter().sum::<usize>() <= LONGEST_TABLE;
    let (lower, upper) = if exact {
        exact_tails(&doubled, (2.0 * positive) as usize)
    } else {
        let z = standardised(positive, &used.iter().map(|u| u.1).collect::<Vec<_>>());
        (normal_cdf(z), normal_cdf(-z))
    };
    let p_value = match alternative {
        Alternative::TwoSided => (2.0 * lower.min(upper)).min(1.0),
        Alternative::Greater => upper,
        Alternative::Less => lower,
    };
    Ok(SignedRank { positive, negative, p_value, exact, pairs: used.len() })
}

pub(crate) fn differences(a: &[f64], b: &[f64]) -> Metric<Vec<f64>> {
    input::not_empty("a", a.len())?;
    input::same_len("b", b.len(), a.len())?;
    input::finite("a", a)?;
    input::finite("b", b)?;
    let d: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    input::finite("the difference", &d)?;
    Ok(d)
}

/// Chances of a positive rank sum of at most, and at least, the observed one when every sign is a fair coin.
fn exact_tails(doubled: &[usize], observed: usize) -> (f64, f64) {
    let total: usize = doubled.iter().sum();
    let mut chance = vec![0.0; total + 1];
    chance[0] = 1.0;
    for &r in doubled {
        for s in (0..=total).rev() {
            chance[s] = (chance[s] + if s >= r { chance[s - r] } else { 0.0 }) / 2.0;
        }
    }
    let lower: f64 = chance[..=observed].iter().sum();
    let upper: f64 = chance[observed..].iter().sum();
    (lower.min(1.0), upper.min(1.0))
}

/// Each rank counts with a fair coin: mean Σr/2, variance Σr²/4, which holds the tie (and Pratt) corrections.
fn standardised(positive: f64, ranks: &[f64]) -> f64 {
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let variance = ranks.iter().map(|r| r * r).sum::<f64>() / 4.0;
    (positive - mean) / variance.sqrt()
}
