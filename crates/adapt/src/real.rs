//! Single and double precision, for what is computed on the host in either.

use burn::tensor::Element;
use ndarray::NdFloat;

pub(crate) trait Real: Element + NdFloat + bytemuck::Pod {
    fn of(x: f64) -> Self;
}

impl Real for f32 {
    fn of(x: f64) -> Self {
        x as Self
    }
}

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }
}
