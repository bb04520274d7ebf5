//! The device that the tests of networks run on, and how near its numbers must come.

/// Its name: `SENSITOME_DEVICE`, else `flex`.
pub fn device() -> String {
    std::env::var("SENSITOME_DEVICE").unwrap_or_else(|_| "flex".to_owned())
}

/// Whether it computes in double precision. Shaders do not: on `wgpu` all that a fixture gives in doubles is rounded to
/// single precision, and held to what a fixture allows that.
pub fn has_doubles() -> bool {
    !device().starts_with("wgpu")
}

/// How far the same computation in single precision may be apart on two devices, relative to the larger of the number
/// and 1: they add in another order.
pub const ACROSS_DEVICES: f64 = 1e-4;
