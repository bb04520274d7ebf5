//! AnnData files written block by block.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::atomic::{beside, put};
use super::h5ad::{anndata, array, dataframe, encoded, group};
use crate::hdf5::{self, Attribute, Content, Growing, GrowingArray, Growth};
use crate::matrix::check_unique;
use crate::{Column, Columns, DataError, ExpressionMatrix, Result, Values};

/// An `.h5ad` that grows by blocks of cells over the same genes, for matrices larger than memory: `X` sparse (CSR),
/// sample columns in `obs`, gene columns in `var`. The file appears under its name at [`finish`](Self::finish), whole,
/// and not at all when that is never called.
///
/// In memory lie some megabytes of values, and the names and annotations of all cells.
pub struct H5adBlocks {
    path: PathBuf,
    temporary: NamedTempFile,
    file: Growing,
    data: GrowingArray<f32>,
    indices: GrowingArray<i32>,
    indptr: GrowingArray<i64>,
    entries: i64,
    genes: Vec<String>,
    cells: Vec<String>,
    columns: Option<Columns>,
    /// A block reached the file in part.
    broken: bool,
}

impl H5adBlocks {
    /// Begins a file of cells over `genes`, annotated with `gene_columns`. The values are compressed with deflate where
    /// a level from 1 (fast) to 9 (small) is given; without, writing is several times as fast.
    ///
    /// # Errors
    /// When a gene's name is empty or occurs twice, a column has not one value for each gene or a name that cannot be
    /// stored, the level is out of range, or the folder cannot be written to.
    pub fn create(
        path: impl AsRef<Path>,
        genes: &[String],
        gene_columns: &Columns,
        compression: Option<u32>,
    ) -> Result<Self> {
        let path = path.as_ref();
        if let Some(level) = compression
            && !(1..=9).contains(&level)
        {
            return Err(DataError::invalid(
                "compression",
                format!("level {level}"),
                "choose 1 to 9, or none",
            ));
        }
        if i32::try_from(genes.len()).is_err() {
            let problem = format!("{} genes are more than a 32-bit index can name", genes.len());
            return Err(DataError::invalid("AnnData file", problem, "select genes first"));
        }
        check_unique("gene", genes)?;
        for (name, column) in gene_columns {
            check_length(name, column, genes.len())?;
        }
        let growing = |growth| array(Content::Empty(growth, compression));
        let values = vec![
            ("data", growing(Growth::Float32)),
            ("indices", growing(Growth::Int32)),
            ("indptr", growing(Growth::Int64)),
        ];
        let root = anndata(vec![
            ("X", encoded("csr_matrix", "0.1.0", group(values))),
            ("var", dataframe(genes, gene_columns)?),
            ("obsm", encoded("dict", "0.1.0", Content::Group(Vec::new()))),
        ]);
        let origin = path.display().to_string();
        let mut temporary = beside(path)?;
        hdf5::write(&origin, &root, temporary.as_file_mut())?;
        let file = Growing::open(temporary.path(), &origin)?;
        let mut indptr = file.array("X/indptr")?;
        indptr.append(std::iter::once(0))?;
        Ok(Self {
            path: path.to_owned(),
            data: file.array("X/data")?,
            indices: file.array("X/indices")?,
            indptr,
            file,
            temporary,
            entries: 0,
            genes: genes.to_vec(),
            cells: Vec::new(),
            columns: None,
            broken: false,
        })
    }

