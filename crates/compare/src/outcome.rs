//! What a comparison found: every run with its numbers. Tables, leaderboards and plots are views of it.

use std::collections::BTreeMap;

use sensitome_eval::Metric;
use sensitome_eval::selection::SelectionScore;
use serde::{Deserialize, Serialize};

use crate::TaskAudit;

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It counts in the leaderboard.
    #[default]
    Task,
    /// It counts, and methods were developed on it: numbers on it flatter them.
    Development,
    /// It counts, and no method was tuned on it.
    HeldOut,
    /// Nothing should do well on it; shown, not counted.
    NegativeControl,
}

impl Role {
    /// Whether it counts in means and ranks.
    pub fn counts(self) -> bool {
        self != Self::NegativeControl
    }
}

/// A task as the tables name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Cells that can be scored.
    pub cells: usize,
    /// Of those, cells with a label.
    pub labelled: usize,
    /// Of those, sensitive ones.
    pub sensitive: usize,
}

/// A method as the tables name it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodSummary {
    /// Its name in the tables: the strategy's, and what is special about its settings.
    pub label: String,
    /// The strategy's name.
    pub strategy: String,
    /// Draws of a random search; 1 where there is none.
    pub draws: usize,
}

/// What one fit leaves behind. Nothing in it depends on a hidden label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// A score for every cell of the evaluated file, in its order, the higher the more sensitive. Single
    /// precision is all that models compute, and half as long in a file.
    pub scores: Vec<f32>,
    /// 1 or 0 for every cell: whether the score reaches the model's threshold.
    pub classes: Vec<u8>,
    /// Whether scores are probabilities.
    pub probability: bool,
    /// Label-free selection scores by rule name; the reason where one does not exist.
    pub selection: BTreeMap<String, Result<f64, String>>,
    /// Proxy A-distance of source and cells (0 mixed, 2 apart): inputs' leading principal components, then embedding.
    pub separability: [Option<f64>; 2],
    /// Estimated share of sensitive cells by the model's predictions (BBSE) beside the source's share.
    pub label_shift: Option<LabelShiftEstimate>,
    /// Recall on the source's validation rows: resistant, sensitive.
    pub source_recall: [Option<f64>; 2],
    /// What the method said on the way.
    pub notes: Vec<String>,
}

/// How common sensitive samples are, on the source and as estimated for the cells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LabelShiftEstimate {
    /// Share of the source's training rows.
    pub source: f64,
    /// Estimated share of the cells.
    pub target: f64,
}

/// A fit after the evaluator has opened the labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The evaluated cells, as rows of the file: labelled, and never seen with their label. Where every seed is a data set of
    /// its own, rows are counted on through the seeds, so that two cells never share a number.
    pub rows: Vec<usize>,
    /// Their labels.
    pub labels: Vec<u8>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// Their predicted classes.
    pub classes: Vec<u8>,
    /// Metrics by name; the reason where one does not exist.
    pub metrics: BTreeMap<String, Metric>,
    /// What the fit left behind besides.
    pub fitted: Fitted,
}

/// One cell of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of the task.
    pub task: String,
    /// Label of the method.
    pub method: String,
    /// Labelled cells of each class that it was given.
    pub shots: usize,
    /// Seed, which is also the number of the repeat.
    pub seed: u64,
    /// Which draw of the random search; 0 is the settings as given.
    pub draw: usize,
    /// All settings.
    pub settings: BTreeMap<String, String>,
    /// Its numbers, or why it has none.
    pub outcome: Result<Measured, String>,
}

impl Run {
    /// The value of a metric, where it exists.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.outcome.as_ref().ok()?.metrics.get(name)?.as_ref().ok().copied()
    }
}

/// Everything that an experiment measured.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The experiment's name.
    pub name: String,
    /// The metric that leaderboards are ordered by, larger is better.
    pub primary: String,
    /// Tasks in the experiment's order.
    pub tasks: Vec<TaskSummary>,
    /// Methods in the experiment's order.
    pub methods: Vec<MethodSummary>,
    /// Rules that choose among the draws of a random search; the oracle is always added, named as such.
    pub rules: Vec<SelectionScore>,
    /// All runs: by task, method, shots, seed and draw.
    pub runs: Vec<Run>,
    /// What the leak audit found, a task each; empty where none was made.
    pub audits: Vec<TaskAudit>,
}
