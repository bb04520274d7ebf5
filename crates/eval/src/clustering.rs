//! Agreement of two partitions: clusters against classes, or one clustering against another.
//!
//! All are symmetric (but [`homogeneity`] and [`completeness`]), blind to the names of the clusters, and follow
//! scikit-learn's definitions. Two identical partitions agree perfectly (1), also when each is a single cluster.

use crate::table::Table;
use crate::{Label, Metric};
use rayon::prelude::*;

/// Mutual information in nats.
///
/// # Errors
/// [`Undefined`](crate::Undefined) for empty input or unequal lengths.
pub fn mutual_information<A: Label, B: Label>(a: &[A], b: &[B]) -> Metric {
    Ok(information(&Table::new(a, b, None)?))
}

/// Mutual information expected between random partitions with these cluster sizes (the permutation model of
/// Vinh, Epps and Bailey 2010), exact, in nats.
///
/// # Errors
/// As [`mutual_information`].
pub fn expected_mutual_information<A: Label, B: Label>(a: &[A], b: &[B]) -> Metric {
    Ok(expected(&Table::new(a, b, None)?))
}

/// Adjusted mutual information with the arithmetic mean of the entropies: 0 on average for random partitions,
/// 1 for identical ones, negative below chance.
///
/// # Errors
/// As [`mutual_information`].
pub fn ami<A: Label, B: Label>(a: &[A], b: &[B]) -> Metric {
    let table = Table::new(a, b, None)?;
    if table.is_bijection() {
        return Ok(1.0);
    }
    let (chance, bound) = (expected(&table), mean_entropy(&table));
    // Positive for partitions that differ; rounding must not make it zero.
    Ok((information(&table) - chance) / (bound - chance).max(f64::EPSILON))
}

/// Normalised mutual information (arithmetic mean), in [0, 1]. Not adjusted for chance: many small clusters score
/// high whatever they are; prefer [`ami`].
///
/// # Errors
/// As [`mutual_information`].
pub fn nmi<A: Label, B: Label>(a: &[A], b: &[B]) -> Metric {
    let table = Table::new(a, b, None)?;
    if table.is_bijection() {
        return Ok(1.0);
    }
    Ok((information(&table) / mean_entropy(&table)).clamp(0.0, 1.0))
}

/// Adjusted Rand index (Hubert and Arabie 1985): 0 on average for random partitions, 1 for identical ones.
///
/// # Errors
/// As [`mutual_information`].
pub fn ari<A: Label, B: Label>(a: &[A], b: &[B]) -> Metric {
    let table = Table::new(a, b, None)?;
    if table.is_bijection() {
        return Ok(1.0);
    }
    let squares = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>();
    let n = table.total;
    let both = squares(&mut table.cells.iter().map(|c| c.2));
    let rows = squares(&mut table.row_totals.iter().copied());
    let columns = squares(&mut table.column_totals.iter().copied());
    // Ordered pairs: together in both, in one only, in neither.
    let (together, only_rows, only_columns) = (both - n, rows - both, columns - both);
    let apart = n * n - both - only_rows - only_columns;
    let numerator = 2.0 * (together * apart - only_rows * only_columns);
    let denominator =
        (together + only_rows) * (only_rows + apart) + (together + only_columns) * (only_columns + apart);
    Ok(numerator / denominator)
}

/// Share of the information in `classes` that `clusters` explain: 1 when each cluster holds one class only.
///
/// # Errors
/// As [`mutual_information`].
pub fn homogeneity<A: Label, B: Label>(classes: &[A], clusters: &[B]) -> Metric {
    let table = Table::new(classes, clusters, None)?;
    Ok(share(information(&table), entropy(&table.row_totals, table.total)))
}

/// The reverse of [`homogeneity`]: 1 when each class lies in one cluster.
///
/// # Errors
/// As [`mutual_information`].
pub fn completeness<A: Label, B: Label>(classes: &[A], clusters: &[B]) -> Metric {
    homogeneity(clusters, classes)
}

/// Harmonic mean of [`homogeneity`] and [`completeness`] (Rosenberg and Hirschberg 2007).
///
/// # Errors
/// As [`mutual_information`].
pub fn v_measure<A: Label, B: Label>(classes: &[A], clusters: &[B]) -> Metric {
    let (h, c) = (homogeneity(classes, clusters)?, completeness(classes, clusters)?);
    // Both zero is total disagreement, not an absent value: the harmonic mean's limit.
    Ok(if h + c == 0.0 { 0.0 } else { 2.0 * h * c / (h + c) })
}

/// By definition 1 when there is nothing to explain (Rosenberg and Hirschberg 2007).
fn share(information: f64, entropy: f64) -> f64 {
    if entropy == 0.0 { 1.0 } else { (information / entropy).clamp(0.0, 1.0) }
}

fn entropy(totals: &[f64], n: f64) -> f64 {
    totals.iter().map(|t| -(t / n) * (t / n).ln()).sum::<f64>() + 0.0
}

fn mean_entropy(table: &Table) -> f64 {
    (entropy(&table.row_totals, table.total) + entropy(&table.column_totals, table.total)) / 2.0
}

fn information(table: &Table) -> f64 {
    let n = table.total;
    let term = |&(i, j, w): &(u32, u32, f64)| {
        w / n * ((w / table.row_totals[i as usize]) * (n / table.column_totals[j as usize])).ln()
    };
    table.cells.iter().map(term).sum::<f64>().max(0.0)
}

/// Σ over pairs of cluster sizes of E[n/N ln(n N / (a b))], n hypergeometric.
fn expected(table: &Table) -> f64 {
    let rows = distinct(&table.row_totals);
    let columns = distinct(&table.column_totals);
    let of_row = |&(a, times_a): &(f64, f64)| {
        columns.iter().map(|&(b, times_b)| times_a * times_b * expected_cell(a, b, table.total)).sum::<f64>()
    };
    // Collected before summing: the order of additions must not depend on the threads.
    let parts: Vec<f64> = rows.par_iter().map(of_row).collect();
    parts.iter().sum()
}

/// Distinct sizes with how often each occurs; there are at most √(2N) of them.
fn distinct(sizes: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|c| (c[0], c.len() as f64)).collect()
}

/// Walks from the mode outwards by the ratio of neighbouring probabilities until they vanish. Normalising by their
/// sum does without factorials, whose logarithms lose digits for large N.
fn expected_cell(a: f64, b: f64, n: f64) -> f64 {
    const VANISHED: f64 = 1e-24;
    let (low, high) = ((a + b - n).max(0.0), a.min(b));
    let value = |x: f64| if x == 0.0 { 0.0 } else { x / n * ((x / a) * (n / b)).ln() };
    let mode = ((a + 1.0) * ((b + 1.0) / (n + 2.0))).floor().clamp(low, high);
    let (mut mass, mut sum) = (1.0, value(mode));
    let (mut x, mut p) = (mode, 1.0);
    while x < high && p > VANISHED {
        p *= (a - x) * (b - x) / ((x + 1.0) * (n - a - b + x + 1.0));
        x += 1.0;
        mass += p;
        sum += p * value(x);
    }
    (x, p) = (mode, 1.0);
    while x > low && p > VANISHED {
        p *= x * (n - a - b + x) / ((a - x + 1.0) * (b - x + 1.0));
        x -= 1.0;
        mass += p;
        sum += p * value(x);
    }
    sum / mass
}
