//! Forward and backward passes of a [`Network`] on whole batches.

use ndarray::{Array2, ArrayView2, Axis, Zip};
use sensitome_core_models::Activation;

use crate::network::Network;
use crate::{Real, Result};
use sensitome_core_models::FoldedStep;

/// Self-normalising exponential unit: λ and α (Klambauer et al. 2017).
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// Least square of a norm that a row is divided by.
pub(crate) const LEAST_SQUARE: f64 = 1e-24;

/// The slope of a piecewise linear function below zero (above, it is 1); `None` for the smooth ones.
pub(crate) fn lower_slope<F: Real>(function: Activation) -> Option<F> {
    match function {
        Activation::Relu => Some(F::zero()),
        Activation::LeakyRelu { slope } => Some(F::of(slope)),
        Activation::Selu | Activation::Sigmoid | Activation::Tanh => None,
    }
}

/// 1 / (1 + e^(−x)), without overflow.
pub(crate) fn sigmoid<F: Real>(x: F) -> F {
    if x >= F::zero() {
        F::one() / (F::one() + (-x).exp())
    } else {
        let e = x.exp();
        e / (F::one() + e)
    }
}

/// The function at one number.
pub(crate) fn apply<F: Real>(function: Activation, x: F) -> F {
    match function {
        Activation::Relu => x.max(F::zero()),
        Activation::LeakyRelu { .. } if x > F::zero() => x,
        Activation::LeakyRelu { slope } => x * F::of(slope),
        Activation::Selu if x > F::zero() => x * F::of(SELU_SCALE),
        Activation::Selu => x.exp_m1() * F::of(SELU_SCALE * SELU_ALPHA),
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
    }
}

/// Its derivative at one number; at the kink of a rectifier that from the left, as PyTorch and Burn take it.
pub(crate) fn slope<F: Real>(function: Activation, x: F) -> F {
    let above = x > F::zero();
    match function {
        Activation::Relu if above => F::one(),
        Activation::Relu => F::zero(),
        Activation::LeakyRelu { .. } if above => F::one(),
        Activation::LeakyRelu { slope } => F::of(slope),
        Activation::Selu if above => F::of(SELU_SCALE),
        Activation::Selu => x.exp() * F::of(SELU_SCALE * SELU_ALPHA),
        Activation::Sigmoid => {
            let s = sigmoid(x);
            s * (F::one() - s)
        }
        Activation::Tanh => {
            let t = x.tanh();
            F::one() - t * t
        }
    }
}

/// What a backward pass needs of the forward pass: for each step its input where the step is not affine.
#[derive(Debug, Clone)]
pub struct Trace<F> {
    pub(crate) kept: Vec<Option<Array2<F>>>,
    /// The outputs, rows × outputs.
    pub outputs: Array2<F>,
}

/// One step forward.
pub(crate) fn forward<F: Real>(step: &FoldedStep<F>, x: ArrayView2<F>) -> Array2<F> {
    match step {
        FoldedStep::Affine { weight, bias } => x.dot(weight) + bias,
        FoldedStep::Scale { scale, shift } => &x * scale + shift,
        FoldedStep::Activation(Activation::Relu) => x.mapv(|v| v.max(F::zero())), // the common one, made vectorisable
        FoldedStep::Activation(function) => x.mapv(|v| apply(*function, v)),
        FoldedStep::Normalize => {
            let mut y = x.to_owned();
            for mut row in y.rows_mut() {
                let norm = row.dot(&row).max(F::of(LEAST_SQUARE)).sqrt();
                row.mapv_inplace(|v| v / norm);
            }
            y
        }
        FoldedStep::Softmax => {
            let mut y = x.to_owned();
            for mut row in y.rows_mut() {
                let most = row.fold(F::neg_infinity(), |a, &b| a.max(b));
                row.mapv_inplace(|v| (v - most).exp());
                let sum = row.sum();
                row.mapv_inplace(|v| v / sum);
            }
            y
        }
    }
}

