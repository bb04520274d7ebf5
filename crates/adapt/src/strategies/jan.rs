//! `jan`: the joint distribution of embedding and prediction is brought together, by the maximum mean discrepancy under
//! the product of their kernels (joint adaptation network, Long et al. 2017; `docs/methods/jan.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] =
    classifier_hypers![weight("jan_weight", "0.5", "weight of the discrepancy once it has grown")];

/// The one kernel of the predictions, exp(−‖p − q‖² / 1.68), as the published code has it.
const PREDICTIONS: MultiKernel = MultiKernel { number: 1, factor: 1.0, bandwidth: Bandwidth::Fixed(1.68) };

/// Cross-entropy, and the discrepancy of embedding and prediction, which grows in training.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, batch: &Batch) -> Result<Losses> {
    let losses = step.classification();
    let [z_source, z_target] = step.z;
    let [p_source, p_target] = step.logits.map(|logits| activation::softmax(logits, 1));
    let (z, p) = ((z_source, z_target, MultiKernel::default()), (p_source, p_target, PREDICTIONS));
    let growth = reversal_schedule(batch.progress);
    Ok(losses.add("joint_mmd", joint_mmd(z, [p]) * (growth * settings.float("jan_weight")?)))
}
