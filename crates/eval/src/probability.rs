//! Scoring rules for predicted probabilities.

use crate::{Label, Metric, Undefined, input};
use ndarray::ArrayView2;

/// Mean negative log-likelihood of binary labels, in nats. Probabilities are those of class 1 (sensitive), clipped
/// to [2.2e-16, 1 − 2.2e-16].
///
/// Defined for one class too: the classes are known to be 0 and 1.
///
/// # Errors
/// [`Undefined`] for empty input, unequal lengths, labels other than 0 and 1, probabilities outside [0, 1], bad weights.
pub fn log_loss(labels: &[u8], probabilities: &[f64], weights: Option<&[f64]>) -> Metric {
    mean(labels, probabilities, weights, |y, p| {
        let p = if y == 1.0 { p } else { 1.0 - p };
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    })
}

/// Mean squared difference between label and probability (Brier 1950), in [0, 1].
///
/// # Errors
/// As [`log_loss`].
pub fn brier_score(labels: &[u8], probabilities: &[f64], weights: Option<&[f64]>) -> Metric {
    mean(labels, probabilities, weights, |y, p| (p - y) * (p - y))
}

fn mean(
    labels: &[u8],
    probabilities: &[f64],
    weights: Option<&[f64]>,
    loss: impl Fn(f64, f64) -> f64,
) -> Metric {
    input::labels_and("probabilities", labels, probabilities, weights)?;
    input::within_unit("probabilities", probabilities)?;
    let (mut sum, mut total) = (0.0, 0.0);
    for (i, (&y, &p)) in labels.iter().zip(probabilities).enumerate() {
        let w = weights.map_or(1.0, |w| w[i]);
        sum += w * loss(f64::from(y), p);
        total += w;
    }
    Ok(sum / total)
}

/// [`log_loss`] for any number of classes. `probabilities` is samples × classes, its columns in the order of
/// `classes`, or of the sorted distinct labels when `classes` is `None`. Rows sum to 1 (to 1e-5).
///
/// # Errors
/// As [`log_loss`]; [`Undefined::OneClass`] when the classes are to be taken from labels that hold a single one.
pub fn log_loss_multiclass<L: Label>(
    labels: &[L],
    probabilities: ArrayView2<'_, f64>,
    classes: Option<&[L]>,
    weights: Option<&[f64]>,
) -> Metric {
    let p = input::matrix("probabilities", probabilities)?;
    input::same_len("labels", labels.len(), p.nrows())?;
    input::weights(weights, labels.len())?;
    let mut known: Vec<i64> = classes.unwrap_or(labels).iter().map(|l| l.code()).collect();
    if classes.is_none() {
        known.sort_unstable();
        known.dedup();
        if known.len() < 2 {
            return Err(Undefined::OneClass { what: "labels" });
        }
    }
    input::same_len("classes", known.len(), p.ncols())?;
    let (mut sum, mut total) = (0.0, 0.0);
    for (index, (row, label)) in p.rows().into_iter().zip(labels).enumerate() {
        let row_sum = row.sum();
        if row.iter().any(|v| !(0.0..=1.0).contains(v)) || (row_sum - 1.0).abs() > 1e-5 {
            return Err(Undefined::OutOfRange {
                what: "probabilities",
                index,
                value: row_sum,
                range: "rows of values in [0, 1] that sum to 1",
            });
        }
        let Some(column) = known.iter().position(|c| *c == label.code()) else {
            return Err(Undefined::OutOfRange {
                what: "labels",
                index,
                value: label.code() as f64,
                range: "the given classes",
            });
        };
        let w = weights.map_or(1.0, |w| w[index]);
        sum -= w * row[column].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
        total += w;
    }
    Ok(sum / total)
}
