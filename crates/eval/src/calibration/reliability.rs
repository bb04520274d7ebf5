//! Reliability curves and what summarises them.

use crate::{Metric, Undefined, input};

/// How probabilities are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// This many intervals of equal width; bin b of B holds (b/B, (b+1)/B], the first also 0.
    EqualWidth(usize),
    /// This many groups of about equal weight; equal probabilities stay together.
    EqualMass(usize),
}

/// One point of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share that is truly sensitive.
    pub observed: f64,
    /// Weight (number of samples).
    pub weight: f64,
}

/// Predicted against observed frequency, ascending, empty bins left out.
///
/// # Errors
/// [`Undefined`] for empty input, unequal lengths, labels other than 0 and 1, probabilities outside [0, 1], bad
/// weights, and no bins.
pub fn reliability_curve(
    labels: &[u8],
    probabilities: &[f64],
    weights: Option<&[f64]>,
    bins: Bins,
) -> Metric<Vec<Bin>> {
    input::labels_and("probabilities", labels, probabilities, weights)?;
    input::within_unit("probabilities", probabilities)?;
    let (Bins::EqualWidth(count) | Bins::EqualMass(count)) = bins;
    if count == 0 {
        return Err(Undefined::setting("bins", "are none; pass at least 1"));
    }
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let mut order: Vec<usize> = (0..labels.len()).filter(|&i| weight(i) > 0.0).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let total: f64 = order.iter().map(|&i| weight(i)).sum();

    let mut curve: Vec<(usize, Bin)> = Vec::new();
    let mut before = 0.0;
    for tied in order.chunk_by(|&a, &b| probabilities[a] == probabilities[b]) {
        let p = probabilities[tied[0]];
        let w: f64 = tied.iter().map(|&i| weight(i)).sum();
        let positive: f64 = tied.iter().map(|&i| weight(i) * f64::from(labels[i])).sum();
        let bin = match bins {
            Bins::EqualWidth(_) => ((p * count as f64).ceil() as usize).saturating_sub(1),
            Bins::EqualMass(_) => ((before + w / 2.0) / total * count as f64) as usize,
        };
        before += w;
        // Sums for now, divided below.
        match curve.last_mut() {
            Some((last, sums)) if *last == bin => {
                sums.predicted += w * p;
                sums.observed += positive;
                sums.weight += w;
            }
            _ => curve.push((bin, Bin { predicted: w * p, observed: positive, weight: w })),
        }
    }
    let mean = |s: Bin| Bin { predicted: s.predicted / s.weight, observed: s.observed / s.weight, ..s };
    Ok(curve.into_iter().map(|(_, sums)| mean(sums)).collect())
}

/// Expected calibration error of the sensitive class: the mean gap of [`reliability_curve`], weighted by its bins.
/// For the error of the predicted class (Guo et al. 2017) pass what [`top_label`] returns.
///
/// # Errors
/// As [`reliability_curve`].
pub fn ece(labels: &[u8], probabilities: &[f64], weights: Option<&[f64]>, bins: Bins) -> Metric {
    let curve = reliability_curve(labels, probabilities, weights, bins)?;
    let total: f64 = curve.iter().map(|b| b.weight).sum();
    Ok(curve.iter().map(|b| b.weight / total * (b.observed - b.predicted).abs()).sum())
}

/// Maximum calibration error: the largest gap of [`reliability_curve`].
///
/// # Errors
/// As [`reliability_curve`].
pub fn mce(labels: &[u8], probabilities: &[f64], weights: Option<&[f64]>, bins: Bins) -> Metric {
    let curve = reliability_curve(labels, probabilities, weights, bins)?;
    Ok(curve.iter().map(|b| (b.observed - b.predicted).abs()).fold(0.0, f64::max))
}

/// Whether each prediction (at 0.5) is correct, and the confidence max(p, 1 − p) it was made with.
///
/// # Errors
/// As [`reliability_curve`].
pub fn top_label(labels: &[u8], probabilities: &[f64]) -> Metric<(Vec<u8>, Vec<f64>)> {
    input::labels_and("probabilities", labels, probabilities, None)?;
    input::within_unit("probabilities", probabilities)?;
    let correct = labels.iter().zip(probabilities).map(|(y, p)| u8::from((*p >= 0.5) == (*y == 1)));
    Ok((correct.collect(), probabilities.iter().map(|p| p.max(1.0 - p)).collect()))
}
