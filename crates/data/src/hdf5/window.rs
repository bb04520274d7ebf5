//! Windows: some rows of one dataset at a time.

use std::ops::Range;

use hdf5_pure::{ChunkCacheConfig, DType, Dataset};

use super::REWRITE;
use super::open::guard;
use crate::{DataError, Result};

/// A dataset kept open. The chunk where one window ends and the next begins is unpacked once.
pub(crate) struct Window {
    pub(super) dataset: Dataset,
    pub(super) origin: String,
    pub(super) path: String,
    pub(super) shape: Vec<u64>,
}

/// The most bytes of unpacked chunks that are kept.
const MOST_KEPT: u64 = 256 << 20;

/// Room for the chunks that lie side by side across a row, twice over.
pub(super) fn cache(shape: &[u64], chunk: &[u64], element: u64) -> ChunkCacheConfig {
    let side = |(n, c): (&u64, &u64)| n.div_ceil((*c).max(1));
    let band = shape.iter().zip(chunk).skip(1).map(side).fold(2, u64::saturating_mul);
    let bytes = chunk.iter().fold(element, |a, &c| a.saturating_mul(c)).saturating_mul(band);
    let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    ChunkCacheConfig::new().with_max_slots(whole(band)).with_max_bytes(whole(bytes.min(MOST_KEPT)))
}

impl Window {
    /// The extents of the dataset.
    pub(crate) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The values of some rows in row-major order, as `f32`.
    pub(crate) fn floats(&self, rows: Range<usize>) -> Result<Vec<f32>> {
        self.guard(|| self.dataset.read_f32_rows(rows.start as u64, rows.len() as u64))
    }

    /// Some of the positions that a one-dimensional dataset holds.
    pub(crate) fn positions(&self, rows: Range<usize>) -> Result<Vec<u32>> {
        let (start, n) = (rows.start as u64, rows.len() as u64);
        if self.guard(|| self.dataset.dtype())? == DType::I32 {
            return self.whole(self.guard(|| self.dataset.read_i32_rows(start, n))?);
        }
        self.whole(self.guard(|| self.dataset.read_i64_rows(start, n))?)
    }

    fn whole<T: Copy + std::fmt::Display>(&self, values: Vec<T>) -> Result<Vec<u32>>
    where
        u32: TryFrom<T>,
    {
        // Without a branch in the loops, as a file has millions of them.
        if values.iter().fold(true, |all, v| all & u32::try_from(*v).is_ok()) {
            return Ok(values.into_iter().map(|v| u32::try_from(v).unwrap_or_default()).collect());
        }
        let strange = |v: T| {
            DataError::file(&self.origin, format!("{}: {v} is no position in a matrix", self.path), REWRITE)
        };
        values.into_iter().map(|v| u32::try_from(v).map_err(|_| strange(v))).collect()
    }

    fn guard<T>(&self, call: impl FnOnce() -> std::result::Result<T, hdf5_pure::Error>) -> Result<T> {
        guard(&self.origin, &self.path, call)
    }
}
