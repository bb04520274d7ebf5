//! Text tables and gene sets.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::atomic;
use crate::read::GeneSets;
use crate::{DataError, ExpressionMatrix, Result, Values};

/// Writes a table: `header`, then `rows`, fields quoted where they must be. Separated by tabs when the name says
/// `.tsv`, else by commas; compressed when it ends in `.gz`. The file appears whole or not at all.
///
/// # Errors
/// When it cannot be written, or a row is longer or shorter than the header.
pub fn csv<H, R, C>(path: impl AsRef<Path>, header: H, rows: impl IntoIterator<Item = R>) -> Result<()>
where
    H: IntoIterator<Item = C>,
    R: IntoIterator<Item = C>,
    C: AsRef<str>,
{
    let path = path.as_ref();
    let name = path.to_string_lossy().to_lowercase();
    let separator = if name.trim_end_matches(".gz").ends_with(".tsv") { b'\t' } else { b',' };
    text(path, |out| {
        let mut table = ::csv::WriterBuilder::new().delimiter(separator).from_writer(out);
        let failed = |e: ::csv::Error| match e.into_kind() {
            ::csv::ErrorKind::Io(e) => DataError::io(path, "write", e),
            other => DataError::file(
                path.display().to_string(),
                format!("a row does not fit the header ({other:?})"),
                "pass rows as long as the header",
            ),
        };
        table.write_record(header.into_iter().map(Bytes)).map_err(failed)?;
        for row in rows {
            table.write_record(row.into_iter().map(Bytes)).map_err(failed)?;
        }
        table.flush().map_err(|e| DataError::io(path, "write", e))
    })
}

/// Writes samples in rows and genes in columns; numbers are written so that reading gives the same bits. The header
/// of the first column is `corner` (`cell_line`, `cell`). Annotations are left out.
///
/// # Errors
/// When the file cannot be written.
pub fn expression_csv(path: impl AsRef<Path>, matrix: &ExpressionMatrix, corner: &str) -> Result<()> {
    let header = std::iter::once(corner.to_owned()).chain(matrix.genes().iter().cloned());
    let rows = matrix.samples().iter().enumerate().map(|(i, sample)| {
        let numbers: Vec<String> = match matrix.values() {
            Values::Dense(a) => a.row(i).iter().map(f32::to_string).collect(),
            Values::Sparse(m) => {
                let mut row = vec!["0".to_owned(); m.n_cols()];
                let (columns, values) = m.row(i);
                for (&j, v) in columns.iter().zip(values) {
                    row[j as usize] = v.to_string();
                }
                row
            }
        };
        std::iter::once(sample.clone()).chain(numbers)
    });
    csv(path, header.collect::<Vec<_>>(), rows.map(Iterator::collect::<Vec<_>>))
}

/// Writes gene sets as GMT: name, description and genes separated by tabs.
///
/// # Errors
/// When the file cannot be written, or a name or description holds a tab or a line break.
pub fn gmt(path: impl AsRef<Path>, sets: &GeneSets) -> Result<()> {
    let path = path.as_ref();
    text(path, |out| {
        for (name, set) in sets {
            let fields: Vec<&str> = [name.as_str(), &set.description]
                .into_iter()
                .chain(set.genes.iter().map(String::as_str))
                .collect();
            if let Some(bad) = fields.iter().find(|f| f.contains(['\t', '\n', '\r'])) {
                return Err(DataError::invalid(
                    format!("gene set {name}"),
                    format!("{bad:?} holds a tab or a line break"),
                    "GMT cannot hold them; replace them",
                ));
            }
            writeln!(out, "{}", fields.join("\t")).map_err(|e| DataError::io(path, "write", e))?;
        }
        Ok(())
    })
}

/// Writes text, compressed when the name ends in `.gz`.
fn text(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    atomic(path, |out| {
        if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            return fill(out);
        }
        let mut gzip = GzEncoder::new(out, Compression::default());
        fill(&mut gzip)?;
        gzip.finish().map(drop).map_err(|e| DataError::io(path, "write", e))
    })
}

struct Bytes<C>(C);

impl<C: AsRef<str>> AsRef<[u8]> for Bytes<C> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_bytes()
    }
}
