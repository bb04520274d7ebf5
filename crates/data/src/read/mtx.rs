//! 10x folders: a Matrix Market file with the names of its two axes beside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::dataframe::DataFrame;
use super::h5ad::assemble;
use super::in_file;
use super::market::{Expected, market};
use super::tenx::{GENE_EXPRESSION, select};
use crate::{Column, Columns, DataError, Duplicates, ExpressionMatrix, Input, Result, Values};

/// Reads the one Matrix Market file in a folder, with its neighbours, as [`mtx`] does.
///
/// # Errors
/// When there is none or more than one, and as for [`mtx`].
pub fn mtx_folder(path: impl AsRef<Path>) -> Result<ExpressionMatrix> {
    let path = path.as_ref();
    let entries = fs::read_dir(path).map_err(|e| DataError::io(path, "open", e))?;
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| DataError::io(path, "read", e))?;
        if stem(&entry.file_name().to_string_lossy()).is_some() {
            found.push(entry.path());
        }
    }
    found.sort();
    match found.as_slice() {
        [one] => mtx(one),
        [] => Err(DataError::file(
            path.display().to_string(),
            "holds no .mtx or .mtx.gz file",
            "pass the folder with matrix.mtx.gz, features.tsv.gz and barcodes.tsv.gz",
        )),
        several => {
            let names: Vec<_> =
                several.iter().filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned())).collect();
            Err(DataError::file(
                path.display().to_string(),
                format!("holds {} matrices ({})", several.len(), names.join(", ")),
                "pass the path of the one to read",
            ))
        }
    }
}

/// Reads a Matrix Market file and the files that name its rows and columns, found beside it by its name:
/// `PREFIXmatrix.mtx` belongs to `PREFIXfeatures.tsv` or `PREFIXgenes.tsv` and to `PREFIXbarcodes.tsv`,
/// `PREFIXcells.tsv` or `PREFIXcells.csv`, each plain or with `.gz`.
///
/// # Errors
/// When a neighbour is missing, and as for [`mtx_parts`].
pub fn mtx(matrix: impl AsRef<Path>) -> Result<ExpressionMatrix> {
    let matrix = matrix.as_ref();
    let features = neighbour(matrix, &["features.tsv", "genes.tsv"])?;
    let cells = neighbour(matrix, &["barcodes.tsv", "cells.tsv", "cells.csv"])?;
    mtx_parts(matrix, &features, &cells, Duplicates::Refuse)
}

/// Reads a Matrix Market file given the names of its axes: cells × genes, sparse.
///
/// - `matrix`: coordinate format, integer, real or pattern, general; genes in rows as 10x writes it. A matrix
///   that fits the names only the other way round is taken as cells in rows.
/// - `features`: tab separated, without header: gene id, then if present the symbol (gene column `symbol`) and
///   the kind (`feature_type`); only features of kind `Gene Expression` are kept.
/// - `cells`: one name a line; or, where the name ends in `.csv` or `.csv.gz`, a table with a header whose first
///   column names the cells and whose others become sample columns.
///
/// # Errors
/// When a file cannot be read, is malformed or cut short, does not fit the others, or names occur twice.
pub fn mtx_parts<'a, 'b, 'c>(
    matrix: impl Into<Input<'a>>,
    features: impl Into<Input<'b>>,
    cells: impl Into<Input<'c>>,
    duplicates: Duplicates,
) -> Result<ExpressionMatrix> {
    let matrix = matrix.into();
    let mut var = read_features(&features.into())?;
    let obs = read_cells(&cells.into())?;
    let mut values = market(&matrix, &Expected { genes: var.index.len(), cells: obs.index.len() })?;
    if let Some(kinds) = var.columns.get("feature_type") {
        let keep: Vec<usize> =
            (0..kinds.len()).filter(|&j| kinds.get(j).as_deref() == Some(GENE_EXPRESSION)).collect();
        if keep.is_empty() {
            return Err(DataError::file(
                matrix.origin(),
                format!("no feature is of kind {GENE_EXPRESSION}"),
                "pass a matrix with gene expression",
            ));
        }
        if keep.len() < kinds.len() {
            values = values.select_cols(&keep);
            var = select(&var, &keep);
        }
    }
    assemble(Values::Sparse(values), obs, var, duplicates).map_err(|e| in_file(&matrix.origin(), e))
}

