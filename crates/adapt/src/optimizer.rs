//! Optimizers that go over each weight once, with the definitions of PyTorch.

use std::collections::BTreeMap;

use burn::tensor::{DType, Gradients, Tensor, TensorData};
use sensitome_core_models::{Parameter, Parts};
use serde::{Deserialize, Serialize};

use crate::strategy::Clip;
use crate::{AdaptError, Result};

/// How a gradient becomes a change of a weight. The learning rate comes from the stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2015), β 0.9 and 0.999, ε 1e-8 outside the root.
    Adam {
        /// Added to the gradient, times the weight.
        weight_decay: f64,
        /// Divides by the greatest second moment so far (Reddi et al. 2018).
        amsgrad: bool,
    },
    /// Adam with decoupled decay (Loshchilov and Hutter 2019).
    AdamW {
        /// Share of the weight taken off a step, times the learning rate.
        weight_decay: f64,
    },
    /// Adagrad (Duchi et al. 2011), ε 1e-10, accumulator from 0.
    Adagrad,
    /// RMSprop with smoothing 0.99, ε 1e-8, uncentred, without momentum.
    RmsProp,
    /// Gradient descent; the first momentum is the gradient itself.
    Sgd {
        /// Share of the last step's direction that is kept.
        momentum: f64,
        /// Added to the gradient, times the weight.
        weight_decay: f64,
        /// Looks one step ahead (Sutskever et al. 2013).
        nesterov: bool,
    },
}

impl Optimizer {
    /// Adam as everybody has it.
    pub const ADAM: Self = Self::Adam { weight_decay: 0.0, amsgrad: false };
}

/// The running averages of one weight.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    pub(crate) steps: u64,
    pub(crate) values: Vec<Vec<f32>>,
    /// The same for weights in double precision, which no fit has, but a comparison with other libraries.
    pub(crate) doubles: Vec<Vec<f64>>,
}

/// An optimizer and its memory, by path of the weight.
#[derive(Debug, Clone)]
pub struct OptimizerState {
    optimizer: Optimizer,
    pub(crate) slots: BTreeMap<String, Slots>,
}

impl OptimizerState {
    /// Fresh memory.
    pub fn new(optimizer: Optimizer) -> Self {
        Self { optimizer, slots: BTreeMap::new() }
    }

    /// Changes every weight that has a gradient; the others keep value and memory. Afterwards no weight is tracked.
    ///
    /// # Errors
    /// When the backend cannot give a tensor back.
    pub fn step(&mut self, parts: &mut impl Parts, gradients: Gradients, rate: f64) -> Result<()> {
        self.step_clipped(parts, gradients, rate, None).map(drop)
    }

    /// The same with a bound on the norm of the gradients of some networks taken as one vector: where it is exceeded,
    /// they are scaled by bound / (norm + 1e-6). Gives that norm, before scaling.
    ///
    /// # Errors
    /// When the backend cannot give a tensor back.
    pub fn step_clipped(
        &mut self,
        parts: &mut impl Parts,
        mut gradients: Gradients,
        rate: f64,
        clip: Option<&Clip>,
    ) -> Result<f64> {
        let clipped = |path: &str| clip.is_some_and(|c| c.paths.iter().any(|p| is_under(path, p)));
        let mut square = 0.0;
        let mut failed = None;
        if clip.is_some() {
            parts.parameters(&mut |path, parameter| {
                let norm = match parameter {
                    Parameter::Matrix(t) if clipped(path) => square_norm(t, &gradients),
                    Parameter::Vector(t) if clipped(path) => square_norm(t, &gradients),
                    _ => Ok(0.0),
                };
                match norm {
                    Ok(n) => square += n,
                    Err(e) => failed = Some(e),
                }
            });
        }
        let norm = square.sqrt();
        let factor = clip.map_or(1.0, |c| (c.norm / (norm + 1e-6)).min(1.0)) as f32;
        parts.parameters(&mut |path, parameter| {
            let factor = if clipped(path) { factor } else { 1.0 };
            let done = match parameter {
                Parameter::Matrix(t) => self.step_one(path, t, &mut gradients, rate, factor),
                Parameter::Vector(t) => self.step_one(path, t, &mut gradients, rate, factor),
                Parameter::Statistic(_) => Ok(()),
            };
            if let Err(e) = done {
                failed.get_or_insert(e);
            }
        });
        failed.map_or(Ok(norm), Err)
    }

