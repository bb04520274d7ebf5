//! Gene names of a matrix turned into current symbols.

use std::collections::HashSet;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::ids::{IdKind, detect_ids, kind_of};
use super::map::{Aliases, IdMap};
use crate::{Column, Duplicates, ExpressionMatrix, Result};

/// Gene columns that hold symbols in files of Cell Ranger, scanpy and the public archives.
const SYMBOL_COLUMNS: [&str; 7] =
    ["symbol", "gene_symbol", "gene_symbols", "gene_name", "gene_names", "feature_name", "gene_short_name"];

/// Where the symbols of ids came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenameSource {
    /// The names were symbols already, or nothing was given to map them.
    None,
    /// The given [`IdMap`].
    Map,
    /// This gene column of the matrix itself.
    Column(String),
}

/// What [`to_symbols`] did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenameReport {
    /// Kind of the names before.
    pub kind: IdKind,
    /// Number of genes before.
    pub n: usize,
    /// Where the symbols of ids came from.
    pub source: RenameSource,
    /// Ids replaced by a symbol.
    pub by_id: usize,
    /// Aliases replaced by the current symbol.
    pub by_alias: usize,
    /// Ensembl and Entrez ids without a symbol: they keep their name.
    pub unmapped: Vec<String>,
    /// Symbols that several genes came to share, dealt with as `duplicates` says.
    pub merged: Vec<String>,
    /// How genes of one name were dealt with.
    pub duplicates: Duplicates,
    /// Every name that changed, to its new one: what a model remembers to read the same kind of file again.
    pub renamed: IndexMap<String, String>,
}

impl fmt::Display for RenameReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.n, self.kind)?;
        match &self.source {
            RenameSource::None => {}
            RenameSource::Map => write!(f, ", {} mapped to symbols by the table", self.by_id)?,
            RenameSource::Column(c) => {
                write!(f, ", {} mapped to symbols by the gene column {c}", self.by_id)?
            }
        }
        if self.by_alias > 0 {
            write!(f, ", {} aliases replaced", self.by_alias)?;
        }
        if !self.unmapped.is_empty() {
            write!(f, ", {} ids without a symbol kept", self.unmapped.len())?;
        }
        if !self.merged.is_empty() {
            let how = match self.duplicates {
                Duplicates::Sum => "added up",
                Duplicates::Mean => "averaged",
                Duplicates::First | Duplicates::Refuse => "reduced to their first",
            };
            write!(f, ", {} symbols shared by several genes, {how}", self.merged.len())?;
        }
        Ok(())
    }
}

/// Renames the genes of `matrix` to current symbols: Ensembl and Entrez ids through `map`, or, where none is given,
/// through the gene column of symbols that came with the matrix; then names that are aliases through `aliases`. An
/// alias whose current symbol the matrix has already is kept as it is, so that one gene does not silently become two
/// measurements merged. What cannot be mapped keeps its name.
///
/// # Errors
/// When genes come to share a symbol and `duplicates` is [`Duplicates::Refuse`].
pub fn to_symbols(
    matrix: &ExpressionMatrix,
    map: Option<&IdMap>,
    aliases: Option<&Aliases>,
    duplicates: Duplicates,
) -> Result<(ExpressionMatrix, RenameReport)> {
    let genes = matrix.genes();
    let kind = detect_ids(genes).kind;
    let column = SYMBOL_COLUMNS
        .iter()
        .find_map(|name| Some((*name, matrix.gene_columns().get(*name)?)))
        .filter(|_| map.is_none() && kind != IdKind::Symbol);
    let mut report = RenameReport {
        kind,
        n: genes.len(),
        source: match (&map, &column) {
            (Some(_), _) => RenameSource::Map,
            (None, Some((name, _))) => RenameSource::Column((*name).to_owned()),
            (None, None) => RenameSource::None,
        },
        by_id: 0,
        by_alias: 0,
        unmapped: Vec::new(),
        merged: Vec::new(),
        duplicates,
        renamed: IndexMap::new(),
    };
    let mut names: Vec<String> = Vec::with_capacity(genes.len());
    for (j, gene) in genes.iter().enumerate() {
        let symbol = symbol_of_id(gene, j, map, column.map(|c| c.1));
        match symbol {
            Some(symbol) => {
                report.by_id += 1;
                names.push(symbol);
            }
            None => {
                if matches!(kind_of(gene), IdKind::Ensembl | IdKind::Entrez) {
                    report.unmapped.push(gene.clone());
                }
                names.push(gene.clone());
            }
        }
    }
    if let Some(aliases) = aliases {
        let present: HashSet<String> = names.iter().cloned().collect();
        for name in &mut names {
            if let Some(current) = aliases.symbol(name).filter(|s| !present.contains(*s)) {
                *name = current.to_owned();
                report.by_alias += 1;
            }
        }
    }
    let changed = genes.iter().zip(&names).filter(|(old, new)| old != new);
    report.renamed = changed.map(|(old, new)| (old.clone(), new.clone())).collect();
    let (out, merged) = matrix.rename_genes(names, duplicates)?;
    report.merged = merged;
    Ok((out, report))
}

fn symbol_of_id(gene: &str, j: usize, map: Option<&IdMap>, column: Option<&Column>) -> Option<String> {
    if let Some(column) = column {
        // Where a file has no symbol it repeats the id; such a gene is unmapped.
        return column.get(j).filter(|s| !s.is_empty() && s != gene);
    }
    let map = map?;
    match kind_of(gene) {
        IdKind::Ensembl => map.symbol_of_ensembl(gene),
        IdKind::Entrez => map.symbol_of_entrez(gene),
        IdKind::Symbol | IdKind::Unknown => None,
    }
    .map(str::to_owned)
}
