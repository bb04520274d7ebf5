//! What the linear methods share: rows to learn from, folds, and the model of one layer.

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array1, Array2};
use rand::seq::SliceRandom;
use sensitome_core_models::{FeedForward, Layer, Output, ResponseModel, rng_for};
use sensitome_data::TransferTask;

use crate::hyper::{Checked, Hyper, Range};
use crate::strategy::Assembled;
use crate::trainer::FitOptions;
use crate::{AdaptError, Result, finish};

/// What a regression is of.
pub const RESPONSE: Hyper = Hyper::new(
    "response",
    "rank",
    Range::Choice(&["rank", "value", "label"]),
    "what is regressed: the response's rank, the response itself, or the binary label",
);
/// The L2 penalty of a linear method.
pub const PENALTY: Hyper = Hyper::new(
    "penalty",
    "0",
    Range::Float { low: 0.0, high: 1e9, log: false },
    "L2 penalty times the number of genes; 0 chooses it by cross-validation",
);
/// Folds of the choice.
pub const FOLDS: Hyper =
    Hyper::new("folds", "5", Range::Integer { low: 2, high: 20 }, "folds of the cross-validation");

/// Rows of all sources with a response and what to regress, the higher the more sensitive: the setting `response`.
pub fn rows(task: &TransferTask, response: &str) -> (Array2<f64>, Array1<f64>) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for s in &task.sources {
        let known: Vec<(usize, f64)> = match response {
            "label" => {
                s.labels.iter().enumerate().filter_map(|(i, l)| Some((i, -f64::from((*l)?)))).collect()
            }
            _ => s.response.iter().enumerate().filter_map(|(i, r)| Some((i, (*r)?))).collect(),
        };
        let values: Vec<f64> = known.iter().map(|k| k.1).collect();
        let values = if response == "rank" { percentiles(&values) } else { values };
        for ((i, _), v) in known.iter().zip(values) {
            x.extend(s.expression.row(*i).iter().map(|&v| f64::from(v)));
            y.push(-v);
        }
    }
    (Array2::from_shape_vec((y.len(), task.n_genes()), x).unwrap_or_default(), Array1::from_vec(y))
}

/// Share of the values below each, ties at the middle: 0..1.
fn percentiles(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        let middle = (start as f64 + (same as f64 - 1.0) / 2.0) / (values.len() as f64 - 1.0).max(1.0);
        order[start..start + same].iter().for_each(|&i| out[i] = middle);
        start += same;
    }
    out
}

/// Refuses fewer rows than `folds` folds need.
///
/// # Errors
/// Says how many are needed.
pub fn require_rows(name: &str, rows: usize, folds: usize) -> Result<()> {
    if rows >= 2 * folds {
        return Ok(());
    }
    Err(AdaptError::invalid(
        name,
        format!("{rows} samples with a response"),
        format!("at least {} are needed for {folds} folds", 2 * folds),
    ))
}

/// The rows that a fold learns from and those it is tested on.
pub type Fold = (Vec<usize>, Vec<usize>);

/// The folds of a cross-validation, after a shuffle of its own for `name` and `seed`.
pub fn split(rows: usize, folds: usize, seed: u64, name: &str) -> Vec<Fold> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut rng_for(seed, &format!("{name} folds")));
    let part = |fold: usize, inside: bool| {
        let chosen = order.iter().enumerate().filter(|(k, _)| (k % folds == fold) == inside);
        chosen.map(|(_, &i)| i).collect()
    };
    (0..folds).map(|fold| (part(fold, false), part(fold, true))).collect()
}

/// The model whose one layer is x·w + b.
///
/// # Errors
/// When it does not fit the task.
pub fn model(
    weight: &Array1<f64>,
    bias: f64,
    output: Output,
    (name, settings): (&str, &Checked),
    task: &TransferTask,
    options: &FitOptions,
) -> Result<ResponseModel> {
    let device = options.device.clone().inner();
    let values: Vec<f32> = weight.iter().map(|&w| w as f32).collect();
    let layer = Layer::Linear {
        weight: Tensor::from_data(TensorData::new(values, [weight.len(), 1]), &device),
        bias: Some(Tensor::from_data(TensorData::new(vec![bias as f32], [1]), &device)),
    };
    let parts = Assembled::new(FeedForward::default(), FeedForward::new(vec![layer])?, output);
    finish::model(parts, name, settings, task, options)
}
