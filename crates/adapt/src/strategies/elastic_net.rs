//! `elastic_net`: linear regression of the response with L1 and L2 penalties, applied to the cells as it is (Zou and Hastie
//! 2005; `docs/methods/elastic_net.md`).

use ndarray::Axis;

use crate::linear::descent::Descent;
use crate::linear::regression::{FOLDS, RESPONSE, model, require_rows, rows, split};
use crate::prelude::*;
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
/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct ElasticNet(pub Checked);

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
            for [train, test] in split(y.len(), folds, options.seed, "elastic_net") {
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
