//! The one error type of this crate.

use std::path::Path;

/// What went wrong while reading, checking or preparing data.
///
/// Every message names where (a file, a table, an argument), what the problem is, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused to open, read or write a file.
    #[error("{origin}: cannot {action}: {source}")]
    Io {
        /// The file, or `<bytes>`.
        origin: String,
        /// What was tried: `open`, `read`, `write`, `rename`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file whose content is not what it should be.
    #[error("{origin}{}: {problem}; {hint}", line.map(|l| format!(", line {l}")).unwrap_or_default())]
    File {
        /// The file, or `<bytes>`.
        origin: String,
        /// The line (from 1) where there is one.
        line: Option<u64>,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// Values, names or settings that contradict each other or are outside what is allowed.
    #[error("{what}: {problem}; {hint}")]
    Invalid {
        /// The table, setting or argument.
        what: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, DataError>;

impl DataError {
    /// An [`DataError::Io`] for `path`.
    pub fn io(path: impl AsRef<Path>, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { origin: path.as_ref().display().to_string(), action, source }
    }

    /// A [`DataError::File`] without a line.
    pub fn file(origin: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::File { origin: origin.into(), line: None, problem: problem.into(), hint: hint.into() }
    }

    /// A [`DataError::File`] at a line counted from 1.
    pub fn line(
        origin: impl Into<String>,
        line: u64,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::File { origin: origin.into(), line: Some(line), problem: problem.into(), hint: hint.into() }
    }

    /// A [`DataError::Invalid`].
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint: hint.into() }
    }
}
