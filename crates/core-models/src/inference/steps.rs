//! [`Step`]: the layers of a network in evaluation mode as plain arrays, with whatever is affine folded together.

use burn::tensor::Tensor;
use ndarray::{Array1, Array2, Axis};

use crate::layer::{Activation, EPSILON, Layer, MIN_NORM};
use crate::{FeedForward, ModelError, Result};

/// One step of a network in evaluation mode.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// y = x·W + b: a linear layer with the batch normalisation around it, or several of them.
    Affine {
        /// Weights, inputs × outputs.
        weight: Array2<f64>,
        /// Added to every row.
        bias: Array1<f64>,
    },
    /// y = x∘s + t: batch normalisation that no linear layer stands beside.
    Scale {
        /// Factor of each feature.
        scale: Array1<f64>,
        /// Added to each feature.
        shift: Array1<f64>,
    },
    /// An elementwise function.
    Activation(Activation),
    /// y = x / max(‖x‖, 1e-12), row by row: the first half of a cosine head (the other half is affine).
    Normalize,
}

impl FeedForward {
    /// The network in evaluation mode: noise is the identity, batch normalisation an affine map by its running
    /// statistics.
    ///
    /// Folding follows from (x·W + b)∘s + t = x·(W∘s) + (b∘s + t). It is done in doubles and changes the numbers by
    /// rounding only. Two linear layers in a row become one where that makes fewer weights.
    ///
    /// # Errors
    /// When the backend cannot give a weight back.
    pub(super) fn steps(&self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for layer in self.layers() {
            match layer {
                Layer::Linear { weight, bias } => {
                    let weight = matrix(weight)?;
                    let bias = match bias {
                        Some(bias) => vector(bias)?,
                        None => Array1::zeros(weight.ncols()),
                    };
                    push(&mut steps, Step::Affine { weight, bias });
                }
                Layer::BatchNorm { gamma, beta, mean, variance } => {
                    let scale = vector(gamma)? / vector(variance)?.mapv(|v| (v + EPSILON).sqrt());
                    let shift = vector(beta)? - vector(mean)? * &scale;
                    push(&mut steps, Step::Scale { scale, shift });
                }
                Layer::Activation(function) => steps.push(Step::Activation(*function)),
                Layer::Dropout { .. } | Layer::Mask { .. } => {}
                Layer::Normalize => steps.push(Step::Normalize),
                Layer::Cosine { weight, temperature, normalize_weight } => {
                    let mut weight = matrix(weight)?;
                    if *normalize_weight {
                        for mut class in weight.axis_iter_mut(Axis(1)) {
                            let norm = class.dot(&class).sqrt().max(MIN_NORM);
                            class /= norm;
                        }
                    }
                    weight /= *temperature;
                    let bias = Array1::zeros(weight.ncols());
                    steps.extend([Step::Normalize, Step::Affine { weight, bias }]);
                }
            }
        }
        Ok(steps)
    }
}

/// Appends a step, as one with the last where that is possible and pays.
fn push(steps: &mut Vec<Step>, step: Step) {
    let joined = steps.last().and_then(|last| join(last, &step));
    match (joined, steps.last_mut()) {
        (Some(joined), Some(last)) => *last = joined,
        _ => steps.push(step),
    }
}

/// `a` then `b` as one step, where that is one and pays.
pub(super) fn join(a: &Step, b: &Step) -> Option<Step> {
    match (a, b) {
        (Step::Affine { weight, bias }, Step::Scale { scale, shift }) => {
            Some(Step::Affine { weight: weight * scale, bias: bias * scale + shift })
        }
        (Step::Scale { scale, shift }, Step::Affine { weight, bias }) => {
            let rows = scale.view().insert_axis(Axis(1));
            Some(Step::Affine { weight: weight * &rows, bias: shift.dot(weight) + bias })
        }
        (Step::Scale { scale: s, shift: t }, Step::Scale { scale, shift }) => {
            Some(Step::Scale { scale: s * scale, shift: t * scale + shift })
        }
        (Step::Affine { weight: v, bias: c }, Step::Affine { weight, bias })
            if v.nrows() * weight.ncols() <= v.len() + weight.len() =>
        {
            Some(Step::Affine { weight: v.dot(weight), bias: c.dot(weight) + bias })
        }
        _ => None,
    }
}

fn matrix(t: &Tensor<2>) -> Result<Array2<f64>> {
    let [rows, columns] = t.dims();
    let values = t.clone().try_into_vec_as::<f64>().map_err(|e| ModelError::Backend(e.to_string()))?;
    Array2::from_shape_vec((rows, columns), values).map_err(|e| ModelError::Backend(e.to_string()))
}

fn vector(t: &Tensor<1>) -> Result<Array1<f64>> {
    let values = t.clone().try_into_vec_as::<f64>().map_err(|e| ModelError::Backend(e.to_string()))?;
    Ok(values.into())
}
