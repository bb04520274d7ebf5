//! Where a path integral is sampled, and with which weights.

use serde::{Deserialize, Serialize};

use crate::{InterpretError, Result};

/// A rule for the integral over the path from baseline (0) to cell (1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Gauss-Legendre: exact for polynomials up to degree 2n − 1.
    #[default]
    GaussLegendre,
    /// n equal intervals, each at its left end.
    RiemannLeft,
    /// n equal intervals, each at its right end.
    RiemannRight,
    /// n equal intervals, each at its middle.
    RiemannMiddle,
    /// n points, the two ends with half the weight; the weights sum to 1.
    Trapezoid,
    /// The points of [`Trapezoid`](Self::Trapezoid) with the weights captum 0.9 gives them: they sum to 1 −
    /// 1/n, so its attributions are short by that factor. For comparison with captum only.
    CaptumTrapezoid,
}

impl Rule {
    /// Positions in [0, 1], ascending, and weights of `steps` points.
    ///
    /// # Errors
    /// When there are no steps, or fewer than 2 for a trapezoid.
    pub fn points(self, steps: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let least = match self {
            Self::Trapezoid | Self::CaptumTrapezoid => 2,
            _ => 1,
        };
        if steps < least {
            return Err(InterpretError::invalid(
                "steps",
                format!("{steps} for {self:?}"),
                format!("use at least {least}; 50 is common"),
            ));
        }
        let n = steps as f64;
        let equal = |offset: f64| (0..steps).map(|i| (i as f64 + offset) / n).collect::<Vec<_>>();
        let ends = |gaps: f64| {
            let half = |i| if i == 0 || i + 1 == steps { 0.5 } else { 1.0 };
            let at = (0..steps).map(|i| i as f64 / (n - 1.0)).collect();
            (at, (0..steps).map(|i| half(i) / gaps).collect())
        };
        Ok(match self {
            Self::GaussLegendre => gauss_legendre(steps),
            Self::RiemannLeft => (equal(0.0), vec![1.0 / n; steps]),
            Self::RiemannRight => (equal(1.0), vec![1.0 / n; steps]),
            Self::RiemannMiddle => (equal(0.5), vec![1.0 / n; steps]),
            Self::Trapezoid => ends(n - 1.0),
            Self::CaptumTrapezoid => ends(n),
        })
    }
}

/// Zeros x of the Legendre polynomial of degree n by Newton's method from Tricomi's estimate, and the weights
/// 2 / ((1 − x²) p'(x)²) (Abramowitz and Stegun 25.4.29), both mapped from [−1, 1] to [0, 1].
fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut at, mut weights) = (vec![0.5; n], vec![0.0; n]);
    let degree = n as f64;
    for i in 0..n.div_ceil(2) {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (degree + 0.5)).cos();
        let mut derivative = 1.0;
        // Newton doubles the digits at each turn: a handful is enough, and more do no harm.
        for _ in 0..12 {
            let (mut before, mut p) = (1.0, x);
            for k in 2..=n {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
            }
            derivative = degree * (x * p - before) / (x * x - 1.0);
            x -= p / derivative;
        }
        let middle = 2 * i + 1 == n;
        let x = if middle { 0.0 } else { x };
        let weight = 1.0 / ((1.0 - x * x) * derivative * derivative);
        (at[i], at[n - 1 - i]) = ((1.0 - x) / 2.0, (1.0 + x) / 2.0);
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    (at, weights)
}
