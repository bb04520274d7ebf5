//! Checks that an attribution must pass before anyone believes it (Adebayo et al. 2018).
//!
//! An attribution that stays the same when the weights, or the labels they were learned from, are replaced by
//! chance tells of the input and not of the model.

use std::fmt;

use ndarray::ArrayView2;
use sensitome_core_models::{Device, FeedForward, Layer, LayerShape, Output, Parameter, rng_for};
use sensitome_eval::correlation::spearman;
use serde::{Deserialize, Serialize};

use crate::real::matrix;
use crate::{Attribution, Explain, Explained, InterpretError, Result, Target};

/// How alike two attributions of the same cells are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// Spearman correlation over genes of the signed attributions, averaged over cells; cells where one side
    /// is constant count as 0.
    pub signed: f64,
    /// The same of the absolute values. For methods that multiply by the input it stays high by construction:
    /// genes that are not expressed have none, whatever the weights.
    pub absolute: f64,
}

/// One stage of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SanityStage {
    /// What was replaced by chance.
    pub what: String,
    /// Against the attribution of the true model.
    pub likeness: Likeness,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SanityReport {
    /// `weight randomisation` or `label randomisation`.
    pub check: String,
    /// In the order they were done.
    pub stages: Vec<SanityStage>,
    /// Largest |signed| likeness that passes at the last stage (weights) or on average (labels).
    pub limit: f64,
    /// Whether the attributions follow the model.
    pub passed: bool,
}

impl fmt::Display for SanityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.passed { "passed" } else { "FAILED" };
        writeln!(f, "{}: {outcome} (|signed likeness| must stay below {})", self.check, self.limit)?;
        for stage in &self.stages {
            let Likeness { signed, absolute } = stage.likeness;
            writeln!(f, "  {:<40} signed {signed:+.3}  absolute {absolute:+.3}", stage.what)?;
        }
        Ok(())
    }
}

