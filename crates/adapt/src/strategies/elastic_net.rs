//! `elastic_net`: linear regression of the response with L1 and L2 penalties, applied to the cells as it is (Zou and Hastie
//! 2005; `docs/methods/elastic_net.md`).

use ndarray::{Array1, Array2, Axis};
use sensitome_core_models::{Output, ResponseModel};
use sensitome_data::TransferTask;

use super::linear::{FOLDS, RESPONSE, model, require_rows, rows, split};
use crate::Result;
use crate::hyper::{Checked, Hyper, Range};
use crate::strategy::Fit;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    Hyper::new(
        "l1_share",
        "0.5",
        Range::Float { low: 0.01, high: 1.0, log: false },
        "share of the L1 penalty; 1 is the lasso",
    ),
    Hyper::new(
        "penalty",
        "0",
        Range::Float { low: 0.0, high: 1.0, log: false },
        "as a share of the least that leaves no gene; 0 chooses it by cross-validation",
    ),
    FOLDS,
    RESPONSE,
];

/// Penalties tried, falling on a logarithmic scale from the least that leaves no gene to this share of it.
const LEAST: f64 = 0.02;
/// How many.
const GRID: usize = 20;
/// Passes over the genes a penalty at most.
const PASSES: usize = 1000;

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct ElasticNet(pub Checked);

/// Centred columns (genes × rows), the residual, and the weights so far: 1/(2n) ‖y − Xw‖² + λ (ρ ‖w‖₁ + ½ (1 − ρ) ‖w‖²)
/// is lowered one weight at a time (Friedman et al. 2010).
struct Descent {
    columns: Array2<f64>,
    squares: Array1<f64>,
    residual: Array1<f64>,
    weight: Array1<f64>,
    means: Array1<f64>,
    y_mean: f64,
}

impl Descent {
    fn new(x: &Array2<f64>, y: &Array1<f64>) -> Self {
        let means = x.mean_axis(Axis(0)).unwrap_or_default();
        let columns = (x - &means).t().as_standard_layout().into_owned();
        let y_mean = y.mean().unwrap_or(0.0);
        let squares = columns.map_axis(Axis(1), |c| c.dot(&c)) / y.len() as f64;
        Self { squares, residual: y - y_mean, weight: Array1::zeros(x.ncols()), columns, means, y_mean }
    }

    /// The least λ at which every weight is 0.
    fn greatest_penalty(&self, l1: f64) -> f64 {
        let n = self.residual.len() as f64;
        let inner = self.columns.rows().into_iter().map(|c| (c.dot(&self.residual) / n).abs());
        inner.fold(0.0, f64::max) / l1
    }

    /// Goes over genes once; the greatest change of the fit.
    fn pass(&mut self, genes: &[usize], penalty: f64, l1: f64) -> f64 {
        let n = self.residual.len() as f64;
        let mut greatest = 0.0f64;
        for &j in genes.iter().filter(|&&j| self.squares[j] > 0.0) {
            let (column, old) = (self.columns.row(j), self.weight[j]);
            let pull = column.dot(&self.residual) / n + self.squares[j] * old;
            let kept = (pull.abs() - penalty * l1).max(0.0).copysign(pull);
            let new = kept / (self.squares[j] + penalty * (1.0 - l1));
            if new != old {
                self.residual.scaled_add(old - new, &column);
                self.weight[j] = new;
                greatest = greatest.max((new - old).abs() * self.squares[j].sqrt());
            }
        }
        greatest
    }

    /// From the weights as they are to those of a penalty; `tolerance` is the change of the fit that ends it.
    fn solve(&mut self, penalty: f64, l1: f64, tolerance: f64) {
        let all: Vec<usize> = (0..self.weight.len()).collect();
        for _ in 0..PASSES {
            if self.pass(&all, penalty, l1) < tolerance {
                return;
            }
            let active: Vec<usize> = all.iter().copied().filter(|&j| self.weight[j] != 0.0).collect();
            for _ in 0..PASSES {
                if self.pass(&active, penalty, l1) < tolerance {
                    break;
                }
            }
        }
    }

    fn intercept(&self) -> f64 {
        self.y_mean - self.weight.dot(&self.means)
    }
}

impl Fit for ElasticNet {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (l1, folds) = (self.0.float("l1_share")?, self.0.integer("folds")?);
        let (x, y) = rows(task, self.0.choice("response")?);
        require_rows("elastic_net", y.len(), folds)?;
        let mut whole = Descent::new(&x, &y);
        let (greatest, tolerance) = (whole.greatest_penalty(l1), 1e-4 * y.std(0.0).max(1e-12));
        let shares: Vec<f64> = (0..GRID).map(|k| LEAST.powf(k as f64 / (GRID - 1) as f64)).collect();
        let mut share = self.0.float("penalty")?;
        if share == 0.0 {
            let mut errors = vec![0.0; shares.len()];
            for (train, test) in split(y.len(), folds, options.seed, "elastic_net") {
                let mut path = Descent::new(&x.select(Axis(0), &train), &y.select(Axis(0), &train));
                let (x_test, y_test) = (x.select(Axis(0), &test), y.select(Axis(0), &test));
                for (error, share) in errors.iter_mut().zip(&shares) {
                    path.solve(share * greatest, l1, tolerance);
                    *error += (x_test.dot(&path.weight) + path.intercept() - &y_test).mapv(|d| d * d).sum();
                }
            }
            let best = (0..GRID).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
            share = shares[best];
        }
        for step in shares.iter().copied().filter(|&s| s > share).chain([share]) {
            whole.solve(step * greatest, l1, tolerance); // each from the one before
        }
        let (weight, bias) = (&whole.weight, whole.intercept());
        let mut model = model(weight, bias, Output::Linear, ("elastic_net", &self.0), task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), share);
        Ok(model)
    }
}
