//! Statements about single cells that hold at a stated rate, whatever the model.
//!
//! Valid when calibration and new cells are exchangeable. Bulk lines and single cells are not: calibrate on cells,
//! or read the result as relative.

use crate::classification::Validation;
use crate::comparison::benjamini_hochberg;
use crate::{Metric, Undefined, input};
use serde::{Deserialize, Serialize};

/// The classes that cannot be excluded for a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PredictionSet {
    /// Neither class fits: unlike anything in the calibration data.
    Neither,
    /// Resistant only.
    Resistant,
    /// Sensitive only.
    Sensitive,
    /// Both fit: the model cannot tell.
    Both,
}

impl PredictionSet {
    /// 1 or 0 where a single class is left; `None` means abstain.
    pub fn decision(self) -> Option<u8> {
        match self {
            Self::Sensitive => Some(1),
            Self::Resistant => Some(0),
            Self::Neither | Self::Both => None,
        }
    }

    /// Whether the set holds this class.
    pub fn contains(self, class: u8) -> bool {
        self == Self::Both || self.decision() == Some(class)
    }
}

/// Split conformal prediction sets (Vovk et al. 2005): they miss the true class of at most a share `alpha` of new
/// cells, on average over calibration sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// Largest 1 − p(class) that still belongs, per class; `None` where every value does.
    limits: [Option<f64>; 2],
}

impl Conformal {
    /// Calibrates on held-out probabilities of class 1 (`validation.scores`). `class_conditional` (Mondrian) keeps the
    /// promise within each class, so that a rare class is not sacrificed.
    ///
    /// # Errors
    /// [`Undefined`] for malformed input, probabilities outside [0, 1], weights (exchangeability has none), `alpha`
    /// outside (0, 1), and a class without calibration cells when `class_conditional`.
    pub fn fit(validation: Validation<'_>, alpha: f64, class_conditional: bool) -> Metric<Self> {
        let Validation { labels, scores, weights } = validation;
        input::labels_and("probabilities", labels, scores, weights)?;
        input::within_unit("probabilities", scores)?;
        input::open_unit("alpha", alpha)?;
        if weights.is_some() {
            return Err(Undefined::setting(
                "weights",
                "are given; conformal prediction takes unweighted cells",
            ));
        }
        let strangeness = |class: Option<u8>| -> Vec<f64> {
            let own = |(y, p): (&u8, &f64)| if *y == 1 { 1.0 - p } else { 1.0 - (1.0 - p) };
            labels.iter().zip(scores).filter(|(y, _)| class.is_none_or(|c| **y == c)).map(own).collect()
        };
        let limits = if class_conditional {
            let (resistant, sensitive) = (strangeness(Some(0)), strangeness(Some(1)));
            if resistant.is_empty() || sensitive.is_empty() {
                return Err(Undefined::OneClass { what: "labels" });
            }
            [limit(resistant, alpha), limit(sensitive, alpha)]
        } else {
            [limit(strangeness(None), alpha); 2]
        };
        Ok(Self { limits })
    }

    /// The classes not excluded for a cell of this probability of class 1.
    ///
    /// # Errors
    /// [`Undefined::OutOfRange`] for a value that is no probability.
    pub fn predict(&self, probability: f64) -> Metric<PredictionSet> {
        input::within_unit("probability", &[probability])?;
        let fits = |class: usize, p: f64| self.limits[class].is_none_or(|limit| 1.0 - p <= limit);
        Ok(match (fits(0, 1.0 - probability), fits(1, probability)) {
            (true, true) => PredictionSet::Both,
            (true, false) => PredictionSet::Resistant,
            (false, true) => PredictionSet::Sensitive,
            (false, false) => PredictionSet::Neither,
        })
    }
}

/// The ⌈(n + 1)(1 − alpha)⌉-th smallest; beyond the last there is no limit.
fn limit(mut values: Vec<f64>, alpha: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    // Rounding must not lift (n + 1)(1 − alpha) over the next whole number.
    let rank = ((n + 1.0) * (1.0 - alpha) - 1e-9).ceil().max(1.0) as usize;
    values.get(rank - 1).copied()
}

/// For each score, the chance that a cell like the calibration ones scores as high: (1 + #{calibration >= score}) /
/// (n + 1). With resistant cells as calibration, small values speak for sensitive.
///
/// # Errors
/// [`Undefined`] for empty calibration and scores that are not finite.
pub fn conformal_p_values(calibration: &[f64], scores: &[f64]) -> Metric<Vec<f64>> {
    input::not_empty("calibration scores", calibration.len())?;
    input::finite("calibration scores", calibration)?;
    input::finite("scores", scores)?;
    let mut sorted = calibration.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let at_least = |s: f64| n - sorted.partition_point(|c| *c < s);
    Ok(scores.iter().map(|&s| (1 + at_least(s)) as f64 / (n + 1) as f64).collect())
}

/// Answer of [`significantly_sensitive`], one entry per cell.
#[derive(Debug, Clone, PartialEq)]
pub struct SensitiveCells {
    /// Against the hypothesis that the cell is like the resistant calibration cells.
    pub p_values: Vec<f64>,
    /// Benjamini–Hochberg adjusted.
    pub adjusted: Vec<f64>,
    /// Whether `adjusted` is at most the false discovery rate asked for.
    pub significant: Vec<bool>,
}

/// Which cells are significantly sensitive? [`conformal_p_values`] against the resistant cells of `validation`, with
/// the false discovery rate controlled over the cells (Bates et al. 2023).
///
/// # Errors
/// [`Undefined`] for malformed input, no resistant calibration cell, weights, and a rate outside (0, 1).
pub fn significantly_sensitive(
    validation: Validation<'_>,
    scores: &[f64],
    false_discovery_rate: f64,
) -> Metric<SensitiveCells> {
    input::labels_and("scores", validation.labels, validation.scores, validation.weights)?;
    input::open_unit("false_discovery_rate", false_discovery_rate)?;
    if validation.weights.is_some() {
        return Err(Undefined::setting("weights", "are given; conformal p-values take unweighted cells"));
    }
    let resistant: Vec<f64> =
        validation.labels.iter().zip(validation.scores).filter(|(y, _)| **y == 0).map(|(_, s)| *s).collect();
    if resistant.is_empty() {
        return Err(Undefined::NoNegatives);
    }
    input::not_empty("scores", scores.len())?;
    let p_values = conformal_p_values(&resistant, scores)?;
    let adjusted = benjamini_hochberg(&p_values)?;
    let significant = adjusted.iter().map(|q| *q <= false_discovery_rate).collect();
    Ok(SensitiveCells { p_values, adjusted, significant })
}
