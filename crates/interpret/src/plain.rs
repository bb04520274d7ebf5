//! The plain path: gradients by Burn's automatic differentiation, one batch of points after another.
//!
//! Slow, and written without any of the identities that the fast paths use: it is what they are checked
//! against.

use burn::tensor::{Device, Tensor, TensorData, activation};
use ndarray::{Array2, ArrayView2, Axis};
use sensitome_core_models::{Activation, FeedForward, Layer, Output, Parameter};

use crate::integrated_gradients::PathOptions;
use crate::target::Readout;
use crate::{Explained, InterpretError, Real, Result, Target};

/// A network on its device, with the number of it that is explained.
#[derive(Debug, Clone)]
pub struct Autodiff {
    network: FeedForward,
    readout: Readout,
    inputs: usize,
    device: Device,
}

impl Autodiff {
    /// Any network, with how its outputs are read.
    ///
    /// # Errors
    /// As [`Explained::new`].
    pub fn new(network: &FeedForward, output: Output, target: Target) -> Result<Self> {
        let explained = Explained::<f64>::new(network, output, target)?;
        let deeper =
            output == Output::Second && !matches!(target, Target::Probability(_) | Target::Output(_));
        let mut layers = network.layers().to_vec();
        if deeper {
            // The logits lie beneath the last sigmoid; what stands behind it is the identity in evaluation.
            if let Some(i) = layers.iter().rposition(|l| matches!(l, Layer::Activation(Activation::Sigmoid)))
            {
                layers.truncate(i);
            }
        }
        let mut network = FeedForward::new(layers)?;
        let mut device = None;
        network.visit(&mut |_, p| {
            let found = match p {
                Parameter::Matrix(t) => t.device(),
                Parameter::Vector(t) | Parameter::Statistic(t) => t.device(),
            };
            device.get_or_insert(found);
        });
        let Some(device) = device else {
            return Err(InterpretError::invalid("network", "has no weights", "explain a trained network"));
        };
        Ok(Self {
            network,
            readout: explained.readout,
            inputs: explained.network.inputs(),
            device: device.inner(),
        })
    }

    /// Gradients of the explained number at `x`, both rows × inputs.
    ///
    /// # Errors
    /// When `x` is not as wide as the network, or the backend fails.
    pub fn gradient<F: Real>(&self, x: ArrayView2<F>) -> Result<Array2<F>> {
        if x.ncols() != self.inputs {
            return Err(InterpretError::invalid(
                "cells",
                format!("{} columns for a network of {} inputs", x.ncols(), self.inputs),
                "align them to the genes of the model",
            ));
        }
        let backend = |e: &dyn std::fmt::Display| InterpretError::Backend(e.to_string());
        let values: Vec<f64> = x.iter().map(|v| v.double()).collect();
        let data = TensorData::new(values, [x.nrows(), x.ncols()]);
        let mut dtype = None;
        self.network.clone().visit(&mut |_, p| {
            if let Parameter::Matrix(t) = p {
                dtype.get_or_insert(t.dtype());
            }
        });
        let leaf: Tensor<2> = match dtype {
            Some(dtype) => Tensor::from_data(data.convert_dtype(dtype), (&self.device, dtype)),
            None => Tensor::from_data(data, &self.device),
        };
        let leaf = leaf.autodiff().require_grad();
        let value = self.read(self.network.evaluate(leaf.clone()));
        let gradients = value.sum().backward();
        let Some(gradient) = leaf.grad(&gradients) else {
            return Ok(Array2::zeros(x.raw_dim())); // the number does not depend on the inputs
        };
        let values = gradient.try_into_vec_as::<f64>().map_err(|e| backend(&e))?;
        Array2::from_shape_vec(x.raw_dim(), values.into_iter().map(F::of).collect()).map_err(|e| backend(&e))
    }

    /// Integrated gradients (Sundararajan et al. 2017, eq. 1) without a shortcut: a gradient at every point
    /// of the path of every cell, for every baseline.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient), and when the options are out of range.
    pub fn integrated_gradients<F: Real>(
        &self,
        x: ArrayView2<F>,
        baselines: ArrayView2<F>,
        options: &PathOptions,
    ) -> Result<Array2<F>> {
        let (at, weights) = options.rule.points(options.steps)?;
        let mut values = Array2::zeros(x.raw_dim());
        for baseline in baselines.axis_iter(Axis(0)) {
            let difference = &x - &baseline;
            let mut mean = Array2::zeros(x.raw_dim());
            for (&at, &weight) in at.iter().zip(&weights) {
                let point = &difference * F::of(at) + baseline;
                mean.scaled_add(F::of(weight), &self.gradient(point.view())?);
            }
            values += &(if options.multiply_by_inputs { mean * difference } else { mean });
        }
        Ok(values / F::of(baselines.nrows().max(1) as f64))
    }

    fn read(&self, outputs: Tensor<2>) -> Tensor<1> {
        let column = |i: usize| outputs.clone().slice_dim(1, i..i + 1).squeeze_dim(1);
        match self.readout {
            Readout::Column { column: i, sign } => column(i) * sign,
            Readout::Difference => column(1) - column(0),
            Readout::Softmax { class } => {
                activation::softmax(outputs.clone(), 1).slice_dim(1, class..class + 1).squeeze_dim(1)
            }
            Readout::Sigmoid { sign } => activation::sigmoid(column(0) * sign),
            Readout::Complement => column(0) * -1.0 + 1.0,
        }
    }
}
