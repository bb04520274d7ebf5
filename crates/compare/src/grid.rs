//! The runs of a comparison, arranged: what is an entry of a leaderboard, which run of a random search it stands on,
//! and the interval of every entry on every task, computed once.

use std::collections::{BTreeMap, BTreeSet};

use sensitome_eval::selection::SelectionScore;
use sensitome_eval::{Metric, Undefined};

use crate::interval::Resampled;
use crate::{CompareError, Comparison, MethodSummary, Result, Run};

/// Strategies that every method is shown beside.
pub const CONTROLS: [&str; 3] = ["constant", "ridge", "source_only"];

/// How an entry chooses among the draws of a random search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// Draw 0, the settings as given.
    Given,
    /// The draw that a rule without target labels prefers.
    Rule(SelectionScore),
    /// The draw that is best on the labels: out of reach, a reference.
    Oracle,
}

impl Choice {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "default",
            Self::Rule(rule) => rule.name(),
            Self::Oracle => SelectionScore::Oracle.name(),
        }
    }

    /// Whether it looks at labels of the target.
    pub fn is_oracle(self) -> bool {
        self == Self::Oracle
    }

    /// The run it takes out of `draws` (ascending) of one task and seed: the best score, of equal ones the lowest draw;
    /// a draw without a score cannot be chosen.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn choose<'a>(self, draws: &[&'a Run], metric: &str) -> std::result::Result<&'a Run, String> {
        let (higher, what) = match self {
            Self::Given => {
                return draws.iter().copied().find(|r| r.draw == 0).ok_or_else(|| "no run".to_owned());
            }
            Self::Rule(rule) => (rule.higher_is_better(), rule.name()),
            Self::Oracle => (true, metric),
        };
        let mut best: Option<(f64, &Run)> = None;
        for run in draws.iter().copied() {
            let score = match self {
                Self::Rule(rule) => selection_score(run, rule),
                _ => run.metric(metric),
            };
            let Some(score) = score.filter(|s| s.is_finite()) else { continue };
            let better = |(kept, _): &(f64, &Run)| if higher { score > *kept } else { score < *kept };
            if best.as_ref().is_none_or(better) {
                best = Some((score, run));
            }
        }
        best.map(|(_, run)| run).ok_or_else(|| {
            let first = draws.iter().find_map(|r| r.outcome.as_ref().err());
            let why = first.map(|e| format!(" ({e})")).unwrap_or_default();
            format!("none of {} draws has a {what}{why}", draws.len())
        })
    }
}

fn selection_score(run: &Run, rule: SelectionScore) -> Option<f64> {
    run.outcome.as_ref().ok()?.fitted.selection.get(rule.name())?.as_ref().ok().copied()
}

/// A row of the leaderboard: a method, and how its settings were chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name: the method's label, and the rule where there is a search.
    pub name: String,
    /// The method's label.
    pub method: String,
    /// The strategy's name.
    pub strategy: String,
    /// How draws are chosen.
    pub choice: Choice,
    /// How many there are.
    pub draws: usize,
}

impl Entry {
    fn of(method: &MethodSummary, choice: Choice) -> Self {
        let name = match choice {
            Choice::Given => method.label.clone(),
            _ => format!("{} [{} of {}]", method.label, choice.name(), method.draws),
        };
        let (label, strategy) = (method.label.clone(), method.strategy.clone());
        Self { name, method: label, strategy, choice, draws: method.draws }
    }
}

/// One entry on one task.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    /// Runs whose primary metric has a value, by seed.
    pub runs: Vec<&'a Run>,
    /// Seeds without a value, and why.
    pub failures: Vec<(u64, String)>,
    /// The runs, drawn again and again.
    pub resampled: Metric<Resampled<'a>>,
}

/// Draws of one method by seed, for one number of shots and one task.
type Seeds<'a> = BTreeMap<u64, Vec<&'a Run>>;

/// A comparison's runs by shots, task and entry.
#[derive(Debug)]
pub struct Grid<'a> {
    comparison: &'a Comparison,
    entries: Vec<Entry>,
    /// Shots, place of the task, place of the method.
    draws: BTreeMap<(usize, usize, usize), Seeds<'a>>,
    /// Shots, place of the task, place of the entry.
    cells: BTreeMap<(usize, usize, usize), Cell<'a>>,
    /// Shots and place of the entry.
    carried: BTreeSet<(usize, usize)>,
}

impl<'a> Grid<'a> {
    /// Arranges the runs and draws the replicates of all intervals.
    ///
    /// # Errors
    /// When a run's task or method is not in the lists, or something is there twice.
    pub fn new(comparison: &'a Comparison) -> Result<Self> {
        let tasks = places("task", comparison.tasks.iter().map(|t| t.name.as_str()))?;
        let methods = places("method", comparison.methods.iter().map(|m| m.label.as_str()))?;
        let mut draws: BTreeMap<(usize, usize, usize), Seeds<'a>> = BTreeMap::new();
        for run in &comparison.runs {
            let what =
                || format!("run of {} on {} (seed {}, draw {})", run.method, run.task, run.seed, run.draw);
            let unknown = |kind: &str| {
                CompareError::invalid(what(), format!("its {kind} is not listed"), "list it with the others")
            };
            let task = *tasks.get(run.task.as_str()).ok_or_else(|| unknown("task"))?;
            let method = *methods.get(run.method.as_str()).ok_or_else(|| unknown("method"))?;
            let seeds = draws.entry((run.shots, task, method)).or_default();
            let list: &mut Vec<&Run> = seeds.entry(run.seed).or_default();
            match list.binary_search_by_key(&run.draw, |r| r.draw) {
                Ok(_) => return Err(CompareError::invalid(what(), "it is there twice", "keep one")),
                Err(at) => list.insert(at, run),
            }
        }
        let mut entries = Vec::new();
        for method in &comparison.methods {
            entries.push(Entry::of(method, Choice::Given));
            if method.draws > 1 {
                let rules = rules(comparison).map(Choice::Rule).chain([Choice::Oracle]);
                entries.extend(rules.map(|choice| Entry::of(method, choice)));
            }
        }
        places("entry", entries.iter().map(|e| e.name.as_str()))?;
        let mut grid = Self { comparison, entries, draws, cells: BTreeMap::new(), carried: BTreeSet::new() };
        for (&(shots, task, method), seeds) in &grid.draws {
            let label = &comparison.methods[method].label;
            for (at, entry) in grid.entries.iter().enumerate().filter(|(_, e)| e.method == *label) {
                grid.cells.insert((shots, task, at), cell(comparison, task, entry, seeds));
            }
        }
        grid.carry();
        Ok(grid)
    }

