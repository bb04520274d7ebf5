//! Silhouette: are points closer to their own class than to the next one?

use super::Distance;
use super::pairwise::Points;
use crate::{Label, Metric, Undefined, input, label};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::ops::Range;

/// Points a block has in each direction; its distances fit a core's own cache.
const ROWS: usize = 64;
const COLUMNS: usize = 512;

/// Silhouette of every point, (b − a) / max(a, b) in [-1, 1], with a its mean distance to its own class and b
/// that to the nearest other class (Rousseeuw 1987). A point alone in its class gets 0, as does one with a = b = 0.
///
/// Say which space the points live in: values in a UMAP and in an embedding do not compare.
///
/// # Errors
/// [`Undefined`] for empty or non-finite points, unequal lengths, a single class, or as many classes as points.
pub fn silhouette_samples<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    labels: &[L],
    distance: Distance,
) -> Metric<Vec<f64>> {
    let points = Points::new("points", points, distance)?;
    let n = points.len();
    input::same_len("labels", labels.len(), n)?;
    let classes = label::index(labels.iter().map(|l| l.code()));
    let k = classes.values.len();
    if k < 2 {
        return Err(Undefined::OneClass { what: "labels" });
    }
    if k >= n {
        return Err(Undefined::TooMany { what: "classes (each point has its own)", limit: n - 1, got: k });
    }

    // Sorted by class, so that a class is one run of columns.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| classes.of[i]);
    let sorted = points.reordered(&order);
    let mut runs: Vec<Range<usize>> = Vec::with_capacity(k);
    for tied in order.chunk_by(|&a, &b| classes.of[a] == classes.of[b]) {
        let start = runs.last().map_or(0, |r| r.end);
        runs.push(start..start + tied.len());
    }

    // Rows a block keep one sum per class: many classes, fewer rows.
    let height = (4_000_000 / k).clamp(1, ROWS);
    let starts: Vec<usize> = (0..n).step_by(height).collect();
    let blocks: Vec<Vec<f64>> = starts
        .into_par_iter()
        .map_init(
            || (Array2::zeros((height, COLUMNS)), Array2::zeros((height, k))),
            |(distances, sums), start| {
                let rows = start..(start + height).min(n);
                sums.fill(0.0);
                add_sums(&sorted, rows.clone(), &runs, distances, sums);
                rows.zip(sums.rows())
                    .map(|(i, sums)| {
                        let own = runs.partition_point(|r| r.end <= i);
                        coefficient(own, &runs, sums.to_slice().unwrap_or_default())
                    })
                    .collect()
            },
        )
        .collect();

    let mut result = vec![0.0; n];
    for (&i, value) in order.iter().zip(blocks.into_iter().flatten()) {
        result[i] = value;
    }
    Ok(result)
}

/// Mean of [`silhouette_samples`].
///
/// # Errors
/// As [`silhouette_samples`].
pub fn silhouette<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    labels: &[L],
    distance: Distance,
) -> Metric {
    let samples = silhouette_samples(points, labels, distance)?;
    Ok(samples.iter().sum::<f64>() / samples.len() as f64)
}

/// Adds to `sums` (rows × classes) the distances from `rows` to every class.
fn add_sums(
    points: &Points,
    rows: Range<usize>,
    runs: &[Range<usize>],
    distances: &mut Array2<f64>,
    sums: &mut Array2<f64>,
) {
    for start in (0..points.len()).step_by(COLUMNS) {
        let columns = start..(start + COLUMNS).min(points.len());
        points.block(rows.clone(), columns.clone(), distances);
        let first = runs.partition_point(|r| r.end <= columns.start);
        for (line, mut sums) in distances.rows().into_iter().zip(sums.rows_mut()).take(rows.len()) {
            let line = line.to_slice().unwrap_or_default();
            for (class, run) in runs.iter().enumerate().skip(first) {
                if run.start >= columns.end {
                    break;
                }
                let from = run.start.max(columns.start) - columns.start;
                let to = run.end.min(columns.end) - columns.start;
                sums[class] += sum(&line[from..to]);
            }
        }
    }
}

/// Eight running sums, which the processor adds side by side.
fn sum(values: &[f64]) -> f64 {
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().sum();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += v;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

fn coefficient(own: usize, runs: &[Range<usize>], sums: &[f64]) -> f64 {
    let size = |class: usize| runs[class].len() as f64;
    if size(own) <= 1.0 {
        return 0.0;
    }
    let a = sums[own] / (size(own) - 1.0);
    let b = (0..runs.len())
        .filter(|class| *class != own)
        .map(|class| sums[class] / size(class))
        .fold(f64::INFINITY, f64::min);
    if a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
}
