//! [`Network`]: the layers of a model in evaluation mode as plain arrays, with whatever is affine folded
//! together.

use ndarray::{Array1, Array2, Axis};
use sensitome_core_models::{Activation, FeedForward, Layer};

use crate::real::{matrix, vector};
use crate::{InterpretError, Real, Result};

/// Added to the variance of batch normalisation, as in training.
const EPSILON: f64 = 1e-5;

/// One step of a network in evaluation mode.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<F> {
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
}

/// A network in evaluation mode: noise is the identity, batch normalisation an affine map by its running
/// statistics.
///
/// Folding follows from (x·W + b)∘s + t = x·(W∘s) + (b∘s + t). It is done in doubles and changes the numbers
/// by rounding only. Two linear layers in a row become one where that makes fewer weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network<F> {
    steps: Vec<Step<F>>,
    inputs: usize,
    outputs: usize,
}

impl<F: Real> Network<F> {
    /// The layers of `network`, ready to be explained.
    ///
    /// # Errors
    /// When no layer fixes the number of inputs, a layer has no exact rule, or a weight is not finite.
    pub fn new(network: &FeedForward) -> Result<Self> {
        let (Some(inputs), Some(outputs)) = (network.inputs(), network.outputs()) else {
            return Err(InterpretError::invalid(
                "network",
                "no layer fixes its number of inputs",
                "explain a network with at least one linear layer",
            ));
        };
        let mut steps: Vec<Step<f64>> = Vec::new();
        for layer in network.layers() {
            // No catch-all arm: the compiler points here when `core-models` gets a new kind of layer.
            match layer {
                Layer::Linear { weight, bias } => {
                    let weight = matrix(weight)?;
                    let bias = match bias {
                        Some(bias) => vector(bias)?,
                        None => Array1::zeros(weight.ncols()),
                    };
                    steps.push(Step::Affine { weight, bias });
                }
                Layer::BatchNorm { gamma, beta, mean, variance } => {
                    let scale = vector(gamma)? / vector(variance)?.mapv(|v| (v + EPSILON).sqrt());
                    let shift = vector(beta)? - vector(mean)? * &scale;
                    steps.push(Step::Scale { scale, shift });
                }
                Layer::Activation(function) => steps.push(Step::Activation(*function)),
                Layer::Dropout { .. } | Layer::Mask { .. } => {}
                Layer::Normalize => steps.push(Step::Normalize),
                Layer::Cosine { weight, temperature, normalize_weight } => {
                    let mut weight = matrix(weight)?;
                    if *normalize_weight {
                        for mut class in weight.axis_iter_mut(Axis(1)) {
                            let norm = class.dot(&class).sqrt().max(1e-12);
                            class /= norm;
                        }
                    }
                    weight /= *temperature;
                    let bias = Array1::zeros(weight.ncols());
                    steps.extend([Step::Normalize, Step::Affine { weight, bias }]);
                }
            }
        }
        let steps = fold(steps);
        if let Some(i) = steps.iter().position(|s| !finite(s)) {
            return Err(InterpretError::invalid(
                "network",
                format!("a weight of step {i} is not a finite number"),
                "the training diverged; train again with a smaller learning rate",
            ));
        }
        Ok(Self { steps: steps.iter().map(cast).collect(), inputs, outputs })
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step<F>] {
        &self.steps
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The network without its last step when that is `function`: the logits beneath a probability.
    pub(crate) fn without_last(&self, function: Activation) -> Option<Self> {
        let (last, steps) = self.steps.split_last()?;
        let same = matches!(last, Step::Activation(f) if *f == function);
        same.then(|| Self { steps: steps.to_vec(), ..*self })
    }

    /// Refuses a matrix of another width, or with a value that is not finite.
    pub(crate) fn check(&self, x: &ndarray::ArrayView2<F>, what: &str) -> Result<()> {
        if x.ncols() != self.inputs {
            return Err(InterpretError::invalid(
                what,
                format!("{} columns for a network of {} inputs", x.ncols(), self.inputs),
                "align them to the genes of the model",
            ));
        }
        match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(()),
            Some(((row, column), _)) => Err(InterpretError::invalid(
                what,
                format!("the value in row {row}, column {column} is not a finite number"),
                "remove or fill missing values first",
            )),
        }
    }
}

fn fold(steps: Vec<Step<f64>>) -> Vec<Step<f64>> {
    let mut out: Vec<Step<f64>> = Vec::new();
    for step in steps {
        let Some(last) = out.pop() else {
            out.push(step);
            continue;
        };
        match join(&last, &step) {
            Some(one) => out.push(one),
            None => out.extend([last, step]),
        }
    }
    out
}

/// `a` then `b` as one step, where that is one and pays.
fn join(a: &Step<f64>, b: &Step<f64>) -> Option<Step<f64>> {
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

fn finite(step: &Step<f64>) -> bool {
    match step {
        Step::Affine { weight: a, bias: b } => a.iter().chain(b).all(|v| v.is_finite()),
        Step::Scale { scale: a, shift: b } => a.iter().chain(b).all(|v| v.is_finite()),
        Step::Activation(_) | Step::Normalize => true,
    }
}

fn cast<F: Real>(step: &Step<f64>) -> Step<F> {
    match step {
        Step::Affine { weight, bias } => {
            // Standard layout: the rows of the weights are read as slices.
            Step::Affine { weight: weight.as_standard_layout().mapv(F::of), bias: bias.mapv(F::of) }
        }
        Step::Scale { scale, shift } => Step::Scale { scale: scale.mapv(F::of), shift: shift.mapv(F::of) },
        Step::Activation(function) => Step::Activation(*function),
        Step::Normalize => Step::Normalize,
    }
}
