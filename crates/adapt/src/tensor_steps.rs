//! The arithmetic of the optimizers as tensor operations, for devices that are not the host: line for line what
//! `one_pass.rs` does.

use burn::tensor::Tensor;

use crate::one_pass::{BETAS, corrections};
use crate::optimizer::Optimizer;

impl Optimizer {
    /// `w` changed by its gradient `g`; `t` counts the steps of this weight from 1.
    pub(crate) fn update_tensors<const D: usize>(
        self,
        w: Tensor<D>,
        g: Tensor<D>,
        averages: &mut [Tensor<D>],
        t: u64,
        rate: f64,
    ) -> Tensor<D> {
        let decayed = |g: Tensor<D>, decay: f64| if decay == 0.0 { g } else { g + w.clone() * decay };
        match (self, averages) {
            (Self::Adam { weight_decay, .. }, averages) => {
                let g = decayed(g, weight_decay);
                w - adam(g, averages, t, rate)
            }
            (Self::AdamW { weight_decay }, averages) => {
                w * (1.0 - rate * weight_decay) - adam(g, averages, t, rate)
            }
            (Self::Adagrad, [sum]) => {
                *sum = sum.clone() + g.clone().square();
                w - g * rate / (sum.clone().sqrt() + 1e-10)
            }
            (Self::RmsProp, [square]) => {
                *square = square.clone() * 0.99 + g.clone().square() * 0.01;
                w - g * rate / (square.clone().sqrt() + 1e-8)
            }
            (Self::Sgd { momentum, weight_decay, nesterov }, [velocity]) => {
                let g = decayed(g, weight_decay);
                *velocity = if t == 1 { g.clone() } else { velocity.clone() * momentum + g.clone() };
                let direction = if nesterov { g + velocity.clone() * momentum } else { velocity.clone() };
                w - direction * rate
            }
            (Self::Sgd { weight_decay, .. }, _) => {
                let g = decayed(g, weight_decay);
                w - g * rate
            }
            (_, _) => w, // `slots` gives every optimizer what it needs
        }
    }
}

/// What Adam takes off a weight; with a third average, what AMSGrad does.
fn adam<const D: usize>(g: Tensor<D>, averages: &mut [Tensor<D>], t: u64, rate: f64) -> Tensor<D> {
    let (step, root) = corrections::<f64>(t, rate);
    let [m, v, greatest @ ..] = averages else {
        return g * 0.0; // `slots` gives Adam two or three
    };
    *m = m.clone() * BETAS.0 + g.clone() * (1.0 - BETAS.0);
    *v = v.clone() * BETAS.1 + g.square() * (1.0 - BETAS.1);
    let second = match greatest {
        [greatest] => {
            *greatest = greatest.clone().max_pair(v.clone());
            greatest.clone()
        }
        _ => v.clone(),
    };
    m.clone() * step / (second.sqrt() / root + 1e-8)
}
