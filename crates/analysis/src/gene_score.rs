//! Scores of a list of genes in every cell, against control genes of like expression (Tirosh et al. 2016), as
//! scanpy's `score_genes`.
//!
//! ```
//! use ndarray::Array2;
//! use sensitome_analysis::gene_score::{ScoreOptions, score_genes};
//!
//! let names: Vec<String> = (0..40).map(|j| format!("G{j}")).collect();
//! // The listed genes are up in the second cell.
//! let x = Array2::from_shape_fn((2, 40), |(i, j)| j as f32 / 10.0 + if i == 1 && j < 4 { 2.0 } else { 0.0 });
//! let options = ScoreOptions { n_bins: 5, ..ScoreOptions::default() };
//! let score = score_genes(&x, &names, &["G0", "G1", "G2", "G3", "not measured"], &options)?;
//! assert!(score.scores[1] > score.scores[0]);
//! assert_eq!(score.missing, ["not measured"]);
//! # Ok::<(), sensitome_analysis::AnalysisError>(())
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use sensitome_data::rng::NumpyRng;
use serde::{Deserialize, Serialize};

use crate::error::same_length;
use crate::{AnalysisError, Matrix, Real, Result};

/// Settings of [`score_genes`], scanpy's by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreOptions {
    /// Control genes drawn from each bin that holds a listed gene.
    pub control_size: usize,
    /// Number of bins of mean expression (about; see [`ControlPlan::gene_bin`]).
    pub n_bins: usize,
    /// Whether the listed genes take part in the draw of controls and are removed after it (`ctrl_as_ref`): then
    /// fewer than `control_size` may stay.
    pub draw_listed: bool,
    /// Names of the genes controls are drawn from; all by default.
    pub gene_pool: Option<Vec<String>>,
    /// Seed of the draw. Draws the same genes as scanpy does with this `random_state`.
    pub seed: u64,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self { control_size: 50, n_bins: 25, draw_listed: true, gene_pool: None, seed: 0 }
    }
}

/// A score for every cell, and what it was made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneScores {
    /// Mean of the listed genes less mean of the control genes, one per cell, in the units of the matrix.
    pub scores: Vec<f64>,
    /// Columns of the listed genes that are in the matrix, ascending.
    pub listed: Vec<usize>,
    /// Columns of the control genes, ascending.
    pub controls: Vec<usize>,
    /// Listed genes that are not in the matrix, and were ignored.
    pub missing: Vec<String>,
}

/// The part of [`score_genes`] that leaves nothing to chance: which genes can serve as controls.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPlan {
    /// Columns of the listed genes, ascending.
    pub listed: Vec<usize>,
    /// Listed genes that are not in the matrix.
    pub missing: Vec<String>,
    /// Columns of the genes controls are drawn from, ascending.
    pub pool: Vec<usize>,
    /// Mean over the cells of each gene of the pool.
    pub gene_mean: Vec<f64>,
    /// Genes a bin: pool / (`n_bins` − 1), rounded half to even.
    pub genes_per_bin: usize,
    /// Bin of each gene of the pool: its rank by mean (ties take the lowest, from 1) divided by `genes_per_bin`,
    /// rounded down.
    pub gene_bin: Vec<usize>,
    /// The bins with a listed gene, ascending.
    pub bins_used: Vec<usize>,
    /// Columns that can be drawn in each of `bins_used`, ascending.
    pub candidates: Vec<Vec<usize>>,
    control_size: usize,
}

