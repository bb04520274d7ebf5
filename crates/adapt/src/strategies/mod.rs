//! One file a method.

pub mod code_ae;
pub mod ridge;
pub mod scad;
pub mod scdeal;
pub mod sensitome;
pub mod shared_pathway;
pub mod source_only;
pub mod ssda4drug;
