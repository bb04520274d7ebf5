//! [`FittedPreprocessing`]: how cells become the numbers that a network sees, fitted once and stored with the model.

use std::collections::HashMap;

use indexmap::IndexMap;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::detect::{self, Scale};
use crate::preprocess::{Known, OUT, Scaler};
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

/// Where the genes of some cells go in a model: made once for a list of genes, by [`FittedPreprocessing::plan`].
#[derive(Debug, Clone, PartialEq)]
pub struct GenePlan {
    /// The cells' genes and their symbols, which the plan holds for.
    genes: Vec<String>,
    symbols: Option<Column>,
    routes: Routes,
    found: Vec<bool>,
    report: GeneReport,
}

impl GenePlan {
    /// Whether these cells have the genes that the plan was made for.
    pub fn fits(&self, cells: &ExpressionMatrix) -> bool {
        self.genes == cells.genes() && self.symbols.as_ref() == cells.gene_columns().get("symbol")
    }

    /// Whether the cells have each gene of the model; those they lack are taken as average (0 after scaling).
    pub fn found(&self) -> &[bool] {
        &self.found
    }

    /// How the genes met.
    pub fn report(&self) -> &GeneReport {
        &self.report
    }
}

/// Which gene of the model a column of the cells counts for.
#[derive(Debug, Clone, PartialEq)]
enum Routes {
    /// Column `j` for the gene `places[j]` and none beside it, or for none ([`OUT`]).
    Places(Vec<u32>),
    /// Column `j` for the genes `targets[starts[j]..starts[j + 1]]`, each with a weight.
    Targets { starts: Vec<usize>, targets: Vec<(u32, f64)> },
}

impl Routes {
    /// From the columns of each gene of the model and the number of all columns.
    fn new(genes: &[Vec<usize>], columns: usize, input: Scale) -> Self {
        let mut targets: Vec<Vec<(u32, f64)>> = vec![Vec::new(); columns];
        for (gene, found) in (0..).zip(genes) {
            let weight = if input == Scale::Counts { 1.0 } else { 1.0 / found.len().max(1) as f64 };
            found.iter().for_each(|&j| targets[j].push((gene, weight)));
        }
        if genes.iter().all(|found| found.len() <= 1) && targets.iter().all(|t| t.len() <= 1) {
            return Self::Places(targets.iter().map(|t| t.first().map_or(OUT, |t| t.0)).collect());
        }
        let mut starts = vec![0];
        starts.extend(targets.iter().scan(0, |sum, t| {
            *sum += t.len();
            Some(*sum)
        }));
        Self::Targets { starts, targets: targets.concat() }
    }
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
        self.check_scale(cells)?;
        let plan = self.plan(cells, missing)?;
        let mut x = Array2::<f32>::zeros((cells.n_samples(), self.genes.len()));
        let mut row = Vec::new();
        for (i, mut out) in x.rows_mut().into_iter().enumerate() {
            row.clear();
            self.row(&plan, cells.values(), i, &mut row)?;
            row.iter().for_each(|&(gene, value)| out[gene as usize] = value);
        }
        x = self.scaler.transform(x)?;
        for (j, _) in plan.found.iter().enumerate().filter(|(_, found)| !**found) {
            x.column_mut(j).fill(0.0);
        }
        Ok((x, plan.report))
    }

    /// Refuses cells whose values contradict the scale of the training cells.
    ///
    /// # Errors
    /// When they do.
    pub fn check_scale(&self, cells: &ExpressionMatrix) -> Result<()> {
        detect::check(self.input, &detect::scale(cells.values()))
    }

    /// Matches the genes of the cells with the model's: under its own name and under those that training knew it by,
    /// which are merged as in training; else by the cells' symbol column. Counts under several names of one gene are
    /// added up, other values averaged.
    ///
    /// # Errors
    /// When more genes are missing than allowed.
    pub fn plan(&self, cells: &ExpressionMatrix, missing: Missing) -> Result<GenePlan> {
        let (columns, report) = self.columns(cells, missing)?;
        Ok(GenePlan {
            genes: cells.genes().to_vec(),
            symbols: cells.gene_columns().get("symbol").cloned(),
            routes: Routes::new(&columns, cells.n_genes(), self.input),
            found: columns.iter().map(|c| !c.is_empty()).collect(),
            report,
        })
    }

    /// Cell `row` of `values` after normalisation (over all its genes) and logarithm, but before scaling: its values
    /// that are not zero, each with the position of its gene in the model, appended to `out`.
    ///
    /// # Errors
    /// When a value comes out too large for single precision.
    pub fn row(&self, plan: &GenePlan, values: &Values, row: usize, out: &mut Vec<(u32, f32)>) -> Result<()> {
        let dense: (Vec<u32>, Vec<f32>);
        let (columns, values) = match values {
            Values::Sparse(m) => m.row(row),
            Values::Dense(a) => {
                let stored = (0..).zip(a.row(row)).filter(|(_, v)| **v != 0.0);
                dense = stored.map(|(j, v)| (j, *v)).unzip();
                (dense.0.as_slice(), dense.1.as_slice())
            }
        };
        let factor = self.target_sum.map_or(1.0, |sum| match total(values) {
            total if total > 0.0 => sum / total,
            _ => 1.0,
        });
        let prepared = |v: f64| (if self.log1p { (v * factor).ln_1p() } else { v * factor }) as f32;
        let first = out.len();
        match &plan.routes {
            Routes::Places(places) => {
                let (mut known, mut next) = (Known::new(), first);
                out.resize(first + values.len(), (OUT, 0.0));
                // No branch on whether a column counts: it would be guessed wrong wherever many do not.
                for (&j, &v) in columns.iter().zip(values) {
                    let gene = places[j as usize];
                    out[next] = (gene, v);
                    next += usize::from(gene != OUT);
                }
                out.truncate(next);
                for (_, v) in &mut out[first..] {
                    *v = known.of(*v, || prepared((*v).into()));
                }
            }
            Routes::Targets { starts, targets } => {
                let weighted = columns.iter().zip(values).flat_map(|(&j, &v)| {
                    let targets = &targets[starts[j as usize]..starts[j as usize + 1]];
                    targets.iter().map(move |t| (t.0, t.1 * f64::from(v)))
                });
                let mut merged: Vec<(u32, f64)> = weighted.collect();
                merged.sort_by_key(|e| e.0); // stable: what is merged is added up in the order of the columns
                merged.dedup_by(|next, kept| {
                    let same = next.0 == kept.0;
                    kept.1 += if same { next.1 } else { 0.0 };
                    same
                });
                out.extend(merged.iter().map(|&(gene, v)| (gene, prepared(v))));
            }
        }
        let out = &out[first..];
        if out.iter().fold(true, |all, e| all & e.1.is_finite()) {
            return Ok(());
        }
        let strange = out.iter().map(|e| e.1).find(|v| !v.is_finite()).unwrap_or(f32::NAN);
        Err(DataError::invalid(
            "expression",
            format!("a prepared value is {strange}"),
            "the values are outside what their scale allows; check them",
        ))
    }

    /// Where each gene of the model is among the cells'.
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
}

/// The sum, by four at a time: one sum alone would wait for itself.
fn total(values: &[f32]) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|v| f64::from(*v)).sum::<f64>()
}
