//! Compressed sparse rows of `f32`, the in-memory form of counts.

use ndarray::Array2;

use crate::{DataError, Result};

/// A sparse matrix in compressed sparse row form: row `i` holds `data[indptr[i]..indptr[i + 1]]` in the columns
/// `indices[..]`, which ascend strictly within a row.
#[derive(Debug, Clone, PartialEq)]
pub struct CsrMatrix {
    n_cols: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    data: Vec<f32>,
}

impl CsrMatrix {
    /// Checks the three arrays against each other. Unsorted columns within a row are sorted; a column that occurs
    /// twice in a row, an index out of range or a pointer that does not ascend is an error.
    pub fn new(n_cols: usize, indptr: Vec<usize>, indices: Vec<u32>, data: Vec<f32>) -> Result<Self> {
        let bad = |problem: String| {
            DataError::invalid(
                "sparse matrix",
                problem,
                "the file is damaged or was written wrongly; write it anew",
            )
        };
        if indptr.first() != Some(&0) || indptr.last() != Some(&data.len()) || indices.len() != data.len() {
            return Err(bad(format!(
                "pointers [{:?} .. {:?}] do not fit {} indices and {} values",
                indptr.first(),
                indptr.last(),
                indices.len(),
                data.len()
            )));
        }
        if u32::try_from(n_cols).is_err() {
            return Err(bad(format!("{n_cols} columns are more than a 32-bit index can name")));
        }
        if let Some(i) = indptr.windows(2).position(|w| w[0] > w[1]) {
            return Err(bad(format!("the pointer of row {i} is after that of the next row")));
        }
        let mut out = Self { n_cols, indptr, indices, data };
        for i in 0..out.n_rows() {
            let range = out.indptr[i]..out.indptr[i + 1];
            let columns = &out.indices[range.clone()];
            // No branch for every value: this is passed by all that is read.
            let greatest = columns.iter().copied().fold(0, u32::max);
            if !columns.is_empty() && greatest as usize >= n_cols {
                return Err(bad(format!("row {i} names column {greatest} of {n_cols}")));
            }
            if columns.iter().zip(columns.iter().skip(1)).fold(true, |all, (a, b)| all & (a < b)) {
                continue;
            }
            let mut pairs: Vec<(u32, f32)> =
                columns.iter().copied().zip(out.data[range.clone()].iter().copied()).collect();
            pairs.sort_unstable_by_key(|p| p.0);
            if let Some(w) = pairs.windows(2).find(|w| w[0].0 == w[1].0) {
                return Err(bad(format!("row {i} holds column {} twice", w[0].0)));
            }
            for (k, (c, v)) in range.zip(pairs) {
                out.indices[k] = c;
                out.data[k] = v;
            }
        }
        Ok(out)
    }

    /// The non-zero entries of a dense matrix.
    pub fn from_dense(dense: &Array2<f32>) -> Self {
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        for row in dense.rows() {
            for (j, &v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                indices.push(j as u32);
                data.push(v);
            }
            indptr.push(data.len());
        }
        Self { n_cols: dense.ncols(), indptr, indices, data }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Number of stored entries.
    pub fn nnz(&self) -> usize {
        self.data.len()
    }

    /// Row pointers, column indices and values.
    pub fn parts(&self) -> (&[usize], &[u32], &[f32]) {
        (&self.indptr, &self.indices, &self.data)
    }

    /// The stored values, to be changed in place; the pattern stays.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Columns and values of row `i`. Panics when `i` is out of range, as slices do.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.data[range])
    }

    /// The given rows in the given order.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let nnz = rows.iter().map(|&i| self.indptr[i + 1] - self.indptr[i]).sum();
        let (mut indptr, mut indices, mut data) =
            (Vec::with_capacity(rows.len() + 1), Vec::with_capacity(nnz), Vec::with_capacity(nnz));
        indptr.push(0);
        for &i in rows {
            let (c, v) = self.row(i);
            indices.extend_from_slice(c);
            data.extend_from_slice(v);
            indptr.push(data.len());
        }
        Self { n_cols: self.n_cols, indptr, indices, data }
    }

    /// The given columns in the given order; a column must not be named twice.
    pub fn select_cols(&self, cols: &[usize]) -> Self {
        let mut place = vec![u32::MAX; self.n_cols];
        for (new, &old) in cols.iter().enumerate() {
            place[old] = new as u32;
        }
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        let mut pairs = Vec::new();
        for i in 0..self.n_rows() {
            let (c, v) = self.row(i);
            pairs.clear();
            pairs.extend(
                c.iter().zip(v).map(|(&c, &v)| (place[c as usize], v)).filter(|(c, _)| *c != u32::MAX),
            );
            pairs.sort_unstable_by_key(|p| p.0);
            indices.extend(pairs.iter().map(|p| p.0));
            data.extend(pairs.iter().map(|p| p.1));
            indptr.push(data.len());
        }
        Self { n_cols: cols.len(), indptr, indices, data }
    }

    /// Rows become columns.
    pub fn transpose(&self) -> Self {
        let n_rows = self.n_rows();
        let mut indptr = vec![0usize; self.n_cols + 1];
        for &c in &self.indices {
            indptr[c as usize + 1] += 1;
        }
        for j in 0..self.n_cols {
            indptr[j + 1] += indptr[j];
        }
        let mut next = indptr.clone();
        let (mut indices, mut data) = (vec![0u32; self.nnz()], vec![0f32; self.nnz()]);
        for i in 0..n_rows {
            let (c, v) = self.row(i);
            for (&c, &v) in c.iter().zip(v) {
                let k = next[c as usize];
                indices[k] = i as u32;
                data[k] = v;
                next[c as usize] += 1;
            }
        }
        Self { n_cols: n_rows, indptr, indices, data }
    }

    /// Every entry written out.
    pub fn to_dense(&self) -> Array2<f32> {
        let mut out = Array2::zeros((self.n_rows(), self.n_cols));
        for i in 0..self.n_rows() {
            let (c, v) = self.row(i);
            for (&c, &v) in c.iter().zip(v) {
                out[[i, c as usize]] = v;
            }
        }
        out
    }
}
