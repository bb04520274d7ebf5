//! Scores for choosing a model without labels of the target.
//!
//! A choice by target labels is not available in practice; the one score that does it is called
//! [`oracle`](SelectionScore::Oracle) and marks what was out of reach. Each score states what it needs
//! ([`SelectionScore::needs`]) and whether larger is better ([`SelectionScore::higher_is_better`]).

use crate::calibration::rows_of_probabilities;
use crate::correlation::spearman;
use crate::linear::Logistic;
use crate::{Metric, Undefined, auroc, input};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What is known of one trained model; give what there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Labels of source samples held out from training.
    pub source_labels: Option<&'a [u8]>,
    /// The model's probabilities of class 1 on them.
    pub source_probabilities: Option<&'a [f64]>,
    /// The model's features of them (samples × features).
    pub source_features: Option<ArrayView2<'a, f64>>,
    /// The model's features of the source samples it was trained on.
    pub training_features: Option<ArrayView2<'a, f64>>,
    /// The model's features of the target cells.
    pub target_features: Option<ArrayView2<'a, f64>>,
    /// The model's class probabilities of the target cells (cells × classes, class 1 in column 1).
    pub target_probabilities: Option<ArrayView2<'a, f64>>,
    /// Scores of a ridge regression on the same target cells.
    pub ridge_scores: Option<&'a [f64]>,
    /// The target's labels, which only [`SelectionScore::Oracle`] looks at.
    pub target_labels: Option<&'a [u8]>,
}

/// A rule for choosing among models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SelectionScore {
    /// AUROC on held-out source samples. Blind to the domain shift.
    SourceValidation,
    /// Mean entropy of the target predictions in nats (Morerio et al. 2018). Fooled by confident collapse to one class.
    Entropy,
    /// Entropy of the mean prediction minus mean entropy, in nats (Shi and Sha 2012): confident and diverse.
    InfoMax,
    /// Soft neighbourhood density: mean entropy of each cell's similarities to the others, temperature 0.05 (Saito et
    /// al. 2021).
    SoftNeighbourhoodDensity,
    /// Deep embedded validation: source validation log loss, importance weighted towards the target by a domain
    /// classifier on the features, with control variate (You et al. 2019).
    DeepEmbeddedValidation,
    /// Nuclear norm of the target probabilities over √(cells × classes), in (0, 1] (after Cui et al. 2020).
    BatchNuclearNorm,
    /// Spearman correlation with a ridge regression's scores on the same cells: catches models whose sign flipped.
    RidgeAgreement,
    /// AUROC on the target's labels. Not a selection rule but its upper reference; name it wherever it is shown.
    Oracle,
}

impl SelectionScore {
    /// All scores, the oracle last.
    pub const ALL: [Self; 8] = [
        Self::SourceValidation,
        Self::Entropy,
        Self::InfoMax,
        Self::SoftNeighbourhoodDensity,
        Self::DeepEmbeddedValidation,
        Self::BatchNuclearNorm,
        Self::RidgeAgreement,
        Self::Oracle,
    ];

