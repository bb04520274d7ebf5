//! What a function gave, and how it is held against what was expected.

use ndarray::{ArrayBase, ArrayD, ArrayView1, Axis, Data, Dimension, IxDyn};
use serde_json::Value;

/// What the code under test gave for one output. Most types convert into it; `None` is NaN,
/// `Err` an error.
#[derive(Debug, Clone)]
pub enum Got {
    /// Numbers in C order, with their shape where the caller's type has one.
    Numbers {
        /// Sizes of the axes; `None` for a slice or vector, which may stand for any shape.
        shape: Option<Vec<usize>>,
        /// Values in C order.
        data: Vec<f64>,
    },
    /// A list of words.
    Words(Vec<String>),
    /// The call failed.
    Error(String),
}

/// How near an output must come. Made by the case; see `README.md` of the fixtures.
#[derive(Debug, Clone)]
pub struct Tolerance {
    /// Relative to the expected value.
    pub rtol: f64,
    /// Absolute.
    pub atol: f64,
    /// Vectors along this axis may be flipped.
    pub sign_axis: Option<usize>,
    /// Share of the expected ones of a mask that must be found.
    pub overlap: Option<f64>,
    /// Integers: no tolerance at all.
    pub exact: bool,
}

impl Tolerance {
    /// What the fixtures allow an implementation in float32: about 1e-5.
    pub(crate) fn for_f32(mut self) -> Self {
        self.rtol = self.rtol.max(1e-5);
        self.atol = self.atol.max(1e-5);
        self
    }

    fn close(&self, got: f64, expected: f64) -> bool {
        if got == expected || (got.is_nan() && expected.is_nan()) {
            return true;
        }
        // Infinities equal only themselves; integers allow nothing.
        !self.exact
            && got.is_finite()
            && expected.is_finite()
            && (got - expected).abs() <= self.atol + self.rtol * expected.abs()
    }

    /// Compares two arrays of the same shape; says where they differ most.
    pub(crate) fn arrays(&self, got: &ArrayD<f64>, expected: &ArrayD<f64>) -> Result<(), String> {
        if let Some(share) = self.overlap {
            let found = got.iter().zip(expected).filter(|&(&g, &e)| e == 1.0 && g == 1.0).count() as f64;
            let ones = expected.iter().filter(|&&e| e == 1.0).count() as f64;
            // A mask of ones everywhere would find them all: it may not choose many more than expected.
            let chosen = got.iter().filter(|&&g| g == 1.0).count() as f64;
            return if found >= share * ones && chosen * share <= ones {
                Ok(())
            } else {
                Err(format!("{found} of {ones} found among {chosen} chosen, {share} of them required"))
            };
        }
        match self.sign_axis {
            None => self.elements(got, expected),
            Some(axis) => {
                // Along axis 0 the rows are the vectors, along axis 1 the columns.
                let mut aligned = got.clone();
                for (mut g, e) in aligned.axis_iter_mut(Axis(axis)).zip(expected.axis_iter(Axis(axis))) {
                    let dot: f64 = g.iter().zip(&e).map(|(a, b)| a * b).sum();
                    if dot < 0.0 {
                        g.mapv_inplace(|v| -v);
                    }
                }
                self.elements(&aligned, expected)
            }
        }
    }

    fn elements(&self, got: &ArrayD<f64>, expected: &ArrayD<f64>) -> Result<(), String> {
        let mut wrong = 0_usize;
        let mut worst: Option<(f64, String)> = None;
        for ((index, &e), &g) in expected.indexed_iter().zip(got) {
            if self.close(g, e) {
                continue;
            }
            wrong += 1;
            let gap = (g - e).abs() / (self.atol + self.rtol * e.abs()).max(f64::MIN_POSITIVE);
            let gap = if gap.is_nan() { f64::INFINITY } else { gap };
            if worst.as_ref().is_none_or(|(w, _)| gap > *w) {
                worst = Some((gap, format!("at {:?} got {g:e}, expected {e:e}", index.slice())));
            }
        }
        match worst {
            None => Ok(()),
            Some((_, text)) => Err(format!(
                "{wrong} of {} values differ, worst {text} (rtol {}, atol {})",
                expected.len(),
                self.rtol,
                self.atol
            )),
        }
    }
}

