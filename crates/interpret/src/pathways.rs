//! From genes to pathways: sums of attributions over gene sets.

use ndarray::Array2;
use sensitome_data::read::GeneSets;
use std::collections::HashMap;

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
