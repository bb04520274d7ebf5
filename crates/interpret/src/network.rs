//! [`Network`]: the folded layers of a model, checked to be finite.

use sensitome_core_models::{Activation, FeedForward, FoldedStep};

use crate::{InterpretError, Real, Result};

/// The steps of a network ([`FeedForward::steps`]) in the precision that explanations are computed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Network<F> {
    steps: Vec<FoldedStep<F>>,
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
        let steps = network.steps()?;
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
    pub fn steps(&self) -> &[FoldedStep<F>] {
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
        let same = matches!(last, FoldedStep::Activation(f) if *f == function);
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

fn finite(step: &FoldedStep<f64>) -> bool {
    match step {
        FoldedStep::Affine { weight: a, bias: b } => a.iter().chain(b).all(|v| v.is_finite()),
        FoldedStep::Scale { scale: a, shift: b } => a.iter().chain(b).all(|v| v.is_finite()),
        FoldedStep::Activation(_) | FoldedStep::Normalize | FoldedStep::Softmax => true,
    }
}

fn cast<F: Real>(step: &FoldedStep<f64>) -> FoldedStep<F> {
    match step {
        FoldedStep::Affine { weight, bias } => {
            // Standard layout: the rows of the weights are read as slices.
            FoldedStep::Affine { weight: weight.as_standard_layout().mapv(F::of), bias: bias.mapv(F::of) }
        }
        FoldedStep::Scale { scale, shift } => {
            FoldedStep::Scale { scale: scale.mapv(F::of), shift: shift.mapv(F::of) }
        }
        FoldedStep::Activation(function) => FoldedStep::Activation(*function),
        FoldedStep::Normalize => FoldedStep::Normalize,
        FoldedStep::Softmax => FoldedStep::Softmax,
    }
}
