//! What a test computed, in any of the forms the set can hold.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use crate::Csr;

/// A computed value on its way to [`Case::check`](crate::Case::check).
#[derive(Debug, Clone)]
pub enum Got {
    /// Numbers in C order. The shape is compared where one is known.
    Numbers {
        /// The shape; `None` for a flat list, which is compared by length.
        shape: Option<Vec<usize>>,
        /// The numbers.
        values: Vec<f64>,
    },
    /// Words in order.
    Words(Vec<String>),
    /// The call returned an error.
    Error(String),
}

macro_rules! from_numbers {
    ($($t:ty),*) => {$(
        impl From<$t> for Got {
            fn from(v: $t) -> Self {
                Self::Numbers { shape: Some(Vec::new()), values: vec![v as f64] }
            }
        }
        impl From<&[$t]> for Got {
            fn from(v: &[$t]) -> Self {
                Self::Numbers { shape: None, values: v.iter().map(|&x| x as f64).collect() }
            }
        }
        impl From<&Vec<$t>> for Got {
            fn from(v: &Vec<$t>) -> Self {
                v.as_slice().into()
            }
        }
        impl From<Vec<$t>> for Got {
            fn from(v: Vec<$t>) -> Self {
                v.as_slice().into()
            }
        }
        /// A shape and the values in C order.
        impl From<(Vec<usize>, Vec<$t>)> for Got {
            fn from((shape, v): (Vec<usize>, Vec<$t>)) -> Self {
                Self::Numbers { shape: Some(shape), values: v.into_iter().map(|x| x as f64).collect() }
            }
        }
    )*};
}
from_numbers!(f64, f32, i64, i32, u64, u32, u8, usize);

impl From<bool> for Got {
    fn from(v: bool) -> Self {
        u8::from(v).into()
    }
}

impl From<Vec<bool>> for Got {
    fn from(v: Vec<bool>) -> Self {
        v.into_iter().map(u8::from).collect::<Vec<_>>().into()
    }
}

impl From<&[bool]> for Got {
    fn from(v: &[bool]) -> Self {
        v.to_vec().into()
    }
}

/// `None` (undefined) is NaN.
impl From<Option<f64>> for Got {
    fn from(v: Option<f64>) -> Self {
        v.unwrap_or(f64::NAN).into()
    }
}

impl From<Vec<String>> for Got {
    fn from(v: Vec<String>) -> Self {
        Self::Words(v)
    }
}

impl From<Csr> for Got {
    fn from(m: Csr) -> Self {
        m.to_dense().into()
    }
}

impl<A: Copy + Into<f64>, S: Data<Elem = A>, D: Dimension> From<ArrayBase<S, D>> for Got {
    fn from(a: ArrayBase<S, D>) -> Self {
        (&a).into()
    }
}

impl<A: Copy + Into<f64>, S: Data<Elem = A>, D: Dimension> From<&ArrayBase<S, D>> for Got {
    fn from(a: &ArrayBase<S, D>) -> Self {
        Self::Numbers { shape: Some(a.shape().to_vec()), values: a.iter().map(|&x| x.into()).collect() }
    }
}

impl Got {
    /// An `Ok` is its value, an `Err` an error (which the case may expect).
    pub fn of<T: Into<Self>, E: std::fmt::Display>(result: Result<T, E>) -> Self {
        match result {
            Ok(v) => v.into(),
            Err(e) => Self::Error(e.to_string()),
        }
    }

    /// The numbers as an array of the shape that is expected.
    pub(crate) fn numbers(self, expected: &[usize]) -> Result<ArrayD<f64>, String> {
        match self {
            Self::Numbers { shape, values } => {
                // A flat list may stand for an array of one dimension only, not for a matrix.
                let shape = shape.unwrap_or_else(|| vec![values.len()]);
                if shape != expected {
                    return Err(format!("shape {shape:?}, expected {expected:?}"));
                }
                ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|e| e.to_string())
            }
            Self::Words(w) => Err(format!("{} words, expected numbers", w.len())),
            Self::Error(e) => Err(format!("error: {e}")),
        }
    }
}
