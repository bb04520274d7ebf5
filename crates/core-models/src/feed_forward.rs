//! [`FeedForward`]: a network as an explicit list of layers, and the blocks it is built of.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::layer::{Activation, Layer, LayerShape, Parameter, Pass};
use crate::random::rng_for;
use crate::{ModelError, Result};

/// A network: layers applied one after another. Without layers it is the identity.
#[derive(Debug, Clone, Default)]
pub struct FeedForward {
    layers: Vec<Layer>,
}

impl FeedForward {
    /// Joins layers.
    ///
    /// # Errors
    /// When the output of one is not as wide as the input of the next.
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        let shapes: Vec<LayerShape> = layers.iter().map(Layer::shape).collect();
        check_widths(&shapes)?;
        Ok(Self { layers })
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers without their weights.
    pub fn shapes(&self) -> Vec<LayerShape> {
        self.layers.iter().map(Layer::shape).collect()
    }

    /// Number of inputs, where a layer fixes it.
    pub fn inputs(&self) -> Option<usize> {
        self.layers.iter().find_map(|l| l.shape().width()).map(|w| w.0)
    }

    /// Number of outputs, where a layer fixes it.
    pub fn outputs(&self) -> Option<usize> {
        self.layers.iter().rev().find_map(|l| l.shape().width()).map(|w| w.1)
    }

    /// Number of learned numbers.
    pub fn parameter_count(&self) -> usize {
        let mut n = 0;
        self.clone().visit(&mut |_, p| match p {
            Parameter::Matrix(t) => n += t.dims().iter().product::<usize>(),
            Parameter::Vector(t) => n += t.dims()[0],
            Parameter::Statistic(_) => {}
        });
        n
    }

    /// Applies the layers to `x`, rows × inputs, giving rows × outputs. Panics, as Burn does, when `x` is not as
    /// wide as the first layer: check at the door.
    pub fn forward(&mut self, x: Tensor<2>, mut pass: Pass) -> Tensor<2> {
        self.layers.iter_mut().fold(x, |x, layer| layer.forward(x, &mut pass))
    }

    /// Applies the layers without noise and with running statistics.
    pub fn evaluate(&self, x: Tensor<2>) -> Tensor<2> {
        // Cloning shares the weights; evaluation changes none.
        self.clone().forward(x, Pass::Evaluate)
    }

    /// Puts the layers of `next` behind these.
    ///
    /// # Errors
    /// When the widths do not fit.
    pub fn then(mut self, next: Self) -> Result<Self> {
        self.layers.extend(next.layers);
        Self::new(self.layers)
    }

    /// Exchanges the running statistics with a network of the same layers.
    pub fn swap_statistics(&mut self, other: &mut Self) {
        for pair in self.layers.iter_mut().zip(&mut other.layers) {
            if let (Layer::BatchNorm { mean: m, variance: v, .. }, Layer::BatchNorm { mean, variance, .. }) =
                pair
            {
                std::mem::swap(m, mean);
                std::mem::swap(v, variance);
            }
        }
    }

    /// Calls `f` with every tensor and its name (`0.weight`, `1.gamma`, ...).
    pub fn visit(&mut self, f: &mut dyn FnMut(&str, Parameter)) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            layer.visit(&mut |name, p| f(&format!("{i}.{name}"), p));
        }
    }
}

pub(crate) fn check_widths(shapes: &[LayerShape]) -> Result<()> {
    let widths: Vec<(usize, usize)> = shapes.iter().filter_map(LayerShape::width).collect();
    match widths.windows(2).find(|w| w[0].1 != w[1].0) {
        None => Ok(()),
        Some(w) => Err(ModelError::invalid(
            "network",
            format!("a layer gives {} values and the next takes {}", w[0].1, w[1].0),
            "make the widths of neighbouring layers equal",
        )),
    }
}

/// Where batch normalisation stands in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// No batch normalisation.
    None,
    /// Linear, batch normalisation, activation, dropout (scDEAL, SCAD).
    BeforeActivation,
    /// Linear, activation, batch normalisation, dropout (He et al. 2025, SSDA4Drug).
    AfterActivation,
}