    /// Controls that were run without labelled cells only stand beside methods that were given some: all are evaluated on
    /// the same cells, for those that are ever given to a method are evaluated on by none.
    fn carry(&mut self) {
        let controls: Vec<usize> = CONTROLS.iter().filter_map(|c| self.reference(c)).collect();
        for shots in self.shots().into_iter().filter(|s| *s > 0) {
            let present = self.present(shots);
            for &entry in controls.iter().filter(|c| !present.contains(c)) {
                for task in 0..self.comparison.tasks.len() {
                    if let Some(cell) = self.cells.get(&(0, task, entry)).cloned() {
                        self.cells.insert((shots, task, entry), cell);
                        self.carried.insert((shots, entry));
                    }
                }
            }
        }
    }

    /// Whether an entry stands there with its runs without labelled cells, having no others.
    pub fn is_carried(&self, shots: usize, entry: usize) -> bool {
        self.carried.contains(&(shots, entry))
    }

    /// The comparison it is of.
    pub fn comparison(&self) -> &'a Comparison {
        self.comparison
    }

    /// All entries, by the experiment's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Numbers of shots that there are runs for, ascending.
    pub fn shots(&self) -> Vec<usize> {
        self.draws.keys().map(|k| k.0).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Places of the entries that have a run with this number of shots, in the experiment's order.
    pub fn present(&self, shots: usize) -> Vec<usize> {
        let here: BTreeSet<usize> = self.cells.keys().filter(|k| k.0 == shots).map(|k| k.2).collect();
        here.into_iter().collect()
    }

    /// An entry on a task, by their places; none when it was not run there.
    pub fn cell(&self, shots: usize, task: usize, entry: usize) -> Option<&Cell<'a>> {
        self.cells.get(&(shots, task, entry))
    }

    /// Draws by seed of a method on a task, by their places.
    pub(crate) fn draws(&self, shots: usize, task: usize, method: usize) -> Option<&Seeds<'a>> {
        self.draws.get(&(shots, task, method))
    }

    /// Place of the entry that stands for a strategy with its settings as given: the method labelled by the strategy's
    /// name, else the first of its methods by label.
    pub fn reference(&self, strategy: &str) -> Option<usize> {
        let of = |e: &&(usize, &Entry)| e.1.strategy == strategy && e.1.choice == Choice::Given;
        let all: Vec<(usize, &Entry)> = self.entries.iter().enumerate().collect();
        let candidates = all.iter().filter(of);
        candidates.min_by_key(|(_, e)| (e.method != strategy, e.method.clone())).map(|(at, _)| *at)
    }
}

/// Rules that look at no label of the target, each once, in the experiment's order.
pub(crate) fn rules(comparison: &Comparison) -> impl Iterator<Item = SelectionScore> {
    let mut seen = Vec::new();
    for rule in comparison.rules.iter().filter(|r| !r.is_oracle()) {
        if !seen.contains(rule) {
            seen.push(*rule);
        }
    }
    seen.into_iter()
}

fn cell<'a>(comparison: &'a Comparison, task: usize, entry: &Entry, seeds: &Seeds<'a>) -> Cell<'a> {
    let (mut runs, mut failures) = (Vec::new(), Vec::new());
    for (&seed, draws) in seeds {
        match entry.choice.choose(draws, &comparison.primary).and_then(|run| value(run, comparison)) {
            Ok(run) => runs.push(run),
            Err(why) => failures.push((seed, why)),
        }
    }
    let resampled = Resampled::new(&comparison.tasks[task].name, &comparison.primary, &runs);
    Cell { runs, failures, resampled }
}

/// The run, if its primary metric has a value.
fn value<'a>(run: &'a Run, comparison: &Comparison) -> std::result::Result<&'a Run, String> {
    let measured = run.outcome.as_ref().map_err(Clone::clone)?;
    let metric: std::result::Result<f64, String> = match measured.metrics.get(&comparison.primary) {
        Some(value) => value.clone().map_err(|e: Undefined| format!("no {}: {e}", comparison.primary)),
        None => Err(format!("no {} was measured", comparison.primary)),
    };
    match metric {
        Ok(v) if v.is_finite() => Ok(run),
        Ok(v) => Err(format!("{} is {v}", comparison.primary)),
        Err(e) => Err(e),
    }
}

fn places<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Result<BTreeMap<&'n str, usize>> {
    let mut places = BTreeMap::new();
    for (at, name) in names.enumerate() {
        if places.insert(name, at).is_some() {
            return Err(CompareError::invalid(format!("{what} {name}"), "it is there twice", "rename one"));
        }
    }
    Ok(places)
}
