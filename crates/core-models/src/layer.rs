//! The layers a network is a list of. Training, inference, explanation and the model file all use this one list.

use burn::tensor::{Device, Tensor, TensorData, activation, module};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::product::product;
use crate::random::Noise;

/// Added to the variance before its root (the PyTorch default).
pub(crate) const EPSILON: f64 = 1e-5;
/// Share of the new batch in the running statistics (the PyTorch default).
const MOMENTUM: f64 = 0.1;
/// Least norm a row is divided by (the PyTorch default of `normalize`).
pub(crate) const MIN_NORM: f64 = 1e-12;

/// How a forward pass treats noise and batch statistics.
#[derive(Debug)]
pub enum Pass<'a> {
    /// No noise, running statistics: the same input always gives the same output.
    Evaluate,
    /// Dropout and masks drawn from the noise; batch statistics, which also update the running ones.
    Train(&'a mut Noise),
}

impl Pass<'_> {
    /// Whether this is a training pass.
    pub fn is_training(&self) -> bool {
        matches!(self, Self::Train(_))
    }

    /// The noise of a training pass.
    pub fn noise(&mut self) -> Option<&mut Noise> {
        match self {
            Self::Evaluate => None,
            Self::Train(noise) => Some(noise),
        }
    }

    /// The same pass for one more call.
    pub fn again(&mut self) -> Pass<'_> {
        match self {
            Self::Evaluate => Pass::Evaluate,
            Self::Train(noise) => Pass::Train(noise),
        }
    }
}

/// An elementwise function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where positive, else slope·x.
    LeakyRelu {
        /// Factor of negative values.
        slope: f64,
    },
    /// Self-normalising exponential unit (Klambauer et al. 2017).
    Selu,
    /// 1 / (1 + e^(−x)).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// Scale and α of the self-normalising unit (Klambauer et al. 2017).
pub(crate) const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

impl Activation {
    /// The leaky unit with the usual slope of 0.01.
    pub const LEAKY_RELU: Self = Self::LeakyRelu { slope: 0.01 };

    /// Applies the function to every element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => activation::relu(x),
            Self::LeakyRelu { slope } => activation::leaky_relu(x, slope),
            // Not Burn's, whose exponential overflows above 88 and makes the gradient no number.
            Self::Selu => {
                let (scale, alpha) = SELU;
                let below = (x.clone().clamp_max(0.0).exp() - 1.0) * alpha;
                (activation::relu(x) + below) * scale
            }
            Self::Sigmoid => activation::sigmoid(x),
            Self::Tanh => activation::tanh(x),
        }
    }

    /// The derivative at every element, as operations that can themselves be differentiated. Where a function has a
    /// corner, at 0, it is the left one.
    pub fn derivative<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        let positive = || x.clone().detach().sign().clamp_min(0.0);
        match self {
            Self::Relu => positive(),
            Self::LeakyRelu { slope } => positive() * (1.0 - slope) + slope,
            Self::Selu => {
                let (scale, alpha) = SELU;
                let below = (positive() * -1.0 + 1.0) * x.clone().clamp_max(0.0).exp() * alpha;
                (below + positive()) * scale
            }
            Self::Sigmoid => {
                let y = activation::sigmoid(x);
                y.clone() * (y * -1.0 + 1.0)
            }
            Self::Tanh => activation::tanh(x).square() * -1.0 + 1.0,
        }
    }
}

/// One layer with its weights.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // a network has a handful of layers; a box would buy nothing
pub enum Layer {
    /// y = x·W + b.
    Linear {
        /// Weights, inputs × outputs.
        weight: Tensor<2>,
        /// Added to every row, if there.
        bias: Option<Tensor<1>>,
    },
    /// Batch normalisation (Ioffe and Szegedy 2015) with ε 1e-5 and momentum 0.1: the batch's biased variance in
    /// training, running statistics (the unbiased variance) in evaluation.
    BatchNorm {
        /// Learned scale.
        gamma: Tensor<1>,
        /// Learned shift.
        beta: Tensor<1>,
        /// Running mean.
        mean: Tensor<1>,
        /// Running variance.
        variance: Tensor<1>,
    },
    /// An elementwise function.
    Activation(Activation),
    /// Zeroes entries in training and scales the others by 1 / (1 − rate).
    Dropout {
        /// Probability of a zero.
        rate: f64,
    },
    /// Zeroes entries in training and leaves the others as they are: the corruption of a denoising autoencoder
    /// (Vincent et al. 2008).
    Mask {
        /// Probability of a zero.
        rate: f64,
    },
    /// Divides every row by its Euclidean norm, which is at least 1e-12.
    Normalize,
    /// Makes every row a distribution: e^x over the sum of the row's. Behind [`Layer::Cosine`] and before a linear layer it is
    /// attention: weights by similarity, and the average of what they weigh.
    Softmax,
    /// Cosine similarity to one weight vector a class, divided by a temperature (Chen et al. 2019; Saito et al. 2019).
    Cosine {
        /// Class vectors, inputs × classes.
        weight: Tensor<2>,
        /// Divisor of the similarities; smaller is sharper.
        temperature: f64,
        /// Whether the class vectors are normalised too, as the papers write it; the published code of MME and
        /// its followers normalises the features only.
        normalize_weight: bool,
    },
}

