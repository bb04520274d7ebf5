//! Label shift: the target holds another share of sensitive cells than the source, classes looking the same.

use crate::table::Table;
use crate::{Label, Metric, Undefined, input, label};
use ndarray::{Array2, ArrayView2};

/// Class frequencies of source and target.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelShift {
    /// The classes, ascending: the order of all else.
    pub classes: Vec<i64>,
    /// Their frequencies in the source.
    pub source: Vec<f64>,
    /// Their estimated frequencies in the target.
    pub target: Vec<f64>,
}

impl LabelShift {
    /// Target over source frequency of each class: the importance weight of its source samples.
    pub fn weights(&self) -> Vec<f64> {
        self.target.iter().zip(&self.source).map(|(t, s)| t / s).collect()
    }
}

/// Black-box shift estimation (Lipton et al. 2018): solves the confusion matrix of held-out source predictions for
/// the class frequencies that give the target's predictions. Negative solutions are cut at 0.
///
/// # Errors
/// [`Undefined`] for empty or unequal input, a single class, target predictions of a class unknown to the source, and a
/// confusion matrix that does not tell the classes apart.
pub fn label_shift_bbse<L: Label>(
    validation_labels: &[L],
    validation_predicted: &[L],
    target_predicted: &[L],
) -> Metric<LabelShift> {
    const MOST_CLASSES: usize = 512;
    let table = Table::new(validation_labels, validation_predicted, None)?;
    input::not_empty("target predictions", target_predicted.len())?;
    let classes = table.row_values.clone();
    let k = classes.len();
    if k < 2 {
        return Err(Undefined::OneClass { what: "validation labels" });
    }
    if k > MOST_CLASSES {
        return Err(Undefined::TooMany { what: "classes", limit: MOST_CLASSES, got: k });
    }
    let place = |what, index, value: i64| {
        classes.binary_search(&value).map_err(|_| Undefined::OutOfRange {
            what,
            index,
            value: value as f64,
            range: "the classes of the validation labels",
        })
    };
    // Row: predicted, column: true, so that confusion × weights = target predictions.
    let mut confusion = Array2::zeros((k, k));
    for &(truth, predicted, w) in &table.cells {
        let row = place("validation predictions", 0, table.column_values[predicted as usize])?;
        confusion[[row, truth as usize]] = w / table.total;
    }
    let mut predicted = vec![0.0; k];
    for (i, l) in target_predicted.iter().enumerate() {
        predicted[place("target predictions", i, l.code())?] += 1.0 / target_predicted.len() as f64;
    }
    let weights = solve(confusion, predicted).ok_or(Undefined::Singular {
        what: "the label shift",
        reason: "the classifier does not tell the classes apart on the validation data",
    })?;
    let source: Vec<f64> = table.row_totals.iter().map(|t| t / table.total).collect();
    let cut: Vec<f64> = weights.iter().zip(&source).map(|(w, s)| (w * s).max(0.0)).collect();
    let sum: f64 = cut.iter().sum();
    Ok(LabelShift { classes, source, target: cut.iter().map(|t| t / sum).collect() })
}

/// Gaussian elimination with row pivoting; `None` when nearly singular.
fn solve(mut a: Array2<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    let scale = a.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[[i, column]].abs().total_cmp(&a[[j, column]].abs()))?;
        if a[[pivot, column]].abs() <= 1e-10 * scale {
            return None;
        }
        if pivot != column {
            for j in 0..n {
                a.swap([pivot, j], [column, j]);
            }
            b.swap(pivot, column);
        }
        for i in column + 1..n {
            let factor = a[[i, column]] / a[[column, column]];
            for j in column..n {
                a[[i, j]] -= factor * a[[column, j]];
            }
            b[i] -= factor * b[column];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| a[[i, j]] * b[j]).sum();
        b[i] = (b[i] - known) / a[[i, i]];
    }
    b.iter().all(|v| v.is_finite()).then_some(b)
}

/// Maximum likelihood by expectation maximisation (Saerens et al. 2002). Needs calibrated probabilities.
///
/// `source_labels` give the source frequencies; `target_probabilities` is target cells × classes (ascending).
///
/// # Errors
/// [`Undefined`] for malformed input, a single class, rows that do not sum to 1 (to 1e-5), and no convergence.
pub fn label_shift_em<L: Label>(
    source_labels: &[L],
    target_probabilities: ArrayView2<'_, f64>,
) -> Metric<LabelShift> {
    input::not_empty("source labels", source_labels.len())?;
    let indexed = label::index(source_labels.iter().map(|l| l.code()));
    let k = indexed.values.len();
    if k < 2 {
        return Err(Undefined::OneClass { what: "source labels" });
    }
    let p = rows_of_probabilities(target_probabilities, k)?;
    let mut source = vec![0.0; k];
    indexed.of.iter().for_each(|&c| source[c as usize] += 1.0 / source_labels.len() as f64);
    let n = p.nrows() as f64;
    let mut target = source.clone();
    for _ in 0..20_000 {
        let mut next = vec![0.0; k];
        for row in p.rows() {
            let joint = |c: usize| row[c] * target[c] / source[c];
            let sum: f64 = (0..k).map(joint).sum();
            if sum > 0.0 {
                (0..k).for_each(|c| next[c] += joint(c) / sum / n);
            }
        }
        let mass: f64 = next.iter().sum();
        let change: f64 = next.iter().zip(&target).map(|(a, b)| (a / mass - b).abs()).sum();
        target = next.iter().map(|v| v / mass).collect();
        if change < 1e-10 {
            return Ok(LabelShift { classes: indexed.values, source, target });
        }
    }
    Err(Undefined::Singular {
        what: "the label shift",
        reason: "expectation maximisation did not settle; the probabilities hardly depend on the class",
    })
}

/// Probabilities under the target's class frequencies: p × target / source, normalised (same shape as given).
///
/// # Errors
/// [`Undefined`] for rows that are no probabilities over the classes of `shift`, and rows left without mass.
pub fn correct_for_shift(probabilities: ArrayView2<'_, f64>, shift: &LabelShift) -> Metric<Array2<f64>> {
    let weights = shift.weights();
    input::finite("label shift weights", &weights)?;
    let mut p = rows_of_probabilities(probabilities, weights.len())?;
    for mut row in p.rows_mut() {
        row.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w);
        let sum = row.sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(Undefined::ZeroDivision {
                what: "the corrected probability",
                reason: "a row's whole mass is on classes absent from the target",
            });
        }
        row.mapv_inplace(|v| v / sum);
    }
    Ok(p)
}

pub(crate) fn rows_of_probabilities(p: ArrayView2<'_, f64>, classes: usize) -> Metric<Array2<f64>> {
    let p = input::matrix("probabilities", p)?;
    input::same_len("columns of probabilities", p.ncols(), classes)?;
    for (index, row) in p.rows().into_iter().enumerate() {
        let sum = row.sum();
        if row.iter().any(|v| !(0.0..=1.0).contains(v)) || (sum - 1.0).abs() > 1e-5 {
            return Err(Undefined::OutOfRange {
                what: "probabilities",
                index,
                value: sum,
                range: "rows of values in [0, 1] that sum to 1",
            });
        }
    }
    Ok(p)
}
