//! `logistic`: logistic regression of the labels with an L2 penalty, applied to the cells as it is
//! (`docs/methods/logistic.md`).

use crate::linear::large_margin::classifier;
use crate::linear::regression::{FOLDS, PENALTY};
use crate::prelude::*;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[PENALTY, FOLDS];

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct Logistic(pub Checked);

/// log(1 + e^(−m)) and its derivatives, without overflow.
pub(crate) fn logistic(m: f64) -> [f64; 3] {
    let p = 1.0 / (1.0 + m.exp());
    [(-m.abs()).exp().ln_1p() + (-m).max(0.0), -p, p * (1.0 - p)]
}

impl Fit for Logistic {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        classifier("logistic", logistic, Output::Sigmoid, &self.0, task, options)
    }
}
