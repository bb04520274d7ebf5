//! The arithmetic of the optimizers: one pass over a weight, its gradient and its running averages, in the precision of the
//! weight.

use crate::optimizer::Optimizer;
use crate::real::Real;

/// Weights below which another thread costs more than it gains.
const WORTH_A_THREAD: usize = 1 << 16;

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
        self.share_out(w, g, slots.iter_mut().map(Vec::as_mut_slice).collect(), t, rate);
    }

    /// Halves a large weight for the threads of the pool. Every number is changed by itself: the bits are the same.
    fn share_out<F: Real>(self, w: &mut [F], g: &[F], mut slots: Vec<&mut [F]>, t: u64, rate: f64) {
        let half = w.len() / 2;
        if half < WORTH_A_THREAD || rayon::current_num_threads() == 1 {
            pulp::Arch::new().dispatch(OnePass { optimizer: self, w, g, slots: &mut slots, t, rate });
            return;
        }
        let ((w, w2), (g, g2)) = (w.split_at_mut(half), g.split_at(half));
        let (slots, slots2) = slots.into_iter().map(|s| s.split_at_mut(half)).unzip();
        rayon::join(|| self.share_out(w, g, slots, t, rate), || self.share_out(w2, g2, slots2, t, rate));
    }

    #[inline(always)]
    fn one_pass<F: Real>(self, w: &mut [F], g: &[F], slots: &mut [&mut [F]], t: u64, rate: f64) {
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
                for ((w, &g), s) in w.iter_mut().zip(g).zip(sum.iter_mut()) {
                    *s += g * g;
                    *w -= lr * g / (s.sqrt() + F::of(1e-10));
                }
            }
            (Self::RmsProp, [square]) => {
                for ((w, &g), s) in w.iter_mut().zip(g).zip(square.iter_mut()) {
                    *s = F::of(0.99) * *s + F::of(0.01) * g * g;
                    *w -= lr * g / (s.sqrt() + F::of(1e-8));
                }
            }
            (Self::Sgd { momentum, weight_decay, nesterov }, [velocity]) => {
                let (momentum, decay) = (F::of(momentum), F::of(weight_decay));
                for ((w, &g), v) in w.iter_mut().zip(g).zip(velocity.iter_mut()) {
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

/// Compiled for AVX2 beside the plain code: wider, and the same bits. A closure would not do: it is not inlined into what
/// is compiled for AVX2, and stays plain code.
struct OnePass<'a, 'b, F> {
    optimizer: Optimizer,
    w: &'a mut [F],
    g: &'a [F],
    slots: &'a mut [&'b mut [F]],
    t: u64,
    rate: f64,
}

impl<F: Real> pulp::NullaryFnOnce for OnePass<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.optimizer.one_pass(self.w, self.g, self.slots, self.t, self.rate);
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
fn amsgrad<F: Real>(w: &mut [F], g: &[F], slots: [&mut [F]; 3], (t, rate, decay): (u64, f64, f64)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    #[test]
    fn threads_change_no_bit() {
        let n = 3 * WORTH_A_THREAD + 5;
        let run = |optimizer: Optimizer, threads: usize| {
            let mut rng = rng_for(1, "weights");
            let mut draw = || (0..n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
            let (mut w, g) = (draw(), draw());
            let mut slots = vec![vec![0.0; n]; optimizer.slots()];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (1..=3).for_each(|t| optimizer.update(&mut w, &g, &mut slots, t, 0.01)));
            (w, slots)
        };
        for optimizer in [
            Optimizer::ADAM,
            Optimizer::Adam { weight_decay: 0.1, amsgrad: true },
            Optimizer::AdamW { weight_decay: 0.1 },
            Optimizer::Adagrad,
            Optimizer::RmsProp,
            Optimizer::Sgd { momentum: 0.9, weight_decay: 0.1, nesterov: true },
            Optimizer::Sgd { momentum: 0.0, weight_decay: 0.1, nesterov: false },
        ] {
            assert!(run(optimizer, 1) == run(optimizer, 3), "{optimizer:?}");
        }
    }
}
