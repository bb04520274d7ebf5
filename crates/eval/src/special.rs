//! Distribution functions not taken from a library as they are; the other crates call these.

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::gamma_ur;
use std::f64::consts::SQRT_2;

/// P(Z <= z) of the standard normal.
pub fn normal_cdf(z: f64) -> f64 {
    erfc(-z / SQRT_2) / 2.0
}

/// The z with P(Z <= z) = p.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p)
}

/// P(|Z| >= |z|).
pub fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2).min(1.0)
}

/// Regularised incomplete beta, with its limits at the borders.
pub(crate) fn beta_reg(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else {
        checked_beta_reg(a, b, x).unwrap_or(f64::NAN)
    }
}

/// P(X >= statistic) of the chi-square distribution.
pub(crate) fn chi_square_tail(statistic: f64, degrees: f64) -> f64 {
    if statistic <= 0.0 { 1.0 } else { gamma_ur(degrees / 2.0, statistic / 2.0) }
}

/// P(|T| >= |t|) of Student's t.
pub fn t_two_sided(t: f64, degrees: f64) -> f64 {
    if t.is_infinite() { 0.0 } else { beta_reg(degrees / 2.0, 0.5, degrees / (degrees + t * t)) }
}

/// P(F >= f) of Fisher's F.
pub(crate) fn f_tail(f: f64, numerator: f64, denominator: f64) -> f64 {
    if f.is_infinite() {
        return 0.0;
    }
    beta_reg(denominator / 2.0, numerator / 2.0, denominator / (denominator + numerator * f))
}

/// P(range of k standard normals >= q): the studentized range with infinitely many degrees of freedom,
/// 1 − k ∫ φ(z) [Φ(z) − Φ(z − q)]^(k−1) dz.
pub(crate) fn studentized_range_tail(q: f64, k: f64) -> f64 {
    if q <= 0.0 {
        return 1.0;
    }
    // Smooth and vanishing at both ends: the trapezoid rule converges faster than any power of the step.
    const STEPS: usize = 2048;
    let (low, high) = (-9.0, 9.0 + q.min(40.0));
    let h = (high - low) / STEPS as f64;
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let value = |z: f64| density(z) * (normal_cdf(z) - normal_cdf(z - q)).powf(k - 1.0);
    let sum: f64 = (0..=STEPS).map(|i| value(low + h * i as f64)).sum();
    (1.0 - k * sum * h).clamp(0.0, 1.0)
}

/// The q with [`studentized_range_tail`] = alpha.
pub(crate) fn studentized_range_quantile(alpha: f64, k: f64) -> f64 {
    let (mut low, mut high) = (0.0, 60.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if studentized_range_tail(middle, k) > alpha { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The t with P(T <= t) = p of Student's t, p >= 1/2.
pub(crate) fn t_quantile(p: f64, degrees: f64) -> f64 {
    let outside = 2.0 * (1.0 - p);
    let (mut low, mut high) = (0.0, 1.0);
    while t_two_sided(high, degrees) > outside && high < 1e300 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if t_two_sided(middle, degrees) > outside { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}
