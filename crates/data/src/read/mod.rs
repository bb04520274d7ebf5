//! Readers: from files and bytes to matrices and tables.

mod ahead;
mod binary;
mod blocks;
mod buckets;
mod csv;
mod dataframe;
mod drug;
mod expression;
mod gmt;
mod h5ad;
mod label_table;
mod market;
mod mtx;
mod orientation;
mod response;
mod sparse;
mod table;
mod tenx;
mod text;

pub use self::csv::{CsvOptions, CsvReport, expression_csv};
pub(crate) use ahead::each_ahead;
pub use ahead::read_ahead;
pub use binary::{BinaryLabels, binary_labels};
pub use blocks::CellBlocks;
pub use expression::{Format, ReadOptions, ReadReport, expression};
pub use gmt::{GeneSet, GeneSets, gmt};
pub use h5ad::{H5adLayer, h5ad, h5ad_with};
pub use label_table::LabelTable;
pub use mtx::{mtx, mtx_folder, mtx_parts};
pub use orientation::Orientation;
pub use response::{DrugResponse, Measure, ResponseMatrix, ResponseRow, Selection, response};
pub use table::Table;
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
