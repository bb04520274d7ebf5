//! Blocks of cells in parallel, in bounded memory, in order.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;

use crate::{Explain, InterpretError, Real, Result, Rows};

/// How much memory the work may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Bytes that all workers together may hold, besides the network and whatever the visitor keeps.
    pub max_bytes: usize,
    /// Most cells a block; larger blocks make the matrix products hardly faster.
    pub max_rows: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_rows: 256 }
    }
}

impl RunOptions {
    /// Rows a block for `workers` that work at the same time.
    ///
    /// # Errors
    /// When not even one row a worker fits.
    pub fn rows<F: Real>(&self, method: &dyn Explain<F>, workers: usize) -> Result<usize> {
        let each = self.max_bytes / workers.max(1);
        let (fixed, row) = (method.bytes_fixed(), method.bytes_per_row().max(1));
        let fitting = each.saturating_sub(fixed) / row;
        if fitting == 0 {
            return Err(InterpretError::invalid(
                "max_bytes",
                format!("{} for {workers} workers", self.max_bytes),
                format!(
                    "allow at least {}, or use fewer threads",
                    (fixed + row).saturating_mul(workers.max(1))
                ),
            ));
        }
        Ok(fitting.min(self.max_rows.max(1)))
    }
}

/// Explains rows 0 to `rows`, block by block: `source` gives the values of a range of rows (it is called from
/// several threads), `progress` hears how many rows of how many are done, `visit` gets every block in order.
///
/// The numbers do not depend on the number of threads; on the size of the blocks only by rounding.
///
/// # Errors
/// The first that source, method or visitor gives; or when not even one row fits in the memory allowed.
pub fn stream<F: Real>(
    method: &dyn Explain<F>,
    rows: usize,
    source: &(dyn Fn(Range<usize>) -> Result<Array2<F>> + Sync),
    options: &RunOptions,
    progress: &mut dyn FnMut(usize, usize),
    visit: &mut dyn FnMut(Range<usize>, Rows<F>) -> Result<()>,
) -> Result<()> {
    let workers = rayon::current_num_threads().max(1);
    let size = options.rows(method, workers)?;
    // Few rows are still shared between the workers.
    let size = size.min(rows.div_ceil(workers)).max(1);
    let starts: Vec<usize> = (0..rows).step_by(size).collect();
    for wave in starts.chunks(workers) {
        let done: Vec<Result<(Range<usize>, Rows<F>)>> = wave
            .par_iter()
            .map(|&start| {
                let range = start..(start + size).min(rows);
                let x = source(range.clone())?;
                Ok((range, method.explain(x.view(), start)?))
            })
            .collect();
        for block in done {
            let (range, block) = block?;
            let end = range.end;
            visit(range, block)?;
            progress(end, rows);
        }
    }
    Ok(())
}
