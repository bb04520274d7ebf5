//! [`Explain`]: what every method does, one block of cells at a time.

use ndarray::{Array2, ArrayView2, Axis};

use crate::passes::row_sums;
use crate::{InterpretError, Real, Result};

/// Attributions of a block of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<F> {
    /// Rows × inputs.
    pub values: Array2<F>,
    /// The explained number of each row.
    pub output: Vec<f64>,
    /// What the attributions of a row are counted from: the explained number at the baseline, or its mean
    /// over them.
    pub expected: Vec<f64>,
    /// Sum of the attributions − (output − expected): 0 but for rounding and the quadrature. `None` for
    /// methods that promise no sum.
    pub gap: Option<Vec<f64>>,
}

impl<F: Real> Rows<F> {
    /// Attributions that should sum to output − expected.
    pub(crate) fn complete(values: Array2<F>, output: Vec<f64>, expected: Vec<f64>) -> Self {
        let sums = row_sums(values.view());
        let gap = sums.iter().zip(&output).zip(&expected).map(|((s, o), e)| s - (o - e)).collect();
        Self { values, output, expected, gap: Some(gap) }
    }

    /// Refuses rows whose gap is more than `tolerance` · max(1, |output|, |expected|).
    ///
    /// # Errors
    /// For the worst row, when there is one.
    pub(crate) fn demand(self, tolerance: f64, first: usize, hint: &str) -> Result<Self> {
        let Some(gaps) = &self.gap else { return Ok(self) };
        let scale = |i: usize| self.output[i].abs().max(self.expected[i].abs()).max(1.0);
        let worst = (0..gaps.len()).max_by(|&a, &b| {
            let size = |i: usize| gaps[i].abs() / scale(i);
            // A NaN is the worst of all.
            size(a).partial_cmp(&size(b)).unwrap_or(std::cmp::Ordering::Greater)
        });
        match worst {
            Some(i) if gaps[i].is_nan() || gaps[i].abs() > tolerance * scale(i) => {
                Err(InterpretError::Incomplete {
                    row: first + i,
                    sum: gaps[i] + self.output[i] - self.expected[i],
                    gap: gaps[i],
                    hint: hint.to_owned(),
                })
            }
            _ => Ok(self),
        }
    }
}

/// The mean of the rows, of which there is at least one.
pub(crate) fn mean_row<F: Real>(rows: &Array2<F>) -> Vec<F> {
    (rows.sum_axis(Axis(0)) / F::of(rows.nrows().max(1) as f64)).to_vec()
}

/// A method with its network, target and baselines, ready to explain cells.
pub trait Explain<F: Real>: Send + Sync {
    /// Attributions of the rows of `x` (rows × inputs), of which the first is number `first` of all: methods
    /// that draw random numbers draw them by row, so that the result does not depend on the blocks.
    ///
    /// # Errors
    /// When `x` is not as wide as the network or not finite, or attributions do not add up as they must.
    fn explain(&self, x: ArrayView2<F>, first: usize) -> Result<Rows<F>>;

    /// Number of inputs: genes, or latent axes.
    fn inputs(&self) -> usize;

    /// The baseline that attributions start from (the mean, where there are several); empty where there is
    /// none.
    fn baseline(&self) -> Vec<F>;

    /// About how many bytes a row takes while it is explained, its attributions included.
    fn bytes_per_row(&self) -> usize;

    /// About how many bytes a worker takes besides, however few rows it has.
    fn bytes_fixed(&self) -> usize;
}
