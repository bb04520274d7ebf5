//! [`FoldedStep`]: the layers of a network in evaluation mode as plain arrays, with whatever is affine folded together.

use burn::tensor::Tensor;
use ndarray::{Array1, Array2, Axis};

use crate::layer::{Activation, EPSILON, Layer, MIN_NORM};
use crate::{FeedForward, ModelError, Result};

/// One step of a network in evaluation mode.
#[derive(Debug, Clone, PartialEq)]
pub enum FoldedStep<F> {
    /// y = x·W + b: a linear layer with the batch normalisation around it, or several of them.
    Affine {
        /// Weights, inputs × outputs.
        weight: Array2<F>,
        /// Added to every row.
        bias: Array1<F>,
    },
    /// y = x∘s + t: batch normalisation that no linear layer stands beside.
    Scale {
        /// Factor of each feature.
        scale: Array1<F>,
        /// Added to each feature.
        shift: Array1<F>,
    },
    /// An elementwise function.
    Activation(Activation),
    /// y = x / max(‖x‖, 1e-12), row by row: the first half of a cosine head (the other half is affine).
    Normalize,
    /// y = e^x / Σ e^x, row by row.
    Softmax,
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
    pub fn steps(&self) -> Result<Vec<FoldedStep<f64>>> {
        let mut steps = Vec::new();
        for layer in self.layers() {
            match layer {
                Layer::Linear { weight, bias } => {
                    let weight = matrix(weight)?;
                    let bias = match bias {
                        Some(bias) => vector(bias)?,
                        None => Array1::zeros(weight.ncols()),
                    };
                    push(&mut steps, FoldedStep::Affine { weight, bias });
                }
                Layer::BatchNorm { gamma, beta, mean, variance } => {
                    let scale = vector(gamma)? / vector(variance)?.mapv(|v| (v + EPSILON).sqrt());
                    let shift = vector(beta)? - vector(mean)? * &scale;
                    push(&mut steps, FoldedStep::Scale { scale, shift });
                }
                Layer::Activation(function) => steps.push(FoldedStep::Activation(*function)),
                Layer::Dropout { .. } | Layer::Mask { .. } => {}
                Layer::Normalize => steps.push(FoldedStep::Normalize),
                Layer::Softmax => steps.push(FoldedStep::Softmax),
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
                    steps.extend([FoldedStep::Normalize, FoldedStep::Affine { weight, bias }]);
                }
            }
        }
        Ok(steps)
    }
}

/// Appends a step, as one with the last where that is possible and pays.
fn push(steps: &mut Vec<FoldedStep<f64>>, step: FoldedStep<f64>) {
    let joined = steps.last().and_then(|last| join(last, &step));
    match (joined, steps.last_mut()) {
        (Some(joined), Some(last)) => *last = joined,
        _ => steps.push(step),
    }
}

/// `a` then `b` as one step, where that is one and pays.
pub(super) fn join(a: &FoldedStep<f64>, b: &FoldedStep<f64>) -> Option<FoldedStep<f64>> {
    match (a, b) {
        (FoldedStep::Affine { weight, bias }, FoldedStep::Scale { scale, shift }) => {
            Some(FoldedStep::Affine { weight: weight * scale, bias: bias * scale + shift })
        }
        (FoldedStep::Scale { scale, shift }, FoldedStep::Affine { weight, bias }) => {
            let rows = scale.view().insert_axis(Axis(1));
            Some(FoldedStep::Affine { weight: weight * &rows, bias: times(shift, weight) + bias })
        }
        (FoldedStep::Scale { scale: s, shift: t }, FoldedStep::Scale { scale, shift }) => {
            Some(FoldedStep::Scale { scale: s * scale, shift: t * scale + shift })
        }
        (FoldedStep::Affine { weight: v, bias: c }, FoldedStep::Affine { weight, bias })
            if v.nrows() * weight.ncols() <= v.len() + weight.len() =>
        {
            Some(FoldedStep::Affine { weight: v.dot(weight), bias: times(c, weight) + bias })
        }
        _ => None,
    }
}

/// v·W, row by row as W lies in memory.
fn times(v: &Array1<f64>, weight: &Array2<f64>) -> Array1<f64> {
    let mut sums = Array1::zeros(weight.ncols());
    for (v, row) in v.iter().zip(weight.rows()) {
        sums.scaled_add(*v, &row);
    }
    sums
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
