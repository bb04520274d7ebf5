//! The one error type of this crate.

/// What keeps an analysis from having a result, and what to do about it. Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// There is nothing to analyse.
    #[error("{what}: none given; pass at least one")]
    Empty {
        /// The argument.
        what: &'static str,
    },
    /// Two arguments that describe the same cells or genes differ in length.
    #[error("{what}: {got} given where {expected} are expected; pass one for each, in the same order")]
    LengthMismatch {
        /// The argument.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A NaN or an infinity in a matrix.
    #[error("the value of gene {gene} in cell {cell} is not finite; fill or remove missing values first")]
    NonFinite {
        /// Row of the matrix.
        cell: usize,
        /// Column of the matrix.
        gene: usize,
    },
    /// A number outside what is allowed.
    #[error("{what} is {value} at position {index}; {range}")]
    OutOfRange {
        /// The argument.
        what: &'static str,
        /// Where it is.
        index: usize,
        /// The value.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// Fewer cells (or samples, or genes) than the definition needs.
    #[error("{what}: {got} given, {needed} needed; merge it with another, collect more or leave it out")]
    TooFew {
        /// What is counted: `cells of group 3`, `samples`.
        what: String,
        /// The number given.
        got: usize,
        /// The smallest number that works.
        needed: usize,
    },
    /// A group that no cell belongs to, by name.
    #[error("no group is named {name}; there are {known}")]
    UnknownGroup {
        /// What was asked for.
        name: String,
        /// The groups that exist.
        known: String,
    },
    /// Genes that are not where they have to be.
    #[error("{count} of {what} are not in {place} ({examples}); {hint}")]
    UnknownGenes {
        /// Which genes.
        what: &'static str,
        /// Where they are missing.
        place: &'static str,
        /// How many are missing.
        count: usize,
        /// The first of them.
        examples: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A name that should be there once.
    #[error("{what}: {name} occurs twice; give every one its own name")]
    Duplicate {
        /// The argument.
        what: &'static str,
        /// The repeated name.
        name: String,
    },
    /// Settings or inputs that cannot work.
    #[error("{what}: {problem}; {hint}")]
    Invalid {
        /// The setting or argument.
        what: &'static str,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, AnalysisError>;

impl AnalysisError {
    pub(crate) fn invalid(what: &'static str, problem: impl Into<String>, hint: &'static str) -> Self {
        Self::Invalid { what, problem: problem.into(), hint }
    }

    pub(crate) fn unknown_genes(
        what: &'static str,
        place: &'static str,
        missing: &[&str],
        hint: &'static str,
    ) -> Self {
        let examples = missing.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        Self::UnknownGenes { what, place, count: missing.len(), examples, hint }
    }
}

/// Equal lengths, or the error that says so.
pub(crate) fn same_length(what: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(AnalysisError::LengthMismatch { what, got, expected }) }
}
