//! One door for expression of any format.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CsvOptions, CsvReport, H5adLayer, TenxOptions};
use crate::hdf5::{self, Hdf5};
use crate::{DataError, Duplicates, ExpressionMatrix, Input, Result};

/// The format of an expression file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// AnnData in HDF5.
    H5ad,
    /// 10x Genomics in HDF5.
    TenxH5,
    /// Matrix Market with its neighbours.
    Mtx,
    /// CSV or TSV.
    Text,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H5ad => "AnnData .h5ad",
            Self::TenxH5 => "10x .h5",
            Self::Mtx => "Matrix Market",
            Self::Text => "text table",
        })
    }
}

/// What to read, where a format leaves a choice.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Separator and orientation of a text table. Its `duplicates` is passed over in favour of the one here.
    pub csv: CsvOptions,
    /// Which matrix of an AnnData file.
    pub layer: H5adLayer,
    /// What to do with genes that share a name.
    pub duplicates: Duplicates,
    /// Which genome of a 10x file that has several.
    pub genome: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadReport {
    /// The file or folder.
    pub origin: String,
    /// Its format.
    pub format: Format,
    /// What a text table told about itself.
    pub text: Option<CsvReport>,
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.format)?;
        let Some(text) = &self.text else { return Ok(()) };
        write!(
            f,
            " separated by {}, {} ({})",
            super::text::separator_name(text.separator),
            text.orientation,
            text.evidence
        )?;
        if !text.annotations.is_empty() {
            write!(f, ", annotations {}", text.annotations.join(", "))?;
        }
        if !text.merged.is_empty() {
            write!(f, ", {} genes with duplicates merged", text.merged.len())?;
        }
        Ok(())
    }
}

/// Reads expression from `path`: an AnnData or 10x HDF5 file (told by content, not by name), a 10x folder or `.mtx`
/// file, or a text table.
///
/// # Errors
/// As the reader of the format; when a layer is asked of a format that has none.
pub fn expression(path: impl AsRef<Path>, options: &ReadOptions) -> Result<(ExpressionMatrix, ReadReport)> {
    let path = path.as_ref();
    let format = detect(path)?;
    if options.layer != H5adLayer::X && format != Format::H5ad {
        return Err(DataError::file(
            path.display().to_string(),
            format!("is a {format} and has no layers"),
            "leave --layer out",
        ));
    }
    let mut text = None;
    let matrix = match format {
        Format::H5ad => super::h5ad_with(path, &options.layer, options.duplicates)?,
        Format::TenxH5 => {
            let tenx = TenxOptions { genome: options.genome.clone(), duplicates: options.duplicates };
            super::tenx_h5(path, &tenx)?
        }
        Format::Mtx if path.is_dir() => super::mtx_folder(path)?,
        Format::Mtx => super::mtx(path)?,
        Format::Text => {
            let csv = CsvOptions { duplicates: options.duplicates, ..options.csv.clone() };
            let (matrix, report) = super::expression_csv(path, &csv)?;
            text = Some(report);
            matrix
        }
    };
    Ok((matrix, ReadReport { origin: path.display().to_string(), format, text }))
}

fn detect(path: &Path) -> Result<Format> {
    if path.is_dir() {
        return Ok(Format::Mtx);
    }
    let mut magic = Vec::new();
    let file = File::open(path).map_err(|e| DataError::io(path, "open", e))?;
    file.take(8).read_to_end(&mut magic).map_err(|e| DataError::io(path, "read", e))?;
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    if magic == b"\x89HDF\r\n\x1a\n" {
        let h5 = hdf5::open(&Input::from(path))?;
        let anndata = h5.kind("obs").is_some() || h5.kind("X").is_some() || name.ends_with(".h5ad");
        return Ok(if anndata { Format::H5ad } else { Format::TenxH5 });
    }
    if name.ends_with(".h5ad") || name.ends_with(".h5") {
        return Err(DataError::file(
            path.display().to_string(),
            "is named as an HDF5 file but does not begin as one",
            "it may be cut short, or of another format under a wrong name",
        ));
    }
    Ok(if name.ends_with(".mtx") || name.ends_with(".mtx.gz") { Format::Mtx } else { Format::Text })
}
