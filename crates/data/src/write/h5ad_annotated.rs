//! Annotations added to a copy of an AnnData file.

use std::fs::File;
use std::path::Path;

use ndarray::Array2;

use super::atomic::{beside, put};
use super::h5ad::{column, dense, encoded};
use crate::hdf5::{self, Attribute, Content, Growing, Hdf5, Kind, REWRITE};
use crate::{Columns, DataError, Result};

/// Copies the AnnData file `from` to `to` and adds `columns` to the `obs` and `embeddings` (key such as `X_pca`, cells ×
/// dimensions) to the `obsm` of the copy, in place of those of the same name. Whatever else the file holds (matrices,
/// layers, `uns`, ...) stays as it is stored, and is not decoded.
///
/// A file in HDF5's oldest layout, which h5py and anndata write, is held in memory as it lies on the disk, compressed.
///
/// # Errors
/// When the file was written by anndata before 0.8, a column or an embedding has not one row for each of its cells, or
/// the copy cannot be written or changed; nothing is left then.
pub fn h5ad_annotated(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    columns: &Columns,
    embeddings: &[(String, Array2<f32>)],
) -> Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let (mut order, has_obsm) = inspect(from, columns, embeddings)?;
    let mut temporary = beside(to)?;
    let mut original = File::open(from).map_err(|e| DataError::io(from, "read", e))?;
    std::io::copy(&mut original, temporary.as_file_mut()).map_err(|e| DataError::io(to, "write", e))?;
    let copy = Growing::open(temporary.path(), &to.display().to_string())?;
    for (name, values) in columns {
        copy.put("obs", name, &column(values))?;
        if !order.contains(name) {
            order.push(name.clone());
        }
    }
    copy.set("obs", "column-order", Attribute::Texts(order))?;
    let obsm = embeddings.iter().map(|(key, values)| (key.clone(), dense(values)));
    if has_obsm {
        obsm.into_iter().try_for_each(|(key, values)| copy.put("obsm", &key, &values))?;
    } else {
        copy.put("", "obsm", &encoded("dict", "0.1.0", Content::Group(obsm.collect())))?;
    }
    copy.close()?;
    put(temporary, to)
}

/// The columns of `obs` in order, and whether there is an `obsm`.
fn inspect(
    from: &Path,
    columns: &Columns,
    embeddings: &[(String, Array2<f32>)],
) -> Result<(Vec<String>, bool)> {
    let h5 = hdf5::open(&from.into())?;
    let version = if h5.kind("obs") == Some(Kind::Group) {
        h5.text_attribute("obs", "encoding-version")?.unwrap_or_default().concat()
    } else {
        String::new()
    };
    if version != "0.2.0" {
        return Err(h5.error("obs", "is not stored as anndata 0.8 and later store it", REWRITE));
    }
    let index = h5.text_attribute("obs", "_index")?.unwrap_or_default().concat();
    let cells = h5.shape(&format!("obs/{index}"))?.first().copied().unwrap_or(0);
    let given = columns.iter().map(|(name, c)| (name, c.len()));
    for (name, rows) in given.chain(embeddings.iter().map(|(key, e)| (key, e.nrows()))) {
        if rows as u64 != cells {
            return Err(DataError::invalid(
                format!("annotation {name}"),
                format!("{rows} rows for {cells} cells"),
                "pass one row for each cell",
            ));
        }
    }
    if columns.contains_key(&index) {
        return Err(h5.error("obs", format!("{index} names its cells"), "give the column another name"));
    }
    // Without a column the order is an empty list of numbers.
    let order = h5.text_attribute("obs", "column-order").ok().flatten().unwrap_or_default();
    Ok((order, h5.kind("obsm") == Some(Kind::Group)))
}
