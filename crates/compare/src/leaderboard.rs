//! Who is best, per task and over all tasks that count, and how sure that is. One leaderboard per number of shots.
//!
//! The unit of evidence is the task: seeds are averaged first. An entry is ranked when it has a value on every task that
//! counts and none of its runs there failed, for a mean over the runs that happened to work flatters. An oracle looks at
//! labels: it is never ranked and takes no part in any test. A task on which no entry has a value is set aside.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, Axis};
use sensitome_eval::comparison::{
    Alternative, Contrast, Friedman, Results, Run as Point, Summary, Zeros, friedman, holm, mean_ranks,
    nemenyi, wilcoxon_signed_rank,
};
use sensitome_eval::{Metric, Undefined};
use sha2::{Digest, Sha256};

use crate::interval::{Estimate, LEVEL};
use crate::{Choice, Entry, Grid, Result, Role, TaskSummary};

/// An entry on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// The entry.
    pub entry: Entry,
    /// Mean over seeds; none without a value.
    pub mean: Option<f64>,
    /// Standard deviation over seeds; none with fewer than two.
    pub deviation: Option<f64>,
    /// The mean with its interval over seeds and cells.
    pub interval: Metric<Estimate>,
    /// Seeds with a value.
    pub seeds: usize,
    /// Rank among all entries with a value here, 1 = best, ties sharing; none for an oracle.
    pub rank: Option<f64>,
    /// Seeds without a value, and why.
    pub failures: Vec<(u64, String)>,
}

/// All entries on one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskBoard {
    /// The task.
    pub task: TaskSummary,
    /// Rows, best first; oracles after them, entries without a value last.
    pub rows: Vec<TaskRow>,
}

/// An entry over all tasks that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The entry.
    pub entry: Entry,
    /// Mean rank over tasks, 1 = best; none for an oracle.
    pub rank: Option<f64>,
    /// Mean of task means with Student's t interval over tasks.
    pub summary: Summary,
    /// The same over `development` tasks; none where the experiment has none.
    pub development: Option<Summary>,
    /// The same over `held_out` tasks; none where the experiment has none.
    pub held_out: Option<Summary>,
    /// Difference to ridge with its interval, and wins, ties and losses; none for ridge, and where ridge is not ranked.
    pub to_ridge: Option<Contrast>,
    /// Wilcoxon's test against the best-ranked entry: p, and Holm's over all these tests; none for that entry and oracles.
    pub against_best: Option<[f64; 2]>,
}

/// Nemenyi's critical difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Critical {
    /// Mean ranks further apart than this differ.
    pub difference: f64,
    /// Largest sets of entries that cannot be told apart, each by ascending mean rank.
    pub groups: Vec<Vec<String>>,
}

/// A leaderboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaderboard {
    /// Labelled cells of each class that the methods were given.
    pub shots: usize,
    /// The metric, larger is better.
    pub metric: String,
    /// Tasks in means and ranks, in the experiment's order.
    pub counted: Vec<String>,
    /// Every task with every entry.
    pub tasks: Vec<TaskBoard>,
    /// Ranked entries, best mean rank first.
    pub standings: Vec<Standing>,
    /// Oracles, by name; not ranked.
    pub oracles: Vec<Standing>,
    /// Entries that are not ranked, and why.
    pub left_out: Vec<(String, String)>,
    /// Controls that were run without labelled cells only, and stand here with those runs.
    pub carried: Vec<String>,
    /// Tasks that would count but have no value at all, and why.
    pub set_aside: Vec<(String, String)>,
    /// Do the entries differ at all?
    pub friedman: Metric<Friedman>,
    /// Which differ, by ranks, at the level 0.05.
    pub critical: Metric<Critical>,
}

