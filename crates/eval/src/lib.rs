//! Metrics a statistician would trust, for predictions of drug response.
//!
//! Labels, scores, embeddings and groups go in as slices and ndarray views; no tensor library is involved.
//! Sensitive is 1, resistant is 0, larger scores mean more sensitive, samples are rows.
//!
//! Every metric returns [`Metric`]: its value, or [`Undefined`] with the reason. No stand-in number is ever
//! returned for a quantity that does not exist. All arithmetic is f64; everything random takes a seed and gives
//! the same bits on any number of threads.
//!
//! | question | where |
//! |---|---|
//! | do sensitive cells rank above resistant ones? | [`ranking`] |
//! | are the hard calls right? | [`classification`] |
//! | are the probabilities right? which cells are significantly sensitive? | [`probability`], [`calibration`] |
//! | do clusters follow the classes? | [`clustering`] |
//! | are classes apart and domains mixed in the embedding? | [`embedding`] |
//! | do two quantities go together? | [`correlation`] |
//! | how far could the number be off? | [`intervals`] |
//! | is one strategy better than another? | [`comparison`] |
//! | would another seed, or other cells, say the same? | [`stability`] |
//! | which model to take without target labels? | [`selection`] |
//!
//! `docs/eval.md` shows each with the mistakes to avoid.

pub mod calibration;
pub mod classification;
pub mod clustering;
pub mod comparison;
pub mod correlation;
pub mod embedding;
mod error;
mod input;
pub mod intervals;
mod label;
mod linear;
pub mod probability;
mod random;
pub mod ranking;
mod ranks;
pub mod selection;
pub mod special;
pub mod stability;
mod table;

pub use classification::{
    Average, ConfusionMatrix, ZeroDivision, accuracy, balanced_accuracy, confusion_matrix, f1, mcc,
    precision, recall,
};
pub use error::{Metric, Undefined};
pub use label::Label;
pub use ranking::{Ranking, auroc, average_precision, pr_curve, roc_curve};

/// The code blocks of `docs/eval.md`, compiled and run by the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/eval.md")]
mod guide {}
