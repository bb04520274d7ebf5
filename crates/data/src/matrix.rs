//! [`ExpressionMatrix`]: samples × genes with their names and annotations, the type at every door.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use indexmap::IndexMap;
use ndarray::Array2;

use crate::{CsrMatrix, DataError, Result};

/// The numbers of an [`ExpressionMatrix`], samples in rows and genes in columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Every entry stored.
    Dense(Array2<f32>),
    /// Only the entries that are not zero.
    Sparse(CsrMatrix),
}

impl Values {
    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Dense(a) => a.dim(),
            Self::Sparse(m) => (m.n_rows(), m.n_cols()),
        }
    }

    /// The values stored in memory: all of a dense, the non-zero ones of a sparse matrix.
    pub fn stored(&self) -> impl Iterator<Item = f32> + '_ {
        let (dense, sparse) = match self {
            Self::Dense(a) => (Some(a.iter()), None),
            Self::Sparse(m) => (None, Some(m.parts().2.iter())),
        };
        dense.into_iter().flatten().chain(sparse.into_iter().flatten()).copied()
    }

    /// Every entry written out.
    pub fn to_dense(&self) -> Array2<f32> {
        match self {
            Self::Dense(a) => a.clone(),
            Self::Sparse(m) => m.to_dense(),
        }
    }
}

/// One annotation of every sample or every gene.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Free text; `None` where missing.
    Text(Vec<Option<String>>),
    /// Numbers; NaN where missing.
    Number(Vec<f64>),
    /// One of a few names; `None` where missing. Booleans are the categories `false` and `true`.
    Category {
        /// Index into `names`, one a row.
        codes: Vec<Option<u32>>,
        /// The categories.
        names: Vec<String>,
    },
}

impl Column {
    /// A text column without missing values.
    pub fn text<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        Self::Text(values.into_iter().map(|s| Some(s.into())).collect())
    }

    /// A category column; the categories are numbered by first appearance.
    pub fn category<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut names: IndexMap<String, ()> = IndexMap::new();
        let codes =
            values.into_iter().map(|s| Some(names.insert_full(s.as_ref().to_owned(), ()).0 as u32)).collect();
        Self::Category { codes, names: names.into_keys().collect() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(v) => v.len(),
            Self::Number(v) => v.len(),
            Self::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `i` as text, `None` where missing; a whole number is written without a point.
    pub fn get(&self, i: usize) -> Option<String> {
        match self {
            Self::Text(v) => v.get(i)?.clone(),
            Self::Number(v) => v.get(i).filter(|x| !x.is_nan()).map(f64::to_string),
            Self::Category { codes, names } => names.get((*codes.get(i)?)? as usize).cloned(),
        }
    }

    /// The given rows in the given order.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Text(v) => Self::Text(rows.iter().map(|&i| v[i].clone()).collect()),
            Self::Number(v) => Self::Number(rows.iter().map(|&i| v[i]).collect()),
            Self::Category { codes, names } => {
                Self::Category { codes: rows.iter().map(|&i| codes[i]).collect(), names: names.clone() }
            }
        }
    }
}

/// Annotation columns by name, in file order.
pub type Columns = IndexMap<String, Column>;

/// What to do with genes that share a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Refuse, naming them.
    #[default]
    Refuse,
    /// Add them up: right for counts.
    Sum,
    /// Average them: right for logged or scaled values.
    Mean,
    /// Keep the first.
    First,
}

impl Duplicates {
    /// What is right for the values of a matrix: whole numbers from 0 are counts, which add up; anything else is averaged.
    pub fn fitting(matrix: &ExpressionMatrix) -> Self {
        let counts = matrix.values().stored().take(10_000).all(|v| v >= 0.0 && v.fract() == 0.0);
        if counts { Self::Sum } else { Self::Mean }
    }
}

