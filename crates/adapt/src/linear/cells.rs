//! The unlabelled cells as a linear method sees them. Everything is a pass or two over the rows: linear in cells.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{dual, spread};
use crate::Result;

/// Cells that noise and neighbours are told by, evenly spread over the target; the time grows with their cube.
const MOST_CELLS: usize = 1000;

/// The cells with the means and deviations of their genes.
#[derive(Debug)]
pub(crate) struct Cells<'a> {
    x: ArrayView2<'a, f32>,
    means: Array1<f64>,
    deviations: Array1<f64>,
    sample: Sample,
    /// Of the regression that takes off noise; 0 takes none off.
    penalty: f64,
}

/// Some of the cells, evenly spread over the target.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Cells × genes.
    pub(crate) x: Array2<f64>,
    /// Products of all pairs, centred.
    pub(crate) kernel: Array2<f64>,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(x: ArrayView2<'a, f32>) -> Self {
        let n = x.nrows().max(1) as f64;
        let mut means = Array1::<f64>::zeros(x.ncols());
        for row in x.rows() {
            means.zip_mut_with(&row, |m, &v| *m += f64::from(v) / n);
        }
        let mut squares = Array1::<f64>::zeros(x.ncols());
        for row in x.rows() {
            for ((s, &v), m) in squares.iter_mut().zip(row).zip(&means) {
                *s += (f64::from(v) - m).powi(2) / n;
            }
        }
        let chosen = x.select(Axis(0), &spread(x.nrows(), MOST_CELLS)).mapv(f64::from);
        let sample = Sample { kernel: dual::centred(&chosen.dot(&chosen.t())), x: chosen };
        Self { x, means, deviations: squares.mapv(f64::sqrt), sample, penalty: 0.0 }
    }

    /// Some of them, or all if they are few.
    pub(crate) fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Makes [`Cells::quiet`] take off noise of so many times the mean variance of the cells along an axis.
    pub(crate) fn with_noise(mut self, noise: f64) -> Self {
        self.penalty = noise * self.sample.kernel.diag().sum() / self.sample.x.nrows().max(1) as f64;
        self
    }

    /// The weight that a ridge regression of its own scores on the cells gives: axes along which many genes move are
    /// kept, what is one cell's noise is not.
    pub(crate) fn quiet(&self, weight: &Array1<f64>) -> Result<Array1<f64>> {
        if self.penalty <= 0.0 {
            return Ok(weight.clone());
        }
        let Sample { x, kernel } = &self.sample;
        dual::primal(x.view(), kernel, x.dot(weight).view(), self.penalty)
    }

    /// The mean of every gene.
    pub(crate) fn means(&self) -> &Array1<f64> {
        &self.means
    }

    /// Scores by a weight of every gene, 0 on average.
    pub(crate) fn scores(&self, weight: &Array1<f64>) -> Array1<f64> {
        let level = self.means.dot(weight);
        let score = |row: ndarray::ArrayView1<f32>| -> f64 {
            row.iter().zip(weight).map(|(&v, w)| f64::from(v) * w).sum::<f64>() - level
        };
        self.x.rows().into_iter().map(score).collect()
    }

    /// The weight that gives scores of deviation 1; all 0 where it gives every cell the same.
    pub(crate) fn unit(&self, weight: &Array1<f64>) -> Array1<f64> {
        let scores = self.scores(weight);
        let deviation = (scores.dot(&scores) / scores.len().max(1) as f64).sqrt();
        if deviation > 1e-12 { weight / deviation } else { Array1::zeros(weight.len()) }
    }

    /// Covariance of every gene with scores of mean 0.
    pub(crate) fn covariances(&self, scores: &Array1<f64>) -> Array1<f64> {
        let n = scores.len().max(1) as f64;
        let mut out = Array1::<f64>::zeros(self.x.ncols());
        for (row, s) in self.x.rows().into_iter().zip(scores) {
            out.zip_mut_with(&row, |o, &v| *o += f64::from(v) * s / n);
        }
        out - &self.means * (scores.sum() / n)
    }

    /// Correlation of every gene with scores of deviation 1; 0 for constant genes.
    pub(crate) fn loadings(&self, scores: &Array1<f64>) -> Array1<f64> {
        let covariances = self.covariances(scores);
        ndarray::Zip::from(&covariances)
            .and(&self.deviations)
            .map_collect(|c, &d| if d > 1e-9 { c / d } else { 0.0 })
    }

    /// One soft round of self-training: every cell is a pseudo-label as strong as its score, and every gene gets the weight
    /// that its covariance with them and its `trust` earn. Draws scores towards the axes along which cells differ most.
    pub(crate) fn sharpened(&self, weight: &Array1<f64>, trust: &Array1<f64>) -> Array1<f64> {
        self.unit(&(self.covariances(&self.scores(weight)) * trust))
    }

    /// Mean correlation between the scores of several weights; 1 for one of them.
    pub(crate) fn agreement(&self, weights: &[Array1<f64>]) -> f64 {
        let scores: Vec<Array1<f64>> = weights.iter().map(|w| self.scores(w)).collect();
        let pairs = (1..scores.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        let all: Vec<f64> =
            pairs.map(|(i, j)| super::correlation(scores[i].view(), scores[j].view())).collect();
        if all.is_empty() { 1.0 } else { all.iter().sum::<f64>() / all.len() as f64 }
    }

    /// The profiles of some cells.
    pub(crate) fn rows(&self, rows: &[usize]) -> Array2<f32> {
        self.x.select(Axis(0), rows)
    }

    /// The mean profile of some cells.
    pub(crate) fn centroid(&self, rows: &[usize]) -> Array1<f64> {
        let sum = self.x.select(Axis(0), rows).mapv(f64::from).sum_axis(Axis(0));
        sum / rows.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    fn noisy() -> Array2<f32> {
        let mut rng = rng_for(5, "cells");
        // Two groups along the first three genes, noise in the others.
        Array2::from_shape_fn((40, 8), |(i, j)| {
            let side = if j < 3 { 2.0 * (i % 2) as f32 } else { 0.0 };
            side + rng.random_range(-1.0f32..1.0)
        })
    }

    #[test]
    fn scores_have_mean_0_and_units_have_deviation_1() {
        let x = noisy();
        let cells = Cells::new(x.view());
        let weight = Array1::from_shape_fn(8, |j| j as f64 - 2.0);
        let scores = cells.scores(&cells.unit(&weight));
        assert!(scores.sum().abs() < 1e-9 && (scores.dot(&scores) / 40.0 - 1.0).abs() < 1e-9);
        assert!(cells.unit(&Array1::zeros(8)).iter().all(|&w| w == 0.0));
        let wide = x.mapv(f64::from);
        for (j, r) in cells.loadings(&scores).iter().enumerate() {
            assert!((r - crate::linear::correlation(wide.column(j), scores.view())).abs() < 1e-9);
        }
    }

    /// (XᵀX + λ) w' = XᵀX w for centred cells: what the regression of a weight's own scores must fulfil.
    #[test]
    fn what_is_quiet_keeps_the_axis_of_the_cells_and_loses_noise() {
        let x = noisy();
        let weight = Array1::from_shape_fn(8, |j| if j < 3 { 0.3 } else { 1.0 });
        let loud = Cells::new(x.view());
        assert_eq!(loud.quiet(&weight).unwrap(), weight);
        let wide = x.mapv(f64::from);
        let centred = &wide - &wide.mean_axis(Axis(0)).unwrap();
        let gram = centred.t().dot(&centred);
        for noise in [0.5, 5.0] {
            let cells = Cells::new(x.view()).with_noise(noise);
            let quiet = cells.quiet(&weight).unwrap();
            let penalty = noise * gram.diag().sum() / 40.0;
            let gap = gram.dot(&quiet) + &quiet * penalty - gram.dot(&weight);
            assert!(gap.iter().all(|g| g.abs() < 1e-9), "{gap}");
            let sides: Array1<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
            let near = |w: &Array1<f64>| crate::linear::correlation(cells.scores(w).view(), sides.view());
            assert!(near(&quiet) > near(&weight), "{} {}", near(&quiet), near(&weight));
        }
    }

    #[test]
    fn sharpening_draws_a_weak_direction_to_the_axis_of_the_cells() {
        let x = noisy();
        let cells = Cells::new(x.view());
        let mut weight = Array1::from_elem(8, 0.3);
        weight[0] = 0.6;
        let sides: Array1<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
        let near = |w: &Array1<f64>| crate::linear::correlation(cells.scores(w).view(), sides.view());
        let sharp = cells.sharpened(&weight, &Array1::ones(8));
        assert!(near(&sharp) > near(&weight) && near(&sharp) > 0.9, "{} {}", near(&weight), near(&sharp));
        // The other way round it goes the other way, with the same strength.
        assert!((near(&cells.sharpened(&-&weight, &Array1::ones(8))) + near(&sharp)).abs() < 1e-12);
    }
}
