//! Methods that look at the gradient around a cell: saliency, gradient × input, SmoothGrad.

use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use sensitome_core_models::rng_for;

use crate::rows::{Explain, Rows};
use crate::{Explained, InterpretError, Real, Result};
use sensitome_core_models::FoldedStep;

/// Which reading of the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// ∂F/∂x, or its absolute value (Simonyan et al. 2013; captum's default).
    Saliency {
        /// Whether the sign is dropped.
        absolute: bool,
    },
    /// x ∘ ∂F/∂x (Shrikumar et al. 2016).
    InputTimesGradient,
    /// The mean gradient over noisy copies of the cell (Smilkov et al. 2017).
    SmoothGrad {
        /// Noisy copies of each cell.
        samples: usize,
        /// Standard deviation of the noise, as a share of the range of the cell's values (0.1 to 0.2 in the
        /// paper).
        noise: f64,
        /// Draws the noise, each cell its own.
        seed: u64,
    },
}

/// A gradient method with its network. None of them promises a sum, so there is no gap to check.
#[derive(Debug, Clone)]
pub struct Gradients<F> {
    explained: Explained<F>,
    reading: Reading,
}

impl<F: Real> Gradients<F> {
    /// Joins network and reading.
    ///
    /// # Errors
    /// When SmoothGrad has no sample, or noise that is negative or not a number.
    pub fn new(explained: Explained<F>, reading: Reading) -> Result<Self> {
        if let Reading::SmoothGrad { samples, noise, .. } = reading
            && (samples == 0 || !noise.is_finite() || noise < 0.0)
        {
            return Err(InterpretError::invalid(
                "SmoothGrad",
                format!("{samples} samples, noise {noise}"),
                "use at least 1 sample and noise of 0 or more, for example 50 and 0.1",
            ));
        }
        Ok(Self { explained, reading })
    }

    fn smooth(
        &self,
        x: ArrayView2<F>,
        first: usize,
        samples: usize,
        noise: f64,
        seed: u64,
    ) -> Result<Array2<F>> {
        let mut values = Array2::zeros(x.raw_dim());
        for (i, row) in x.rows().into_iter().enumerate() {
            let mut rng = rng_for(seed, &format!("noise of cell {}", first + i));
            let low = row.fold(F::infinity(), |a, &b| a.min(b));
            let high = row.fold(F::neg_infinity(), |a, &b| a.max(b));
            let deviation = noise * (high - low).double();
            let copies = Array2::from_shape_fn((samples, x.ncols()), |(_, j)| {
                // Box–Muller, one of the pair.
                let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
                let deviate = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
                row[j] + F::of(deviation * deviate)
            });
            let gradient = self.explained.gradient(copies.view())?;
            values.row_mut(i).assign(&(gradient.sum_axis(Axis(0)) / F::of(samples as f64)));
        }
        Ok(values)
    }
}

impl<F: Real> Explain<F> for Gradients<F> {
    fn explain(&self, x: ArrayView2<F>, first: usize) -> Result<Rows<F>> {
        let trace = self.explained.network.trace(x)?;
        let output = self.explained.readout.value(trace.outputs.view());
        let gradient = || {
            let gradient = self.explained.readout.gradient(trace.outputs.view());
            self.explained.network.pull_back(&trace, gradient)
        };
        let values = match self.reading {
            Reading::Saliency { absolute: true } => gradient()?.abs(),
            Reading::Saliency { absolute: false } => gradient()?,
            Reading::InputTimesGradient => gradient()? * x,
            Reading::SmoothGrad { samples, noise, seed } => self.smooth(x, first, samples, noise, seed)?,
        };
        let output: Vec<f64> = output.iter().map(|v| v.double()).collect();
        Ok(Rows { values, expected: vec![0.0; output.len()], output, gap: None })
    }

    fn inputs(&self) -> usize {
        self.explained.network.inputs()
    }

    fn baseline(&self) -> Vec<F> {
        Vec::new()
    }

    fn bytes_per_row(&self) -> usize {
        (4 * self.inputs() + 3 * widths(self.explained.network.steps())) * size_of::<F>()
    }

    fn bytes_fixed(&self) -> usize {
        match self.reading {
            Reading::SmoothGrad { samples, .. } => samples * self.bytes_per_row(),
            Reading::Saliency { .. } | Reading::InputTimesGradient => 0,
        }
    }
}

/// The widths of all steps together.
pub(crate) fn widths<F>(steps: &[FoldedStep<F>]) -> usize {
    let width = |step: &FoldedStep<F>| match step {
        FoldedStep::Affine { weight, .. } => weight.ncols(),
        FoldedStep::Scale { scale, .. } => scale.len(),
        FoldedStep::Activation(_) | FoldedStep::Normalize | FoldedStep::Softmax => 0,
    };
    steps.iter().map(width).sum()
}
