//! How far a mean over seeds, or a difference of two methods, could be off: a bootstrap on two levels.
//!
//! Per replicate, seeds are drawn with replacement, and cells are drawn with replacement within their class, the same
//! cells for all seeds and for both methods of a difference. A cell that a seed did not evaluate (the few labelled
//! cells differ by seed) has the weight 0 there; a seed without a cell of one of the classes is left out of that
//! replicate. All is seeded by the task's name, so another method or task shifts no interval, and by the replicate's
//! number, so any number of threads gives the same bits.
//!
//! Cells are drawn for the metric `auroc` only. For any other metric **seeds alone** are drawn: the interval says how
//! far another seed would be, not other cells, and does not exist for one seed.
//!
//! What it does not cover: cells of one line or donor resemble each other, and nothing here draws lines. The interval
//! speaks of other cells of the same lines. With three seeds, the spread of seeds is estimated low by a third.

use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use sensitome_eval::intervals::percentile_interval;
use sensitome_eval::{Metric, Undefined};
use sha2::{Digest, Sha256};

use crate::Run;

/// Replicates of every interval.
pub const REPLICATES: usize = 1000;
/// Coverage of every interval.
pub const LEVEL: f64 = 0.95;
/// The metric that cells are drawn for.
pub const CELLS_DRAWN_FOR: &str = "auroc";

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One method on one task, drawn again and again.
#[derive(Debug, Clone)]
pub struct Resampled<'a> {
    task: &'a str,
    metric: &'a str,
    /// Runs whose metric has a value, by seed.
    runs: Vec<&'a Run>,
    values: Vec<f64>,
    /// Row and label of every cell that any seed evaluated, by row; empty where cells are not drawn.
    cells: Vec<(usize, u8)>,
    /// Replicates × seeds; NaN where a seed has no cell of one class.
    table: Vec<f64>,
}

impl<'a> Resampled<'a> {
    /// Draws cells for the `runs` (one a seed) of a method on a task. Runs without a value are left out.
    ///
    /// # Errors
    /// [`Undefined`] when no run has a value, a seed is there twice, or runs disagree on the label of a cell.
    pub fn new(task: &'a str, metric: &'a str, runs: &[&'a Run]) -> Metric<Self> {
        let mut with_value: Vec<&Run> = runs.iter().copied().filter(|r| r.metric(metric).is_some()).collect();
        with_value.sort_by_key(|r| r.seed);
        if let Some(two) = with_value.windows(2).find(|two| two[0].seed == two[1].seed) {
            return Err(setting("runs", format!("hold seed {} twice; pass one a seed", two[0].seed)));
        }
        let cells =
            if metric == CELLS_DRAWN_FOR { cells_of(with_value.iter().copied())? } else { Vec::new() };
        Self::over(task, metric, with_value, cells)
    }

    fn over(task: &'a str, metric: &'a str, runs: Vec<&'a Run>, cells: Vec<(usize, u8)>) -> Metric<Self> {
        let values: Vec<f64> = runs.iter().filter_map(|r| r.metric(metric)).collect();
        if values.is_empty() {
            return Err(Undefined::Empty { what: "the list of runs with a value" });
        }
        let table = if cells.is_empty() {
            Vec::new()
        } else {
            let sorted: Vec<Vec<u32>> = runs.iter().map(|r| sorted(r, &cells)).collect::<Metric<_>>()?;
            let classes: [Vec<usize>; 2] =
                [0, 1].map(|class| (0..cells.len()).filter(|i| cells[*i].1 == class).collect());
            let replicate = |b: usize| {
                let weights = draw_cells(task, b, &classes, cells.len());
                sorted.iter().map(|order| weighted_auroc(order, &weights)).collect::<Vec<_>>()
            };
            let rows: Vec<Vec<f64>> = (0..REPLICATES).into_par_iter().map(replicate).collect();
            rows.concat()
        };
        Ok(Self { task, metric, runs, values, cells, table })
    }

    /// Seeds that have a value, ascending.
    pub fn seeds(&self) -> Vec<u64> {
        self.runs.iter().map(|r| r.seed).collect()
    }

    /// The metric by seed.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Mean over seeds.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// Standard deviation over seeds; none with one.
    pub fn deviation(&self) -> Option<f64> {
        let (n, mean) = (self.values.len() as f64, self.mean());
        let squares: f64 = self.values.iter().map(|v| (v - mean) * (v - mean)).sum();
        (self.values.len() > 1).then(|| (squares / (n - 1.0)).sqrt())
    }

    /// The mean over seeds with its interval.
    ///
    /// # Errors
    /// [`Undefined`] when more than one replicate in 20 has no value, and for one seed where cells are not drawn.
    pub fn interval(&self) -> Metric<Estimate> {
        self.estimate(self.mean(), |b, s| self.at(b, s))
    }

    /// This method minus another on the same task, over the seeds that both have, with its interval.
    ///
    /// # Errors
    /// As [`interval`](Self::interval); and when they share no seed or disagree on a label.
    pub fn difference(&self, other: &Self) -> Metric<Estimate> {
        let (a, b) = (self.seeds(), other.seeds());
        if a == b && self.cells == other.cells {
            let value = self.mean() - other.mean();
            return self.estimate(value, |r, s| self.at(r, s) - other.at(r, s));
        }
        let of = |from: &Self, seeds: &[u64]| -> Vec<&'a Run> {
            from.runs.iter().copied().filter(|r| seeds.contains(&r.seed)).collect()
        };
        let (first, second) = (of(self, &b), of(other, &a));
        let cells = if self.metric == CELLS_DRAWN_FOR {
            cells_of(first.iter().chain(&second).copied())?
        } else {
            Vec::new()
        };
        let first = Self::over(self.task, self.metric, first, cells.clone())?;
        let second = Self::over(self.task, self.metric, second, cells)?;
        let value = first.mean() - second.mean();
        first.estimate(value, |r, s| first.at(r, s) - second.at(r, s))
    }

