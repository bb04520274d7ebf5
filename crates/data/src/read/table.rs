//! [`Table`]: a text table with a header, its columns found by name.

use std::collections::HashSet;

use super::text;
use crate::{DataError, Input, Result};

/// A text table with a header line; every cell is text, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    origin: String,
    separator: u8,
    header: Vec<String>,
    columns: Vec<Vec<String>>,
    lines: Vec<u64>,
}

impl Table {
    /// Reads a table separated by tab, comma or semicolon (whichever the header holds most of), plain or gzip, with
    /// quoted fields and with or without a byte-order mark.
    ///
    /// # Errors
    /// With the line number: when the file is empty or cut short, a line has more or fewer fields than the header, a
    /// column name is repeated, or the text is not UTF-8.
    pub fn read<'a>(input: impl Into<Input<'a>>) -> Result<Self> {
        let input = input.into();
        let mut text = text::open(&input, None)?;
        let mut record = csv::ByteRecord::new();
        let line = text.next(&mut record, &input)?.unwrap_or(1);
        let (mut header, mut seen) = (Vec::with_capacity(record.len()), HashSet::new());
        for field in &record {
            let name = text.utf8(line, field)?.to_owned();
            if !name.is_empty() && !seen.insert(name.clone()) {
                return Err(DataError::line(
                    &text.origin,
                    line,
                    format!("column {name} occurs twice"),
                    "give every column its own name",
                ));
            }
            header.push(name);
        }
        let (mut columns, mut lines) = (vec![Vec::new(); header.len()], Vec::new());
        while let Some(line) = text.next(&mut record, &input)? {
            if record.len() != header.len() {
                return Err(text.ragged(line, record.len(), header.len()));
            }
            lines.push(line);
            for (column, field) in columns.iter_mut().zip(&record) {
                column.push(text.utf8(line, field)?.to_owned());
            }
        }
        Ok(Self { origin: text.origin, separator: text.separator, header, columns, lines })
    }

    /// The file, as errors name it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The byte between fields.
    pub fn separator(&self) -> u8 {
        self.separator
    }

    /// Column names in file order; the first may be empty (R and pandas leave it so).
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Number of lines below the header.
    pub fn n_rows(&self) -> usize {
        self.lines.len()
    }

    /// The line of the file (from 1) on which row `i` stands.
    pub fn line(&self, i: usize) -> Option<u64> {
        self.lines.get(i).copied()
    }

    /// The cells of the column called `name`.
    ///
    /// # Errors
    /// When there is none; the message lists near names, or all when few.
    pub fn column(&self, name: &str) -> Result<&[String]> {
        if let Some(found) = self.header.iter().position(|h| h == name).and_then(|j| self.columns.get(j)) {
            return Ok(found);
        }
        let mut shown = text::near(name, self.header.iter().map(String::as_str), |s| s.to_lowercase());
        if shown.is_empty() {
            shown = self.header.iter().take(10).map(String::as_str).collect();
        }
        let more = if self.header.len() > shown.len() { ", ..." } else { "" };
        Err(DataError::file(
            &self.origin,
            format!("has no column {name}"),
            format!("its columns include {}{more}", shown.join(", ")),
        ))
    }

    /// The cells of column `j`, `None` where there is none.
    pub fn column_at(&self, j: usize) -> Option<&[String]> {
        self.columns.get(j).map(Vec::as_slice)
    }
}
