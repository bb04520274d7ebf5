//! Prediction on the CPU from sparse values: the scaling of the genes is folded into the first layer, so that counts
//! meet the weights as they are.
//!
//! z = x∘s + t makes z·W + b = x·(s∘W) + (b + t·W): a zero stays a zero, and a matrix of scaled values never exists.
//! Folding is done in doubles and rounded once. A gene that is missing has the value that scaling brings to 0.

mod kernel;
mod steps;

use std::ops::Range;

use ndarray::Array1;
use rayon::prelude::*;
use sensitome_data::preprocess::Scaler;
use sensitome_data::{FittedPreprocessing, GenePlan, Values};

pub use steps::FoldedStep;

use crate::layer::{Activation, MIN_NORM, SELU};
use crate::{FeedForward, Output, Result};
use kernel::{Rows, Weights};

/// Cells that a thread takes through all layers at a time; their hidden values stay in its cache.
const CHUNK: usize = 128;
/// The mean of a gene may be this many standard deviations: beyond, its two halves in the folded layer would lose
/// too many digits against each other.
const FARTHEST: f64 = 1e3;

/// A model's network with the scaling of the genes folded in, as plain single-precision arrays.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    encoder: Vec<Stage>,
    head: Vec<Stage>,
    /// Width of the embedding.
    width: usize,
    output: Output,
    /// The value of each gene that scaling brings to 0.
    average: Vec<f64>,
}

/// A step ready to run.
#[derive(Debug, Clone)]
enum Stage {
    Affine { weights: Weights, bias: Vec<f32> },
    Scale { scale: Vec<f32>, shift: Vec<f32> },
    Activation(Activation),
    Normalize,
    Softmax,
}

/// A compiled model for cells of certain genes.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) plan: GenePlan,
    /// Of the first layer, with the missing genes at their average.
    bias: Vec<f32>,
}

/// Some cells' scores, and their embeddings one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) scores: Vec<f64>,
    pub(crate) embedding: Vec<f32>,
}

impl Compiled {
    /// `None` where folding is not exact: scaled values are cut, the first layer is not linear, or a gene hardly
    /// varies around a mean far from 0.
    pub(crate) fn new(
        encoder: &FeedForward,
        head: &FeedForward,
        output: Output,
        preparation: &FittedPreprocessing,
    ) -> Result<Option<Self>> {
        let (mut encoder_steps, mut head_steps) = (encoder.steps()?, head.steps()?);
        let first = if encoder_steps.is_empty() { &mut head_steps } else { &mut encoder_steps };
        let Some(average) = fold(&preparation.scaler, first) else { return Ok(None) };
        let stages = |steps: &[FoldedStep<f64>]| steps.iter().map(Stage::new).collect::<Option<Vec<Stage>>>();
        let (Some(encoder_stages), Some(head)) = (stages(&encoder_steps), stages(&head_steps)) else {
            return Ok(None);
        };
        let width = encoder.outputs().unwrap_or(0);
        Ok(Some(Self { encoder: encoder_stages, head, width, output, average }))
    }

    /// The model for the cells of a plan.
    pub(crate) fn fit(&self, plan: GenePlan) -> Fitted {
        let Some((weights, bias)) = self.first() else { return Fitted { plan, bias: Vec::new() } };
        let mut sums: Vec<f64> = bias.iter().copied().map(f64::from).collect();
        for (gene, _) in plan.found().iter().enumerate().filter(|(_, found)| !**found) {
            for (sum, w) in sums.iter_mut().zip(weights.row(gene)) {
                *sum += self.average[gene] * f64::from(w);
            }
        }
        Fitted { plan, bias: sums.iter().map(|b| *b as f32).collect() }
    }

    /// The chunks of all cells in order. The bits do not depend on the number of threads, nor on which cells are
    /// predicted together.
    pub(crate) fn predict(
        &self,
        fitted: &Fitted,
        preparation: &FittedPreprocessing,
        values: &Values,
    ) -> Result<Vec<Chunk>> {
        let cells = values.shape().0;
        (0..cells.div_ceil(CHUNK))
            .into_par_iter()
            .map_init(Workspace::new, |workspace, c| {
                let cells = c * CHUNK..cells.min((c + 1) * CHUNK);
                self.chunk(fitted, preparation, values, cells, workspace)
            })
            .collect()
    }

