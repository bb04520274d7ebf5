//! `constant`: the share of sensitive bulk samples, for every cell. What any score must beat
//! (`docs/methods/constant.md`).

use ndarray::Array1;

use crate::linear::regression::{model, rows};
use crate::prelude::*;
use crate::trainer::FitOptions;

/// It has no hyper-parameter.
pub const HYPERS: &[Hyper] = &[];

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct Constant(pub Checked);

impl Fit for Constant {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (_, labels) = rows(task, "label");
        let (sensitive, all) = (labels.sum(), labels.len() as f64);
        // Both classes are there; one half keeps the logit finite all the same.
        let logit = ((sensitive + 0.5) / (all - sensitive + 0.5)).ln();
        model(&Array1::zeros(task.n_genes()), logit, Output::Sigmoid, ("constant", &self.0), task, options)
    }
}
