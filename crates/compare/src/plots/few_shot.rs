//! What labelled cells add.

use plotters::style::BLACK;
use plotters::style::text_anchor::HPos;

use super::canvas::{GREY, LINES, Layout, range, sheet, shortened, ticks};
use crate::{CompareError, Entry, Leaderboard, Result, Role, TaskRow};

const LEGEND: i32 = 250;
/// With more lines, intervals would hide them.
const MOST_INTERVALS: usize = 10;

/// Mean over seeds against the number of labelled cells of each class, one line an entry, one panel a task, with
/// intervals where there are few lines. A control that was run without labelled cells only is a level line.
///
/// # Errors
/// When there are fewer than two numbers of shots.
pub fn few_shot(boards: &[Leaderboard]) -> Result<String> {
    if boards.len() < 2 {
        return Err(CompareError::invalid("few-shot curves", "one number of shots", "give two or more"));
    }
    let mut entries: Vec<&Entry> = Vec::new();
    for row in boards.iter().flat_map(|b| &b.tasks).flat_map(|t| &t.rows) {
        if !row.entry.choice.is_oracle() && row.mean.is_some() && !entries.iter().any(|e| **e == row.entry) {
            entries.push(&row.entry);
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let tasks = &boards[0].tasks;
    let layout = Layout { columns: 3, step: (320, 250), size: (260, 190), origin: (60, 60) };
    let (width, height) = layout.extent(tasks.len());
    let height = height.max(70 + 20 * entries.len() as i32);
    let with_intervals = entries.len() <= MOST_INTERVALS;
    let (low, high) = range(boards.iter().map(|b| b.shots as f64));
    let aside = (high - low) * 0.08;
    let x = (low - aside, high + aside);
    let title = format!("{} by labelled cells of each class", boards[0].metric);
    sheet((width + LEGEND, height), &title, |sheet| {
        for (place, task) in tasks.iter().enumerate() {
            let row = |board: &'_ Leaderboard, entry: &Entry| -> Option<TaskRow> {
                let task = board.tasks.get(place)?;
                task.rows.iter().find(|r| r.entry == *entry).filter(|r| r.mean.is_some()).cloned()
            };
            let rows: Vec<Vec<(f64, TaskRow)>> = entries
                .iter()
                .map(|e| boards.iter().filter_map(|b| Some((b.shots as f64, row(b, e)?))).collect())
                .collect();
            let ends = |r: &TaskRow| {
                let ends = r.interval.as_ref().ok().filter(|_| with_intervals).map(|e| [e.low, e.high]);
                r.mean.into_iter().chain(ends.into_iter().flatten()).collect::<Vec<_>>()
            };
            let y = range(rows.iter().flatten().flat_map(|(_, r)| ends(r)));
            let panel = layout.panel(place, x, y);
            let control = if task.task.role == Role::NegativeControl { " (negative control)" } else { "" };
            let name = shortened(&task.task.name, 42 - control.len()) + control;
            sheet.text(((panel.left + panel.right) / 2, panel.top - 10), &name, 12, BLACK, HPos::Center)?;
            panel.x_axis(sheet, &shot_ticks(boards))?;
            panel.y_axis(sheet, &ticks(y, 5))?;
            for (at, points) in rows.iter().enumerate() {
                let color = LINES[at % LINES.len()];
                // Beside each other, or intervals would cover each other.
                let aside =
                    if with_intervals { 3 * (at as i32) - 3 * (entries.len() as i32 - 1) / 2 } else { 0 };
                let pixels: Vec<(i32, i32)> = points
                    .iter()
                    .filter_map(|(shots, r)| Some((panel.at_x(*shots) + aside, panel.at_y(r.mean?))))
                    .collect();
                sheet.path(&pixels, color, 1)?;
                for ((_, row), &(x, y)) in points.iter().zip(&pixels) {
                    if let Some(e) = row.interval.as_ref().ok().filter(|_| with_intervals) {
                        sheet.path(&[(x, panel.at_y(e.low)), (x, panel.at_y(e.high))], color, 1)?;
                    }
                    sheet.marker((x, y), at / LINES.len(), color)?;
                }
            }
            panel.frame(sheet)?;
        }
        for (at, entry) in entries.iter().enumerate() {
            let (x, y) = (width + 5, 60 + 20 * at as i32);
            let color = LINES[at % LINES.len()];
            sheet.path(&[(x, y), (x + 24, y)], color, 1)?;
            sheet.marker((x + 12, y), at / LINES.len(), color)?;
            let carried = boards.iter().any(|b| b.carried.contains(&entry.name));
            let name = shortened(&entry.name, if carried { 22 } else { 32 });
            let words = if carried { format!("{name} (no labels)") } else { name };
            sheet.text((x + 30, y), &words, 12, if carried { GREY } else { BLACK }, HPos::Left)?;
        }
        Ok(())
    })
}

/// Numbers of shots, fewer where they would stand on each other.
fn shot_ticks(boards: &[Leaderboard]) -> Vec<f64> {
    const APART: f64 = 0.06;
    let last = boards.last().map_or(1.0, |b| b.shots as f64).max(1.0);
    let mut kept: Vec<f64> = Vec::new();
    for shots in boards.iter().map(|b| b.shots as f64) {
        if kept.last().is_none_or(|k| (shots - k) / last >= APART) {
            kept.push(shots);
        }
    }
    kept
}
