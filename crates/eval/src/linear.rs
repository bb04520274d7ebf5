//! The small linear models that some metrics need.

use crate::{Metric, Undefined};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Solves A x = b for a symmetric positive definite A (n × n), which is overwritten by its Cholesky factor.
pub(crate) fn solve_spd(a: &mut Array2<f64>, b: &Array1<f64>) -> Option<Array1<f64>> {
    let n = b.len();
    for j in 0..n {
        let mut d = a[[j, j]];
        for k in 0..j {
            d -= a[[j, k]] * a[[j, k]];
        }
        if !(d > 0.0 && d.is_finite()) {
            return None;
        }
        let d = d.sqrt();
        a[[j, j]] = d;
        for i in j + 1..n {
            let dot = a.row(i).slice(ndarray::s![..j]).dot(&a.row(j).slice(ndarray::s![..j]));
            a[[i, j]] = (a[[i, j]] - dot) / d;
        }
    }
    let mut x = b.clone();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| a[[i, k]] * x[k]).sum();
        x[i] = (x[i] - dot) / a[[i, i]];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| a[[k, i]] * x[k]).sum();
        x[i] = (x[i] - dot) / a[[i, i]];
    }
    Some(x)
}

pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + exp(z)) without overflow.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// Ridge-penalised logistic regression on standardised features; the intercept is not penalised.
pub(crate) struct Logistic {
    mean: Array1<f64>,
    scale: Array1<f64>,
    /// Intercept last.
    weights: Array1<f64>,
}

impl Logistic {
    /// `x`: samples × features, `y`: 0 or 1, `ridge`: the penalty's factor on half the squared length (> 0).
    pub(crate) fn fit(x: &Array2<f64>, y: &[u8], sample_weights: Option<&[f64]>, ridge: f64) -> Metric<Self> {
        const MOST_FEATURES: usize = 8192;
        let d = x.ncols();
        if d > MOST_FEATURES {
            return Err(Undefined::TooMany { what: "features", limit: MOST_FEATURES, got: d });
        }
        let failed = Undefined::Singular {
            what: "the logistic regression",
            reason: "its equations could not be solved; scale the features",
        };
        let mean = x.mean_axis(Axis(0)).ok_or(Undefined::Empty { what: "points" })?;
        let scale = x.std_axis(Axis(0), 0.0).mapv(|s| if s > 0.0 { s } else { 1.0 });
        let z = (x - &mean) / &scale;
        if z.iter().any(|v| !v.is_finite()) {
            return Err(failed);
        }
        let mut model = Self { mean, scale, weights: Array1::zeros(d + 1) };
        let objective = |w: &Array1<f64>| -> f64 {
            let loss: f64 = z
                .rows()
                .into_iter()
                .zip(y)
                .enumerate()
                .map(|(i, (row, &y))| {
                    let s = row.dot(&w.slice(ndarray::s![..d])) + w[d];
                    sample_weights.map_or(1.0, |w| w[i]) * (softplus(s) - f64::from(y) * s)
                })
                .sum();
            let coefficients = w.slice(ndarray::s![..d]);
            loss + ridge / 2.0 * coefficients.dot(&coefficients)
        };
        let mut best = objective(&model.weights);
        for _ in 0..100 {
            let (gradient, mut hessian) = model.derivatives(&z, y, sample_weights, ridge);
            let Some(step) = solve_spd(&mut hessian, &gradient) else { return Err(failed) };
            // Newton's step, halved until it improves: convex, so this ends at the minimum.
            let mut size = 1.0;
            let (next, value) = loop {
                let next = &model.weights - &(&step * size);
                let value = objective(&next);
                if value <= best || size < 1e-10 {
                    break (next, value);
                }
                size /= 2.0;
            };
            let gain = best - value;
            if value <= best {
                model.weights = next;
                best = value;
            }
            if gain <= 1e-12 * (1.0 + best.abs()) {
                break;
            }
        }
        Ok(model)
    }

    fn derivatives(
        &self,
        z: &Array2<f64>,
        y: &[u8],
        sample_weights: Option<&[f64]>,
        ridge: f64,
    ) -> (Array1<f64>, Array2<f64>) {
        let (n, d) = z.dim();
        let mut gradient = Array1::zeros(d + 1);
        let mut curvature = Array1::zeros(n);
        for (i, row) in z.rows().into_iter().enumerate() {
            let p = sigmoid(row.dot(&self.weights.slice(ndarray::s![..d])) + self.weights[d]);
            let w = sample_weights.map_or(1.0, |w| w[i]);
            let residual = w * (p - f64::from(y[i]));
            gradient.slice_mut(ndarray::s![..d]).scaled_add(residual, &row);
            gradient[d] += residual;
            curvature[i] = w * (p * (1.0 - p)).max(1e-12);
        }
        let weighted = z * &curvature.view().insert_axis(Axis(1));
        let mut hessian = Array2::zeros((d + 1, d + 1));
        hessian.slice_mut(ndarray::s![..d, ..d]).assign(&z.t().dot(&weighted));
        let edge = weighted.sum_axis(Axis(0));
        hessian.slice_mut(ndarray::s![d, ..d]).assign(&edge);
        hessian.slice_mut(ndarray::s![..d, d]).assign(&edge);
        hessian[[d, d]] = curvature.sum();
        for j in 0..d {
            hessian[[j, j]] += ridge;
            gradient[j] += ridge * self.weights[j];
        }
        (gradient, hessian)
    }

    /// Log-odds of class 1.
    pub(crate) fn log_odds(&self, x: ArrayView1<'_, f64>) -> f64 {
        let d = x.len();
        let terms = x.iter().zip(&self.mean).zip(&self.scale).zip(&self.weights);
        terms.map(|(((x, m), s), w)| (x - m) / s * w).sum::<f64>() + self.weights[d]
    }

    pub(crate) fn probability(&self, x: ArrayView1<'_, f64>) -> f64 {
        sigmoid(self.log_odds(x))
    }
}