    fn chunk(
        &self,
        fitted: &Fitted,
        preparation: &FittedPreprocessing,
        values: &Values,
        cells: Range<usize>,
        workspace: &mut Workspace,
    ) -> Result<Chunk> {
        let Some((weights, _)) = self.first() else { return Ok(Chunk::default()) };
        let Workspace { rows, x, .. } = workspace;
        rows.clear();
        for cell in cells {
            rows.push(|row| preparation.row(&fitted.plan, values, cell, row))?;
        }
        weights.sparse_product(rows, &fitted.bias, x);
        let mut width = weights.outputs();
        let (rest, head) = match self.encoder.split_first() {
            Some((_, rest)) => (rest, self.head.as_slice()),
            None => (Default::default(), &self.head[1..]),
        };
        workspace.forward(rest, &mut width);
        let embedding = if self.width > 0 { workspace.x.clone() } else { Vec::new() };
        workspace.forward(head, &mut width);
        let outputs = &workspace.x;
        let scores = outputs.chunks_exact(self.output.width()).map(|y| self.output.score_of(y)).collect();
        Ok(Chunk { scores, embedding })
    }

    /// The layer that meets the genes.
    fn first(&self) -> Option<(&Weights, &[f32])> {
        match self.encoder.first().or(self.head.first()) {
            Some(Stage::Affine { weights, bias }) => Some((weights, bias)),
            _ => None,
        }
    }
}

/// Folds the scaling into the first step; gives the value of each gene that scaling brings to 0. `None` where that is
/// not exact.
fn fold(scaler: &Scaler, steps: &mut [FoldedStep<f64>]) -> Option<Vec<f64>> {
    let Some(step @ FoldedStep::Affine { .. }) = steps.first_mut() else { return None };
    let FoldedStep::Affine { weight, .. } = step else { return None };
    let (factors, addends) = scaler.affine(weight.nrows())?;
    let exact = |(f, a): (&f64, &f64)| *f != 0.0 && f.is_finite() && a.abs() <= FARTHEST;
    if factors.len() != weight.nrows() || !factors.iter().zip(&addends).all(exact) {
        return None;
    }
    let average = factors.iter().zip(&addends).map(|(f, a)| -a / f).collect();
    let scale = FoldedStep::Scale { scale: Array1::from(factors), shift: Array1::from(addends) };
    *step = steps::join(&scale, step)?;
    Some(average)
}

impl Stage {
    /// `None` when a number does not fit single precision.
    fn new(step: &FoldedStep<f64>) -> Option<Self> {
        let narrow = |v: &Array1<f64>| -> Option<Vec<f32>> {
            v.iter().map(|v| Some(*v as f32).filter(|v| v.is_finite())).collect()
        };
        Some(match step {
            FoldedStep::Affine { weight, bias } => {
                let weights = Some(Weights::new(weight)).filter(Weights::is_finite)?;
                Self::Affine { weights, bias: narrow(bias)? }
            }
            FoldedStep::Scale { scale, shift } => {
                Self::Scale { scale: narrow(scale)?, shift: narrow(shift)? }
            }
            FoldedStep::Activation(function) => Self::Activation(*function),
            FoldedStep::Normalize => Self::Normalize,
            FoldedStep::Softmax => Self::Softmax,
        })
    }
}

/// What a thread needs while it takes chunk after chunk through the layers.
struct Workspace {
    rows: Rows,
    /// Hidden values, rows × width.
    x: Vec<f32>,
    next: Vec<f32>,
}

impl Workspace {
    fn new() -> Self {
        Self { rows: Rows::new(), x: Vec::new(), next: Vec::new() }
    }

