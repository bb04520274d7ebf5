//! `svm`: a linear support vector machine with the squared hinge loss, applied to the cells as it is (Cortes and Vapnik
//! 1995, solved after Chapelle 2007; `docs/methods/svm.md`).

use crate::linear::large_margin::classifier;
use crate::linear::regression::{FOLDS, PENALTY};
use crate::prelude::*;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[PENALTY, FOLDS];

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct Svm(pub Checked);

/// max(0, 1 − m)² and its derivatives.
pub(crate) fn squared_hinge(m: f64) -> [f64; 3] {
    let short = (1.0 - m).max(0.0);
    [short * short, -2.0 * short, if short > 0.0 { 2.0 } else { 0.0 }]
}

impl Fit for Svm {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        classifier("svm", squared_hinge, Output::Linear, &self.0, task, options)
    }
}
