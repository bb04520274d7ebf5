//! A table of runs, summarised with the task as the unit of evidence.

use super::wilcoxon::{Alternative, SignedRank, Zeros, wilcoxon_signed_rank};
use super::{WinTieLoss, win_tie_loss};
use crate::intervals::percentile_interval;
use crate::random::{below, rng};
use crate::special::t_quantile;
use crate::{Metric, Undefined, input};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run: a strategy on a task with a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Strategy name.
    pub strategy: String,
    /// Task (data set and drug) name.
    pub task: String,
    /// Seed.
    pub seed: u64,
    /// The metric, larger is better.
    pub value: f64,
}

/// Runs, checked and ordered by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// strategy → task → seed → value.
    runs: BTreeMap<String, BTreeMap<String, BTreeMap<u64, f64>>>,
}

/// One strategy over all its tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Mean of the task means: every task counts once, however many seeds it has.
    pub mean: f64,
    /// Student's t interval over task means; undefined for a single task.
    pub interval: Metric<(f64, f64)>,
    /// Number of tasks.
    pub tasks: usize,
    /// Smallest and largest number of seeds per task.
    pub seeds: (usize, usize),
    /// Standard deviation of task means; undefined for a single task.
    pub between_tasks: Metric,
    /// Pooled standard deviation of seeds within a task; undefined with one seed per task.
    pub within_tasks: Metric,
}

/// Two strategies on the tasks they share.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Mean over tasks of the difference of task means, first minus second.
    pub difference: f64,
    /// Bootstrap interval: tasks drawn with replacement, then seeds within each; undefined for a single task.
    pub interval: Metric<(f64, f64)>,
    /// Signed-rank test over task means.
    pub test: Metric<SignedRank>,
    /// Tasks won, tied (equal means) and lost by the first.
    pub tally: WinTieLoss,
    /// Number of shared tasks.
    pub tasks: usize,
}

impl Results {
    /// Checks the runs.
    ///
    /// # Errors
    /// [`Undefined`] for no runs, values that are not finite (leave undefined runs out, and say so), and two runs of one
    /// strategy, task and seed.
    pub fn new(runs: impl IntoIterator<Item = Run>) -> Metric<Self> {
        let mut table: BTreeMap<String, BTreeMap<String, BTreeMap<u64, f64>>> = BTreeMap::new();
        for (index, run) in runs.into_iter().enumerate() {
            if !run.value.is_finite() {
                return Err(Undefined::NonFinite { what: "runs", index });
            }
            let name = format!("{} on {} with seed {}", run.strategy, run.task, run.seed);
            let seeds = table.entry(run.strategy).or_default().entry(run.task).or_default();
            if seeds.insert(run.seed, run.value).is_some() {
                return Err(Undefined::setting("runs", format!("hold {name} twice; keep one")));
            }
        }
        input::not_empty("runs", table.len())?;
        Ok(Self { runs: table })
    }

    /// Strategies, by name.
    pub fn strategies(&self) -> Vec<&str> {
        self.runs.keys().map(String::as_str).collect()
    }

    /// Tasks that every strategy was run on, by name.
    pub fn shared_tasks(&self) -> Vec<&str> {
        let mut all = self.runs.values();
        let Some(first) = all.next() else { return Vec::new() };
        let everywhere = |t: &&String| self.runs.values().all(|tasks| tasks.contains_key(*t));
        first.keys().filter(everywhere).map(String::as_str).collect()
    }

    /// Shared tasks × strategies, means over seeds: what [`friedman`](super::friedman) and the post-hoc tests take.
    ///
    /// # Errors
    /// [`Undefined::Empty`] when no task is shared.
    pub fn task_means(&self) -> Metric<Array2<f64>> {
        let tasks = self.shared_tasks();
        input::not_empty("shared tasks", tasks.len())?;
        let strategies: Vec<_> = self.runs.values().collect();
        let means = Array2::from_shape_fn((tasks.len(), strategies.len()), |(t, s)| {
            strategies[s].get(tasks[t]).map_or(f64::NAN, mean)
        });
        means.iter().try_for_each(|m| input::representable("a task mean", *m).map(drop))?;
        Ok(means)
    }

