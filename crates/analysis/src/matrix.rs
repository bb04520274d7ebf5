//! Borrowed matrices, cells × genes: dense or sparse, single or double precision.

use ndarray::{Array2, ArrayView2};
use sensitome_data::{CsrMatrix, ExpressionMatrix, Values};

use crate::{AnalysisError, Result};

/// `f32` or `f64`.
pub trait Real: Copy + PartialEq + Into<f64> + Send + Sync + sealed::Packing {}

impl Real for f32 {}
impl Real for f64 {}

/// Values packed with the number of a group into one integer that sorts by value, then by group.
pub(crate) mod sealed {
    #[allow(missing_docs, unreachable_pub)] // sealed: cannot be named outside
    pub trait Packing: Sized {
        type Packed: Ord + Copy + Default + Send + Sync;
        fn pack(self, group: u32) -> Self::Packed;
        fn group(packed: Self::Packed) -> u32;
        fn value(packed: Self::Packed) -> f64;
        fn same_value(a: Self::Packed, b: Self::Packed) -> bool;
    }

    const TOP32: u32 = 1 << 31;
    const TOP64: u64 = 1 << 63;

    impl Packing for f32 {
        type Packed = u64;
        fn pack(self, group: u32) -> u64 {
            let bits = self.to_bits();
            let key = if bits & TOP32 == 0 { bits | TOP32 } else { !bits };
            u64::from(key) << 32 | u64::from(group)
        }
        fn group(packed: u64) -> u32 {
            packed as u32
        }
        fn value(packed: u64) -> f64 {
            let key = (packed >> 32) as u32;
            f64::from(f32::from_bits(if key & TOP32 == 0 { !key } else { key & !TOP32 }))
        }
        fn same_value(a: u64, b: u64) -> bool {
            a >> 32 == b >> 32
        }
    }

    impl Packing for f64 {
        type Packed = u128;
        fn pack(self, group: u32) -> u128 {
            let bits = self.to_bits();
            let key = if bits & TOP64 == 0 { bits | TOP64 } else { !bits };
            u128::from(key) << 32 | u128::from(group)
        }
        fn group(packed: u128) -> u32 {
            packed as u32
        }
        fn value(packed: u128) -> f64 {
            let key = (packed >> 32) as u64;
            f64::from_bits(if key & TOP64 == 0 { !key } else { key & !TOP64 })
        }
        fn same_value(a: u128, b: u128) -> bool {
            a >> 32 == b >> 32
        }
    }
}

/// A borrowed sparse matrix: row `i` (a cell) holds `data[indptr[i]..indptr[i + 1]]` in the columns (genes)
/// `indices[..]`, which ascend strictly within a row.
#[derive(Debug, Clone, Copy)]
pub struct SparseView<'a, T> {
    n_cols: usize,
    indptr: &'a [usize],
    indices: &'a [u32],
    data: &'a [T],
}

impl<'a, T> SparseView<'a, T> {
    /// Checks the three arrays against each other.
    ///
    /// # Errors
    /// [`AnalysisError::Invalid`] when pointers and arrays do not fit, or columns of a row do not ascend or exist.
    pub fn new(n_cols: usize, indptr: &'a [usize], indices: &'a [u32], data: &'a [T]) -> Result<Self> {
        let bad = |problem: String| {
            AnalysisError::invalid("sparse matrix", problem, "build it with CsrMatrix::new, which sorts rows")
        };
        if indptr.first() != Some(&0) || indptr.last() != Some(&data.len()) || indices.len() != data.len() {
            return Err(bad("row pointers do not fit indices and values".into()));
        }
        for (i, w) in indptr.windows(2).enumerate() {
            let row = indices.get(w[0]..w[1]).ok_or_else(|| bad(format!("row pointer {i} descends")))?;
            if row.windows(2).any(|c| c[0] >= c[1]) || row.last().is_some_and(|&c| c as usize >= n_cols) {
                return Err(bad(format!("columns of row {i} do not ascend or are not below {n_cols}")));
            }
        }
        Ok(Self { n_cols, indptr, indices, data })
    }

    fn row(&self, i: usize) -> (&'a [u32], &'a [T]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.data[range])
    }
}

/// A borrowed matrix with cells in rows and genes in columns. Made by `into()` from what holds the numbers.
#[derive(Debug, Clone, Copy)]
pub enum Matrix<'a, T> {
    /// Every entry stored.
    Dense(ArrayView2<'a, T>),
    /// Only entries that are not zero.
    Sparse(SparseView<'a, T>),
}

impl<'a, T: Real> Matrix<'a, T> {
    /// Number of rows.
    pub fn n_cells(&self) -> usize {
        match self {
            Self::Dense(a) => a.nrows(),
            Self::Sparse(s) => s.indptr.len() - 1,
        }
    }

    /// Number of columns.
    pub fn n_genes(&self) -> usize {
        match self {
            Self::Dense(a) => a.ncols(),
            Self::Sparse(s) => s.n_cols,
        }
    }

    /// Number of entries held in memory.
    pub(crate) fn stored(&self) -> usize {
        match self {
            Self::Dense(a) => a.len(),
            Self::Sparse(s) => s.data.len(),
        }
    }

    /// Calls `f` with gene and value of all entries of a cell that are not zero, in the genes `genes`, ascending.
    ///
    /// # Errors
    /// When a value is not finite.
    pub(crate) fn non_zero(
        &self,
        cell: usize,
        genes: std::ops::Range<usize>,
        mut f: impl FnMut(usize, T),
    ) -> Result<()> {
        let mut visit = |gene: usize, value: T| {
            let double: f64 = value.into();
            if double == 0.0 {
                return Ok(());
            }
            if !double.is_finite() {
                return Err(AnalysisError::NonFinite { cell, gene });
            }
            f(gene, value);
            Ok(())
        };
        match self {
            Self::Dense(a) => {
                let row = a.row(cell);
                for gene in genes {
                    visit(gene, row[gene])?;
                }
            }
            Self::Sparse(s) => {
                let (columns, values) = s.row(cell);
                let start = columns.partition_point(|&c| (c as usize) < genes.start);
                for (&c, &v) in columns[start..].iter().zip(&values[start..]) {
                    if c as usize >= genes.end {
                        break;
                    }
                    visit(c as usize, v)?;
                }
            }
        }
        Ok(())
    }
}

impl<'a, T> From<ArrayView2<'a, T>> for Matrix<'a, T> {
    fn from(array: ArrayView2<'a, T>) -> Self {
        Self::Dense(array)
    }
}

impl<'a, T> From<&'a Array2<T>> for Matrix<'a, T> {
    fn from(array: &'a Array2<T>) -> Self {
        Self::Dense(array.view())
    }
}

impl<'a, T> From<SparseView<'a, T>> for Matrix<'a, T> {
    fn from(sparse: SparseView<'a, T>) -> Self {
        Self::Sparse(sparse)
    }
}

impl<'a> From<&'a CsrMatrix> for Matrix<'a, f32> {
    fn from(matrix: &'a CsrMatrix) -> Self {
        let (indptr, indices, data) = matrix.parts();
        Self::Sparse(SparseView { n_cols: matrix.n_cols(), indptr, indices, data })
    }
}

impl<'a> From<&'a Values> for Matrix<'a, f32> {
    fn from(values: &'a Values) -> Self {
        match values {
            Values::Dense(a) => a.into(),
            Values::Sparse(m) => m.into(),
        }
    }
}

impl<'a> From<&'a ExpressionMatrix> for Matrix<'a, f32> {
    fn from(matrix: &'a ExpressionMatrix) -> Self {
        matrix.values().into()
    }
}
