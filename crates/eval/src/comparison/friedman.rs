//! Several strategies over several tasks, by ranks (Demšar 2006).

use super::holm;
use super::wilcoxon::{Alternative, Zeros, wilcoxon_signed_rank};
use crate::ranks::midranks;
use crate::special::chi_square_tail;
use crate::special::{f_tail, studentized_range_quantile, studentized_range_tail};
use crate::{Metric, Undefined, input};
use ndarray::{Array2, ArrayView2};
use std::f64::consts::SQRT_2;

/// Outcome of [`friedman`].
#[derive(Debug, Clone, PartialEq)]
pub struct Friedman {
    /// Mean rank of each strategy, 1 = best.
    pub mean_ranks: Vec<f64>,
    /// Friedman's statistic, corrected for ties.
    pub chi_square: f64,
    /// Its p-value (chi-square with strategies − 1 degrees of freedom); rough for few tasks.
    pub p_value: f64,
    /// Iman and Davenport's F and its p-value, less conservative; undefined when all tasks rank alike.
    pub f_test: Metric<(f64, f64)>,
}

/// Outcome of [`nemenyi`].
#[derive(Debug, Clone, PartialEq)]
pub struct Nemenyi {
    /// Mean rank of each strategy, 1 = best.
    pub mean_ranks: Vec<f64>,
    /// Mean ranks further apart than this differ at the level asked for.
    pub critical_difference: f64,
    /// Strategies × strategies, 1 on the diagonal.
    pub p_values: Array2<f64>,
    /// Largest sets of strategies that cannot be told apart, each by ascending mean rank: the bars of a
    /// critical-difference diagram. A strategy that differs from all others is in none.
    pub groups: Vec<Vec<usize>>,
}

/// Outcome of [`pairwise_wilcoxon`]: strategies × strategies, 1 on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct PairwiseWilcoxon {
    /// Two-sided p-values; 1 for strategies that never differ.
    pub p_values: Array2<f64>,
    /// Holm-adjusted over all pairs.
    pub adjusted: Array2<f64>,
}

/// Mean rank of each column of `values` (tasks × strategies), 1 = best, ties sharing their mean rank.
///
/// # Errors
/// [`Undefined`] for an empty table and values that are not finite.
pub fn mean_ranks(values: ArrayView2<'_, f64>, higher_is_better: bool) -> Metric<Vec<f64>> {
    Ok(rank_table(values, higher_is_better)?.0)
}

/// Mean ranks, and Σ (t³ − t) over the ties of all tasks.
fn rank_table(values: ArrayView2<'_, f64>, higher_is_better: bool) -> Metric<(Vec<f64>, f64)> {
    let values = input::matrix("values", values)?;
    let sign = if higher_is_better { -1.0 } else { 1.0 };
    let mut sums = vec![0.0; values.ncols()];
    let mut ties = 0.0;
    for row in values.rows() {
        let (ranks, groups) = midranks(&row.iter().map(|v| sign * v).collect::<Vec<_>>());
        sums.iter_mut().zip(ranks).for_each(|(s, r)| *s += r);
        ties += groups.iter().map(|&t| (t * t * t - t) as f64).sum::<f64>();
    }
    let n = values.nrows() as f64;
    Ok((sums.into_iter().map(|s| s / n).collect(), ties))
}

/// Do the columns of `values` (tasks × strategies) differ at all?
///
/// # Errors
/// [`Undefined`] for an empty table, values that are not finite, fewer than 3 strategies or 2 tasks, and
/// [`Undefined::Constant`] when every task is one big tie.
pub fn friedman(values: ArrayView2<'_, f64>, higher_is_better: bool) -> Metric<Friedman> {
    let (mean_ranks, ties) = rank_table(values, higher_is_better)?;
    input::at_least("strategies", values.ncols(), 3)?;
    input::at_least("tasks", values.nrows(), 2)?;
    let (n, k) = (values.nrows() as f64, values.ncols() as f64);
    let untied = 1.0 - ties / (n * k * (k * k - 1.0));
    if untied <= 0.0 {
        return Err(Undefined::Constant { what: "every task" });
    }
    let centre = (k + 1.0) / 2.0;
    let spread: f64 = mean_ranks.iter().map(|r| (r - centre) * (r - centre)).sum();
    let chi_square = 12.0 * n * spread / (k * (k + 1.0)) / untied;
    let p_value = chi_square_tail(chi_square, k - 1.0);
    let rest = n * (k - 1.0) - chi_square;
    let f_test = if rest > 1e-9 * n * k {
        let f = (n - 1.0) * chi_square / rest;
        Ok((f, f_tail(f, k - 1.0, (k - 1.0) * (n - 1.0))))
    } else {
        Err(Undefined::ZeroDivision {
            what: "Iman and Davenport's F",
            reason: "all tasks rank the strategies alike",
        })
    };
    Ok(Friedman { mean_ranks, chi_square, p_value, f_test })
}