/// Compares two attributions of the same cells and genes.
///
/// # Errors
/// When the shapes differ, or there is nothing to compare.
pub fn likeness(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Result<Likeness> {
    if a.dim() != b.dim() || a.nrows() == 0 || a.ncols() < 2 {
        return Err(InterpretError::invalid(
            "attributions",
            format!("{:?} against {:?}", a.dim(), b.dim()),
            "compare the same cells and at least 2 genes",
        ));
    }
    let mean = |f: fn(f32) -> f64| {
        let rows = a.rows().into_iter().zip(b.rows());
        let row = |row: ndarray::ArrayView1<f32>| row.iter().map(|&v| f(v)).collect::<Vec<_>>();
        // A constant row has no order to compare: nothing is shared.
        let sum: f64 = rows.map(|(a, b)| spearman(&row(a), &row(b)).map_or(0.0, |c| c.coefficient)).sum();
        sum / a.nrows() as f64
    };
    Ok(Likeness { signed: mean(f64::from), absolute: mean(|v| f64::from(v).abs()) })
}

/// Replaces the layers by fresh ones, from the output towards the input, and compares the attributions of `x`
/// at each stage with those of the true network.
///
/// `method` makes the method for a network, with everything else (baseline, background, steps) the same each
/// time. Fresh weights are drawn as for training, but as large as the true ones (root mean square), so that
/// the fresh network is as steep. Passes when the signed likeness at the last stage is within ±`limit` (0.3,
/// say).
///
/// # Errors
/// When the network or the method fails.
pub fn weight_randomisation(
    network: &FeedForward,
    output: Output,
    target: Target,
    method: &dyn Fn(Explained<f32>) -> Result<Box<dyn Explain<f32>>>,
    x: ArrayView2<f32>,
    seed: u64,
    limit: f64,
) -> Result<SanityReport> {
    let explain = |network: &FeedForward| -> Result<_> {
        Ok(method(Explained::new(network, output, target)?)?.explain(x, 0)?.values)
    };
    let truth = explain(network)?;
    let device = device(network)?;
    let mut layers = network.layers().to_vec();
    let mut stages = Vec::new();
    let mut rng = rng_for(seed, "weight randomisation");
    for i in (0..layers.len()).rev() {
        let shape = layers[i].shape();
        let what = match shape {
            LayerShape::Linear { .. } => "linear",
            LayerShape::Cosine { .. } => "cosine",
            LayerShape::BatchNorm { .. } => "batch normalisation",
            LayerShape::Activation { .. }
            | LayerShape::Dropout { .. }
            | LayerShape::Mask { .. }
            | LayerShape::Normalize
            | LayerShape::Softmax => continue,
        };
        let mut fresh = shape.init(&mut rng, &device);
        scale_like(&mut fresh, &mut layers[i])?;
        layers[i] = fresh;
        let likeness = likeness(truth.view(), explain(&FeedForward::new(layers.clone())?)?.view())?;
        stages.push(SanityStage { what: format!("{what} layer {i} and all behind it"), likeness });
    }
    let passed = stages.last().is_some_and(|s| s.likeness.signed.abs() < limit);
    Ok(SanityReport { check: "weight randomisation".to_owned(), stages, limit, passed })
}

/// Compares the attributions of a model with those of models trained in the same way on shuffled labels.
/// Passes when the mean signed likeness is within ±`limit`. Train several: one shuffle may resemble the truth
/// by chance.
///
/// # Errors
/// When there is no such model, or one explains other cells or genes.
pub fn label_randomisation(
    truth: &Attribution,
    shuffled: &[Attribution],
    limit: f64,
) -> Result<SanityReport> {
    let mut stages = Vec::new();
    for (i, other) in shuffled.iter().enumerate() {
        if other.genes != truth.genes || other.cells != truth.cells {
            return Err(InterpretError::invalid(
                "attributions",
                format!("number {i} is of other cells or genes"),
                "explain the same cells with every model",
            ));
        }
        let likeness = likeness(truth.values.view(), other.values.view())?;
        stages.push(SanityStage { what: format!("shuffled labels, model {}", i + 1), likeness });
    }
    if stages.is_empty() {
        return Err(InterpretError::invalid(
            "attributions",
            "no model with shuffled labels",
            "train at least one; 20 are better",
        ));
    }
    let mean = stages.iter().map(|s| s.likeness.signed).sum::<f64>() / stages.len() as f64;
    let passed = mean.abs() < limit;
    Ok(SanityReport { check: "label randomisation".to_owned(), stages, limit, passed })
}

fn device(network: &FeedForward) -> Result<Device> {
    let mut found = None;
    network.clone().visit(&mut |_, p| {
        if let Parameter::Matrix(t) = p {
            found.get_or_insert(t.device());
        }
    });
    let none = || InterpretError::invalid("network", "has no weights", "check a trained network");
    Ok(found.ok_or_else(none)?.inner())
}

/// Brings fresh weights to the root mean square of the true ones.
fn scale_like(fresh: &mut Layer, truth: &mut Layer) -> Result<()> {
    let mut sizes = Vec::new();
    let mut failed = None;
    truth.visit(&mut |_, p| {
        if let Parameter::Matrix(t) = p {
            match matrix(t) {
                Ok(m) => sizes.push((m.mapv(|v| v * v).sum() / m.len().max(1) as f64).sqrt()),
                Err(e) => failed = Some(e),
            }
        }
    });
    let mut sizes = sizes.into_iter();
    fresh.visit(&mut |_, p| {
        if let Parameter::Matrix(t) = p
            && let Ok(m) = matrix(t)
            && let Some(size) = sizes.next()
        {
            let own = (m.mapv(|v| v * v).sum() / m.len().max(1) as f64).sqrt();
            if own > 0.0 && size > 0.0 {
                *t = t.clone() * (size / own);
            }
        }
    });
    failed.map_or(Ok(()), Err)
}
