//! Readers: from files and bytes to matrices and tables.

mod binary;
mod csv;
mod drug;
mod gmt;
mod orientation;
mod response;
mod table;
mod text;

pub use self::csv::{CsvOptions, CsvReport, expression_csv};
pub use binary::{BinaryLabels, binary_labels};
pub use gmt::{GeneSet, GeneSets, gmt};
pub use orientation::Orientation;
pub use response::{DrugResponse, Measure, ResponseMatrix, ResponseRow, Selection, response};
pub use table::Table;

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
