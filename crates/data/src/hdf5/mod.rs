//! HDF5 behind a small interface of our own, so that readers and writers know no particular library.
//!
//! [`Hdf5`] is what reading needs, [`Node`] a file to be written. Both are served by the pure-Rust library
//! hdf5-pure; another one would replace [`open`], [`write`], [`Window`] and [`Growing`] and nothing else.

mod grow;
mod heap;
mod open;
mod record;
mod source;
mod window;
mod write;

pub(crate) use grow::{Growing, GrowingArray};
pub(crate) use open::open;
pub(crate) use window::Window;
pub(crate) use write::{Attribute, Content, Growth, Node, write};

use crate::{DataError, Result};

/// What lies at a path of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A group of further members.
    Group,
    /// An array.
    Dataset,
}

/// A one-dimensional array of a file, in the form it is stored in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Array {
    /// Strings of fixed or variable length.
    Text(Vec<String>),
    /// Integers that fit 64 bits with sign, and enumerations by their codes.
    Integer(Vec<i64>),
    /// Floating-point numbers, and integers that do not fit.
    Float(Vec<f64>),
    /// The enumeration of `FALSE` and `TRUE` that stands for booleans.
    Bool(Vec<bool>),
    /// Anything else: several dimensions, references, nested records.
    Other,
}

/// Reading one HDF5 file. Paths are relative to its root and separated by `/`.
pub(crate) trait Hdf5 {
    /// The name that errors carry.
    fn origin(&self) -> &str;

    /// What lies at `path`, `None` if nothing does.
    fn kind(&self, path: &str) -> Option<Kind>;

    /// The names in a group, sorted.
    fn members(&self, group: &str) -> Result<Vec<String>>;

    /// An attribute that holds text, one or several.
    fn text_attribute(&self, path: &str, name: &str) -> Result<Option<Vec<String>>>;

    /// An attribute that holds integers, one or several.
    fn integer_attribute(&self, path: &str, name: &str) -> Result<Option<Vec<i64>>>;

    /// The extents of a dataset.
    fn shape(&self, path: &str) -> Result<Vec<u64>>;

    /// All values of a dataset in row-major order, as `f32`.
    fn floats(&self, path: &str) -> Result<Vec<f32>>;

    /// Hands a one-dimensional dataset of integers to `take`, a block at a time.
    fn integers(&self, path: &str, take: &mut dyn FnMut(&[i64]) -> Result<()>) -> Result<()>;

    /// A dataset of numbers, to be read some rows at a time.
    fn window(&self, path: &str) -> Result<Window>;

    /// A one-dimensional dataset in the form it is stored in.
    fn array(&self, path: &str) -> Result<Array>;

    /// The fields of a one-dimensional table of records, by name in file order.
    fn table(&self, path: &str) -> Result<Vec<(String, Array)>>;

    /// An error about `path` in this file.
    fn error(&self, path: &str, problem: impl std::fmt::Display, hint: &str) -> DataError
    where
        Self: Sized,
    {
        DataError::file(self.origin(), format!("{path}: {problem}"), hint)
    }

    /// A one-dimensional dataset that must hold text; numbers are written out.
    fn strings(&self, path: &str) -> Result<Vec<String>>
    where
        Self: Sized,
    {
        match self.array(path)? {
            Array::Text(v) => Ok(v),
            Array::Integer(v) => Ok(v.iter().map(i64::to_string).collect()),
            Array::Float(v) => Ok(v.iter().map(f64::to_string).collect()),
            Array::Bool(v) => Ok(v.iter().map(bool::to_string).collect()),
            Array::Other => Err(self.error(path, "is not a list of strings", REWRITE)),
        }
    }
}

/// What to do about a file that holds something unexpected.
pub(crate) const REWRITE: &str =
    "the file is damaged or of another kind; write it anew with adata.write_h5ad(path)";
