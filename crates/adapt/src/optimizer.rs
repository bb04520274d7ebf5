//! Optimizers with the definitions of PyTorch: on the host they go over each weight once, in place; on other devices they
//! are tensor operations, and nothing is read back.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use sensitome_core_models::{Parameter, Parts, is_on_host, total};
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
    /// The same on the device, where tensor operations change them: then the others are empty.
    pub(crate) tensors: Vec<Tensor<1>>,
}

impl Slots {
    /// The averages in single precision, read back from the device where they are there.
    pub(crate) fn read(&self) -> Result<Vec<Vec<f32>>> {
        if self.tensors.is_empty() {
            return Ok(self.values.clone());
        }
        let read = |t: &Tensor<1>| t.clone().try_into_vec_as::<f32>().map_err(|e| backend(e.to_string()));
        self.tensors.iter().map(read).collect()
    }

    /// The averages as tensors of the shape of `like`: those of the last step, those of a checkpoint, or zeros.
    fn take<const D: usize>(&mut self, count: usize, like: &Tensor<D>) -> Vec<Tensor<D>> {
        let at = (&like.device(), like.dtype());
        let mut averages: Vec<_> = self.tensors.drain(..).map(|t| t.reshape(like.dims())).collect();
        averages
            .extend(self.values.drain(..).map(|v| Tensor::from_data(TensorData::new(v, like.dims()), at)));
        averages.resize_with(count, || like.zeros_like());
        averages
    }
}

/// An optimizer and its memory, by path of the weight.
#[derive(Debug, Clone)]
pub struct OptimizerState {
    optimizer: Optimizer,
    pub(crate) slots: BTreeMap<String, Slots>,
    tensors_everywhere: bool,
}

impl OptimizerState {
    /// Fresh memory.
    pub fn new(optimizer: Optimizer) -> Self {
        Self { optimizer, slots: BTreeMap::new(), tensors_everywhere: false }
    }

    /// Takes tensor operations on the host too, as on every other device: slower, for comparing the two.
    #[must_use]
    pub fn with_tensor_operations(self) -> Self {
        Self { tensors_everywhere: true, ..self }
    }

    /// Changes every weight that has a gradient; the others keep value and memory. Afterwards no weight is tracked.
    ///
    /// # Errors
    /// When the backend cannot give a tensor back.
    pub fn step(&mut self, parts: &mut impl Parts, gradients: Gradients, rate: f64) -> Result<()> {
        self.step_clipped(parts, gradients, rate, None).map(drop)
    }

    /// The same with a bound on the norm of the gradients of some networks taken as one vector: where it is exceeded,
    /// they are scaled by bound / (norm + 1e-6). Gives that norm, before scaling, where there is a bound; on a device that
    /// is not the host it is not read back, and so not given.
    ///
    /// # Errors
    /// When the backend cannot give a tensor back.
    pub fn step_clipped(
        &mut self,
        parts: &mut impl Parts,
        mut gradients: Gradients,
        rate: f64,
        clip: Option<&Clip>,
    ) -> Result<Option<f64>> {
        let clipped = |path: &str| clip.is_some_and(|c| c.paths.iter().any(|p| is_under(path, p)));
        let mut squares = Squares::default();
        let mut failed = None;
        if clip.is_some() {
            parts.parameters(&mut |path, parameter| {
                let done = match parameter {
                    Parameter::Matrix(t) if clipped(path) => self.add_square(&mut squares, t, &mut gradients),
                    Parameter::Vector(t) if clipped(path) => self.add_square(&mut squares, t, &mut gradients),
                    _ => Ok(()),
                };
                if let Err(e) = done {
                    failed.get_or_insert(e);
                }
            });
        }
        let scale = clip.map(|c| squares.scale(c.norm));
        parts.parameters(&mut |path, parameter| {
            let scale = scale.as_ref().filter(|_| clipped(path));
            let done = match parameter {
                Parameter::Matrix(t) => self.step_one(path, t, &mut gradients, rate, scale),
                Parameter::Vector(t) => self.step_one(path, t, &mut gradients, rate, scale),
                Parameter::Statistic(_) => Ok(()),
            };
            if let Err(e) = done {
                failed.get_or_insert(e);
            }
        });
        let norm = (clip.is_some() && squares.device.is_none()).then(|| squares.host.sqrt());
        failed.map_or(Ok(norm), Err)
    }

