//! `ridge`: linear regression of the continuous response with an L2 penalty, in closed form, applied to the cells as it
//! is (`docs/methods/ridge.md`). Strong in this field: it stands beside every other method.

use crate::dual_ridge::DualRidge;
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
        let penalty = match self.0.float("penalty")? {
            0.0 => DualRidge::cross_validated(&x, &y, &shuffled(y.len(), options.seed, "ridge"), folds)?,
            given => given,
        };
        let (weight, bias) = DualRidge::new(&x, &y)?.solve(penalty * x.ncols() as f64);
        let mut model = model(&weight, bias, Output::Linear, ("ridge", &self.0), task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), penalty);
        Ok(model)
    }
}