    /// Puts the cells of a block below those there are. Zeros of a dense block are not stored.
    ///
    /// # Errors
    /// When its genes are others than the file's or in another order, its annotation columns are others than those of
    /// the first block, or the disk is full.
    pub fn append(&mut self, block: &ExpressionMatrix) -> Result<()> {
        self.check_whole()?;
        if block.genes() != self.genes {
            let problem = "its genes are others than the file's, or in another order";
            return Err(DataError::invalid("block of cells", problem, "select the file's genes first"));
        }
        self.broken = true;
        match &mut self.columns {
            None => self.columns = Some(block.sample_columns().clone()),
            Some(columns) => extend(columns, block.sample_columns())?,
        }
        self.cells.extend_from_slice(block.samples());
        let before = self.entries;
        match block.values() {
            Values::Sparse(m) => {
                let (indptr, indices, data) = m.parts();
                self.indptr.append(indptr.iter().skip(1).map(|&p| before + p as i64))?;
                self.indices.append(indices.iter().map(|&j| j as i32))?;
                self.data.append(data.iter().copied())?;
                self.entries += data.len() as i64;
            }
            Values::Dense(a) => {
                for row in a.rows() {
                    let stored = || row.iter().enumerate().filter(|(_, v)| **v != 0.0);
                    self.entries += stored().count() as i64;
                    self.indptr.append(std::iter::once(self.entries))?;
                    self.indices.append(stored().map(|(j, _)| j as i32))?;
                    self.data.append(stored().map(|(_, &v)| v))?;
                }
            }
        }
        self.broken = false;
        Ok(())
    }

    /// Completes the file and puts it in its place; one already there is replaced. Returns the number of cells.
    ///
    /// # Errors
    /// When a cell's name occurs twice or a column's name cannot be stored, an [`append`](Self::append) failed, or the
    /// disk is full; nothing is left then.
    pub fn finish(self) -> Result<usize> {
        self.check_whole()?;
        check_unique("sample", &self.cells)?;
        let obs = dataframe(&self.cells, &self.columns.unwrap_or_default())?;
        self.data.finish()?;
        self.indices.finish()?;
        self.indptr.finish()?;
        let shape = Attribute::Integers(vec![self.cells.len() as i64, self.genes.len() as i64]);
        self.file.finish(("X", "shape", shape), ("obs", &obs))?;
        put(self.temporary, &self.path)?;
        Ok(self.cells.len())
    }

    fn check_whole(&self) -> Result<()> {
        if !self.broken {
            return Ok(());
        }
        Err(DataError::file(
            self.path.display().to_string(),
            "an earlier block could not be appended",
            "write the file anew from its first block",
        ))
    }
}

impl std::fmt::Debug for H5adBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H5adBlocks")
            .field("path", &self.path)
            .field("cells", &self.cells.len())
            .field("genes", &self.genes.len())
            .field("entries", &self.entries)
            .finish()
    }
}

fn check_length(name: &str, column: &Column, expected: usize) -> Result<()> {
    if column.len() == expected {
        return Ok(());
    }
    let problem = format!("{} rows for {expected} genes", column.len());
    Err(DataError::invalid(format!("column {name}"), problem, "pass one value for each"))
}

fn extend(columns: &mut Columns, more: &Columns) -> Result<()> {
    let wrong = |name: &str, problem: &str| {
        DataError::invalid(format!("column {name}"), problem, "give every block the same annotation columns")
    };
    if let Some(name) = more.keys().find(|name| !columns.contains_key(*name)) {
        return Err(wrong(name, "is not in the first block"));
    }
    for (name, column) in columns {
        let more = more.get(name).ok_or_else(|| wrong(name, "is missing in a later block"))?;
        match (column, more) {
            (Column::Text(a), Column::Text(b)) => a.extend_from_slice(b),
            (Column::Number(a), Column::Number(b)) => a.extend_from_slice(b),
            (Column::Category { codes, names }, Column::Category { codes: more, names: others }) => {
                let places = union(names, others);
                codes.extend(more.iter().map(|c| c.and_then(|c| places.get(c as usize).copied())));
            }
            _ => return Err(wrong(name, "is of another kind in the first block")),
        }
    }
    Ok(())
}

/// Adds the names that are missing; gives back the place of every one of `others`.
fn union(names: &mut Vec<String>, others: &[String]) -> Vec<u32> {
    if names == others {
        return (0..names.len() as u32).collect();
    }
    let mut place: HashMap<String, u32> = names.iter().cloned().zip(0..).collect();
    let mut at = |name: &String| {
        *place.entry(name.clone()).or_insert_with(|| {
            names.push(name.clone());
            names.len() as u32 - 1
        })
    };
    others.iter().map(&mut at).collect()
}
