//! Principal components, exactly.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Axis};

use super::{Rows, column_moments};
use crate::{DataError, Result};

/// The leading principal components of samples × genes. The sign of each component is arbitrary.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Mean of each gene.
    pub mean: Array1<f64>,
    /// Components × genes, unit length.
    pub components: Array2<f64>,
    /// Samples × components.
    pub scores: Array2<f64>,
    /// Variance along each component, over n − 1.
    pub explained_variance: Array1<f64>,
    /// Its share of the variance of all genes; NaN where there is none.
    pub explained_variance_ratio: Array1<f64>,
    /// Singular values of the centred matrix.
    pub singular_values: Array1<f64>,
    /// Mean variance of the components left out.
    pub noise_variance: f64,
}

impl Pca {
    /// Scores divided by their standard deviation.
    pub fn whitened(&self) -> Array2<f64> {
        &self.scores / &self.explained_variance.mapv(f64::sqrt)
    }

    /// The least number of components that explain more than `share` of the variance, where enough were computed.
    pub fn components_for(&self, share: f64) -> Option<usize> {
        let mut sum = 0.0;
        let enough = |r: &f64| {
            sum += r;
            sum > share
        };
        self.explained_variance_ratio.iter().position(enough).map(|k| k + 1)
    }
}

/// What is taken off before the decomposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centering {
    /// The mean of each gene: principal components.
    Mean,
    /// Nothing: truncated singular value decomposition. Means are 0, variances about 0.
    None,
}

/// The first `n_components`, from the smaller of the two Gram matrices. Where there are fewer genes than samples the
/// rows are written out a block at a time, so that no dense copy of a sparse matrix is made. A component without
/// variance has scores of 0, and no direction (zeros) where there are more genes than samples.
///
/// # Errors
/// When there are fewer than 2 samples, or more components asked for than samples or genes.
pub fn pca(x: &impl Rows, n_components: usize, centering: Centering) -> Result<Pca> {
    let (n, p) = x.shape();
    if n < 2 || n_components == 0 || n_components > n.min(p) {
        return Err(DataError::invalid(
            "principal components",
            format!("{n_components} of {n} samples and {p} genes"),
            format!("ask for 1 to {}", n.min(p)),
        ));
    }
    let (mean, variance) = column_moments(x, 1, |v| v);
    let mut mean = Array1::from_vec(mean);
    let mut total: f64 = variance.iter().sum();
    if centering == Centering::None {
        total += mean.dot(&mean) * n as f64 / (n as f64 - 1.0);
        mean.fill(0.0);
    }
    let (values, vectors) = if p <= n { genes_side(x, &mean)? } else { samples_side(x, &mean)? };
    // Eigenvalues are exact to the rounding of the greatest: what is below it is none.
    let least = values[0] * n.max(p) as f64 * f64::EPSILON;
    let singular = |k: usize| if values[k] > least { values[k].sqrt() } else { 0.0 };
    let singular_values = Array1::from_shape_fn(n_components, singular);
    let (mut components, mut scores) = (Array2::zeros((n_components, p)), Array2::zeros((n, n_components)));
    if p <= n {
        for k in 0..n_components {
            components.row_mut(k).assign(&vectors.column(k));
        }
        for i in 0..n {
            let mut row = vec![0.0; n_components];
            x.row(i, &mut |j, v| (0..n_components).for_each(|k| row[k] += v * components[[k, j]]));
            for k in 0..n_components {
                scores[[i, k]] = row[k] - mean.dot(&components.row(k));
            }
        }
    } else {
        for k in 0..n_components {
            let s = singular_values[k];
            for i in 0..n {
                scores[[i, k]] = vectors[[i, k]] * s;
                if s > 0.0 {
                    let u = vectors[[i, k]] / s;
                    x.row(i, &mut |j, v| components[[k, j]] += u * v);
                }
            }
            let sum = vectors.column(k).sum();
            if s > 0.0 {
                components.row_mut(k).scaled_add(-sum / s, &mean);
            }
        }
    }
    let explained_variance = singular_values.mapv(|s| s * s / (n as f64 - 1.0));
    let left = n.min(p) - n_components;
    let rest = (total - explained_variance.sum()).max(0.0);
    Ok(Pca {
        explained_variance_ratio: &explained_variance / total,
        noise_variance: if left == 0 { 0.0 } else { rest / left as f64 },
        mean,
        components,
        scores,
        explained_variance,
        singular_values,
    })
}

/// Eigenvalues, greatest first, and eigenvectors in columns.
fn eigen(gram: &Array2<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
    let n = gram.nrows();
    let matrix = Mat::from_fn(n, n, |i, j| gram[[i, j]]);
    let solved = SelfAdjointEigen::new(matrix.as_ref(), Side::Lower).map_err(|e| {
        DataError::invalid("principal components", format!("no convergence ({e:?})"), "check the values")
    })?;
    let values = (0..n).rev().map(|k| solved.S().column_vector()[k]).collect();
    Ok((values, Array2::from_shape_fn((n, n), |(i, k)| solved.U()[(i, n - 1 - k)])))
}

/// Rows of a block; bounds the memory that centring takes.
const BLOCK: usize = 256;

/// The centred rows `from..from + BLOCK`, written out.
fn block(x: &impl Rows, mean: &Array1<f64>, from: usize) -> Array2<f64> {
    let (n, p) = x.shape();
    let mut out = Array2::zeros((BLOCK.min(n - from), p));
    for (k, mut row) in out.rows_mut().into_iter().enumerate() {
        row -= mean;
        x.row(from + k, &mut |j, v| row[j] += v);
    }
    out
}

fn genes_side(x: &impl Rows, mean: &Array1<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
    let (n, p) = x.shape();
    let mut gram = Array2::zeros((p, p));
    for from in (0..n).step_by(BLOCK) {
        let rows = block(x, mean, from);
        general_mat_mul(1.0, &rows.t(), &rows, 1.0, &mut gram);
    }
    eigen(&gram)
}

fn samples_side(x: &impl Rows, mean: &Array1<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
    let (n, p) = x.shape();
    let mut centred = Array2::zeros((n, p));
    for (from, mut rows) in (0..n).step_by(BLOCK).zip(centred.axis_chunks_iter_mut(Axis(0), BLOCK)) {
        rows.assign(&block(x, mean, from));
    }
    eigen(&centred.dot(&centred.t()))
}