/// Expression of genes (columns) in samples (rows): cell lines or single cells.
///
/// Names are unique, values finite, and annotation columns as long as the axis they describe; the constructors
/// check it and every method keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpressionMatrix {
    values: Values,
    samples: Vec<String>,
    genes: Vec<String>,
    sample_columns: Columns,
    gene_columns: Columns,
}

impl ExpressionMatrix {
    /// Joins values and names.
    ///
    /// # Errors
    /// When the shape does not fit the names, a name occurs twice or is empty, or a value is NaN or infinite.
    pub fn new(values: Values, samples: Vec<String>, genes: Vec<String>) -> Result<Self> {
        let (rows, cols) = values.shape();
        if rows != samples.len() || cols != genes.len() {
            return Err(DataError::invalid(
                "expression matrix",
                format!("{rows} × {cols} values but {} sample and {} gene names", samples.len(), genes.len()),
                "pass one name for each row and one for each column",
            ));
        }
        check_unique("sample", &samples)?;
        check_unique("gene", &genes)?;
        check_finite(&values, &samples, &genes)?;
        Ok(Self { values, samples, genes, sample_columns: Columns::new(), gene_columns: Columns::new() })
    }

    /// As [`new`](Self::new), but genes that share a name are dealt with as `duplicates` says, at the place of
    /// the first. Returns the matrix and the names that occurred more than once.
    pub fn new_merging(
        values: Values,
        samples: Vec<String>,
        genes: Vec<String>,
        duplicates: Duplicates,
    ) -> Result<(Self, Vec<String>)> {
        if duplicates == Duplicates::Refuse || values.shape().1 != genes.len() || !may_repeat(&genes) {
            return Ok((Self::new(values, samples, genes)?, Vec::new()));
        }
        let mut groups: IndexMap<&str, Vec<usize>> = IndexMap::new();
        for (j, g) in genes.iter().enumerate() {
            groups.entry(g).or_default().push(j);
        }
        if groups.len() == genes.len() {
            return Ok((Self::new(values, samples, genes)?, Vec::new()));
        }
        let merged =
            merge_columns(&values, &groups.values().map(Vec::as_slice).collect::<Vec<_>>(), duplicates);
        let repeated = groups.iter().filter(|(_, v)| v.len() > 1).map(|(g, _)| (*g).to_owned()).collect();
        let names = groups.keys().map(|g| (*g).to_owned()).collect();
        Ok((Self::new(merged, samples, names)?, repeated))
    }

    /// Number of samples (rows).
    pub fn n_samples(&self) -> usize {
        self.samples.len()
    }

    /// Number of genes (columns).
    pub fn n_genes(&self) -> usize {
        self.genes.len()
    }

    /// The values, samples × genes.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Sample names in row order.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Gene names in column order.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Annotations of the samples.
    pub fn sample_columns(&self) -> &Columns {
        &self.sample_columns
    }

    /// Annotations of the genes.
    pub fn gene_columns(&self) -> &Columns {
        &self.gene_columns
    }

    /// Adds or replaces an annotation of the samples.
    pub fn set_sample_column(&mut self, name: impl Into<String>, column: Column) -> Result<()> {
        let name = name.into();
        check_length(&name, &column, self.n_samples(), "samples")?;
        self.sample_columns.insert(name, column);
        Ok(())
    }

    /// Adds or replaces an annotation of the genes.
    pub fn set_gene_column(&mut self, name: impl Into<String>, column: Column) -> Result<()> {
        let name = name.into();
        check_length(&name, &column, self.n_genes(), "genes")?;
        self.gene_columns.insert(name, column);
        Ok(())
    }

    /// Position of every gene name.
    pub fn gene_index(&self) -> HashMap<&str, usize> {
        self.genes.iter().enumerate().map(|(j, g)| (g.as_str(), j)).collect()
    }

    /// Position of every sample name.
    pub fn sample_index(&self) -> HashMap<&str, usize> {
        self.samples.iter().enumerate().map(|(i, s)| (s.as_str(), i)).collect()
    }

