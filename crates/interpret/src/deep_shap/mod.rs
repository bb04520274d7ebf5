//! DeepSHAP: DeepLIFT's rescale rule against every row of a background, averaged.

mod rescale;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};

use crate::integrated_gradients::{enter, split};
use crate::rows::{Explain, Rows, mean_row};
use crate::sparse::ByColumn;
use crate::{Explained, InterpretError, Real, Result};
use rescale::{Kept, keep};
use sensitome_core_models::FoldedStep;

/// How multipliers pass through a softmax of two classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SoftmaxRule {
    /// As what it is: a sigmoid of the difference of the logits, to which the rescale rule applies. Adds up.
    #[default]
    Margin,
    /// As captum 0.9 does: elementwise, then the mean over the classes and all cells of the batch subtracted.
    /// Does not add up, so that the sum is not demanded, and the values of a cell depend on the cells it is
    /// explained with; for comparison with captum only.
    Captum,
}

/// Options of [`DeepShap`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapOptions {
    /// Below this difference of a unit's inputs its multiplier is the gradient (shap takes 1e-6, captum
    /// 1e-10).
    pub epsilon: f64,
    /// How a probability of two logits is treated.
    pub softmax: SoftmaxRule,
    /// Allowed gap between the sum of the attributions and what they explain, relative to the larger of 1 and
    /// the two outputs; more is an error.
    pub tolerance: f64,
}

impl Default for ShapOptions {
    fn default() -> Self {
        Self { epsilon: 1e-6, softmax: SoftmaxRule::Margin, tolerance: 1e-4 }
    }
}

/// DeepSHAP (Lundberg and Lee 2017; Chen, Lundberg, Lee 2022) by the rescale rule (Shrikumar et al. 2017).
///
/// φ = mean_b (x − b) ∘ m(x, b), with the multipliers m built backwards: weights through affine layers, Δout
/// / Δin through elementwise functions, and for rows divided by their norm an exact split of the product x ·
/// (1/‖x‖). Every rule keeps Σ m Δin = Δout, so that φ sums to F(x) − mean_b F(b): checked for every cell.
///
/// Cells and background pass forwards once each; only the multipliers are per pair. The first weight matrix
/// is applied to the mean multiplier of a cell; the remaining term Σ_b b_i (W m_b)_i needs only the entries
/// of the background that differ from the most frequent value of their gene (zero before scaling), few in
/// single cells.
#[derive(Debug, Clone)]
pub struct DeepShap<F> {
    explained: Explained<F>,
    options: ShapOptions,
    background: Array2<F>,
    /// Most frequent value of each gene in the background.
    centre: Array1<F>,
    /// Background − centre, by gene, where few entries are not zero.
    sparse: Option<ByColumn<F>>,
    difference: Array2<F>,
    kept: Vec<Kept<F>>,
    outputs: Array2<F>,
    expected: f64,
}

/// The forward pass of the cells that are explained.
struct Own<F> {
    kept: Vec<Kept<F>>,
    outputs: Array2<F>,
    /// Taken off every multiplier at the outputs; 0 but for captum's softmax.
    subtracted: F,
}

impl<F: Real> DeepShap<F> {
    /// Against the rows of `background`, rows × inputs; 100 rows are common.
    ///
    /// # Errors
    /// When the background is empty, not as wide as the network or not finite.
    pub fn new(explained: Explained<F>, background: Array2<F>, options: ShapOptions) -> Result<Self> {
        explained.network.check(&background.view(), "background")?;
        if background.nrows() == 0 {
            return Err(InterpretError::invalid("background", "no row", "pass at least one; 100 are common"));
        }
        let (first, rest) = split(explained.network.steps());
        let (kept, outputs) = keep(rest, enter(first, background.view()));
        let values = explained.readout.value(outputs.view());
        let expected = values.iter().map(|v| v.double()).sum::<f64>() / background.nrows() as f64;
        let centre: Array1<F> = background.axis_iter(Axis(1)).map(most_frequent).collect();
        let difference = &background - &centre;
        let sparse = ByColumn::of(difference.view());
        Ok(Self { explained, options, background, centre, sparse, difference, kept, outputs, expected })
    }

    /// The explained number averaged over the background: what the attributions of a cell are counted from.
    pub fn expected(&self) -> f64 {
        self.expected
    }