    /// Seed `s` in replicate `b`.
    fn at(&self, b: usize, s: usize) -> f64 {
        if self.cells.is_empty() { self.values[s] } else { self.table[b * self.values.len() + s] }
    }

    fn estimate(&self, value: f64, at: impl Fn(usize, usize) -> f64) -> Metric<Estimate> {
        let k = self.values.len();
        if k < 2 && self.cells.is_empty() {
            return Err(Undefined::TooFew { what: "seeds", needed: 2, got: k });
        }
        let replicate = |b: usize| {
            let mut generator = generator("seeds", self.task, b);
            let drawn = (0..k).map(|_| at(b, below(k, &mut generator))).filter(|v| v.is_finite());
            let (sum, n) = drawn.fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
            (n > 0).then(|| sum / n as f64)
        };
        let replicates: Vec<f64> = (0..REPLICATES).filter_map(replicate).collect();
        if (REPLICATES - replicates.len()) * 20 > REPLICATES {
            return Err(Undefined::TooFew {
                what: "replicates with cells of both classes",
                needed: REPLICATES - REPLICATES / 20,
                got: replicates.len(),
            });
        }
        let (low, high) = percentile_interval(&replicates, LEVEL)?;
        Ok(Estimate { value, low, high })
    }
}

/// The weights of the cells in replicate `b`: how often each is drawn, class by class.
fn draw_cells(task: &str, b: usize, classes: &[Vec<usize>; 2], n: usize) -> Vec<u32> {
    let mut generator = generator("cells", task, b);
    let mut weights = vec![0; n];
    for class in classes {
        for _ in 0..class.len() {
            weights[class[below(class.len(), &mut generator)]] += 1;
        }
    }
    weights
}

fn setting(name: &'static str, problem: String) -> Undefined {
    Undefined::Setting { name, problem }
}

/// Row and label of every evaluated cell, by row.
fn cells_of<'a>(runs: impl Iterator<Item = &'a Run>) -> Metric<Vec<(usize, u8)>> {
    let mut cells = BTreeMap::new();
    for measured in runs.filter_map(|r| r.outcome.as_ref().ok()) {
        for (&row, &label) in measured.rows.iter().zip(&measured.labels) {
            if *cells.entry(row).or_insert(label) != label {
                return Err(setting(
                    "labels",
                    format!("differ between runs at row {row}; evaluate them alike"),
                ));
            }
        }
    }
    Ok(cells.into_iter().collect())
}

