//! Which axis of a text table holds the genes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::genes::{AxisEvidence, detect_ids};
use crate::{DataError, Result};

/// What the rows of a text table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Samples (cells, cell lines) in rows, genes in columns.
    SamplesInRows,
    /// Genes in rows, samples in columns.
    GenesInRows,
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SamplesInRows => "samples-in-rows",
            Self::GenesInRows => "genes-in-rows",
        })
    }
}

impl FromStr for Orientation {
    type Err = DataError;

    fn from_str(s: &str) -> Result<Self> {
        match s.replace('_', "-").as_str() {
            "samples-in-rows" => Ok(Self::SamplesInRows),
            "genes-in-rows" => Ok(Self::GenesInRows),
            _ => Err(DataError::invalid(
                "orientation",
                format!("{s} is unknown"),
                "write samples-in-rows or genes-in-rows",
            )),
        }
    }
}

/// Headers of the first column that tell what its names are, in lower case.
const GENE_CORNERS: [&str; 11] = [
    "gene",
    "genes",
    "gene_id",
    "geneid",
    "gene_name",
    "gene_symbol",
    "symbol",
    "ensembl",
    "ensembl_id",
    "entrez",
    "hgnc_symbol",
];
const SAMPLE_CORNERS: [&str; 12] = [
    "cell",
    "cells",
    "cell_id",
    "cell_line",
    "cellline",
    "barcode",
    "barcodes",
    "sample",
    "sample_id",
    "samples",
    "cosmic",
    "depmap_id",
];

/// Decides from the names of both axes, and, where these leave it open, from the header of the first column. Returns
/// the decision with the evidence in words.
pub(super) fn detect(
    corner: &str,
    rows: &[String],
    columns: &[String],
) -> std::result::Result<(Orientation, String), String> {
    let (row_ids, column_ids) = (detect_ids(rows), detect_ids(columns));
    let (by_row, by_column) = (row_ids.evidence(), column_ids.evidence());
    let lower = corner.to_lowercase();
    let corner_says = if GENE_CORNERS.contains(&lower.as_str()) {
        Some(Orientation::GenesInRows)
    } else if SAMPLE_CORNERS.contains(&lower.as_str()) {
        Some(Orientation::SamplesInRows)
    } else {
        None
    };
    let words = format!("columns: {column_ids}; rows: {row_ids}");
    let certain = |e| e == AxisEvidence::Certain;
    if certain(by_column) && !certain(by_row) {
        return Ok((Orientation::SamplesInRows, words));
    }
    if certain(by_row) && !certain(by_column) {
        return Ok((Orientation::GenesInRows, words));
    }
    if let Some(orientation) = corner_says {
        return Ok((orientation, format!("the first column is called {corner}; {words}")));
    }
    let shape = |e| e == AxisEvidence::Shape;
    if shape(by_column) && by_row == AxisEvidence::None {
        return Ok((Orientation::SamplesInRows, words));
    }
    if shape(by_row) && by_column == AxisEvidence::None {
        return Ok((Orientation::GenesInRows, words));
    }
    Err(words)
}