    /// The name used in configurations and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SourceValidation => "source_validation",
            Self::Entropy => "entropy",
            Self::InfoMax => "info_max",
            Self::SoftNeighbourhoodDensity => "soft_neighbourhood_density",
            Self::DeepEmbeddedValidation => "deep_embedded_validation",
            Self::BatchNuclearNorm => "batch_nuclear_norm",
            Self::RidgeAgreement => "ridge_agreement",
            Self::Oracle => "oracle",
        }
    }

    /// The score of this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Whether the model with the largest value is chosen (else the smallest).
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::Entropy | Self::DeepEmbeddedValidation)
    }

    /// Whether it looks at labels of the target.
    pub fn is_oracle(self) -> bool {
        self == Self::Oracle
    }

    /// The fields of [`Evidence`] it reads.
    pub fn needs(self) -> &'static str {
        match self {
            Self::SourceValidation => "source_labels and source_probabilities",
            Self::Entropy | Self::InfoMax | Self::SoftNeighbourhoodDensity | Self::BatchNuclearNorm => {
                "target_probabilities"
            }
            Self::DeepEmbeddedValidation => {
                "source_labels, source_probabilities, source_features, training_features and target_features"
            }
            Self::RidgeAgreement => "target_probabilities and ridge_scores",
            Self::Oracle => "target_probabilities and target_labels",
        }
    }

    /// The score of a model.
    ///
    /// # Errors
    /// [`Undefined::MissingEvidence`] naming what is not there; [`Undefined`] for malformed evidence, and where the score
    /// does not exist (one class, constant scores).
    pub fn score(self, evidence: &Evidence<'_>) -> Metric {
        let missing = || Undefined::MissingEvidence { score: self.name(), needs: self.needs() };
        let target = || {
            let p = evidence.target_probabilities.ok_or_else(missing)?;
            input::at_least("classes", p.ncols(), 2)?;
            rows_of_probabilities(p, p.ncols())
        };
        match self {
            Self::SourceValidation => auroc(
                evidence.source_labels.ok_or_else(missing)?,
                evidence.source_probabilities.ok_or_else(missing)?,
                None,
            ),
            Self::Entropy => Ok(mean_entropy(&target()?)),
            Self::InfoMax => {
                let p = target()?;
                let mean = p.mean_axis(Axis(0)).ok_or(Undefined::Empty { what: "probabilities" })?;
                Ok(entropy(mean.iter()) - mean_entropy(&p))
            }
            Self::SoftNeighbourhoodDensity => neighbourhood_density(target()?),
            Self::DeepEmbeddedValidation => deep_embedded_validation(
                evidence.source_labels.ok_or_else(missing)?,
                evidence.source_probabilities.ok_or_else(missing)?,
                evidence.source_features.ok_or_else(missing)?,
                evidence.training_features.ok_or_else(missing)?,
                evidence.target_features.ok_or_else(missing)?,
            ),
            Self::BatchNuclearNorm => nuclear_norm(&target()?),
            Self::RidgeAgreement => {
                let sensitive = target()?.column(1).to_vec();
                Ok(spearman(&sensitive, evidence.ridge_scores.ok_or_else(missing)?)?.coefficient)
            }
            Self::Oracle => {
                let sensitive = target()?.column(1).to_vec();
                auroc(evidence.target_labels.ok_or_else(missing)?, &sensitive, None)
            }
        }
    }
}

fn entropy<'a>(p: impl Iterator<Item = &'a f64>) -> f64 {
    p.filter(|v| **v > 0.0).map(|v| -v * v.ln()).sum::<f64>() + 0.0
}

fn mean_entropy(p: &Array2<f64>) -> f64 {
    p.rows().into_iter().map(|row| entropy(row.iter())).sum::<f64>() / p.nrows() as f64
}

/// Row by row, so that the cells × cells matrix never exists.
fn neighbourhood_density(mut p: Array2<f64>) -> Metric {
    const TEMPERATURE: f64 = 0.05;
    input::at_least("target cells", p.nrows(), 2)?;
    for mut row in p.rows_mut() {
        let norm = row.dot(&row).sqrt();
        row.mapv_inplace(|v| v / norm);
    }
    let of_cell = |i: usize| {
        let similarity = p.dot(&p.row(i)) / TEMPERATURE;
        let others = || similarity.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, s)| *s);
        let top = others().fold(f64::NEG_INFINITY, f64::max);
        let mass: f64 = others().map(|s| (s - top).exp()).sum();
        // −Σ q ln q with q = exp(s − top) / mass.
        mass.ln() - others().map(|s| (s - top) * (s - top).exp()).sum::<f64>() / mass
    };
    let values: Vec<f64> = (0..p.nrows()).into_par_iter().map(of_cell).collect();
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

