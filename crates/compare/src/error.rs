//! The one error type of this crate.

use std::path::PathBuf;

/// What went wrong in an experiment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The experiment's file is wrong at a line.
    #[error("{}, line {line}: {problem}; {hint}", file.display())]
    Experiment {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// Something is outside what is allowed.
    #[error("{what}: {problem}; {hint}")]
    Invalid {
        /// The task, method, folder or argument.
        what: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// The audit found a leak and the experiment does not allow one.
    #[error(
        "the leak audit failed:\n{0}\nmend the experiment, or set on_leak = \"report\" under [audit] to go on and mark it"
    )]
    Leak(String),
    /// The runs were interrupted; what is finished is kept.
    #[error("interrupted; run the same command again to go on")]
    Interrupted,
    /// From the data.
    #[error(transparent)]
    Data(#[from] sensitome_data::DataError),
    /// From a model.
    #[error(transparent)]
    Model(#[from] sensitome_core_models::ModelError),
    /// From a method.
    #[error(transparent)]
    Adapt(#[from] sensitome_adapt::AdaptError),
    /// A number that does not exist.
    #[error(transparent)]
    Undefined(#[from] sensitome_eval::Undefined),
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, CompareError>;

impl CompareError {
    /// An [`CompareError::Invalid`].
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint: hint.into() }
    }
}