    fn step_one<const D: usize>(
        &mut self,
        path: &str,
        tensor: &mut Tensor<D>,
        gradients: &mut Gradients,
        rate: f64,
        factor: f32,
    ) -> Result<()> {
        if !tensor.is_autodiff() {
            return Ok(());
        }
        let gradient = tensor.grad_remove(gradients);
        let device = tensor.device().inner();
        let placeholder = Tensor::zeros([1; D], &device);
        // Taken out, not cloned: the buffer is then the only one and is changed in place.
        let plain = std::mem::replace(tensor, placeholder).inner();
        let Some(gradient) = gradient else {
            *tensor = plain;
            return Ok(());
        };
        let backend = |e: &dyn std::fmt::Display| backend(format!("{path}: {e}"));
        let mut data: TensorData = plain.try_into_data().map_err(|e| backend(&e))?;
        let gradient = if factor == 1.0 { gradient } else { gradient * factor };
        let gradient = gradient.try_into_data().map_err(|e| backend(&e))?;
        let slots = self.slots.entry(path.to_owned()).or_default();
        slots.steps += 1;
        let (count, n, dtype) = (self.optimizer.slots(), data.num_elements(), data.dtype());
        if dtype == DType::F64 {
            slots.doubles.resize_with(count, || vec![0.0; n]);
            let w = data.as_mut_slice::<f64>().map_err(|e| backend(&e))?;
            let g = gradient.as_slice::<f64>().map_err(|e| backend(&e))?;
            self.optimizer.update(w, g, &mut slots.doubles, slots.steps, rate);
        } else {
            slots.values.resize_with(count, || vec![0.0; n]);
            let w = data.as_mut_slice::<f32>().map_err(|e| backend(&e))?;
            let g = gradient.as_slice::<f32>().map_err(|e| backend(&e))?;
            self.optimizer.update(w, g, &mut slots.values, slots.steps, rate);
        }
        *tensor = Tensor::from_data(data, (&device, dtype));
        Ok(())
    }
}

fn backend(problem: String) -> AdaptError {
    AdaptError::Model(sensitome_core_models::ModelError::Backend(problem))
}

fn square_norm<const D: usize>(tensor: &Tensor<D>, gradients: &Gradients) -> Result<f64> {
    let Some(gradient) = Some(tensor).filter(|t| t.is_autodiff()).and_then(|t| t.grad(gradients)) else {
        return Ok(0.0);
    };
    let values = gradient.try_into_vec_as::<f64>().map_err(|e| backend(format!("gradient: {e}")))?;
    Ok(values.iter().map(|&g| g * g).sum())
}

/// Whether `path` is the network, layer or part called `part`, or lies in it; everything lies in the empty one.
fn is_under(path: &str, part: &str) -> bool {
    part.is_empty() || path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Makes the weights under the given paths track gradients and all others not; a path names a network, a layer of one
/// (`head.0`) or a part that holds networks (`target` covers `target.encoder`), and the empty path covers all.
pub fn track(parts: &mut impl Parts, trainable: &[impl AsRef<str>]) {
    let chosen = |path: &str| trainable.iter().any(|t| is_under(path, t.as_ref()));
    fn set<const D: usize>(tensor: &mut Tensor<D>, on: bool) {
        let plain = tensor.clone().inner();
        *tensor = if on { plain.autodiff().require_grad() } else { plain };
    }
    parts.parameters(&mut |path, parameter| match parameter {
        Parameter::Matrix(t) => set(t, chosen(path)),
        Parameter::Vector(t) => set(t, chosen(path)),
        Parameter::Statistic(_) => {}
    });
}
