//! Metrics of hard predictions: integer labels against integer labels.
//!
//! Every function takes the true labels first. [`ConfusionMatrix`] computes them all from one pass and takes
//! sample weights; the free functions are shorthands. Definitions follow scikit-learn, except that a quantity
//! with an empty denominator is [`Undefined`](crate::Undefined) until a convention is asked for through [`ZeroDivision`].

mod matrix;
mod threshold;

pub use matrix::ConfusionMatrix;
pub use threshold::{Criterion, Threshold, Validation, choose_threshold};

use crate::{Label, Metric};

/// How per-class values become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// The value of the sensitive class (1); labels must be 0 and 1.
    Binary,
    /// The plain mean over the classes: rare classes count as much as frequent ones.
    Macro,
    /// One value from the counts summed over the classes.
    Micro,
    /// The mean over the classes weighted by how often each is true.
    Weighted,
}

/// What a ratio with an empty denominator is worth.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ZeroDivision {
    /// The result is [`Undefined::ZeroDivision`](crate::Undefined::ZeroDivision), also when only one class of an average lacks a value.
    #[default]
    Undefined,
    /// Classes without a value are left out of averages; undefined when none is left.
    Skip,
    /// This value stands in for it, as `zero_division` does in scikit-learn.
    Value(f64),
}

/// Share of correct predictions.
///
/// Says little when one class is rare: see [`balanced_accuracy`] and [`mcc`].
///
/// # Errors
/// [`Undefined`](crate::Undefined) for empty input or unequal lengths.
pub fn accuracy<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.accuracy()
}

/// Mean recall of the classes that occur in `truth` (Brodersen et al. 2010).
///
/// # Errors
/// [`Undefined`](crate::Undefined) for empty input or unequal lengths.
pub fn balanced_accuracy<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.balanced_accuracy()
}

/// [`balanced_accuracy`] rescaled so that guessing is 0 and perfection 1.
///
/// # Errors
/// [`Undefined::OneClass`](crate::Undefined::OneClass) when `truth` holds a single class: there is no chance level then.
pub fn balanced_accuracy_adjusted<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.balanced_accuracy_adjusted()
}

/// Share of the predicted positives that are right.
///
/// # Errors
/// [`Undefined`](crate::Undefined) for empty input, unequal lengths, labels other than 0 and 1 with
/// [`Average::Binary`], and empty denominators unless `zero_division` says otherwise.
pub fn precision<A: Label, B: Label>(
    truth: &[A],
    predicted: &[B],
    average: Average,
    zero_division: ZeroDivision,
) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.precision(average, zero_division)
}

/// Share of the true positives that are found (sensitivity).
///
/// # Errors
/// As [`precision`].
pub fn recall<A: Label, B: Label>(
    truth: &[A],
    predicted: &[B],
    average: Average,
    zero_division: ZeroDivision,
) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.recall(average, zero_division)
}

/// Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN).
///
/// # Errors
/// As [`precision`].
pub fn f1<A: Label, B: Label>(
    truth: &[A],
    predicted: &[B],
    average: Average,
    zero_division: ZeroDivision,
) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.f1(average, zero_division)
}

/// Share of the true resistant (0) that are predicted as such.
///
/// # Errors
/// As [`precision`] with [`Average::Binary`].
pub fn specificity<A: Label, B: Label>(truth: &[A], predicted: &[B], zero_division: ZeroDivision) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.specificity(zero_division)
}

/// Matthews correlation coefficient, for any number of classes (Gorodkin 2004), in [-1, 1].
///
/// # Errors
/// [`Undefined::Constant`](crate::Undefined::Constant) when either labeling holds a single class (others report 0 there).
pub fn mcc<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.mcc()
}

/// Cohen's kappa: agreement beyond what the class frequencies alone would give.
///
/// # Errors
/// [`Undefined::Constant`](crate::Undefined::Constant) when both labelings are one and the same class.
pub fn cohen_kappa<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric {
    ConfusionMatrix::new(truth, predicted)?.cohen_kappa()
}

/// The counts behind all the above; rows are the true classes.
///
/// # Errors
/// [`Undefined`](crate::Undefined) for empty input or unequal lengths.
pub fn confusion_matrix<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric<ConfusionMatrix> {
    ConfusionMatrix::new(truth, predicted)
}