const SENSITIVE: u32 = 1 << 31;
const TIED: u32 = 1 << 30;
const PLACE: u32 = TIED - 1;

/// Places in `cells` by ascending score, marked where sensitive and where the next has the same score.
fn sorted(run: &Run, cells: &[(usize, u8)]) -> Metric<Vec<u32>> {
    if cells.len() > PLACE as usize {
        return Err(Undefined::TooMany { what: "cells", limit: PLACE as usize, got: cells.len() });
    }
    let Ok(measured) = &run.outcome else { return Ok(Vec::new()) };
    let mut order: Vec<(f64, u32)> = Vec::with_capacity(measured.rows.len());
    for (row, score) in measured.rows.iter().zip(&measured.scores) {
        let place = cells.binary_search_by_key(row, |c| c.0);
        let place = place.map_err(|_| Undefined::Empty { what: "a cell's place" })?;
        let mark = if cells[place].1 == 1 { SENSITIVE } else { 0 };
        order.push((*score, place as u32 | mark));
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..order.len() {
        if order[i].0 == order[i - 1].0 {
            order[i - 1].1 |= TIED;
        }
    }
    Ok(order.into_iter().map(|o| o.1).collect())
}

/// AUROC of weighted cells in one pass, ties counting half; NaN without both classes. Whole numbers until the end.
fn weighted_auroc(order: &[u32], weights: &[u32]) -> f64 {
    let (mut area, mut positives, mut negatives) = (0u64, 0u64, 0u64);
    let (mut tied_positive, mut tied_negative) = (0u64, 0u64);
    for &item in order {
        let weight = u64::from(weights[(item & PLACE) as usize]);
        if item & SENSITIVE != 0 {
            tied_positive += weight;
        } else {
            tied_negative += weight;
        }
        if item & TIED == 0 {
            area += tied_positive * (2 * negatives + tied_negative);
            positives += tied_positive;
            negatives += tied_negative;
            (tied_positive, tied_negative) = (0, 0);
        }
    }
    if positives == 0 || negatives == 0 {
        return f64::NAN;
    }
    area as f64 / 2.0 / positives as f64 / negatives as f64
}

/// A generator of its own for every purpose, name and replicate.
pub(crate) fn generator(purpose: &str, name: &str, replicate: usize) -> Xoshiro256PlusPlus {
    let mut hash = Sha256::new();
    for part in [purpose, name] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update((replicate as u64).to_le_bytes());
    Xoshiro256PlusPlus::from_seed(hash.finalize().into())
}

/// A number below `n`, 0 for `n` = 0; the same on every machine.
fn below(n: usize, generator: &mut impl Rng) -> usize {
    ((u128::from(generator.next_u64()) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fitted, Measured};

    fn run(seed: u64, rows: &[usize], labels: &[u8], scores: &[f64]) -> Run {
        let fitted = Fitted {
            scores: vec![],
            classes: vec![],
            probability: true,
            selection: BTreeMap::new(),
            separability: [None; 2],
            label_shift: None,
            source_recall: [None; 2],
            notes: vec![],
        };
        let metrics = [("auroc".to_owned(), sensitome_eval::auroc(labels, scores, None))].into();
        let (rows, labels, scores) = (rows.to_vec(), labels.to_vec(), scores.to_vec());
        let classes = vec![0; rows.len()];
        let outcome = Ok(Measured { rows, labels, scores, classes, metrics, fitted });
        Run {
            task: "t".into(),
            method: "m".into(),
            shots: 0,
            seed,
            draw: 0,
            settings: BTreeMap::new(),
            outcome,
        }
    }

    /// Rows are repeated as drawn and handed to the library's AUROC.
    #[test]
    fn equals_a_bootstrap_that_resamples_rows() {
        const N: usize = 23;
        let label = |row: usize| u8::from(row.is_multiple_of(3));
        let mut g = generator("test", "scores", 0);
        let mut made = |seed: u64| {
            let rows: Vec<usize> = (0..N).filter(|r| r % 7 != seed as usize).map(|r| r * 10).collect();
            let labels: Vec<u8> = rows.iter().map(|r| label(r / 10)).collect();
            // Few distinct values: many ties.
            let scores: Vec<f64> = labels.iter().map(|l| below(6, &mut g) as f64 + f64::from(*l)).collect();
            run(seed, &rows, &labels, &scores)
        };
        let methods: [Vec<Run>; 2] = [0, 1].map(|_| (0..4).map(&mut made).collect());
        let [first, second] = [0, 1].map(|m| {
            let runs: Vec<&Run> = methods[m].iter().collect();
            Resampled::new("t", "auroc", &runs).unwrap()
        });
        let cells: Vec<(usize, u8)> = (0..N).map(|r| (r * 10, label(r))).collect();
        assert_eq!(first.cells, cells);

        let classes: [Vec<usize>; 2] = [0, 1].map(|c| (0..N).filter(|i| cells[*i].1 == c).collect());
        let (mut means, mut differences) = (Vec::new(), Vec::new());
        for b in 0..REPLICATES {
            let weights = draw_cells("t", b, &classes, N);
            assert_eq!(classes[1].iter().map(|i| weights[*i]).sum::<u32>() as usize, classes[1].len());
            let of = |run: &Run| {
                let m = run.outcome.as_ref().unwrap();
                let repeated = (0..m.rows.len()).flat_map(|i| vec![i; weights[m.rows[i] / 10] as usize]);
                let (labels, scores): (Vec<u8>, Vec<f64>) =
                    repeated.map(|i| (m.labels[i], m.scores[i])).unzip();
                sensitome_eval::auroc(&labels, &scores, None).unwrap()
            };
            let mut seeds = generator("seeds", "t", b);
            let drawn: Vec<usize> = (0..4).map(|_| below(4, &mut seeds)).collect();
            let mean = |value: &dyn Fn(usize) -> f64| drawn.iter().map(|s| value(*s)).sum::<f64>() / 4.0;
            means.push(mean(&|s| of(&methods[0][s])));
            differences.push(mean(&|s| of(&methods[0][s]) - of(&methods[1][s])));
        }
        let check = |estimate: Estimate, replicates: &[f64]| {
            let (low, high) = percentile_interval(replicates, LEVEL).unwrap();
            assert_eq!((estimate.low, estimate.high), (low, high));
        };
        check(first.interval().unwrap(), &means);
        check(first.difference(&second).unwrap(), &differences);
    }

    /// A seed that evaluated one cell of a class misses that class in many replicates; the others speak then.
    #[test]
    fn a_seed_without_a_class_is_left_out_of_a_replicate() {
        let all: Vec<usize> = (0..8).collect();
        let scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
        let full = run(0, &all, &[0, 1, 0, 1, 0, 1, 0, 1], &scores);
        let thin = run(1, &all[..3], &[0, 1, 0], &[0.0, 1.0, 0.5]);
        let more = [2, 3].map(|seed| Run { seed, ..full.clone() });
        let e =
            Resampled::new("t", "auroc", &[&full, &thin, &more[0], &more[1]]).unwrap().interval().unwrap();
        assert!(e.low.is_finite() && e.high <= 1.0);
        let rarely = Resampled::new("t", "auroc", &[&full, &thin]).unwrap();
        assert!(rarely.interval().is_err(), "both draws of the seed are thin too often");
        assert!(
            Resampled::new("t", "auroc", &[&thin]).unwrap().interval().is_ok(),
            "one cell is always drawn"
        );
        assert!(Resampled::new("t", "auroc", &[&full, &full]).is_err());
    }

    #[test]
    fn numbers_below_n_are_even() {
        let mut g = generator("test", "below", 0);
        let mut counts = [0; 5];
        (0..50_000).for_each(|_| counts[below(5, &mut g)] += 1);
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
        assert_eq!(below(0, &mut g), 0);
    }
}
