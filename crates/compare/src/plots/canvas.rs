//! What all plots share: colours, text, panels with axes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::numbers::short;
use crate::{CompareError, Result};

/// Sensitive cells (Okabe and Ito's vermillion).
pub(super) const SENSITIVE: RGBColor = RGBColor(213, 94, 0);
/// Resistant cells (Okabe and Ito's blue).
pub(super) const RESISTANT: RGBColor = RGBColor(0, 114, 178);
/// Lines and small text.
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
/// Lines in the background.
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);
/// Lines that a colour-blind reader can tell apart (Okabe and Ito, the yellow darkened).
pub(super) const LINES: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(170, 160, 20),
];

pub(super) type Point = (i32, i32);

/// A white sheet.
pub(super) struct Sheet<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

fn failed(e: impl std::fmt::Display) -> CompareError {
    CompareError::invalid("plot", format!("cannot be drawn: {e}"), "this is a defect, please report it")
}

/// Draws on a white sheet of `width` × `height` pixels under a title; gives the SVG.
pub(super) fn sheet(
    (width, height): Point,
    title: &str,
    draw: impl FnOnce(&Sheet) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width.max(1) as u32, height.max(1) as u32))
            .into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let sheet = Sheet { area };
        sheet.text((width / 2, 20), title, 15, BLACK, HPos::Center)?;
        draw(&sheet)?;
        sheet.area.present().map_err(failed)?;
    }
    Ok(svg)
}

impl Sheet<'_> {
    pub(super) fn text(&self, at: Point, text: &str, size: u32, color: RGBColor, side: HPos) -> Result<()> {
        let style =
            TextStyle::from(("sans-serif", size).into_font()).color(&color).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(clean(text), at, style)).map_err(failed)
    }

    /// Text from bottom to top, centred at a point.
    pub(super) fn upright(&self, at: Point, text: &str) -> Result<()> {
        let font = ("sans-serif", 12).into_font().transform(FontTransform::Rotate270);
        let style = TextStyle::from(font).color(&BLACK).pos(Pos::new(HPos::Center, VPos::Center));
        self.area.draw(&Text::new(clean(text), at, style)).map_err(failed)
    }

    pub(super) fn path(&self, points: &[Point], color: RGBColor, width: u32) -> Result<()> {
        self.area.draw(&PathElement::new(points.to_vec(), color.stroke_width(width))).map_err(failed)
    }

    pub(super) fn block(&self, corners: [Point; 2], color: RGBColor, opacity: f64) -> Result<()> {
        self.area.draw(&Rectangle::new(corners, color.mix(opacity).filled())).map_err(failed)
    }

    pub(super) fn outline(&self, corners: [Point; 2], color: RGBColor) -> Result<()> {
        self.area.draw(&Rectangle::new(corners, color)).map_err(failed)
    }

    pub(super) fn dot(&self, at: Point, radius: i32, color: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new(at, radius, color.filled())).map_err(failed)
    }

    /// One of four markers.
    pub(super) fn marker(&self, at: Point, kind: usize, color: RGBColor) -> Result<()> {
        let (x, y) = at;
        match kind % 4 {
            0 => self.dot(at, 3, color),
            1 => self.block([(x - 3, y - 3), (x + 3, y + 3)], color, 1.0),
            2 => {
                let corners = vec![(x, y - 4), (x + 4, y + 3), (x - 4, y + 3)];
                self.area.draw(&Polygon::new(corners, color.filled())).map_err(failed)
            }
            _ => {
                self.path(&[(x - 3, y - 3), (x + 3, y + 3)], color, 2)?;
                self.path(&[(x - 3, y + 3), (x + 3, y - 3)], color, 2)
            }
        }
    }
}

