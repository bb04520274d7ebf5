//! Choosing the cut between sensitive and resistant.

use crate::{Metric, Undefined, ranking::Ranking};

/// Labelled data held out for choices, never the data that results are reported on.
///
/// A type of its own, so that handing over test cells is something one has to write down.
#[derive(Debug, Clone, Copy)]
pub struct Validation<'a> {
    /// 1 = sensitive, 0 = resistant.
    pub labels: &'a [u8],
    /// One score per label, larger = more sensitive.
    pub scores: &'a [f64],
    /// Sample weights, if any.
    pub weights: Option<&'a [f64]>,
}

/// What the chosen cut maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Sensitivity + specificity − 1 (Youden 1950).
    Youden,
    /// F1 of the sensitive class.
    F1,
}

/// A cut and what it reached on the validation data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Predict sensitive where score >= this.
    pub value: f64,
    /// The criterion's value there, on the validation data (optimistic: it was chosen there).
    pub reached: f64,
}

/// The cut that maximises `criterion` on validation data; of equal ones the highest.
///
/// # Errors
/// [`Undefined`] for malformed input; [`Undefined::OneClass`] without both classes.
pub fn choose_threshold(validation: Validation<'_>, criterion: Criterion) -> Metric<Threshold> {
    let ranking = Ranking::new(validation.labels, validation.scores, validation.weights)?;
    let (positives, negatives) = (ranking.positives(), ranking.negatives());
    if positives == 0.0 || negatives == 0.0 {
        return Err(Undefined::OneClass { what: "labels" });
    }
    let mut best = Threshold { value: f64::NAN, reached: f64::NEG_INFINITY };
    for step in ranking.steps() {
        let reached = match criterion {
            // One division, so that equal cuts compare equal.
            Criterion::Youden => {
                let gain = step.true_positives * negatives - step.false_positives * positives;
                gain / (positives * negatives)
            }
            Criterion::F1 => {
                2.0 * step.true_positives / (step.true_positives + step.false_positives + positives)
            }
        };
        if reached > best.reached {
            best = Threshold { value: step.threshold, reached };
        }
    }
    Ok(best)
}
