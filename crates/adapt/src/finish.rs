//! From trained networks to the model file: scores on the validation rows, threshold, card.

use burn::tensor::Device;
use ndarray::ArrayView2;
use sensitome_core_models::{ModelCard, ModelError, Output, ResponseModel, device_name};
use sensitome_data::TransferTask;

use crate::Result;
use crate::batches::{LabelledRows, chunks, upload};
use crate::hyper::Checked;
use crate::strategy::Assembled;
use crate::trainer::FitOptions;

/// Scores of prepared rows.
pub(crate) fn scores(parts: &Assembled, x: ArrayView2<f32>, device: &Device) -> Result<Vec<f64>> {
    let order: Vec<usize> = (0..x.nrows()).collect();
    let mut out = Vec::with_capacity(order.len());
    for rows in chunks(&order, 1024) {
        let z = parts.encoder.evaluate(upload(x, rows, device).inner());
        let score = parts.output.score(parts.head.evaluate(z));
        let values = score
            .try_into_vec_as::<f32>()
            .map_err(|e| ModelError::Backend(format!("reading scores: {e}")))?;
        out.extend(values.into_iter().map(f64::from));
    }
    Ok(out)
}

/// Builds the model with its card. Probabilities are cut at one half; a regression is cut where sensitivity plus
/// specificity is highest on the labelled source rows that were held out (all of them where none were).
pub(crate) fn model(
    parts: Assembled,
    name: &str,
    settings: &Checked,
    task: &TransferTask,
    options: &FitOptions,
) -> Result<ResponseModel> {
    let device = options.device.clone().inner();
    let mut validation = LabelledRows::gather(task, true);
    if validation.labels.is_empty() {
        validation = LabelledRows::gather(task, false);
    }
    let scored = scores(&parts, validation.x.view(), &device)?;
    let threshold = match parts.output {
        Output::Softmax | Output::Sigmoid | Output::Second => 0.5,
        Output::Linear => youden_threshold(&validation.labels, &scored),
    };
    let mut card = ModelCard {
        strategy: name.to_owned(),
        settings: settings.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        seed: options.seed,
        device: device_name(&device).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        task_hash: task.hash().to_owned(),
        source_rows: task
            .sources
            .iter()
            .fold((0, 0), |(t, v), s| (t + s.train.len(), v + s.validation.len())),
        target_cells: task.target.cells.len(),
        notes: task.notes.clone(),
        ..ModelCard::default()
    };
    if let Ok(auroc) = sensitome_eval::auroc(&validation.labels, &scored, None) {
        card.metrics.insert("source_validation_auroc".to_owned(), auroc);
    }
    let model = ResponseModel::new(
        task.preprocessing.clone(),
        parts.encoder,
        parts.head,
        parts.output,
        threshold,
        card,
        device,
    )?;
    Ok(model.with_axes(parts.axes)?)
}

/// The score at which sensitivity + specificity is highest (Youden 1950); the midpoint between it and the next lower
/// score. The middle of the scores where one class is missing.
fn youden_threshold(labels: &[u8], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let positives = labels.iter().filter(|&&y| y == 1).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let middle = order.get(order.len() / 2).map_or(0.0, |&i| scores[i]);
    if positives == 0.0 || negatives == 0.0 {
        return middle;
    }
    let (mut tp, mut fp, mut best, mut threshold) = (0.0, 0.0, f64::NEG_INFINITY, middle);
    for (k, &i) in order.iter().enumerate() {
        if labels[i] == 1 {
            tp += 1.0
        } else {
            fp += 1.0
        }
        let next = order.get(k + 1).map_or(scores[i] - 1.0, |&j| scores[j]);
        let youden = tp / positives - fp / negatives;
        if next < scores[i] && youden > best {
            best = youden;
            threshold = 0.5 * (scores[i] + next);
        }
    }
    threshold
}