impl Got {
    /// The numbers in the shape that is expected.
    pub(crate) fn shaped(&self, expected: &[usize]) -> Result<ArrayD<f64>, String> {
        match self {
            Self::Numbers { shape: Some(shape), .. } if shape != expected => {
                Err(format!("shape {shape:?}, expected {expected:?}"))
            }
            Self::Numbers { data, .. } => ArrayD::from_shape_vec(IxDyn(expected), data.clone())
                .map_err(|_| format!("{} values, expected shape {expected:?}", data.len())),
            Self::Words(_) => Err("words, expected numbers".into()),
            Self::Error(message) => Err(format!("error `{message}`, expected numbers")),
        }
    }
}

/// A number of `expected.json`: JSON has no NaN or infinity, so they are words; booleans are 0 and 1.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::String(s) if s == "NaN" => Some(f64::NAN),
        Value::String(s) if s == "Infinity" => Some(f64::INFINITY),
        Value::String(s) if s == "-Infinity" => Some(f64::NEG_INFINITY),
        other => other.as_f64(),
    }
}

/// Numbers that count as doubles here.
trait Number: Copy {
    fn double(self) -> f64;
}

macro_rules! numbers {
    ($($t:ty => $f:expr),*) => {$(
        impl Number for $t {
            fn double(self) -> f64 { ($f)(self) }
        }
        impl From<$t> for Got {
            fn from(v: $t) -> Self { Self::Numbers { shape: None, data: vec![v.double()] } }
        }
        impl From<&$t> for Got {
            fn from(v: &$t) -> Self { Self::from(*v) }
        }
        impl From<Vec<$t>> for Got {
            fn from(v: Vec<$t>) -> Self { Self::from(v.as_slice()) }
        }
        impl From<&Vec<$t>> for Got {
            fn from(v: &Vec<$t>) -> Self { Self::from(v.as_slice()) }
        }
        impl From<&[$t]> for Got {
            fn from(v: &[$t]) -> Self {
                Self::Numbers { shape: None, data: v.iter().map(|x| x.double()).collect() }
            }
        }
    )*};
}

numbers!(
    f64 => |v| v,
    f32 => f64::from,
    u8 => f64::from,
    u32 => f64::from,
    i32 => f64::from,
    // Counts and positions of the fixtures are far below 2^53.
    i64 => |v| v as f64,
    u64 => |v| v as f64,
    usize => |v| v as f64,
    bool => |v| f64::from(u8::from(v)),
    Option<f64> => |v: Option<f64>| v.unwrap_or(f64::NAN),
    Option<f32> => |v: Option<f32>| v.map_or(f64::NAN, f64::from)
);

impl<A: Number, S: Data<Elem = A>, D: Dimension> From<&ArrayBase<S, D>> for Got {
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self::Numbers {
            shape: Some(array.shape().to_vec()),
            data: array.iter().map(|v| v.double()).collect(),
        }
    }
}

impl<A: Number, S: Data<Elem = A>, D: Dimension> From<ArrayBase<S, D>> for Got {
    fn from(array: ArrayBase<S, D>) -> Self {
        Self::from(&array)
    }
}

/// A shape and values in C order.
impl<A: Number> From<(&[usize], &[A])> for Got {
    fn from((shape, data): (&[usize], &[A])) -> Self {
        Self::Numbers { shape: Some(shape.to_vec()), data: ArrayView1::from(data).mapv(A::double).to_vec() }
    }
}

impl From<Vec<String>> for Got {
    fn from(words: Vec<String>) -> Self {
        Self::Words(words)
    }
}

impl From<&[String]> for Got {
    fn from(words: &[String]) -> Self {
        Self::Words(words.to_vec())
    }
}

impl From<&Vec<String>> for Got {
    fn from(words: &Vec<String>) -> Self {
        Self::Words(words.clone())
    }
}

impl<T: Into<Got>, E: std::fmt::Display> From<Result<T, E>> for Got {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Self::Error(error.to_string()),
        }
    }
}
