//! Wide tables of binary labels: lines or cells in rows, drugs in columns.

use std::collections::HashSet;

use super::{Table, drug, text};
use crate::{DataError, Input, Result};

/// Columns that name the row and are no drug, in lower case.
const NAME_COLUMNS: [&str; 9] = [
    "cosmic",
    "cosmic_id",
    "cell_line",
    "expression_id",
    "depmap_id",
    "cell",
    "sample",
    "barcode",
    "model_id",
];

/// Labels (1 sensitive, 0 resistant) of cell lines or cells for one or many drugs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryLabels {
    origin: String,
    rows: Vec<Option<String>>,
    drugs: Vec<String>,
    labels: Vec<Vec<Option<u8>>>,
}

/// Reads a wide table of labels: the name of the row in the column `expression_id` if there is one, else in
/// `cell_line`, else in the first; one column a drug, with 1 or `sensitive`, 0 or `resistant`, or empty.
///
/// # Errors
/// When the table cannot be read, a cell holds something else, a row name is repeated, or there is no drug.
pub fn binary_labels<'a>(input: impl Into<Input<'a>>) -> Result<BinaryLabels> {
    let table = Table::read(input)?;
    let names = (table.column("expression_id").or_else(|_| table.column("cell_line")).ok())
        .or_else(|| table.column_at(0))
        .unwrap_or_default();
    let mut seen = HashSet::new();
    let mut rows = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let name = (!text::is_missing(name)).then(|| name.clone());
        if name.as_ref().is_some_and(|n| !seen.insert(n.clone())) {
            return Err(DataError::line(
                table.origin(),
                table.line(i).unwrap_or_default(),
                format!("{} has labels already", names[i]),
                "keep one row for each line or cell",
            ));
        }
        rows.push(name);
    }
    let (mut drugs, mut labels) = (Vec::new(), Vec::new());
    for (j, name) in table.header().iter().enumerate() {
        if j == 0 || NAME_COLUMNS.contains(&name.to_lowercase().as_str()) {
            continue;
        }
        let cells = table.column_at(j).unwrap_or_default();
        let column: Result<Vec<_>> =
            cells.iter().enumerate().map(|(i, c)| label(&table, i, name, c)).collect();
        drugs.push(name.clone());
        labels.push(column?);
    }
    if drugs.is_empty() {
        return Err(DataError::file(
            table.origin(),
            "holds no column of labels",
            "name the row in the first column and give each drug a column of 1, 0 or nothing",
        ));
    }
    Ok(BinaryLabels { origin: table.origin().to_owned(), rows, drugs, labels })
}

fn label(table: &Table, row: usize, column: &str, cell: &str) -> Result<Option<u8>> {
    match cell {
        "1" | "1.0" => Ok(Some(1)),
        "0" | "0.0" => Ok(Some(0)),
        c if c.eq_ignore_ascii_case("sensitive") => Ok(Some(1)),
        c if c.eq_ignore_ascii_case("resistant") => Ok(Some(0)),
        c if text::is_missing(c) => Ok(None),
        other => Err(DataError::line(
            table.origin(),
            table.line(row).unwrap_or_default(),
            format!("column {column} holds {other}, which is no label"),
            "write 1 (sensitive), 0 (resistant) or nothing, and leave other columns out",
        )),
    }
}

impl BinaryLabels {
    /// Drug names as the file writes them.
    pub fn drugs(&self) -> &[String] {
        &self.drugs
    }

    /// Row names, `None` where a line has no row in the expression table.
    pub fn rows(&self) -> &[Option<String>] {
        &self.rows
    }

    /// The labelled rows of one drug with their label, in file order; case and punctuation of the drug's name do not
    /// matter. Rows without a name are left out.
    ///
    /// # Errors
    /// When the drug is not in the table (near names are suggested).
    pub fn labels(&self, drug: &str) -> Result<Vec<(String, u8)>> {
        let j = drug::find(&self.origin, drug, &self.drugs)?;
        let column = self.labels.get(j).map(Vec::as_slice).unwrap_or_default();
        Ok(self.rows.iter().zip(column).filter_map(|(r, l)| Some((r.clone()?, (*l)?))).collect())
    }

    /// Row by row the label of one drug, `None` where missing.
    ///
    /// # Errors
    /// When the drug is not in the table (near names are suggested).
    pub fn column(&self, drug: &str) -> Result<&[Option<u8>]> {
        let j = drug::find(&self.origin, drug, &self.drugs)?;
        Ok(self.labels.get(j).map(Vec::as_slice).unwrap_or_default())
    }
}
