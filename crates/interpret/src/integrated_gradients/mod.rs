//! Integrated gradients (Sundararajan, Taly, Yan 2017), with the first layer passed once.

mod path;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::passes::run;
use crate::quadrature::Rule;
use crate::rows::{Explain, Rows, mean_row};
use crate::sparse::{product, pulled_times};
use crate::{Explained, InterpretError, Real, Result};
use sensitome_core_models::FoldedStep;

/// How to integrate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathOptions {
    /// Points on the path.
    pub steps: usize,
    /// Where they lie and what they weigh.
    pub rule: Rule,
    /// Whether the averaged gradient is multiplied by cell − baseline. Without, it is a sensitivity and sums
    /// to nothing in particular.
    pub multiply_by_inputs: bool,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self { steps: 50, rule: Rule::default(), multiply_by_inputs: true }
    }
}

/// Integrated gradients by the fast path.
///
/// IG_i = (x_i − b_i) · Σ_k w_k ∂F/∂x_i(b + α_k (x − b)). With F(x) = g(x·W + c) the gradient is ∇g · Wᵀ, and
/// the hidden values on the path are linear in α: x·W and b·W are computed once, ∇g is averaged over the path
/// in the hidden layer, and Wᵀ is applied to the average. Several baselines are averaged.
#[derive(Debug, Clone)]
pub struct IntegratedGradients<F> {
    explained: Explained<F>,
    options: PathOptions,
    at: Vec<F>,
    weights: Vec<F>,
    baselines: Array2<F>,
    /// Baselines behind the first affine layer.
    hidden: Array2<F>,
    expected: f64,
}

impl<F: Real> IntegratedGradients<F> {
    /// From `baselines` (one or more rows × inputs) to each cell.
    ///
    /// # Errors
    /// When there is no baseline, it is not as wide as the network or not finite, or the options are out of
    /// range.
    pub fn new(explained: Explained<F>, baselines: Array2<F>, options: PathOptions) -> Result<Self> {
        let (at, weights) = options.rule.points(options.steps)?;
        explained.network.check(&baselines.view(), "baseline")?;
        if baselines.nrows() == 0 {
            return Err(InterpretError::invalid("baseline", "no row", "pass one, for example zeros"));
        }
        let (first, rest) = split(explained.network.steps());
        let hidden = enter(first, baselines.view());
        let values = explained.readout.value(run(rest, hidden.view()).view());
        let expected = values.iter().map(|v| v.double()).sum::<f64>() / baselines.nrows() as f64;
        let cast = |v: Vec<f64>| v.into_iter().map(F::of).collect();
        Ok(Self { at: cast(at), weights: cast(weights), hidden, expected, explained, options, baselines })
    }

    /// The explained number at the baseline, averaged over several.
    pub fn expected(&self) -> f64 {
        self.expected
    }
}

/// The first affine step, where there is one, and the steps behind it.
pub(crate) fn split<F>(steps: &[FoldedStep<F>]) -> (Option<&FoldedStep<F>>, &[FoldedStep<F>]) {
    match steps.split_first() {
        Some((first @ FoldedStep::Affine { .. }, rest)) => (Some(first), rest),
        _ => (None, steps),
    }
}

/// Values behind the first affine step.
pub(crate) fn enter<F: Real>(first: Option<&FoldedStep<F>>, x: ArrayView2<F>) -> Array2<F> {
    match first {
        Some(FoldedStep::Affine { weight, bias }) => product(x, weight) + bias,
        _ => x.to_owned(),
    }
}

impl<F: Real> Explain<F> for IntegratedGradients<F> {
    fn explain(&self, x: ArrayView2<F>, _: usize) -> Result<Rows<F>> {
        self.explained.network.check(&x, "cells")?;
        let (first, rest) = split(self.explained.network.steps());
        let hidden = enter(first, x);
        let output = self.explained.readout.value(run(rest, hidden.view()).view());
        let output: Vec<f64> = output.iter().map(|v| v.double()).collect();
        let path = path::Path { rest, readout: self.explained.readout, at: &self.at, weights: &self.weights };
        let share = F::of(1.0 / self.baselines.nrows() as f64);
        let mut values: Option<Array2<F>> = None;
        for (baseline, from) in self.baselines.axis_iter(Axis(0)).zip(self.hidden.axis_iter(Axis(0))) {
            let gradient = path.averaged(from, &hidden - &from) * share;
            let part = match (first, self.options.multiply_by_inputs) {
                (Some(FoldedStep::Affine { weight, .. }), true)
                    if baseline.iter().all(|&b| b == F::zero()) =>
                {
                    pulled_times(gradient.view(), weight, x)
                }
                (Some(FoldedStep::Affine { weight, .. }), true) => {
                    pulled_times(gradient.view(), weight, (&x - &baseline).view())
                }
                (Some(FoldedStep::Affine { weight, .. }), false) => gradient.dot(&weight.t()),
                (_, true) => gradient * (&x - &baseline),
                (_, false) => gradient,
            };
            values = Some(match values {
                None => part,
                Some(sum) => sum + part,
            });
        }
        let values = values.unwrap_or_else(|| Array2::zeros(x.raw_dim()));
        let expected = vec![self.expected; x.nrows()];
        Ok(if self.options.multiply_by_inputs {
            Rows::complete(values, output, expected)
        } else {
            Rows { values, output, expected, gap: None }
        })
    }

    fn inputs(&self) -> usize {
        self.explained.network.inputs()
    }

    fn baseline(&self) -> Vec<F> {
        mean_row(&self.baselines)
    }

    fn bytes_per_row(&self) -> usize {
        // Input, difference, attributions and one temporary; hidden values, difference, gradient and
        // temporaries.
        (4 * self.inputs() + 5 * self.hidden.ncols()) * size_of::<F>()
    }

    fn bytes_fixed(&self) -> usize {
        path::bytes(self.explained.network.steps(), self.at.len()) * size_of::<F>()
    }
}
