//! Classifier heads: from an embedding to a score.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::feed_forward::{FeedForward, Init, MlpConfig};
use crate::layer::LayerShape;
use crate::{ModelError, Result};

/// How the last outputs of a head become one score, the higher the more sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Two logits (resistant, sensitive): the softmax probability of the second.
    Softmax,
    /// One logit: its sigmoid.
    Sigmoid,
    /// One number taken as it is: a regression.
    Linear,
    /// Two outputs that are no logits (scDEAL's published pair of sigmoids): the second as it is.
    Second,
}

impl Output {
    /// How many outputs the head must have.
    pub fn width(self) -> usize {
        match self {
            Self::Softmax | Self::Second => 2,
            Self::Sigmoid | Self::Linear => 1,
        }
    }

    /// One score a row from the head's outputs, rows × [`width`](Self::width).
    pub fn score(self, outputs: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Softmax => activation::softmax(outputs, 1).slice_dim(1, 1..2).squeeze_dim(1),
            Self::Sigmoid => activation::sigmoid(outputs).squeeze_dim(1),
            Self::Linear => outputs.squeeze_dim(1),
            Self::Second => outputs.slice_dim(1, 1..2).squeeze_dim(1),
        }
    }

    /// The same for the outputs of one row.
    pub(crate) fn score_of(self, outputs: &[f32]) -> f64 {
        let sigmoid = |x: f32| 1.0 / (1.0 + (-f64::from(x)).exp());
        let score = match (self, outputs) {
            (Self::Softmax, [resistant, sensitive]) => sigmoid(sensitive - resistant),
            (Self::Sigmoid, [logit]) => sigmoid(*logit),
            (Self::Linear, [value]) | (Self::Second, [_, value]) => f64::from(*value),
            _ => f64::NAN,
        };
        f64::from(score as f32)
    }
}

/// A head to be built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HeadConfig {
    /// Hidden blocks and two logits.
    Softmax(MlpConfig),
    /// Hidden blocks and one logit.
    Sigmoid(MlpConfig),
    /// Hidden blocks, then cosine similarity to two class vectors over a temperature.
    Cosine {
        /// The blocks before it; its outputs are the features that are normalised.
        blocks: MlpConfig,
        /// Divisor of the similarities.
        temperature: f64,
        /// Whether the class vectors are normalised too.
        normalize_weight: bool,
    },
}

impl HeadConfig {
    /// The head with fresh weights and how to read its outputs.
    ///
    /// # Errors
    /// When widths or rates are outside what is allowed, or the temperature is not positive.
    pub fn init(&self, init: &Init, name: &str) -> Result<(FeedForward, Output)> {
        let (shapes, output) = match self {
            Self::Softmax(mlp) => (with_outputs(mlp, 2).shapes()?, Output::Softmax),
            Self::Sigmoid(mlp) => (with_outputs(mlp, 1).shapes()?, Output::Sigmoid),
            Self::Cosine { blocks, temperature, normalize_weight } => {
                if temperature.is_nan() || *temperature <= 0.0 {
                    return Err(ModelError::invalid(
                        "temperature",
                        format!("{temperature} is not positive"),
                        "use a number above 0, for example 0.05",
                    ));
                }
                let mut shapes = blocks.shapes()?;
                let inputs = blocks.outputs.or(blocks.hidden.last().copied()).unwrap_or(blocks.inputs);
                shapes.push(LayerShape::Cosine {
                    inputs,
                    classes: 2,
                    temperature: *temperature,
                    normalize_weight: *normalize_weight,
                });
                (shapes, Output::Softmax)
            }
        };
        Ok((init.network(name, &shapes)?, output))
    }
}

fn with_outputs(mlp: &MlpConfig, outputs: usize) -> MlpConfig {
    MlpConfig { outputs: Some(outputs), ..mlp.clone() }
}
