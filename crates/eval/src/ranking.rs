//! Metrics of scores: how well sensitive cells rank above resistant ones.
//!
//! Labels are 1 (sensitive) and 0 (resistant); larger scores mean more sensitive. Ties are exact: tied scores
//! form one step of every curve. [`Ranking`] sorts once, in O(n log n), and answers everything; the free
//! functions are shorthands. Definitions follow scikit-learn. Pool all cells before ranking: the mean of
//! per-batch values is another quantity, and undefined for batches of one class.

use crate::{Metric, Undefined, input};
use rayon::prelude::*;

/// Scores of binary-labelled samples, sorted once.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    steps: Vec<Step>,
}

/// Cumulative counts of the samples whose score is at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// A distinct score; the steps descend.
    pub threshold: f64,
    /// Weight of the sensitive samples from the top down to here.
    pub true_positives: f64,
    /// Weight of the resistant samples from the top down to here.
    pub false_positives: f64,
}

/// Receiver operating characteristic, as scikit-learn draws it.
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    /// False positive rate, ascending from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// True positive rate at the same points.
    pub true_positive_rate: Vec<f64>,
    /// Descending scores; the first is infinity (nothing predicted sensitive).
    pub thresholds: Vec<f64>,
}

/// Precision and recall by ascending threshold, as scikit-learn draws them.
#[derive(Debug, Clone, PartialEq)]
pub struct PrCurve {
    /// Precision; one longer than `thresholds`, the last is 1.
    pub precision: Vec<f64>,
    /// Recall; one longer than `thresholds`, the last is 0.
    pub recall: Vec<f64>,
    /// Ascending distinct scores.
    pub thresholds: Vec<f64>,
}

