//! Task means of every entry.

use plotters::style::BLACK;
use plotters::style::text_anchor::HPos;

use super::canvas::{GREY, LONGEST, Panel, RESISTANT, SENSITIVE, range, room, sheet, shortened, ticks};
use crate::grid::CONTROLS;
use crate::interval::CELLS_DRAWN_FOR;
use crate::{CompareError, Leaderboard, Result};

const ROW: i32 = 24;

/// A box from the first to the third quartile of the task means, the median in it, lines to the extremes, and a point a
/// task; entries by mean rank, oracles last and marked.
///
/// # Errors
/// When there is no entry over all tasks.
pub fn boxes(board: &Leaderboard) -> Result<String> {
    let means = |name: &str| -> Vec<f64> {
        let counted = board.tasks.iter().filter(|t| board.counted.contains(&t.task.name));
        counted.filter_map(|t| t.rows.iter().find(|r| r.entry.name == name)?.mean).collect()
    };
    let rows: Vec<_> =
        board.all().map(|s| (&s.entry, means(&s.entry.name))).filter(|r| !r.1.is_empty()).collect();
    if rows.is_empty() {
        return Err(CompareError::invalid(
            "box plots",
            "no entry has a value on every task",
            "mend the failed runs",
        ));
    }
    let chance = (board.metric == CELLS_DRAWN_FOR).then_some(0.5);
    let x = range(rows.iter().flat_map(|r| r.1.iter().copied()).chain(chance));
    let bottom = 40 + ROW * rows.len() as i32;
    let left = room(rows.iter().map(|r| r.0.name.as_str()), LONGEST) + 85;
    let right = left + 670;
    let panel = Panel { left, top: 40, right, bottom, x, y: (0.0, 1.0) };
    let title = format!("{} by task, one point a task ({} tasks)", board.metric, board.counted.len());
    sheet((right + 20, bottom + 50), &title, |sheet| {
        panel.x_axis(sheet, &ticks(x, 8))?;
        if let Some(chance) = chance {
            let x = panel.at_x(chance);
            sheet.path(&[(x, panel.top), (x, panel.bottom)], GREY, 1)?;
        }
        sheet.text(((panel.left + panel.right) / 2, bottom + 32), &board.metric, 13, BLACK, HPos::Center)?;
        for (i, (entry, values)) in rows.iter().enumerate() {
            let y = panel.top + ROW * i as i32 + ROW / 2;
            let oracle = entry.choice.is_oracle();
            let color = match CONTROLS.contains(&entry.method.as_str()) {
                _ if oracle => GREY,
                true => RESISTANT,
                false => BLACK,
            };
            let name = shortened(&entry.name, LONGEST);
            let name = if oracle { format!("{name} (not ranked)") } else { name };
            sheet.text((panel.left - 8, y), &name, 12, color, HPos::Right)?;
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let q = |p: f64| panel.at_x(quantile(&sorted, p));
            sheet.path(&[(q(0.0), y), (q(1.0), y)], GREY, 1)?;
            sheet.block([(q(0.25), y - 7), (q(0.75), y + 7)], RESISTANT, 0.2)?;
            sheet.outline([(q(0.25), y - 7), (q(0.75), y + 7)], GREY)?;
            sheet.path(&[(q(0.5), y - 7), (q(0.5), y + 7)], BLACK, 2)?;
            for (task, value) in values.iter().enumerate() {
                // The same place for the same task in every row.
                let away = (task as i32 * 5) % 11 - 5;
                sheet.dot((panel.at_x(*value), y + away), 2, SENSITIVE)?;
            }
        }
        panel.frame(sheet)
    })
}

/// Linear interpolation between order statistics; `sorted` is not empty.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}
