//! Ridge regression with more columns than rows.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};

use crate::{AdaptError, Result};

/// Penalties tried, as multiples of the number of genes.
const GRID: [f64; 9] = [1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 100.0];

/// Share of the values below each, ties at the middle: 0..1.
pub fn percentiles(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        let middle = (start as f64 + (same as f64 - 1.0) / 2.0) / (values.len() as f64 - 1.0).max(1.0);
        order[start..start + same].iter().for_each(|&i| out[i] = middle);
        start += same;
    }
    out
}

/// The centred Gram matrix K = XXᵀ in its eigenvectors, so that every penalty costs two small products:
/// w = Xᵀ U (Λ + λ)⁻¹ Uᵀ y.
#[derive(Debug, Clone)]
pub struct DualRidge {
    x: Array2<f64>,
    means: Array1<f64>,
    y_mean: f64,
    vectors: Array2<f64>,
    values: Array1<f64>,
    rotated: Array1<f64>,
}

impl DualRidge {
    /// Of rows × columns and one value a row.
    ///
    /// # Errors
    /// When the eigenvalues do not converge.
    pub fn new(x: &Array2<f64>, y: &Array1<f64>) -> Result<Self> {
        let n = y.len();
        let means = x.mean_axis(Axis(0)).unwrap_or_default();
        let y_mean = y.sum() / n as f64;
        let x = x - &means;
        let gram = x.dot(&x.t());
        let matrix = Mat::from_fn(n, n, |i, j| gram[[i, j]]);
        let eigen = SelfAdjointEigen::new(matrix.as_ref(), Side::Lower).map_err(|e| {
            AdaptError::invalid(
                "ridge",
                format!("the eigenvalues did not converge ({e:?})"),
                "check the values",
            )
        })?;
        let vectors = Array2::from_shape_fn((n, n), |(i, j)| eigen.U()[(i, j)]);
        let values = Array1::from_shape_fn(n, |i| eigen.S().column_vector()[i].max(0.0));
        let rotated = vectors.t().dot(&(y - y_mean));
        Ok(Self { x, means, y_mean, vectors, values, rotated })
    }

    /// Weights and intercept for a penalty.
    pub fn solve(&self, penalty: f64) -> (Array1<f64>, f64) {
        let scaled = &self.rotated / &self.values.mapv(|v| v + penalty);
        let weight = self.x.t().dot(&self.vectors.dot(&scaled));
        let bias = self.y_mean - weight.dot(&self.means);
        (weight, bias)
    }

    /// The penalty, as a multiple of the number of columns, of the least squared error in cross-validation; `order` deals
    /// the rows to the folds.
    ///
    /// # Errors
    /// When the eigenvalues do not converge.
    pub fn cross_validated(x: &Array2<f64>, y: &Array1<f64>, order: &[usize], folds: usize) -> Result<f64> {
        let mut errors = [0.0; GRID.len()];
        for fold in 0..folds {
            let part = |inside: bool| -> Vec<usize> {
                let chosen = order.iter().enumerate().filter(|(k, _)| (k % folds == fold) == inside);
                chosen.map(|(_, &i)| i).collect()
            };
            let (test, train) = (part(true), part(false));
            let fitted = Self::new(&x.select(Axis(0), &train), &y.select(Axis(0), &train))?;
            let (x_test, y_test) = (x.select(Axis(0), &test), y.select(Axis(0), &test));
            for (error, penalty) in errors.iter_mut().zip(GRID) {
                let (weight, bias) = fitted.solve(penalty * x.ncols() as f64);
                *error += (x_test.dot(&weight) + bias - &y_test).mapv(|d| d * d).sum();
            }
        }
        let best = (0..GRID.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
        Ok(GRID[best])
    }
}