/// Scores a list of genes in every cell, as scanpy's `score_genes`.
///
/// `matrix` is cells × genes, `genes` names its columns. Listed genes that are not in the matrix are ignored and
/// reported.
///
/// # Errors
/// When lengths differ, names repeat, a value is not finite, no listed gene is in the matrix, a listed gene is not in
/// the given pool, there are too few genes for the bins, or no control gene is left.
pub fn score_genes<'a, T: Real + 'a, G: AsRef<str>, L: AsRef<str>>(
    matrix: impl Into<Matrix<'a, T>>,
    genes: &[G],
    list: &[L],
    options: &ScoreOptions,
) -> Result<GeneScores> {
    let matrix: Matrix<'a, T> = matrix.into();
    let plan = ControlPlan::new(matrix, genes, list, options)?;
    let controls = plan.draw(options.seed);
    if controls.is_empty() {
        return Err(AnalysisError::invalid(
            "controls",
            "no gene is left to compare the list with",
            "set draw_listed to false, use fewer bins, or widen the pool",
        ));
    }
    let scores = score_against(matrix, &plan.listed, &controls)?;
    Ok(GeneScores { scores, listed: plan.listed, controls, missing: plan.missing })
}

/// Mean of some genes less mean of others in every cell; columns of the matrix, none twice.
///
/// # Errors
/// When a list is empty, a column does not exist or is named twice, or a value is not finite.
pub fn score_against<'a, T: Real + 'a>(
    matrix: impl Into<Matrix<'a, T>>,
    listed: &[usize],
    controls: &[usize],
) -> Result<Vec<f64>> {
    let matrix: Matrix<'a, T> = matrix.into();
    let mut weight = vec![[0.0_f64; 2]; matrix.n_genes()];
    for (side, (columns, what)) in
        [(listed, "listed genes"), (controls, "control genes")].into_iter().enumerate()
    {
        if columns.is_empty() {
            return Err(AnalysisError::Empty { what });
        }
        for &j in columns {
            match weight.get_mut(j) {
                Some(w) if w[side] == 0.0 => w[side] = 1.0,
                Some(_) => return Err(AnalysisError::Duplicate { what, name: format!("column {j}") }),
                None => {
                    let problem = format!("column {j} of {} does not exist", matrix.n_genes());
                    return Err(AnalysisError::invalid(what, problem, "positions count from 0"));
                }
            }
        }
    }
    let score = |cell: usize| {
        let mut sums = [0.0; 2];
        matrix.non_zero(cell, 0..matrix.n_genes(), |gene, value| {
            let value: f64 = value.into();
            sums[0] += weight[gene][0] * value;
            sums[1] += weight[gene][1] * value;
        })?;
        Ok(sums[0] / listed.len() as f64 - sums[1] / controls.len() as f64)
    };
    // Collected before the first error is taken: the one reported is then always the same.
    let scores: Vec<Result<f64>> = (0..matrix.n_cells()).into_par_iter().map(score).collect();
    scores.into_iter().collect()
}

impl ControlPlan {
    /// Works out bins and candidates; arguments and errors as of [`score_genes`].
    pub fn new<'a, T: Real + 'a, G: AsRef<str>, L: AsRef<str>>(
        matrix: impl Into<Matrix<'a, T>>,
        genes: &[G],
        list: &[L],
        options: &ScoreOptions,
    ) -> Result<Self> {
        let matrix: Matrix<'a, T> = matrix.into();
        same_length("gene names", genes.len(), matrix.n_genes())?;
        if matrix.n_cells() == 0 {
            return Err(AnalysisError::Empty { what: "cells" });
        }
        if list.is_empty() {
            return Err(AnalysisError::Empty { what: "listed genes" });
        }
        let index = index_of(genes)?;
        let (listed, missing) = columns_of(&index, list);
        if listed.is_empty() {
            let missing: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
            return Err(AnalysisError::unknown_genes(
                "the listed genes",
                "the matrix",
                &missing,
                "check that both use the same kind of names (symbols or Ensembl)",
            ));
        }
        let pool = match &options.gene_pool {
            None => (0..genes.len()).collect(),
            Some(names) => columns_of(&index, names).0,
        };
        let in_pool: HashSet<usize> = pool.iter().copied().collect();
        let outside: Vec<&str> =
            listed.iter().filter(|j| !in_pool.contains(j)).map(|&j| genes[j].as_ref()).collect();
        if !outside.is_empty() {
            let hint = "add the listed genes to the pool";
            return Err(AnalysisError::unknown_genes("the listed genes", "the gene pool", &outside, hint));
        }
        let genes_per_bin = bin_size(pool.len(), options.n_bins)?;
        let means = column_means(&matrix)?;
        let gene_mean: Vec<f64> = pool.iter().map(|&j| means[j]).collect();
        let gene_bin: Vec<usize> = lowest_ranks(&gene_mean).iter().map(|rank| rank / genes_per_bin).collect();
        let is_listed: HashSet<usize> = listed.iter().copied().collect();
        let pairs = || pool.iter().zip(&gene_bin);
        let used: BTreeSet<usize> = pairs().filter(|(j, _)| is_listed.contains(j)).map(|(_, &b)| b).collect();
        let bins_used: Vec<usize> = used.into_iter().collect();
        let can_be_drawn = |j: &usize| options.draw_listed || !is_listed.contains(j);
        let candidates = bins_used
            .iter()
            .map(|bin| pairs().filter(|(j, b)| *b == bin && can_be_drawn(j)).map(|(&j, _)| j).collect())
            .collect();
        Ok(Self {
            listed,
            missing,
            pool,
            gene_mean,
            genes_per_bin,
            gene_bin,
            bins_used,
            candidates,
            control_size: options.control_size,
        })
    }

