//! Generated inputs.

use ndarray::{Array2, Axis};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// One input that a metric may read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Field {
    Labels,
    Predicted,
    Clusters,
    Classes,
    Scores,
    Other,
    Probabilities,
    Points,
}

#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Vec<u8>,
    pub(crate) predicted: Vec<u8>,
    /// Three classes.
    pub(crate) classes: Vec<i64>,
    /// Four clusters, related to the classes.
    pub(crate) clusters: Vec<i64>,
    pub(crate) scores: Vec<f64>,
    pub(crate) other: Vec<f64>,
    pub(crate) probabilities: Vec<f64>,
    /// Samples × 3.
    pub(crate) points: Array2<f64>,
    pub(crate) weights: Option<Vec<f64>>,
}

/// `n` related but imperfect samples, both classes present; `coarse` makes ties.
pub(crate) fn sample(seed: u64, n: usize, coarse: bool) -> Sample {
    let mut g = ChaCha8Rng::seed_from_u64(seed);
    let noise = |g: &mut ChaCha8Rng| g.random_range(-1.0..1.0) + g.random_range(-1.0..1.0);
    let round = |v: f64| if coarse { (v * 4.0).round() / 4.0 } else { (v * 1048576.0).round() / 1048576.0 };
    let mut labels: Vec<u8> = (0..n).map(|_| u8::from(g.random_bool(0.4))).collect();
    labels.iter_mut().zip([0, 1, 0, 1, 0, 1]).for_each(|(l, v)| *l = v);
    let y: Vec<f64> = labels.iter().map(|l| f64::from(*l)).collect();
    let scores: Vec<f64> = y.iter().map(|y| round(y + noise(&mut g))).collect();
    let other: Vec<f64> = scores.iter().map(|s| round(s / 2.0 + noise(&mut g))).collect();
    let probabilities: Vec<f64> = scores.iter().map(|s| round(((s + 2.0) / 5.0).clamp(0.0, 1.0))).collect();
    let predicted: Vec<u8> = labels.iter().map(|l| if g.random_bool(0.25) { 1 - l } else { *l }).collect();
    let classes: Vec<i64> = (0..n).map(|i| if i < 3 { i as i64 } else { g.random_range(0..3) }).collect();
    let clusters: Vec<i64> =
        classes.iter().map(|c| if g.random_bool(0.5) { c * 7 - 3 } else { g.random_range(40..44) }).collect();
    let points = Array2::from_shape_fn((n, 3), |(i, j)| y[i] * (j as f64 + 1.0) + noise(&mut g));
    Sample { labels, predicted, classes, clusters, scores, other, probabilities, points, weights: None }
}

impl Sample {
    /// The samples of these numbers, repeated as given.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        fn take<T: Copy>(v: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&i| v[i]).collect()
        }
        Self {
            labels: take(&self.labels, rows),
            predicted: take(&self.predicted, rows),
            classes: take(&self.classes, rows),
            clusters: take(&self.clusters, rows),
            scores: take(&self.scores, rows),
            other: take(&self.other, rows),
            probabilities: take(&self.probabilities, rows),
            points: self.points.select(Axis(0), rows),
            weights: self.weights.as_ref().map(|w| take(w, rows)),
        }
    }

    pub(crate) fn shuffled(&self, seed: u64) -> (Self, Vec<usize>) {
        let mut rows: Vec<usize> = (0..self.labels.len()).collect();
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        (self.select(&rows), rows)
    }

    /// Puts a value into the number-like fields read; false where the field holds labels.
    pub(crate) fn poison(&mut self, field: Field, at: usize, value: f64) -> bool {
        match field {
            Field::Scores => self.scores[at] = value,
            Field::Other => self.other[at] = value,
            Field::Probabilities => self.probabilities[at] = value,
            Field::Points => self.points[[at, 1]] = value,
            Field::Labels | Field::Predicted | Field::Clusters | Field::Classes => return false,
        }
        true
    }

    /// Cuts one field to `n` samples.
    pub(crate) fn truncate(&mut self, field: Field, n: usize) {
        match field {
            Field::Labels => self.labels.truncate(n),
            Field::Predicted => self.predicted.truncate(n),
            Field::Clusters => self.clusters.truncate(n),
            Field::Classes => self.classes.truncate(n),
            Field::Scores => self.scores.truncate(n),
            Field::Other => self.other.truncate(n),
            Field::Probabilities => self.probabilities.truncate(n),
            Field::Points => {
                let rows: Vec<usize> = (0..self.points.nrows().min(n)).collect();
                self.points = self.points.select(Axis(0), &rows);
            }
        }
    }
}
