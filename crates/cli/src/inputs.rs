//! Arguments and files that several commands share.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use indexmap::IndexMap;
use sensitome_data::detect::Scale;
use sensitome_data::genes::{Aliases, IdMap, RenameReport, to_symbols};
use sensitome_data::read::{self, CellBlocks, CsvOptions, H5adLayer, Orientation, ReadOptions, Table};
use sensitome_data::{Duplicates, ExpressionMatrix};

use crate::output::{Output, Result, fail};

/// How to read an expression file, where detection is not enough.
#[derive(Args, Debug, Clone)]
pub(crate) struct ReadArgs {
    /// Text files: which axis the rows are [samples, genes]; detected from the names
    #[arg(long, value_parser = orientation)]
    orientation: Option<Orientation>,
    /// Text files: the separator ("," ";" "tab"); detected
    #[arg(long, value_parser = separator)]
    separator: Option<u8>,
    /// .h5ad files: a named layer, or "raw", instead of X
    #[arg(long)]
    layer: Option<String>,
    /// 10x .h5 files of several genomes: which one
    #[arg(long)]
    genome: Option<String>,
    /// Genes that share a name: refuse, sum (counts), mean or first
    #[arg(long, value_parser = duplicates, default_value = "refuse")]
    duplicates: Duplicates,
}

/// Tables that translate gene names.
#[derive(Args, Debug, Clone)]
pub(crate) struct GeneArgs {
    /// Table of identifiers (entrez, symbol, ensembl) to translate gene names to symbols
    #[arg(long, value_name = "TABLE")]
    gene_ids: Option<PathBuf>,
    /// Table of aliases (alias, symbol) to bring older symbols up to date
    #[arg(long, value_name = "TABLE")]
    gene_aliases: Option<PathBuf>,
}

fn orientation(s: &str) -> std::result::Result<Orientation, String> {
    match s {
        "samples" => Ok(Orientation::SamplesInRows),
        "genes" => Ok(Orientation::GenesInRows),
        _ => Err("use samples (each row a sample) or genes (each row a gene)".into()),
    }
}

fn separator(s: &str) -> std::result::Result<u8, String> {
    match s.as_bytes() {
        [byte] => Ok(*byte),
        _ if s == "tab" || s == "\\t" => Ok(b'\t'),
        _ => Err("use one character, or tab".into()),
    }
}

/// What to do with genes that share a name.
pub(crate) fn duplicates(s: &str) -> std::result::Result<Duplicates, String> {
    match s {
        "refuse" => Ok(Duplicates::Refuse),
        "sum" => Ok(Duplicates::Sum),
        "mean" => Ok(Duplicates::Mean),
        "first" => Ok(Duplicates::First),
        _ => Err("use refuse, sum, mean or first".into()),
    }
}

/// The matrix of an `.h5ad` by name.
pub(crate) fn layer(name: Option<&str>) -> H5adLayer {
    match name {
        None => H5adLayer::X,
        Some("raw") => H5adLayer::Raw,
        Some(name) => H5adLayer::Layer(name.to_owned()),
    }
}

/// A scale by name.
pub(crate) fn scale(s: &str) -> std::result::Result<Scale, String> {
    s.parse().map_err(|e: sensitome_data::DataError| e.to_string())
}

impl ReadArgs {
    /// Reads an expression file and says how it was understood.
    pub(crate) fn read(&self, path: &Path, out: &Output) -> Result<ExpressionMatrix> {
        let (matrix, report) = read::expression(path, &self.options())?;
        out.note(&report.to_string());
        Ok(matrix)
    }

    /// The same for one of several files: --layer and --genome are for those that can have them.
    pub(crate) fn read_bulk(&self, path: &Path, out: &Output) -> Result<ExpressionMatrix> {
        let hdf5 = path.extension().is_some_and(|e| e == "h5ad" || e == "h5");
        if hdf5 {
            return self.read(path, out);
        }
        Self { layer: None, genome: None, ..self.clone() }.read(path, out)
    }