/// A multi-layer perceptron to be built: hidden blocks, then a plain linear output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpConfig {
    /// Number of inputs.
    pub inputs: usize,
    /// Width of each hidden block.
    pub hidden: Vec<usize>,
    /// Width of the last, plain linear layer; `None` ends with the last block.
    pub outputs: Option<usize>,
    /// Where batch normalisation stands.
    pub normalization: Normalization,
    /// The function of each block; `None` leaves the blocks affine, as scDEAL's published encoder.
    pub activation: Option<Activation>,
    /// Probability of a zero in each block.
    pub dropout: f64,
    /// Probability that an input is masked in training (denoising); 0 for none.
    pub mask: f64,
    /// Applied to the output.
    pub output_activation: Option<Activation>,
}

impl MlpConfig {
    /// Linear, batch normalisation, ReLU blocks without dropout, then a linear output.
    pub fn new(inputs: usize, hidden: &[usize], outputs: usize) -> Self {
        Self {
            inputs,
            hidden: hidden.to_vec(),
            outputs: Some(outputs),
            normalization: Normalization::BeforeActivation,
            activation: Some(Activation::Relu),
            dropout: 0.0,
            mask: 0.0,
            output_activation: None,
        }
    }

    /// The layers, without weights.
    ///
    /// # Errors
    /// When a width is zero or a rate is outside 0 ≤ rate < 1.
    pub fn shapes(&self) -> Result<Vec<LayerShape>> {
        if self.inputs == 0 || self.hidden.contains(&0) || self.outputs == Some(0) {
            return Err(ModelError::invalid("network", "a layer of width 0", "use widths of at least 1"));
        }
        for (name, rate) in [("dropout", self.dropout), ("mask", self.mask)] {
            if !(0.0..1.0).contains(&rate) {
                return Err(ModelError::invalid(name, format!("{rate} is no rate"), "use 0 ≤ rate < 1"));
            }
        }
        let mut shapes = Vec::new();
        if self.mask > 0.0 {
            shapes.push(LayerShape::Mask { rate: self.mask });
        }
        let mut inputs = self.inputs;
        for &outputs in &self.hidden {
            shapes.push(LayerShape::Linear { inputs, outputs, bias: true });
            let norm = LayerShape::BatchNorm { features: outputs };
            let function = self.activation.map(|function| LayerShape::Activation { function });
            match self.normalization {
                Normalization::None => shapes.extend(function),
                Normalization::BeforeActivation => shapes.extend([norm].into_iter().chain(function)),
                Normalization::AfterActivation => shapes.extend(function.into_iter().chain([norm])),
            }
            if self.dropout > 0.0 {
                shapes.push(LayerShape::Dropout { rate: self.dropout });
            }
            inputs = outputs;
        }
        if let Some(outputs) = self.outputs {
            shapes.push(LayerShape::Linear { inputs, outputs, bias: true });
        }
        shapes.extend(self.output_activation.map(|function| LayerShape::Activation { function }));
        Ok(shapes)
    }

    /// The network with fresh weights.
    ///
    /// # Errors
    /// As [`shapes`](Self::shapes).
    pub fn init(&self, init: &Init, name: &str) -> Result<FeedForward> {
        init.network(name, &self.shapes()?)
    }
}

/// Draws fresh weights: each network from a generator of its own, named by the network.
#[derive(Debug, Clone)]
pub struct Init {
    seed: u64,
    device: Device,
}

impl Init {
    /// Weights from `seed` on `device`.
    pub fn new(seed: u64, device: Device) -> Self {
        Self { seed, device: device.inner() }
    }

    /// The device of the weights.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A network of the given layers.
    ///
    /// # Errors
    /// When the widths of neighbouring layers differ.
    pub fn network(&self, name: &str, shapes: &[LayerShape]) -> Result<FeedForward> {
        check_widths(shapes)?;
        let mut rng = rng_for(self.seed, &format!("weights of {name}"));
        Ok(FeedForward { layers: shapes.iter().map(|s| s.init(&mut rng, &self.device)).collect() })
    }
}
