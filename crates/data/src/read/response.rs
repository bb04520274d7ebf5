//! Drug response in long form: one line a cell line, drug and dataset.

use std::fmt;
use std::str::FromStr;

use indexmap::{Equivalent, IndexMap, IndexSet};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{drug, text};
use crate::{DataError, Input, Result};

/// Which number of a drug-response table is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Area under the dose-response curve, 0 to 1; lower is more sensitive.
    #[default]
    Auc,
    /// Natural logarithm of the IC50 in µM; lower is more sensitive.
    LnIc50,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auc => "auc",
            Self::LnIc50 => "ln_ic50",
        })
    }
}

impl FromStr for Measure {
    type Err = DataError;

    fn from_str(s: &str) -> Result<Self> {
        match s {
            "auc" => Ok(Self::Auc),
            "ln_ic50" => Ok(Self::LnIc50),
            _ => Err(DataError::invalid("measure", format!("{s} is unknown"), "write auc or ln_ic50")),
        }
    }
}

/// One line of a drug-response table.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseRow {
    /// The row of the expression table; empty where there is none.
    pub expression_id: String,
    /// The cell line.
    pub cell_line: String,
    /// The drug.
    pub drug: String,
    /// The screen or its version; empty where not stated.
    pub dataset: String,
    /// Area under the curve, NaN where missing.
    pub auc: f64,
    /// Natural logarithm of the IC50 in µM, NaN where missing.
    pub ln_ic50: f64,
}

/// Responses of many lines to many drugs, names stored once.
#[derive(Debug, Clone, Default)]
pub struct DrugResponse {
    origin: String,
    lines: IndexSet<(String, String)>,
    drugs: IndexSet<String>,
    datasets: IndexSet<String>,
    /// Line, drug, dataset of each row.
    keys: Vec<(u32, u32, u32)>,
    auc: Vec<f64>,
    ln_ic50: Vec<f64>,
}

/// The response of lines to one drug, and what was done to get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The drug as the table writes it.
    pub drug: String,
    /// The dataset taken, empty when the table states none.
    pub dataset: String,
    /// Expression ids (cell lines where the table has no such column) with their response, in file order.
    pub values: Vec<(String, f64)>,
    /// Lines whose several measurements were averaged.
    pub averaged: usize,
    /// Measured lines that have no row in the expression table; they are not among the values.
    pub without_expression: usize,
}

/// The whole table of one dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseMatrix {
    /// Expression ids (or cell lines) in rows.
    pub lines: Vec<String>,
    /// Drugs in columns.
    pub drugs: Vec<String>,
    /// Lines × drugs, repeats averaged, NaN where not measured.
    pub values: Array2<f64>,
}

/// Reads a long table with the columns `drug`, `expression_id` or `cell_line` or both, `auc` or `ln_ic50` or both,
/// and perhaps `dataset`; other columns are passed over. Plain or gzip; tab, comma or semicolon.
///
/// # Errors
/// With the line number: when a column is missing, a number cannot be read, or a line is ragged.
pub fn response<'a>(input: impl Into<Input<'a>>) -> Result<DrugResponse> {
    let input = input.into();
    let mut text = text::open(&input, None)?;
    let mut record = csv::ByteRecord::new();
    let line = text.next(&mut record, &input)?.unwrap_or(1);
    let header: Result<Vec<String>> = record.iter().map(|f| Ok(text.utf8(line, f)?.to_lowercase())).collect();
    let header = header?;
    let place = |name: &str| header.iter().position(|h| h == name);
    let (id, cell, drug) = (place("expression_id"), place("cell_line"), place("drug"));
    let (dataset, auc, ln_ic50) = (place("dataset"), place("auc"), place("ln_ic50"));
    let lacks = match () {
        () if drug.is_none() => "drug",
        () if id.is_none() && cell.is_none() => "expression_id or cell_line",
        () if auc.is_none() && ln_ic50.is_none() => "auc or ln_ic50",
        () => "",
    };
    if !lacks.is_empty() {
        let shown: Vec<&str> = header.iter().take(10).map(String::as_str).collect();
        return Err(DataError::file(
            text.origin,
            format!("has no column {lacks}, its first columns are {}", shown.join(", ")),
            "a response table names expression_id or cell_line, drug, perhaps dataset, and auc or ln_ic50",
        ));
    }
    let mut out = DrugResponse { origin: text.origin.clone(), ..DrugResponse::default() };
    while let Some(line) = text.next(&mut record, &input)? {
        if record.len() != header.len() {
            return Err(text.ragged(line, record.len(), header.len()));
        }
        let field = |at: Option<usize>| text.utf8(line, at.and_then(|j| record.get(j)).unwrap_or_default());
        let number = |at: Option<usize>| -> Result<f64> {
            let cell = field(at)?;
            if text::is_missing(cell) {
                return Ok(f64::NAN);
            }
            cell.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| {
                let name = at.and_then(|j| header.get(j)).map(String::as_str).unwrap_or_default();
                DataError::line(
                    &text.origin,
                    line,
                    format!("column {name} holds {cell}, which is no number"),
                    "write a number with a decimal point, or nothing where it is missing",
                )
            })
        };
        // Where the table has only one kind of name, it stands for both.
        let (drug, key, cell) = (field(drug)?, field(id.or(cell))?, field(cell.or(id))?);
        if drug.is_empty() || (cell.is_empty() && key.is_empty()) {
            let what = if drug.is_empty() { "no drug" } else { "no cell line" };
            return Err(DataError::line(
                &text.origin,
                line,
                format!("names {what}"),
                "fill it in or drop the line",
            ));
        }
        let (auc, ln_ic50) = (number(auc)?, number(ln_ic50)?);
        out.push([key, cell, drug, field(dataset)?], auc, ln_ic50);
    }
    if out.keys.is_empty() {
        return Err(DataError::file(out.origin, "holds no response", "pass a table with at least one line"));
    }
    Ok(out)
}

