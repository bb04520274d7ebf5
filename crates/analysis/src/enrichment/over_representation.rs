//! Gene sets that are frequent among chosen genes.

use std::collections::HashSet;

use sensitome_data::read::GeneSets;
use serde::{Deserialize, Serialize};

use super::{Kept, SizeLimits};
use crate::gene_score::index_of;
use crate::special::hypergeometric_tail;
use crate::{AnalysisError, Correction, Result, p_adjust};

/// Settings of [`over_representation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverRepresentationOptions {
    /// Sets by number of genes in the background.
    pub limits: SizeLimits,
    /// How p-values are adjusted for the number of sets.
    pub correction: Correction,
}

impl Default for OverRepresentationOptions {
    fn default() -> Self {
        Self { limits: SizeLimits::ANY, correction: Correction::default() }
    }
}

/// All tested sets, in the order given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverRepresentation {
    /// One entry per tested set.
    pub sets: Vec<SetOverlap>,
    /// Sets left out for their size; they do not count in the adjustment.
    pub skipped: Vec<String>,
    /// Number of chosen genes.
    pub n_hits: usize,
    /// Number of genes in the background.
    pub n_background: usize,
}

/// One set against the chosen genes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetOverlap {
    /// The set.
    pub name: String,
    /// Number of its genes in the background.
    pub size: usize,
    /// Its genes among the chosen, in the order of the background.
    pub genes: Vec<String>,
    /// How many times more of them than expected by chance.
    pub fold_enrichment: f64,
    /// P(at least as many) by chance: hypergeometric, one-sided; equal to Fisher's exact test.
    pub p_value: f64,
    /// Adjusted for the number of sets.
    pub p_adjusted: f64,
}

/// Tests whether gene sets are frequent among chosen genes (hypergeometric).
///
/// `background` is every gene that could have been chosen: the genes that were *tested*, not the genome. A background
/// that is too large makes everything significant.
///
/// # Errors
/// When there is no hit, a name occurs twice, a hit is not in the background, or no set is left to test.
pub fn over_representation<H: AsRef<str>, B: AsRef<str>>(
    hits: &[H],
    background: &[B],
    sets: &GeneSets,
    options: &OverRepresentationOptions,
) -> Result<OverRepresentation> {
    if hits.is_empty() {
        return Err(AnalysisError::Empty { what: "chosen genes" });
    }
    let index = index_of(background)?;
    let mut chosen = HashSet::with_capacity(hits.len());
    let mut outside = Vec::new();
    for hit in hits.iter().map(AsRef::as_ref) {
        match index.get(hit) {
            None => outside.push(hit),
            Some(&j) if chosen.insert(j) => {}
            Some(_) => {
                return Err(AnalysisError::Duplicate { what: "chosen genes", name: hit.to_owned() });
            }
        }
    }
    if !outside.is_empty() {
        let hint =
            "the background holds every gene that could have been chosen: pass all genes that were tested";
        return Err(AnalysisError::unknown_genes("the chosen genes", "the background", &outside, hint));
    }
    let kept = Kept::new(&index, sets, options.limits, true)?;
    let (n_background, n_hits) = (background.len(), chosen.len());
    let mut rows: Vec<SetOverlap> = kept
        .sets
        .iter()
        .map(|set| {
            let shared = set.genes.iter().filter(|j| chosen.contains(j));
            let genes: Vec<String> = shared.map(|&j| background[j].as_ref().to_owned()).collect();
            let size = set.genes.len();
            let expected = n_hits as f64 * size as f64 / n_background as f64;
            SetOverlap {
                name: set.name.to_owned(),
                size,
                fold_enrichment: genes.len() as f64 / expected,
                p_value: hypergeometric_tail(genes.len(), n_background, size, n_hits),
                p_adjusted: f64::NAN,
                genes,
            }
        })
        .collect();
    let p_values: Vec<f64> = rows.iter().map(|r| r.p_value).collect();
    for (row, p) in rows.iter_mut().zip(p_adjust(&p_values, options.correction)?) {
        row.p_adjusted = p;
    }
    Ok(OverRepresentation { sets: rows, skipped: kept.skipped, n_hits, n_background })
}
