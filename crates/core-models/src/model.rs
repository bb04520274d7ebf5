//! [`ResponseModel`]: everything that a prediction needs, and nothing of training.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayView2};
use sensitome_data::{ExpressionMatrix, FittedPreprocessing, GeneReport, Missing};
use serde::{Deserialize, Serialize};

use crate::feed_forward::FeedForward;
use crate::head::Output;
use crate::predictions::Predictions;
use crate::{ModelError, Result};

/// What a model was trained on and how, for people and for reproduction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCard {
    /// Name of the strategy in the registry.
    pub strategy: String,
    /// Its hyper-parameters, in the words of a config file.
    pub settings: BTreeMap<String, String>,
    /// The seed that all named seeds come from.
    pub seed: u64,
    /// The device it was trained on.
    pub device: String,
    /// The version of this library.
    pub version: String,
    /// The drug, where one was named.
    pub drug: Option<String>,
    /// SHA-256 over the training data, splits included.
    pub task_hash: String,
    /// Labelled source samples: training, validation.
    pub source_rows: (usize, usize),
    /// Unlabelled target cells seen in training.
    pub target_cells: usize,
    /// Numbers measured on the source's validation rows. No target label was seen.
    pub metrics: BTreeMap<String, f64>,
    /// What was done to the data, in words.
    pub notes: Vec<String>,
}

/// A trained predictor of drug response for single cells: genes, preparation, encoder, head and threshold.
#[derive(Debug, Clone)]
pub struct ResponseModel {
    pub(crate) preprocessing: FittedPreprocessing,
    pub(crate) encoder: FeedForward,
    pub(crate) head: FeedForward,
    pub(crate) axes: Vec<String>,
    pub(crate) output: Output,
    pub(crate) class_names: [String; 2],
    pub(crate) threshold: f64,
    pub(crate) card: ModelCard,
    pub(crate) device: Device,
}

/// How to predict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictOptions {
    /// What to do about genes of the model that the cells lack.
    pub missing: Missing,
    /// Cells a batch.
    pub batch_size: usize,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self { missing: Missing::default(), batch_size: 1024 }
    }
}

impl ResponseModel {
    /// Joins the parts.
    ///
    /// # Errors
    /// When the widths of genes, encoder, head and output do not fit, or the threshold is not a number.
    pub fn new(
        preprocessing: FittedPreprocessing,
        encoder: FeedForward,
        head: FeedForward,
        output: Output,
        threshold: f64,
        card: ModelCard,
        device: Device,
    ) -> Result<Self> {
        let whole = encoder.clone().then(head.clone())?;
        let genes = preprocessing.genes.len();
        if whole.inputs() != Some(genes) || whole.outputs() != Some(output.width()) || threshold.is_nan() {
            return Err(ModelError::invalid(
                "model",
                format!(
                    "{genes} genes, a network from {:?} to {:?} values, {} outputs wanted, threshold {threshold}",
                    whole.inputs(),
                    whole.outputs(),
                    output.width()
                ),
                "make the parts fit each other",
            ));
        }
        let class_names = ["resistant".to_owned(), "sensitive".to_owned()];
        Ok(Self {
            preprocessing,
            encoder,
            head,
            axes: Vec::new(),
            output,
            class_names,
            threshold,
            card,
            device: device.inner(),
        })
    }

    /// Genes in the order of the first layer's inputs.
    pub fn genes(&self) -> &[String] {
        &self.preprocessing.genes
    }

    /// How cells are prepared.
    pub fn preprocessing(&self) -> &FittedPreprocessing {
        &self.preprocessing
    }

    /// Genes to embedding.
    pub fn encoder(&self) -> &FeedForward {
        &self.encoder
    }

    /// The same model with a name for every axis of the embedding (pathways, say); an empty list takes them away.
    ///
    /// # Errors
    /// When there are more or fewer names than axes.
    pub fn with_axes(mut self, names: Vec<String>) -> Result<Self> {
        let width = self.encoder.outputs().unwrap_or(0);
        if !names.is_empty() && names.len() != width {
            return Err(ModelError::invalid(
                "axes of the embedding",
                format!("{} names for {width} axes", names.len()),
                "pass one name for each, or none",
            ));
        }
        self.axes = names;
        Ok(self)
    }

    /// Names of the embedding's axes, where they have any.
    pub fn axes(&self) -> &[String] {
        &self.axes
    }

    /// Embedding to outputs.
    pub fn head(&self) -> &FeedForward {
        &self.head
    }

    /// How the outputs become a score.
    pub fn output(&self) -> Output {
        self.output
    }

    /// Names of class 0 and class 1.
    pub fn class_names(&self) -> &[String; 2] {
        &self.class_names
    }

    /// Scores of at least this are class 1.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// What the model was trained on and how.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The card, to be completed by whoever knows more (the drug, say).
    pub fn card_mut(&mut self) -> &mut ModelCard {
        &mut self.card
    }

    /// Scores of every cell, after matching genes and preparing the values as in training.
    ///
    /// # Errors
    /// When the cells' scale contradicts what the model was trained on, or more genes are missing than allowed.
    pub fn predict(&self, cells: &ExpressionMatrix, options: &PredictOptions) -> Result<Predictions> {
        let (x, report) = self.preprocessing.transform(cells, options.missing)?;
        self.predict_prepared(x.view(), cells.samples(), report, options.batch_size)
    }

    /// Scores of cells that are prepared already, cells × genes in the order of [`genes`](Self::genes).
    ///
    /// # Errors
    /// When the matrix is not as wide as the model, or the backend fails.
    pub fn predict_prepared(
        &self,
        x: ArrayView2<f32>,
        cells: &[String],
        genes: GeneReport,
        batch_size: usize,
    ) -> Result<Predictions> {
        if x.ncols() != self.genes().len() || x.nrows() != cells.len() {
            return Err(ModelError::invalid(
                "cells",
                format!(
                    "{} × {} values for {} cells and {} genes",
                    x.nrows(),
                    x.ncols(),
                    cells.len(),
                    self.genes().len()
                ),
                "align them to the genes of the model",
            ));
        }
        let backend = |e: &dyn std::fmt::Display| ModelError::Backend(e.to_string());
        let width = self.encoder.outputs().unwrap_or(0);
        let mut scores = Vec::with_capacity(x.nrows());
        let mut embedding = Vec::with_capacity(x.nrows() * width);
        for block in x.axis_chunks_iter(ndarray::Axis(0), batch_size.max(1)) {
            let values: Vec<f32> = block.iter().copied().collect();
            let batch: Tensor<2> =
                Tensor::from_data(TensorData::new(values, [block.nrows(), block.ncols()]), &self.device);
            let z = self.encoder.evaluate(batch);
            if width > 0 {
                embedding.extend(z.clone().try_into_vec_as::<f32>().map_err(|e| backend(&e))?);
            }
            let score = self.output.score(self.head.evaluate(z));
            scores
                .extend(score.try_into_vec_as::<f32>().map_err(|e| backend(&e))?.into_iter().map(f64::from));
        }
        if let Some(i) = scores.iter().position(|s| !s.is_finite()) {
            return Err(ModelError::invalid(
                "cells",
                format!("the score of {} is not a finite number", cells[i]),
                "its values are far outside what the model was trained on; check their scale",
            ));
        }
        Ok(Predictions {
            cells: cells.to_vec(),
            classes: scores.iter().map(|&s| u8::from(s >= self.threshold)).collect(),
            scores,
            embedding: Array2::from_shape_vec((x.nrows(), width), embedding).map_err(|e| backend(&e))?,
            class_names: self.class_names.clone(),
            genes,
        })
    }
}
