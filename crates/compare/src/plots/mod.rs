//! SVG plots of a comparison, in colours that a colour-blind reader can tell apart. The same comparison gives the same
//! bytes.
//!
//! Every function gives the text of an SVG file; [`all`] draws those that make sense for an experiment.

mod boxes;
mod calibration;
mod canvas;
mod critical;
mod distributions;
mod few_shot;

pub use boxes::boxes;
pub use calibration::calibration;
pub use critical::critical_difference;
pub use distributions::distributions;
pub use few_shot::few_shot;

use std::collections::BTreeSet;

use crate::{Choice, Entry, Grid, Measured, Report, Result};

/// An entry on one task, with its measured runs by seed.
struct Row<'a> {
    entry: &'a Entry,
    mean: f64,
    runs: Vec<&'a Measured>,
}

/// Entries with a value on a task, by the primary metric; oracles last.
fn rows<'a>(grid: &'a Grid, shots: usize, task: usize) -> Vec<Row<'a>> {
    let row = |at: usize| {
        let (entry, cell) = (&grid.entries()[at], grid.cell(shots, task, at)?);
        let mean = cell.resampled.as_ref().ok()?.mean();
        let runs = cell.runs.iter().filter_map(|r| r.outcome.as_ref().ok()).collect();
        Some(Row { entry, mean, runs })
    };
    let mut rows: Vec<Row> = grid.present(shots).into_iter().filter_map(row).collect();
    rows.sort_by(|a, b| {
        let oracle = |r: &Row| r.entry.choice == Choice::Oracle;
        let means = b.mean.total_cmp(&a.mean);
        oracle(a).cmp(&oracle(b)).then(means).then_with(|| a.entry.name.cmp(&b.entry.name))
    });
    rows
}

/// Names (without `.svg`) and texts of all plots that make sense: ranks and boxes per number of shots, few-shot curves where
/// there are several, and per task calibration and scores, for the smallest and the largest number of shots.
///
/// # Errors
/// When something cannot be drawn, which is a defect.
pub fn all(report: &Report) -> Result<Vec<(String, String)>> {
    let boards = &report.boards;
    let suffix = |shots: usize| if boards.len() > 1 { format!("-{shots}-shots") } else { String::new() };
    let mut plots = Vec::new();
    for board in boards {
        if board.critical.is_ok() {
            plots.push((format!("ranks{}", suffix(board.shots)), critical_difference(board)?));
        }
        if board.all().next().is_some() {
            plots.push((format!("boxes{}", suffix(board.shots)), boxes(board)?));
        }
    }
    if boards.len() > 1 {
        plots.push(("few-shot".to_owned(), few_shot(boards)?));
    }
    let ends: BTreeSet<usize> =
        [boards.first(), boards.last()].into_iter().flatten().map(|b| b.shots).collect();
    let names = file_names(report.comparison.tasks.iter().map(|t| t.name.as_str()));
    for (task, name) in names.iter().enumerate() {
        for &shots in &ends {
            let shown = rows(&report.grid, shots, task);
            if shown.is_empty() {
                continue;
            }
            plots
                .push((format!("scores-{name}{}", suffix(shots)), distributions(&report.grid, shots, task)?));
            if let Ok(svg) = calibration(&report.grid, shots, task) {
                plots.push((format!("calibration-{name}{}", suffix(shots)), svg));
            }
        }
    }
    Ok(plots)
}

/// Names that every file system takes, each once.
fn file_names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    names
        .map(|name| {
            let plain: String = name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
                .collect();
            let parts: Vec<&str> = plain.split('-').filter(|p| !p.is_empty()).collect();
            let base = if parts.is_empty() { "task".to_owned() } else { parts.join("-") };
            let numbered = (2..).map(|n| format!("{base}-{n}"));
            let name = std::iter::once(base.clone()).chain(numbered).find(|n| !taken.contains(n));
            let name = name.unwrap_or(base);
            taken.insert(name.clone());
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_are_safe_and_different() {
        let names = super::file_names(["PLX-4720, A375", "plx 4720/a375", "../..", "a b"].into_iter());
        assert_eq!(names, ["plx-4720-a375", "plx-4720-a375-2", "task", "a-b"]);
    }
}
