//! Writers: every file is written beside its place and then renamed.

mod atomic;
mod csv;
mod h5ad;
mod h5ad_annotated;
mod h5ad_blocks;

pub use self::csv::{csv, expression_csv, gmt};
pub use atomic::{Unfinished, atomic};
pub use h5ad::h5ad;
pub use h5ad_annotated::h5ad_annotated;
pub use h5ad_blocks::H5adBlocks;