/// Gradients at the inputs of a step from those at its outputs; `kept` is its input where it is not affine.
pub(crate) fn backward<F: Real>(
    step: &FoldedStep<F>,
    kept: Option<&Array2<F>>,
    mut grad: Array2<F>,
) -> Array2<F> {
    match (step, kept) {
        (FoldedStep::Affine { weight, .. }, _) => grad.dot(&weight.t()),
        (FoldedStep::Scale { scale, .. }, _) => grad * scale,
        (FoldedStep::Activation(function), Some(x)) => {
            Zip::from(&mut grad).and(x).for_each(|g, &v| *g *= slope(*function, v));
            grad
        }
        (FoldedStep::Normalize, Some(x)) => {
            // u = x / n: ∂/∂x = (g − u (u·g)) / n, and g / n where the norm is held at its bound.
            for (mut g, x) in grad.rows_mut().into_iter().zip(x.rows()) {
                let square = x.dot(&x);
                let norm = square.max(F::of(LEAST_SQUARE)).sqrt();
                if square > F::of(LEAST_SQUARE) {
                    let along = x.dot(&g) / square;
                    g.scaled_add(-along, &x);
                }
                g.mapv_inplace(|v| v / norm);
            }
            grad
        }
        (FoldedStep::Softmax, Some(x)) => {
            // ∂/∂x = y ∘ (g − y·g).
            let y = forward(step, x.view());
            for (mut g, y) in grad.rows_mut().into_iter().zip(y.rows()) {
                let along = y.dot(&g);
                g.zip_mut_with(&y, |g, &y| *g = y * (*g - along));
            }
            grad
        }
        // A trace holds the input of every step that is not affine.
        (FoldedStep::Activation(_) | FoldedStep::Normalize | FoldedStep::Softmax, None) => grad,
    }
}

/// Steps forward, keeping what a backward pass needs.
pub(crate) fn trace<F: Real>(steps: &[FoldedStep<F>], x: Array2<F>) -> Trace<F> {
    let mut kept = Vec::with_capacity(steps.len());
    let mut x = x;
    for step in steps {
        let y = forward(step, x.view());
        let needed = matches!(step, FoldedStep::Activation(_) | FoldedStep::Normalize | FoldedStep::Softmax);
        kept.push(needed.then_some(x));
        x = y;
    }
    Trace { kept, outputs: x }
}

/// Steps forward, keeping nothing.
pub(crate) fn run<F: Real>(steps: &[FoldedStep<F>], x: ArrayView2<F>) -> Array2<F> {
    match steps.split_first() {
        None => x.to_owned(),
        Some((first, rest)) => rest.iter().fold(forward(first, x), |x, step| forward(step, x.view())),
    }
}

/// Gradients at the inputs of `steps`.
pub(crate) fn pull_back<F: Real>(steps: &[FoldedStep<F>], trace: &Trace<F>, grad: Array2<F>) -> Array2<F> {
    let steps = steps.iter().zip(&trace.kept).rev();
    steps.fold(grad, |grad, (step, kept)| backward(step, kept.as_ref(), grad))
}

impl<F: Real> Network<F> {
    /// Outputs of every row, rows × outputs.
    ///
    /// # Errors
    /// When `x` is not rows × inputs, or holds a value that is not finite.
    pub fn forward(&self, x: ArrayView2<F>) -> Result<Array2<F>> {
        self.check(&x, "cells")?;
        Ok(run(self.steps(), x))
    }

    /// The same, with what [`pull_back`](Self::pull_back) needs.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn trace(&self, x: ArrayView2<F>) -> Result<Trace<F>> {
        self.check(&x, "cells")?;
        Ok(trace(self.steps(), x.to_owned()))
    }

    /// Vector-Jacobian product: gradients at the inputs (rows × inputs) from those at the outputs (rows ×
    /// outputs).
    ///
    /// # Errors
    /// When the gradients are of another shape than the outputs of the trace.
    pub fn pull_back(&self, trace: &Trace<F>, gradients: Array2<F>) -> Result<Array2<F>> {
        if gradients.dim() != trace.outputs.dim() || trace.kept.len() != self.steps().len() {
            return Err(crate::InterpretError::invalid(
                "gradients",
                format!("{:?} values for outputs of {:?}", gradients.dim(), trace.outputs.dim()),
                "pass one for each output, with the trace of the same network",
            ));
        }
        Ok(pull_back(self.steps(), trace, gradients))
    }
}

/// Sums of the rows, in doubles: the attributions of a cell add up over thousands of genes.
pub(crate) fn row_sums<F: Real>(x: ArrayView2<F>) -> Vec<f64> {
    x.axis_iter(Axis(0)).map(|row| row.iter().map(|v| v.double()).sum()).collect()
}
