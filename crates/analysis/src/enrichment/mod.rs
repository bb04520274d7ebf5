//! Gene sets: frequent among chosen genes, at one end of a ranking, or active in a cell.
//!
//! | you have | use |
//! |---|---|
//! | a list of genes, and the genes that could have been on it | [`over_representation`] |
//! | a score for every gene | [`prerank`] |
//! | expression of cells, rank based, each cell by itself | [`ssgsea`] |
//! | expression of some (pseudo-bulk) samples, each relative to the others | [`gsva`] |
//!
//! Gene sets come from [`sensitome_data::read::gmt`]. Genes of a set that were not measured are ignored, and sets
//! that are then outside [`SizeLimits`] are left out and reported by name.

mod gsva;
mod over_representation;
mod prerank;
mod ssgsea;

use std::collections::HashMap;

use ndarray::Array2;
use sensitome_data::read::GeneSets;
use serde::{Deserialize, Serialize};

pub use gsva::{GsvaOptions, gsva};
pub use over_representation::{
    OverRepresentation, OverRepresentationOptions, SetOverlap, over_representation,
};
pub use prerank::{Prerank, PrerankOptions, SetEnrichment, prerank};
pub use ssgsea::{SsgseaOptions, ssgsea};

use crate::error::same_length;
use crate::gene_score::index_of;
use crate::{AnalysisError, Result};

/// Which sets are looked at, by the number of their genes that were measured; both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeLimits {
    /// The smallest set.
    pub min: usize,
    /// The largest set.
    pub max: usize,
}

impl SizeLimits {
    /// Every set with a measured gene.
    pub const ANY: Self = Self { min: 1, max: usize::MAX };
    /// 15 to 500 genes, as the GSEA software has it.
    pub const GSEA: Self = Self { min: 15, max: 500 };

    fn allow(&self, size: usize) -> bool {
        size >= self.min.max(1) && size <= self.max
    }
}

/// A score for every cell and gene set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetScores {
    /// Names of the sets, the columns of `scores`.
    pub sets: Vec<String>,
    /// Cells × sets.
    pub scores: Array2<f64>,
    /// Sets left out for their size.
    pub skipped: Vec<String>,
    /// Genes left out as they do not vary (GSVA only): columns of the matrix, ascending.
    pub constant_genes: Vec<usize>,
}

impl SetScores {
    /// The scores divided by their range over all cells and sets, as ssGSEA's NES; `None` where all are equal.
    pub fn normalized(&self) -> Option<Array2<f64>> {
        let (low, high) = self
            .scores
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &s| (low.min(s), high.max(s)));
        (high > low).then(|| self.scores.mapv(|s| s / (high - low)))
    }
}

/// A set as positions in a list of genes, ascending.
struct Members<'a> {
    name: &'a str,
    genes: Vec<usize>,
}

/// The sets within the limits, and the names of the others.
struct Kept<'a> {
    sets: Vec<Members<'a>>,
    skipped: Vec<String>,
}

impl<'a> Kept<'a> {
    /// Finds the sets' genes. `whole`: whether a set may hold all genes, so that none is outside.
    fn new(
        index: &HashMap<&str, usize>,
        sets: &'a GeneSets,
        limits: SizeLimits,
        whole: bool,
    ) -> Result<Self> {
        if sets.is_empty() {
            return Err(AnalysisError::Empty { what: "gene sets" });
        }
        let mut kept = Self { sets: Vec::new(), skipped: Vec::new() };
        let mut found = false;
        for (name, set) in sets {
            let mut genes: Vec<usize> =
                set.genes.iter().filter_map(|g| index.get(g.as_str()).copied()).collect();
            genes.sort_unstable();
            genes.dedup();
            found |= !genes.is_empty();
            if limits.allow(genes.len()) && (whole || genes.len() < index.len()) {
                kept.sets.push(Members { name, genes });
            } else {
                kept.skipped.push(name.clone());
            }
        }
        if !found {
            let examples: Vec<&str> = sets.values().flat_map(|s| &s.genes).map(String::as_str).collect();
            let hint = "check that both use the same kind of names (symbols or Ensembl)";
            return Err(AnalysisError::unknown_genes("the sets' genes", "the genes given", &examples, hint));
        }
        if kept.sets.is_empty() {
            let problem =
                format!("none of {} sets has {} to {} measured genes", sets.len(), limits.min, limits.max);
            return Err(AnalysisError::invalid("limits", problem, "widen them (SizeLimits::ANY)"));
        }
        Ok(kept)
    }

    fn names(&self) -> Vec<String> {
        self.sets.iter().map(|s| s.name.to_owned()).collect()
    }
}

/// Checks names against a matrix, and maps them to columns.
fn columns<G: AsRef<str>>(genes: &[G], n_genes: usize) -> Result<HashMap<&str, usize>> {
    same_length("gene names", genes.len(), n_genes)?;
    index_of(genes)
}

/// Positions of the names in alphabetical order: breaks ties alike however the genes are ordered.
fn by_name<G: AsRef<str>>(genes: &[G]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..genes.len()).collect();
    order.sort_by_key(|&j| genes[j].as_ref());
    order
}

/// Greatest and least deviation of the running sum of GSEA, and the number of hits up to each.
///
/// `positions` of the set's genes among `n`, ascending; at a hit the sum steps up by its share of `weights`, elsewhere
/// down by 1 / (n − hits). Weights that are all zero count as equal.
fn running_sum(positions: &[u32], n: usize, weight: impl Fn(u32) -> f64) -> Deviations {
    let total: f64 = positions.iter().map(|&p| weight(p)).sum();
    let hits = positions.len() as f64;
    let down = 1.0 / (n as f64 - hits);
    let mut sum = 0.0;
    let mut found = Deviations { high: 0.0, low: 0.0, hits_at_high: 0, hits_at_low: 0 };
    for (i, &p) in positions.iter().enumerate() {
        let misses = (p as usize - i) as f64 * down;
        if sum - misses < found.low {
            (found.low, found.hits_at_low) = (sum - misses, i);
        }
        sum += if total > 0.0 { weight(p) / total } else { 1.0 / hits };
        if sum - misses > found.high {
            (found.high, found.hits_at_high) = (sum - misses, i + 1);
        }
    }
    found
}

struct Deviations {
    high: f64,
    low: f64,
    /// Hits up to the greatest deviation, itself included.
    hits_at_high: usize,
    /// Hits before the least deviation.
    hits_at_low: usize,
}

impl Deviations {
    /// The one farther from zero.
    fn extreme(&self) -> f64 {
        if self.high > -self.low { self.high } else { self.low }
    }
}
