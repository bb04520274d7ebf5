//! The two floating-point types that attributions are computed in.

use burn::tensor::Tensor;
use ndarray::{Array2, NdFloat};

use crate::{InterpretError, Result};

/// `f32`, the type models are trained in, or `f64`, for checks.
pub trait Real: NdFloat + Default + std::iter::Sum + sealed::Sealed {
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// As a double.
    fn double(self) -> f64;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
    fn double(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn double(self) -> f64 {
        self
    }
}

mod sealed {
    /// Only the two types above.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A matrix of a model as doubles.
pub(crate) fn matrix(tensor: &Tensor<2>) -> Result<Array2<f64>> {
    let [rows, cols] = tensor.dims();
    let values = tensor.clone().try_into_vec_as::<f64>();
    let values = values.map_err(|e| InterpretError::Backend(e.to_string()))?;
    Array2::from_shape_vec((rows, cols), values).map_err(|e| InterpretError::Backend(e.to_string()))
}
