//! Preprocessing steps: quality control, normalisation, highly variable genes, scaling, principal components.
//!
//! The steps compute in double precision whatever the values are stored in, and go over a matrix by its stored entries,
//! so that sparse counts stay sparse. [`Pipeline`] takes the usual ones together, in parallel and for files larger than
//! memory.

mod hvg;
mod known;
mod loess;
mod normalize;
mod ordered;
mod pca;
mod pipeline;
mod qc;
mod scale;

use ndarray::ArrayView2;

pub use hvg::{Hvg, HvgCutoffs, HvgFlavor, highly_variable_genes, highly_variable_genes_by_cutoffs};
pub(crate) use known::Known;
pub use loess::loess;
pub use normalize::{Normalization, log1p, normalize_total};
pub use pca::{Centering, Pca, pca};
pub(crate) use pipeline::OUT;
pub use pipeline::{Pipeline, PipelineFit};
pub use qc::{CellFilter, Qc, filter_cells, filter_genes, quality_control};
pub use scale::Scaler;

use crate::Values;

/// A stored number: `f32` in matrices, `f64` where somebody has more digits.
pub trait Real: Copy {
    /// Widened.
    fn wide(self) -> f64;
    /// Rounded to this type.
    fn narrow(x: f64) -> Self;
}

impl Real for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn narrow(x: f64) -> Self {
        x as f32
    }
}

impl Real for f64 {
    fn wide(self) -> f64 {
        self
    }

    fn narrow(x: f64) -> Self {
        x
    }
}

/// A matrix seen by the stored entries of its rows.
pub trait Rows {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);
    /// Calls `f` with column and value of every stored entry of row `i`; what is not stored is 0.
    fn row(&self, i: usize, f: &mut dyn FnMut(usize, f64));
}

impl Rows for Values {
    fn shape(&self) -> (usize, usize) {
        Values::shape(self)
    }

    fn row(&self, i: usize, f: &mut dyn FnMut(usize, f64)) {
        match self {
            Self::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &v)| f(j, f64::from(v))),
            Self::Sparse(m) => {
                let (columns, values) = m.row(i);
                columns.iter().zip(values).for_each(|(&j, &v)| f(j as usize, f64::from(v)));
            }
        }
    }
}

impl<T: Real> Rows for ArrayView2<'_, T> {
    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn row(&self, i: usize, f: &mut dyn FnMut(usize, f64)) {
        self.index_axis(ndarray::Axis(0), i).iter().enumerate().for_each(|(j, &v)| f(j, v.wide()));
    }
}

/// Mean and variance (with n − `ddof`) of every column of f(value), zeros included where f(0) = 0.
pub(crate) fn column_moments(x: &impl Rows, ddof: usize, f: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
    let (n, p) = x.shape();
    let mut mean = vec![0.0; p];
    for i in 0..n {
        x.row(i, &mut |j, v| mean[j] += f(v));
    }
    mean.iter_mut().for_each(|m| *m /= n as f64);
    // Two passes: the squares of differences lose no digits. What is not stored differs by the mean.
    let mut squares = vec![0.0; p];
    let mut stored = vec![0usize; p];
    for i in 0..n {
        x.row(i, &mut |j, v| {
            squares[j] += (f(v) - mean[j]).powi(2);
            stored[j] += 1;
        });
    }
    let divisor = (n as f64 - ddof as f64).max(0.0);
    let variance =
        (0..p).map(|j| (squares[j] + (n - stored[j]) as f64 * mean[j] * mean[j]) / divisor).collect();
    (mean, variance)
}
