//! `optimal_transport`: the embeddings of both domains are brought together by the cheapest way to move one onto the
//! other (Sinkhorn divergence, Cuturi 2013, Feydy et al. 2019; `docs/methods/optimal_transport.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    weight("transport_weight", "0.01", "weight of the divergence"),
    positive("epsilon", "0.05", "entropic smoothing, in mean squared distances of the two domains"),
    Hyper::new("iterations", "30", Range::Integer { low: 1, high: 10_000 }, "Sinkhorn iterations"),
];

/// Cross-entropy, and the divergence of the embeddings.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, _: &Batch) -> Result<Losses> {
    let losses = step.classification();
    let [source, target] = step.z;
    let (epsilon, iterations) = (settings.float("epsilon")?, settings.integer("iterations")?);
    let divergence = sinkhorn_divergence(source, target, epsilon, iterations);
    Ok(losses.add("transport", divergence * settings.float("transport_weight")?))
}
