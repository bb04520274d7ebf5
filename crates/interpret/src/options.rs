//! What to explain, how, and from where.

use sensitome_data::Missing;
use serde::{Deserialize, Serialize};

use crate::stream::RunOptions;
use crate::{Estimate, InterpretError, PathOptions, Reading, Result, ShapOptions, Target};

/// A method with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Integrated gradients from a baseline.
    IntegratedGradients(PathOptions),
    /// DeepSHAP against a background.
    DeepShap(ShapOptions),
    /// Expected gradients or Shapley values by sampling, against a background.
    Sampled(Estimate),
    /// Saliency, gradient × input or SmoothGrad.
    Gradient(Reading),
}

impl Method {
    /// Its short name: `ig`, `shap`, `expected-gradients`, `shapley`, `saliency`, `gradient-x-input`,
    /// `smoothgrad`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::IntegratedGradients(_) => "ig",
            Self::DeepShap(_) => "shap",
            Self::Sampled(Estimate::ExpectedGradients { .. }) => "expected-gradients",
            Self::Sampled(Estimate::Shapley { .. }) => "shapley",
            Self::Gradient(Reading::Saliency { .. }) => "saliency",
            Self::Gradient(Reading::InputTimesGradient) => "gradient-x-input",
            Self::Gradient(Reading::SmoothGrad { .. }) => "smoothgrad",
        }
    }

    /// The method of that short name with its common settings, random numbers from `seed`.
    ///
    /// # Errors
    /// When there is none; the message lists them.
    pub fn named(name: &str, seed: u64) -> Result<Self> {
        Ok(match name {
            "ig" => Self::IntegratedGradients(PathOptions::default()),
            "shap" => Self::DeepShap(ShapOptions::default()),
            "expected-gradients" => Self::Sampled(Estimate::ExpectedGradients { samples: 200 }),
            "shapley" => Self::Sampled(Estimate::Shapley { permutations: 100 }),
            "saliency" => Self::Gradient(Reading::Saliency { absolute: false }),
            "gradient-x-input" => Self::Gradient(Reading::InputTimesGradient),
            "smoothgrad" => Self::Gradient(Reading::SmoothGrad { samples: 50, noise: 0.1, seed }),
            other => {
                return Err(InterpretError::invalid(
                    "method",
                    format!("{other} is not known"),
                    "use ig, shap, expected-gradients, shapley, saliency, gradient-x-input or smoothgrad",
                ));
            }
        })
    }
}

/// Where integrated gradients start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Zero in the units of the network's input: the mean cell of z-scores, no expression of unscaled logs.
    /// At the bottleneck, its embedding.
    #[default]
    Zero,
    /// The mean of each gene over the background.
    Mean,
    /// One cell of the background, by name.
    Cell(String),
    /// Every row of the background; their attributions are averaged.
    Background,
}

/// Which inputs get the attributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The genes.
    #[default]
    Genes,
    /// The axes of the embedding, the input of the head: pathways, where the encoder has one axis for each.
    Bottleneck,
}

/// What to explain, how, and from where.
#[derive(Debug, Clone)]
pub struct ExplainOptions {
    /// The method.
    pub method: Method,
    /// The explained number.
    pub target: Target,
    /// Genes or latent axes.
    pub level: Level,
    /// Names of the latent axes; `axis 1`, ... without.
    pub axes: Option<Vec<String>>,
    /// Where integrated gradients start.
    pub baseline: Baseline,
    /// Most rows that are drawn as a background; fewer cells are all taken.
    pub background: usize,
    /// Draws the background and whatever the method draws.
    pub seed: u64,
    /// What to do about genes of the model that the cells lack.
    pub missing: Missing,
    /// Memory and block size.
    pub run: RunOptions,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            method: Method::IntegratedGradients(PathOptions::default()),
            target: Target::Margin,
            level: Level::Genes,
            axes: None,
            baseline: Baseline::Zero,
            background: 100,
            seed: 42,
            missing: Missing::default(),
            run: RunOptions::default(),
        }
    }
}
