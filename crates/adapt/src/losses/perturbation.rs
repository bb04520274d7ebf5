//! Perturbed inputs: one gradient step, and virtual adversarial training by power iteration.

use burn::tensor::{Tensor, activation};
use sensitome_core_models::total;

use crate::{AdaptError, Result};

/// Rows divided by their Euclidean norm + `epsilon`.
fn direction(x: Tensor<2>, epsilon: f64) -> Tensor<2> {
    let norm = x.clone().square().sum_dim(1).sqrt() + epsilon;
    x / norm
}

fn gradient_for(x: Tensor<2>, loss: impl FnOnce(Tensor<2>) -> Result<Tensor<1>>) -> Result<Tensor<2>> {
    let leaf = x.inner().autodiff().require_grad();
    let gradients = loss(leaf.clone())?.backward();
    leaf.grad(&gradients).ok_or_else(|| {
        AdaptError::invalid(
            "perturbation",
            "the loss does not depend on the input",
            "perturb what the loss sees",
        )
    })
}

/// The step of length `size` a row that raises `loss` fastest: size·g / (‖g‖ + 1e-12) with g the gradient at `x` (the
/// fast gradient method; Miyato et al. 2017, eq. 4). Plain numbers, no gradient.
///
/// # Errors
/// When the loss does not depend on its argument.
pub fn gradient_step(
    x: Tensor<2>,
    size: f64,
    loss: impl FnOnce(Tensor<2>) -> Result<Tensor<1>>,
) -> Result<Tensor<2>> {
    Ok(direction(gradient_for(x, loss)?, 1e-12) * size)
}

/// Kullback-Leibler divergence from fixed probabilities `p` to the softmax of `logits`, both rows × classes, mean over
/// the rows.
pub fn kl_from(p: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    let rows = p.dims()[0] as f64;
    let log_p = p.clone().clamp_min(1e-37).log();
    total(p * (log_p - activation::log_softmax(logits, 1))) / rows
}

/// What [`virtual_direction`] finds.
#[derive(Debug, Clone)]
pub struct VirtualPerturbation {
    /// The predictions at the clean input, rows × classes, without gradient.
    pub p: Tensor<2>,
    /// Unit directions, rows × inputs, in which the predictions change most.
    pub direction: Tensor<2>,
}

/// Virtual adversarial direction (Miyato et al. 2018, algorithm 1): power iterations from `start` with steps of `xi`.
/// `logits` must treat rows alike each time it is called (no fresh noise, no batch statistics). The loss is then
/// [`kl_from`] `p` to the logits at x + ε·direction.
///
/// # Errors
/// When the logits do not depend on the input.
pub fn virtual_direction(
    x: Tensor<2>,
    start: Tensor<2>,
    xi: f64,
    iterations: usize,
    mut logits: impl FnMut(Tensor<2>) -> Tensor<2>,
) -> Result<VirtualPerturbation> {
    let x = x.inner();
    let p = activation::softmax(logits(x.clone()), 1).detach().inner();
    let mut d = direction(start.inner(), 1e-8);
    for _ in 0..iterations {
        let gradient = gradient_for(d, |d| Ok(kl_from(p.clone(), logits(x.clone() + d * xi))))?;
        d = direction(gradient, 1e-8);
    }
    Ok(VirtualPerturbation { p, direction: d })
}
