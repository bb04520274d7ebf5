//! Cross-tabulation of two labelings, in memory proportional to the pairs that occur.

use crate::label::{self, Label};
use crate::{Metric, input};

/// Weighted counts of (row class, column class), row and column classes numbered separately.
pub(crate) struct Table {
    pub(crate) row_values: Vec<i64>,
    pub(crate) column_values: Vec<i64>,
    pub(crate) row_totals: Vec<f64>,
    pub(crate) column_totals: Vec<f64>,
    /// (row, column, count), sorted, zero counts left out.
    pub(crate) cells: Vec<(u32, u32, f64)>,
    pub(crate) total: f64,
}

impl Table {
    pub(crate) fn new<A: Label, B: Label>(
        rows: &[A],
        columns: &[B],
        weights: Option<&[f64]>,
    ) -> Metric<Self> {
        input::not_empty("labels", rows.len())?;
        input::same_len("the second labels", columns.len(), rows.len())?;
        input::weights(weights, rows.len())?;
        let r = label::index(rows.iter().map(|l| l.code()));
        let c = label::index(columns.iter().map(|l| l.code()));
        let (n_rows, n_columns) = (r.values.len(), c.values.len());

        let cells = if n_rows.saturating_mul(n_columns) <= rows.len().saturating_mul(4).max(1 << 12) {
            dense_cells(&r.of, &c.of, n_rows, n_columns, weights)
        } else {
            sparse_cells(&r.of, &c.of, weights)
        };
        let (mut row_totals, mut column_totals) = (vec![0.0; n_rows], vec![0.0; n_columns]);
        for &(i, j, w) in &cells {
            row_totals[i as usize] += w;
            column_totals[j as usize] += w;
        }
        let total = row_totals.iter().sum();
        Ok(Self { row_values: r.values, column_values: c.values, row_totals, column_totals, cells, total })
    }

    /// Each class of one labeling is exactly one class of the other.
    pub(crate) fn is_bijection(&self) -> bool {
        self.cells.len() == self.row_values.len() && self.cells.len() == self.column_values.len()
    }
}

fn dense_cells(
    r: &[u32],
    c: &[u32],
    n_rows: usize,
    n_columns: usize,
    weights: Option<&[f64]>,
) -> Vec<(u32, u32, f64)> {
    let at = |i: u32, j: u32| i as usize * n_columns + j as usize;
    let mut sums = vec![0.0f64; n_rows * n_columns];
    match weights {
        // Counted as integers: four times faster than adding 1.0 in a dependent chain.
        None => {
            let mut counts = vec![0u64; n_rows * n_columns];
            for (&i, &j) in r.iter().zip(c) {
                counts[at(i, j)] += 1;
            }
            for (s, n) in sums.iter_mut().zip(counts) {
                *s = n as f64;
            }
        }
        Some(w) => {
            for ((&i, &j), &w) in r.iter().zip(c).zip(w) {
                sums[at(i, j)] += w;
            }
        }
    }
    let mut cells = Vec::new();
    for (k, &w) in sums.iter().enumerate() {
        if w > 0.0 {
            cells.push(((k / n_columns) as u32, (k % n_columns) as u32, w));
        }
    }
    cells
}

fn sparse_cells(r: &[u32], c: &[u32], weights: Option<&[f64]>) -> Vec<(u32, u32, f64)> {
    let weight = |k: usize| weights.map_or(1.0, |w| w[k]);
    let mut pairs: Vec<(u32, u32, f64)> =
        r.iter().zip(c).enumerate().map(|(k, (&i, &j))| (i, j, weight(k))).filter(|p| p.2 > 0.0).collect();
    // Stable, so that weights of a cell are added in sample order.
    pairs.sort_by_key(|&(i, j, _)| (i, j));
    pairs.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
    pairs
}
