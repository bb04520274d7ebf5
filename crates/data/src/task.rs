//! [`TransferTask`]: everything a strategy may see, aligned to one gene order, and nothing else.

use ndarray::Array2;
use sha2::{Digest, Sha256};

use crate::pipeline::FittedPreprocessing;
use crate::read::GeneSets;
use crate::{DataError, Result};

/// Response of every line of a source to many drugs.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseTable {
    /// Drug names in column order.
    pub drugs: Vec<String>,
    /// Lines × drugs, lower is more sensitive, NaN where not screened.
    pub values: Array2<f64>,
}

/// Bulk samples with their response: what is learned from.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceDomain {
    /// Where it comes from, for reports.
    pub name: String,
    /// Samples × genes, preprocessed.
    pub expression: Array2<f32>,
    /// Sample names in row order.
    pub samples: Vec<String>,
    /// 1 sensitive, 0 resistant, `None` where the rule left the sample out.
    pub labels: Vec<Option<u8>>,
    /// The response behind the labels, lower is more sensitive; `None` where unknown.
    pub response: Vec<Option<f64>>,
    /// Labelled rows to train on.
    pub train: Vec<usize>,
    /// Labelled rows to select on; disjoint from `train`.
    pub validation: Vec<usize>,
    /// Response to all drugs, where there is a whole screen.
    pub table: Option<ResponseTable>,
}

/// Single cells without labels: what is transferred to.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetDomain {
    /// Cells × genes, preprocessed.
    pub expression: Array2<f32>,
    /// Cell names in row order.
    pub cells: Vec<String>,
    /// Cluster of each cell, where known.
    pub clusters: Option<Vec<usize>>,
}

/// The few target cells whose label a strategy may see.
#[derive(Debug, Clone, PartialEq)]
pub struct FewShot {
    /// Rows of the target.
    pub rows: Vec<usize>,
    /// 1 sensitive, 0 resistant, one a row.
    pub labels: Vec<u8>,
}

/// What a [`TransferTask`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskParts {
    /// Genes in the column order of every domain.
    pub genes: Vec<String>,
    /// One or several labelled sources.
    pub sources: Vec<SourceDomain>,
    /// The unlabelled cells.
    pub target: TargetDomain,
    /// A few labelled cells, where given.
    pub few_shot: Option<FewShot>,
    /// Gene sets, for strategies whose embedding speaks in pathways.
    pub gene_sets: Option<GeneSets>,
    /// How target cells were prepared, to be stored with the model.
    pub preprocessing: FittedPreprocessing,
    /// What was done to get here, in words, for the model card.
    pub notes: Vec<String>,
}

/// An adaptation problem. It has no field for the labels of the target, so that no strategy can leak them:
///
/// ```compile_fail,E0609
/// fn leak(task: &sensitome_data::TransferTask) {
///     let _ = &task.target.labels;
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TransferTask {
    parts: TaskParts,
    hash: String,
}

impl std::ops::Deref for TransferTask {
    type Target = TaskParts;

    fn deref(&self) -> &TaskParts {
        &self.parts
    }
}

