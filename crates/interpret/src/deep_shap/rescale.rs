//! The rule of each step: multipliers at its inputs from those at its outputs.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};

use super::{ShapOptions, SoftmaxRule};
use crate::Real;
use crate::passes::{LEAST_SQUARE, forward, sigmoid, slope};
use crate::target::{Readout, softmax};
use sensitome_core_models::FoldedStep;

/// What the rule of a step needs of the forward pass.
#[derive(Debug, Clone)]
pub(super) enum Kept<F> {
    /// Affine: nothing but the number of its inputs.
    Width(usize),
    /// Elementwise function: values before and behind it.
    Both(Array2<F>, Array2<F>),
    /// Rows before they are divided by their norm.
    Input(Array2<F>),
}

impl<F: Real> Kept<F> {
    /// Numbers kept for each row, or the width of the matrix that passes.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Width(n) => *n,
            Self::Both(x, _) => 2 * x.ncols(),
            Self::Input(x) => x.ncols(),
        }
    }
}

/// Steps forward, keeping what the rules need.
pub(super) fn keep<F: Real>(steps: &[FoldedStep<F>], x: Array2<F>) -> (Vec<Kept<F>>, Array2<F>) {
    let mut kept = Vec::with_capacity(steps.len());
    let mut x = x;
    for step in steps {
        let y = forward(step, x.view());
        kept.push(match step {
            FoldedStep::Affine { .. } | FoldedStep::Scale { .. } => Kept::Width(x.ncols()),
            FoldedStep::Activation(_) => Kept::Both(x, y.clone()),
            FoldedStep::Normalize | FoldedStep::Softmax => Kept::Input(x),
        });
        x = y;
    }
    (kept, x)
}

/// Multipliers at the inputs of `step` for row `row` of `own` against every background row.
pub(super) fn step<F: Real>(
    step: &FoldedStep<F>,
    own: &Kept<F>,
    row: usize,
    background: &Kept<F>,
    mut m: Array2<F>,
    epsilon: F,
) -> Array2<F> {
    match (step, own, background) {
        (FoldedStep::Affine { weight, .. }, ..) => m.dot(&weight.t()),
        (FoldedStep::Scale { scale, .. }, ..) => m * scale,
        (FoldedStep::Activation(function), Kept::Both(x, y), Kept::Both(from, to)) => {
            let (x, y) = (x.row(row), y.row(row));
            for ((mut m, from), to) in m.rows_mut().into_iter().zip(from.rows()).zip(to.rows()) {
                Zip::from(&mut m).and(&x).and(&y).and(&from).and(&to).for_each(|m, &x, &y, &b, &t| {
                    let d = x - b;
                    *m *= if d.abs() < epsilon { slope(*function, x) } else { (y - t) / d };
                });
            }
            m
        }
        (FoldedStep::Normalize, Kept::Input(x), Kept::Input(from)) => {
            for (m, from) in m.rows_mut().into_iter().zip(from.rows()) {
                normalize(x.row(row), from, m);
            }
            m
        }
        (FoldedStep::Softmax, Kept::Input(x), Kept::Input(from)) => {
            for (m, from) in m.rows_mut().into_iter().zip(from.rows()) {
                distribution(x.row(row), from, m);
            }
            m
        }
        // `keep` makes one kind for each step.
        (FoldedStep::Activation(_) | FoldedStep::Normalize | FoldedStep::Softmax, ..) => m,
    }
}

/// y = e·r with e = exp(x) and r = 1 / Σ e.
///
/// The change of the product is split evenly between its two ends, Δy = (r + r')/2 Δe + (e + e')/2 Δr, and Δr = −r r' ΣΔe. Every
/// exponential changes by its own secant k = Δe / Δx. Hence m_j = k_j (g_j (r + r')/2 − r r' g·(e + e')/2), which adds up exactly
/// and is the gradient for equal ends.
fn distribution<F: Real>(x: ArrayView1<F>, b: ArrayView1<F>, mut g: ndarray::ArrayViewMut1<F>) {
    let half = F::of(0.5);
    // One shift for both ends changes nothing, and keeps the exponentials from overflowing.
    let most = x.iter().chain(&b).fold(F::neg_infinity(), |a, &v| a.max(v));
    let (e, f) = (x.mapv(|v| (v - most).exp()), b.mapv(|v| (v - most).exp()));
    let (r, s) =
        (F::one() / e.sum().max(F::min_positive_value()), F::one() / f.sum().max(F::min_positive_value()));
    let along = g.iter().zip(&e).zip(&f).fold(F::zero(), |sum, ((&g, &e), &f)| sum + g * (e + f) * half);
    for (((g, (&x, &b)), &e), &f) in g.iter_mut().zip(x.iter().zip(&b)).zip(&e).zip(&f) {
        // For near ends by way of e^d − 1, which keeps the digits.
        let d = (x - b).abs();
        let secant = match () {
            () if d > F::one() => (e - f).abs() / d,
            () if d > F::zero() => e.min(f) * d.exp_m1() / d,
            () => e,
        };
        *g = secant * (*g * (r + s) * half - r * s * along);
    }
}

