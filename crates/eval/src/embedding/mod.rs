//! Metrics of embeddings: are classes apart, are domains mixed, are neighbourhoods kept?
//!
//! Points are rows, f32 or f64; arithmetic is f64. Distances are computed in blocks, so memory stays linear in the
//! number of points.

mod mixing;
mod neighbours;
mod pairwise;
mod silhouette;

pub use mixing::{Kbet, clisi, ilisi, kbet, lisi, proxy_a_distance};
pub use neighbours::{Neighbours, nearest_neighbours, trustworthiness};
pub use pairwise::Distance;
pub use silhouette::{silhouette, silhouette_samples};