    /// Whether weights on `device` are changed by tensor operations.
    fn by_tensors(&self, device: &Device) -> bool {
        self.tensors_everywhere || !is_on_host(device)
    }

    fn add_square<const D: usize>(
        &self,
        squares: &mut Squares,
        tensor: &Tensor<D>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        if !tensor.is_autodiff() {
            return Ok(());
        }
        if self.by_tensors(&tensor.device()) {
            let Some(gradient) = tensor.grad(gradients) else { return Ok(()) };
            let square = total(gradient.square());
            squares.device = Some(match squares.device.take() {
                Some(sum) => sum + square,
                None => square,
            });
            return Ok(());
        }
        // Taken out and put back, since a gradient with two owners would be copied to be read.
        let Some(gradient) = tensor.grad_remove(gradients) else { return Ok(()) };
        let device = gradient.device();
        let data = gradient.try_into_data().map_err(|e| backend(format!("gradient: {e}")))?;
        squares.host += match data.dtype() {
            DType::F64 => squared(data.as_slice::<f64>()),
            _ => squared(data.as_slice::<f32>()),
        }
        .map_err(|e| backend(format!("gradient: {e}")))?;
        let dtype = data.dtype();
        tensor.grad_replace(gradients, Tensor::from_data(data, (&device, dtype)));
        Ok(())
    }

    fn step_one<const D: usize>(
        &mut self,
        path: &str,
        tensor: &mut Tensor<D>,
        gradients: &mut Gradients,
        rate: f64,
        scale: Option<&Scale>,
    ) -> Result<()> {
        if !tensor.is_autodiff() {
            return Ok(());
        }
        let gradient = tensor.grad_remove(gradients);
        let plain = tensor.clone().inner();
        let Some(gradient) = gradient else {
            *tensor = plain;
            return Ok(());
        };
        let gradient = match scale {
            Some(Scale { tensor: Some(scale), .. }) => gradient * scale.clone().reshape([1; D]),
            Some(Scale { number, .. }) if *number != 1.0 => gradient * *number,
            _ => gradient,
        };
        let device = plain.device();
        let by_tensors = self.by_tensors(&device);
        let slots = self.slots.entry(path.to_owned()).or_default();
        slots.steps += 1;
        if by_tensors {
            let mut averages = slots.take(self.optimizer.slots(), &plain);
            *tensor = self.optimizer.update_tensors(plain, gradient, &mut averages, slots.steps, rate);
            slots.tensors = averages.into_iter().map(|t| t.flatten(0, D - 1)).collect();
            return Ok(());
        }
        let backend = |e: &dyn std::fmt::Display| backend(format!("{path}: {e}"));
        // Let go of, so that the buffer has one owner and is changed in place.
        *tensor = Tensor::zeros([1; D], &device);
        let mut data: TensorData = plain.try_into_data().map_err(|e| backend(&e))?;
        let gradient = gradient.try_into_data().map_err(|e| backend(&e))?;
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

fn squared<F: Copy + Into<f64>, E>(values: std::result::Result<&[F], E>) -> std::result::Result<f64, E> {
    values.map(|v| v.iter().map(|&g| g.into()).map(|g| g * g).sum())
}

/// Sums of squares of gradients, on the host and on the device.
#[derive(Default)]
struct Squares {
    host: f64,
    device: Option<Tensor<1>>,
}

/// What gradients are scaled by: the tensor where there is one.
struct Scale {
    number: f32,
    tensor: Option<Tensor<1>>,
}

impl Squares {
    fn scale(&self, bound: f64) -> Scale {
        let tensor = self.device.as_ref();
        Scale {
            number: (bound / (self.host.sqrt() + 1e-6)).min(1.0) as f32,
            tensor: tensor.map(|sum| ((sum.clone().sqrt() + 1e-6).recip() * bound).clamp_max(1.0)),
        }
    }
}

fn backend(problem: String) -> AdaptError {
    AdaptError::Model(sensitome_core_models::ModelError::Backend(problem))
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
