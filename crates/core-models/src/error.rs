//! The one error type of this crate.

use sensitome_data::DataError;

/// What went wrong while building, saving, loading or applying a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Reading, aligning or preparing the data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model file that cannot be used.
    #[error("{origin}: {problem}; {hint}")]
    File {
        /// The file, or `<bytes>`.
        origin: String,
        /// What is wrong.
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
    /// A device that this build or this machine does not have.
    #[error("device {name}: {problem}; {hint}")]
    Device {
        /// The name asked for.
        name: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// The tensor backend failed.
    #[error("tensor backend: {0}")]
    Backend(String),
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, ModelError>;

impl ModelError {
    /// A [`ModelError::Invalid`].
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint: hint.into() }
    }

    /// A [`ModelError::File`].
    pub fn file(origin: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::File { origin: origin.into(), problem: problem.into(), hint: hint.into() }
    }
}
