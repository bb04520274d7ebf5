//! Bars of genes or pathways, and the waterfall of one cell.

use ndarray::ArrayView2;
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{BLACK_TEXT, Canvas, DOWN, GREY, UP, number, range, sheet, some};
use crate::{Attribution, InterpretError, RankedGene, Result};

const ROW: u32 = 20;
const LABELS: i32 = 220;

/// What a bar does to the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Raises,
    Lowers,
    /// Up in some cells, down in others.
    Either,
}

impl Direction {
    fn of(value: f64) -> Self {
        if value >= 0.0 { Self::Raises } else { Self::Lowers }
    }

    fn color(self) -> RGBColor {
        match self {
            Self::Raises => UP,
            Self::Lowers => DOWN,
            Self::Either => GREY,
        }
    }
}

/// Mean absolute attribution of the `top` genes, or pathways where those were attributed to. With `expression` (cells ×
/// genes, as the model sees it) the colour says what more of the gene does, else what the gene does on average; grey where
/// cells differ, as they all do on average where values are centred.
///
/// # Errors
/// When there is no gene, or `expression` has another shape.
pub fn bar(attribution: &Attribution, expression: Option<ArrayView2<f32>>, top: usize) -> Result<String> {
    if let Some(x) = expression.filter(|x| x.dim() != attribution.values.dim()) {
        return Err(InterpretError::invalid(
            "expression",
            format!("{:?} values for attributions of {:?}", x.dim(), attribution.values.dim()),
            "give the values of the same cells and genes",
        ));
    }
    let direction = |gene: &RankedGene| {
        let values = attribution.values.column(gene.column);
        // A cosine with the expression, or with the constant 1.
        let (mut with, mut own, mut other) = (0.0, 0.0, 0.0);
        for (i, &a) in values.iter().enumerate() {
            let x = expression.map_or(1.0, |x| x[[i, gene.column]]);
            with += f64::from(a * x);
            own += f64::from(a * a);
            other += f64::from(x * x);
        }
        let decided = with.abs() >= 0.1 * (own * other).sqrt();
        if decided { Direction::of(with) } else { Direction::Either }
    };
    let rows: Vec<_> = attribution
        .top_genes(top)
        .into_iter()
        .map(|g| (g.gene.clone(), g.mean_absolute, direction(&g)))
        .collect();
    let title = format!("What matters most for the {} ({})", attribution.target, attribution.method);
    draw(&rows, &title, "Mean absolute attribution")
}

/// Signed bars of anything that has a name and a value: pathways, groups. In the order given.
///
/// # Errors
/// When there is none, or a value is not finite.
pub fn bars(rows: &[(String, f64)], title: &str, axis: &str) -> Result<String> {
    let rows: Vec<_> = rows.iter().map(|(name, v)| (name.clone(), *v, Direction::of(*v))).collect();
    draw(&rows, title, axis)
}

fn draw(rows: &[(String, f64, Direction)], title: &str, axis: &str) -> Result<String> {
    some(rows.len(), "bar")?;
    if let Some((name, v, _)) = rows.iter().find(|(_, v, _)| !v.is_finite()) {
        return Err(InterpretError::invalid("plot", format!("{name} has the value {v}"), "leave it out"));
    }
    sheet((760, 110 + ROW * rows.len() as u32), title, |c| {
        c.frame.0 = LABELS;
        c.x = range(rows.iter().map(|r| r.1).chain([0.0]));
        c.y = (0.0, rows.len() as f64);
        c.x_axis(axis)?;
        for (i, (name, value, direction)) in rows.iter().enumerate() {
            row(c, i, rows.len(), name, (0.0, *value), *direction)?;
        }
        legend(c)
    })
}

/// One horizontal bar from `a` to `b` in row `i` of `n`, counted from the top.
fn row(c: &Canvas, i: usize, n: usize, name: &str, (a, b): (f64, f64), direction: Direction) -> Result<()> {
    let top = (n - i) as f64;
    let (high, low) = (c.at_y(top - 0.15), c.at_y(top - 0.85));
    c.block([(c.at_x(a.min(b)), high), (c.at_x(a.max(b)), low)], direction.color())?;
    c.text((c.frame.0 - 8, (high + low) / 2), &short(name, 28), 12, BLACK_TEXT, HPos::Right)
}

fn legend(c: &Canvas) -> Result<()> {
    let bottom = c.frame.3;
    for (i, (color, text)) in [(UP, "raises"), (DOWN, "lowers"), (GREY, "either")].into_iter().enumerate() {
        let x = 12 + 70 * i as i32;
        c.block([(x, bottom + 26), (x + 10, bottom + 36)], color)?;
        c.text((x + 14, bottom + 31), text, 11, GREY, HPos::Left)?;
    }
    Ok(())
}

/// At most `n` characters.
pub(super) fn short(name: &str, n: usize) -> String {
    if name.chars().count() <= n {
        name.to_owned()
    } else {
        name.chars().take(n - 1).chain(['…']).collect()
    }
}

/// How one cell comes from the expected value to its output: the `top` genes one by one, the others together.
///
/// # Errors
/// When there is no such cell or no gene.
pub fn waterfall(attribution: &Attribution, cell: usize, top: usize) -> Result<String> {
    if cell >= attribution.cells.len() {
        return Err(InterpretError::invalid(
            "cell",
            format!("number {cell} of {}", attribution.cells.len()),
            "count from 0",
        ));
    }
    some(attribution.genes.len().min(top), "gene")?;
    let values = attribution.values.row(cell);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    let mut steps: Vec<(String, f64)> =
        order.iter().take(top).map(|&j| (attribution.genes[j].clone(), f64::from(values[j]))).collect();
    let rest: f64 = order.iter().skip(top).map(|&j| f64::from(values[j])).sum();
    if order.len() > top {
        steps.push((format!("{} other genes", order.len() - top), rest));
    }
    let mut level = attribution.expected[cell];
    let start = level;
    let bars: Vec<(String, f64, f64)> = steps
        .into_iter()
        .map(|(name, v)| {
            let from = level;
            level += v;
            (name, from, level)
        })
        .collect();
    let title =
        format!("Cell {}: from the expected value to its {}", attribution.cells[cell], attribution.target);
    sheet((760, 130 + ROW * bars.len() as u32), &title, |c| {
        c.frame.0 = LABELS;
        c.frame.1 = 60;
        c.x = range(bars.iter().flat_map(|b| [b.1, b.2]).chain([attribution.output[cell]]));
        c.y = (0.0, bars.len() as f64);
        c.x_axis(&format!(
            "{}: expected {}, this cell {}",
            attribution.target,
            number(start),
            number(level)
        ))?;
        for (i, (name, from, to)) in bars.iter().enumerate() {
            row(c, i, bars.len(), name, (*from, *to), Direction::of(to - from))?;
            // A thin line hands the level on to the next bar.
            let x = c.at_x(*to);
            let y = c.at_y((bars.len() - i) as f64 - 0.85);
            c.line((x, y), (x, y + 7), GREY)?;
        }
        legend(c)
    })
}
