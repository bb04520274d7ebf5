//! Gradient reversal and the Wasserstein critic with its exact gradient penalty.

use burn::tensor::{Tensor, activation};
use sensitome_core_models::{FeedForward, Layer, Pass, product, total};

use crate::{AdaptError, Result};

/// The same values, with the gradient multiplied by −weight (Ganin et al. 2016).
pub fn reverse_gradient(x: Tensor<2>, weight: f64) -> Tensor<2> {
    let constant = x.clone().detach();
    constant.clone() + (constant - x) * weight
}

/// The weight that grows from 0 to 1 with the progress of training, from 0 to 1: 2 / (1 + e^(−10 p)) − 1 (Ganin et al.
/// 2016, section 5.2.2).
pub fn reversal_schedule(progress: f64) -> f64 {
    2.0 / (1.0 + (-10.0 * progress).exp()) - 1.0
}

/// What a discriminator's logits of `n` source rows and the cells after them (rows × 1) cost: binary cross-entropy, in
/// which each domain counts one half and each row of it by `weights` (rows × 1).
pub fn domain_loss(logits: Tensor<2>, n: usize, weights: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0];
    let mean = |sign: f64, from: usize, to: usize| {
        let w = weights.clone().slice_dim(0, from..to);
        let log_p = activation::log_sigmoid(logits.clone().slice_dim(0, from..to) * sign);
        total(log_p * w.clone()) / total(w)
    };
    (mean(1.0, 0, n) + mean(-1.0, n, rows)) * -0.5
}

/// Output of a network (rows × outputs) and the gradient of its sum for the input (rows × inputs), written as ordinary
/// operations backwards over the layers, so that it can be differentiated once more.
///
/// # Errors
/// When there is a layer that couples rows (batch normalisation) or has no rule here.
pub fn input_gradient(network: &FeedForward, x: Tensor<2>, mut pass: Pass) -> Result<(Tensor<2>, Tensor<2>)> {
    enum Back {
        Product(Tensor<2>),
        Scale(Tensor<2>),
    }
    let mut steps = Vec::new();
    let mut h = x;
    for layer in network.layers() {
        match layer {
            Layer::Linear { weight, bias } => {
                h = product(h, weight.clone());
                if let Some(b) = bias {
                    h = h + b.clone().unsqueeze::<2>();
                }
                steps.push(Back::Product(weight.clone()));
            }
            Layer::Activation(f) => {
                steps.push(Back::Scale(f.derivative(h.clone())));
                h = f.forward(h);
            }
            Layer::Dropout { rate } | Layer::Mask { rate } => {
                if let Some(noise) = pass.noise().filter(|_| *rate > 0.0) {
                    let kept = if matches!(layer, Layer::Mask { .. }) { 1.0 } else { 1.0 / (1.0 - rate) };
                    let mask = noise.mask(h.dims(), *rate, kept as f32, &h.device().inner());
                    h = h * mask.clone();
                    steps.push(Back::Scale(mask));
                }
            }
            other => {
                return Err(AdaptError::invalid(
                    "critic",
                    format!("the input gradient of {:?} has no rule", other.shape()),
                    "use linear layers, activations and dropout",
                ));
            }
        }
    }
    let ones = h.clone().detach().zeros_like() + 1.0;
    let gradient = steps.into_iter().rev().fold(ones, |v, step| match step {
        Back::Product(w) => product(v, w.transpose()),
        Back::Scale(s) => v * s,
    });
    Ok((h, gradient))
}

/// The gradient penalty of WGAN-GP (Gulrajani et al. 2017, eq. 3), unweighted: mean over the rows of (‖∇D(u)‖ − 1)² at
/// u = mix·real + (1 − mix)·fake, `mix` rows × 1 in 0..1. Exact, second order included.
///
/// # Errors
/// As [`input_gradient`].
pub fn gradient_penalty(
    critic: &FeedForward,
    real: Tensor<2>,
    fake: Tensor<2>,
    mix: Tensor<2>,
    pass: Pass,
) -> Result<Tensor<1>> {
    let point = (real * mix.clone() + fake * (mix * -1.0 + 1.0)).detach();
    let (_, gradient) = input_gradient(critic, point, pass)?;
    let norm = gradient.square().sum_dim(1).clamp_min(1e-24).sqrt();
    Ok((norm - 1.0).square().mean())
}

/// The two losses of a Wasserstein critic that tells codes of the target from those of the source: the mean score of the
/// target less that of the source, and the [`gradient_penalty`] at points drawn between them (halfway in evaluation). The
/// longer batch is cut to the shorter; no gradient goes to the codes.
///
/// # Errors
/// As [`input_gradient`].
pub fn wasserstein_critic(
    critic: &mut FeedForward,
    source: Tensor<2>,
    target: Tensor<2>,
    mut pass: Pass,
) -> Result<[Tensor<1>; 2]> {
    let rows = source.dims()[0].min(target.dims()[0]);
    let [source, target] = [source, target].map(|c| c.detach().slice_dim(0, 0..rows));
    let device = source.device().inner();
    let halfway = Tensor::ones([rows, 1], &device) * 0.5;
    let mix = pass.noise().map_or(halfway, |noise| noise.uniform([rows, 1], &device));
    let score = critic.forward(target.clone(), pass.again()).mean();
    let gap = score - critic.forward(source.clone(), pass.again()).mean();
    Ok([gap, gradient_penalty(critic, source, target, mix, pass)?])
}
