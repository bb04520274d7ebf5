//! [`ResponseModel`]: everything that a prediction needs, and nothing of training.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use burn::tensor::Device;
use sensitome_data::FittedPreprocessing;
use serde::{Deserialize, Serialize};

use crate::feed_forward::FeedForward;
use crate::head::Output;
use crate::inference::Compiled;
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
    /// The network folded for prediction, made by the first; `None` within where it cannot be.
    pub(crate) compiled: OnceLock<Option<Arc<Compiled>>>,
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
            compiled: OnceLock::new(),
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

    /// The same model with another threshold.
    ///
    /// # Errors
    /// When it is not a number.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self> {
        if threshold.is_nan() {
            return Err(ModelError::invalid("threshold", "it is NaN", "pass a score"));
        }
        self.threshold = threshold;
        Ok(self)
    }

    /// What the model was trained on and how.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The card, to be completed by whoever knows more (the drug, say).
    pub fn card_mut(&mut self) -> &mut ModelCard {
        &mut self.card
    }
}
