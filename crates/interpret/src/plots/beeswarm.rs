//! One point a cell and gene, coloured by expression.

use ndarray::ArrayView2;
use plotters::style::text_anchor::HPos;

use super::canvas::{BLACK_TEXT, range, sequential, sheet, some};
use super::genes::short;
use crate::{Attribution, InterpretError, Result};

/// Rows are this high, and points this far apart, in pixels.
const ROW: i32 = 34;
const SPREAD: i32 = 2;

/// Attribution of the `top` genes in every cell, one row a gene, one point a cell; points that would cover
/// each other are moved apart, and coloured by the cell's `expression` of the gene (cells × genes, as the
/// attributions) from its least to its greatest. Of more than 2,000 cells, 2,000 at equal distances are
/// drawn.
///
/// # Errors
/// When the expression has another shape, or there is nothing to draw.
pub fn beeswarm(attribution: &Attribution, expression: ArrayView2<f32>, top: usize) -> Result<String> {
    if expression.dim() != attribution.values.dim() {
        return Err(InterpretError::invalid(
            "expression",
            format!("{:?} for attributions of {:?}", expression.dim(), attribution.values.dim()),
            "pass the values that were explained",
        ));
    }
    some(attribution.cells.len(), "cell")?;
    let genes = attribution.top_genes(top);
    some(genes.len(), "gene")?;
    let every = attribution.cells.len().div_ceil(2000);
    let title = format!("Attribution to the {} ({}), cell by cell", attribution.target, attribution.method);
    sheet((820, 100 + (ROW as u32) * genes.len() as u32), &title, |c| {
        c.frame.0 = 150;
        c.frame.2 -= 50;
        let drawn = |j: usize| attribution.values.column(j).into_iter().step_by(every).map(|&v| f64::from(v));
        c.x = range(genes.iter().flat_map(|g| drawn(g.column)).chain([0.0]));
        c.x_axis(&format!("Attribution to the {}", attribution.target))?;
        for (i, gene) in genes.iter().enumerate() {
            let middle = c.frame.1 + ROW * i as i32 + ROW / 2;
            c.text((c.frame.0 - 8, middle), &short(&gene.gene, 20), 12, BLACK_TEXT, HPos::Right)?;
            let levels = expression.column(gene.column);
            let (low, high) =
                levels.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
            let mut taken = vec![0i32; (c.frame.2 - c.frame.0 + 1).max(1) as usize];
            for (value, &level) in drawn(gene.column).zip(levels.iter().step_by(every)) {
                let x = c.at_x(value);
                let slot = ((x - c.frame.0).max(0) as usize / 3 * 3).min(taken.len() - 1);
                // 0, 1, −1, 2, −2, ... rows away from the middle, at most to the edge of the row.
                let place = taken[slot];
                taken[slot] += 1;
                let away = (place + 1) / 2 * if place % 2 == 0 { -1 } else { 1 };
                let y = middle + (away * SPREAD).clamp(-ROW / 2 + 3, ROW / 2 - 3);
                let share = if high > low { f64::from((level - low) / (high - low)) } else { 0.0 };
                c.dot((x, y), sequential(share))?;
            }
        }
        c.scale(sequential, "low", "high", "Expression of the gene")
    })
}
