//! Gene set variation analysis.

use ndarray::Array2;
use rayon::prelude::*;
use sensitome_data::read::GeneSets;
use serde::{Deserialize, Serialize};

use super::{Kept, SetScores, SizeLimits, by_name, columns, running_sum};
use crate::gene_score::index_of;
use crate::{AnalysisError, Matrix, Real, Result};
use sensitome_eval::special::normal_cdf;

/// Settings of [`gsva`]: those of the R package by default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GsvaOptions {
    /// Sets by number of measured genes.
    pub limits: SizeLimits,
    /// Exponent of the rank statistic in the weights of the set's genes, from 0.
    pub tau: f64,
    /// Whether the score is the sum of the greatest and the least deviation (`mx.diff`), else the farther of the two.
    pub max_diff: bool,
    /// Whether, with `max_diff`, the least deviation is taken as positive too (`abs.ranking`): finds sets whose
    /// genes change in either direction.
    pub abs_ranking: bool,
}

impl Default for GsvaOptions {
    fn default() -> Self {
        Self { limits: SizeLimits::ANY, tau: 1.0, max_diff: true, abs_ranking: false }
    }
}

/// Scores gene sets in every sample relative to the other samples (Hänzelmann et al. 2013), Gaussian kernel.
///
/// Genes that do not vary are left out and reported. The normal distribution is computed, where the R package and
/// gseapy read it from a table. Genes with equal statistic are ordered by name.
///
/// Needs the square of the number of distinct values of each gene in time, and samples × genes doubles twice in
/// memory: made for bulk and pseudo-bulk samples; for many cells use [`super::ssgsea`].
///
/// # Errors
/// When names do not fit the matrix or repeat, there are fewer than two samples, a value is not finite, no gene
/// varies, `tau` is negative, or no set is left.
pub fn gsva<'a, T: Real + 'a, G: AsRef<str>>(
    matrix: impl Into<Matrix<'a, T>>,
    genes: &[G],
    sets: &GeneSets,
    options: &GsvaOptions,
) -> Result<SetScores> {
    let matrix: Matrix<'a, T> = matrix.into();
    if !(options.tau.is_finite() && options.tau >= 0.0) {
        let problem = format!("{} is no exponent of ranks", options.tau);
        return Err(AnalysisError::invalid("tau", problem, "pass 0 or more; 1 is usual"));
    }
    columns(genes, matrix.n_genes())?;
    let n = matrix.n_cells();
    if n < 2 {
        return Err(AnalysisError::TooFew { what: "samples".into(), got: n, needed: 2 });
    }
    let mut by_gene = gene_rows(&matrix)?;
    let constant: Vec<bool> = by_gene.chunks_exact(n).map(|v| bandwidth(v).is_none()).collect();
    let varying: Vec<usize> = (0..constant.len()).filter(|&j| !constant[j]).collect();
    let names: Vec<&str> = varying.iter().map(|&j| genes[j].as_ref()).collect();
    if names.is_empty() {
        let hint = "pass samples that differ";
        return Err(AnalysisError::invalid("matrix", "no gene varies over the samples", hint));
    }
    let kept = Kept::new(&index_of(&names)?, sets, options.limits, false)?;
    by_gene.par_chunks_exact_mut(n).for_each(log_odds);
    let first = by_name(&names);
    let rows: Vec<Vec<f64>> = (0..n)
        .into_par_iter()
        .map(|sample| {
            let statistic = |k: usize| by_gene[varying[k] * n + sample];
            let mut order = first.clone();
            order.sort_by(|&a, &b| statistic(b).total_cmp(&statistic(a)));
            let mut place = vec![0_u32; order.len()];
            for (position, &k) in (0..).zip(&order) {
                place[k] = position;
            }
            kept.sets.iter().map(|set| score(&place, &set.genes, options)).collect()
        })
        .collect();
    let scores = Array2::from_shape_fn((n, kept.sets.len()), |(i, s)| rows[i][s]);
    let constant_genes = (0..constant.len()).filter(|&j| constant[j]).collect();
    Ok(SetScores { sets: kept.names(), scores, skipped: kept.skipped, constant_genes })
}

/// All values, gene after gene.
fn gene_rows<T: Real>(matrix: &Matrix<'_, T>) -> Result<Vec<f64>> {
    let n = matrix.n_cells();
    let mut rows = vec![0.0; n * matrix.n_genes()];
    for cell in 0..n {
        matrix.non_zero(cell, 0..matrix.n_genes(), |gene, value| rows[gene * n + cell] = value.into())?;
    }
    Ok(rows)
}

/// A quarter of the standard deviation; `None` where nothing varies.
fn bandwidth(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let width = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt() / 4.0;
    // Rounding of the mean can give a constant a variance, and tiny differences have squares of zero.
    (width.is_normal() && values.iter().any(|x| *x != values[0])).then_some(width)
}

/// Replaces the values of a gene by the log odds of their smoothed distribution function.
fn log_odds(values: &mut [f64]) {
    let Some(width) = bandwidth(values) else { return };
    let n = values.len() as f64;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Each distinct value once, with how often it occurs: zeros are most of a sparse gene.
    let distinct: Vec<(f64, f64)> =
        sorted.chunk_by(|a, b| a == b).map(|tied| (tied[0], tied.len() as f64)).collect();
    let odds: Vec<f64> = distinct
        .iter()
        .map(|(x, _)| {
            let f = distinct.iter().map(|(y, count)| count * normal_cdf((x - y) / width)).sum::<f64>() / n;
            -((1.0 - f) / f).ln()
        })
        .collect();
    for value in values {
        *value = odds[distinct.partition_point(|(x, _)| x < value).min(odds.len() - 1)];
    }
}

fn score(place: &[u32], set: &[usize], options: &GsvaOptions) -> f64 {
    let mut positions: Vec<u32> = set.iter().map(|&k| place[k]).collect();
    positions.sort_unstable();
    let middle = place.len() as f64 / 2.0;
    let found = running_sum(&positions, place.len(), |p| (middle - f64::from(p)).abs().powf(options.tau));
    match (options.max_diff, options.abs_ranking) {
        (true, false) => found.high + found.low,
        (true, true) => found.high - found.low,
        (false, _) => found.extreme(),
    }
}
