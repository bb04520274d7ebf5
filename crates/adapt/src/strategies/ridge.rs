//! `ridge`: linear regression of the continuous response with an L2 penalty, in closed form, applied to the cells as it
//! is (`docs/methods/ridge.md`). Strong in this field: it stands beside every other method.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};
use sensitome_core_models::{Output, ResponseModel};
use sensitome_data::TransferTask;

use crate::hyper::{Checked, Hyper};
use crate::strategies::linear::{FOLDS, Fold, PENALTY, RESPONSE, model, require_rows, rows, split};
use crate::strategy::Fit;
use crate::trainer::FitOptions;
use crate::{AdaptError, Result};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[PENALTY, FOLDS, RESPONSE];

/// Penalties tried, as multiples of the number of genes.
const GRID: [f64; 9] = [1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 100.0];

/// See the module.
#[derive(Debug, Clone)]
pub struct Ridge {
    penalty: f64,
    folds: usize,
    response: String,
    settings: Checked,
}

impl Ridge {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self {
            penalty: settings.float("penalty")?,
            folds: settings.integer("folds")?,
            response: settings.choice("response")?.to_owned(),
            settings: settings.clone(),
        })
    }
}

impl Fit for Ridge {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (x, y) = rows(task, &self.response);
        require_rows("ridge", y.len(), self.folds)?;
        let genes = x.ncols() as f64;
        let penalty = if self.penalty > 0.0 {
            self.penalty
        } else {
            cross_validated(&x, &y, &split(y.len(), self.folds, options.seed, "ridge"))?
        };
        let (weight, bias) = Eigen::new(&x, &y)?.solve(penalty * genes);
        let mut model = model(&weight, bias, Output::Linear, ("ridge", &self.settings), task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), penalty);
        Ok(model)
    }
}

fn cross_validated(x: &Array2<f64>, y: &Array1<f64>, folds: &[Fold]) -> Result<f64> {
    let mut errors = [0.0; GRID.len()];
    for (train, test) in folds {
        let fitted = Eigen::new(&x.select(Axis(0), train), &y.select(Axis(0), train))?;
        let (x_test, y_test) = (x.select(Axis(0), test), y.select(Axis(0), test));
        for (error, penalty) in errors.iter_mut().zip(GRID) {
            let (weight, bias) = fitted.solve(penalty * x.ncols() as f64);
            *error += (x_test.dot(&weight) + bias - &y_test).mapv(|d| d * d).sum();
        }
    }
    let best = (0..GRID.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    Ok(GRID[best])
}

/// The centred Gram matrix K = XXᵀ in its eigenvectors, so that every penalty costs two small products:
/// w = Xᵀ U (Λ + λ)⁻¹ Uᵀ y.
struct Eigen {
    x: Array2<f64>,
    means: Array1<f64>,
    y_mean: f64,
    vectors: Array2<f64>,
    values: Array1<f64>,
    rotated: Array1<f64>,
}

impl Eigen {
    fn new(x: &Array2<f64>, y: &Array1<f64>) -> Result<Self> {
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

    fn solve(&self, penalty: f64) -> (Array1<f64>, f64) {
        let scaled = &self.rotated / &self.values.mapv(|v| v + penalty);
        let weight = self.x.t().dot(&self.vectors.dot(&scaled));
        let bias = self.y_mean - weight.dot(&self.means);
        (weight, bias)
    }
}
