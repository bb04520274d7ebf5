//! AnnData files (`.h5ad`).
//!
//! Layout: <https://anndata.readthedocs.io/en/latest/fileformat-prose.html>, and what anndata 0.6 and 0.7 wrote.

use ndarray::Array2;

use super::dataframe::{DataFrame, dataframe};
use super::in_file;
use super::sparse::{Compressed, sparse};
use crate::hdf5::{self, Hdf5, Kind, REWRITE};
use crate::{DataError, Duplicates, ExpressionMatrix, Input, Result, Values};

/// Which of the matrices of an AnnData file to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum H5adLayer {
    /// `adata.X`.
    #[default]
    X,
    /// `adata.layers[name]`.
    Layer(String),
    /// `adata.raw.X`, with the genes of `adata.raw.var`.
    Raw,
}

/// Reads an AnnData file: cells × genes with `obs` as sample columns and `var` as gene columns.
///
/// Samples are named by the index of `obs`, genes by that of `var`. Booleans become the categories `false` and
/// `true`; annotation columns of other kinds than text, number, boolean and category are left out. The layout of
/// every anndata release since 0.6 is understood; the matrix may be dense, CSR or CSC, stored plainly or with
/// gzip or lzf.
///
/// # Errors
/// When the file is not an AnnData file, is damaged, lacks the layer, uses an unsupported compression, has names
/// that occur twice or values that are not finite.
pub fn h5ad<'a>(input: impl Into<Input<'a>>, layer: &H5adLayer) -> Result<ExpressionMatrix> {
    h5ad_with(input, layer, Duplicates::Refuse)
}

/// As [`h5ad`], with genes of the same name dealt with as `duplicates` says. Gene columns are left out when genes
/// were merged.
///
/// # Errors
/// As for [`h5ad`].
pub fn h5ad_with<'a>(
    input: impl Into<Input<'a>>,
    layer: &H5adLayer,
    duplicates: Duplicates,
) -> Result<ExpressionMatrix> {
    let h5 = hdf5::open(&input.into())?;
    refuse_tenx(&h5)?;
    let (matrix, var) = locate(&h5, layer)?;
    let obs = dataframe(&h5, "obs")?;
    let var = dataframe(&h5, &var)?;
    let values = values(&h5, &matrix, (obs.index.len(), var.index.len()))?;
    assemble(values, obs, var, duplicates).map_err(|e| in_file(h5.origin(), e))
}

/// Joins values with the names and columns of both axes.
pub(super) fn assemble(
    values: Values,
    obs: DataFrame,
    var: DataFrame,
    duplicates: Duplicates,
) -> Result<ExpressionMatrix> {
    let (mut out, merged) = ExpressionMatrix::new_merging(values, obs.index, var.index, duplicates)?;
    for (name, column) in obs.columns {
        out.set_sample_column(name, column)?;
    }
    if merged.is_empty() {
        for (name, column) in var.columns {
            out.set_gene_column(name, column)?;
        }
    }
    Ok(out)
}

pub(super) fn refuse_tenx(h5: &impl Hdf5) -> Result<()> {
    if h5.kind("obs").is_none() && (h5.kind("matrix/barcodes").is_some()) {
        return Err(DataError::file(
            h5.origin(),
            "is a 10x file, not an AnnData file",
            "read it as a 10x .h5 file",
        ));
    }
    Ok(())
}

/// The paths of the matrix and of the table of its genes.
pub(super) fn locate(h5: &impl Hdf5, layer: &H5adLayer) -> Result<(String, String)> {
    let (candidates, what): (Vec<(String, &str)>, _) = match layer {
        H5adLayer::X => (vec![("X".to_owned(), "var")], "X".to_owned()),
        H5adLayer::Layer(name) => (vec![(format!("layers/{name}"), "var")], format!("layer {name:?}")),
        // Before anndata 0.7 the names held a point.
        H5adLayer::Raw => {
            (vec![("raw/X".to_owned(), "raw/var"), ("raw.X".to_owned(), "raw.var")], "raw".to_owned())
        }
    };
    match candidates.into_iter().find(|(matrix, _)| h5.kind(matrix).is_some()) {
        Some((matrix, var)) => Ok((matrix, var.to_owned())),
        None => Err(DataError::file(
            h5.origin(),
            format!("there is no {what}"),
            format!("choose one of the matrices the file holds: {}", available(h5).join(", ")),
        )),
    }
}

/// What there is to choose from, for an error.
fn available(h5: &impl Hdf5) -> Vec<String> {
    let mut found = Vec::new();
    if h5.kind("X").is_some() {
        found.push("X".to_owned());
    }
    if h5.kind("raw/X").is_some() || h5.kind("raw.X").is_some() {
        found.push("raw".to_owned());
    }
    if h5.kind("layers") == Some(Kind::Group) {
        found.extend(h5.members("layers").unwrap_or_default().into_iter().map(|l| format!("layer {l}")));
    }
    if found.is_empty() {
        found.push("none".to_owned());
    }
    found
}

/// How a matrix is stored.
pub(super) enum Layout {
    Dense,
    Sparse(Compressed),
}

/// How the matrix at `path` is stored; its shape is checked as far as the file states it.
pub(super) fn layout(h5: &impl Hdf5, path: &str, shape: (usize, usize)) -> Result<Layout> {
    if h5.kind(path) == Some(Kind::Dataset) {
        let stated = h5.shape(path)?;
        if stated != [shape.0 as u64, shape.1 as u64] {
            return Err(shape_error(h5, path, &stated, shape));
        }
        return Ok(Layout::Dense);
    }
    let text = |name| h5.text_attribute(path, name).map(|t| t.unwrap_or_default().concat());
    let encoding = match text("encoding-type")? {
        empty if empty.is_empty() => text("h5sparse_format")?,
        encoding => encoding,
    };
    let compressed = match encoding.as_str() {
        "csr_matrix" | "csr" => Compressed::Rows,
        "csc_matrix" | "csc" => Compressed::Columns,
        other => {
            return Err(h5.error(
                path,
                format!("is stored as {other:?}, not as a matrix known here"),
                REWRITE,
            ));
        }
    };
    let stated = match h5.integer_attribute(path, "shape")? {
        None => h5.integer_attribute(path, "h5sparse_shape")?,
        stated => stated,
    };
    if let Some(stated) = stated {
        let actual = [shape.0, shape.1].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        if stated != actual {
            return Err(shape_error(h5, path, &stated, shape));
        }
    }
    Ok(Layout::Sparse(compressed))
}

fn values(h5: &impl Hdf5, path: &str, shape: (usize, usize)) -> Result<Values> {
    match layout(h5, path, shape)? {
        Layout::Dense => {
            let values = h5.floats(path)?;
            Array2::from_shape_vec(shape, values).map(Values::Dense).map_err(|e| h5.error(path, e, REWRITE))
        }
        Layout::Sparse(compressed) => sparse(h5, path, compressed, shape).map(Values::Sparse),
    }
}

fn shape_error(
    h5: &impl Hdf5,
    path: &str,
    stated: &impl std::fmt::Debug,
    shape: (usize, usize),
) -> DataError {
    h5.error(
        path,
        format!("its shape is {stated:?}, but there are {} cells and {} genes", shape.0, shape.1),
        REWRITE,
    )
}
