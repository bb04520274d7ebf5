//! From expression, drug-response and gene-set files to aligned, labelled and split matrices.
//!
//! Samples are rows, genes are columns, sensitive is 1 and resistant is 0, everywhere.

mod csr;
mod error;
mod matrix;
pub mod rng;

pub use csr::CsrMatrix;
pub use error::{DataError, Result};
pub use matrix::{Column, Columns, Duplicates, ExpressionMatrix, Values};
