//! Readers: from files and bytes to matrices and tables.

mod dataframe;
mod h5ad;
mod market;
mod mtx;
mod sparse;
mod tenx;

pub use h5ad::{H5adLayer, h5ad, h5ad_with};
pub use mtx::{mtx, mtx_folder, mtx_parts};
pub use tenx::{TenxOptions, tenx_h5};

use crate::DataError;

/// Names the file in an error of a type that does not know it came from one.
fn in_file(origin: &str, error: DataError) -> DataError {
    match error {
        DataError::Invalid { what, problem, hint } => {
            DataError::file(origin, format!("{what}: {problem}"), hint)
        }
        other => other,
    }
}
