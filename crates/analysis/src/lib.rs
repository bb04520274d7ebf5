//! Differential expression, gene scores and enrichment.
//!
//! Cells are rows and genes are columns. Every function takes dense or sparse values, in single or double
//! precision ([`Matrix`]), computes in double precision, and gives the same bits on any number of threads.
//!
//! | question | where |
//! |---|---|
//! | which genes differ between groups of cells? | [`differential`] |
//! | how active is a list of genes in each cell? | [`gene_score`] |
//! | is a pathway frequent among chosen genes, or at one end of a ranking? how active is it in each cell? | [`enrichment`] |
//!
//! `docs/analysis.md` shows each with the mistakes to avoid.

mod adjust;
pub mod differential;
pub mod enrichment;
mod error;
pub mod gene_score;
mod matrix;
mod special;

pub use adjust::{Correction, p_adjust};
pub use differential::{Comparison, Groups, rank_genes_groups};
pub use error::{AnalysisError, Result};
pub use gene_score::{GeneScores, ScoreOptions, score_genes};
pub use matrix::{Matrix, Real, SparseView};

/// The code blocks of `docs/analysis.md`, compiled and run by the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/analysis.md")]
mod guide {}
