//! `pseudo_label`: cells that are predicted with confidence are learned from as if the prediction were their label (Lee
//! 2013; `docs/methods/pseudo_label.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    weight("pseudo_weight", "0.5", "weight of the cells' cross-entropy once it has grown"),
    Hyper::new(
        "confidence",
        "0.8",
        Range::Float { low: 0.5, high: 1.0, log: false },
        "least probability of a class for a cell to count",
    ),
];

/// When the weight begins to grow and when it has grown, as shares of training (Lee 2013: epochs 100 and 600).
const GROWTH: [f64; 2] = [0.2, 0.7];

/// Cross-entropy, and that of the cells under their pseudo-labels, which grows in training.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, batch: &Batch) -> Result<Losses> {
    let losses = step.classification();
    let [from, to] = GROWTH;
    let growth = ((batch.progress - from) / (to - from)).clamp(0.0, 1.0);
    let [_, logits] = step.logits;
    // Classes that pass, rows × 2: at most one a row, so the product is the label and its weight at once.
    let p = activation::softmax(logits.clone(), 1).detach().inner();
    let labels = (p - settings.float("confidence")?).sign().clamp_min(0.0);
    let pseudo = cross_entropy(logits, labels);
    Ok(losses.add("pseudo_label", pseudo * (growth * settings.float("pseudo_weight")?)))
}