/// The name of a Matrix Market file without its ending, `None` for other files.
fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".mtx.gz").or_else(|| name.strip_suffix(".mtx"))
}

fn neighbour(matrix: &Path, names: &[&str]) -> Result<PathBuf> {
    let file_name = matrix.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem(&file_name).unwrap_or(&file_name);
    let prefixes = match stem.strip_suffix("matrix") {
        Some(prefix) => vec![prefix.to_owned()],
        None => vec![format!("{stem}."), format!("{stem}_")],
    };
    let mut tried = Vec::new();
    for prefix in prefixes {
        for name in names {
            for ending in ["", ".gz"] {
                let candidate = format!("{prefix}{name}{ending}");
                let path = matrix.with_file_name(&candidate);
                if path.is_file() {
                    return Ok(path);
                }
                tried.push(candidate);
            }
        }
    }
    Err(DataError::file(
        matrix.display().to_string(),
        format!("none of {} lies beside it", tried.join(", ")),
        "put the names of genes and cells beside the matrix under one of these names",
    ))
}

/// Rows of a tab-separated file without header, all of the same width.
fn tsv(input: &Input<'_>) -> Result<Vec<csv::StringRecord>> {
    table(input, b'\t', false).map(|(_, rows)| rows)
}

fn table(
    input: &Input<'_>,
    separator: u8,
    header: bool,
) -> Result<(csv::StringRecord, Vec<csv::StringRecord>)> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(header)
        // Tab-separated names are written bare: a quote in them is a letter.
        .quoting(separator != b'\t')
        .from_reader(input.reader()?);
    let names =
        if header { reader.headers().map_err(|e| csv_error(input, e))?.clone() } else { Default::default() };
    let rows = reader.records().collect::<csv::Result<Vec<_>>>().map_err(|e| csv_error(input, e))?;
    if rows.is_empty() {
        return Err(DataError::file(
            input.origin(),
            "holds no names",
            "pass the file that belongs to the matrix",
        ));
    }
    Ok((names, rows))
}

fn csv_error(input: &Input<'_>, error: csv::Error) -> DataError {
    let line = error.position().map(csv::Position::line);
    let problem = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(e) => input.read_error(e),
        _ => DataError::File {
            origin: input.origin(),
            line,
            problem,
            hint: "every line needs the same number of fields, in UTF-8".to_owned(),
        },
    }
}

fn read_features(input: &Input<'_>) -> Result<DataFrame> {
    let rows = tsv(input)?;
    let field = |j: usize| rows.iter().map(move |r| r.get(j).unwrap_or_default().to_owned());
    let width = rows.first().map_or(0, csv::StringRecord::len);
    let mut columns = Columns::new();
    for (j, name) in [(1, "symbol"), (2, "feature_type")] {
        if j < width {
            columns.insert(name.to_owned(), Column::text(field(j)));
        }
    }
    Ok(DataFrame { index: field(0).collect(), columns })
}

fn read_cells(input: &Input<'_>) -> Result<DataFrame> {
    let origin = input.origin();
    if !origin.ends_with(".csv") && !origin.ends_with(".csv.gz") {
        let rows = tsv(input)?;
        let index = rows.iter().map(|r| r.get(0).unwrap_or_default().to_owned()).collect();
        return Ok(DataFrame { index, columns: Columns::new() });
    }
    let (names, rows) = table(input, b',', true)?;
    let index = rows.iter().map(|r| r.get(0).unwrap_or_default().to_owned()).collect();
    let mut columns = Columns::new();
    for (j, name) in names.iter().enumerate().skip(1) {
        let texts: Vec<Option<&str>> = rows.iter().map(|r| r.get(j).filter(|t| !t.is_empty())).collect();
        columns.insert(name.to_owned(), infer(&texts));
    }
    Ok(DataFrame { index, columns })
}

/// Numbers where every value present is one, text otherwise.
fn infer(texts: &[Option<&str>]) -> Column {
    let numbers: Option<Vec<f64>> =
        texts.iter().map(|t| t.map_or(Some(f64::NAN), |t| t.trim().parse().ok())).collect();
    match numbers {
        Some(numbers) if texts.iter().any(Option::is_some) => Column::Number(numbers),
        _ => Column::Text(texts.iter().map(|t| t.map(str::to_owned)).collect()),
    }
}
