//! The Matrix Market exchange format, streamed line by line.
//!
//! Format: <https://math.nist.gov/MatrixMarket/formats.html#MMformat>.

use std::io::{BufRead, Read};

use super::in_file;
use crate::{CsrMatrix, DataError, Input, Result};

/// How many genes and cells the names say there are; the file's own sizes are checked against it.
pub(super) struct Expected {
    pub(super) genes: usize,
    pub(super) cells: usize,
}

/// A line longer than this is no Matrix Market file.
const MAX_LINE: u64 = 1 << 20;

/// Reads a matrix as cells × genes.
pub(super) fn market(input: &Input<'_>, expected: &Expected) -> Result<CsrMatrix> {
    let mut lines = Lines { input, reader: input.buffered()?, buffer: Vec::new(), number: 0 };
    let pattern = lines.banner()?;
    let (n_rows, n_cols, entries) = lines.sizes()?;
    let genes_in_rows = if (n_rows, n_cols) == (expected.genes as u64, expected.cells as u64) {
        true
    } else if (n_rows, n_cols) == (expected.cells as u64, expected.genes as u64) {
        false
    } else {
        return Err(lines.error(
            format!(
                "{n_rows} × {n_cols} values, but there are names of {} genes and {} cells",
                expected.genes, expected.cells
            ),
            "pass the name files that belong to this matrix",
        ));
    };
    let (mut cells, mut genes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let reserve = usize::try_from(entries.min(1 << 20)).unwrap_or(0);
    cells.reserve(reserve);
    genes.reserve(reserve);
    values.reserve(reserve);
    while lines.next()? {
        if values.len() as u64 == entries {
            return Err(lines.error(format!("more than the {entries} values announced"), CUT));
        }
        let Some((row, col, value)) = entry(lines.line(), pattern) else {
            return Err(lines.error("is not `row column value`", CUT));
        };
        if row == 0 || col == 0 || u64::from(row) > n_rows || u64::from(col) > n_cols {
            return Err(lines.error(
                format!("position {row}, {col} is outside a {n_rows} × {n_cols} matrix (counted from 1)"),
                CUT,
            ));
        }
        let (gene, cell) = if genes_in_rows { (row - 1, col - 1) } else { (col - 1, row - 1) };
        cells.push(cell);
        genes.push(gene);
        values.push(value);
    }
    if (values.len() as u64) < entries {
        return Err(lines.error(format!("ends after {} of {entries} values", values.len()), CUT));
    }
    by_cell(expected, &cells, genes, values).map_err(|e| in_file(&input.origin(), e))
}

const CUT: &str = "the file is damaged or was cut short; copy or download it again";

/// Entries in any order to rows of cells.
fn by_cell(expected: &Expected, cells: &[u32], genes: Vec<u32>, values: Vec<f32>) -> Result<CsrMatrix> {
    let mut starts = vec![0usize; expected.cells + 1];
    for &cell in cells {
        starts[cell as usize + 1] += 1;
    }
    for i in 0..expected.cells {
        starts[i + 1] += starts[i];
    }
    if cells.is_sorted() {
        return CsrMatrix::new(expected.genes, starts, genes, values);
    }
    let mut next = starts.clone();
    let (mut indices, mut data) = (vec![0; genes.len()], vec![0.0; genes.len()]);
    for ((&cell, gene), value) in cells.iter().zip(genes).zip(values) {
        let place = &mut next[cell as usize];
        indices[*place] = gene;
        data[*place] = value;
        *place += 1;
    }
    CsrMatrix::new(expected.genes, starts, indices, data)
}

/// `row column value`, or `row column` of a pattern, where every value is 1.
fn entry(line: &[u8], pattern: bool) -> Option<(u32, u32, f32)> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty());
    let row = number(fields.next()?)?;
    let col = number(fields.next()?)?;
    let value = if pattern { 1.0 } else { std::str::from_utf8(fields.next()?).ok()?.parse().ok()? };
    fields.next().is_none().then_some((row, col, value))
}

fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

struct Lines<'a> {
    input: &'a Input<'a>,
    reader: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    /// Moves to the next line that holds something; false at the end.
    fn next(&mut self) -> Result<bool> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let read = (&mut self.reader).take(MAX_LINE).read_until(b'\n', &mut self.buffer);
            let length = read.map_err(|e| self.input.read_error(e))?;
            if length == 0 {
                return Ok(false);
            }
            if length as u64 == MAX_LINE {
                return Err(self.error("has no end", "pass a Matrix Market file"));
            }
            if !self.line().is_empty() {
                return Ok(true);
            }
        }
    }

    fn line(&self) -> &[u8] {
        self.buffer.trim_ascii()
    }

    fn error(&self, problem: impl Into<String>, hint: &str) -> DataError {
        DataError::line(self.input.origin(), self.number, problem, hint)
    }

    /// Checks the first line; whether the entries have no values.
    fn banner(&mut self) -> Result<bool> {
        self.next()?;
        let line = String::from_utf8_lossy(self.line()).to_ascii_lowercase();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["%%matrixmarket", "matrix", "coordinate", "pattern", "general"] => Ok(true),
            ["%%matrixmarket", "matrix", "coordinate", "integer" | "real" | "double", "general"] => Ok(false),
            ["%%matrixmarket", ..] => Err(self.error(
                format!("{:?} matrices are not supported", words.get(1..).unwrap_or_default().join(" ")),
                "write it as `matrix coordinate integer general` or `real`",
            )),
            _ => Err(self.error("does not begin with %%MatrixMarket", "pass a Matrix Market file")),
        }
    }

    /// The line of sizes, behind the comments.
    fn sizes(&mut self) -> Result<(u64, u64, u64)> {
        while self.next()? {
            if self.line().starts_with(b"%") {
                continue;
            }
            let fields: Option<Vec<u64>> =
                self.line().split(u8::is_ascii_whitespace).filter(|f| !f.is_empty()).map(number).collect();
            return match fields.as_deref() {
                Some(&[rows, cols, entries]) => Ok((rows, cols, entries)),
                _ => Err(self.error("is not `rows columns entries`", CUT)),
            };
        }
        Err(self.error("ends before the line of sizes", CUT))
    }
}
