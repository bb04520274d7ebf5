//! P-values adjusted for the number of tests.

use sensitome_eval::Undefined;
use sensitome_eval::comparison::{benjamini_hochberg, bonferroni, holm};
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
    // Of no genes there is nothing to adjust, and nothing to complain about.
    if p_values.is_empty() {
        return Ok(Vec::new());
    }
    match correction {
        Correction::Bonferroni => bonferroni(p_values),
        Correction::Holm => holm(p_values),
        Correction::BenjaminiHochberg => benjamini_hochberg(p_values),
        Correction::BenjaminiYekutieli => benjamini_hochberg(p_values).map(|adjusted| {
            let dependence: f64 = (1..=p_values.len()).map(|k| 1.0 / k as f64).sum();
            adjusted.into_iter().map(|q| (q * dependence).min(1.0)).collect()
        }),
    }
    .map_err(|undefined| match undefined {
        Undefined::NonFinite { index, .. } | Undefined::OutOfRange { index, .. } => {
            AnalysisError::OutOfRange {
                what: "p-value",
                index,
                value: p_values[index],
                range: "a p-value lies between 0 and 1; leave out genes that were not tested",
            }
        }
        other => AnalysisError::invalid("p-values", other.to_string(), "check the tests that gave them"),
    })
}
