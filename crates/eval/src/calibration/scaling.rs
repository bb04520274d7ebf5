//! Maps from scores to calibrated probabilities, fitted on held-out labels.

use crate::linear::{sigmoid, softplus, solve_spd};
use crate::{Metric, Undefined, input};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Divides log-odds by one temperature: confidence changes, ranking and the 0.5 decision do not (Guo et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Temperature {
    /// Above 1 the model was overconfident.
    pub temperature: f64,
}

impl Temperature {
    /// Minimises the log loss of `labels` given `log_odds` (of class 1).
    ///
    /// # Errors
    /// [`Undefined`] for malformed input, a single class, log-odds that separate the classes perfectly (the best
    /// temperature is 0) or point the wrong way (there is none).
    pub fn fit(labels: &[u8], log_odds: &[f64], weights: Option<&[f64]>) -> Metric<Self> {
        both_classes(labels, log_odds, weights)?;
        let refuse = |reason| Err(Undefined::Singular { what: "the temperature", reason });
        // The loss is convex in the inverse temperature; its slope there:
        let slope = |inverse: f64| -> f64 {
            let term = |(i, (y, z)): (usize, (&u8, &f64))| {
                weights.map_or(1.0, |w| w[i]) * (sigmoid(inverse * z) - f64::from(*y)) * z
            };
            labels.iter().zip(log_odds).enumerate().map(term).sum()
        };
        input::representable("the slope of the loss", slope(0.0))?;
        if slope(0.0) >= 0.0 {
            return refuse(
                "the log-odds point the wrong way (or nowhere) on these labels; check their orientation",
            );
        }
        let wrong = |(i, (y, z)): (usize, (&u8, &f64))| {
            ((*z > 0.0) != (*y == 1)) && *z != 0.0 && weights.is_none_or(|w| w[i] > 0.0)
        };
        if !labels.iter().zip(log_odds).enumerate().any(wrong) {
            return refuse("the log-odds separate the classes perfectly; calibrate on more data");
        }
        let (mut low, mut high) = (0.0, 1.0);
        while slope(high) < 0.0 && high < 1e300 {
            low = high;
            high *= 2.0;
        }
        for _ in 0..200 {
            let middle = (low + high) / 2.0;
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        let temperature = 2.0 / (low + high);
        if !(temperature.is_finite() && temperature > 0.0) {
            return refuse("the optimum is beyond floating point; rescale the log-odds");
        }
        Ok(Self { temperature })
    }

    /// Calibrated probability of class 1.
    pub fn probability(&self, log_odds: f64) -> f64 {
        sigmoid(log_odds / self.temperature)
    }
}

/// Probability = 1 / (1 + exp(−(slope × score + intercept))), for scores of any kind (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Negative when larger scores mean resistant.
    pub slope: f64,
    /// Log-odds at score 0.
    pub intercept: f64,
}

impl Platt {
    /// Maximum likelihood with Platt's smoothed targets (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), which keep it finite for
    /// separable data too.
    ///
    /// # Errors
    /// [`Undefined`] for malformed input, a single class, and constant scores.
    pub fn fit(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric<Self> {
        both_classes(labels, scores, weights)?;
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let n = scores.len();
        let total: f64 = (0..n).map(weight).sum();
        let mean = (0..n).map(|i| weight(i) / total * scores[i]).sum::<f64>();
        let spread = (0..n).map(|i| weight(i) / total * (scores[i] - mean).powi(2)).sum::<f64>().sqrt();
        if spread == 0.0 {
            return Err(Undefined::Constant { what: "scores" });
        }
        let failed = || Undefined::Singular {
            what: "the Platt fit",
            reason: "scores too large or too close; rescale them",
        };
        let z: Vec<f64> = scores.iter().map(|s| (s - mean) / spread).collect();
        if z.iter().any(|v| !v.is_finite()) {
            return Err(failed());
        }
        let positives: f64 = (0..n).filter(|&i| labels[i] == 1).map(weight).sum();
        let negatives = total - positives;
        let target = |i: usize| {
            if labels[i] == 1 { (positives + 1.0) / (positives + 2.0) } else { 1.0 / (negatives + 2.0) }
        };
        let loss = |a: f64, b: f64| -> f64 {
            (0..n).map(|i| weight(i) * (softplus(a * z[i] + b) - target(i) * (a * z[i] + b))).sum()
        };
        let (mut a, mut b) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
        let mut best = loss(a, b);
        for _ in 0..100 {
            let mut gradient = Array1::<f64>::zeros(2);
            let mut hessian = Array2::<f64>::zeros((2, 2));
            #[allow(clippy::needless_range_loop)] // several arrays go together
            for i in 0..n {
                let p = sigmoid(a * z[i] + b);
                let (r, c) = (weight(i) * (p - target(i)), weight(i) * p * (1.0 - p));
                gradient[0] += r * z[i];
                gradient[1] += r;
                hessian[[0, 0]] += c * z[i] * z[i];
                hessian[[1, 0]] += c * z[i];
                hessian[[1, 1]] += c;
            }
            hessian[[0, 1]] = hessian[[1, 0]];
            let step = solve_spd(&mut hessian, &gradient).ok_or_else(failed)?;
            let length = step[0].abs() + step[1].abs();
            let mut size = 1.0;
            // Close to the minimum rounding hides what a step gains: there Newton's step needs no check.
            if length > 1e-5 {
                while loss(a - size * step[0], b - size * step[1]) > best && size > 1e-12 {
                    size /= 2.0;
                }
            }
            (a, b) = (a - size * step[0], b - size * step[1]);
            best = loss(a, b);
            if length < 1e-13 * (1.0 + a.abs() + b.abs()) {
                break;
            }
        }
        Ok(Self { slope: a / spread, intercept: b - a * mean / spread })
    }

    /// Calibrated probability of class 1.
    pub fn probability(&self, score: f64) -> f64 {
        sigmoid(self.slope * score + self.intercept)
    }
}

/// The non-decreasing step function closest to the labels (pool adjacent violators), interpolated linearly between
/// its corners and constant outside (as scikit-learn with `out_of_bounds="clip"`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Corners (score, probability), ascending in both.
    knots: Vec<(f64, f64)>,
}

impl Isotonic {
    /// Least squares under monotonicity. Needs hundreds of labels: with few it memorises them.
    ///
    /// # Errors
    /// [`Undefined`] for malformed input and a single class.
    pub fn fit(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric<Self> {
        both_classes(labels, scores, weights)?;
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let mut order: Vec<usize> = (0..labels.len()).filter(|&i| weight(i) > 0.0).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        // Blocks of (first score, last score, sum, weight), means strictly ascending.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
            let w: f64 = tied.iter().map(|&i| weight(i)).sum();
            let sum: f64 = tied.iter().map(|&i| weight(i) * f64::from(labels[i])).sum();
            let mut block = (scores[tied[0]], scores[tied[0]], sum, w);
            while let Some(&last) = blocks.last() {
                if last.2 / last.3 < block.2 / block.3 {
                    break;
                }
                block = (last.0, block.1, last.2 + block.2, last.3 + block.3);
                blocks.pop();
            }
            blocks.push(block);
        }
        let mut knots = Vec::new();
        for (first, last, sum, w) in blocks {
            knots.push((first, sum / w));
            if last > first {
                knots.push((last, sum / w));
            }
        }
        Ok(Self { knots })
    }

    /// The corners (score, probability), ascending in both.
    pub fn knots(&self) -> &[(f64, f64)] {
        &self.knots
    }

    /// Calibrated probability of class 1; NaN for NaN.
    pub fn probability(&self, score: f64) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        let at = self.knots.partition_point(|k| k.0 < score);
        match (at.checked_sub(1).and_then(|i| self.knots.get(i)), self.knots.get(at)) {
            (Some(&(x0, y0)), Some(&(x1, y1))) => {
                // Halved, so that the difference of huge scores does not overflow.
                let share = (score / 2.0 - x0 / 2.0) / (x1 / 2.0 - x0 / 2.0);
                y0 + (y1 - y0) * share
            }
            (None, Some(k)) | (Some(k), None) => k.1,
            (None, None) => f64::NAN,
        }
    }
}

fn both_classes(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric<()> {
    input::labels_and("scores", labels, scores, weights)?;
    let seen =
        |class: u8| (0..labels.len()).any(|i| labels[i] == class && weights.is_none_or(|w| w[i] > 0.0));
    if seen(0) && seen(1) { Ok(()) } else { Err(Undefined::OneClass { what: "labels" }) }
}
