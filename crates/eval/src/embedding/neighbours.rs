//! Exact nearest neighbours, and whether an embedding keeps them.

use super::Distance;
use super::pairwise::Points;
use crate::ranks::midranks;
use crate::{Metric, Undefined, input};
use ndarray::ArrayView2;

/// The k nearest other points of every point, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Points × k row numbers.
    pub indices: Vec<Vec<usize>>,
    /// Points × k distances.
    pub distances: Vec<Vec<f64>>,
}

/// Exact search over all pairs, O(n² d); equal distances are ordered by row number.
///
/// # Errors
/// [`Undefined`] for empty or non-finite points, and for k outside 1..n.
pub fn nearest_neighbours<T: Copy + Into<f64>>(
    points: ArrayView2<'_, T>,
    k: usize,
    distance: Distance,
) -> Metric<Neighbours> {
    let points = Points::new("points", points, distance)?;
    check_k(k, points.len())?;
    let rows = points.map_rows(|i, distances| nearest(i, distances, k));
    let mut found = Neighbours { indices: Vec::new(), distances: Vec::new() };
    for row in rows {
        found.distances.push(row.iter().map(|r| r.0).collect());
        found.indices.push(row.iter().map(|r| r.1).collect());
    }
    Ok(found)
}

fn check_k(k: usize, n: usize) -> Metric<()> {
    if k >= 1 && k < n {
        return Ok(());
    }
    Err(Undefined::setting("k", format!("is {k} with {n} points; pass at least 1 and fewer than the points")))
}

fn nearest(own: usize, distances: &[f64], k: usize) -> Vec<(f64, usize)> {
    let closer = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    let mut all: Vec<(f64, usize)> =
        distances.iter().enumerate().filter(|(j, _)| *j != own).map(|(j, d)| (*d, j)).collect();
    if k < all.len() {
        all.select_nth_unstable_by(k, closer);
        all.truncate(k);
    }
    all.sort_unstable_by(closer);
    all
}

/// Share of embedded neighbourhoods that exist in the original space, penalised by how far the intruders were
/// (Venna and Kaski 2001), in [0, 1]; Euclidean. Points equally far in the original space share their mean rank, so the
/// order of the rows does not matter there (scikit-learn leaves it to the sort).
///
/// # Errors
/// [`Undefined`] for empty or non-finite points, unequal numbers of points, and `k` outside 1..n/2.
pub fn trustworthiness<T: Copy + Into<f64>, U: Copy + Into<f64>>(
    original: ArrayView2<'_, T>,
    embedded: ArrayView2<'_, U>,
    k: usize,
) -> Metric {
    let original = Points::new("original points", original, Distance::Euclidean)?;
    let n = original.len();
    input::same_len("embedded points", embedded.nrows(), n)?;
    if k == 0 || 2 * k >= n {
        return Err(Undefined::setting(
            "k",
            format!("is {k} with {n} points; pass at least 1 and less than half of them"),
        ));
    }
    let found = nearest_neighbours(embedded, k, Distance::Euclidean)?;
    let penalties = original.map_rows(|i, distances| {
        let mut to_others = distances.to_vec();
        // Oneself is no neighbour: last, whatever the distance of duplicates.
        to_others[i] = f64::INFINITY;
        let ranks = midranks(&to_others).0;
        found.indices[i].iter().map(|&j| (ranks[j] - k as f64).max(0.0)).sum::<f64>()
    });
    let total: f64 = penalties.iter().sum();
    let (n, k) = (n as f64, k as f64);
    Ok(1.0 - total * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}
