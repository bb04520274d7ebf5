//! The labels of the target, behind a door that only the evaluator opens.

use rand::seq::SliceRandom;
use sensitome_core_models::rng_for;
use sensitome_data::split::stratified_folds;
use sensitome_eval::stability::stratified_subsample;

use crate::{CompareError, Result};

/// The hidden labels of a file of cells. Nothing that fits a model can read them:
///
/// ```compile_fail,E0624
/// fn leak(hidden: &sensitome_compare::HiddenLabels) {
///     let _ = hidden.open();
/// }
/// ```
///
/// What the design of an experiment needs of them leaves as rows: folds, draws of cells, and the few labelled cells that a
/// method is given, which no evaluation of that seed looks at.
#[derive(Clone, PartialEq)]
pub struct HiddenLabels {
    labels: Vec<Option<u8>>,
}

impl std::fmt::Debug for HiddenLabels {
    /// The number of cells: labels do not leave through a log either.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HiddenLabels({} cells)", self.labels.len())
    }
}

impl HiddenLabels {
    /// 1 sensitive, 0 resistant, `None` where unknown, in the order of the cells' file.
    pub fn new(labels: Vec<Option<u8>>) -> Self {
        Self { labels }
    }

    /// Opens the labels. Only the modules of `evaluate` can.
    pub(super) fn open(&self) -> &[Option<u8>] {
        &self.labels
    }

    /// Number of cells.
    pub fn n_cells(&self) -> usize {
        self.labels.len()
    }

    /// Number of cells with a label, and of sensitive ones among them: what a table says about a task.
    pub fn counts(&self) -> (usize, usize) {
        let known = self.labels.iter().flatten();
        (known.clone().count(), known.filter(|&&y| y == 1).count())
    }

    /// Rows that have a label.
    pub(crate) fn labelled(&self) -> Vec<usize> {
        (0..self.labels.len()).filter(|&i| self.labels[i].is_some()).collect()
    }

    /// Labelled cells of both classes, `n` of each: the first `k` of each class are the `k`-shot cells, so that a curve over
    /// shots adds cells and never swaps them. Pairs of row and label, resistant and sensitive in turn.
    ///
    /// # Errors
    /// When a class has not more than `n` cells among `rows`, so that none would be left to evaluate on.
    pub(crate) fn pool(&self, rows: &[usize], n: usize, seed: u64) -> Result<Vec<(usize, u8)>> {
        let mut by_class = Vec::new();
        for class in [0u8, 1] {
            let mut members: Vec<usize> =
                rows.iter().copied().filter(|&i| self.labels[i] == Some(class)).collect();
            if n > 0 && members.len() <= n {
                return Err(CompareError::invalid(
                    "labelled cells",
                    format!("only {} of class {class}, {n} are to be shown to the methods", members.len()),
                    "use fewer shots or a smaller pool",
                ));
            }
            members.shuffle(&mut rng_for(seed, &format!("labelled cells of class {class}")));
            by_class.push(members);
        }
        Ok((0..n).flat_map(|k| [(by_class[0][k], 0), (by_class[1][k], 1)]).collect())
    }

    /// One of `folds` stratified folds, numbered by the seed: rows to adapt to (cells without label are among them in every
    /// fold), rows to evaluate on.
    pub(crate) fn fold(&self, folds: usize, seed: u64) -> Result<(Vec<usize>, Vec<usize>)> {
        let known = self.labelled();
        let labels: Vec<u8> = known.iter().filter_map(|&i| self.labels[i]).collect();
        let n = folds as u64;
        let of = stratified_folds(&labels, folds, Some(seed / n))?;
        let held: Vec<usize> =
            known.iter().zip(&of).filter(|(_, f)| **f as u64 == seed % n).map(|(&i, _)| i).collect();
        let rest = (0..self.labels.len()).filter(|i| held.binary_search(i).is_err()).collect();
        Ok((rest, held))
    }

    /// The share of the labelled cells of each class, drawn by the seed without replacement.
    pub(crate) fn subsample(&self, share: f64, seed: u64) -> Result<Vec<usize>> {
        let known = self.labelled();
        let labels: Vec<u8> = known.iter().filter_map(|&i| self.labels[i]).collect();
        let drawn = stratified_subsample(&labels, share, 0, seed)?;
        Ok(drawn.into_iter().map(|k| known[k]).collect())
    }
}