impl Leaderboard {
    /// The leaderboard for one number of shots.
    ///
    /// # Errors
    /// When the statistics refuse the numbers, which is a defect.
    pub fn new(grid: &Grid, shots: usize) -> Result<Self> {
        let comparison = grid.comparison();
        let present = grid.present(shots);
        let tasks: Vec<TaskBoard> = (0..comparison.tasks.len())
            .map(|task| board(grid, shots, task, &present))
            .collect::<Metric<_>>()?;

        let (mut counted, mut set_aside) = (Vec::new(), Vec::new());
        for (at, board) in tasks.iter().enumerate().filter(|(_, b)| b.task.role.counts()) {
            if board.rows.iter().any(|r| r.mean.is_some()) {
                counted.push(at);
            } else {
                let why = board.rows.iter().flat_map(|r| &r.failures).map(|f| f.1.clone()).next();
                set_aside.push((board.task.name.clone(), why.unwrap_or_else(|| "no run".to_owned())));
            }
        }
        let (mut complete, mut left_out) = (Vec::new(), Vec::new());
        for &entry in &present {
            match missing(grid, shots, entry, &counted) {
                None => complete.push(entry),
                Some(why) => left_out.push((grid.entries()[entry].name.clone(), why)),
            }
        }
        let names_of = |is: &dyn Fn(usize) -> bool| -> Vec<String> {
            present.iter().filter(|at| is(**at)).map(|at| grid.entries()[*at].name.clone()).collect()
        };
        let names = |at: &[usize]| at.iter().map(|t| comparison.tasks[*t].name.clone()).collect();
        let mut result = Self {
            shots,
            metric: comparison.primary.clone(),
            counted: names(&counted),
            tasks,
            standings: Vec::new(),
            oracles: Vec::new(),
            left_out,
            carried: names_of(&|at| grid.is_carried(shots, at)),
            set_aside,
            friedman: Err(Undefined::Empty { what: "the list of ranked entries" }),
            critical: Err(Undefined::Empty { what: "the list of ranked entries" }),
        };
        if counted.is_empty() || complete.is_empty() {
            return Ok(result);
        }
        result.stand(grid, &counted, &complete)?;
        Ok(result)
    }

    fn stand(&mut self, grid: &Grid, counted: &[usize], complete: &[usize]) -> Result<()> {
        let (entries, tasks) = (grid.entries(), &grid.comparison().tasks);
        let with =
            |role: Role| counted.iter().copied().filter(|t| tasks[*t].role == role).collect::<Vec<_>>();
        let all = results(grid, self.shots, counted, complete)?;
        let part = |role| -> Result<Option<Results>> {
            let tasks = with(role);
            let some = (!tasks.is_empty()).then(|| results(grid, self.shots, &tasks, complete));
            some.transpose()
        };
        let (development, held_out) = (part(Role::Development)?, part(Role::HeldOut)?);
        let ridge = grid.reference("ridge").filter(|r| complete.contains(r)).map(|r| &entries[r].name);

        let ranked: Vec<usize> =
            complete.iter().copied().filter(|e| !entries[*e].choice.is_oracle()).collect();
        let mut ranks: BTreeMap<String, f64> = BTreeMap::new();
        let mut values = Array2::zeros((0, 0));
        if !ranked.is_empty() {
            let ranked = results(grid, self.shots, counted, &ranked)?;
            values = ranked.task_means()?;
            let names = ranked.strategies().into_iter().map(str::to_owned);
            ranks = names.zip(mean_ranks(values.view(), true)?).collect();
            self.friedman = friedman(values.view(), true);
            let names: Vec<&String> = ranks.keys().collect();
            self.critical = nemenyi(values.view(), true, 1.0 - LEVEL).map(|n| Critical {
                difference: n.critical_difference,
                groups: n.groups.iter().map(|g| g.iter().map(|i| names[*i].clone()).collect()).collect(),
            });
        }
        for &at in complete {
            let entry = entries[at].clone();
            let of = |r: &Option<Results>| r.as_ref().map(|r| r.summary(&entry.name, LEVEL)).transpose();
            let to_ridge = ridge
                .filter(|r| **r != entry.name)
                .map(|r| all.contrast(&entry.name, r, LEVEL, seed(&entry.name)))
                .transpose()?;
            let rank = ranks.get(&entry.name).copied();
            let standing = Standing {
                rank,
                summary: all.summary(&entry.name, LEVEL)?,
                development: of(&development)?,
                held_out: of(&held_out)?,
                to_ridge,
                against_best: None,
                entry,
            };
            if rank.is_some() { self.standings.push(standing) } else { self.oracles.push(standing) }
        }
        self.oracles.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        self.standings.sort_by(|a, b| {
            let key = |s: &Standing| s.rank.unwrap_or(f64::INFINITY);
            let means = b.summary.mean.total_cmp(&a.summary.mean);
            key(a).total_cmp(&key(b)).then(means).then_with(|| a.entry.name.cmp(&b.entry.name))
        });
        self.test_against_best(&ranks, &values)
    }

    fn test_against_best(&mut self, ranks: &BTreeMap<String, f64>, values: &Array2<f64>) -> Result<()> {
        let column = |name: &str| {
            let at = ranks.keys().position(|n| n == name);
            at.map(|at| values.column(at).to_vec()).unwrap_or_default()
        };
        let Some((best, others)) = self.standings.split_first_mut() else { return Ok(()) };
        if others.is_empty() {
            return Ok(());
        }
        let best = column(&best.entry.name);
        let p_value = |standing: &Standing| {
            let own = column(&standing.entry.name);
            match wilcoxon_signed_rank(&best, &own, Zeros::Drop, Alternative::TwoSided) {
                Ok(test) => Ok(test.p_value),
                Err(Undefined::Constant { .. }) => Ok(1.0),
                Err(e) => Err(e),
            }
        };
        let p: Vec<f64> = others.iter().map(p_value).collect::<Metric<_>>()?;
        for ((standing, p), adjusted) in others.iter_mut().zip(&p).zip(holm(&p)?) {
            standing.against_best = Some([*p, adjusted]);
        }
        Ok(())
    }

