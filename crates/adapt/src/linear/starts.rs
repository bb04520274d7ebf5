//! Where `sensitome` starts from: several ridge regressions that look at a screen in different ways.

use ndarray::Array1;

use super::dual::{Regression, regressions};
use super::responses::Lines;
use crate::Result;

/// Several ways to look at a screen: ridge of the drug's column on all genes alike, and the weights that `sensitome` starts
/// from, of one response or of all, on `genes` as they are ("equal"), weighted by their company, or on both.
pub(crate) fn starts(
    lines: &Lines,
    company: &Array1<f64>,
    order: &[usize],
    folds: usize,
    (genes, screen): (&str, bool),
) -> Result<(Regression, Vec<Array1<f64>>)> {
    let used = if screen { lines.y.ncols() } else { 1 };
    let mut weights: Vec<Array1<f64>> = Vec::new();
    let mut equal = regressions(lines.x.view(), &lines.y, order, folds, lines.x.ncols() as f64)?;
    if genes != "company" {
        weights.extend(equal[..used].iter().map(|r| r.weight.clone()));
    }
    if genes != "equal" {
        let root = company.mapv(f64::sqrt);
        let (x, scale) = (&lines.x * &root, company.sum().max(1e-9));
        let weighted = regressions(x.view(), &lines.y, order, folds, scale)?;
        weights.extend(weighted[..used].iter().map(|r| &r.weight * &root));
    }
    Ok((equal.swap_remove(0), weights))
}