/// A tensor of a layer, to be visited with its name.
#[derive(Debug)]
pub enum Parameter<'a> {
    /// Learned, two axes.
    Matrix(&'a mut Tensor<2>),
    /// Learned, one axis.
    Vector(&'a mut Tensor<1>),
    /// Not learned by gradient: running statistics.
    Statistic(&'a mut Tensor<1>),
}

/// A layer without its weights: what the header of a model file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerShape {
    /// See [`Layer::Linear`].
    Linear {
        /// Number of inputs.
        inputs: usize,
        /// Number of outputs.
        outputs: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// See [`Layer::BatchNorm`].
    BatchNorm {
        /// Number of features.
        features: usize,
    },
    /// See [`Layer::Activation`].
    Activation {
        /// Which function.
        function: Activation,
    },
    /// See [`Layer::Dropout`].
    Dropout {
        /// Probability of a zero.
        rate: f64,
    },
    /// See [`Layer::Mask`].
    Mask {
        /// Probability of a zero.
        rate: f64,
    },
    /// See [`Layer::Normalize`].
    Normalize,
    /// See [`Layer::Softmax`].
    Softmax,
    /// See [`Layer::Cosine`].
    Cosine {
        /// Number of inputs.
        inputs: usize,
        /// Number of classes.
        classes: usize,
        /// Divisor of the similarities.
        temperature: f64,
        /// Whether the class vectors are normalised too.
        normalize_weight: bool,
    },
}

impl LayerShape {
    /// Number of inputs and outputs, where the layer fixes them.
    pub fn width(&self) -> Option<(usize, usize)> {
        match *self {
            Self::Linear { inputs, outputs, .. } => Some((inputs, outputs)),
            Self::BatchNorm { features } => Some((features, features)),
            Self::Cosine { inputs, classes, .. } => Some((inputs, classes)),
            _ => None,
        }
    }

    /// The layer with fresh weights, drawn as PyTorch draws them: weight and bias uniform in ±1/√inputs; batch
    /// normalisation starts as the identity.
    pub fn init(&self, rng: &mut ChaCha8Rng, device: &Device) -> Layer {
        self.with_weights(device, |inputs, n| {
            let bound = 1.0 / (inputs.max(1) as f32).sqrt();
            (0..n).map(|_| rng.random_range(-bound..=bound)).collect()
        })
    }

    /// The layer with weights of 0, for those of a file.
    pub(crate) fn blank(&self, device: &Device) -> Layer {
        self.with_weights(device, |_, n| vec![0.0; n])
    }

    /// `weights` gives as many as asked for, of a layer of so many inputs.
    fn with_weights(&self, device: &Device, mut weights: impl FnMut(usize, usize) -> Vec<f32>) -> Layer {
        let mut matrix = |rows: usize, columns: usize| {
            Tensor::from_data(TensorData::new(weights(rows, rows * columns), [rows, columns]), device)
        };
        match *self {
            Self::Linear { inputs, outputs, bias } => Layer::Linear {
                weight: matrix(inputs, outputs),
                bias: bias
                    .then(|| Tensor::from_data(TensorData::new(weights(inputs, outputs), [outputs]), device)),
            },
            Self::BatchNorm { features } => Layer::BatchNorm {
                gamma: Tensor::ones([features], device),
                beta: Tensor::zeros([features], device),
                mean: Tensor::zeros([features], device),
                variance: Tensor::ones([features], device),
            },
            Self::Activation { function } => Layer::Activation(function),
            Self::Dropout { rate } => Layer::Dropout { rate },
            Self::Mask { rate } => Layer::Mask { rate },
            Self::Normalize => Layer::Normalize,
            Self::Softmax => Layer::Softmax,
            Self::Cosine { inputs, classes, temperature, normalize_weight } => {
                Layer::Cosine { weight: matrix(inputs, classes), temperature, normalize_weight }
            }
        }
    }
}

impl Layer {
    /// The layer without its weights.
    pub fn shape(&self) -> LayerShape {
        match self {
            Self::Linear { weight, bias } => {
                let [inputs, outputs] = weight.dims();
                LayerShape::Linear { inputs, outputs, bias: bias.is_some() }
            }
            Self::BatchNorm { gamma, .. } => LayerShape::BatchNorm { features: gamma.dims()[0] },
            Self::Activation(function) => LayerShape::Activation { function: *function },
            Self::Dropout { rate } => LayerShape::Dropout { rate: *rate },
            Self::Mask { rate } => LayerShape::Mask { rate: *rate },
            Self::Normalize => LayerShape::Normalize,
            Self::Softmax => LayerShape::Softmax,
            Self::Cosine { weight, temperature, normalize_weight } => {
                let [inputs, classes] = weight.dims();
                LayerShape::Cosine {
                    inputs,
                    classes,
                    temperature: *temperature,
                    normalize_weight: *normalize_weight,
                }
            }
        }
    }

    /// Applies the layer to `x`, rows × inputs.
    pub fn forward(&mut self, x: Tensor<2>, pass: &mut Pass) -> Tensor<2> {
        match self {
            Self::Linear { weight, bias } => {
                let y = product(x, weight.clone());
                match bias {
                    Some(b) => y + b.clone().unsqueeze::<2>(),
                    None => y,
                }
            }
            Self::BatchNorm { gamma, beta, mean, variance } => match pass {
                // One row has no variance: it is normalised by the running statistics.
                Pass::Train(_) if x.dims()[0] > 1 => {
                    let n = x.dims()[0] as f64;
                    let out = module::batch_norm_train(x, gamma.clone(), beta.clone(), EPSILON);
                    let unbiased = out.variance.detach().without_autodiff() * (n / (n - 1.0));
                    let batch_mean = out.mean.detach().without_autodiff();
                    *mean = mean.clone() * (1.0 - MOMENTUM) + batch_mean * MOMENTUM;
                    *variance = variance.clone() * (1.0 - MOMENTUM) + unbiased * MOMENTUM;
                    out.output
                }
                _ => module::batch_norm(
                    x,
                    gamma.clone(),
                    beta.clone(),
                    mean.clone(),
                    variance.clone(),
                    EPSILON,
                ),
            },
            Self::Activation(function) => function.forward(x),
            Self::Dropout { rate } => masked(x, *rate, (1.0 / (1.0 - *rate)) as f32, pass),
            Self::Mask { rate } => masked(x, *rate, 1.0, pass),
            Self::Normalize => unit(x, 1),
            Self::Softmax => activation::softmax(x, 1),
            Self::Cosine { weight, temperature, normalize_weight } => {
                let w = if *normalize_weight { unit(weight.clone(), 0) } else { weight.clone() };
                product(unit(x, 1), w) / *temperature
            }
        }
    }

    /// Calls `f` with every tensor and its name.
    pub fn visit(&mut self, f: &mut dyn FnMut(&str, Parameter)) {
        match self {
            Self::Linear { weight, bias } => {
                f("weight", Parameter::Matrix(weight));
                if let Some(b) = bias {
                    f("bias", Parameter::Vector(b));
                }
            }
            Self::BatchNorm { gamma, beta, mean, variance } => {
                f("gamma", Parameter::Vector(gamma));
                f("beta", Parameter::Vector(beta));
                f("mean", Parameter::Statistic(mean));
                f("variance", Parameter::Statistic(variance));
            }
            Self::Cosine { weight, .. } => f("weight", Parameter::Matrix(weight)),
            Self::Activation(_)
            | Self::Dropout { .. }
            | Self::Mask { .. }
            | Self::Normalize
            | Self::Softmax => {}
        }
    }
}

fn masked(x: Tensor<2>, rate: f64, kept: f32, pass: &mut Pass) -> Tensor<2> {
    match pass {
        Pass::Train(noise) if rate > 0.0 => {
            let mask = noise.mask(x.dims(), rate, kept, &x.device().inner());
            x * mask
        }
        _ => x,
    }
}

/// Divides by the Euclidean norm along an axis, which is at least 1e-12.
pub fn unit(x: Tensor<2>, axis: usize) -> Tensor<2> {
    // The bound is set before the root, whose gradient at zero is infinite.
    let norm = x.clone().square().sum_dim(axis).clamp_min(MIN_NORM * MIN_NORM).sqrt();
    x / norm
}