    /// The given samples in the given order.
    ///
    /// # Errors
    /// When a row does not exist or is named twice.
    pub fn select_samples(&self, rows: &[usize]) -> Result<Self> {
        check_selection("sample", rows, self.n_samples())?;
        Ok(Self {
            values: match &self.values {
                Values::Dense(a) => Values::Dense(a.select(ndarray::Axis(0), rows)),
                Values::Sparse(m) => Values::Sparse(m.select_rows(rows)),
            },
            samples: rows.iter().map(|&i| self.samples[i].clone()).collect(),
            genes: self.genes.clone(),
            sample_columns: select_columns(&self.sample_columns, rows),
            gene_columns: self.gene_columns.clone(),
        })
    }

    /// The given genes in the given order.
    ///
    /// # Errors
    /// When a column does not exist or is named twice.
    pub fn select_genes(&self, cols: &[usize]) -> Result<Self> {
        check_selection("gene", cols, self.n_genes())?;
        Ok(Self {
            values: match &self.values {
                Values::Dense(a) => Values::Dense(a.select(ndarray::Axis(1), cols)),
                Values::Sparse(m) => Values::Sparse(m.select_cols(cols)),
            },
            samples: self.samples.clone(),
            genes: cols.iter().map(|&j| self.genes[j].clone()).collect(),
            sample_columns: self.sample_columns.clone(),
            gene_columns: select_columns(&self.gene_columns, cols),
        })
    }

    /// The same matrix with other gene names, dealt with as `duplicates` says where two become one. Gene
    /// annotations are kept only when no genes are merged.
    pub fn rename_genes(&self, genes: Vec<String>, duplicates: Duplicates) -> Result<(Self, Vec<String>)> {
        let (mut out, merged) =
            Self::new_merging(self.values.clone(), self.samples.clone(), genes, duplicates)?;
        out.sample_columns = self.sample_columns.clone();
        if merged.is_empty() {
            out.gene_columns = self.gene_columns.clone();
        }
        Ok((out, merged))
    }

    /// The same names and annotations around other values of the same shape.
    pub fn with_values(&self, values: Values) -> Result<Self> {
        let mut out = Self::new(values, self.samples.clone(), self.genes.clone())?;
        out.sample_columns = self.sample_columns.clone();
        out.gene_columns = self.gene_columns.clone();
        Ok(out)
    }

    /// Puts matrices over the same genes (in any order; that of the first is kept) below each other. Sample
    /// annotations are kept where all have them in the same form.
    ///
    /// # Errors
    /// When there is none, when genes differ, or when a sample name occurs in two of them.
    pub fn concat_samples(parts: &[&Self]) -> Result<Self> {
        let Some((first, rest)) = parts.split_first() else {
            return Err(DataError::invalid("concatenation", "no matrix given", "pass at least one"));
        };
        let mut aligned = vec![(*first).clone()];
        for part in rest {
            let index = part.gene_index();
            let order: Option<Vec<usize>> =
                first.genes.iter().map(|g| index.get(g.as_str()).copied()).collect();
            match order {
                Some(order) if part.n_genes() == first.n_genes() => aligned.push(part.select_genes(&order)?),
                _ => {
                    return Err(DataError::invalid(
                        "concatenation",
                        format!(
                            "{} genes in one part, {} others in another",
                            first.n_genes(),
                            part.n_genes()
                        ),
                        "align the parts to shared genes first",
                    ));
                }
            }
        }
        let samples = aligned.iter().flat_map(|p| p.samples.iter().cloned()).collect();
        let values = if aligned.iter().all(|p| matches!(p.values, Values::Sparse(_))) {
            let (mut indptr, mut indices, mut data) = (vec![0usize], Vec::new(), Vec::new());
            for p in &aligned {
                if let Values::Sparse(m) = &p.values {
                    let (ptr, idx, val) = m.parts();
                    let base = data.len();
                    indptr.extend(ptr[1..].iter().map(|x| x + base));
                    indices.extend_from_slice(idx);
                    data.extend_from_slice(val);
                }
            }
            Values::Sparse(CsrMatrix::new(first.n_genes(), indptr, indices, data)?)
        } else {
            let dense: Vec<_> = aligned.iter().map(|p| p.values.to_dense()).collect();
            let views: Vec<_> = dense.iter().map(|d| d.view()).collect();
            Values::Dense(ndarray::concatenate(ndarray::Axis(0), &views).map_err(|e| {
                DataError::invalid("concatenation", e.to_string(), "align the parts to shared genes first")
            })?)
        };
        let mut out = Self::new(values, samples, first.genes.clone())?;
        out.gene_columns = first.gene_columns.clone();
        for name in first.sample_columns.keys() {
            let columns: Option<Vec<&Column>> = aligned.iter().map(|p| p.sample_columns.get(name)).collect();
            if let Some(column) = columns.and_then(|c| concat_columns(&c)) {
                out.sample_columns.insert(name.clone(), column);
            }
        }
        Ok(out)
    }
}

