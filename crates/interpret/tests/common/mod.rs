//! Networks for tests: random ones over every layer there is, and those of the golden cases.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)] // helpers of tests are tests; not every test uses all

use burn::tensor::{DType, Tensor, TensorData};
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_core_models::{Activation, Device, FeedForward, Layer, Output, parse_device};
use sensitome_interpret::Target;

pub(crate) const FUNCTIONS: [Activation; 5] =
    [Activation::Relu, Activation::LEAKY_RELU, Activation::Selu, Activation::Sigmoid, Activation::Tanh];

pub(crate) fn device() -> Device {
    parse_device(&sensitome_testkit::device()).unwrap()
}

/// Double, where the device has it.
fn precision() -> DType {
    if sensitome_testkit::has_doubles() { DType::F64 } else { DType::F32 }
}

/// So many random networks, for what only doubles can tell: gradients that are the difference of large numbers, as those of
/// a cosine are.
pub(crate) fn cases_in_doubles(cases: u32) -> ProptestConfig {
    if sensitome_testkit::has_doubles() {
        return ProptestConfig::with_cases(cases);
    }
    sensitome_testkit::skipped("gradients of random networks need double precision");
    ProptestConfig { cases: 0, failure_persistence: None, ..ProptestConfig::default() }
}

/// A matrix as a tensor of doubles.
pub(crate) fn tensor2(a: &Array2<f64>) -> Tensor<2> {
    let data = TensorData::new(a.iter().copied().collect::<Vec<_>>(), [a.nrows(), a.ncols()]);
    Tensor::from_data(data, (&device(), precision()))
}

/// A vector as a tensor of doubles.
pub(crate) fn tensor1(a: &Array1<f64>) -> Tensor<1> {
    let data = TensorData::new(a.to_vec(), [a.len()]);
    Tensor::from_data(data, (&device(), precision()))
}

/// What a random network is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) inputs: usize,
    pub(crate) hidden: Vec<usize>,
    /// One a hidden block; `None` leaves it affine.
    pub(crate) functions: Vec<Option<usize>>,
    /// Batch normalisation: 0 none, 1 before the function, 2 behind it, 3 in front of everything; 4 rows divided by their
    /// norm behind the function, 5 made distributions.
    pub(crate) norm: u8,
    /// 0 two logits, 1 one logit, 2 cosine, 3 cosine with normalised weights, 4 two sigmoids, 5 a regression.
    pub(crate) head: u8,
    pub(crate) mask: bool,
    pub(crate) seed: u64,
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let blocks = prop::collection::vec((1usize..12, prop::option::weighted(0.9, 0usize..5)), 0..4);
    (1usize..20, blocks, 0u8..6, 0u8..6, any::<bool>(), any::<u64>()).prop_map(
        |(inputs, blocks, norm, head, mask, seed)| {
            let (hidden, functions) = blocks.into_iter().unzip();
            Plan { inputs, hidden, functions, norm, head, mask, seed }
        },
    )
}

/// Values with a good share of zeros, as expression has.
pub(crate) fn values(rng: &mut ChaCha8Rng, rows: usize, columns: usize, zeros: f64) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, columns), || {
        if rng.random::<f64>() < zeros { 0.0 } else { rng.random_range(-1.0..3.0) }
    })
}

impl Plan {
    pub(crate) fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }

    pub(crate) fn output(&self) -> Output {
        match self.head {
            0 | 2 | 3 => Output::Softmax,
            1 => Output::Sigmoid,
            4 => Output::Second,
            _ => Output::Linear,
        }
    }

    pub(crate) fn targets(&self) -> Vec<Target> {
        match self.head {
            5 => vec![Target::Output(0)],
            _ => vec![Target::Margin, Target::Logit(0), Target::Probability(1), Target::Output(0)],
        }
    }

    pub(crate) fn network(&self) -> FeedForward {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 1);
        let mut layers = Vec::new();
        if self.mask {
            layers.push(Layer::Mask { rate: 0.3 });
        }
        let mut width = self.inputs;
        if self.norm == 3 {
            layers.push(norm(&mut rng, width));
        }
        for (&outputs, function) in self.hidden.iter().zip(&self.functions) {
            layers.push(linear(&mut rng, width, outputs));
            if self.norm == 1 {
                layers.push(norm(&mut rng, outputs));
            }
            layers.extend(function.map(|f| Layer::Activation(FUNCTIONS[f])));
            if self.norm == 2 {
                layers.push(norm(&mut rng, outputs));
            }
            if self.norm == 4 {
                layers.push(Layer::Normalize);
            }
            if self.norm == 5 {
                layers.push(Layer::Softmax);
            }
            layers.push(Layer::Dropout { rate: 0.2 });
            width = outputs;
        }
        match self.head {
            0 => layers.push(linear(&mut rng, width, 2)),
            2 | 3 => layers.push(Layer::Cosine {
                weight: tensor2(&weights(&mut rng, width, 2)),
                temperature: 0.5,
                normalize_weight: self.head == 3,
            }),
            4 => layers.extend([linear(&mut rng, width, 2), Layer::Activation(Activation::Sigmoid)]),
            _ => layers.push(linear(&mut rng, width, 1)),
        }
        FeedForward::new(layers).unwrap()
    }
}

fn weights(rng: &mut ChaCha8Rng, inputs: usize, outputs: usize) -> Array2<f64> {
    let bound = 1.5 / (inputs as f64).sqrt();
    Array2::from_shape_simple_fn((inputs, outputs), || rng.random_range(-bound..bound))
}

fn vector(rng: &mut ChaCha8Rng, n: usize, low: f64, high: f64) -> Array1<f64> {
    Array1::from_shape_simple_fn(n, || rng.random_range(low..high))
}

fn linear(rng: &mut ChaCha8Rng, inputs: usize, outputs: usize) -> Layer {
    Layer::Linear {
        weight: tensor2(&weights(rng, inputs, outputs)),
        bias: Some(tensor1(&vector(rng, outputs, -0.5, 0.5))),
    }
}

fn norm(rng: &mut ChaCha8Rng, features: usize) -> Layer {
    Layer::BatchNorm {
        gamma: tensor1(&vector(rng, features, 0.5, 1.5)),
        beta: tensor1(&vector(rng, features, -0.5, 0.5)),
        mean: tensor1(&vector(rng, features, -0.5, 0.5)),
        variance: tensor1(&vector(rng, features, 0.5, 2.0)),
    }
}

/// Largest difference, relative to the largest value.
pub(crate) fn apart(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    let size = b.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0f64, |m, (x, y)| m.max((x - y).abs())) / size
}
