//! The confusion matrix and what follows from it.

use super::{Average, ZeroDivision};
use crate::table::Table;
use crate::{Label, Metric, Undefined};
use ndarray::Array2;

const MAX_CLASSES: usize = 4096;

/// Counts of (true class, predicted class), sample weights included.
///
/// Memory grows with the pairs that occur, not with the square of the number of classes.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusionMatrix {
    classes: Vec<i64>,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    correct: Vec<f64>,
    /// (true, predicted, weight), sorted.
    cells: Vec<(usize, usize, f64)>,
    total: f64,
}

/// Which per-class ratio.
#[derive(Clone, Copy)]
enum Ratio {
    Precision,
    Recall,
    F1,
}

impl ConfusionMatrix {
    /// Counts the pairs of `truth` and `predicted`, one each per sample.
    ///
    /// # Errors
    /// [`Undefined`] for empty input or unequal lengths.
    pub fn new<A: Label, B: Label>(truth: &[A], predicted: &[B]) -> Metric<Self> {
        Self::weighted(truth, predicted, None)
    }

    /// The same with sample weights; a weight of 2 counts as two samples, 0 as none.
    ///
    /// # Errors
    /// [`Undefined`] for empty input, unequal lengths, and weights that are negative, not finite or all zero.
    pub fn weighted<A: Label, B: Label>(
        truth: &[A],
        predicted: &[B],
        weights: Option<&[f64]>,
    ) -> Metric<Self> {
        let table = Table::new(truth, predicted, weights)?;
        let seen = |values: &[i64], totals: &[f64]| {
            values.iter().zip(totals).filter(|(_, t)| **t > 0.0).map(|(v, _)| *v).collect::<Vec<_>>()
        };
        let mut classes = seen(&table.row_values, &table.row_totals);
        classes.extend(seen(&table.column_values, &table.column_totals));
        classes.sort_unstable();
        classes.dedup();
        let place = |value: i64| classes.partition_point(|c| *c < value);
        let k = classes.len();
        let (mut t, mut p, mut correct) = (vec![0.0; k], vec![0.0; k], vec![0.0; k]);
        let mut cells = Vec::with_capacity(table.cells.len());
        for &(i, j, w) in &table.cells {
            let (i, j) = (place(table.row_values[i as usize]), place(table.column_values[j as usize]));
            t[i] += w;
            p[j] += w;
            if i == j {
                correct[i] += w;
            }
            cells.push((i, j, w));
        }
        Ok(Self { classes, truth: t, predicted: p, correct, cells, total: table.total })
    }

    /// The classes that occur in either labeling, ascending: the order of rows and columns.
    pub fn classes(&self) -> &[i64] {
        &self.classes
    }

    /// The matrix itself, k × k, rows are the true classes.
    ///
    /// # Errors
    /// [`Undefined::TooMany`] beyond 4096 classes.
    pub fn to_array(&self) -> Metric<Array2<f64>> {
        let k = self.classes.len();
        if k > MAX_CLASSES {
            return Err(Undefined::TooMany { what: "classes", limit: MAX_CLASSES, got: k });
        }
        let mut counts = Array2::zeros((k, k));
        for &(i, j, w) in &self.cells {
            counts[[i, j]] = w;
        }
        Ok(counts)
    }

    /// See [`accuracy`](super::accuracy).
    ///
    /// # Errors
    /// None once the matrix exists.
    pub fn accuracy(&self) -> Metric {
        Ok(self.correct.iter().sum::<f64>() / self.total)
    }

    /// See [`balanced_accuracy`](super::balanced_accuracy).
    ///
    /// # Errors
    /// None once the matrix exists.
    pub fn balanced_accuracy(&self) -> Metric {
        let (sum, classes) = self.recalls();
        Ok(sum / classes)
    }

    /// See [`balanced_accuracy_adjusted`](super::balanced_accuracy_adjusted).
    ///
    /// # Errors
    /// [`Undefined::OneClass`] when a single class is true.
    pub fn balanced_accuracy_adjusted(&self) -> Metric {
        let (sum, classes) = self.recalls();
        if classes < 2.0 {
            return Err(Undefined::OneClass { what: "labels" });
        }
        let chance = 1.0 / classes;
        Ok((sum / classes - chance) / (1.0 - chance))
    }

    /// Sum of the recalls, and the number, of the classes that are true at least once.
    fn recalls(&self) -> (f64, f64) {
        self.truth
            .iter()
            .zip(&self.correct)
            .filter(|(t, _)| **t > 0.0)
            .fold((0.0, 0.0), |(sum, n), (t, c)| (sum + c / t, n + 1.0))
    }

    /// See [`precision`](super::precision).
    ///
    /// # Errors
    /// [`Undefined`] for an empty denominator or labels that are not binary, as the arguments say.
    pub fn precision(&self, average: Average, zero_division: ZeroDivision) -> Metric {
        self.average(Ratio::Precision, average, zero_division)
    }

