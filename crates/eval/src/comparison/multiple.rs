//! P-values of many tests at once; adjusted values are in the order given.

use crate::{Metric, input};

/// Bonferroni: p × number of tests. Controls the chance of any false positive.
///
/// # Errors
/// [`Undefined`](crate::Undefined) for no p-values and values outside [0, 1].
pub fn bonferroni(p_values: &[f64]) -> Metric<Vec<f64>> {
    check(p_values)?;
    let n = p_values.len() as f64;
    Ok(p_values.iter().map(|p| (p * n).min(1.0)).collect())
}

/// Holm 1979: as [`bonferroni`], never less powerful.
///
/// # Errors
/// As [`bonferroni`].
pub fn holm(p_values: &[f64]) -> Metric<Vec<f64>> {
    check(p_values)?;
    let n = p_values.len();
    let mut adjusted = vec![0.0; n];
    let mut largest = 0.0f64;
    for (rank, i) in ascending(p_values).into_iter().enumerate() {
        largest = largest.max(p_values[i] * (n - rank) as f64).min(1.0);
        adjusted[i] = largest;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg 1995: controls the share of false positives among the positives.
///
/// # Errors
/// As [`bonferroni`].
pub fn benjamini_hochberg(p_values: &[f64]) -> Metric<Vec<f64>> {
    check(p_values)?;
    let n = p_values.len();
    let mut adjusted = vec![0.0; n];
    let mut smallest = 1.0f64;
    for (rank, i) in ascending(p_values).into_iter().enumerate().rev() {
        // The factor first: it is at least 1, so that rounding takes no value below its p.
        smallest = smallest.min(p_values[i] * (n as f64 / (rank + 1) as f64));
        adjusted[i] = smallest;
    }
    Ok(adjusted)
}

fn check(p_values: &[f64]) -> Metric<()> {
    input::not_empty("p-values", p_values.len())?;
    input::within_unit("p-values", p_values)
}

fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    order
}
