//! Blocks of exact pairwise distances.

use crate::{Metric, Undefined, input};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// How far apart two points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// Straight-line distance.
    Euclidean,
    /// 1 − cosine of the angle; undefined for a point at the origin.
    Cosine,
}

/// Points prepared for fast distances: centred (Euclidean) or of length one (cosine).
pub(crate) struct Points {
    x: Array2<f64>,
    squares: Vec<f64>,
    distance: Distance,
}

impl Points {
    pub(crate) fn new<T: Copy + Into<f64>>(
        what: &'static str,
        x: ArrayView2<'_, T>,
        distance: Distance,
    ) -> Metric<Self> {
        let mut x = input::matrix(what, x)?;
        match distance {
            // Distances do not change, but the cancellation in |a|² + |b|² − 2ab shrinks.
            Distance::Euclidean => {
                if let Some(mean) = x.mean_axis(Axis(0)) {
                    x -= &mean;
                }
            }
            Distance::Cosine => {
                for mut row in x.rows_mut() {
                    // Scaled first, so that squares neither overflow nor vanish.
                    let largest = row.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                    if largest == 0.0 {
                        return Err(Undefined::Singular {
                            what: "a cosine distance",
                            reason: "a row is all zeros and has no direction; remove it or use Distance::Euclidean",
                        });
                    }
                    row.mapv_inplace(|v| v / largest);
                    let norm = row.dot(&row).sqrt();
                    row.mapv_inplace(|v| v / norm);
                }
            }
        }
        let squares: Vec<f64> = x.rows().into_iter().map(|r| r.dot(&r)).collect();
        input::representable("a squared distance", 4.0 * squares.iter().sum::<f64>())?;
        Ok(Self { x, squares, distance })
    }

    pub(crate) fn len(&self) -> usize {
        self.squares.len()
    }

    /// The same points in another order.
    pub(crate) fn reordered(&self, order: &[usize]) -> Self {
        Self {
            x: self.x.select(Axis(0), order),
            squares: order.iter().map(|&i| self.squares[i]).collect(),
            distance: self.distance,
        }
    }

    /// Distances from `rows` to `columns` into the top-left corner of `out`.
    pub(crate) fn block(&self, rows: Range<usize>, columns: Range<usize>, out: &mut Array2<f64>) {
        let mut out = out.slice_mut(s![..rows.len(), ..columns.len()]);
        let a = self.x.slice(s![rows.clone(), ..]);
        let b = self.x.slice(s![columns.clone(), ..]);
        general_mat_mul(1.0, &a, &b.t(), 0.0, &mut out);
        for (i, mut row) in rows.zip(out.rows_mut()) {
            let Some(row) = row.as_slice_mut() else { continue };
            match self.distance {
                Distance::Cosine => {
                    for (j, d) in columns.clone().zip(row.iter_mut()) {
                        *d = if i == j { 0.0 } else { (1.0 - *d).max(0.0) };
                    }
                }
                Distance::Euclidean => self.euclidean(i, columns.clone(), row),
            }
        }
    }

    /// Inner products of point `i` with `columns` become distances.
    fn euclidean(&self, i: usize, columns: Range<usize>, row: &mut [f64]) {
        // Below this share of the lengths the expanded square has lost too many digits.
        const CANCELLED: f64 = 1e-6;
        let own = self.squares[i];
        let theirs = &self.squares[columns.clone()];
        let mut any_cancelled = false;
        for (d, &other) in row.iter_mut().zip(theirs) {
            let sum = own + other;
            *d = sum - 2.0 * *d;
            any_cancelled |= *d <= CANCELLED * sum;
        }
        if any_cancelled {
            for ((j, d), &other) in columns.zip(row.iter_mut()).zip(theirs) {
                if *d <= CANCELLED * (own + other) {
                    *d = self.direct(i, j);
                }
            }
        }
        for d in row.iter_mut() {
            *d = d.sqrt();
        }
    }

    fn direct(&self, i: usize, j: usize) -> f64 {
        self.x.row(i).iter().zip(self.x.row(j)).map(|(a, b)| (a - b) * (a - b)).sum()
    }

    /// Calls `f` with every row index and its distances to all points, in parallel; results in row order.
    pub(crate) fn map_rows<R: Send>(&self, f: impl Fn(usize, &[f64]) -> R + Sync) -> Vec<R> {
        let n = self.len();
        // About 16 MB a thread.
        let height = (2_000_000 / n).clamp(1, 64);
        let starts: Vec<usize> = (0..n).step_by(height).collect();
        let blocks: Vec<Vec<R>> = starts
            .into_par_iter()
            .map_init(
                || Array2::zeros((height, n)),
                |out, start| {
                    let rows = start..(start + height).min(n);
                    self.block(rows.clone(), 0..n, out);
                    let call = |(i, row): (usize, ndarray::ArrayView1<'_, f64>)| {
                        f(i, row.to_slice().unwrap_or_default())
                    };
                    rows.zip(out.rows()).map(call).collect()
                },
            )
            .collect();
        blocks.into_iter().flatten().collect()
    }
}
