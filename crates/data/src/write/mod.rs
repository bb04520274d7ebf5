//! Writers: every file is written beside its place and then renamed.

mod atomic;
mod h5ad;

pub use atomic::atomic;
pub use h5ad::h5ad;
