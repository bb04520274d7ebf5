//! The cells of an AnnData file block by block, for files larger than memory.

use std::ops::Range;

use ndarray::Array2;

use super::buckets::Buckets;
use super::dataframe::{DataFrame, dataframe};
use super::h5ad::{H5adLayer, Layout, assemble, layout, locate, refuse_tenx};
use super::in_file;
use super::sparse::{Compressed, pointers};
use crate::hdf5::{self, Hdf5, REWRITE, Window};
use crate::matrix::check_unique;
use crate::{Columns, CsrMatrix, DataError, Duplicates, ExpressionMatrix, Input, Result, Values};

/// The cells of an `.h5ad` in file order, a block at a time. A block equals the same rows of
/// [`h5ad_with`](super::h5ad_with) to the bit.
///
/// In memory lie one block, and of the whole file the names and annotations of the cells and the row pointers:
/// about 60 bytes a cell, 8 more for each column of numbers or categories and 50 for one of text. A matrix stored by
/// genes (CSC) is first distributed into temporary files, 12 bytes an entry in the system's folder for them; CSR and
/// dense matrices are read where they lie. A gzipped file (`.h5ad.gz`) is unpacked in memory: unzip it first.
///
/// After an error the iterator ends; [`rewind`](Self::rewind) starts it anew.
pub struct CellBlocks {
    origin: String,
    matrix: Matrix,
    obs: DataFrame,
    var: DataFrame,
    duplicates: Duplicates,
    genes: Vec<String>,
    gene_columns: Columns,
    cells_per_block: usize,
    next: usize,
}

/// Where rows come from.
enum Matrix {
    Dense(Window),
    Rows { indptr: Vec<usize>, indices: Window, data: Window },
    Columns(Buckets),
}

impl CellBlocks {
    /// Opens `layer` of a file, to be read `cells_per_block` cells at a time (the last block may be smaller). Genes of
    /// the same name are dealt with as `duplicates` says.
    ///
    /// # Errors
    /// As for [`h5ad_with`](super::h5ad_with), except for what is wrong with single values, which the block that
    /// holds them reports; and when `cells_per_block` is 0.
    pub fn open<'a>(
        input: impl Into<Input<'a>>,
        layer: &H5adLayer,
        duplicates: Duplicates,
        cells_per_block: usize,
    ) -> Result<Self> {
        if cells_per_block == 0 {
            return Err(DataError::invalid("cells per block", "0 cells", "ask for at least 1"));
        }
        let h5 = hdf5::open(&input.into())?;
        refuse_tenx(&h5)?;
        let (matrix, var) = locate(&h5, layer)?;
        let obs = dataframe(&h5, "obs")?;
        let var = dataframe(&h5, &var)?;
        check_unique("sample", &obs.index).map_err(|e| in_file(h5.origin(), e))?;
        let shape = (obs.index.len(), var.index.len());
        let matrix = Matrix::open(&h5, &matrix, shape, cells_per_block)?;
        // A block without cells has the genes that every block has.
        let none = Values::Dense(Array2::zeros((0, shape.1)));
        let none = assemble(none, obs.select(0..0), var.clone(), duplicates);
        let none = none.map_err(|e| in_file(h5.origin(), e))?;
        Ok(Self {
            origin: h5.origin().to_owned(),
            matrix,
            obs,
            var,
            duplicates,
            genes: none.genes().to_vec(),
            gene_columns: none.gene_columns().clone(),
            cells_per_block,
            next: 0,
        })
    }

    /// Number of cells in the file.
    pub fn n_cells(&self) -> usize {
        self.obs.index.len()
    }

    /// The genes of every block.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Annotations of the genes of every block.
    pub fn gene_columns(&self) -> &Columns {
        &self.gene_columns
    }

    /// Goes back to the first cell.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    fn block(&mut self, rows: Range<usize>) -> Result<ExpressionMatrix> {
        let values = self.matrix.rows(rows.clone(), self.var.index.len(), &self.origin)?;
        assemble(values, self.obs.select(rows), self.var.clone(), self.duplicates)
            .map_err(|e| in_file(&self.origin, e))
    }
}

impl Iterator for CellBlocks {
    type Item = Result<ExpressionMatrix>;

    fn next(&mut self) -> Option<Self::Item> {
        let n = self.n_cells();
        let rows = self.next..self.next.saturating_add(self.cells_per_block).min(n);
        if rows.is_empty() {
            return None;
        }
        self.next = rows.end;
        let block = self.block(rows);
        if block.is_err() {
            self.next = n;
        }
        Some(block)
    }
}

impl std::fmt::Debug for CellBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CellBlocks")
            .field("origin", &self.origin)
            .field("cells", &self.n_cells())
            .field("genes", &self.genes.len())
            .field("cells_per_block", &self.cells_per_block)
            .field("next", &self.next)
            .finish()
    }
}

impl Matrix {
    fn open(h5: &impl Hdf5, path: &str, shape: (usize, usize), cells_per_block: usize) -> Result<Self> {
        let compressed = match layout(h5, path, shape)? {
            Layout::Dense => return Ok(Self::Dense(h5.window(path)?)),
            Layout::Sparse(compressed) => compressed,
        };
        let major = if compressed == Compressed::Rows { shape.0 } else { shape.1 };
        let indptr = pointers(h5, path, major)?;
        let (indices, data) = (h5.window(&format!("{path}/indices"))?, h5.window(&format!("{path}/data"))?);
        let entries = indptr.last().copied().unwrap_or_default() as u64;
        let fits = |w: &Window| w.shape() == [entries];
        if indptr.first() != Some(&0) || !indptr.is_sorted() || !fits(&indices) || !fits(&data) {
            let problem = format!(
                "its pointers do not fit {:?} indices and {:?} values",
                indices.shape(),
                data.shape()
            );
            return Err(h5.error(path, problem, REWRITE));
        }
        match compressed {
            Compressed::Rows => Ok(Self::Rows { indptr, indices, data }),
            Compressed::Columns => Buckets::distribute(
                &indptr,
                &indices,
                &data,
                shape.0,
                cells_per_block,
                &format!("{}, {path}", h5.origin()),
            )
            .map(Self::Columns),
        }
    }

    fn rows(&mut self, rows: Range<usize>, genes: usize, origin: &str) -> Result<Values> {
        match self {
            Self::Dense(window) => Array2::from_shape_vec((rows.len(), genes), window.floats(rows)?)
                .map(Values::Dense)
                .map_err(|e| DataError::file(origin, e.to_string(), REWRITE)),
            Self::Rows { indptr, indices, data } => {
                let pointers = indptr.get(rows.start..=rows.end).unwrap_or(&[0]);
                let (start, end) =
                    (pointers.first().copied().unwrap_or(0), pointers.last().copied().unwrap_or(0));
                let pointers = pointers.iter().map(|p| p - start).collect();
                CsrMatrix::new(genes, pointers, indices.positions(start..end)?, data.floats(start..end)?)
                    .map(Values::Sparse)
                    .map_err(|e| in_file(&format!("{origin}, cells from {}", rows.start), e))
            }
            Self::Columns(buckets) => buckets.rows(rows, genes).map(Values::Sparse),
        }
    }
}
