//! AnnData files (`.h5ad`), in the layout of anndata 0.8 and later.
//!
//! Layout: <https://anndata.readthedocs.io/en/latest/fileformat-prose.html>.

use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use super::atomic;
use crate::hdf5::{self, Attribute, Content, Node};
use crate::{Column, Columns, DataError, ExpressionMatrix, Result, Values};

/// Writes a matrix as an AnnData file that anndata (0.8 and later) and scanpy read: `X` as it is held (dense, or
/// CSR), sample columns in `obs`, gene columns in `var`, and each of `embeddings` (key such as `X_pca`, samples ×
/// dimensions) in `obsm`. Compressed with gzip.
///
/// Categories become categoricals, the categories `false` and `true` booleans, text with missing values a
/// nullable string array.
///
/// # Errors
/// When an embedding does not have one row for each sample, a name cannot be stored (it is empty or holds `/`),
/// or the file cannot be written; nothing is left then.
pub fn h5ad(
    path: impl AsRef<Path>,
    matrix: &ExpressionMatrix,
    embeddings: &[(String, Array2<f32>)],
) -> Result<()> {
    let path = path.as_ref();
    let mut obsm = Vec::new();
    for (key, values) in embeddings {
        if values.nrows() != matrix.n_samples() {
            return Err(DataError::invalid(
                format!("embedding {key}"),
                format!("{} rows for {} samples", values.nrows(), matrix.n_samples()),
                "pass one row for each sample",
            ));
        }
        if obsm.iter().any(|(k, _)| k == key) {
            return Err(DataError::invalid(
                format!("embedding {key}"),
                "is given twice",
                "give each a key of its own",
            ));
        }
        obsm.push((key.clone(), dense(values)));
    }
    let root = anndata(vec![
        ("X", values(matrix.values())),
        ("obs", dataframe(matrix.samples(), matrix.sample_columns())?),
        ("var", dataframe(matrix.genes(), matrix.gene_columns())?),
        ("obsm", encoded("dict", "0.1.0", Content::Group(obsm))),
    ]);
    atomic(path, |out| hdf5::write(&path.display().to_string(), &root, out))
}

/// A file of these members, with those that every AnnData file has and that are empty here.
pub(super) fn anndata(mut members: Vec<(&str, Node)>) -> Node {
    for name in ["layers", "obsp", "uns", "varm", "varp"] {
        members.push((name, encoded("dict", "0.1.0", Content::Group(Vec::new()))));
    }
    encoded("anndata", "0.1.0", group(members))
}

pub(super) fn group(members: Vec<(&str, Node)>) -> Content {
    Content::Group(members.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}

/// A node with the two attributes anndata tells its kind by.
pub(super) fn encoded(kind: &str, version: &str, content: Content) -> Node {
    let text = |s: &str| Attribute::Text(s.to_owned());
    Node { attributes: vec![("encoding-type", text(kind)), ("encoding-version", text(version))], content }
}

pub(super) fn array(content: Content) -> Node {
    encoded("array", "0.2.0", content)
}

fn strings(values: Vec<String>) -> Node {
    encoded("string-array", "0.2.0", Content::Text(values))
}

pub(super) fn dense(values: &Array2<f32>) -> Node {
    let shape = vec![values.nrows() as u64, values.ncols() as u64];
    array(Content::Float32 { values: values.iter().copied().collect(), shape })
}

fn values(values: &Values) -> Node {
    let m = match values {
        Values::Dense(a) => return dense(a),
        Values::Sparse(m) => m,
    };
    let (indptr, indices, data) = m.parts();
    // scipy takes one integer type for both, 32 bits where they suffice.
    let narrow = |n: usize| i32::try_from(n).ok();
    let short: Option<Vec<i32>> = indptr.iter().map(|&p| narrow(p)).collect();
    let (indptr, indices) = match (short, narrow(m.n_cols())) {
        (Some(indptr), Some(_)) => {
            (Content::Int32(indptr), Content::Int32(indices.iter().map(|&c| c as i32).collect()))
        }
        _ => (
            Content::Int64(indptr.iter().map(|&p| p as i64).collect()),
            Content::Int64(indices.iter().map(|&c| i64::from(c)).collect()),
        ),
    };
    let data = Content::Float32 { values: data.to_vec(), shape: vec![data.len() as u64] };
    let mut node = encoded(
        "csr_matrix",
        "0.1.0",
        group(vec![("data", array(data)), ("indices", array(indices)), ("indptr", array(indptr))]),
    );
    node.attributes.push(("shape", Attribute::Integers(vec![m.n_rows() as i64, m.n_cols() as i64])));
    node
}

pub(super) fn dataframe(index: &[String], columns: &Columns) -> Result<Node> {
    let mut members = vec![("_index".to_owned(), strings(index.to_vec()))];
    for (name, values) in columns {
        if name == "_index" {
            return Err(DataError::invalid(
                "column _index",
                "is the name AnnData files keep for the names themselves",
                "rename it",
            ));
        }
        members.push((name.clone(), column(values)));
    }
    let mut node = encoded("dataframe", "0.2.0", Content::Group(members));
    node.attributes.push(("_index", Attribute::Text("_index".to_owned())));
    node.attributes.push(("column-order", Attribute::Texts(columns.keys().cloned().collect())));
    Ok(node)
}

pub(super) fn column(column: &Column) -> Node {
    match column {
        Column::Number(v) => array(Content::Float64(v.clone())),
        Column::Text(v) => {
            let values: Vec<String> = v.iter().map(|t| t.clone().unwrap_or_default()).collect();
            if v.iter().all(Option::is_some) {
                return strings(values);
            }
            nullable("nullable-string-array", strings(values), v.iter().map(Option::is_none).collect())
        }
        Column::Category { codes, names } if names.iter().eq(["false", "true"]) => {
            let values = array(Content::Bool(codes.iter().map(|c| *c == Some(1)).collect()));
            if codes.iter().all(Option::is_some) {
                return values;
            }
            nullable("nullable-boolean", values, codes.iter().map(Option::is_none).collect())
        }
        Column::Category { codes, names } => categorical(codes, names),
    }
}

fn nullable(kind: &str, values: Node, mask: Vec<bool>) -> Node {
    encoded(kind, "0.1.0", group(vec![("values", values), ("mask", array(Content::Bool(mask)))]))
}

fn categorical(codes: &[Option<u32>], names: &[String]) -> Node {
    // pandas refuses a category that occurs twice, so equal names become one.
    let mut distinct: Vec<String> = Vec::new();
    let mut place: HashMap<&str, i32> = HashMap::new();
    let renumbered: Vec<i32> = names
        .iter()
        .map(|name| {
            *place.entry(name).or_insert_with(|| {
                distinct.push(name.clone());
                distinct.len() as i32 - 1
            })
        })
        .collect();
    let codes =
        codes.iter().map(|c| c.and_then(|c| renumbered.get(c as usize).copied()).unwrap_or(-1)).collect();
    let mut node = encoded(
        "categorical",
        "0.2.0",
        group(vec![("codes", array(Content::Int32(codes))), ("categories", strings(distinct))]),
    );
    node.attributes.push(("ordered", Attribute::Bool(false)));
    node
}
