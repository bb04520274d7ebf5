//! How scores of sensitive and resistant cells lie.

use plotters::style::text_anchor::HPos;
use plotters::style::{BLACK, RGBColor};

use super::canvas::{GREY, Layout, Panel, RESISTANT, SENSITIVE, Sheet, range, sheet, shortened, ticks};
use super::rows;
use crate::numbers::short;
use crate::{CompareError, Grid, Result};

const BINS: usize = 26;

/// Distribution of the scores on one task by the cells' true class, a panel an entry, cells of all seeds together, each
/// class with the same area. By the primary metric, best first; oracles last.
///
/// # Errors
/// When no entry has a value there.
pub fn distributions(grid: &Grid, shots: usize, task: usize) -> Result<String> {
    let shown = rows(grid, shots, task);
    let name = &grid.comparison().tasks[task].name;
    if shown.is_empty() {
        return Err(CompareError::invalid(
            format!("scores on {name}"),
            "no run has a value",
            "plot another task",
        ));
    }
    let layout = Layout { columns: 5, step: (210, 150), size: (180, 90), origin: (25, 85) };
    let (width, height) = layout.extent(shown.len());
    let width = width.max(480);
    let title = format!("Scores by true class: {}", shortened(name, 60));
    sheet((width, height + 5), &title, |sheet| {
        for (at, color, class) in [(-80, SENSITIVE, "sensitive"), (30, RESISTANT, "resistant")] {
            let x = width / 2 + at;
            sheet.block([(x - 16, 37), (x - 4, 49)], color, 0.5)?;
            sheet.text((x, 43), class, 12, BLACK, HPos::Left)?;
        }
        for (at, row) in shown.iter().enumerate() {
            let pairs =
                || row.runs.iter().flat_map(|m| m.labels.iter().copied().zip(m.scores.iter().copied()));
            let x = range(pairs().map(|p| p.1));
            let shares = [0, 1].map(|class| histogram(pairs().filter(|p| p.0 == class).map(|p| p.1), x));
            let most = shares.iter().flatten().copied().fold(0.0, f64::max).max(1e-9);
            let panel = layout.panel(at, x, (0.0, most * 1.05));
            panel.x_axis(sheet, &ticks(x, 4))?;
            for (share, color) in shares.iter().zip([RESISTANT, SENSITIVE]) {
                bars(sheet, &panel, share, color)?;
            }
            panel.frame(sheet)?;
            let middle = (panel.left + panel.right) / 2;
            let value = format!("{} {}", grid.comparison().primary, short(row.mean, 3));
            sheet.text((middle, panel.top - 20), &shortened(&row.entry.name, 34), 11, BLACK, HPos::Center)?;
            sheet.text((middle, panel.top - 7), &value, 10, GREY, HPos::Center)?;
        }
        Ok(())
    })
}

/// Share of the values in each of the bins.
fn histogram(values: impl Iterator<Item = f64>, (low, high): (f64, f64)) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    let mut n = 0.0;
    for value in values.filter(|v| v.is_finite()) {
        let at = ((value - low) / (high - low) * BINS as f64) as usize;
        counts[at.min(BINS - 1)] += 1.0;
        n += 1.0;
    }
    counts.into_iter().map(|c| if n > 0.0 { c / n } else { 0.0 }).collect()
}

fn bars(sheet: &Sheet, panel: &Panel, shares: &[f64], color: RGBColor) -> Result<()> {
    let width = (panel.x.1 - panel.x.0) / BINS as f64;
    for (bin, share) in shares.iter().enumerate().filter(|(_, s)| **s > 0.0) {
        let [from, to] = [bin, bin + 1].map(|b| panel.at_x(panel.x.0 + width * b as f64));
        sheet.block([(from, panel.at_y(*share)), (to, panel.bottom)], color, 0.5)?;
    }
    Ok(())
}