/// u = x·s with s = q^(−1/2), q = max(‖x‖², 1e-24).
///
/// Both ends of a product change, and any weights of the two ways to split its change are exact. With a = √q, c = √q' the
/// weights a/(a + c) on s Δx + x' Δs and c/(a + c) on s' Δx + x Δs give Δu = 2/(a + c) Δx + (x'/c + x/a) ac/(a + c) Δs, which
/// is symmetric in the ends, continuous, and without large terms that cancel. As for any elementwise function,
/// Δs = −Δq / (ac (a + c)), and Δ‖x‖² = Σ_j (x_j + x'_j) Δx_j. Hence m_j = 2 g_j / (a + c) − (x_j + x'_j) (g·x'/c + g·x/a) /
/// (a + c)². For equal ends it is the gradient; no division by a difference, so that no threshold is needed.
fn normalize<F: Real>(x: ArrayView1<F>, b: ArrayView1<F>, mut g: ndarray::ArrayViewMut1<F>) {
    let least = F::of(LEAST_SQUARE);
    let (p, q) = (x.dot(&x), b.dot(&b));
    let (held_p, held_q) = (p.max(least), q.max(least));
    // Where a norm is held at its bound, only the rest of the way changes it.
    let part = if p > least && q > least {
        F::one()
    } else if p == q {
        F::zero()
    } else {
        (held_p - held_q) / (p - q)
    };
    let (a, c) = (held_p.sqrt(), held_q.sqrt());
    // Divided one after another: the square of a small root would underflow.
    let along = -part * (g.dot(&b) / c + g.dot(&x) / a) / (a + c) / (a + c);
    let straight = F::of(2.0) / (a + c);
    Zip::from(&mut g).and(&x).and(&b).for_each(|g, &x, &b| *g = *g * straight + along * (x + b));
}

/// Multipliers at the outputs of the network, background rows × outputs.
pub(super) fn readout<F: Real>(
    readout: Readout,
    own: ArrayView1<F>,
    background: &Array2<F>,
    options: &ShapOptions,
) -> Array2<F> {
    let epsilon = F::of(options.epsilon);
    let secant = |from: F, to: F| {
        let d = to - from;
        let s = sigmoid(to);
        if d.abs() < epsilon { s * (F::one() - s) } else { (s - sigmoid(from)) / d }
    };
    let mut m = Array2::zeros(background.raw_dim());
    let rows = m.rows_mut().into_iter().zip(background.rows());
    match (readout, options.softmax) {
        (Readout::Softmax { class }, SoftmaxRule::Margin) => {
            for (mut m, b) in rows {
                let r = secant(b[class] - b[1 - class], own[class] - own[1 - class]);
                m[class] = r;
                m[1 - class] = -r;
            }
        }
        (Readout::Softmax { class }, SoftmaxRule::Captum) => {
            let gradient = readout.gradient(own.insert_axis(Axis(0)));
            let to = softmax(own);
            for (mut m, b) in rows {
                let from = softmax(b);
                for j in 0..own.len() {
                    let d = own[j] - b[j];
                    m[j] = match d.abs() < epsilon {
                        true => gradient[[0, j]],
                        false if j == class => (to[j] - from[j]) / d,
                        false => F::zero(),
                    };
                }
            }
        }
        (Readout::Sigmoid { sign }, _) => {
            let sign = F::of(sign);
            for (mut m, b) in rows {
                m[0] = sign * secant(sign * b[0], sign * own[0]);
            }
        }
        // Affine readouts: the multipliers are their coefficients.
        (Readout::Column { .. } | Readout::Difference | Readout::Complement, _) => {
            return readout.gradient(ArrayView2::from(background));
        }
    }
    m
}

/// What captum subtracts behind a softmax: the mean of its elementwise multipliers over the classes and over
/// all pairs of the batch. (`deep_lift.py` of captum 0.9 divides the sum of the whole tensor by its size.)
pub(super) fn captum_mean<F: Real>(
    read: Readout,
    own: &Array2<F>,
    background: &Array2<F>,
    options: &ShapOptions,
) -> F {
    if !(matches!(read, Readout::Softmax { .. }) && options.softmax == SoftmaxRule::Captum) {
        return F::zero();
    }
    let sum: F = own.rows().into_iter().map(|row| readout(read, row, background, options).sum()).sum();
    sum / F::of((own.len() * background.nrows()).max(1) as f64)
}
