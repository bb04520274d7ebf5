//! SVG plots of an [`Attribution`](crate::Attribution), in colours that a colour-blind reader can tell apart.
//!
//! Every function gives the text of an SVG file; [`save`] writes it.

mod beeswarm;
mod canvas;
mod genes;
mod heatmap;
mod scatter;

use std::path::Path;

pub use beeswarm::beeswarm;
pub use genes::{bar, bars, waterfall};
pub use heatmap::heatmap;
pub use scatter::scatter;

use crate::Result;

/// Writes a plot; the file appears whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn save(path: &Path, svg: &str) -> Result<()> {
    Ok(sensitome_data::write::atomic(path, |file| {
        file.write_all(svg.as_bytes()).map_err(|e| sensitome_data::DataError::io(path, "write", e))
    })?)
}
