//! The evaluator: the one place where hidden labels and scores meet.

mod hidden;

use std::collections::BTreeMap;

use sensitome_eval::calibration::{Bins, ece};
use sensitome_eval::classification::{Average, ZeroDivision};
use sensitome_eval::probability::{brier_score, log_loss};
use sensitome_eval::{Metric, Undefined};

pub use hidden::HiddenLabels;

use crate::{Fitted, Measured};

/// The metrics of every run. For the last three, which are of probabilities, smaller is better.
pub const METRICS: [&str; 12] = [
    "auroc",
    "average_precision",
    "prevalence",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "mcc",
    "recall",
    "specificity",
    "brier",
    "log_loss",
    "ece",
];

/// Measures a fit on the labelled cells among `rows`. `rows` must not hold a cell whose label the method was given; the
/// audit checks it.
pub(crate) fn measure(hidden: &HiddenLabels, rows: &[usize], fitted: Fitted) -> Measured {
    let labels = hidden.open();
    let rows: Vec<usize> = rows.iter().copied().filter(|&i| labels[i].is_some()).collect();
    let y: Vec<u8> = rows.iter().filter_map(|&i| labels[i]).collect();
    let scores: Vec<f64> = rows.iter().map(|&i| f64::from(fitted.scores[i])).collect();
    let classes: Vec<u8> = rows.iter().map(|&i| fitted.classes[i]).collect();
    let metrics = metrics(&y, &scores, &classes, fitted.probability);
    Measured { rows, labels: y, scores, classes, metrics, fitted }
}

fn metrics(y: &[u8], scores: &[f64], classes: &[u8], probability: bool) -> BTreeMap<String, Metric> {
    let undefined = ZeroDivision::Undefined;
    let flipped = |v: &[u8]| v.iter().map(|&c| 1 - c.min(1)).collect::<Vec<u8>>();
    let of_probabilities = |metric: &dyn Fn() -> Metric| {
        if probability {
            metric()
        } else {
            Err(Undefined::Setting { name: "scores", problem: "are no probabilities".to_owned() })
        }
    };
    let values: [(&str, Metric); METRICS.len()] = [
        ("auroc", sensitome_eval::auroc(y, scores, None)),
        ("average_precision", sensitome_eval::average_precision(y, scores, None)),
        ("prevalence", sensitome_eval::ranking::prevalence(y, None)),
        ("accuracy", sensitome_eval::accuracy(y, classes)),
        ("balanced_accuracy", sensitome_eval::balanced_accuracy(y, classes)),
        ("f1", sensitome_eval::f1(y, classes, Average::Binary, undefined)),
        ("mcc", sensitome_eval::mcc(y, classes)),
        ("recall", sensitome_eval::recall(y, classes, Average::Binary, undefined)),
        ("specificity", sensitome_eval::recall(&flipped(y), &flipped(classes), Average::Binary, undefined)),
        ("brier", of_probabilities(&|| brier_score(y, scores, None))),
        ("log_loss", of_probabilities(&|| log_loss(y, scores, None))),
        ("ece", of_probabilities(&|| ece(y, scores, None, Bins::EqualWidth(10)))),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
