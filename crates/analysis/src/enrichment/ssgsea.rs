//! Single-sample gene set enrichment.

use ndarray::Array2;
use rayon::prelude::*;
use sensitome_data::read::GeneSets;
use serde::{Deserialize, Serialize};

use super::{Kept, SetScores, SizeLimits, columns};
use crate::{AnalysisError, Matrix, Real, Result};

/// Settings of [`ssgsea`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SsgseaOptions {
    /// Sets by number of measured genes.
    pub limits: SizeLimits,
    /// Exponent of the ranks in the weights of the set's genes, from 0: 0.25 in the paper.
    pub weight: f64,
}

impl Default for SsgseaOptions {
    fn default() -> Self {
        Self { limits: SizeLimits::ANY, weight: 0.25 }
    }
}

/// Scores gene sets in every cell by ranks within the cell (Barbie et al. 2009), as gseapy's `ssgsea` and
/// ssGSEAProjection; [`SetScores::normalized`] gives the NES.
///
/// The score, a sum over all positions of the running difference of two distribution functions, equals the mean
/// rank of the set's genes weighted by rank^`weight`, less the mean rank of all other genes; so it is computed. Tied
/// genes (the zeros of sparse data) share their mean rank: the score is the expectation over their orders, where
/// other programs take the order of the file.
///
/// # Errors
/// When names do not fit the matrix or repeat, a value is not finite, the weight is negative, or no set is left.
pub fn ssgsea<'a, T: Real + 'a, G: AsRef<str>>(
    matrix: impl Into<Matrix<'a, T>>,
    genes: &[G],
    sets: &GeneSets,
    options: &SsgseaOptions,
) -> Result<SetScores> {
    let matrix: Matrix<'a, T> = matrix.into();
    if !(options.weight.is_finite() && options.weight >= 0.0) {
        let problem = format!("{} is no exponent of ranks", options.weight);
        return Err(AnalysisError::invalid("weight", problem, "pass 0 or more; 0.25 is usual"));
    }
    if matrix.n_cells() == 0 {
        return Err(AnalysisError::Empty { what: "cells" });
    }
    let index = columns(genes, matrix.n_genes())?;
    let kept = Kept::new(&index, sets, options.limits, false)?;
    let rows: Vec<Result<Vec<f64>>> = (0..matrix.n_cells())
        .into_par_iter()
        .map(|cell| {
            let ranks = ranks_of_cell(&matrix, cell)?;
            Ok(kept.sets.iter().map(|set| score(&ranks, &set.genes, options.weight)).collect())
        })
        .collect();
    let mut scores = Array2::zeros((matrix.n_cells(), kept.sets.len()));
    for (mut to, row) in scores.rows_mut().into_iter().zip(rows) {
        to.iter_mut().zip(row?).for_each(|(to, score)| *to = score);
    }
    Ok(SetScores { sets: kept.names(), scores, skipped: kept.skipped, constant_genes: Vec::new() })
}

fn score(ranks: &[f64], set: &[usize], weight: f64) -> f64 {
    let n = ranks.len() as f64;
    let (mut weights, mut weighted, mut sum) = (0.0, 0.0, 0.0);
    for &j in set {
        let w = ranks[j].powf(weight);
        weights += w;
        weighted += w * ranks[j];
        sum += ranks[j];
    }
    weighted / weights - (n * (n + 1.0) / 2.0 - sum) / (n - set.len() as f64)
}

/// Ranks from 1 (lowest) of the genes of a cell, ties sharing their mean rank.
fn ranks_of_cell<T: Real>(matrix: &Matrix<'_, T>, cell: usize) -> Result<Vec<f64>> {
    let n = matrix.n_genes();
    let mut values: Vec<(f64, usize)> = Vec::new();
    matrix.non_zero(cell, 0..n, |gene, value| values.push((value.into(), gene)))?;
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let zeros = n - values.len();
    let negative = values.partition_point(|v| v.0 < 0.0);
    let mut ranks = vec![negative as f64 + (zeros + 1) as f64 / 2.0; n];
    let mut before = 0;
    for tied in values.chunk_by(|a, b| a.0 == b.0) {
        let start = if tied[0].0 > 0.0 { before + zeros } else { before };
        for &(_, gene) in tied {
            ranks[gene] = start as f64 + (tied.len() + 1) as f64 / 2.0;
        }
        before += tied.len();
    }
    Ok(ranks)
}
