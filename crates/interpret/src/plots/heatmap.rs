//! Genes × cells (or groups) in colour.

use plotters::style::text_anchor::HPos;

use super::canvas::{BLACK_TEXT, diverging, number, sheet, some};
use super::genes::short;
use crate::{Attribution, Result};

/// Attributions of the `top` genes: one column a cell, sorted by output, or with `groups` (one label a cell)
/// one column a group and the mean in it. Of more than 600 cells, 600 at equal distances are drawn. The
/// colours end at the 99th percentile of the absolute values, so that one outlier does not bleach the rest.
///
/// # Errors
/// When there is nothing to draw, or not one label a cell.
pub fn heatmap(attribution: &Attribution, groups: Option<&[String]>, top: usize) -> Result<String> {
    some(attribution.cells.len(), "cell")?;
    let genes = attribution.top_genes(top);
    some(genes.len(), "gene")?;
    let (names, columns): (Vec<String>, Vec<Vec<f64>>) = match groups {
        Some(labels) => {
            let (names, means) = attribution.by_group(labels)?;
            let column = |k: usize| genes.iter().map(|g| means[[k, g.column]]).collect();
            let columns = (0..names.len()).map(column).collect();
            (names, columns)
        }
        None => {
            let mut order: Vec<usize> = (0..attribution.cells.len()).collect();
            order.sort_by(|&a, &b| attribution.output[a].total_cmp(&attribution.output[b]));
            let every = order.len().div_ceil(600);
            let column =
                |i: usize| genes.iter().map(|g| f64::from(attribution.values[[i, g.column]])).collect();
            (Vec::new(), order.into_iter().step_by(every).map(column).collect())
        }
    };
    let mut sizes: Vec<f64> = columns.iter().flatten().map(|v| v.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let limit = sizes[(sizes.len() - 1) * 99 / 100].max(1e-12);
    let title = format!("Attribution to the {} ({})", attribution.target, attribution.method);
    sheet((820, 110 + 18 * genes.len() as u32), &title, |c| {
        c.frame.0 = 150;
        c.frame.2 -= 50;
        c.x = (0.0, columns.len() as f64);
        c.y = (0.0, genes.len() as f64);
        for (i, gene) in genes.iter().enumerate() {
            let row = (genes.len() - i) as f64;
            let (high, low) = (c.at_y(row), c.at_y(row - 1.0));
            c.text((c.frame.0 - 8, (high + low) / 2), &short(&gene.gene, 20), 12, BLACK_TEXT, HPos::Right)?;
            for (k, column) in columns.iter().enumerate() {
                let corners = [(c.at_x(k as f64), high), (c.at_x((k + 1) as f64), low)];
                c.block(corners, diverging(column[i] / limit))?;
            }
        }
        let (left, _, right, bottom) = c.frame;
        for (k, name) in names.iter().enumerate() {
            c.text((c.at_x(k as f64 + 0.5), bottom + 12), &short(name, 14), 11, BLACK_TEXT, HPos::Center)?;
        }
        let axis = match groups {
            Some(_) => "Group of cells (mean)".to_owned(),
            None => format!("Cells, from low to high {}", attribution.target),
        };
        c.text(((left + right) / 2, bottom + 32), &axis, 13, BLACK_TEXT, HPos::Center)?;
        let ends = (number(-limit), number(limit));
        c.scale(|s| diverging(2.0 * s - 1.0), &ends.0, &ends.1, "Attribution")
    })
}
