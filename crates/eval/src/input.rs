//! Checks that every metric makes on its arguments.

use crate::{Metric, Undefined};
use ndarray::{Array2, ArrayView2};

pub(crate) fn not_empty(what: &'static str, len: usize) -> Metric<()> {
    if len == 0 { Err(Undefined::Empty { what }) } else { Ok(()) }
}

pub(crate) fn same_len(what: &'static str, got: usize, expected: usize) -> Metric<()> {
    if got == expected { Ok(()) } else { Err(Undefined::LengthMismatch { what, got, expected }) }
}

pub(crate) fn at_least(what: &'static str, got: usize, needed: usize) -> Metric<()> {
    if got >= needed { Ok(()) } else { Err(Undefined::TooFew { what, needed, got }) }
}

pub(crate) fn finite(what: &'static str, values: &[f64]) -> Metric<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(Undefined::NonFinite { what, index }),
        None => Ok(()),
    }
}

pub(crate) fn binary(what: &'static str, labels: &[u8]) -> Metric<()> {
    match labels.iter().enumerate().find(|(_, l)| **l > 1) {
        Some((index, &l)) => Err(Undefined::OutOfRange {
            what,
            index,
            value: f64::from(l),
            range: "{0 = resistant, 1 = sensitive}",
        }),
        None => Ok(()),
    }
}

pub(crate) fn within_unit(what: &'static str, values: &[f64]) -> Metric<()> {
    finite(what, values)?;
    match values.iter().enumerate().find(|(_, v)| !(0.0..=1.0).contains(*v)) {
        Some((index, &value)) => Err(Undefined::OutOfRange { what, index, value, range: "[0, 1]" }),
        None => Ok(()),
    }
}

/// Weights are finite, not negative, and not all zero.
pub(crate) fn weights(weights: Option<&[f64]>, expected: usize) -> Metric<()> {
    let Some(w) = weights else { return Ok(()) };
    same_len("weights", w.len(), expected)?;
    finite("weights", w)?;
    if let Some((index, &value)) = w.iter().enumerate().find(|(_, w)| **w < 0.0) {
        return Err(Undefined::OutOfRange { what: "weights", index, value, range: "[0, infinity)" });
    }
    let total: f64 = w.iter().sum();
    if total == 0.0 {
        return Err(Undefined::ZeroDivision { what: "weights", reason: "all weights are zero" });
    }
    // Products of two such sums neither overflow nor vanish.
    if !(1e-100..=1e100).contains(&total) {
        return Err(Undefined::setting("weights", format!("sum to {total:e}; rescale them to a sum near 1")));
    }
    Ok(())
}

/// The checks shared by everything that compares binary labels with one number per sample.
pub(crate) fn labels_and(
    what: &'static str,
    labels: &[u8],
    values: &[f64],
    sample_weights: Option<&[f64]>,
) -> Metric<()> {
    not_empty("labels", labels.len())?;
    same_len(what, values.len(), labels.len())?;
    binary("labels", labels)?;
    finite(what, values)?;
    weights(sample_weights, labels.len())
}

/// A result that overflowed on the way is no result.
pub(crate) fn representable(what: &'static str, value: f64) -> Metric {
    if value.is_finite() { Ok(value) } else { Err(Undefined::Overflow { what }) }
}

/// Samples × features as finite f64, whatever float they came as.
pub(crate) fn matrix<T: Copy + Into<f64>>(what: &'static str, x: ArrayView2<'_, T>) -> Metric<Array2<f64>> {
    not_empty(what, x.nrows())?;
    not_empty(what, x.ncols())?;
    let x = x.mapv(Into::into);
    match x.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Undefined::NonFinite { what, index: at / x.ncols() }),
        None => Ok(x),
    }
}

/// A share strictly between 0 and 1 (a confidence level, a miscoverage rate).
pub(crate) fn open_unit(name: &'static str, value: f64) -> Metric<()> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(Undefined::setting(name, format!("is {value}; pass a number between 0 and 1, both excluded")))
    }
}