fn deep_embedded_validation(
    labels: &[u8],
    probabilities: &[f64],
    source: ArrayView2<'_, f64>,
    training: ArrayView2<'_, f64>,
    target: ArrayView2<'_, f64>,
) -> Metric {
    input::labels_and("source_probabilities", labels, probabilities, None)?;
    input::within_unit("source_probabilities", probabilities)?;
    let source = input::matrix("source_features", source)?;
    let training = input::matrix("training_features", training)?;
    let target = input::matrix("target_features", target)?;
    input::same_len("source_features", source.nrows(), labels.len())?;
    input::same_len("columns of source_features", source.ncols(), training.ncols())?;
    input::same_len("columns of target_features", target.ncols(), training.ncols())?;
    input::at_least("source samples", labels.len(), 2)?;
    let both = concatenate(Axis(0), &[training.view(), target.view()])
        .map_err(|e| Undefined::setting("training_features", e.to_string()))?;
    let domain: Vec<u8> = (0..both.nrows()).map(|i| u8::from(i >= training.nrows())).collect();
    let classifier = Logistic::fit(&both, &domain, None, 1.0)?;
    let ratio = training.nrows() as f64 / target.nrows() as f64;
    let weights: Vec<f64> =
        source.rows().into_iter().map(|r| ratio * classifier.log_odds(r).min(700.0).exp()).collect();
    let loss = |(y, p): (&u8, &f64)| {
        let p = if *y == 1 { *p } else { 1.0 - *p };
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    let weighted: Vec<f64> =
        labels.iter().zip(probabilities).map(loss).zip(&weights).map(|(l, w)| l * w).collect();
    let n = weights.len() as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (mean_loss, mean_weight) = (mean(&weighted), mean(&weights));
    let covariance: f64 =
        weighted.iter().zip(&weights).map(|(l, w)| (l - mean_loss) * (w - mean_weight)).sum();
    let variance: f64 = weights.iter().map(|w| (w - mean_weight) * (w - mean_weight)).sum();
    // Weights that do not vary carry no control variate: the plain mean.
    let eta = if variance > 0.0 { -covariance / variance } else { 0.0 };
    let value = mean_loss + eta * (mean_weight - 1.0);
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Undefined::Singular {
            what: "deep embedded validation",
            reason: "the domains are too far apart for importance weights",
        })
    }
}

/// Sum of singular values, from the classes × classes Gram matrix by Jacobi rotations.
fn nuclear_norm(p: &Array2<f64>) -> Metric {
    const MOST_CLASSES: usize = 256;
    let k = p.ncols();
    if k > MOST_CLASSES {
        return Err(Undefined::TooMany { what: "classes", limit: MOST_CLASSES, got: k });
    }
    let mut gram = p.t().dot(p);
    for _ in 0..100 {
        let off: f64 = (0..k).flat_map(|i| (0..i).map(move |j| (i, j))).map(|at| gram[at].powi(2)).sum();
        let diagonal: f64 = gram.diag().iter().map(|v| v * v).sum();
        if off <= 1e-30 * diagonal {
            break;
        }
        for i in 0..k {
            for j in i + 1..k {
                rotate(&mut gram, i, j);
            }
        }
    }
    let sum: f64 = gram.diag().iter().map(|v| v.max(0.0).sqrt()).sum();
    Ok(sum / (p.len() as f64).sqrt())
}

fn rotate(a: &mut Array2<f64>, i: usize, j: usize) {
    if a[[i, j]] == 0.0 {
        return;
    }
    let theta = (a[[j, j]] - a[[i, i]]) / (2.0 * a[[i, j]]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for m in 0..a.nrows() {
        let (x, y) = (a[[m, i]], a[[m, j]]);
        a[[m, i]] = c * x - s * y;
        a[[m, j]] = s * x + c * y;
    }
    for m in 0..a.nrows() {
        let (x, y) = (a[[i, m]], a[[j, m]]);
        a[[i, m]] = c * x - s * y;
        a[[j, m]] = s * x + c * y;
    }
}
