//! Library-size normalisation and logarithm.

use super::Rows;
use crate::{DataError, Result, Values};

/// How cells are brought to one total.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// The total; the median of all cells' totals where not given, empty cells included (as scanpy does on sparse
    /// counts; filter empty cells first and the question does not arise).
    pub target_sum: Option<f64>,
    /// Genes above this share of any cell's total are left out of the totals (and divided all the same).
    pub exclude_above: Option<f64>,
}

impl Normalization {
    /// Factor of each cell, and the total that was used.
    ///
    /// # Errors
    /// When the wanted total is not positive.
    pub fn factors(&self, x: &impl Rows) -> Result<(Vec<f64>, f64)> {
        check_target(self.target_sum)?;
        let (n, p) = x.shape();
        let totals = |counted: &[bool]| -> Vec<f64> {
            let total = |i: usize| {
                let mut sum = 0.0;
                x.row(i, &mut |j, v| sum += if counted[j] { v } else { 0.0 });
                sum
            };
            (0..n).map(total).collect()
        };
        let mut counted = vec![true; p];
        let mut sums = totals(&counted);
        if let Some(share) = self.exclude_above {
            for (i, &sum) in sums.iter().enumerate() {
                x.row(i, &mut |j, v| counted[j] &= v <= share * sum);
            }
            sums = totals(&counted);
        }
        let target = self.target_sum.unwrap_or_else(|| median_total(sums.clone()));
        Ok((sums.into_iter().map(|s| factor(target, s)).collect(), target))
    }
}

pub(super) fn check_target(sum: Option<f64>) -> Result<()> {
    match sum {
        Some(sum) if !(sum > 0.0 && sum.is_finite()) => {
            Err(DataError::invalid("target sum", format!("{sum} is not positive"), "use 10000, say"))
        }
        _ => Ok(()),
    }
}

/// The total that cells are brought to where none is given.
pub(super) fn median_total(mut totals: Vec<f64>) -> f64 {
    totals.sort_by(f64::total_cmp);
    super::hvg::median_of_sorted(&totals).filter(|m| *m > 0.0).unwrap_or(1.0)
}

/// What a cell is multiplied by; one without counts stays as it is.
pub(super) fn factor(target: f64, total: f64) -> f64 {
    if total == 0.0 { 1.0 } else { target / total }
}

/// Brings every cell to one total, in place; returns the total, to be stored for other cells.
///
/// # Errors
/// When the wanted total is not positive.
pub fn normalize_total(values: &mut Values, normalization: &Normalization) -> Result<f64> {
    let (factors, target) = normalization.factors(values)?;
    match values {
        Values::Dense(a) => {
            for (mut row, f) in a.rows_mut().into_iter().zip(&factors) {
                row.iter_mut().for_each(|v| *v = scaled(*v, *f));
            }
        }
        Values::Sparse(m) => {
            let pointers = m.parts().0.to_vec();
            for (i, f) in factors.iter().enumerate() {
                let range = pointers[i]..pointers[i + 1];
                m.data_mut()[range].iter_mut().for_each(|v| *v = scaled(*v, *f));
            }
        }
    }
    Ok(target)
}

/// ln(1 + x) of every value, in place.
pub fn log1p(values: &mut Values) {
    let log = |v: &mut f32| *v = logged(*v);
    match values {
        Values::Dense(a) => a.iter_mut().for_each(log),
        Values::Sparse(m) => m.data_mut().iter_mut().for_each(log),
    }
}

/// One value times its cell's factor.
pub(super) fn scaled(v: f32, factor: f64) -> f32 {
    (f64::from(v) * factor) as f32
}

/// ln(1 + x) of one value.
pub(super) fn logged(v: f32) -> f32 {
    f64::from(v).ln_1p() as f32
}
