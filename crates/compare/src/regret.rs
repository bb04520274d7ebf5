//! What a rule without target labels costs: the best draw of a random search minus the draw that the rule chose.

use std::collections::BTreeMap;

use sensitome_eval::comparison::{Results, Run as Point, Summary};

use crate::grid::rules;
use crate::interval::LEVEL;
use crate::{Choice, Grid, Result};

/// What a rule chose on one task with one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The task.
    pub task: String,
    /// The method's label.
    pub method: String,
    /// Labelled cells of each class.
    pub shots: usize,
    /// The seed.
    pub seed: u64,
    /// The rule; [`Choice::Given`] for no search at all.
    pub rule: Choice,
    /// The draw it chose, or why it chose none.
    pub draw: std::result::Result<usize, String>,
    /// The primary metric of that draw.
    pub value: Option<f64>,
    /// The best draw, and the primary metric of it.
    pub oracle: Option<(usize, f64)>,
    /// The primary metric of draw 0.
    pub default: Option<f64>,
    /// Best minus chosen.
    pub regret: Option<f64>,
}

/// A rule for one method over all tasks that count.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRegret {
    /// The method's label.
    pub method: String,
    /// Labelled cells of each class.
    pub shots: usize,
    /// The rule.
    pub rule: Choice,
    /// Mean regret with Student's t interval over tasks, seeds averaged first; none where it never has a value.
    pub regret: Option<Summary>,
    /// Mean primary metric of the chosen draws.
    pub value: Option<f64>,
    /// Mean primary metric of the best draws.
    pub oracle: Option<f64>,
    /// Mean primary metric of draw 0.
    pub default: Option<f64>,
    /// Task and seed pairs without a value.
    pub missing: usize,
}

/// Regret of every rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Regret {
    /// By shots, method, rule, task and seed.
    pub chosen: Vec<Chosen>,
    /// By shots, method and rule.
    pub rules: Vec<RuleRegret>,
}

impl Regret {
    /// Regret of every rule, and of the default settings, for every method with a search.
    ///
    /// # Errors
    /// When the statistics refuse the numbers, which is a defect.
    pub fn new(grid: &Grid) -> Result<Self> {
        let comparison = grid.comparison();
        let mut regret = Self::default();
        for shots in grid.shots() {
            for (at, method) in comparison.methods.iter().enumerate().filter(|(_, m)| m.draws > 1) {
                for rule in rules(comparison).map(Choice::Rule).chain([Choice::Given]) {
                    let mut chosen = Vec::new();
                    for (place, task) in comparison.tasks.iter().enumerate() {
                        for (&seed, draws) in grid.draws(shots, place, at).into_iter().flatten() {
                            let metric = &comparison.primary;
                            let run = rule.choose(draws, metric);
                            let value = run.as_ref().ok().and_then(|r| r.metric(metric));
                            let best = Choice::Oracle.choose(draws, metric).ok();
                            let oracle = best.and_then(|r| r.metric(metric).map(|v| (r.draw, v)));
                            let default =
                                Choice::Given.choose(draws, metric).ok().and_then(|r| r.metric(metric));
                            chosen.push(Chosen {
                                task: task.name.clone(),
                                method: method.label.clone(),
                                shots,
                                seed,
                                rule,
                                draw: run.map(|r| r.draw),
                                value,
                                oracle,
                                default,
                                regret: oracle.zip(value).map(|((_, best), value)| best - value),
                            });
                        }
                    }
                    if !chosen.is_empty() {
                        regret.rules.push(over_tasks(grid, &chosen, method.label.clone(), shots, rule)?);
                        regret.chosen.append(&mut chosen);
                    }
                }
            }
        }
        Ok(regret)
    }

    /// Whether no method has a search.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }
}

fn over_tasks(
    grid: &Grid,
    chosen: &[Chosen],
    method: String,
    shots: usize,
    rule: Choice,
) -> Result<RuleRegret> {
    let counts = |task: &str| grid.comparison().tasks.iter().any(|t| t.name == task && t.role.counts());
    let counted: Vec<&Chosen> = chosen.iter().filter(|c| counts(&c.task)).collect();
    // All means are over the same runs, so that regret is the difference of two of them.
    let with: Vec<&Chosen> = counted.iter().copied().filter(|c| c.regret.is_some()).collect();
    let mean = |of: &dyn Fn(&Chosen) -> Option<f64>| {
        let mut tasks: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for c in &with {
            tasks.entry(&c.task).or_default().extend(of(c));
        }
        let average = |v: &[f64]| (!v.is_empty()).then(|| v.iter().sum::<f64>() / v.len() as f64);
        let means: Vec<f64> = tasks.values().filter_map(|v| average(v)).collect();
        average(&means)
    };
    let points = with.iter().filter_map(|c| {
        let (strategy, task) = (rule.name().to_owned(), c.task.clone());
        c.regret.map(|value| Point { strategy, task, seed: c.seed, value })
    });
    let points: Vec<Point> = points.collect();
    let regret =
        if points.is_empty() { None } else { Some(Results::new(points)?.summary(rule.name(), LEVEL)?) };
    Ok(RuleRegret {
        method,
        shots,
        rule,
        regret,
        value: mean(&|c| c.value),
        oracle: mean(&|c| c.oracle.map(|o| o.1)),
        default: mean(&|c| c.default),
        missing: counted.len() - with.len(),
    })
}