    /// Takes `x` through some stages. What is no number stays no number: relu and the others let it through.
    fn forward(&mut self, stages: &[Stage], width: &mut usize) {
        let Self { x, next, .. } = self;
        for stage in stages {
            match stage {
                Stage::Affine { weights, bias } => {
                    weights.product(x, bias, next);
                    std::mem::swap(x, next);
                    *width = weights.outputs();
                }
                Stage::Scale { scale, shift } => {
                    for row in x.chunks_exact_mut(scale.len().max(1)) {
                        row.iter_mut().zip(scale).zip(shift).for_each(|((v, s), t)| *v = *v * s + t);
                    }
                }
                Stage::Activation(function) => function.apply(x),
                Stage::Normalize => {
                    for row in x.chunks_exact_mut((*width).max(1)) {
                        let squares: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
                        let norm = squares.sqrt().max(MIN_NORM);
                        row.iter_mut().for_each(|v| *v = (f64::from(*v) / norm) as f32);
                    }
                }
                Stage::Softmax => {
                    for row in x.chunks_exact_mut((*width).max(1)) {
                        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                        row.iter_mut().for_each(|v| *v = (*v - most).exp());
                        let sum: f64 = row.iter().map(|v| f64::from(*v)).sum();
                        row.iter_mut().for_each(|v| *v = (f64::from(*v) / sum) as f32);
                    }
                }
            }
        }
    }
}

impl Activation {
    /// The function of every value.
    fn apply(self, x: &mut [f32]) {
        fn each(x: &mut [f32], function: impl Fn(f32) -> f32) {
            x.iter_mut().for_each(|v| *v = function(*v));
        }
        match self {
            Self::Relu => each(x, |v| if v < 0.0 { 0.0 } else { v }),
            Self::LeakyRelu { slope } => each(x, |v| if v < 0.0 { slope as f32 * v } else { v }),
            Self::Selu => {
                let (scale, alpha) = SELU;
                each(x, |v| if v > 0.0 { scale as f32 * v } else { (scale * alpha) as f32 * v.exp_m1() });
            }
            Self::Sigmoid => each(x, |v| 1.0 / (1.0 + (-v).exp())),
            Self::Tanh => each(x, f32::tanh),
        }
    }
}

#[cfg(test)]
mod tests {
    use sensitome_data::detect::Scale;

    use super::*;
    use crate::{Init, Layer, MlpConfig, parse_device};

    fn compiled(scaler: Scaler, first: Option<Layer>) -> Option<Compiled> {
        let init = Init::new(0, parse_device("flex").unwrap());
        let encoder = MlpConfig::new(2, &[3], 4).init(&init, "encoder").unwrap();
        let encoder = FeedForward::new(first.into_iter().collect()).unwrap().then(encoder).unwrap();
        let head = MlpConfig::new(4, &[], 1).init(&init, "head").unwrap();
        let genes = vec!["A".to_owned(), "B".to_owned()];
        let preparation =
            FittedPreprocessing { scaler, ..FittedPreprocessing::identity(genes, Scale::Counts) };
        Compiled::new(&encoder, &head, Output::Sigmoid, &preparation).unwrap()
    }

    fn zscore(mean: f64, max_value: Option<f64>) -> Scaler {
        Scaler::ZScore { mean: vec![0.5, mean], sd: vec![0.1, 1.0], center: true, max_value }
    }

    #[test]
    fn folds_where_that_is_exact_and_only_there() {
        let found = compiled(zscore(2.0, None), None).unwrap();
        assert!(found.average.iter().zip([0.5, 2.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        // The encoder is linear with batch normalisation folded in, relu, linear.
        assert_eq!((found.encoder.len(), found.head.len()), (3, 1));
        assert!(compiled(Scaler::Identity, None).is_some());
        assert!(compiled(zscore(2.0, Some(10.0)), None).is_none());
        assert!(compiled(zscore(2e3, None), None).is_none());
        assert!(compiled(Scaler::Identity, Some(Layer::Activation(Activation::Tanh))).is_none());
        let minmax =
            |clip| Scaler::MinMax { min: vec![0.0; 2], max: vec![4.0; 2], low: 0.0, high: 1.0, clip };
        assert!(compiled(minmax(false), None).is_some() && compiled(minmax(true), None).is_none());
    }
}
