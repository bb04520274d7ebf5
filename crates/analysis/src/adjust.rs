//! P-values adjusted for the number of tests.

use serde::{Deserialize, Serialize};

use crate::{AnalysisError, Result};

/// How p-values are adjusted for the number of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// False discovery rate, independent or positively dependent tests (Benjamini and Hochberg 1995).
    #[default]
    BenjaminiHochberg,
    /// False discovery rate under any dependence (Benjamini and Yekutieli 2001).
    BenjaminiYekutieli,
    /// Family-wise error: p times the number of tests.
    Bonferroni,
    /// Family-wise error, never weaker than Bonferroni (Holm 1979).
    Holm,
}

/// P-values adjusted for their number, in the order given, each at most 1.
///
/// # Errors
/// [`AnalysisError::OutOfRange`] when one is NaN or outside 0 to 1.
pub fn p_adjust(p_values: &[f64], correction: Correction) -> Result<Vec<f64>> {
    if let Some(index) = p_values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(AnalysisError::OutOfRange {
            what: "p-value",
            index,
            value: p_values[index],
            range: "a p-value lies between 0 and 1; leave out genes that were not tested",
        });
    }
    let n = p_values.len() as f64;
    if correction == Correction::Bonferroni {
        return Ok(p_values.iter().map(|p| (p * n).min(1.0)).collect());
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    if correction == Correction::Holm {
        let mut largest = 0.0_f64;
        for (before, &i) in order.iter().enumerate() {
            largest = largest.max(p_values[i] * (n - before as f64)).min(1.0);
            adjusted[i] = largest;
        }
        return Ok(adjusted);
    }
    let dependence = match correction {
        Correction::BenjaminiYekutieli => (1..=p_values.len()).map(|k| 1.0 / k as f64).sum(),
        _ => 1.0,
    };
    let mut smallest = 1.0_f64;
    for (before, &i) in order.iter().enumerate().rev() {
        // The factor first: it is at least 1, so that rounding takes none below its p.
        smallest = smallest.min(p_values[i] * (n * dependence / (before + 1) as f64));
        adjusted[i] = smallest;
    }
    Ok(adjusted)
}
