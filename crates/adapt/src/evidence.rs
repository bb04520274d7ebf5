//! What a fitted model shows without any label of the target: the evidence for label-free selection.

use ndarray::{Array2, ArrayView1, Axis};
use sensitome_core_models::{Predictions, ResponseModel};
use sensitome_data::{GeneReport, TransferTask};
use sensitome_eval::Metric;
use sensitome_eval::selection::{Evidence, SelectionScore};

use crate::Result;

/// A model's predictions for the source's rows and for the cells.
#[derive(Debug, Clone)]
pub struct ModelEvidence {
    /// Labels of the source's validation rows.
    pub labels: Vec<u8>,
    /// Predictions for them.
    pub validation: Predictions,
    /// Labels of the source's training rows.
    pub training_labels: Vec<u8>,
    /// Predictions for them.
    pub training: Predictions,
    /// Predictions for the cells.
    pub target: Predictions,
}

impl ModelEvidence {
    /// Predicts everything that the task holds.
    ///
    /// # Errors
    /// When the model does not fit the task.
    pub fn new(model: &ResponseModel, task: &TransferTask) -> Result<Self> {
        let rows = |validation: bool| -> Result<(Vec<u8>, Predictions)> {
            let (mut x, mut labels, mut names) = (Vec::new(), Vec::new(), Vec::new());
            for s in &task.sources {
                for &i in if validation { &s.validation } else { &s.train } {
                    x.extend(s.expression.row(i).iter().copied());
                    labels.extend(s.labels[i]);
                    names.push(s.samples[i].clone());
                }
            }
            let x = Array2::from_shape_vec((names.len(), task.n_genes()), x).unwrap_or_default();
            Ok((labels, model.predict_prepared(x.view(), &names, GeneReport::default(), 1024)?))
        };
        let ((labels, validation), (training_labels, training)) = (rows(true)?, rows(false)?);
        let cells = &task.target;
        let target =
            model.predict_prepared(cells.expression.view(), &cells.cells, GeneReport::default(), 1024)?;
        Ok(Self { labels, validation, training_labels, training, target })
    }

    /// The score of a rule; `ridge` are the scores of a ridge regression on the same cells, for the rule that asks for them.
    ///
    /// # Errors
    /// When the rule needs what is not there (the oracle: labels of the target), or its score does not exist.
    pub fn score(&self, rule: SelectionScore, ridge: Option<&[f64]>) -> Metric {
        let features = |p: &Predictions| p.embedding.mapv(f64::from);
        let (validation, training) = (features(&self.validation), features(&self.training));
        let target = features(&self.target);
        let scores = ArrayView1::from(&self.target.scores);
        let mut p = Array2::zeros((scores.len(), 2));
        p.index_axis_mut(Axis(1), 1).assign(&scores);
        p.index_axis_mut(Axis(1), 0).assign(&scores.mapv(|s| 1.0 - s));
        rule.score(&Evidence {
            source_labels: Some(&self.labels),
            source_probabilities: Some(&self.validation.scores),
            source_features: Some(validation.view()),
            training_features: Some(training.view()),
            target_features: Some(target.view()),
            target_probabilities: Some(p.view()),
            ridge_scores: ridge,
            target_labels: None,
        })
    }
}
