//! Expression tables as text: one row a sample or a gene.

use serde::{Deserialize, Serialize};

use super::in_file;
use super::orientation::{self, Orientation};
use super::text::{self, Text};
use crate::genes::is_known_symbol;
use crate::{Column, CsrMatrix, DataError, Duplicates, ExpressionMatrix, Input, Result, Values};

/// How to read a text table of expression; what is `None` is detected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsvOptions {
    /// The byte between fields.
    pub separator: Option<u8>,
    /// What the rows are.
    pub orientation: Option<Orientation>,
    /// What to do with genes that share a name.
    pub duplicates: Duplicates,
}

/// What was found in a text table of expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvReport {
    /// The byte between fields.
    pub separator: u8,
    /// What the rows are.
    pub orientation: Orientation,
    /// Why: the names seen, or that it was stated.
    pub evidence: String,
    /// Columns of text beside the names, kept as annotations of the rows.
    pub annotations: Vec<String>,
    /// Genes that occurred more than once and were merged.
    pub merged: Vec<String>,
}

/// Columns that often stand in expression tables and hold no gene, in lower case. Taken for genes they would be
/// wrong; a response among them would tell the answer.
const NO_GENES: [&str; 22] = [
    "label",
    "labels",
    "response",
    "sensitive",
    "resistant",
    "sensitivity",
    "auc",
    "ic50",
    "logic50",
    "ln_ic50",
    "drug",
    "dataset",
    "cosmic",
    "cosmic_id",
    "cell_line",
    "batch",
    "cluster",
    "n_counts",
    "n_genes",
    "length",
    "start",
    "end",
];

/// Reads a text table of expression, plain or gzip, line by line: the names of the rows in the first column, then
/// numbers. Columns of text that follow the names directly become annotations. The result is dense or sparse,
/// whichever is smaller.
///
/// # Errors
/// With line and column: when a cell is missing or no number, a line is ragged, names are repeated, or nothing tells
/// which axis holds the genes.
pub fn expression_csv<'a>(
    input: impl Into<Input<'a>>,
    options: &CsvOptions,
) -> Result<(ExpressionMatrix, CsvReport)> {
    let input = input.into();
    let text = text::open(&input, options.separator)?;
    let table = Raw::read(text, &input)?;
    table.finish(options)
}

/// The table as it stands in the file.
struct Raw {
    origin: String,
    separator: u8,
    corner: String,
    rows: Vec<String>,
    columns: Vec<String>,
    annotations: Vec<(String, Vec<Option<String>>)>,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    data: Vec<f32>,
}

impl Raw {
    fn read(mut text: Text, input: &Input) -> Result<Self> {
        let mut record = csv::ByteRecord::new();
        let line = text.next(&mut record, input)?.unwrap_or(1);
        let header: Result<Vec<String>> = record.iter().map(|f| Ok(text.utf8(line, f)?.to_owned())).collect();
        let mut header = header?;
        let first = text.next(&mut record, input)?.ok_or_else(|| {
            DataError::file(
                &text.origin,
                "has a header but no row",
                "pass a table with at least one row below it",
            )
        })?;
        // R writes no name above the row names.
        if record.len() == header.len() + 1 {
            header.insert(0, String::new());
        }
        if header.len() < 2 {
            return Err(DataError::line(
                &text.origin,
                1,
                format!("has a single column (separated by {})", text::separator_name(text.separator)),
                "the separator may be wrong: tab, comma and semicolon are recognised, pass --separator for another",
            ));
        }
        if record.len() != header.len() {
            return Err(text.ragged(first, record.len(), header.len()));
        }
        let n_text = leading_text(&text, first, &record)?;
        let corner = header.remove(0);
        let annotated: Vec<String> = header.drain(..n_text.min(header.len())).collect();
        if let Some(gene) = annotated.iter().find(|c| is_known_symbol(c)) {
            let cell = text.utf8(first, record.get(1).unwrap_or_default())?;
            return Err(no_number(&text, first, gene, cell));
        }
        let mut table = Self {
            origin: text.origin.clone(),
            separator: text.separator,
            corner,
            rows: Vec::new(),
            columns: header,
            annotations: annotated.into_iter().map(|name| (name, Vec::new())).collect(),
            indptr: vec![0],
            indices: Vec::new(),
            data: Vec::new(),
        };
        let mut line = Some(first);
        while let Some(number) = line {
            table.push(&text, number, &record)?;
            line = text.next(&mut record, input)?;
        }
        if is_known_symbol(&table.corner) && table.rows.iter().all(|r| r.parse::<f32>().is_ok()) {
            return Err(DataError::file(
                table.origin,
                format!(
                    "the first column is called {} and holds numbers, so no column names the rows",
                    table.corner
                ),
                "put the names of the samples into the first column",
            ));
        }
        Ok(table)
    }

