//! 10x Genomics matrices in HDF5 (`filtered_feature_bc_matrix.h5` and the like).
//!
//! Layout: Cell Ranger's documentation of "Feature-Barcode Matrices HDF5"; version 2 has one group a genome,
//! version 3 one group `matrix`.

use super::dataframe::DataFrame;
use super::h5ad::assemble;
use super::in_file;
use super::sparse::{Compressed, sparse, whole_numbers};
use crate::hdf5::{self, Hdf5, Kind, REWRITE};
use crate::{Column, Columns, DataError, Duplicates, ExpressionMatrix, Input, Result, Values};

/// What to read of a 10x file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenxOptions {
    /// Only genes of this genome. A file of version 2 with several genomes needs it; of version 3, without it
    /// the genes of all are kept.
    pub genome: Option<String>,
    /// What to do with genes that share an id.
    pub duplicates: Duplicates,
}

/// The only kind of feature that is expression; others are antibodies, guides and the like.
pub(super) const GENE_EXPRESSION: &str = "Gene Expression";

/// Reads a 10x `.h5` file, version 2 or 3: cells × genes, sparse. Genes are named by their ids (Ensembl); the gene
/// column `symbol` holds their names and, from version 3, `feature_type` their kind and `genome` their genome. Of
/// the features only those of kind `Gene Expression` are kept.
///
/// # Errors
/// When the file is not a 10x file, is damaged, or the genome is not in it or must be chosen.
pub fn tenx_h5<'a>(input: impl Into<Input<'a>>, options: &TenxOptions) -> Result<ExpressionMatrix> {
    let h5 = hdf5::open(&input.into())?;
    if h5.kind("matrix/features") == Some(Kind::Group) {
        return version_3(&h5, options);
    }
    let mut genomes = Vec::new();
    for name in h5.members("")? {
        if h5.kind(&format!("{name}/genes")) == Some(Kind::Dataset) {
            genomes.push(name);
        }
    }
    version_2(&h5, genomes, options)
}

fn version_2(h5: &impl Hdf5, genomes: Vec<String>, options: &TenxOptions) -> Result<ExpressionMatrix> {
    if genomes.is_empty() {
        let hint = if h5.kind("obs").is_some() {
            "this is an AnnData file; read it as .h5ad"
        } else {
            "pass a matrix that Cell Ranger wrote"
        };
        return Err(DataError::file(h5.origin(), "is not a 10x matrix file", hint));
    }
    let genome = match &options.genome {
        Some(wanted) => genomes.iter().find(|g| *g == wanted),
        None => genomes.first().filter(|_| genomes.len() == 1),
    };
    let Some(genome) = genome else { return Err(no_genome(h5.origin(), options, &genomes)) };
    let mut columns = Columns::new();
    let index = h5.strings(&format!("{genome}/genes"))?;
    columns.insert("symbol".to_owned(), Column::text(h5.strings(&format!("{genome}/gene_names"))?));
    finish(h5, genome, DataFrame { index, columns }, None, options)
}

fn version_3(h5: &impl Hdf5, options: &TenxOptions) -> Result<ExpressionMatrix> {
    let index = h5.strings("matrix/features/id")?;
    let mut columns = Columns::new();
    let mut keep = vec![true; index.len()];
    for (field, name) in [("name", "symbol"), ("feature_type", "feature_type"), ("genome", "genome")] {
        let path = format!("matrix/features/{field}");
        // The genome is left out where all features are custom.
        if field == "genome" && h5.kind(&path).is_none() {
            continue;
        }
        let values = h5.strings(&path)?;
        if values.len() != index.len() {
            return Err(h5.error(
                &path,
                format!("{} values for {} features", values.len(), index.len()),
                REWRITE,
            ));
        }
        let wanted = match field {
            "feature_type" => Some(GENE_EXPRESSION),
            "genome" => options.genome.as_deref(),
            _ => None,
        };
        if let Some(wanted) = wanted {
            keep.iter_mut().zip(&values).for_each(|(k, v)| *k &= v == wanted);
        }
        columns.insert(name.to_owned(), Column::text(values));
    }
    let keep: Vec<usize> = (0..index.len()).filter(|&j| keep[j]).collect();
    if keep.is_empty() {
        if let (Some(_), Some(column)) = (&options.genome, columns.get("genome")) {
            let mut genomes: Vec<String> = (0..column.len()).filter_map(|j| column.get(j)).collect();
            genomes.sort();
            genomes.dedup();
            return Err(no_genome(h5.origin(), options, &genomes));
        }
        return Err(DataError::file(
            h5.origin(),
            format!("no feature is of kind {GENE_EXPRESSION}"),
            "pass a file with gene expression",
        ));
    }
    finish(h5, "matrix", DataFrame { index, columns }, Some(&keep), options)
}

/// The matrix itself: stored as genes × cells in CSC, which is cells × genes in CSR.
fn finish(
    h5: &impl Hdf5,
    group: &str,
    mut var: DataFrame,
    keep: Option<&[usize]>,
    options: &TenxOptions,
) -> Result<ExpressionMatrix> {
    let obs = DataFrame { index: h5.strings(&format!("{group}/barcodes"))?, columns: Columns::new() };
    let stated = whole_numbers::<usize>(h5, &format!("{group}/shape"))?;
    let shape = (obs.index.len(), var.index.len());
    if stated != [shape.1, shape.0] {
        return Err(h5.error(
            group,
            format!("its shape is {stated:?}, but there are {} genes and {} barcodes", shape.1, shape.0),
            REWRITE,
        ));
    }
    let mut matrix = sparse(h5, group, Compressed::Rows, shape)?;
    if let Some(keep) = keep.filter(|k| k.len() < shape.1) {
        matrix = matrix.select_cols(keep);
        var = select(&var, keep);
    }
    assemble(Values::Sparse(matrix), obs, var, options.duplicates).map_err(|e| in_file(h5.origin(), e))
}

/// The given rows of a table.
pub(super) fn select(frame: &DataFrame, rows: &[usize]) -> DataFrame {
    DataFrame {
        index: rows.iter().filter_map(|&j| frame.index.get(j).cloned()).collect(),
        columns: frame.columns.iter().map(|(k, c)| (k.clone(), c.select(rows))).collect(),
    }
}

fn no_genome(origin: &str, options: &TenxOptions, genomes: &[String]) -> DataError {
    let problem = match &options.genome {
        Some(wanted) => format!("holds no genome {wanted}"),
        None => format!("holds {} genomes", genomes.len()),
    };
    DataError::file(origin, problem, format!("choose one of its genomes: {}", genomes.join(", ")))
}