    /// All entries over the tasks that count: the ranked ones, then the oracles.
    pub fn all(&self) -> impl Iterator<Item = &Standing> {
        self.standings.iter().chain(&self.oracles)
    }

    /// Whether an experiment has tasks of a role.
    pub fn has(&self, role: Role) -> bool {
        self.tasks.iter().any(|t| t.task.role == role)
    }
}

/// One task: rows with ranks, best first.
fn board(grid: &Grid, shots: usize, task: usize, present: &[usize]) -> Metric<TaskBoard> {
    let row = |&at: &usize| {
        let entry = grid.entries()[at].clone();
        let Some(cell) = grid.cell(shots, task, at) else {
            let interval = Err(Undefined::Empty { what: "the list of runs" });
            return TaskRow {
                entry,
                mean: None,
                deviation: None,
                interval,
                seeds: 0,
                rank: None,
                failures: Vec::new(),
            };
        };
        let resampled = cell.resampled.as_ref();
        TaskRow {
            entry,
            mean: resampled.ok().map(|r| r.mean()),
            deviation: resampled.ok().and_then(|r| r.deviation()),
            interval: resampled.map_err(Clone::clone).and_then(|r| r.interval()),
            seeds: cell.runs.len(),
            rank: None,
            failures: cell.failures.clone(),
        }
    };
    let mut rows: Vec<TaskRow> = present.iter().map(row).collect();
    let ranked = |r: &TaskRow| r.mean.filter(|_| r.entry.choice != Choice::Oracle);
    let means: Vec<f64> = rows.iter().filter_map(ranked).collect();
    if !means.is_empty() {
        let ranks = mean_ranks(ArrayView1::from(&means).insert_axis(Axis(0)), true)?;
        rows.iter_mut().filter(|r| ranked(r).is_some()).zip(ranks).for_each(|(row, r)| row.rank = Some(r));
    }
    rows.sort_by(|a, b| {
        let key = |r: &TaskRow| match (r.rank, r.mean) {
            (Some(rank), _) => (0, rank),
            (None, Some(mean)) => (1, -mean),
            (None, None) => (2, 0.0),
        };
        let ((a_kind, a_key), (b_kind, b_key)) = (key(a), key(b));
        a_kind.cmp(&b_kind).then(a_key.total_cmp(&b_key)).then_with(|| a.entry.name.cmp(&b.entry.name))
    });
    Ok(TaskBoard { task: grid.comparison().tasks[task].clone(), rows })
}

/// Why an entry is not ranked; none when it has a value everywhere.
fn missing(grid: &Grid, shots: usize, entry: usize, counted: &[usize]) -> Option<String> {
    let mut reasons = Vec::new();
    for &task in counted {
        let name = &grid.comparison().tasks[task].name;
        match grid.cell(shots, task, entry) {
            None => reasons.push(format!("no run on {name}")),
            Some(cell) => {
                if let Some((_, why)) = cell.failures.first() {
                    let of = cell.failures.len() + cell.runs.len();
                    reasons
                        .push(format!("{} of {of} runs on {name} have no value: {why}", cell.failures.len()));
                } else if let Err(why) = &cell.resampled {
                    reasons.push(format!("{name}: {why}"));
                }
            }
        }
    }
    let more = reasons.len().saturating_sub(1);
    let first = reasons.into_iter().next()?;
    Some(if more > 0 { format!("{first} (and {more} more tasks)") } else { first })
}

fn results(grid: &Grid, shots: usize, tasks: &[usize], entries: &[usize]) -> Result<Results> {
    let mut points = Vec::new();
    for &entry in entries {
        for &task in tasks {
            let Some(Ok(resampled)) = grid.cell(shots, task, entry).map(|c| &c.resampled) else { continue };
            for (seed, value) in resampled.seeds().into_iter().zip(resampled.values()) {
                let strategy = grid.entries()[entry].name.clone();
                let task = grid.comparison().tasks[task].name.clone();
                points.push(Point { strategy, task, seed, value: *value });
            }
        }
    }
    Ok(Results::new(points)?)
}

/// A seed of its own for every name.
fn seed(name: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
