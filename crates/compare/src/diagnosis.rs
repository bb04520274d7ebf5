//! Did a method help on a task, and if not, why? One plain sentence, by rules that anyone can check.
//!
//! The sentence has a verdict and at most one remark. Differences are those of the primary metric with the interval of
//! [`Resampled::difference`]; "clearly" means that the interval does not hold 0.
//!
//! Verdict, the first that applies:
//! 1. no run has a value: "no result" and the reason;
//! 2. a negative control: whether the interval of the AUROC holds .5, as it should;
//! 3. ridge: "the reference";
//! 4. there is no ridge, or no interval of the difference: just the value;
//! 5. clearly below ridge: a strategy that adapts to cells "hurt here", unless it is clearly above source_only, then it
//!    "helped, but"; one that does not adapt is "below ridge". All end in "use ridge";
//! 6. clearly above ridge: "better than ridge";
//! 7. else "no different from ridge".
//!
//! Remark, the first that applies:
//! 1. sign flip: the interval of the AUROC lies below .5;
//! 2. collapse: in more than half of the runs every evaluated cell was given the same class;
//! 3. strong label shift: the share of sensitive cells among the labelled ones is more than [`STRONG_SHIFT`] away from the
//!    source's share.

use sensitome_adapt::{Uses, find};
use sensitome_eval::Metric;

use crate::interval::{CELLS_DRAWN_FOR, Estimate, Resampled};
use crate::numbers::{estimate, plain};
use crate::{Choice, Entry, Grid, LabelShiftEstimate, Measured, Role, TaskSummary};

/// A difference of shares of sensitive samples that is worth a remark.
pub const STRONG_SHIFT: f64 = 0.3;

/// One method on one task, with its settings as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The task.
    pub task: String,
    /// What the task is for.
    pub role: Role,
    /// The method's label.
    pub method: String,
    /// The strategy's name.
    pub strategy: String,
    /// Labelled cells of each class.
    pub shots: usize,
    /// The primary metric.
    pub value: Metric<Estimate>,
    /// Difference to source_only.
    pub to_source_only: Option<Metric<Estimate>>,
    /// Difference to ridge.
    pub to_ridge: Option<Metric<Estimate>>,
    /// Proxy A-distance of source and cells (0 mixed, 2 apart): inputs, then embedding; means over seeds.
    pub separability: [Option<f64>; 2],
    /// Share of sensitive samples on the source, and as estimated for the cells; means over seeds.
    pub label_shift: Option<LabelShiftEstimate>,
    /// Share of sensitive cells among the labelled ones.
    pub true_share: Option<f64>,
    /// Recall on the evaluated cells minus recall on the source's validation rows: resistant, sensitive.
    pub recall_drift: [Option<f64>; 2],
    /// The class that more than half of the runs gave to every evaluated cell.
    pub collapsed: Option<u8>,
    /// What all this says, in one sentence.
    pub sentence: String,
}

/// Diagnoses every method on every task, by shots, task and method.
pub fn diagnose(grid: &Grid) -> Vec<Diagnosis> {
    let mut all = Vec::new();
    for shots in grid.shots() {
        for task in 0..grid.comparison().tasks.len() {
            for entry in grid.present(shots) {
                if grid.entries()[entry].choice == Choice::Given {
                    all.extend(one(grid, shots, task, entry));
                }
            }
        }
    }
    all
}

fn one(grid: &Grid, shots: usize, task: usize, at: usize) -> Option<Diagnosis> {
    let cell = grid.cell(shots, task, at)?;
    let (summary, entry) = (&grid.comparison().tasks[task], &grid.entries()[at]);
    let reference = |strategy: &str| -> Option<&Resampled> {
        let other = grid.reference(strategy).filter(|r| *r != at)?;
        grid.cell(shots, task, other)?.resampled.as_ref().ok()
    };
    let own = cell.resampled.as_ref();
    let against = |strategy: &str| Some(own.ok()?.difference(reference(strategy)?));
    let measured: Vec<&Measured> = cell.runs.iter().filter_map(|r| r.outcome.as_ref().ok()).collect();
    let shifts: Vec<LabelShiftEstimate> = measured.iter().filter_map(|m| m.fitted.label_shift).collect();
    let label_shift = mean(shifts.iter().map(|s| Some(s.source)))
        .zip(mean(shifts.iter().map(|s| Some(s.target))))
        .map(|(source, target)| LabelShiftEstimate { source, target });
    let mut diagnosis = Diagnosis {
        task: summary.name.clone(),
        role: summary.role,
        method: entry.method.clone(),
        strategy: entry.strategy.clone(),
        shots,
        value: own.map_err(Clone::clone).and_then(|r| r.interval()),
        to_source_only: against("source_only"),
        to_ridge: against("ridge"),
        separability: [0, 1].map(|i| mean(measured.iter().map(|m| m.fitted.separability[i]))),
        label_shift,
        true_share: (summary.labelled > 0).then(|| summary.sensitive as f64 / summary.labelled as f64),
        recall_drift: [0, 1].map(|class| mean(measured.iter().map(|m| drift(m, class)))),
        collapsed: [0, 1].into_iter().find(|class| {
            let all = |m: &&&Measured| !m.classes.is_empty() && m.classes.iter().all(|c| c == class);
            2 * measured.iter().filter(all).count() > measured.len()
        }),
        sentence: String::new(),
    };
    let is_ridge = grid.reference("ridge") == Some(at);
    let reason = cell.failures.first().map(|f| f.1.as_str());
    let verdict = verdict(&diagnosis, own.ok().map(|r| r.mean()), is_ridge, reason, grid);
    let remark = if own.is_ok() { remark(&diagnosis, entry, summary, grid) } else { None };
    let failed = match cell.failures.len() {
        n if n > 0 && own.is_ok() => format!("; {n} of {} runs have no value", n + cell.runs.len()),
        _ => String::new(),
    };
    diagnosis.sentence = verdict + &remark.map(|r| format!("; {r}")).unwrap_or_default() + &failed;
    Some(diagnosis)
}

