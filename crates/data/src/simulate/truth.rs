//! What is known about simulated data and about no real data.

use serde::{Deserialize, Serialize};

/// The part a pathway has in the response to the first drug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its activity makes sensitive, in bulk and in cells.
    Sensitising,
    /// Its activity makes resistant, in bulk and in cells.
    Protective,
    /// Goes along with the response in bulk; in cells it marks clusters and says nothing about response.
    Confounder,
    /// Has nothing to do with the response.
    Neutral,
}

/// A pathway and its part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathwayTruth {
    /// Its name in the gene sets.
    pub name: String,
    /// Its part.
    pub role: Role,
    /// Its weight in the bulk response to the first drug: positive makes sensitive.
    pub weight: f64,
}

/// A gene through which the response can be read in cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriverGene {
    /// Its symbol.
    pub gene: String,
    /// Its pathway.
    pub pathway: String,
    /// Weight of its pathway times its loading: positive genes are higher in sensitive lines (and cells).
    pub weight: f64,
    /// Whether it follows its pathway in the cells too; if not it informs about bulk only.
    pub in_cells: bool,
}

/// The ground truth of a simulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The drug that the cells are labelled for.
    pub drug: String,
    /// Label of each cell: 1 sensitive, 0 resistant.
    pub labels: Vec<u8>,
    /// How sensitive each cell is by its driving programmes: what there is to find among cells of one class.
    #[serde(default)]
    pub sensitivity: Vec<f64>,
    /// Cluster of each cell, from 0.
    pub clusters: Vec<usize>,
    /// Every pathway with its part.
    pub pathways: Vec<PathwayTruth>,
    /// The genes of the sensitising and protective pathways, largest weight first.
    pub drivers: Vec<DriverGene>,
}