impl DrugResponse {
    /// A table from rows made in memory; `origin` is what errors call it.
    pub fn from_rows(origin: impl Into<String>, rows: impl IntoIterator<Item = ResponseRow>) -> Self {
        let mut out = Self { origin: origin.into(), ..Self::default() };
        for r in rows {
            out.push([&r.expression_id, &r.cell_line, &r.drug, &r.dataset], r.auc, r.ln_ic50);
        }
        out
    }

    fn push(&mut self, [id, cell, drug, dataset]: [&str; 4], auc: f64, ln_ic50: f64) {
        let line = match self.lines.get_index_of(&LineName(id, cell)) {
            Some(i) => i,
            None => self.lines.insert_full((id.to_owned(), cell.to_owned())).0,
        };
        let name = |set: &mut IndexSet<String>, name: &str| match set.get_index_of(name) {
            Some(i) => i as u32,
            None => set.insert_full(name.to_owned()).0 as u32,
        };
        self.keys.push((line as u32, name(&mut self.drugs, drug), name(&mut self.datasets, dataset)));
        self.auc.push(auc);
        self.ln_ic50.push(ln_ic50);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Drugs in order of first appearance.
    pub fn drugs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.drugs.iter().map(String::as_str)
    }

    /// Datasets in order of first appearance; one empty name when the table states none.
    pub fn datasets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.datasets.iter().map(String::as_str)
    }

    /// Distinct lines in order of first appearance: expression id (empty where there is none) and cell line.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.lines.iter().map(|(id, cell)| (id.as_str(), cell.as_str()))
    }

    /// Every row, in file order.
    pub fn rows(&self) -> impl Iterator<Item = ResponseRow> {
        self.keys.iter().enumerate().filter_map(|(i, &(l, d, s))| {
            let (expression_id, cell_line) = self.lines.get_index(l as usize)?.clone();
            let (drug, dataset) = (self.drugs.get_index(d as usize)?, self.datasets.get_index(s as usize)?);
            Some(ResponseRow {
                expression_id,
                cell_line,
                drug: drug.clone(),
                dataset: dataset.clone(),
                auc: self.auc[i],
                ln_ic50: self.ln_ic50[i],
            })
        })
    }

    fn measure(&self, measure: Measure) -> &[f64] {
        match measure {
            Measure::Auc => &self.auc,
            Measure::LnIc50 => &self.ln_ic50,
        }
    }

    /// Lines with their response to `drug`: [`selection`](Self::selection) without what is said about it.
    ///
    /// # Errors
    /// As for [`selection`](Self::selection).
    pub fn select(&self, drug: &str, dataset: Option<&str>, measure: Measure) -> Result<Vec<(String, f64)>> {
        Ok(self.selection(drug, dataset, measure)?.values)
    }

    /// Lines with their response to `drug`; case and punctuation of its name do not matter. Repeated measurements of
    /// a line (several ids of one drug) are averaged. `dataset` may be left out when only one holds the drug.
    ///
    /// # Errors
    /// When the drug is unknown (near names are suggested), the dataset is unknown or must be chosen, or the measure
    /// is missing throughout.
    pub fn selection(&self, drug: &str, dataset: Option<&str>, measure: Measure) -> Result<Selection> {
        let drugs: Vec<String> = self.drugs.iter().cloned().collect();
        let drug = drug::find(&self.origin, drug, &drugs)? as u32;
        let name = self.drugs.get_index(drug as usize).cloned().unwrap_or_default();
        let dataset = self.dataset(dataset, Some(drug), &format!("for {name}"))?;
        let values = self.measure(measure);
        let mut sums: IndexMap<u32, (f64, usize)> = IndexMap::new();
        for (i, &(line, d, s)) in self.keys.iter().enumerate() {
            if d == drug && s == dataset && values[i].is_finite() {
                let sum = sums.entry(line).or_insert((0.0, 0));
                *sum = (sum.0 + values[i], sum.1 + 1);
            }
        }
        if sums.is_empty() {
            return Err(self.no_values(measure, &format!("for {name}")));
        }
        // Names of lines that differ only in spelling may share one row of the expression table.
        let mut by_id: IndexMap<&str, (f64, usize)> = IndexMap::new();
        let mut without_expression = 0;
        for (line, (sum, n)) in sums {
            match self.lines.get_index(line as usize) {
                Some((id, _)) if !id.is_empty() => {
                    let all = by_id.entry(id).or_insert((0.0, 0));
                    *all = (all.0 + sum, all.1 + n);
                }
                _ => without_expression += 1,
            }
        }
        Ok(Selection {
            drug: name,
            dataset: self.datasets.get_index(dataset as usize).cloned().unwrap_or_default(),
            averaged: by_id.values().filter(|v| v.1 > 1).count(),
            values: by_id.into_iter().map(|(id, (sum, n))| (id.to_owned(), sum / n as f64)).collect(),
            without_expression,
        })
    }

    /// All lines (those with a row in the expression table) × all drugs of a dataset, repeats averaged. `dataset` may
    /// be left out when the table holds only one.
    ///
    /// # Errors
    /// When the dataset is unknown or must be chosen, or the measure is missing throughout.
    pub fn matrix(&self, dataset: Option<&str>, measure: Measure) -> Result<ResponseMatrix> {
        let dataset = self.dataset(dataset, None, "in the table")?;
        let values = self.measure(measure);
        let (mut lines, mut drugs) = (IndexSet::new(), IndexSet::new());
        let mut cells: Vec<(usize, usize, f64)> = Vec::new();
        for (i, &(line, drug, s)) in self.keys.iter().enumerate() {
            let id = self.lines.get_index(line as usize).map(|l| l.0.as_str()).unwrap_or_default();
            if s == dataset && values[i].is_finite() && !id.is_empty() {
                cells.push((lines.insert_full(id).0, drugs.insert_full(drug).0, values[i]));
            }
        }
        if cells.is_empty() {
            return Err(self.no_values(measure, "in the dataset"));
        }
        let mut sums = Array2::<f64>::zeros((lines.len(), drugs.len()));
        let mut counts = Array2::<u32>::zeros(sums.dim());
        for (i, j, v) in cells {
            sums[[i, j]] += v;
            counts[[i, j]] += 1;
        }
        sums.zip_mut_with(&counts, |s, &n| *s = if n == 0 { f64::NAN } else { *s / f64::from(n) });
        Ok(ResponseMatrix {
            lines: lines.into_iter().map(str::to_owned).collect(),
            drugs: drugs.into_iter().filter_map(|d| self.drugs.get_index(d as usize).cloned()).collect(),
            values: sums,
        })
    }

    /// The dataset asked for, or the only one that holds `drug` (any drug).
    fn dataset(&self, wanted: Option<&str>, drug: Option<u32>, whose: &str) -> Result<u32> {
        let mut counts = vec![0usize; self.datasets.len()];
        for &(_, _, s) in self.keys.iter().filter(|k| drug.is_none_or(|d| k.1 == d)) {
            counts[s as usize] += 1;
        }
        let held: Vec<usize> = (0..counts.len()).filter(|&s| counts[s] > 0).collect();
        let listed = || {
            let parts: Vec<String> =
                held.iter().map(|&s| format!("{} ({} rows)", self.datasets[s], counts[s])).collect();
            parts.join(" and ")
        };
        match (wanted, &held[..]) {
            (None, [one]) => Ok(*one as u32),
            (None, _) => Err(DataError::file(
                &self.origin,
                format!("several datasets hold responses {whose}: {}", listed()),
                "choose one with --dataset",
            )),
            (Some(wanted), _) => {
                let found = held.iter().find(|&&s| self.datasets[s].eq_ignore_ascii_case(wanted));
                found.map(|&s| s as u32).ok_or_else(|| {
                    let problem = format!("has no responses {whose} in dataset {wanted}");
                    let hint = if self.datasets.iter().all(String::is_empty) {
                        "the table has no column dataset; leave --dataset out".to_owned()
                    } else {
                        format!("there are {}", listed())
                    };
                    DataError::file(&self.origin, problem, hint)
                })
            }
        }
    }

    fn no_values(&self, measure: Measure, whose: &str) -> DataError {
        let other = if measure == Measure::Auc { Measure::LnIc50 } else { Measure::Auc };
        DataError::file(&self.origin, format!("has no {measure} {whose}"), format!("try --measure {other}"))
    }
}

/// A line looked up by borrowed parts, so that half a million rows allocate a thousand names.
#[derive(Hash)]
struct LineName<'a>(&'a str, &'a str);

impl Equivalent<(String, String)> for LineName<'_> {
    fn equivalent(&self, line: &(String, String)) -> bool {
        line.0 == self.0 && line.1 == self.1
    }
}
