//! What all plots share: colours, text, axes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{InterpretError, Result};

/// Raises the target (Okabe and Ito's vermillion).
pub(super) const UP: RGBColor = RGBColor(213, 94, 0);
/// Lowers it (Okabe and Ito's blue).
pub(super) const DOWN: RGBColor = RGBColor(0, 114, 178);
/// Lines and small text.
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
/// Names and titles.
pub(super) const BLACK_TEXT: RGBColor = BLACK;
const GRID: RGBColor = RGBColor(225, 225, 225);

/// A sheet and the rectangle on it that holds the data.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// Left, top, right, bottom of the data, in pixels.
    pub(super) frame: (i32, i32, i32, i32),
    /// Values at the left and right edge.
    pub(super) x: (f64, f64),
    /// Values at the bottom and top edge.
    pub(super) y: (f64, f64),
}

pub(super) fn failed(e: impl std::fmt::Display) -> InterpretError {
    InterpretError::Plot(format!("cannot be drawn: {e}; this is a defect, please report it"))
}

/// Refuses a plot of nothing, or of numbers that are none.
pub(super) fn some(n: usize, what: &str) -> Result<()> {
    if n == 0 {
        return Err(InterpretError::invalid("plot", format!("no {what}"), "pass at least one"));
    }
    Ok(())
}

/// Draws on a white sheet of `width` × `height` pixels under a title; gives the SVG.
pub(super) fn sheet(
    (width, height): (u32, u32),
    title: &str,
    draw: impl FnOnce(&mut Canvas) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let frame = (60, 40, width as i32 - 20, height as i32 - 50);
        let mut canvas = Canvas { area, frame, x: (0.0, 1.0), y: (0.0, 1.0) };
        canvas.text((width as i32 / 2, 20), title, 15, BLACK, HPos::Center)?;
        draw(&mut canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    Ok(svg)
}

impl Canvas<'_> {
    /// Pixel of a value on the horizontal axis.
    pub(super) fn at_x(&self, value: f64) -> i32 {
        let (left, _, right, _) = self.frame;
        left + (f64::from(right - left) * (value - self.x.0) / (self.x.1 - self.x.0)).round() as i32
    }

    /// Pixel of a value on the vertical axis.
    pub(super) fn at_y(&self, value: f64) -> i32 {
        let (_, top, _, bottom) = self.frame;
        bottom - (f64::from(bottom - top) * (value - self.y.0) / (self.y.1 - self.y.0)).round() as i32
    }

    pub(super) fn text(
        &self,
        at: (i32, i32),
        text: &str,
        size: u32,
        color: RGBColor,
        side: HPos,
    ) -> Result<()> {
        let style =
            TextStyle::from(("sans-serif", size).into_font()).color(&color).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
    }

    /// Text from bottom to top, centred at a point: the name of a vertical axis.
    pub(super) fn upright(&self, at: (i32, i32), text: &str) -> Result<()> {
        let font = ("sans-serif", 13).into_font().transform(FontTransform::Rotate270);
        let style = TextStyle::from(font).color(&BLACK).pos(Pos::new(HPos::Center, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
    }

    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Result<()> {
        self.area.draw(&PathElement::new(vec![from, to], color)).map_err(failed)
    }

    pub(super) fn block(&self, corners: [(i32, i32); 2], color: RGBColor) -> Result<()> {
        self.area.draw(&Rectangle::new(corners, color.filled())).map_err(failed)
    }

    pub(super) fn dot(&self, at: (i32, i32), color: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new(at, 2, color.filled())).map_err(failed)
    }

    /// Grid, numbers and name of the horizontal axis, and a line at zero.
    pub(super) fn x_axis(&self, name: &str) -> Result<()> {
        let (left, top, right, bottom) = self.frame;
        for tick in ticks(self.x) {
            let x = self.at_x(tick);
            self.line((x, top), (x, bottom), if tick == 0.0 { GREY } else { GRID })?;
            self.text((x, bottom + 12), &number(tick), 11, GREY, HPos::Center)?;
        }
        self.text(((left + right) / 2, bottom + 32), name, 13, BLACK, HPos::Center)
    }

    /// The same for the vertical axis.
    pub(super) fn y_axis(&self, name: &str) -> Result<()> {
        let (left, top, right, bottom) = self.frame;
        for tick in ticks(self.y) {
            let y = self.at_y(tick);
            self.line((left, y), (right, y), if tick == 0.0 { GREY } else { GRID })?;
            self.text((left - 6, y), &number(tick), 11, GREY, HPos::Right)?;
        }
        self.upright((14, (top + bottom) / 2), name)
    }

    /// A vertical colour scale at the right of the frame, with names of its ends.
    pub(super) fn scale(
        &self,
        color: impl Fn(f64) -> RGBColor,
        low: &str,
        high: &str,
        name: &str,
    ) -> Result<()> {
        let (_, top, right, bottom) = self.frame;
        let (x, n) = (right + 14, 60);
        let y = |i: i32| bottom - (bottom - top) * i / n;
        for i in 0..n {
            self.block([(x, y(i + 1)), (x + 10, y(i))], color(f64::from(i) / f64::from(n - 1)))?;
        }
        self.text((x + 14, bottom), low, 11, GREY, HPos::Left)?;
        self.text((x + 14, top), high, 11, GREY, HPos::Left)?;
        self.upright((x + 24, (top + bottom) / 2), name)
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
    let room = if high > low { (high - low) * 0.05 } else { low.abs().max(1e-3) };
    (low - room, high + room)
}

/// Round numbers in a range, about five.
pub(super) fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let raw = (high - low) / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A number as people write it.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = match value.abs() {
        a if !(1e-3..1e5).contains(&a) => return format!("{value:.1e}"),
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn between(stops: &[(u8, u8, u8)], share: f64) -> RGBColor {
    let place = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let i = (place.floor() as usize).min(stops.len().saturating_sub(2));
    let t = place - i as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + t * (f64::from(b) - f64::from(a))).round() as u8;
    let (a, b) = (stops[i], stops[(i + 1).min(stops.len() - 1)]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Low to high: viridis, by seven of its colours.
pub(super) fn sequential(share: f64) -> RGBColor {
    let stops = [
        (68, 1, 84),
        (68, 57, 131),
        (49, 104, 142),
        (33, 145, 140),
        (53, 183, 121),
        (144, 215, 67),
        (253, 231, 37),
    ];
    between(&stops, share)
}

/// −1 to 1: blue, white, vermillion.
pub(super) fn diverging(value: f64) -> RGBColor {
    between(&[(0, 114, 178), (255, 255, 255), (213, 94, 0)], (value + 1.0) / 2.0)
}
