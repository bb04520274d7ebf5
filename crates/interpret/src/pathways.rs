//! From genes to pathways: sums of attributions over gene sets, and where the sets lie in the ranking of genes.

use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;
use sensitome_analysis::enrichment::{PrerankOptions, SizeLimits, prerank};
use sensitome_data::read::GeneSets;
use serde::Serialize;

use crate::{Attribution, InterpretError, Result};

/// The attributions of each set: the sum over those of its genes that the model has. Attributions are parts
/// of one difference, so their sum is the part of the set; a gene in several sets counts in each, so the sets
/// together do not sum to the difference. Large sets have large sums: compare with random sets of the same
/// size before believing one.
///
/// Sets with fewer than `least` or more than `most` of the model's genes are left out. The result has sets in
/// place of genes, without baseline and gap; everything that works on genes works on it.
///
/// # Errors
/// When no set is left.
pub fn by_pathway(
    attribution: &Attribution,
    sets: &GeneSets,
    least: usize,
    most: usize,
) -> Result<Attribution> {
    let place: HashMap<&str, usize> =
        attribution.genes.iter().enumerate().map(|(j, g)| (g.as_str(), j)).collect();
    let members =
        |genes: &[String]| genes.iter().filter_map(|g| place.get(g.as_str()).copied()).collect::<Vec<_>>();
    let kept: Vec<(&String, Vec<usize>)> = sets
        .iter()
        .map(|(name, set)| (name, members(&set.genes)))
        .filter(|(_, genes)| (least.max(1)..=most).contains(&genes.len()))
        .collect();
    if kept.is_empty() {
        return Err(InterpretError::invalid(
            "gene sets",
            format!("none of {} has {least} to {most} genes of the model", sets.len()),
            "use sets with the same kind of gene names as the model, or other limits",
        ));
    }
    let mut values = Array2::zeros((attribution.cells.len(), kept.len()));
    for (mut row, genes) in values.rows_mut().into_iter().zip(attribution.values.rows()) {
        for (value, (_, members)) in row.iter_mut().zip(&kept) {
            *value = members.iter().map(|&j| f64::from(genes[j])).sum::<f64>() as f32;
        }
    }
    let sums = Attribution {
        method: attribution.method.clone(),
        target: attribution.target.clone(),
        values,
        baseline: Vec::new(),
        expected: attribution.expected.clone(),
        output: attribution.output.clone(),
        gap: None,
        cells: attribution.cells.clone(),
        genes: kept.into_iter().map(|(name, _)| name.clone()).collect(),
    };
    sums.checked()
}

/// A gene set in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathwayRow {
    /// The set.
    pub pathway: String,
    /// Number of its genes that the model has.
    pub genes: usize,
    /// Sum of its genes' attributions, averaged over cells: the direction.
    pub mean: f64,
    /// Absolute value of that sum, averaged over cells: the weight.
    pub mean_absolute: f64,
    /// Mean absolute attribution of one of its genes, divided by that of any gene: 1 is average, whatever the size.
    pub per_gene: f64,
    /// Normalised enrichment score of the set in the ranking by mean absolute attribution (pre-ranked GSEA; Subramanian
    /// et al. 2005): positive when its genes matter more than others. NaN where it is not defined.
    pub nes: f64,
    /// Its p-value by permutation of genes.
    pub p_value: f64,
    /// Its false discovery rate over the sets.
    pub q_value: f64,
    /// The genes that make the score.
    pub leading_edge: Vec<String>,
}

/// The sets of [`by_pathway`] with their place in the ranking of genes, by descending `mean_absolute`.
///
/// Permuted genes count as independent: sets of genes that go together come out too significant.
///
/// # Errors
/// As [`by_pathway`], and when there are no permutations.
pub fn pathway_table(
    attribution: &Attribution,
    sets: &GeneSets,
    least: usize,
    most: usize,
    permutations: usize,
    seed: u64,
) -> Result<Vec<PathwayRow>> {
    let sums = by_pathway(attribution, sets, least, most)?;
    let weights = attribution.mean_absolute();
    let average = weights.mean().unwrap_or(0.0);
    let limits = SizeLimits { min: least.max(1), max: most };
    let options = PrerankOptions { limits, permutations, seed, ..PrerankOptions::default() };
    let ranked = prerank(&attribution.genes, &weights.to_vec(), sets, &options)?;
    let ranked: HashMap<&str, _> = ranked.sets.iter().map(|s| (s.name.as_str(), s)).collect();
    let weight: HashMap<&str, f64> =
        attribution.genes.iter().map(String::as_str).zip(weights.iter().copied()).collect();
    let rows = sums.ranking().into_iter().filter_map(|sum| {
        let found = ranked.get(sum.gene.as_str())?;
        let own: Vec<f64> =
            sets[&sum.gene].genes.iter().filter_map(|g| weight.get(g.as_str()).copied()).collect();
        Some(PathwayRow {
            genes: own.len(),
            per_gene: own.iter().sum::<f64>() / own.len().max(1) as f64 / average,
            pathway: sum.gene,
            mean: sum.mean,
            mean_absolute: sum.mean_absolute,
            nes: found.nes,
            p_value: found.p_value,
            q_value: found.q_value,
            leading_edge: found.leading_edge.clone(),
        })
    });
    Ok(rows.collect())
}

/// Writes a pathway table: one row a set, the leading edge separated by spaces.
///
/// # Errors
/// When the file cannot be written.
pub fn write_pathways(path: &Path, rows: &[PathwayRow]) -> Result<()> {
    let header = [
        "pathway",
        "genes",
        "mean",
        "mean_absolute",
        "per_gene",
        "nes",
        "p_value",
        "q_value",
        "leading_edge",
    ];
    let rows = rows.iter().map(|r| {
        let numbers =
            [r.mean, r.mean_absolute, r.per_gene, r.nes, r.p_value, r.q_value].map(|v| v.to_string());
        let names = [r.pathway.clone(), r.genes.to_string()].into_iter();
        names.chain(numbers).chain([r.leading_edge.join(" ")]).collect::<Vec<_>>()
    });
    Ok(sensitome_data::write::csv(path, header.map(str::to_owned).to_vec(), rows)?)
}