    fn tasks_of(&self, strategy: &str) -> Metric<&BTreeMap<String, BTreeMap<u64, f64>>> {
        self.runs.get(strategy).ok_or_else(|| {
            let known = self.strategies().join(", ");
            Undefined::setting("strategy", format!("{strategy} has no runs; choose one of {known}"))
        })
    }

    /// Mean and spread of one strategy, tasks weighing the same.
    ///
    /// # Errors
    /// [`Undefined`] for an unknown strategy and a level outside (0, 1).
    pub fn summary(&self, strategy: &str, level: f64) -> Metric<Summary> {
        input::open_unit("level", level)?;
        let tasks = self.tasks_of(strategy)?;
        let means: Vec<f64> = tasks.values().map(mean).collect();
        let n = means.len() as f64;
        let centre = input::representable("the mean", means.iter().sum::<f64>() / n)?;
        let single = Undefined::TooFew { what: "tasks", needed: 2, got: means.len() };
        let between_tasks = if means.len() < 2 {
            Err(single)
        } else {
            let squares: f64 = means.iter().map(|m| (m - centre) * (m - centre)).sum();
            input::representable("the spread of tasks", (squares / (n - 1.0)).sqrt())
        };
        let interval = between_tasks.clone().map(|sd| {
            let half = t_quantile((1.0 + level) / 2.0, n - 1.0) * sd / n.sqrt();
            (centre - half, centre + half)
        });
        let counts = || tasks.values().map(BTreeMap::len);
        let degrees: usize = counts().map(|c| c - 1).sum();
        let squares: f64 = tasks
            .values()
            .map(|seeds| {
                let m = mean(seeds);
                seeds.values().map(|v| (v - m) * (v - m)).sum::<f64>()
            })
            .sum();
        let within_tasks = if degrees == 0 {
            Err(Undefined::TooFew { what: "seeds per task", needed: 2, got: 1 })
        } else {
            input::representable("the spread of seeds", (squares / degrees as f64).sqrt())
        };
        let seeds = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        Ok(Summary { mean: centre, interval, tasks: means.len(), seeds, between_tasks, within_tasks })
    }

    /// Compares two strategies on the tasks they share.
    ///
    /// # Errors
    /// [`Undefined`] for unknown strategies, no shared task, and a level outside (0, 1).
    pub fn contrast(&self, first: &str, second: &str, level: f64, seed: u64) -> Metric<Contrast> {
        const RESAMPLES: u64 = 4000;
        input::open_unit("level", level)?;
        let (a, b) = (self.tasks_of(first)?, self.tasks_of(second)?);
        let shared: Vec<(Vec<f64>, Vec<f64>)> = a
            .iter()
            .filter_map(|(task, x)| {
                b.get(task).map(|y| (x.values().copied().collect(), y.values().copied().collect()))
            })
            .collect();
        input::not_empty("shared tasks", shared.len())?;
        let average = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let means_a: Vec<f64> = shared.iter().map(|s| average(&s.0)).collect();
        let means_b: Vec<f64> = shared.iter().map(|s| average(&s.1)).collect();
        let difference = input::representable("the difference", average(&means_a) - average(&means_b))?;
        let interval = if shared.len() < 2 {
            Err(Undefined::TooFew { what: "shared tasks", needed: 2, got: shared.len() })
        } else {
            let replicate = |r: u64| {
                let mut generator = rng(seed, r);
                let drawn = |v: &[f64], g: &mut _| {
                    (0..v.len()).map(|_| v[below(v.len(), g)]).sum::<f64>() / v.len() as f64
                };
                let mut sum = 0.0;
                for _ in 0..shared.len() {
                    let (x, y) = &shared[below(shared.len(), &mut generator)];
                    sum += drawn(x, &mut generator) - drawn(y, &mut generator);
                }
                sum / shared.len() as f64
            };
            let replicates: Vec<f64> = (0..RESAMPLES).into_par_iter().map(replicate).collect();
            percentile_interval(&replicates, level)
        };
        Ok(Contrast {
            difference,
            interval,
            test: wilcoxon_signed_rank(&means_a, &means_b, Zeros::Drop, Alternative::TwoSided),
            tally: win_tie_loss(&means_a, &means_b, 0.0)?,
            tasks: shared.len(),
        })
    }
}

fn mean(seeds: &BTreeMap<u64, f64>) -> f64 {
    seeds.values().sum::<f64>() / seeds.len() as f64
}