    /// Multipliers of one cell at the input of `rest`, background rows × hidden.
    fn multipliers(&self, rest: &[FoldedStep<F>], own: &Own<F>, row: usize) -> Array2<F> {
        let options = &self.options;
        let mut m = rescale::readout(self.explained.readout, own.outputs.row(row), &self.outputs, options);
        m.mapv_inplace(|v| v - own.subtracted);
        for ((step, kept), background) in rest.iter().zip(&own.kept).zip(&self.kept).rev() {
            m = rescale::step(step, kept, row, background, m, F::of(options.epsilon));
        }
        m
    }

    /// Σ_b (b − centre) ∘ (m_b · Wᵀ), one value a gene.
    fn background_term(&self, m: &Array2<F>, weight: &Array2<F>) -> Array1<F> {
        match &self.sparse {
            Some(sparse) => weight
                .rows()
                .into_iter()
                .enumerate()
                .map(|(j, w)| sparse.column(j).iter().map(|&(b, v)| v * w.dot(&m.row(b as usize))).sum())
                .collect(),
            None => {
                let pulled = m.dot(&weight.t());
                let mut sum = Array1::zeros(weight.nrows());
                for (p, d) in pulled.rows().into_iter().zip(self.difference.rows()) {
                    Zip::from(&mut sum).and(&p).and(&d).for_each(|s, &p, &d| *s += p * d);
                }
                sum
            }
        }
    }
}

/// The value that occurs most often, the smallest of several; for a column of different values, any of them.
fn most_frequent<F: Real>(column: ArrayView1<F>) -> F {
    let mut sorted = column.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let best = sorted.chunk_by(|a, b| a == b).fold(None, |best: Option<&[F]>, run| match best {
        Some(b) if b.len() >= run.len() => Some(b),
        _ => Some(run),
    });
    best.map_or(F::zero(), |run| run[0])
}

impl<F: Real> Explain<F> for DeepShap<F> {
    fn explain(&self, x: ArrayView2<F>, row: usize) -> Result<Rows<F>> {
        self.explained.network.check(&x, "cells")?;
        let (first, rest) = split(self.explained.network.steps());
        let (kept, outputs) = keep(rest, enter(first, x));
        let output = self.explained.readout.value(outputs.view());
        let subtracted = rescale::captum_mean(self.explained.readout, &outputs, &self.outputs, &self.options);
        let own = Own { kept, outputs, subtracted };
        let share = F::of(1.0 / self.background.nrows() as f64);
        let mut values = Array2::zeros(x.raw_dim());
        match first {
            Some(FoldedStep::Affine { weight, .. }) => {
                let mut means = Array2::zeros((x.nrows(), weight.ncols()));
                for (i, mut value) in values.rows_mut().into_iter().enumerate() {
                    let m = self.multipliers(rest, &own, i);
                    value.assign(&(self.background_term(&m, weight) * -share));
                    means.row_mut(i).assign(&(m.sum_axis(Axis(0)) * share));
                }
                let pulled = means.dot(&weight.t());
                Zip::from(&mut values).and(&pulled).and(&x).and_broadcast(&self.centre).for_each(
                    |v, &p, &x, &c| {
                        *v += (x - c) * p;
                    },
                );
            }
            _ => {
                for (i, mut value) in values.rows_mut().into_iter().enumerate() {
                    let m = self.multipliers(rest, &own, i);
                    let difference = &x.row(i) - &self.background;
                    value.assign(&((m * difference).sum_axis(Axis(0)) * share));
                }
            }
        }
        let output = output.iter().map(|v| v.double()).collect();
        let rows = Rows::complete(values, output, vec![self.expected; x.nrows()]);
        match self.options.softmax {
            SoftmaxRule::Margin => rows.demand(
                self.options.tolerance,
                row,
                "values so far apart need double precision, or the tolerance is too tight",
            ),
            SoftmaxRule::Captum => Ok(rows),
        }
    }

    fn inputs(&self) -> usize {
        self.explained.network.inputs()
    }

    fn baseline(&self) -> Vec<F> {
        mean_row(&self.background)
    }

    fn bytes_per_row(&self) -> usize {
        let widths: usize = self.kept.iter().map(Kept::width).sum();
        (4 * self.inputs() + 2 * widths + 8) * size_of::<F>()
    }

    fn bytes_fixed(&self) -> usize {
        let widest = self.kept.iter().map(Kept::width).max().unwrap_or(1).max(8);
        let pulled = if self.sparse.is_some() { 0 } else { self.inputs() };
        self.background.nrows() * (3 * widest + pulled) * size_of::<F>()
    }
}
