//! `mmd`: the embeddings of both domains are brought together by their maximum mean discrepancy under several Gaussian
//! kernels (deep adaptation network, Long et al. 2015; `docs/methods/mmd.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![weight("mmd_weight", "0.5", "weight of the discrepancy")];

/// Cross-entropy, and the discrepancy of the embeddings.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, _: &Batch) -> Result<Losses> {
    let losses = step.classification();
    let [source, target] = step.z;
    let (discrepancy, _) = multi_kernel_mmd(source, target, MultiKernel::default());
    Ok(losses.add("mmd", discrepancy * settings.float("mmd_weight")?))
}