/// Characters that no XML file may hold.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// At most `most` characters, the middle left out: both ends of a name tell it from others.
pub(super) fn shortened(name: &str, most: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= most {
        return name.to_owned();
    }
    let tail = most.saturating_sub(1) / 2;
    let head = most.saturating_sub(1) - tail;
    chars[..head].iter().chain(['…'].iter()).chain(&chars[chars.len() - tail..]).collect()
}

/// Characters of a name where there is a line for it.
pub(super) const LONGEST: usize = 54;

/// Pixels that the longest of some names takes in small text, cut at `most` characters.
pub(super) fn room<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> i32 {
    let longest = names.map(|n| n.chars().count().min(most)).max().unwrap_or(0);
    (longest as f64 * 6.6).ceil() as i32
}

/// A rectangle with an axis on each side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    /// Values at the left and right edge.
    pub(super) x: (f64, f64),
    /// Values at the bottom and top edge.
    pub(super) y: (f64, f64),
}

impl Panel {
    /// Pixel of a value on the horizontal axis.
    pub(super) fn at_x(&self, value: f64) -> i32 {
        self.left
            + (f64::from(self.right - self.left) * (value - self.x.0) / (self.x.1 - self.x.0)).round() as i32
    }

    /// Pixel of a value on the vertical axis.
    pub(super) fn at_y(&self, value: f64) -> i32 {
        self.bottom
            - (f64::from(self.bottom - self.top) * (value - self.y.0) / (self.y.1 - self.y.0)).round() as i32
    }

    /// Lines and numbers of the horizontal axis.
    pub(super) fn x_axis(&self, sheet: &Sheet, ticks: &[f64]) -> Result<()> {
        for &tick in ticks {
            let x = self.at_x(tick);
            sheet.path(&[(x, self.top), (x, self.bottom)], GRID, 1)?;
            sheet.text((x, self.bottom + 10), &tick_text(tick), 11, GREY, HPos::Center)?;
        }
        Ok(())
    }

    /// Lines and numbers of the vertical axis.
    pub(super) fn y_axis(&self, sheet: &Sheet, ticks: &[f64]) -> Result<()> {
        for &tick in ticks {
            let y = self.at_y(tick);
            sheet.path(&[(self.left, y), (self.right, y)], GRID, 1)?;
            sheet.text((self.left - 5, y), &tick_text(tick), 11, GREY, HPos::Right)?;
        }
        Ok(())
    }

    pub(super) fn frame(&self, sheet: &Sheet) -> Result<()> {
        sheet.outline([(self.left, self.top), (self.right, self.bottom)], GREY)
    }
}

/// Panels of one size in rows of `columns`, below `top`.
pub(super) struct Layout {
    pub(super) columns: usize,
    /// Distance from one panel to the next.
    pub(super) step: Point,
    /// Of a panel itself.
    pub(super) size: Point,
    /// Of the first panel.
    pub(super) origin: Point,
}

impl Layout {
    pub(super) fn panel(&self, at: usize, x: (f64, f64), y: (f64, f64)) -> Panel {
        let (column, row) = ((at % self.columns) as i32, (at / self.columns) as i32);
        let (left, top) = (self.origin.0 + column * self.step.0, self.origin.1 + row * self.step.1);
        Panel { left, top, right: left + self.size.0, bottom: top + self.size.1, x, y }
    }

    /// Width and height of everything with `n` panels.
    pub(super) fn extent(&self, n: usize) -> Point {
        let columns = n.clamp(1, self.columns) as i32;
        let rows = n.div_ceil(self.columns).max(1) as i32;
        (self.origin.0 + columns * self.step.0, self.origin.1 + rows * self.step.1)
    }
}

/// A range that holds every value, with a little room, and is never empty.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { (high - low) * 0.05 } else { (low.abs() * 0.05).max(1e-3) };
    (low - room, high + room)
}

/// Round numbers in a range, about `n`.
pub(super) fn ticks((low, high): (f64, f64), n: usize) -> Vec<f64> {
    let raw = (high - low) / n.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(power);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

fn tick_text(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let text = short(value, 4);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
