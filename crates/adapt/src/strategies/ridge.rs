//! `ridge`: linear regression of the continuous response with an L2 penalty, in closed form, applied to the cells as it
//! is (`docs/methods/ridge.md`). Strong in this field: it stands beside every other method.

use ndarray::Axis;

use crate::linear::dual::{regressions, weights};
use crate::linear::regression::{FOLDS, PENALTY, RESPONSE, model, require_rows, rows, shuffled};
use crate::prelude::*;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[PENALTY, FOLDS, RESPONSE];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Ridge(pub Checked);

impl Fit for Ridge {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let ((x, y), folds) = (rows(task, self.0.choice("response")?), self.0.integer("folds")?);
        require_rows("ridge", y.len(), folds)?;
        // Centred first: products of large values would round small differences away.
        let (means, level) = (x.mean_axis(Axis(0)).unwrap_or_default(), y.sum() / y.len() as f64);
        let (x, genes) = (x - &means, task.n_genes() as f64);
        let (weight, penalty) = match self.0.float("penalty")? {
            0.0 => {
                let order = shuffled(y.len(), options.seed, "ridge");
                let found = regressions(x.view(), &y.insert_axis(Axis(1)), &order, folds, genes)?.remove(0);
                (found.weight, found.penalty)
            }
            given => (weights(x.view(), y.view(), given * genes)?, given),
        };
        let bias = level - weight.dot(&means);
        let mut model = model(&weight, bias, Output::Linear, ("ridge", &self.0), task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), penalty);
        Ok(model)
    }
}
