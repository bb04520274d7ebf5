//! Methods that estimate by sampling: expected gradients, and Shapley values by permutations.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rand::seq::SliceRandom;
use sensitome_core_models::rng_for;

use crate::gradients::widths;
use crate::rows::{Explain, Rows, mean_row};
use crate::{Explained, InterpretError, Real, Result};

/// Which estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// Expected gradients (Erion et al. 2021): integrated gradients averaged over the background, one random
    /// point of one random path a sample. The sum is complete in expectation; the gap says how far the sample
    /// is from it.
    ExpectedGradients {
        /// Points a cell; 200 are common.
        samples: usize,
    },
    /// Shapley values of replacing background values by the cell's, gene by gene in random order (Castro et
    /// al. 2009), each order also backwards. Complete but for rounding; one forward pass a gene and order, so
    /// for small inputs: the latent axes, or checks.
    Shapley {
        /// Orders a cell, each with a background row of its own.
        permutations: usize,
    },
}

/// A sampling method with its network and background.
#[derive(Debug, Clone)]
pub struct Sampled<F> {
    explained: Explained<F>,
    background: Array2<F>,
    estimate: Estimate,
    seed: u64,
    expected: f64,
}

impl<F: Real> Sampled<F> {
    /// Joins network, background (rows × inputs), estimate and seed; every cell draws from a seed of its own.
    ///
    /// # Errors
    /// When the background is empty, not as wide as the network or not finite, or nothing is to be drawn.
    pub fn new(
        explained: Explained<F>,
        background: Array2<F>,
        estimate: Estimate,
        seed: u64,
    ) -> Result<Self> {
        let drawn = match estimate {
            Estimate::ExpectedGradients { samples } => samples,
            Estimate::Shapley { permutations } => permutations,
        };
        if background.nrows() == 0 || drawn == 0 {
            return Err(InterpretError::invalid(
                "sampling",
                format!("{} background rows, {drawn} samples", background.nrows()),
                "use at least one of each; 100 and 200 are common",
            ));
        }
        let expected = explained.value(background.view())?;
        let expected = expected.iter().map(|v| v.double()).sum::<f64>() / background.nrows() as f64;
        Ok(Self { explained, background, estimate, seed, expected })
    }

    fn expected_gradients(&self, x: ArrayView1<F>, samples: usize, row: usize) -> Result<Vec<F>> {
        let mut rng = rng_for(self.seed, &format!("points of cell {row}"));
        let mut difference = Array2::zeros((samples, x.len()));
        let mut points = difference.clone();
        for (mut difference, mut point) in difference.rows_mut().into_iter().zip(points.rows_mut()) {
            let from = self.background.row(rng.random_range(0..self.background.nrows()));
            let at = F::of(rng.random::<f64>());
            difference.assign(&(&x - &from));
            point.assign(&from);
            point.scaled_add(at, &difference);
        }
        let gradient = self.explained.gradient(points.view())?;
        Ok(((gradient * difference).sum_axis(Axis(0)) / F::of(samples as f64)).to_vec())
    }

    /// Attributions, and the mean output over the background rows that were drawn.
    fn shapley(&self, x: ArrayView1<F>, permutations: usize, row: usize) -> Result<(Vec<F>, f64)> {
        let mut rng = rng_for(self.seed, &format!("orders of cell {row}"));
        let mut order: Vec<usize> = (0..x.len()).collect();
        let mut sums = vec![0.0f64; x.len()];
        let mut start = 0.0;
        for i in 0..permutations {
            // Every background row in turn: with as many orders as rows the expected value is exact.
            let from = self.background.row(i % self.background.nrows());
            order.shuffle(&mut rng);
            for backwards in [false, true] {
                let mut mixed = Array2::from_shape_fn((x.len() + 1, x.len()), |(_, j)| from[j]);
                for (k, &gene) in order.iter().enumerate() {
                    let k = if backwards { x.len() - 1 - k } else { k };
                    mixed.slice_mut(ndarray::s![k + 1.., gene]).fill(x[gene]);
                }
                let values = self.explained.value(mixed.view())?;
                start += values[0].double();
                for (k, &gene) in order.iter().enumerate() {
                    let k = if backwards { x.len() - 1 - k } else { k };
                    sums[gene] += (values[k + 1] - values[k]).double();
                }
            }
        }
        let n = 2.0 * permutations as f64;
        Ok((sums.into_iter().map(|s| F::of(s / n)).collect(), start / n))
    }
}

impl<F: Real> Explain<F> for Sampled<F> {
    fn explain(&self, x: ArrayView2<F>, first: usize) -> Result<Rows<F>> {
        let output = self.explained.value(x)?.iter().map(|v| v.double()).collect();
        let mut values = Array2::zeros(x.raw_dim());
        let mut expected = vec![self.expected; x.nrows()];
        for (i, row) in x.rows().into_iter().enumerate() {
            let drawn = match self.estimate {
                Estimate::ExpectedGradients { samples } => {
                    self.expected_gradients(row, samples, first + i)?
                }
                Estimate::Shapley { permutations } => {
                    let (drawn, start) = self.shapley(row, permutations, first + i)?;
                    expected[i] = start;
                    drawn
                }
            };
            values.row_mut(i).assign(&ndarray::Array1::from(drawn));
        }
        let rows = Rows::complete(values, output, expected);
        match self.estimate {
            Estimate::ExpectedGradients { .. } => Ok(rows),
            Estimate::Shapley { .. } => rows.demand(1e-4, first, "use double precision"),
        }
    }

    fn inputs(&self) -> usize {
        self.explained.network.inputs()
    }

    fn baseline(&self) -> Vec<F> {
        mean_row(&self.background)
    }

    fn bytes_per_row(&self) -> usize {
        2 * self.inputs() * size_of::<F>()
    }

    fn bytes_fixed(&self) -> usize {
        let rows = match self.estimate {
            Estimate::ExpectedGradients { samples } => samples,
            Estimate::Shapley { .. } => self.inputs() + 1,
        };
        rows * (4 * self.inputs() + 3 * widths(self.explained.network.steps())) * size_of::<F>()
    }
}