impl TransferTask {
    /// Checks the parts against each other.
    ///
    /// # Errors
    /// When there is no source, shapes or rows do not fit, a value is not finite, training and validation rows
    /// overlap, or the training rows of the sources hold only one class.
    pub fn new(parts: TaskParts) -> Result<Self> {
        let bad = |problem: String, hint: &str| Err(DataError::invalid("transfer task", problem, hint));
        let n_genes = parts.genes.len();
        if n_genes == 0 || parts.sources.is_empty() || parts.target.cells.is_empty() {
            return bad(
                format!(
                    "{n_genes} genes, {} sources, {} cells",
                    parts.sources.len(),
                    parts.target.cells.len()
                ),
                "each must be at least 1",
            );
        }
        if parts.target.expression.dim() != (parts.target.cells.len(), n_genes) {
            return bad("the target's matrix does not fit its names".into(), "align it to the task's genes");
        }
        for s in &parts.sources {
            let n = s.samples.len();
            if s.expression.dim() != (n, n_genes) || s.labels.len() != n || s.response.len() != n {
                return bad(
                    format!("source {}: matrix, labels or response do not fit its names", s.name),
                    "pass one row, label and response for each sample",
                );
            }
            let mut seen = vec![false; n];
            for &i in s.train.iter().chain(&s.validation) {
                match (seen.get_mut(i), s.labels.get(i)) {
                    (Some(seen), Some(Some(0 | 1))) if !*seen => *seen = true,
                    _ => {
                        return bad(
                            format!("source {}: row {i} is used twice, unlabelled or does not exist", s.name),
                            "split only labelled rows, each into one part",
                        );
                    }
                }
            }
            if s.table.as_ref().is_some_and(|t| t.values.dim() != (n, t.drugs.len())) {
                return bad(
                    format!("source {}: the response table does not fit its names", s.name),
                    "pass one row for each sample and one column for each drug",
                );
            }
        }
        let finite = |a: &Array2<f32>| a.iter().all(|v| v.is_finite());
        if !finite(&parts.target.expression) || !parts.sources.iter().all(|s| finite(&s.expression)) {
            return bad("a prepared value is not finite".into(), "check the scale of the input");
        }
        for class in [0u8, 1] {
            let n: usize = parts
                .sources
                .iter()
                .map(|s| s.train.iter().filter(|&&i| s.labels[i] == Some(class)).count())
                .sum();
            if n == 0 {
                return bad(
                    format!(
                        "no {} sample to train on",
                        if class == 1 { "sensitive (1)" } else { "resistant (0)" }
                    ),
                    "choose another label rule (--labels) or more samples",
                );
            }
        }
        if let Some(few) = &parts.few_shot {
            let ok = few.rows.len() == few.labels.len()
                && few.rows.iter().all(|&i| i < parts.target.cells.len())
                && few.labels.iter().all(|&y| y <= 1);
            if !ok {
                return bad(
                    "the few labelled cells do not fit the target".into(),
                    "name existing cells, label 0 or 1",
                );
            }
        }
        let hash = content_hash(&parts);
        Ok(Self { parts, hash })
    }

    /// SHA-256 over names, values, labels and splits: two tasks with the same hash train the same model.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Number of genes.
    pub fn n_genes(&self) -> usize {
        self.parts.genes.len()
    }
}

/// Bytes as hexadecimal digits, as content hashes are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn content_hash(parts: &TaskParts) -> String {
    let mut h = Sha256::new();
    let text = |h: &mut Sha256, s: &str| {
        h.update((s.len() as u64).to_le_bytes());
        h.update(s.as_bytes());
    };
    let matrix = |h: &mut Sha256, a: &Array2<f32>| {
        for row in a.rows() {
            let bytes: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
            h.update(&bytes);
        }
    };
    parts.genes.iter().for_each(|g| text(&mut h, g));
    for s in &parts.sources {
        text(&mut h, &s.name);
        s.samples.iter().for_each(|x| text(&mut h, x));
        matrix(&mut h, &s.expression);
        s.labels.iter().for_each(|l| h.update([l.map_or(9, |y| y)]));
        s.response.iter().for_each(|r| h.update(r.unwrap_or(f64::NAN).to_bits().to_le_bytes()));
        for rows in [&s.train, &s.validation] {
            h.update((rows.len() as u64).to_le_bytes());
            rows.iter().for_each(|&i| h.update((i as u64).to_le_bytes()));
        }
        if let Some(t) = &s.table {
            t.drugs.iter().for_each(|d| text(&mut h, d));
            t.values.iter().for_each(|v| h.update(v.to_bits().to_le_bytes()));
        }
    }
    parts.target.cells.iter().for_each(|c| text(&mut h, c));
    matrix(&mut h, &parts.target.expression);
    if let Some(c) = &parts.target.clusters {
        c.iter().for_each(|&c| h.update((c as u64).to_le_bytes()));
    }
    for (name, set) in parts.gene_sets.iter().flatten() {
        text(&mut h, name);
        set.genes.iter().for_each(|g| text(&mut h, g));
    }
    if let Some(few) = &parts.few_shot {
        few.rows
            .iter()
            .zip(&few.labels)
            .for_each(|(&r, &y)| h.update(((r as u64) << 8 | u64::from(y)).to_le_bytes()));
    }
    hex(&h.finalize())
}
