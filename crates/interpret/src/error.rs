//! The one error type of this crate.

use sensitome_analysis::AnalysisError;
use sensitome_core_models::ModelError;
use sensitome_data::DataError;

/// What went wrong while explaining predictions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpretError {
    /// Reading, aligning or writing data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model could not be applied.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A statistical test could not be done.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A layer, or a number of outputs, that no exact rule is written for.
    #[error("{what} cannot be explained: {problem}; {hint}")]
    Unsupported {
        /// The layer or the target.
        what: String,
        /// Why not.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// A setting outside what is allowed, or parts that do not fit each other.
    #[error("{what}: {problem}; {hint}")]
    Invalid {
        /// The setting or the part.
        what: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// Attributions that do not add up to what they should explain.
    #[error(
        "the attributions of row {row} sum to {sum}, {gap:e} away from the difference they explain; {hint}"
    )]
    Incomplete {
        /// The worst row, counted from 0.
        row: usize,
        /// The sum of its attributions.
        sum: f64,
        /// How far that is from output minus expected value.
        gap: f64,
        /// What to do about it.
        hint: String,
    },
    /// The tensor backend failed.
    #[error("tensor backend: {0}")]
    Backend(String),
    /// A plot could not be drawn or written.
    #[error("plot {0}")]
    Plot(String),
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, InterpretError>;

impl InterpretError {
    /// An [`InterpretError::Invalid`].
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint: hint.into() }
    }

    /// An [`InterpretError::Unsupported`].
    pub fn unsupported(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), problem: problem.into(), hint: hint.into() }
    }
}