    /// See [`recall`](super::recall).
    ///
    /// # Errors
    /// As [`ConfusionMatrix::precision`].
    pub fn recall(&self, average: Average, zero_division: ZeroDivision) -> Metric {
        self.average(Ratio::Recall, average, zero_division)
    }

    /// See [`f1`](super::f1).
    ///
    /// # Errors
    /// As [`ConfusionMatrix::precision`].
    pub fn f1(&self, average: Average, zero_division: ZeroDivision) -> Metric {
        self.average(Ratio::F1, average, zero_division)
    }

    /// See [`specificity`](super::specificity).
    ///
    /// # Errors
    /// As [`ConfusionMatrix::precision`].
    pub fn specificity(&self, zero_division: ZeroDivision) -> Metric {
        self.check_binary()?;
        let (_, truth, correct) = self.class(0);
        ratio("specificity", "no sample is truly resistant", correct, truth, zero_division)
    }

    /// See [`mcc`](super::mcc).
    ///
    /// # Errors
    /// [`Undefined::Constant`] when either labeling holds a single class.
    pub fn mcc(&self) -> Metric {
        // As shares, so that the products stay far from overflow.
        let share = |v: &[f64]| v.iter().map(|x| x / self.total).collect::<Vec<_>>();
        let (t, p) = (share(&self.truth), share(&self.predicted));
        let correct: f64 = share(&self.correct).iter().sum();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (what, margin) in [("labels", &self.truth), ("predictions", &self.predicted)] {
            if margin.iter().filter(|m| **m > 0.0).count() < 2 {
                return Err(Undefined::Constant { what });
            }
        }
        let (tt, pp) = (1.0 - dot(&t, &t), 1.0 - dot(&p, &p));
        Ok(((correct - dot(&t, &p)) / (tt * pp).sqrt()).clamp(-1.0, 1.0))
    }

    /// See [`cohen_kappa`](super::cohen_kappa).
    ///
    /// # Errors
    /// [`Undefined::Constant`] when both labelings are one and the same class.
    pub fn cohen_kappa(&self) -> Metric {
        if self.classes.len() < 2 {
            return Err(Undefined::Constant { what: "labels and predictions" });
        }
        let chance: f64 =
            self.truth.iter().zip(&self.predicted).map(|(t, p)| t / self.total * (p / self.total)).sum();
        let agreed = self.correct.iter().sum::<f64>() / self.total;
        Ok((agreed - chance) / (1.0 - chance))
    }

    fn check_binary(&self) -> Metric<()> {
        match self.classes.iter().find(|c| !(0..=1).contains(*c)) {
            Some(c) => Err(Undefined::setting(
                "average",
                format!("is for 0 and 1 but class {c} occurs; choose Macro, Micro or Weighted"),
            )),
            None => Ok(()),
        }
    }

    /// (predicted, true, correct) of one class; zeros when it does not occur.
    fn class(&self, class: i64) -> (f64, f64, f64) {
        match self.classes.binary_search(&class) {
            Ok(i) => (self.predicted[i], self.truth[i], self.correct[i]),
            Err(_) => (0.0, 0.0, 0.0),
        }
    }

    fn average(&self, kind: Ratio, average: Average, zero_division: ZeroDivision) -> Metric {
        let value = |(p, t, c): (f64, f64, f64)| match kind {
            Ratio::Precision => ratio("precision", "a class is never predicted", c, p, zero_division),
            Ratio::Recall => ratio("recall", "a class is never true", c, t, zero_division),
            Ratio::F1 => ratio("f1", "a class is neither true nor predicted", 2.0 * c, p + t, zero_division),
        };
        match average {
            Average::Binary => {
                self.check_binary()?;
                value(self.class(1))
            }
            Average::Micro => value((self.total, self.total, self.correct.iter().sum())),
            Average::Macro | Average::Weighted => {
                let (mut sum, mut weights) = (0.0, 0.0);
                for i in 0..self.classes.len() {
                    let weight = if average == Average::Macro { 1.0 } else { self.truth[i] };
                    if weight == 0.0 {
                        continue;
                    }
                    match value((self.predicted[i], self.truth[i], self.correct[i])) {
                        Ok(v) => {
                            sum += weight * v;
                            weights += weight;
                        }
                        Err(_) if zero_division == ZeroDivision::Skip => {}
                        Err(e) => return Err(e),
                    }
                }
                ratio("the average", "no class has a value", sum, weights, zero_division)
            }
        }
    }
}

fn ratio(
    what: &'static str,
    reason: &'static str,
    numerator: f64,
    denominator: f64,
    zero_division: ZeroDivision,
) -> Metric {
    match zero_division {
        _ if denominator > 0.0 => Ok(numerator / denominator),
        ZeroDivision::Value(v) => Ok(v),
        ZeroDivision::Undefined | ZeroDivision::Skip => Err(Undefined::ZeroDivision { what, reason }),
    }
}
