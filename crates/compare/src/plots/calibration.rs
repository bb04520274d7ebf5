//! Do probabilities mean what they say?

use plotters::style::BLACK;
use plotters::style::text_anchor::HPos;
use sensitome_eval::calibration::{Bins, ece, reliability_curve};

use super::canvas::{GREY, Layout, RESISTANT, sheet, shortened};
use super::{Row, rows};
use crate::numbers::short;
use crate::{CompareError, Grid, Result};

/// Groups of about equal size, the same for the curve and the error.
const BINS: Bins = Bins::EqualMass(10);

/// Reliability curves on one task, a panel for every entry that predicts probabilities: predicted against observed share
/// of sensitive cells in ten groups of about equal size, cells of all seeds together, and the expected calibration error
/// (mean over seeds, the same groups). By the primary metric, best first; oracles last.
///
/// # Errors
/// When no entry predicts probabilities there.
pub fn calibration(grid: &Grid, shots: usize, task: usize) -> Result<String> {
    let shown: Vec<Curve> = rows(grid, shots, task).into_iter().filter_map(curve).collect();
    let name = &grid.comparison().tasks[task].name;
    if shown.is_empty() {
        let problem = "no method predicts probabilities";
        return Err(CompareError::invalid(format!("calibration on {name}"), problem, "plot another task"));
    }
    let layout = Layout { columns: 6, step: (180, 190), size: (130, 130), origin: (60, 70) };
    let (width, height) = layout.extent(shown.len());
    let width = width.max(480);
    let title = format!("Predicted and observed share of sensitive cells: {}", shortened(name, 60));
    sheet((width, height + 25), &title, |sheet| {
        for (at, Curve { name, points, error }) in shown.iter().enumerate() {
            let panel = layout.panel(at, (0.0, 1.0), (0.0, 1.0));
            panel.x_axis(sheet, &[0.0, 0.5, 1.0])?;
            panel.y_axis(sheet, &[0.0, 0.5, 1.0])?;
            sheet.path(&[(panel.left, panel.bottom), (panel.right, panel.top)], GREY, 1)?;
            let pixels: Vec<(i32, i32)> =
                points.iter().map(|(x, y)| (panel.at_x(*x), panel.at_y(*y))).collect();
            sheet.path(&pixels, RESISTANT, 2)?;
            for pixel in &pixels {
                sheet.dot(*pixel, 3, RESISTANT)?;
            }
            panel.frame(sheet)?;
            let middle = (panel.left + panel.right) / 2;
            sheet.text((middle, panel.top - 22), &shortened(name, 26), 11, BLACK, HPos::Center)?;
            sheet.text(
                (middle, panel.top - 8),
                &format!("ECE {}", short(*error, 3)),
                11,
                GREY,
                HPos::Center,
            )?;
        }
        sheet.upright((14, height / 2), "Observed")?;
        sheet.text((width / 2, height + 8), "Predicted", 12, BLACK, HPos::Center)
    })
}

/// An entry's reliability curve.
struct Curve<'a> {
    name: &'a str,
    /// Predicted and observed share.
    points: Vec<(f64, f64)>,
    error: f64,
}

/// None where scores are no probabilities.
fn curve(row: Row<'_>) -> Option<Curve<'_>> {
    if !row.runs.iter().all(|m| m.fitted.probability) {
        return None;
    }
    let labels: Vec<u8> = row.runs.iter().flat_map(|m| m.labels.iter().copied()).collect();
    let scores: Vec<f64> = row.runs.iter().flat_map(|m| m.scores.iter().copied()).collect();
    let curve = reliability_curve(&labels, &scores, None, BINS).ok()?;
    let errors: Vec<f64> =
        row.runs.iter().filter_map(|m| ece(&m.labels, &m.scores, None, BINS).ok()).collect();
    let error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    Some(Curve {
        name: &row.entry.name,
        points: curve.iter().map(|b| (b.predicted, b.observed)).collect(),
        error,
    })
}
