//! [`FittedPreprocessing`]: how cells become the numbers that a network sees, fitted once and stored with the model.

use std::collections::HashMap;

use indexmap::IndexMap;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::detect::{self, Scale};
use crate::preprocess::Scaler;
use crate::{Column, DataError, ExpressionMatrix, Result, Values};

/// What to do about genes that a model knows and the cells lack.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Refuse when there is any.
    Refuse,
    /// Take them as average (0 after scaling), as long as at least this share of the genes is there.
    Fill {
        /// Least share of the model's genes among the cells', 0 to 1.
        min_overlap: f64,
    },
}

impl Default for Missing {
    fn default() -> Self {
        Self::Fill { min_overlap: 0.8 }
    }
}

/// How the genes of some cells met those of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneReport {
    /// Genes of the model.
    pub wanted: usize,
    /// Genes of the cells.
    pub given: usize,
    /// Genes of the model that were found.
    pub found: usize,
    /// Of those, found under another name (an identifier or an alias seen in training, or the symbol column).
    pub renamed: usize,
    /// Genes of the model that were not found and taken as average.
    pub missing: Vec<String>,
}

/// Preparation of target cells: checked scale, normalisation, genes and scaling. Everything was fitted on training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedPreprocessing {
    /// The scale that cells must have.
    pub input: Scale,
    /// Every cell is scaled to this total (over all its genes), where set.
    pub target_sum: Option<f64>,
    /// Whether ln(1 + x) is taken.
    pub log1p: bool,
    /// Genes in the order of the network's inputs.
    pub genes: Vec<String>,
    /// Other names under which training knew those genes (Ensembl ids, aliases), to the gene.
    pub renamed: IndexMap<String, String>,
    /// Scaling of each gene.
    pub scaler: Scaler,
}

impl FittedPreprocessing {
    /// No preparation: the values are taken as they are.
    pub fn identity(genes: Vec<String>, input: Scale) -> Self {
        Self {
            input,
            target_sum: None,
            log1p: false,
            genes,
            renamed: IndexMap::new(),
            scaler: Scaler::Identity,
        }
    }

    /// Cells × genes of the model.
    ///
    /// # Errors
    /// When the values contradict the scale of the training cells, or more genes are missing than allowed.
    pub fn transform(&self, cells: &ExpressionMatrix, missing: Missing) -> Result<(Array2<f32>, GeneReport)> {
        detect::check(self.input, &detect::scale(cells.values()))?;
        let (columns, report) = self.columns(cells, missing)?;
        let mut x = self.gather(cells, &columns)?;
        x = self.scaler.transform(x)?;
        for (j, _) in columns.iter().enumerate().filter(|(_, c)| c.is_empty()) {
            x.column_mut(j).fill(0.0);
        }
        Ok((x, report))
    }

    /// Where each gene of the model is among the cells': under its own name and under those that training knew it by,
    /// which are merged as in training; else by the cells' symbol column.
    fn columns(&self, cells: &ExpressionMatrix, missing: Missing) -> Result<(Vec<Vec<usize>>, GeneReport)> {
        let direct = cells.gene_index();
        let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
        for (j, name) in cells.genes().iter().enumerate() {
            let bare = name.split_once('.').map_or(name.as_str(), |(id, _)| id);
            if let Some(gene) = self.renamed.get(name).or_else(|| self.renamed.get(bare)) {
                known.entry(gene).or_default().push(j);
            }
        }
        let symbols: Vec<Option<String>> = match cells.gene_columns().get("symbol") {
            Some(column @ (Column::Text(_) | Column::Category { .. })) => {
                (0..column.len()).map(|j| column.get(j)).collect()
            }
            _ => Vec::new(),
        };
        let mut by_symbol: HashMap<&str, Vec<usize>> = HashMap::new();
        for (j, symbol) in symbols.iter().enumerate() {
            if let Some(symbol) = symbol {
                by_symbol.entry(symbol).or_default().push(j);
            }
        }
        let mut report =
            GeneReport { wanted: self.genes.len(), given: cells.n_genes(), ..GeneReport::default() };
        let mut columns = Vec::with_capacity(self.genes.len());
        for gene in &self.genes {
            let exact = direct.get(gene.as_str()).copied();
            let mut found: Vec<usize> = exact.into_iter().collect();
            found.extend(known.get(gene.as_str()).into_iter().flatten());
            if found.is_empty() {
                found.extend(by_symbol.get(gene.as_str()).into_iter().flatten());
            }
            if found.is_empty() {
                report.missing.push(gene.clone());
            } else {
                report.found += 1;
                report.renamed += usize::from(exact.is_none());
            }
            columns.push(found);
        }
        let share = report.found as f64 / report.wanted.max(1) as f64;
        let least = match missing {
            Missing::Refuse => 1.0,
            Missing::Fill { min_overlap } => min_overlap,
        };
        if share < least || report.found == 0 {
            let names = |v: Vec<&str>| v.join(", ");
            return Err(DataError::invalid(
                "genes",
                format!(
                    "{} of the model's {} genes are among the cells' {} (at least {:.0} % wanted); the model knows {}, \
                     the cells have {}",
                    report.found,
                    report.wanted,
                    report.given,
                    100.0 * least,
                    names(self.genes.iter().take(3).map(String::as_str).collect()),
                    names(cells.genes().iter().take(3).map(String::as_str).collect()),
                ),
                "translate the names (--gene-ids, --gene-aliases), or allow more missing genes (--min-overlap)",
            ));
        }
        Ok((columns, report))
    }

    /// Normalises over all genes of the cells, then takes the model's; sparse input is read once. Counts under several
    /// names of one gene are added up, other values averaged.
    fn gather(&self, cells: &ExpressionMatrix, columns: &[Vec<usize>]) -> Result<Array2<f32>> {
        let mut place: Vec<Vec<(usize, f64)>> = vec![Vec::new(); cells.n_genes()];
        for (new, old) in columns.iter().enumerate() {
            let weight = if self.input == Scale::Counts { 1.0 } else { 1.0 / old.len().max(1) as f64 };
            old.iter().for_each(|&j| place[j].push((new, weight)));
        }
        let mut out = Array2::<f32>::zeros((cells.n_samples(), columns.len()));
        let mut sums = vec![0.0f64; columns.len()];
        for (i, mut row) in out.rows_mut().into_iter().enumerate() {
            sums.fill(0.0);
            let mut total = 0.0;
            let mut see = |j: usize, v: f32| {
                total += f64::from(v);
                place[j].iter().for_each(|&(new, weight)| sums[new] += weight * f64::from(v));
            };
            match cells.values() {
                Values::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &v)| see(j, v)),
                Values::Sparse(m) => {
                    let (c, v) = m.row(i);
                    c.iter().zip(v).for_each(|(&j, &v)| see(j as usize, v));
                }
            }
            let factor = match self.target_sum {
                Some(sum) if total > 0.0 => sum / total,
                _ => 1.0,
            };
            for (out, sum) in row.iter_mut().zip(&sums) {
                let value = sum * factor;
                *out = (if self.log1p { value.ln_1p() } else { value }) as f32;
            }
        }
        if let Some(v) = out.iter().find(|v| !v.is_finite()) {
            return Err(DataError::invalid(
                "expression",
                format!("a prepared value is {v}"),
                "the values are outside what their scale allows; check them",
            ));
        }
        Ok(out)
    }
}
