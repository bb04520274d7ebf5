//! From expression, drug-response and gene-set files to aligned, labelled and split matrices.
//!
//! Samples are rows, genes are columns, sensitive is 1 and resistant is 0, everywhere.

mod csr;
pub mod detect;
mod error;
pub mod genes;
mod hdf5;
mod input;
pub mod labels;
mod matrix;
mod pipeline;
mod prepare;
pub mod preprocess;
pub mod read;
pub mod resample;
pub mod rng;
pub mod simulate;
pub mod split;
mod task;
pub mod write;

pub use csr::CsrMatrix;
pub use error::{DataError, Result};
pub use input::Input;
pub use matrix::{Column, Columns, Duplicates, ExpressionMatrix, Values};
pub use pipeline::{FittedPreprocessing, GenePlan, GeneReport, Missing};
pub use prepare::{PrepareOptions, Scaling, SourceInput, TargetInput, prepare};
pub use task::{FewShot, ResponseTable, SourceDomain, TargetDomain, TaskParts, TransferTask, hex};

/// The code blocks of `docs/preprocessing.md`, compiled by the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/preprocessing.md")]
mod guide {}
