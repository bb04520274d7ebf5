//! The result of a comparison, and tables of it.

use serde::Serialize;

use super::Comparison;
use crate::error::same_length;
use crate::{AnalysisError, Result};

/// All genes of all tested groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedGenes {
    /// One entry per tested group.
    pub groups: Vec<GroupGenes>,
    /// The settings they come from.
    pub settings: Comparison,
}

/// One group against its reference. Vectors have one value per gene, in the order of the matrix's columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupGenes {
    /// The group.
    pub name: String,
    /// Number of its cells.
    pub n_cells: usize,
    /// Number of cells it is compared with.
    pub n_reference: usize,
    /// z of the rank sum, or t: positive where the group is higher. 0 where nothing varies.
    pub scores: Vec<f64>,
    /// Two-sided p-values.
    pub p_values: Vec<f64>,
    /// P-values adjusted for the number of genes.
    pub p_adjusted: Vec<f64>,
    /// log2 fold changes as scanpy defines them; NaN where a mean is negative.
    pub log_fold_changes: Vec<f64>,
    /// Means of the values in the group.
    pub means: Vec<f64>,
    /// Means of the values in the reference.
    pub reference_means: Vec<f64>,
    /// Fractions of the group's cells in which the gene is not zero.
    pub fractions: Vec<f64>,
    /// Fractions of the reference's cells in which the gene is not zero.
    pub reference_fractions: Vec<f64>,
}

/// One gene of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneRow {
    /// The tested group.
    pub group: String,
    /// The gene's name.
    pub gene: String,
    /// z or t.
    pub score: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// P-value adjusted for the number of genes.
    pub p_adjusted: f64,
    /// log2 fold change.
    pub log_fold_change: f64,
    /// Mean in the group less mean in the reference.
    pub mean_difference: f64,
    /// Fraction of the group's cells in which the gene is not zero.
    pub fraction: f64,
    /// The same of the reference.
    pub reference_fraction: f64,
}

impl RankedGenes {
    /// The results of one group.
    ///
    /// # Errors
    /// When it was not tested.
    pub fn group(&self, name: &str) -> Result<&GroupGenes> {
        self.groups.iter().find(|g| g.name == name).ok_or_else(|| AnalysisError::UnknownGroup {
            name: name.to_owned(),
            known: self.groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl GroupGenes {
    /// Columns of the genes by decreasing score; equal scores in the order of the matrix.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        order
    }

    /// Columns of the genes that are higher in the group, by decreasing score: adjusted p at most `p_adjusted` and
    /// log2 fold change at least `log_fold_change`.
    pub fn higher(&self, p_adjusted: f64, log_fold_change: f64) -> Vec<usize> {
        let mut order = self.ranking();
        order.retain(|&j| {
            let significant = self.p_adjusted[j] <= p_adjusted && self.scores[j] > 0.0;
            significant && self.log_fold_changes[j] >= log_fold_change
        });
        order
    }

    /// The chosen genes (columns) as rows of a table, `genes` naming all columns.
    ///
    /// # Errors
    /// When `genes` has another length than the matrix had, or a column does not exist.
    pub fn table<S: AsRef<str>>(&self, genes: &[S], columns: &[usize]) -> Result<Vec<GeneRow>> {
        same_length("gene names", genes.len(), self.scores.len())?;
        let row = |&j: &usize| {
            let gene = genes.get(j).ok_or_else(|| {
                let problem = format!("gene {j} of {} does not exist", genes.len());
                AnalysisError::invalid("columns", problem, "positions count from 0")
            })?;
            Ok(GeneRow {
                group: self.name.clone(),
                gene: gene.as_ref().to_owned(),
                score: self.scores[j],
                p_value: self.p_values[j],
                p_adjusted: self.p_adjusted[j],
                log_fold_change: self.log_fold_changes[j],
                mean_difference: self.means[j] - self.reference_means[j],
                fraction: self.fractions[j],
                reference_fraction: self.reference_fractions[j],
            })
        };
        columns.iter().map(row).collect()
    }
}
