//! Where `sensitome` starts from: several ridge regressions that look at a screen in different ways.

use ndarray::Array1;

use super::dual::{Regression, regressions};
use super::responses::{Lines, OWN};
use crate::Result;

/// Several ways to look at a screen.
#[derive(Debug)]
pub(crate) struct Starts {
    /// Of the drug's column, on all genes alike.
    pub(crate) ridge: Regression,
    /// Weights to start from: of the responses to the drug itself, on which bulk can bear witness.
    pub(crate) own: Vec<Array1<f64>>,
    /// Of the response to its kin.
    pub(crate) kin: Vec<Array1<f64>>,
}

impl Starts {
    /// On `genes` as they are ("equal"), weighted by their company, or on both; of the response to the drug alone, or as well
    /// without "general" sensitivity, or of its "kin" too where `screen` says so and there is a table.
    pub(crate) fn of(
        lines: &Lines,
        company: &Array1<f64>,
        order: &[usize],
        folds: usize,
        (genes, screen): (&str, &str),
    ) -> Result<Self> {
        let used = match screen {
            "none" => 1,
            "general" => OWN,
            _ => lines.y.ncols(),
        };
        let (mut own, mut kin) = (Vec::new(), Vec::new());
        let mut add = |weights: Vec<Array1<f64>>| {
            for (k, weight) in weights.into_iter().take(used).enumerate() {
                if k < OWN { own.push(weight) } else { kin.push(weight) }
            }
        };
        let mut equal = regressions(lines.x.view(), &lines.y, order, folds, lines.x.ncols() as f64)?;
        if genes != "company" {
            add(equal.iter().map(|r| r.weight.clone()).collect());
        }
        if genes != "equal" {
            let root = company.mapv(f64::sqrt);
            let (x, scale) = (&lines.x * &root, company.sum().max(1e-9));
            let weighted = regressions(x.view(), &lines.y, order, folds, scale)?;
            add(weighted.into_iter().map(|r| r.weight * &root).collect());
        }
        Ok(Self { ridge: equal.swap_remove(0), own, kin })
    }
}