    fn push(&mut self, text: &Text, line: u64, record: &csv::ByteRecord) -> Result<()> {
        let expected = 1 + self.annotations.len() + self.columns.len();
        if record.len() != expected {
            return Err(text.ragged(line, record.len(), expected));
        }
        let mut fields = record.iter();
        let name = text.utf8(line, fields.next().unwrap_or_default())?;
        if name.is_empty() {
            return Err(DataError::line(
                &self.origin,
                line,
                "the row has no name",
                "name every row in the first column",
            ));
        }
        self.rows.push(name.to_owned());
        for (column, values) in &mut self.annotations {
            let cell = text.utf8(line, fields.next().unwrap_or_default())?;
            if cell.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(DataError::line(
                    &self.origin,
                    line,
                    format!("column {column} holds the number {cell} here and text above"),
                    "correct the cell that is wrong, or take the column out",
                ));
            }
            values.push((!text::is_missing(cell)).then(|| cell.to_owned()));
        }
        for (j, field) in fields.enumerate() {
            match parse(field) {
                Some(0.0) => {}
                Some(value) => {
                    self.indices.push(j as u32);
                    self.data.push(value);
                }
                None => {
                    let column = self.columns.get(j).map(String::as_str).unwrap_or_default();
                    return Err(no_number(text, line, column, text.utf8(line, field)?));
                }
            }
        }
        self.indptr.push(self.data.len());
        Ok(())
    }

    fn finish(self, options: &CsvOptions) -> Result<(ExpressionMatrix, CsvReport)> {
        let (orientation, evidence) = match options.orientation {
            Some(stated) => (stated, "as stated".to_owned()),
            None => orientation::detect(&self.corner, &self.rows, &self.columns).map_err(|evidence| {
                DataError::file(
                    &self.origin,
                    format!("nothing tells whether genes are in rows or in columns ({evidence})"),
                    "pass --orientation samples-in-rows or genes-in-rows",
                )
            })?,
        };
        if orientation == Orientation::SamplesInRows
            && let Some(column) = self.columns.iter().find(|c| NO_GENES.contains(&c.to_lowercase().as_str()))
        {
            return Err(DataError::file(
                &self.origin,
                format!("column {column} stands among the genes and is none"),
                "take it out of the expression table; labels and annotations belong in a table of their own",
            ));
        }
        let of_file = |e| in_file(&self.origin, e);
        let mut matrix =
            CsrMatrix::new(self.columns.len(), self.indptr, self.indices, self.data).map_err(of_file)?;
        let (samples, genes) = match orientation {
            Orientation::SamplesInRows => (self.rows, self.columns),
            Orientation::GenesInRows => {
                matrix = matrix.transpose();
                (self.columns, self.rows)
            }
        };
        // A stored entry of a sparse row takes twice the memory of a dense one.
        let dense = 2 * matrix.nnz() > matrix.n_rows() * matrix.n_cols();
        let values = if dense { Values::Dense(matrix.to_dense()) } else { Values::Sparse(matrix) };
        let (mut out, merged) =
            ExpressionMatrix::new_merging(values, samples, genes, options.duplicates).map_err(of_file)?;
        let annotations = self.annotations.iter().map(|a| a.0.clone()).collect();
        for (name, values) in self.annotations {
            match orientation {
                Orientation::SamplesInRows => out.set_sample_column(name, Column::Text(values))?,
                // Merged genes have no one annotation.
                Orientation::GenesInRows if merged.is_empty() => {
                    out.set_gene_column(name, Column::Text(values))?
                }
                Orientation::GenesInRows => {}
            }
        }
        let report = CsvReport { separator: self.separator, orientation, evidence, annotations, merged };
        Ok((out, report))
    }
}

/// How many columns after the first hold text in the first row.
fn leading_text(text: &Text, line: u64, record: &csv::ByteRecord) -> Result<usize> {
    let mut n = 0;
    for field in record.iter().skip(1) {
        let cell = text.utf8(line, field)?;
        if text::is_missing(cell) || cell.parse::<f64>().is_ok() || looks_numeric(cell) {
            break;
        }
        n += 1;
    }
    if n + 1 == record.len() {
        return Err(DataError::line(
            &text.origin,
            line,
            format!(
                "no column holds numbers, the first cell is {}",
                text.utf8(line, record.get(1).unwrap_or_default())?
            ),
            "pass a table of names and numbers",
        ));
    }
    Ok(n)
}

/// A number written in a way that is not understood, such as `0,5`: an error, never an annotation.
fn looks_numeric(cell: &str) -> bool {
    cell.bytes().all(|b| b.is_ascii_digit() || b"+-.,eE".contains(&b))
        && cell.bytes().any(|b| b.is_ascii_digit())
}

fn parse(field: &[u8]) -> Option<f32> {
    // Most entries of a count table; saves a third of the time.
    if field == b"0" {
        return Some(0.0);
    }
    str::from_utf8(field).ok()?.trim().parse().ok().filter(|v: &f32| v.is_finite())
}

fn no_number(text: &Text, line: u64, column: &str, cell: &str) -> DataError {
    if text::is_missing(cell) {
        let shown = if cell.is_empty() { "is empty".to_owned() } else { format!("holds {cell}") };
        return DataError::line(
            &text.origin,
            line,
            format!("column {column} {shown}: a missing value"),
            "fill or remove missing values before reading",
        );
    }
    let shown: String = cell.chars().take(40).collect();
    let hint = if looks_numeric(cell) && cell.contains(',') {
        "write numbers with a decimal point"
    } else if looks_numeric(cell) {
        "the number is damaged or too large for 32 bits"
    } else {
        "columns of text must directly follow the first column; correct the cell or take the column out"
    };
    DataError::line(&text.origin, line, format!("column {column} holds {shown}, which is no number"), hint)
}
