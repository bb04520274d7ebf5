//! What the linear controls share: the rows they learn from, folds, and the model of one layer.

use std::collections::HashSet;

use ndarray::{Array1, Array2};
use rand::seq::SliceRandom;
use sensitome_core_models::{FeedForward, Layer, Output, ResponseModel, rng_for};
use sensitome_data::{SourceDomain, TransferTask};

use crate::hyper::{Checked, Hyper, Range};
use crate::hypers::{choice, weight};
use crate::linear::{narrowed, percentiles};
use crate::strategy::Assembled;
use crate::trainer::FitOptions;
use crate::{AdaptError, Result, finish};

/// What a regression is of.
pub(crate) const RESPONSE: Hyper =
    choice("response", &["rank", "value", "label"], "regress the response's rank, the response or the label");
/// The L2 penalty of a linear method.
pub(crate) const PENALTY: Hyper =
    weight("penalty", "0", "L2 penalty times the number of genes; 0 chooses it by cross-validation");
/// Folds of the choice.
pub(crate) const FOLDS: Hyper =
    Hyper::new("folds", "5", Range::Integer { low: 2, high: 20 }, "folds of the cross-validation");

/// The rows of a source to learn from: all but those held out for validation, so that what is measured on these is not of
/// rows that the method has seen.
pub(crate) fn training(source: &SourceDomain) -> impl Iterator<Item = usize> {
    let held_out: HashSet<usize> = source.validation.iter().copied().collect();
    (0..source.samples.len()).filter(move |i| !held_out.contains(i))
}

/// Training rows of all sources with a response and what to regress, the higher the more sensitive: the setting `response`.
pub(crate) fn rows(task: &TransferTask, response: &str) -> (Array2<f64>, Array1<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for s in &task.sources {
        // Lower is more sensitive, as in the screens.
        let (known, values): (Vec<usize>, Vec<f64>) = match response {
            "label" => training(s).filter_map(|i| Some((i, -f64::from(s.labels[i]?)))).unzip(),
            _ => training(s).filter_map(|i| Some((i, s.response[i]?))).unzip(),
        };
        let values = if response == "rank" { percentiles(&values) } else { values };
        known.iter().for_each(|&i| x.extend(s.expression.row(i).iter().map(|&v| f64::from(v))));
        y.extend(values.iter().map(|v| -v));
    }
    (Array2::from_shape_vec((y.len(), task.n_genes()), x).unwrap_or_default(), Array1::from_vec(y))
}

/// Refuses fewer rows than `folds` folds need.
///
/// # Errors
/// Says how many are needed.
pub(crate) fn require_rows(name: &str, rows: usize, folds: usize) -> Result<()> {
    if rows >= 2 * folds {
        return Ok(());
    }
    Err(AdaptError::invalid(
        name,
        format!("{rows} samples with a response"),
        format!("at least {} are needed for {folds} folds", 2 * folds),
    ))
}

/// The rows in the order in which they are dealt to the folds of a method.
pub(crate) fn shuffled(rows: usize, seed: u64, name: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut rng_for(seed, &format!("{name} folds")));
    order
}

/// The rows that each fold learns from and those it is tested on.
pub(crate) fn split(rows: usize, folds: usize, seed: u64, name: &str) -> Vec<[Vec<usize>; 2]> {
    let order = shuffled(rows, seed, name);
    let part = |fold: usize, inside: bool| {
        let chosen = order.iter().enumerate().filter(|(k, _)| (k % folds == fold) == inside);
        chosen.map(|(_, &i)| i).collect()
    };
    (0..folds).map(|fold| [part(fold, false), part(fold, true)]).collect()
}

/// The model whose one layer is x·w + b.
///
/// # Errors
/// When it does not fit the task.
pub(crate) fn model(
    weight: &Array1<f64>,
    bias: f64,
    output: Output,
    (name, settings): (&str, &Checked),
    task: &TransferTask,
    options: &FitOptions,
) -> Result<ResponseModel> {
    let device = options.device.clone().inner();
    let layer = Layer::Linear {
        weight: narrowed(weight, [weight.len(), 1], &device),
        bias: Some(narrowed(&[bias], [1], &device)),
    };
    let parts = Assembled::new(FeedForward::default(), FeedForward::new(vec![layer])?, output);
    finish::model(parts, name, settings, task, options)
}
