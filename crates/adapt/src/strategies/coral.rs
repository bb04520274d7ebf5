//! `coral`: the covariances of both domains' embeddings are made equal (Deep CORAL, Sun and Saenko 2016;
//! `docs/methods/coral.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] =
    classifier_hypers![weight("coral_weight", "100", "weight of the distance of the covariances")];

/// Cross-entropy, and the distance of the covariances.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, _: &Batch) -> Result<Losses> {
    let losses = step.classification();
    if step.z.iter().any(|z| z.dims()[0] < 2) {
        return Ok(losses); // one row has no covariance
    }
    let [source, target] = step.z;
    Ok(losses.add("coral", coral(source, target) * settings.float("coral_weight")?))
}