    /// Opens an AnnData file to be read this many cells at a time, ahead of whoever takes them; with their number.
    pub(crate) fn blocks(
        &self,
        path: &Path,
        cells: usize,
        out: &Output,
    ) -> Result<(usize, impl Iterator<Item = sensitome_data::Result<ExpressionMatrix>> + Send + use<>)> {
        let options = self.options();
        let blocks = CellBlocks::open(path, &options.layer, options.duplicates, cells)?;
        let (cells, genes) = (blocks.n_cells(), blocks.genes().len());
        out.note(&format!(
            "{}: AnnData .h5ad, {cells} cells × {genes} genes, read in blocks",
            path.display()
        ));
        Ok((cells, read::read_ahead(blocks, 1)))
    }

    fn options(&self) -> ReadOptions {
        ReadOptions {
            csv: CsvOptions {
                separator: self.separator,
                orientation: self.orientation,
                duplicates: self.duplicates,
            },
            layer: layer(self.layer.as_deref()),
            duplicates: self.duplicates,
            genome: self.genome.clone(),
        }
    }
}

impl GeneArgs {
    /// Whether a table was given.
    pub(crate) fn any(&self) -> bool {
        self.gene_ids.is_some() || self.gene_aliases.is_some()
    }

    /// Reads the tables.
    pub(crate) fn tables(&self) -> Result<GeneTables> {
        Ok(GeneTables {
            ids: self.gene_ids.as_deref().map(IdMap::read).transpose()?,
            aliases: self.gene_aliases.as_deref().map(Aliases::read).transpose()?,
        })
    }

    /// Brings gene names to symbols; with the names that changed, old to new.
    pub(crate) fn symbols(
        &self,
        what: &str,
        matrix: &ExpressionMatrix,
        out: &Output,
    ) -> Result<(ExpressionMatrix, IndexMap<String, String>)> {
        let (renamed, report) = self.tables()?.symbols(matrix, Duplicates::fitting(matrix))?;
        if !report.renamed.is_empty() {
            out.note(&format!("{what}: {report}"));
        }
        Ok((renamed, report.renamed))
    }
}

/// The tables of [`GeneArgs`], read.
pub(crate) struct GeneTables {
    ids: Option<IdMap>,
    aliases: Option<Aliases>,
}

impl GeneTables {
    /// Brings gene names to symbols; genes that come to share one are dealt with as `duplicates` says.
    pub(crate) fn symbols(
        &self,
        matrix: &ExpressionMatrix,
        duplicates: Duplicates,
    ) -> sensitome_data::Result<(ExpressionMatrix, RenameReport)> {
        to_symbols(matrix, self.ids.as_ref(), self.aliases.as_ref(), duplicates)
    }
}

/// Names given directly (`A,B`), as a file with one name a line, or as a column of a table (`FILE:COLUMN`).
pub(crate) fn names(given: &str) -> Result<Vec<String>> {
    if Path::new(given).is_file() {
        let text = read_text(Path::new(given))?;
        return Ok(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect());
    }
    if let Some((file, column)) = given.rsplit_once(':')
        && Path::new(file).is_file()
    {
        let table = Table::read(Path::new(file))?;
        let unique: HashSet<String> =
            table.column(column)?.iter().filter(|n| !n.is_empty()).cloned().collect();
        let mut names: Vec<String> = unique.into_iter().collect();
        names.sort();
        return Ok(names);
    }
    if given.contains(['/', '\\']) {
        return fail(format!(
            "--exclude {given}: there is no such file; pass names separated by commas, a file, or FILE:COLUMN"
        ));
    }
    Ok(given.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect())
}

fn read_text(path: &Path) -> Result<String> {
    use std::io::Read;
    let mut text = String::new();
    sensitome_data::Input::from(path)
        .reader()?
        .read_to_string(&mut text)
        .map_err(|e| sensitome_data::DataError::io(path, "read", e))?;
    Ok(text)
}