/// Which strategies differ? All pairs at once by mean ranks (Nemenyi 1963); follow up on [`friedman`].
///
/// # Errors
/// [`Undefined`] for an empty table, values that are not finite, fewer than 2 strategies or tasks, and `alpha` outside
/// (0, 1).
pub fn nemenyi(values: ArrayView2<'_, f64>, higher_is_better: bool, alpha: f64) -> Metric<Nemenyi> {
    input::open_unit("alpha", alpha)?;
    let (mean_ranks, _) = rank_table(values, higher_is_better)?;
    input::at_least("strategies", values.ncols(), 2)?;
    input::at_least("tasks", values.nrows(), 2)?;
    let (n, k) = (values.nrows() as f64, values.ncols() as f64);
    let unit = (k * (k + 1.0) / (6.0 * n)).sqrt();
    let critical_difference = studentized_range_quantile(alpha, k) / SQRT_2 * unit;
    let p_values = Array2::from_shape_fn((mean_ranks.len(), mean_ranks.len()), |(i, j)| {
        studentized_range_tail((mean_ranks[i] - mean_ranks[j]).abs() / unit * SQRT_2, k)
    });
    let groups = critical_difference_groups(&mean_ranks, critical_difference)?;
    Ok(Nemenyi { mean_ranks, critical_difference, p_values, groups })
}

/// Largest sets of at least 2 strategies whose mean ranks all lie within `critical_difference`, best first.
///
/// # Errors
/// [`Undefined`] for no ranks and values that are not finite.
pub fn critical_difference_groups(mean_ranks: &[f64], critical_difference: f64) -> Metric<Vec<Vec<usize>>> {
    input::not_empty("mean ranks", mean_ranks.len())?;
    input::finite("mean ranks", mean_ranks)?;
    input::finite("critical difference", &[critical_difference])?;
    let mut order: Vec<usize> = (0..mean_ranks.len()).collect();
    order.sort_by(|&a, &b| mean_ranks[a].total_cmp(&mean_ranks[b]));
    let mut groups = Vec::new();
    let mut covered = 0;
    for start in 0..order.len() {
        let within = |i: &&usize| mean_ranks[**i] - mean_ranks[order[start]] <= critical_difference;
        let end = start + order[start..].iter().take_while(within).count();
        // A run that ends where an earlier one does lies inside it.
        if end - start >= 2 && end > covered {
            groups.push(order[start..end].to_vec());
            covered = end;
        }
    }
    Ok(groups)
}

/// Two-sided [`wilcoxon_signed_rank`] of every pair of columns of `values` (tasks × strategies), Holm-adjusted.
///
/// # Errors
/// [`Undefined`] for an empty table, values that are not finite, and fewer than 2 strategies.
pub fn pairwise_wilcoxon(values: ArrayView2<'_, f64>) -> Metric<PairwiseWilcoxon> {
    let values = input::matrix("values", values)?;
    let k = values.ncols();
    input::at_least("strategies", k, 2)?;
    let columns: Vec<Vec<f64>> = values.columns().into_iter().map(|c| c.to_vec()).collect();
    let mut pairs = Vec::new();
    let mut p = Vec::new();
    for i in 0..k {
        for j in i + 1..k {
            let test = wilcoxon_signed_rank(&columns[i], &columns[j], Zeros::Drop, Alternative::TwoSided);
            p.push(match test {
                Ok(t) => t.p_value,
                Err(Undefined::Constant { .. }) => 1.0,
                Err(e) => return Err(e),
            });
            pairs.push((i, j));
        }
    }
    let square = |values: &[f64]| {
        let mut m = Array2::ones((k, k));
        for (&(i, j), &v) in pairs.iter().zip(values) {
            m[[i, j]] = v;
            m[[j, i]] = v;
        }
        m
    };
    Ok(PairwiseWilcoxon { adjusted: square(&holm(&p)?), p_values: square(&p) })
}