fn verdict(d: &Diagnosis, mean: Option<f64>, is_ridge: bool, reason: Option<&str>, grid: &Grid) -> String {
    let metric = &grid.comparison().primary;
    let Some(mean) = mean else {
        return format!("no result: {}", reason.unwrap_or("no run"));
    };
    let value = match &d.value {
        Ok(e) => estimate(e),
        Err(_) => plain(mean, 2),
    };
    if d.role == Role::NegativeControl && metric == CELLS_DRAWN_FOR {
        return match &d.value {
            Ok(e) if e.low > 0.5 => {
                format!("negative control, yet above chance ({value}): what is read here is not the response")
            }
            Ok(e) if e.high < 0.5 => format!("negative control, yet below chance ({value})"),
            Ok(_) => format!("negative control, at chance as it should be ({value})"),
            Err(_) => format!("negative control ({value})"),
        };
    }
    if is_ridge {
        return format!("the reference ({metric} {value})");
    }
    let Some(Ok(gap)) = &d.to_ridge else {
        return match &d.to_source_only {
            Some(Ok(gap)) => {
                format!("{metric} {value}; {} source_only ({}); no ridge", side(gap), estimate(gap))
            }
            _ => format!("{metric} {value}; nothing to compare with"),
        };
    };
    if gap.high < 0.0 {
        let by = estimate(&Estimate { value: -gap.value, low: -gap.high, high: -gap.low });
        // A method that is in no registry may adapt.
        if find(&d.strategy).is_ok_and(|e| e.uses != Uses::BulkAndCells) {
            return format!("below ridge by {by}; use ridge");
        }
        return match &d.to_source_only {
            Some(Ok(gain)) if gain.low > 0.0 => {
                format!(
                    "adaptation helped by {} over source_only, but is {by} below ridge; use ridge",
                    estimate(gain)
                )
            }
            _ => format!("adaptation hurt here: {by} below ridge; use ridge"),
        };
    }
    if gap.low > 0.0 {
        return format!("better than ridge by {}", estimate(gap));
    }
    format!("no different from ridge ({})", estimate(gap))
}

fn side(gap: &Estimate) -> &'static str {
    match gap {
        g if g.low > 0.0 => "above",
        g if g.high < 0.0 => "below",
        _ => "no different from",
    }
}

fn remark(d: &Diagnosis, entry: &Entry, task: &TaskSummary, grid: &Grid) -> Option<String> {
    if grid.comparison().primary == CELLS_DRAWN_FOR
        && task.role != Role::NegativeControl
        && let Ok(e) = &d.value
        && e.high < 0.5
    {
        return Some(format!("its sign is flipped: sensitive cells score low (AUROC {})", estimate(e)));
    }
    if let Some(class) = d.collapsed.filter(|_| entry.strategy != "constant") {
        let name = if class == 1 { "sensitive" } else { "resistant" };
        return Some(format!("collapsed: calls every cell {name}"));
    }
    let (shift, truth) = (d.label_shift?, d.true_share?);
    ((truth - shift.source).abs() > STRONG_SHIFT).then(|| {
        format!(
            "strong label shift: {} of the source is sensitive, {} of the cells, {} by its estimate",
            plain(shift.source, 2),
            plain(truth, 2),
            plain(shift.target, 2)
        )
    })
}

/// Recall of a class on the evaluated cells minus its recall on the source.
fn drift(m: &Measured, class: usize) -> Option<f64> {
    let of_class = || m.labels.iter().zip(&m.classes).filter(|(l, _)| usize::from(**l) == class);
    let n = of_class().count();
    let right = of_class().filter(|(l, c)| l == c).count();
    let recall = if n > 0 { Some(right as f64 / n as f64) } else { None };
    Some(recall? - m.fitted.source_recall[class]?)
}

/// Mean of what is there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, n) = values.flatten().fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
    (n > 0).then(|| sum / n as f64)
}
