//! `ridge`: linear regression of the continuous response with an L2 penalty, in closed form, applied to the cells as it
//! is (`docs/methods/ridge.md`). Strong in this field: it stands beside every other method.

use burn::tensor::{Tensor, TensorData};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;
use sensitome_core_models::{FeedForward, Layer, Output, ResponseModel, rng_for};
use sensitome_data::TransferTask;

use crate::hyper::{Checked, Hyper, Range};
use crate::strategy::{Assembled, Fit};
use crate::trainer::FitOptions;
use crate::{AdaptError, Result, finish};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    Hyper::new(
        "penalty",
        "0",
        Range::Float { low: 0.0, high: 1e9, log: false },
        "L2 penalty times the number of genes; 0 chooses it by cross-validation",
    ),
    Hyper::new("folds", "5", Range::Integer { low: 2, high: 20 }, "folds of the cross-validation"),
    Hyper::new(
        "response",
        "rank",
        Range::Choice(&["rank", "value", "label"]),
        "what is regressed: the response's rank, the response itself, or the binary label",
    ),
];

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

    /// Rows with a response and what to regress, the higher the more sensitive.
    fn rows(&self, task: &TransferTask) -> (Array2<f64>, Array1<f64>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for s in &task.sources {
            let known: Vec<(usize, f64)> = match self.response.as_str() {
                "label" => {
                    s.labels.iter().enumerate().filter_map(|(i, l)| Some((i, -f64::from((*l)?)))).collect()
                }
                _ => s.response.iter().enumerate().filter_map(|(i, r)| Some((i, (*r)?))).collect(),
            };
            let values: Vec<f64> = known.iter().map(|k| k.1).collect();
            let values = if self.response == "rank" { percentiles(&values) } else { values };
            for ((i, _), v) in known.iter().zip(values) {
                x.extend(s.expression.row(*i).iter().map(|&v| f64::from(v)));
                y.push(-v);
            }
        }
        (Array2::from_shape_vec((y.len(), task.n_genes()), x).unwrap_or_default(), Array1::from_vec(y))
    }
}

impl Fit for Ridge {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (x, y) = self.rows(task);
        if y.len() < 2 * self.folds {
            return Err(AdaptError::invalid(
                "ridge",
                format!("{} samples with a response", y.len()),
                format!("at least {} are needed for {} folds", 2 * self.folds, self.folds),
            ));
        }
        let genes = x.ncols() as f64;
        let penalty = if self.penalty > 0.0 {
            self.penalty
        } else {
            let mut order: Vec<usize> = (0..y.len()).collect();
            order.shuffle(&mut rng_for(options.seed, "ridge folds"));
            cross_validated(&x, &y, &order, self.folds)?
        };
        let (weight, bias) = Eigen::new(&x, &y)?.solve(penalty * genes);
        let device = options.device.clone().inner();
        let values: Vec<f32> = weight.iter().map(|&w| w as f32).collect();
        let layer = Layer::Linear {
            weight: Tensor::from_data(TensorData::new(values, [x.ncols(), 1]), &device),
            bias: Some(Tensor::from_data(TensorData::new(vec![bias as f32], [1]), &device)),
        };
        let parts = Assembled::new(FeedForward::default(), FeedForward::new(vec![layer])?, Output::Linear);
        let mut model = finish::model(parts, "ridge", &self.settings, task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), penalty);
        Ok(model)
    }
}

/// Share of the values below each, ties at the middle: 0..1.
fn percentiles(values: &[f64]) -> Vec<f64> {
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

fn cross_validated(x: &Array2<f64>, y: &Array1<f64>, order: &[usize], folds: usize) -> Result<f64> {
    let mut errors = [0.0; GRID.len()];
    for fold in 0..folds {
        let part = |inside: bool| -> Vec<usize> {
            let chosen = order.iter().enumerate().filter(|(k, _)| (k % folds == fold) == inside);
            chosen.map(|(_, &i)| i).collect()
        };
        let (test, train) = (part(true), part(false));
        let fitted = Eigen::new(&x.select(Axis(0), &train), &y.select(Axis(0), &train))?;
        let (x_test, y_test) = (x.select(Axis(0), &test), y.select(Axis(0), &test));
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
