//! Sparse matrices as three arrays of an HDF5 group: `data`, `indices`, `indptr`.

use super::in_file;
use crate::hdf5::{Hdf5, REWRITE};
use crate::{CsrMatrix, Result};

/// Which axis the pointers run along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compressed {
    /// CSR.
    Rows,
    /// CSC.
    Columns,
}

/// Reads the three arrays in `group` as a matrix of `shape`, which the caller knows from the names of both axes:
/// a shape stated by the file alone is not trusted to size anything.
pub(super) fn sparse(
    h5: &impl Hdf5,
    group: &str,
    compressed: Compressed,
    shape: (usize, usize),
) -> Result<CsrMatrix> {
    let (major, minor) = match compressed {
        Compressed::Rows => shape,
        Compressed::Columns => (shape.1, shape.0),
    };
    let pointers = pointers(h5, group, major)?;
    let indices = whole_numbers::<u32>(h5, &format!("{group}/indices"))?;
    let data = h5.floats(&format!("{group}/data"))?;
    let matrix = CsrMatrix::new(minor, pointers, indices, data)
        .map_err(|e| in_file(&format!("{}, {group}", h5.origin()), e))?;
    Ok(match compressed {
        Compressed::Rows => matrix,
        Compressed::Columns => matrix.transpose(),
    })
}

/// Where each of `major` rows or columns begins, and the end of the last.
pub(super) fn pointers(h5: &impl Hdf5, group: &str, major: usize) -> Result<Vec<usize>> {
    let pointers = whole_numbers::<usize>(h5, &format!("{group}/indptr"))?;
    if pointers.len() == major + 1 {
        return Ok(pointers);
    }
    Err(h5.error(group, format!("{} pointers for {major} rows or columns", pointers.len()), REWRITE))
}

/// A list of numbers that must not be negative nor too large for `T`.
pub(super) fn whole_numbers<T: TryFrom<i64>>(h5: &impl Hdf5, path: &str) -> Result<Vec<T>> {
    let mut out = Vec::new();
    h5.integers(path, &mut |block| {
        for &value in block {
            let value = T::try_from(value)
                .map_err(|_| h5.error(path, format!("{value} is no position in a matrix"), REWRITE))?;
            out.push(value);
        }
        Ok(())
    })?;
    Ok(out)
}
