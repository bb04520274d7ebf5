//! Silhouette: are points closer to their own class than to the next one?

use super::Distance;
use super::pairwise::Points;
use crate::{Label, Metric, Undefined, input, label};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::ops::Range;

/// Points a tile has in each direction; its distances fit a core's own cache.
const TILE: usize = 256;
/// Most sums of distances to keep at once: 64 MB.
const STORE: usize = 8_000_000;
/// Parts the work of [`by_pairs`] is cut into, whatever the number of threads, so that sums round alike everywhere.
const MOST_STRIPES: usize = 16;

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

    let values = match STORE / (k * n) {
        0 | 1 => by_rows(&sorted, &runs),
        stripes => by_pairs(&sorted, &runs, stripes.min(MOST_STRIPES)),
    };
    let mut result = vec![0.0; n];
    for (&i, value) in order.iter().zip(values) {
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

/// Every distance once, serving both its points; one table of classes × points a stripe.
fn by_pairs(points: &Points, runs: &[Range<usize>], stripes: usize) -> Vec<f64> {
    let (n, k) = (points.len(), runs.len());
    let tiles = n.div_ceil(TILE);
    let range = |tile: usize| tile * TILE..((tile + 1) * TILE).min(n);
    let class_of = |i: usize| runs.partition_point(|r| r.end <= i);
    let of_stripe = |stripe: usize| {
        let mut sums = vec![0.0; k * n];
        let mut tile = Array2::zeros((TILE, TILE));
        for upper in (stripe..tiles).step_by(stripes) {
            for lower in upper..tiles {
                let (rows, columns) = (range(upper), range(lower));
                points.block(rows.clone(), columns.clone(), &mut tile);
                for (i, line) in rows.zip(tile.rows()) {
                    let line = &line.to_slice().unwrap_or_default()[..columns.len()];
                    each_class(line, columns.clone(), runs, |class, sum| sums[class * n + i] += sum);
                    // The tile on the diagonal holds both directions already.
                    if lower > upper {
                        let own = class_of(i) * n;
                        let theirs = &mut sums[own + columns.start..own + columns.end];
                        theirs.iter_mut().zip(line).for_each(|(sum, d)| *sum += d);
                    }
                }
            }
        }
        sums
    };
    let parts: Vec<Vec<f64>> = (0..stripes).into_par_iter().map(of_stripe).collect();
    let mut parts = parts.into_iter();
    let mut sums = parts.next().unwrap_or_default();
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(a, b)| *a += b);
    }
    let of_point = |i: usize| coefficient(class_of(i), runs, |class| sums[class * n + i]);
    (0..n).into_par_iter().map(of_point).collect()
}

/// Every distance twice, for so many classes that their sums would not fit.
fn by_rows(points: &Points, runs: &[Range<usize>]) -> Vec<f64> {
    let (n, k) = (points.len(), runs.len());
    let height = (STORE / 2 / k).clamp(1, TILE);
    let starts: Vec<usize> = (0..n).step_by(height).collect();
    let of_rows = |(tile, sums): &mut (Array2<f64>, Array2<f64>), start: usize| {
        let rows = start..(start + height).min(n);
        sums.fill(0.0);
        for from in (0..n).step_by(TILE) {
            let columns = from..(from + TILE).min(n);
            points.block(rows.clone(), columns.clone(), tile);
            for (line, mut sums) in tile.rows().into_iter().zip(sums.rows_mut()).take(rows.len()) {
                let line = &line.to_slice().unwrap_or_default()[..columns.len()];
                each_class(line, columns.clone(), runs, |class, sum| sums[class] += sum);
            }
        }
        let value = |(i, sums): (usize, ndarray::ArrayView1<'_, f64>)| {
            coefficient(runs.partition_point(|r| r.end <= i), runs, |class| sums[class])
        };
        rows.zip(sums.rows()).map(value).collect::<Vec<f64>>()
    };
    let buffers = || (Array2::zeros((height, TILE)), Array2::zeros((height, k)));
    let blocks: Vec<Vec<f64>> = starts.into_par_iter().map_init(buffers, of_rows).collect();
    blocks.into_iter().flatten().collect()
}

/// Sums of one line of distances (to the points `columns`) over the classes that lie there.
fn each_class(line: &[f64], columns: Range<usize>, runs: &[Range<usize>], mut add: impl FnMut(usize, f64)) {
    let first = runs.partition_point(|r| r.end <= columns.start);
    for (class, run) in runs.iter().enumerate().skip(first) {
        if run.start >= columns.end {
            break;
        }
        let from = run.start.max(columns.start) - columns.start;
        let to = run.end.min(columns.end) - columns.start;
        add(class, sum(&line[from..to]));
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

fn coefficient(own: usize, runs: &[Range<usize>], sum_to: impl Fn(usize) -> f64) -> f64 {
    let size = |class: usize| runs[class].len() as f64;
    if size(own) <= 1.0 {
        return 0.0;
    }
    let a = sum_to(own) / (size(own) - 1.0);
    let others = (0..runs.len()).filter(|class| *class != own);
    let b = others.map(|class| sum_to(class) / size(class)).fold(f64::INFINITY, f64::min);
    if a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
}