impl Ranking {
    /// Checks and sorts. Samples of weight 0 are left out.
    ///
    /// # Errors
    /// [`Undefined`] for empty input, unequal lengths, labels other than 0 and 1, scores that are not finite and
    /// bad weights. One class alone is accepted here and refused by what needs both.
    pub fn new(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric<Self> {
        input::labels_and("scores", labels, scores, weights)?;
        let steps = match weights {
            None => steps_unweighted(labels, scores),
            Some(w) => steps_weighted(labels, scores, w),
        };
        Ok(Self { steps })
    }

    /// One step per distinct score, from the highest down.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Total weight of the sensitive samples.
    pub fn positives(&self) -> f64 {
        self.steps.last().map_or(0.0, |s| s.true_positives)
    }

    /// Total weight of the resistant samples.
    pub fn negatives(&self) -> f64 {
        self.steps.last().map_or(0.0, |s| s.false_positives)
    }

    /// Share of sensitive samples: the average precision of a random ranking.
    ///
    /// # Errors
    /// None once the ranking exists.
    pub fn prevalence(&self) -> Metric {
        Ok(self.positives() / (self.positives() + self.negatives()))
    }

    fn both_classes(&self) -> Metric<(f64, f64)> {
        match (self.positives(), self.negatives()) {
            (p, n) if p > 0.0 && n > 0.0 => Ok((p, n)),
            _ => Err(Undefined::OneClass { what: "labels" }),
        }
    }

    /// See [`auroc`].
    ///
    /// # Errors
    /// [`Undefined::OneClass`] without both classes.
    pub fn auroc(&self) -> Metric {
        let (positives, negatives) = self.both_classes()?;
        let (mut area, mut tp, mut fp) = (0.0, 0.0, 0.0);
        for s in &self.steps {
            // Twice the trapezoid: with whole weights every term is a whole number, so the sum is exact.
            area += (s.false_positives - fp) * (s.true_positives + tp);
            (tp, fp) = (s.true_positives, s.false_positives);
        }
        Ok(area / 2.0 / positives / negatives)
    }

    /// See [`partial_auroc`].
    ///
    /// # Errors
    /// [`Undefined::OneClass`] without both classes; [`Undefined::Setting`] for `max_fpr` outside (0, 1].
    pub fn partial_auroc(&self, max_fpr: f64) -> Metric {
        if !(max_fpr > 0.0 && max_fpr <= 1.0) {
            return Err(Undefined::setting("max_fpr", format!("is {max_fpr}; pass a number in (0, 1]")));
        }
        let (positives, negatives) = self.both_classes()?;
        if max_fpr == 1.0 {
            return self.auroc();
        }
        let (mut area, mut x0, mut y0) = (0.0, 0.0, 0.0);
        for s in &self.steps {
            let (x, y) = (s.false_positives / negatives, s.true_positives / positives);
            if x > max_fpr {
                let cut = y0 + (y - y0) * (max_fpr - x0) / (x - x0);
                area += (max_fpr - x0) * (y0 + cut) / 2.0;
                break;
            }
            area += (x - x0) * (y0 + y) / 2.0;
            (x0, y0) = (x, y);
        }
        let chance = max_fpr * max_fpr / 2.0;
        Ok(0.5 * (1.0 + (area - chance) / (max_fpr - chance)))
    }

    /// See [`average_precision`].
    ///
    /// # Errors
    /// [`Undefined::NoPositives`] without sensitive samples.
    pub fn average_precision(&self) -> Metric {
        let positives = self.some_positives()?;
        let (mut sum, mut tp) = (0.0, 0.0);
        for s in &self.steps {
            let gained = s.true_positives - tp;
            if gained > 0.0 {
                sum += gained * (s.true_positives / (s.true_positives + s.false_positives));
                tp = s.true_positives;
            }
        }
        Ok(sum / positives)
    }

    /// See [`aupr_trapezoid`].
    ///
    /// # Errors
    /// [`Undefined::NoPositives`] without sensitive samples.
    pub fn aupr_trapezoid(&self) -> Metric {
        let positives = self.some_positives()?;
        let (mut sum, mut tp, mut precision) = (0.0, 0.0, 1.0);
        for s in &self.steps {
            let here = s.true_positives / (s.true_positives + s.false_positives);
            sum += (s.true_positives - tp) * (precision + here) / 2.0;
            (tp, precision) = (s.true_positives, here);
        }
        Ok(sum / positives)
    }

    fn some_positives(&self) -> Metric {
        match self.positives() {
            p if p > 0.0 => Ok(p),
            _ => Err(Undefined::NoPositives),
        }
    }

    /// True positive rate after each step.
    ///
    /// # Errors
    /// [`Undefined::NoPositives`] without sensitive samples.
    pub fn true_positive_rate(&self) -> Metric<Vec<f64>> {
        let positives = self.some_positives()?;
        Ok(self.steps.iter().map(|s| s.true_positives / positives).collect())
    }

    /// False positive rate after each step.
    ///
    /// # Errors
    /// [`Undefined::NoNegatives`] without resistant samples.
    pub fn false_positive_rate(&self) -> Metric<Vec<f64>> {
        let negatives = self.negatives();
        if negatives == 0.0 {
            return Err(Undefined::NoNegatives);
        }
        Ok(self.steps.iter().map(|s| s.false_positives / negatives).collect())
    }

    /// See [`roc_curve`].
    ///
    /// # Errors
    /// [`Undefined::OneClass`] without both classes.
    pub fn roc_curve(&self, drop_intermediate: bool) -> Metric<RocCurve> {
        let (positives, negatives) = self.both_classes()?;
        let s = &self.steps;
        let corner = |i: usize| {
            if i == 0 || i + 1 == s.len() {
                return true;
            }
            let bend = |f: fn(&Step) -> f64| f(&s[i + 1]) - 2.0 * f(&s[i]) + f(&s[i - 1]) != 0.0;
            bend(|s| s.true_positives) || bend(|s| s.false_positives)
        };
        let mut curve = RocCurve {
            false_positive_rate: vec![0.0],
            true_positive_rate: vec![0.0],
            thresholds: vec![f64::INFINITY],
        };
        for (i, step) in s.iter().enumerate() {
            if !drop_intermediate || corner(i) {
                curve.false_positive_rate.push(step.false_positives / negatives);
                curve.true_positive_rate.push(step.true_positives / positives);
                curve.thresholds.push(step.threshold);
            }
        }
        Ok(curve)
    }

    /// See [`pr_curve`].
    ///
    /// # Errors
    /// [`Undefined::NoPositives`] without sensitive samples.
    pub fn pr_curve(&self) -> Metric<PrCurve> {
        let positives = self.some_positives()?;
        let rev = || self.steps.iter().rev();
        let precision = rev().map(|s| s.true_positives / (s.true_positives + s.false_positives));
        Ok(PrCurve {
            precision: precision.chain([1.0]).collect(),
            recall: rev().map(|s| s.true_positives / positives).chain([0.0]).collect(),
            thresholds: rev().map(|s| s.threshold).collect(),
        })
    }
}

/// Area under the ROC curve: the chance that a random sensitive sample outranks a random resistant one, ties
/// counting half (Mann and Whitney 1947). In [0, 1], guessing is 0.5.
///
/// # Errors
/// [`Undefined::OneClass`] without both classes (never 0.5); otherwise as [`Ranking::new`].
pub fn auroc(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric {
    Ranking::new(labels, scores, weights)?.auroc()
}

/// Area under the ROC curve up to a false positive rate of `max_fpr`, standardised so that guessing is 0.5 and
/// perfection 1 (McClish 1989).
///
/// # Errors
/// As [`auroc`], and [`Undefined::Setting`] for `max_fpr` outside (0, 1].
pub fn partial_auroc(labels: &[u8], scores: &[f64], weights: Option<&[f64]>, max_fpr: f64) -> Metric {
    Ranking::new(labels, scores, weights)?.partial_auroc(max_fpr)
}

/// Average precision: the step sum Σ (Rₖ − Rₖ₋₁) Pₖ over distinct scores. Guessing gives the prevalence, so
/// compare only at equal prevalence.
///
/// # Errors
/// [`Undefined::NoPositives`] without sensitive samples; otherwise as [`Ranking::new`].
pub fn average_precision(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric {
    Ranking::new(labels, scores, weights)?.average_precision()
}

/// Area under the precision-recall curve by the trapezoid rule, from (0, 1). Another number than
/// [`average_precision`], and optimistic: straight lines between the points are not attainable.
///
/// # Errors
/// As [`average_precision`].
pub fn aupr_trapezoid(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric {
    Ranking::new(labels, scores, weights)?.aupr_trapezoid()
}

/// Share of sensitive samples; print it beside every average precision.
///
/// # Errors
/// [`Undefined`] for empty input, labels other than 0 and 1, and bad weights.
pub fn prevalence(labels: &[u8], weights: Option<&[f64]>) -> Metric {
    input::not_empty("labels", labels.len())?;
    input::binary("labels", labels)?;
    input::weights(weights, labels.len())?;
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let (mut positives, mut total) = (0.0, 0.0);
    for (i, &l) in labels.iter().enumerate() {
        positives += f64::from(l) * weight(i);
        total += weight(i);
    }
    Ok(positives / total)
}

/// ROC curve from (0, 0) to (1, 1); `drop_intermediate` leaves out points on straight segments.
///
/// # Errors
/// As [`auroc`].
pub fn roc_curve(
    labels: &[u8],
    scores: &[f64],
    weights: Option<&[f64]>,
    drop_intermediate: bool,
) -> Metric<RocCurve> {
    Ranking::new(labels, scores, weights)?.roc_curve(drop_intermediate)
}

/// Precision and recall at every distinct score, ascending, closed by precision 1 at recall 0.
///
/// # Errors
/// As [`average_precision`].
pub fn pr_curve(labels: &[u8], scores: &[f64], weights: Option<&[f64]>) -> Metric<PrCurve> {
    Ranking::new(labels, scores, weights)?.pr_curve()
}

/// A finite f64 as an integer of the same order; -0.0 and 0.0 are one value.
fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn score(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

fn sort<T: Ord + Send>(values: &mut [T]) {
    if values.len() < 1 << 14 { values.sort_unstable() } else { values.par_sort_unstable() }
}

/// Sorts the classes apart and merges them: plain integers sort faster than pairs or indices.
fn steps_unweighted(labels: &[u8], scores: &[f64]) -> Vec<Step> {
    let n_positive = labels.iter().filter(|l| **l == 1).count();
    let mut keys = [Vec::with_capacity(labels.len() - n_positive), Vec::with_capacity(n_positive)];
    for (&l, &s) in labels.iter().zip(scores) {
        keys[usize::from(l == 1)].push(key(s));
    }
    let [mut negative, mut positive] = keys;
    rayon::join(|| sort(&mut negative), || sort(&mut positive));

    let mut steps = Vec::with_capacity(labels.len());
    let (mut tp, mut fp) = (0u64, 0u64);
    let (mut p, mut n) = (positive.iter().rev().peekable(), negative.iter().rev().peekable());
    loop {
        let top = match (p.peek(), n.peek()) {
            (Some(&&a), Some(&&b)) => a.max(b),
            (Some(&&a), None) => a,
            (None, Some(&&b)) => b,
            (None, None) => break,
        };
        while p.next_if(|k| **k == top).is_some() {
            tp += 1;
        }
        while n.next_if(|k| **k == top).is_some() {
            fp += 1;
        }
        steps.push(Step { threshold: score(top), true_positives: tp as f64, false_positives: fp as f64 });
    }
    steps
}

fn steps_weighted(labels: &[u8], scores: &[f64], weights: &[f64]) -> Vec<Step> {
    let mut order: Vec<(u64, usize)> =
        (0..labels.len()).filter(|&i| weights[i] > 0.0).map(|i| (!key(scores[i]), i)).collect();
    sort(&mut order);
    let mut steps = Vec::new();
    let (mut tp, mut fp) = (0.0, 0.0);
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        for &(_, i) in tied {
            if labels[i] == 1 { tp += weights[i] } else { fp += weights[i] }
        }
        steps.push(Step { threshold: score(!tied[0].0), true_positives: tp, false_positives: fp });
    }
    steps
}
