//! The arithmetic of the optimizers: one pass over a weight, its gradient and its running averages, in the precision of the
//! weight.

use crate::optimizer::Optimizer;
use crate::real::Real;

impl Optimizer {
    /// Number of running averages of a weight.
    pub(crate) fn slots(self) -> usize {
        match self {
            Self::Adam { amsgrad: true, .. } => 3,
            Self::Adam { .. } | Self::AdamW { .. } => 2,
            Self::Adagrad | Self::RmsProp => 1,
            Self::Sgd { momentum, .. } => usize::from(momentum != 0.0),
        }
    }

    /// Changes `w` by its gradient `g`; `t` counts the steps of this weight from 1. `tensor_steps.rs` has the same in tensor
    /// operations.
    pub(crate) fn update<F: Real>(self, w: &mut [F], g: &[F], slots: &mut [Vec<F>], t: u64, rate: f64) {
        // Compiled for AVX2 too: wider, and the same bits.
        pulp::Arch::new().dispatch(|| self.one_pass(w, g, slots, t, rate));
    }

    #[inline(always)]
    fn one_pass<F: Real>(self, w: &mut [F], g: &[F], slots: &mut [Vec<F>], t: u64, rate: f64) {
        let lr = F::of(rate);
        match (self, slots) {
            (Self::Adam { weight_decay, .. }, [m, v]) => adam(w, g, m, v, (t, rate, weight_decay)),
            (Self::Adam { weight_decay, .. }, [m, v, greatest]) => {
                amsgrad(w, g, [m, v, greatest], (t, rate, weight_decay));
            }
            (Self::AdamW { weight_decay }, [m, v]) => {
                let keep = F::of(1.0 - rate * weight_decay);
                w.iter_mut().for_each(|w| *w *= keep);
                adam(w, g, m, v, (t, rate, 0.0));
            }
            (Self::Adagrad, [sum]) => {
                for ((w, &g), s) in w.iter_mut().zip(g).zip(sum) {
                    *s += g * g;
                    *w -= lr * g / (s.sqrt() + F::of(1e-10));
                }
            }
            (Self::RmsProp, [square]) => {
                for ((w, &g), s) in w.iter_mut().zip(g).zip(square) {
                    *s = F::of(0.99) * *s + F::of(0.01) * g * g;
                    *w -= lr * g / (s.sqrt() + F::of(1e-8));
                }
            }
            (Self::Sgd { momentum, weight_decay, nesterov }, [velocity]) => {
                let (momentum, decay) = (F::of(momentum), F::of(weight_decay));
                for ((w, &g), v) in w.iter_mut().zip(g).zip(velocity) {
                    let g = g + decay * *w;
                    *v = if t == 1 { g } else { momentum * *v + g };
                    *w -= lr * if nesterov { g + momentum * *v } else { *v };
                }
            }
            (Self::Sgd { weight_decay, .. }, _) => {
                let decay = F::of(weight_decay);
                w.iter_mut().zip(g).for_each(|(w, &g)| *w -= lr * (g + decay * *w));
            }
            (_, _) => {} // `slots` gives every optimizer what it needs
        }
    }
}

pub(crate) const BETAS: (f64, f64) = (0.9, 0.999);

/// Step size and root that undo the bias of averages begun at 0.
pub(crate) fn corrections<F: Real>(t: u64, rate: f64) -> (F, F) {
    let power = |beta: f64| 1.0 - beta.powi(t.min(1 << 30) as i32);
    (F::of(rate / power(BETAS.0)), F::of(power(BETAS.1).sqrt()))
}

#[inline(always)]
fn adam<F: Real>(w: &mut [F], g: &[F], m: &mut [F], v: &mut [F], (t, rate, decay): (u64, f64, f64)) {
    let (step, root) = corrections::<F>(t, rate);
    let (b1, b2, c1, c2) = (F::of(BETAS.0), F::of(BETAS.1), F::of(1.0 - BETAS.0), F::of(1.0 - BETAS.1));
    let (decay, epsilon) = (F::of(decay), F::of(1e-8));
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g + decay * *w;
        *m = b1 * *m + c1 * g;
        *v = b2 * *v + c2 * g * g;
        *w -= step * *m / (v.sqrt() / root + epsilon);
    }
}

#[inline(always)]
fn amsgrad<F: Real>(w: &mut [F], g: &[F], slots: [&mut Vec<F>; 3], (t, rate, decay): (u64, f64, f64)) {
    let (step, root) = corrections::<F>(t, rate);
    let (b1, b2, c1, c2) = (F::of(BETAS.0), F::of(BETAS.1), F::of(1.0 - BETAS.0), F::of(1.0 - BETAS.1));
    let (decay, epsilon) = (F::of(decay), F::of(1e-8));
    let [m, v, greatest] = slots;
    for ((((w, &g), m), v), greatest) in w.iter_mut().zip(g).zip(m).zip(v).zip(greatest) {
        let g = g + decay * *w;
        *m = b1 * *m + c1 * g;
        *v = b2 * *v + c2 * g * g;
        *greatest = if *v > *greatest { *v } else { *greatest };
        *w -= step * *m / (greatest.sqrt() / root + epsilon);
    }
}