fn concat_columns(parts: &[&Column]) -> Option<Column> {
    if parts.iter().all(|c| matches!(c, Column::Number(_))) {
        let all = parts.iter().flat_map(|c| if let Column::Number(v) = c { v.clone() } else { Vec::new() });
        return Some(Column::Number(all.collect()));
    }
    if parts.iter().any(|c| matches!(c, Column::Number(_))) {
        return None;
    }
    let text = parts.iter().flat_map(|c| (0..c.len()).map(|i| c.get(i)).collect::<Vec<_>>());
    if parts.iter().all(|c| matches!(c, Column::Text(_))) {
        return Some(Column::Text(text.collect()));
    }
    let mut names: IndexMap<String, ()> = IndexMap::new();
    let codes = text.map(|t| t.map(|t| names.insert_full(t, ()).0 as u32)).collect();
    Some(Column::Category { codes, names: names.into_keys().collect() })
}

fn merge_columns(values: &Values, groups: &[&[usize]], rule: Duplicates) -> Values {
    let mut place = vec![(0u32, 0f32); values.shape().1];
    for (new, group) in groups.iter().enumerate() {
        for (k, &old) in group.iter().enumerate() {
            let weight = match rule {
                Duplicates::Sum => 1.0,
                Duplicates::Mean => 1.0 / group.len() as f32,
                Duplicates::First | Duplicates::Refuse => f32::from(u8::from(k == 0)),
            };
            place[old] = (new as u32, weight);
        }
    }
    match values {
        Values::Dense(a) => {
            let mut out = Array2::zeros((a.nrows(), groups.len()));
            for (i, row) in a.rows().into_iter().enumerate() {
                for (&(new, w), &v) in place.iter().zip(row) {
                    // A weight of zero must not turn an infinity into NaN: non-finite values are found later.
                    if w != 0.0 {
                        out[[i, new as usize]] += w * v;
                    }
                }
            }
            Values::Dense(out)
        }
        Values::Sparse(m) => {
            let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
            for i in 0..m.n_rows() {
                let (c, v) = m.row(i);
                let mut row: std::collections::BTreeMap<u32, f32> = std::collections::BTreeMap::new();
                for (&c, &v) in c.iter().zip(v) {
                    let (new, w) = place[c as usize];
                    if w != 0.0 {
                        *row.entry(new).or_insert(0.0) += w * v;
                    }
                }
                indices.extend(row.keys());
                data.extend(row.values());
                indptr.push(data.len());
            }
            match CsrMatrix::new(groups.len(), indptr, indices, data) {
                Ok(m) => Values::Sparse(m),
                Err(_) => Values::Dense(m.to_dense()),
            }
        }
    }
}

fn select_columns(columns: &Columns, rows: &[usize]) -> Columns {
    columns.iter().map(|(k, c)| (k.clone(), c.select(rows))).collect()
}

