//! Optimizers that go over each weight once, with the definitions of PyTorch.

use std::collections::BTreeMap;

use burn::tensor::{Gradients, Tensor, TensorData};
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

    fn slots(self) -> usize {
        match self {
            Self::Adam { amsgrad: true, .. } => 3,
            Self::Adam { .. } | Self::AdamW { .. } => 2,
            Self::Adagrad | Self::RmsProp => 1,
            Self::Sgd { momentum, .. } => usize::from(momentum != 0.0),
        }
    }

    /// One pass over a weight, its gradient and its running averages; `t` counts the steps of this weight from 1.
    fn update(self, w: &mut [f32], g: &[f32], slots: &mut [Vec<f32>], t: u64, rate: f64) {
        match (self, slots) {
            (Self::Adam { weight_decay, .. }, [m, v]) => adam(w, g, m, v, t, rate, weight_decay as f32),
            (Self::Adam { weight_decay, .. }, [m, v, greatest]) => {
                amsgrad(w, g, [m, v, greatest], t, rate, weight_decay as f32);
            }
            (Self::AdamW { weight_decay }, [m, v]) => {
                let keep = (1.0 - rate * weight_decay) as f32;
                w.iter_mut().for_each(|w| *w *= keep);
                adam(w, g, m, v, t, rate, 0.0);
            }
            (Self::Adagrad, [sum]) => {
                for ((w, &g), s) in w.iter_mut().zip(g).zip(sum) {
                    *s += g * g;
                    *w -= rate as f32 * g / (s.sqrt() + 1e-10);
                }
            }
            (Self::RmsProp, [square]) => {
                for ((w, &g), s) in w.iter_mut().zip(g).zip(square) {
                    *s = 0.99 * *s + 0.01 * g * g;
                    *w -= rate as f32 * g / (s.sqrt() + 1e-8);
                }
            }
            (Self::Sgd { momentum, weight_decay, nesterov }, [velocity]) => {
                let (momentum, decay) = (momentum as f32, weight_decay as f32);
                for ((w, &g), v) in w.iter_mut().zip(g).zip(velocity) {
                    let g = g + decay * *w;
                    *v = if t == 1 { g } else { momentum * *v + g };
                    *w -= rate as f32 * if nesterov { g + momentum * *v } else { *v };
                }
            }
            (Self::Sgd { weight_decay, .. }, _) => {
                for (w, &g) in w.iter_mut().zip(g) {
                    *w -= rate as f32 * (g + weight_decay as f32 * *w);
                }
            }
            (_, _) => {} // `slots` gives every optimizer what it needs
        }
    }
}

fn adam(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], t: u64, rate: f64, decay: f32) {
    let (beta1, beta2) = (0.9f64, 0.999f64);
    let step = (rate / (1.0 - beta1.powi(t as i32))) as f32;
    let root = (1.0 - beta2.powi(t as i32)).sqrt() as f32;
    let (b1, b2) = (beta1 as f32, beta2 as f32);
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g + decay * *w;
        *m = b1 * *m + (1.0 - b1) * g;
        *v = b2 * *v + (1.0 - b2) * g * g;
        *w -= step * *m / (v.sqrt() / root + 1e-8);
    }
}

fn amsgrad(w: &mut [f32], g: &[f32], slots: [&mut Vec<f32>; 3], t: u64, rate: f64, decay: f32) {
    let (beta1, beta2) = (0.9f64, 0.999f64);
    let step = (rate / (1.0 - beta1.powi(t as i32))) as f32;
    let root = (1.0 - beta2.powi(t as i32)).sqrt() as f32;
    let (b1, b2) = (beta1 as f32, beta2 as f32);
    let [m, v, greatest] = slots;
    for ((((w, &g), m), v), greatest) in w.iter_mut().zip(g).zip(m).zip(v).zip(greatest) {
        let g = g + decay * *w;
        *m = b1 * *m + (1.0 - b1) * g;
        *v = b2 * *v + (1.0 - b2) * g * g;
        *greatest = greatest.max(*v);
        *w -= step * *m / (greatest.sqrt() / root + 1e-8);
    }
}

/// The running averages of one weight.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    pub(crate) steps: u64,
    pub(crate) values: Vec<Vec<f32>>,
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
        let w = data.as_mut_slice::<f32>().map_err(|e| backend(&e))?;
        let g = gradient.as_slice::<f32>().map_err(|e| backend(&e))?;
        let slots = self.slots.entry(path.to_owned()).or_default();
        slots.values.resize_with(self.optimizer.slots(), || vec![0.0; w.len()]);
        slots.steps += 1;
        self.optimizer.update(w, g, &mut slots.values, slots.steps, rate);
        *tensor = Tensor::from_data(data, &device);
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
    let values = gradient.try_into_vec_as::<f32>().map_err(|e| backend(format!("gradient: {e}")))?;
    Ok(values.iter().map(|&g| f64::from(g).powi(2)).sum())
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
