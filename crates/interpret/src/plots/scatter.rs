//! Expression of a gene against its attribution.

use super::canvas::{DOWN, range, sheet, some};
use crate::{Attribution, InterpretError, Result};

/// One point a cell: the expression of gene number `column` (one value a cell, in the units named) against
/// its attribution. A rising cloud: more of the gene raises the target.
///
/// # Errors
/// When there is no such gene, or not one value a cell.
pub fn scatter(attribution: &Attribution, expression: &[f32], column: usize, units: &str) -> Result<String> {
    let Some(gene) = attribution.genes.get(column) else {
        return Err(InterpretError::invalid(
            "gene",
            format!("number {column} of {}", attribution.genes.len()),
            "count from 0",
        ));
    };
    if expression.len() != attribution.cells.len() {
        return Err(InterpretError::invalid(
            "expression",
            format!("{} values for {} cells", expression.len(), attribution.cells.len()),
            "pass one a cell",
        ));
    }
    some(expression.len(), "cell")?;
    let values = attribution.values.column(column);
    sheet((560, 460), &format!("{gene}: expression and attribution ({})", attribution.method), |c| {
        c.frame.0 = 80;
        c.x = range(expression.iter().map(|&v| f64::from(v)));
        c.y = range(values.iter().map(|&v| f64::from(v)));
        c.x_axis(&format!("Expression of {gene} ({units})"))?;
        c.y_axis(&format!("Attribution to the {}", attribution.target))?;
        for (&x, &y) in expression.iter().zip(values) {
            c.dot((c.at_x(f64::from(x)), c.at_y(f64::from(y))), DOWN)?;
        }
        Ok(())
    })
}
