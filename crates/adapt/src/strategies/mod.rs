//! One file a method.

pub mod ridge;
pub mod scdeal;
pub mod source_only;