    /// Draws control genes: columns, ascending, without the listed genes. The same as scanpy (pandas' `sample` on
    /// numpy's global generator) draws with this seed, given the same bins.
    pub fn draw(&self, seed: u64) -> Vec<usize> {
        let mut generator = NumpyRng::new(seed);
        let mut controls = BTreeSet::new();
        for candidates in &self.candidates {
            if self.control_size < candidates.len() {
                let order = generator.permutation(candidates.len());
                controls.extend(order[..self.control_size].iter().map(|&k| candidates[k]));
            } else {
                controls.extend(candidates);
            }
        }
        for j in &self.listed {
            controls.remove(j);
        }
        controls.into_iter().collect()
    }
}

fn bin_size(pool: usize, n_bins: usize) -> Result<usize> {
    let bad = |problem: String| AnalysisError::invalid("n_bins", problem, "use fewer bins, but at least 2");
    if n_bins < 2 {
        return Err(bad(format!("{n_bins} bins tell no levels of expression apart")));
    }
    match (pool as f64 / (n_bins - 1) as f64).round_ties_even() as usize {
        0 => Err(bad(format!("{n_bins} bins for {pool} genes leave bins without a gene"))),
        size => Ok(size),
    }
}

/// Column of every name.
pub(crate) fn index_of<G: AsRef<str>>(genes: &[G]) -> Result<HashMap<&str, usize>> {
    let mut index = HashMap::with_capacity(genes.len());
    for (j, gene) in genes.iter().enumerate() {
        if index.insert(gene.as_ref(), j).is_some() {
            return Err(AnalysisError::Duplicate { what: "gene names", name: gene.as_ref().to_owned() });
        }
    }
    Ok(index)
}

/// Columns of the names that exist, ascending, each once; and the names that do not.
fn columns_of<L: AsRef<str>>(index: &HashMap<&str, usize>, names: &[L]) -> (Vec<usize>, Vec<String>) {
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    for name in names.iter().map(AsRef::as_ref) {
        match index.get(name) {
            Some(&j) => {
                found.insert(j);
            }
            None => missing.push(name.to_owned()),
        }
    }
    (found.into_iter().collect(), missing)
}

fn column_means<T: Real>(matrix: &Matrix<'_, T>) -> Result<Vec<f64>> {
    let mut sums = vec![0.0_f64; matrix.n_genes()];
    for cell in 0..matrix.n_cells() {
        matrix.non_zero(cell, 0..matrix.n_genes(), |gene, value| sums[gene] += value.into())?;
    }
    Ok(sums.into_iter().map(|s| s / matrix.n_cells() as f64).collect())
}

/// Ranks from 1; ties take the lowest.
fn lowest_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        for &i in tied {
            ranks[i] = before + 1;
        }
        before += tied.len();
    }
    ranks
}
