//! How large a difference is, beside whether it is there.

use super::wilcoxon::{Alternative, Zeros, differences, wilcoxon_signed_rank};
use crate::{Metric, Undefined, input};

/// Tasks won, tied and lost by the first strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WinTieLoss {
    /// First better by more than the margin.
    pub wins: usize,
    /// Within the margin.
    pub ties: usize,
    /// Second better by more than the margin.
    pub losses: usize,
}

/// Counts tasks by which of `a` and `b` (larger is better) is ahead by more than `margin`.
///
/// # Errors
/// [`Undefined`] for empty or unequal input, values that are not finite, and a negative margin.
pub fn win_tie_loss(a: &[f64], b: &[f64], margin: f64) -> Metric<WinTieLoss> {
    if margin.is_nan() || margin < 0.0 {
        return Err(Undefined::setting("margin", format!("is {margin}; pass 0 or more")));
    }
    let d = differences(a, b)?;
    let wins = d.iter().filter(|d| **d > margin).count();
    let losses = d.iter().filter(|d| **d < -margin).count();
    Ok(WinTieLoss { wins, ties: d.len() - wins - losses, losses })
}

/// Matched-pairs rank-biserial correlation, (R₊ − R₋)/(R₊ + R₋) of [`wilcoxon_signed_rank`], in [-1, 1] (Kerby 2014).
///
/// # Errors
/// As [`wilcoxon_signed_rank`].
pub fn rank_biserial(a: &[f64], b: &[f64]) -> Metric {
    let t = wilcoxon_signed_rank(a, b, Zeros::Drop, Alternative::TwoSided)?;
    Ok((t.positive - t.negative) / (t.positive + t.negative))
}

/// Mean paired difference over its standard deviation (Cohen's d_z).
///
/// # Errors
/// [`Undefined`] for unequal input, fewer than 2 pairs, values that are not finite, and [`Undefined::Constant`] when
/// all differences are equal.
pub fn cohens_d_paired(a: &[f64], b: &[f64]) -> Metric {
    let d = differences(a, b)?;
    input::at_least("pairs", d.len(), 2)?;
    if d.iter().all(|v| *v == d[0]) {
        return Err(Undefined::Constant { what: "the difference" });
    }
    let n = d.len() as f64;
    let mean = d.iter().sum::<f64>() / n;
    let variance = d.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    input::representable("the effect size", mean / variance.sqrt())
}

/// Cliff's δ of two independent samples: P(a > b) − P(a < b), in [-1, 1].
///
/// # Errors
/// [`Undefined`] for an empty sample and values that are not finite.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Metric {
    input::not_empty("a", a.len())?;
    input::not_empty("b", b.len())?;
    input::finite("a", a)?;
    input::finite("b", b)?;
    let mut sorted = b.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let lead = |x: &f64| {
        let below = sorted.partition_point(|v| v < x) as f64;
        let above = (sorted.len() - sorted.partition_point(|v| v <= x)) as f64;
        below - above
    };
    Ok(a.iter().map(lead).sum::<f64>() / (a.len() as f64 * b.len() as f64))
}