fn check_length(name: &str, column: &Column, expected: usize, axis: &str) -> Result<()> {
    if column.len() == expected {
        return Ok(());
    }
    Err(DataError::invalid(
        format!("column {name}"),
        format!("{} rows for {expected} {axis}", column.len()),
        "pass one value for each",
    ))
}

/// Whether a name may be there twice: the same names have the same hash, and numbers are sorted in less time than a set of
/// a million names takes.
fn may_repeat(names: &[String]) -> bool {
    let state = RandomState::new();
    let mut hashes: Vec<u64> = names.iter().map(|name| state.hash_one(name)).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|w| w[0] == w[1])
}

pub(crate) fn check_unique(axis: &str, names: &[String]) -> Result<()> {
    if let Some(i) = names.iter().position(String::is_empty) {
        return Err(DataError::invalid(
            "expression matrix",
            format!("{axis} {} has an empty name", i + 1),
            "give every row and column a name",
        ));
    }
    if !may_repeat(names) {
        return Ok(());
    }
    let mut seen: HashSet<&str> = HashSet::with_capacity(names.len());
    let repeated: Vec<&str> = names.iter().map(String::as_str).filter(|name| !seen.insert(name)).collect();
    if repeated.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = repeated.iter().take(5).copied().collect();
    Err(DataError::invalid(
        "expression matrix",
        format!("{} duplicate {axis} names ({})", repeated.len(), shown.join(", ")),
        if axis == "gene" {
            "merge them (--duplicates sum for counts, mean or first otherwise), or make the names unique"
        } else {
            "make the sample names unique"
        },
    ))
}

fn check_selection(axis: &str, chosen: &[usize], n: usize) -> Result<()> {
    let mut seen = vec![false; n];
    for &i in chosen {
        match seen.get_mut(i) {
            None => {
                return Err(DataError::invalid(
                    format!("{axis} selection"),
                    format!("{axis} {i} of {n} does not exist"),
                    "positions count from 0",
                ));
            }
            Some(true) => {
                return Err(DataError::invalid(
                    format!("{axis} selection"),
                    format!("{axis} {i} is named twice"),
                    "name each position once",
                ));
            }
            Some(s) => *s = true,
        }
    }
    Ok(())
}

/// Whether `test` holds for all stored values.
pub(crate) fn all_stored(values: &Values, test: impl Fn(f32) -> bool) -> bool {
    stretches(values).all(|stretch| stretch.iter().fold(true, |all, &v| all & test(v)))
}

/// All stored values in stretches: a loop over one, without a branch in it, becomes instructions on many values at once.
pub(crate) fn stretches(values: &Values) -> impl Iterator<Item = Cow<'_, [f32]>> {
    let (stored, rows) = match values {
        Values::Dense(a) => (a.as_slice_memory_order(), Some(a.rows())),
        Values::Sparse(m) => (Some(m.parts().2), None),
    };
    let rows = rows.filter(|_| stored.is_none()).into_iter().flatten().map(|row| Cow::Owned(row.to_vec()));
    stored.unwrap_or_default().chunks(1024).map(Cow::Borrowed).chain(rows)
}

fn check_finite(values: &Values, samples: &[String], genes: &[String]) -> Result<()> {
    if all_stored(values, f32::is_finite) {
        return Ok(());
    }
    let found = match values {
        Values::Dense(a) => a.indexed_iter().find(|(_, v)| !v.is_finite()).map(|((i, j), v)| (i, j, *v)),
        Values::Sparse(m) => (0..m.n_rows()).find_map(|i| {
            let (c, v) = m.row(i);
            c.iter().zip(v).find(|(_, v)| !v.is_finite()).map(|(&c, &v)| (i, c as usize, v))
        }),
    };
    match found {
        None => Ok(()),
        Some((i, j, v)) => Err(DataError::invalid(
            "expression matrix",
            format!("value {v} of gene {} in sample {} is not a finite number", genes[j], samples[i]),
            "fill or remove missing values before reading",
        )),
    }
}
