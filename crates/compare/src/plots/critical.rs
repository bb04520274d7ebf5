//! Mean ranks on a line; bars join what cannot be told apart (Demšar 2006).

use plotters::style::BLACK;
use plotters::style::text_anchor::HPos;

use super::canvas::{GREY, LONGEST, Panel, RESISTANT, SENSITIVE, room, sheet, shortened, ticks};
use crate::grid::CONTROLS;
use crate::{CompareError, Leaderboard, Result, Standing};

const ROW: i32 = 18;
/// Length of the axis.
const AXIS: i32 = 460;

/// Critical-difference diagram of the ranked entries. Controls are blue.
///
/// # Errors
/// When there are fewer than two ranked entries or two tasks.
pub fn critical_difference(board: &Leaderboard) -> Result<String> {
    let critical = board.critical.as_ref().map_err(|e| CompareError::Undefined(e.clone()))?;
    let ranked: Vec<(&Standing, f64)> =
        board.standings.iter().filter_map(|s| s.rank.map(|rank| (s, rank))).collect();
    let rank_of = |name: &String| ranked.iter().find(|(s, _)| s.entry.name == *name).map(|r| r.1);
    let best = ranked.iter().map(|r| r.1).fold(f64::INFINITY, f64::min).floor();
    let worst = ranked.iter().map(|r| r.1).fold(1.0, f64::max).ceil();
    let worst = worst.max(best + critical.difference).max(best + 1.0);

    // Bars, each in the first row where it touches no other.
    let mut bars: Vec<(usize, f64, f64)> = Vec::new();
    let gap = (worst - best) * 0.03;
    for group in &critical.groups {
        let ranks: Vec<f64> = group.iter().filter_map(rank_of).collect();
        let (Some(&low), Some(&high)) = (ranks.first(), ranks.last()) else { continue };
        let taken = |row: usize| bars.iter().any(|(r, l, h)| *r == row && low <= h + gap && *l <= high + gap);
        let row = (0..).find(|r| !taken(*r)).unwrap_or(0);
        bars.push((row, low, high));
    }
    let bar_rows = bars.iter().map(|b| b.0 + 1).max().unwrap_or(0) as i32;
    let half = ranked.len().div_ceil(2);
    let axis = 90;
    let names = axis + 16 + bar_rows * 7 + 8;
    let height = names + half as i32 * ROW + 10;
    let margin = room(ranked.iter().map(|r| r.0.entry.name.as_str()), LONGEST) + 60;
    let (left, right) = (margin, margin + AXIS);
    let line = Panel { left, top: axis, right, bottom: axis, x: (best, worst), y: (0.0, 1.0) };
    let title = format!("Mean ranks by {} over {} tasks", board.metric, board.counted.len());
    sheet((2 * margin + AXIS, height), &title, |sheet| {
        let end = line.at_x(best + critical.difference);
        sheet.path(&[(line.left, 48), (end, 48)], SENSITIVE, 2)?;
        sheet.path(&[(line.left, 44), (line.left, 52)], SENSITIVE, 2)?;
        sheet.path(&[(end, 44), (end, 52)], SENSITIVE, 2)?;
        let words = format!("critical difference {:.2}", critical.difference);
        sheet.text(((line.left + end) / 2, 37), &words, 11, BLACK, HPos::Center)?;
        sheet.path(&[(line.left, axis), (line.right, axis)], BLACK, 1)?;
        for tick in ticks(line.x, 10).into_iter().filter(|t| t.fract() == 0.0) {
            let x = line.at_x(tick);
            sheet.path(&[(x, axis - 5), (x, axis)], BLACK, 1)?;
            sheet.text((x, axis - 13), &format!("{tick:.0}"), 11, GREY, HPos::Center)?;
        }
        sheet.text((line.left - 10, axis - 4), "better", 11, GREY, HPos::Right)?;
        sheet.text((line.right + 10, axis - 4), "worse", 11, GREY, HPos::Left)?;
        for (i, (standing, rank)) in ranked.iter().enumerate() {
            let left = i < half;
            let row = if left { i } else { ranked.len() - 1 - i } as i32;
            let (x, y) = (line.at_x(*rank), names + row * ROW + ROW / 2);
            let edge = if left { line.left - 12 } else { line.right + 12 };
            sheet.path(&[(x, axis), (x, y), (edge, y)], GREY, 1)?;
            let color = if CONTROLS.contains(&standing.entry.method.as_str()) { RESISTANT } else { BLACK };
            let name = shortened(&standing.entry.name, LONGEST);
            let (words, side) = if left {
                (format!("{name}  {rank:.2}"), HPos::Right)
            } else {
                (format!("{rank:.2}  {name}"), HPos::Left)
            };
            sheet.text((if left { edge - 5 } else { edge + 5 }, y), &words, 12, color, side)?;
        }
        for (row, low, high) in &bars {
            let y = axis + 12 + *row as i32 * 7;
            sheet.path(&[(line.at_x(*low) - 3, y), (line.at_x(*high) + 3, y)], BLACK, 3)?;
        }
        Ok(())
    })
}
