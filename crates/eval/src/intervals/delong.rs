//! DeLong's variance of the AUROC, in O(n log n) by midranks (DeLong et al. 1988; Sun and Xu 2014).

use crate::ranks::midranks;
use crate::special::{normal_quantile, normal_two_sided};
use crate::{Metric, Undefined, input};

/// AUROC with standard error and normal interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AurocInterval {
    /// Area under the ROC curve.
    pub auroc: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Lower end, at least 0.
    pub low: f64,
    /// Upper end, at most 1.
    pub high: f64,
}

/// Difference of two AUROCs measured on the same samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AurocDifference {
    /// First minus second.
    pub difference: f64,
    /// Its standard error, the correlation of the two taken into account.
    pub standard_error: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// difference / standard error.
    pub z: f64,
    /// Two-sided p-value of no difference.
    pub p_value: f64,
}

/// Interval of the AUROC at a confidence level such as 0.95. Samples must be independent: for cells of few donors use
/// [`bootstrap`](super::bootstrap) with [`Design::Grouped`](super::Design::Grouped).
///
/// # Errors
/// [`Undefined`] as for [`auroc`](crate::auroc); [`Undefined::TooFew`] with one sample of a class;
/// [`Undefined::Singular`] for perfect separation, whose variance cannot be seen from the sample.
pub fn delong(labels: &[u8], scores: &[f64], level: f64) -> Metric<AurocInterval> {
    input::open_unit("level", level)?;
    let c = Components::new(labels, scores)?;
    let se = c.covariance(&c).sqrt();
    if se == 0.0 {
        return Err(Undefined::Singular {
            what: "DeLong's interval",
            reason: "the classes are perfectly separated (or all scores tied); collect more samples",
        });
    }
    let half = normal_quantile((1.0 + level) / 2.0) * se;
    Ok(AurocInterval {
        auroc: c.auroc,
        standard_error: se,
        low: (c.auroc - half).max(0.0),
        high: (c.auroc + half).min(1.0),
    })
}

/// Compares two scores of the same samples.
///
/// # Errors
/// As [`delong`]; [`Undefined::Constant`] when the two rank the samples alike, so that no difference can be tested.
pub fn delong_paired(labels: &[u8], a: &[f64], b: &[f64], level: f64) -> Metric<AurocDifference> {
    input::open_unit("level", level)?;
    let (a, b) = (Components::new(labels, a)?, Components::new(labels, b)?);
    let difference = a.auroc - b.auroc;
    let variance = a.covariance(&a) + b.covariance(&b) - 2.0 * a.covariance(&b);
    // Rounding leaves a trace of variance between scores that rank alike.
    if variance <= 1e-14 * (a.covariance(&a) + b.covariance(&b)) || variance.is_nan() {
        return Err(Undefined::Constant { what: "the difference of the two scores' ranks" });
    }
    let se = variance.sqrt();
    let half = normal_quantile((1.0 + level) / 2.0) * se;
    Ok(AurocDifference {
        difference,
        standard_error: se,
        low: difference - half,
        high: difference + half,
        z: difference / se,
        p_value: normal_two_sided(difference / se),
    })
}

/// For each positive the share of negatives below it, and for each negative the share of positives above it.
struct Components {
    auroc: f64,
    positive: Vec<f64>,
    negative: Vec<f64>,
}

impl Components {
    fn new(labels: &[u8], scores: &[f64]) -> Metric<Self> {
        input::labels_and("scores", labels, scores, None)?;
        let of = |class: u8| -> Vec<usize> { (0..labels.len()).filter(|&i| labels[i] == class).collect() };
        let (p, n) = (of(1), of(0));
        if p.is_empty() || n.is_empty() {
            return Err(Undefined::OneClass { what: "labels" });
        }
        input::at_least("samples of each class", p.len().min(n.len()), 2)?;
        let all = midranks(scores).0;
        let within = |members: &[usize]| midranks(&members.iter().map(|&i| scores[i]).collect::<Vec<_>>()).0;
        let (m, k) = (p.len() as f64, n.len() as f64);
        let positive: Vec<f64> = p.iter().zip(within(&p)).map(|(&i, own)| (all[i] - own) / k).collect();
        let negative: Vec<f64> = n.iter().zip(within(&n)).map(|(&i, own)| 1.0 - (all[i] - own) / m).collect();
        let auroc = positive.iter().sum::<f64>() / m;
        Ok(Self { auroc, positive, negative })
    }

    fn covariance(&self, other: &Self) -> f64 {
        let part = |a: &[f64], b: &[f64]| {
            let n = a.len() as f64;
            let products = a.iter().zip(b).map(|(x, y)| (x - self.auroc) * (y - other.auroc));
            products.sum::<f64>() / (n - 1.0) / n
        };
        part(&self.positive, &other.positive) + part(&self.negative, &other.negative)
    }
}
