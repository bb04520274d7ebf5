//! Entropy of predictions.

use burn::tensor::{Tensor, activation};
use sensitome_core_models::total;

/// Mean over the rows of −Σ p log p with p the softmax of `logits`, rows × classes: 0 for certain predictions, the log
/// of the number of classes for uniform ones (Grandvalet and Bengio 2005).
pub fn entropy(logits: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0] as f64;
    let log_p = activation::log_softmax(logits, 1);
    total(log_p.clone().exp() * log_p) * (-1.0 / rows)
}

/// The form of much published code (MME, SSDA4Drug): −Σ p log(p + offset), which may fall slightly below 0.
pub fn entropy_with_offset(logits: Tensor<2>, offset: f64) -> Tensor<1> {
    let rows = logits.dims()[0] as f64;
    let p = activation::softmax(logits, 1);
    total(p.clone() * (p + offset).log()) * (-1.0 / rows)
}
