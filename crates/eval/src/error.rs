//! Why a metric has no value.

/// The value of a metric, or the reason why it has none.
///
/// No metric of this crate answers with a stand-in (0, 0.5, NaN) for a quantity that does not exist.
pub type Metric<T = f64> = std::result::Result<T, Undefined>;

/// The reason why a metric has no value on this input, and what to do about it.
///
/// `what` names the argument (`scores`, `labels`, `weights`, ...). Positions count from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Undefined {
    /// There is nothing to measure.
    #[error("{what} is empty; pass at least one value")]
    Empty {
        /// The argument.
        what: &'static str,
    },
    /// Two arguments that describe the same samples differ in length.
    #[error("{what} has {got} values where {expected} are expected; pass one per sample, in the same order")]
    LengthMismatch {
        /// The argument.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// All samples belong to one class, so there is nothing to tell apart.
    #[error(
        "{what} holds a single class; score both classes together (the pooled cells, not one batch), \
         or leave this group out and say so"
    )]
    OneClass {
        /// The argument.
        what: &'static str,
    },
    /// No sample is sensitive (1).
    #[error(
        "no sample is sensitive (1); the metric needs positives: check the labels' orientation or pool the cells"
    )]
    NoPositives,
    /// No sample is resistant (0).
    #[error(
        "no sample is resistant (0); the metric needs negatives: check the labels' orientation or pool the cells"
    )]
    NoNegatives,
    /// A NaN or an infinity.
    #[error("{what} is not finite at position {index}; remove that sample or repair what produced it")]
    NonFinite {
        /// The argument.
        what: &'static str,
        /// Where it is.
        index: usize,
    },
    /// A value outside its range.
    #[error("{what} is {value} at position {index}, outside {range}; pass values within it")]
    OutOfRange {
        /// The argument.
        what: &'static str,
        /// Where it is.
        index: usize,
        /// The value.
        value: f64,
        /// The allowed range, in words.
        range: &'static str,
    },
    /// All values are equal, so that nothing varies.
    #[error("{what} is constant; a relation to something that does not vary does not exist")]
    Constant {
        /// The argument.
        what: &'static str,
    },
    /// A ratio whose denominator is zero.
    #[error(
        "{what}: {reason}, so its denominator is zero; pass ZeroDivision::Value if a convention is wanted"
    )]
    ZeroDivision {
        /// The metric.
        what: &'static str,
        /// Why nothing is in the denominator.
        reason: &'static str,
    },
    /// Fewer samples (or groups, or clusters) than the definition needs.
    #[error("{what}: {got} given, {needed} needed; collect more, or use a method made for fewer")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// The smallest number that works.
        needed: usize,
        /// The number given.
        got: usize,
    },
    /// More of something than can be answered in bounded memory.
    #[error("{what}: {got} given, at most {limit} supported; check that these are class labels")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// The largest number that works.
        limit: usize,
        /// The number given.
        got: usize,
    },
    /// Finite values whose sums or squares are not.
    #[error("{what} exceeds double precision; divide the values by a constant")]
    Overflow {
        /// The quantity.
        what: &'static str,
    },
    /// A setting outside its range.
    #[error("setting {name}: {problem}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// A linear system, or a fit, that the data do not determine.
    #[error("{what} is not determined by the data: {reason}")]
    Singular {
        /// The quantity.
        what: &'static str,
        /// Why, and what would help.
        reason: &'static str,
    },
    /// A score asks for evidence that was not given.
    #[error("{score} needs {needs}, which was not given; add it to the evidence or choose another score")]
    MissingEvidence {
        /// The selection score.
        score: &'static str,
        /// What it needs.
        needs: &'static str,
    },
}

impl Undefined {
    pub(crate) fn setting(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting { name, problem: problem.into() }
    }
}
