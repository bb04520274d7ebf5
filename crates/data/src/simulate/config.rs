//! What is simulated, and how hard it is.

use serde::{Deserialize, Serialize};

use super::pathways::PATHWAYS;
use crate::{DataError, Result};

/// Size, seed and difficulty of a simulation. `SimulationConfig::default()` is the project's embedded data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationConfig {
    /// Bulk cell lines, at least 20.
    pub n_lines: usize,
    /// Single cells, at least 20.
    pub n_cells: usize,
    /// Genes, at least the 240 of the pathways; the others (`BG0001`, ...) belong to none.
    pub n_genes: usize,
    /// Drugs in the response table, the first of which the cells are labelled for.
    pub n_drugs: usize,
    /// Clusters of cells, unrelated to the response.
    pub n_clusters: usize,
    /// Share of the cells that are sensitive, 0 to 1: at the ends all cells are of one class.
    pub sensitive_share: f64,
    /// From -1 to 1: how far the programmes that mislead move along with the cells' response in the direction that bulk
    /// suggests (1: they help after all) or against it (-1: bulk points the wrong way); the rest of them marks clusters.
    pub confounder_alignment: f64,
    /// How many drugs besides the first act through its programmes, each with misleading programmes of its own.
    pub n_sharing: usize,
    /// Median counts of a cell before dropout, 100 to a million.
    pub median_counts: f64,
    /// From 0 (bulk and cells follow the same rule, everything works) to 1 (the cells' labels leave no trace in their
    /// expression, nothing can).
    pub difficulty: f64,
    /// Same seed, same data.
    pub seed: u64,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        Self {
            n_lines: 300,
            n_cells: 600,
            n_genes: 1000,
            n_drugs: 6,
            n_clusters: 4,
            sensitive_share: 0.4,
            confounder_alignment: 0.0,
            n_sharing: 0,
            median_counts: 4000.0,
            difficulty: 0.5,
            seed: 0,
        }
    }
}

impl SimulationConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Naming the setting, its value and its range.
    pub fn check(&self) -> Result<()> {
        let pathway_genes = PATHWAYS.len() * PATHWAYS[0].1.len();
        let fits = [
            ("n_lines", self.n_lines as f64, 20.0, 1e5),
            ("n_cells", self.n_cells as f64, 20.0, 1e6),
            ("n_genes", self.n_genes as f64, pathway_genes as f64, 9999.0 + pathway_genes as f64),
            ("n_drugs", self.n_drugs as f64, 1.0, 999.0),
            ("n_clusters", self.n_clusters as f64, 1.0, self.n_cells as f64),
            ("sensitive_share", self.sensitive_share, 0.0, 1.0),
            ("confounder_alignment", self.confounder_alignment, -1.0, 1.0),
            ("n_sharing", self.n_sharing as f64, 0.0, self.n_drugs.saturating_sub(1) as f64),
            ("median_counts", self.median_counts, 100.0, 1e6),
            ("difficulty", self.difficulty, 0.0, 1.0),
        ];
        match fits.into_iter().find(|(_, value, low, high)| !(low..=high).contains(&value)) {
            None => Ok(()),
            Some((name, value, low, high)) => Err(DataError::invalid(
                format!("simulation setting {name}"),
                format!("{value} is out of range"),
                format!("choose from {low} to {high}"),
            )),
        }
    }
}

/// The sizes of effects at one difficulty. Found by trial with a ridge regression, see the simulator's tests: each
/// moves the same way along the whole dial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effects {
    /// How far response programmes move between resistant and sensitive cells, in SD of the bulk lines.
    pub(super) response_in_cells: f64,
    /// How much of the bulk response follows the programmes that in cells only mark clusters.
    pub(super) confounding: f64,
    /// How far those programmes move between clusters.
    pub(super) clusters: f64,
    /// SD of what no programme explains of the bulk response.
    pub(super) unexplained: f64,
    /// Share of programme genes that follow their programme in bulk only.
    pub(super) lost_genes: f64,
    /// SD of the per-gene offset between platforms, in natural logarithms.
    pub(super) offset: f64,
    /// SD of the logarithm of the per-gene gain between platforms.
    pub(super) gain: f64,
    /// Probability that a gene of very low expression is missed altogether in a cell; falls as expression rises.
    pub(super) dropout: f64,
}

impl Effects {
    pub(super) fn at(difficulty: f64) -> Self {
        let d = difficulty;
        Self {
            response_in_cells: 2.2 * (1.0 - d.powi(2)),
            confounding: 2.6 * d,
            clusters: 0.6 + 2.6 * d,
            unexplained: 0.2 + 0.8 * d,
            lost_genes: 0.6 * d,
            offset: 0.2 + 0.8 * d,
            gain: 0.6 * d,
            dropout: 0.1 + 0.4 * d,
        }
    }
}
