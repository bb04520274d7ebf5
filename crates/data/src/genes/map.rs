//! Tables that lead from other identifiers, and from old names, to current symbols.

use std::collections::HashMap;

use super::ids::{entrez_number, without_version};
use crate::read::Table;
use crate::{DataError, Input, Result};

/// Entrez and Ensembl ids with their symbols.
#[derive(Debug, Clone, Default)]
pub struct IdMap {
    by_ensembl: HashMap<String, String>,
    by_entrez: HashMap<String, String>,
}

impl IdMap {
    /// Reads a table with the columns `symbol`, and `entrez` or `ensembl` or both; several Ensembl ids in one cell
    /// are separated by `;`. Where an id stands on several lines, the first protein-coding one counts if there is a
    /// column `gene_type`, else the first.
    ///
    /// # Errors
    /// When the table cannot be read, has no such columns, or maps nothing.
    pub fn read<'a>(input: impl Into<Input<'a>>) -> Result<Self> {
        let table = Table::read(input)?;
        let symbols = table.column("symbol")?;
        let coding = table.column("gene_type").ok();
        let (entrez, ensembl) = (table.column("entrez").ok(), table.column("ensembl").ok());
        if entrez.is_none() && ensembl.is_none() {
            return Err(DataError::file(
                table.origin(),
                format!("has neither a column entrez nor ensembl, only {}", table.header().join(", ")),
                "pass a table with the columns entrez, symbol and ensembl",
            ));
        }
        let mut rows: Vec<usize> = (0..table.n_rows()).filter(|&i| !symbols[i].is_empty()).collect();
        if let Some(kinds) = coding {
            rows.sort_by_key(|&i| kinds[i] != "protein-coding");
        }
        let mut map = Self::default();
        for i in rows {
            if let Some(id) = entrez.and_then(|c| entrez_number(&c[i])) {
                map.by_entrez.entry(id.to_owned()).or_insert_with(|| symbols[i].clone());
            }
            for id in ensembl.map(|c| c[i].split(';')).into_iter().flatten().map(str::trim) {
                if !id.is_empty() {
                    let id = without_version(id).to_owned();
                    map.by_ensembl.entry(id).or_insert_with(|| symbols[i].clone());
                }
            }
        }
        if map.by_entrez.is_empty() && map.by_ensembl.is_empty() {
            return Err(DataError::file(
                table.origin(),
                "maps no identifier to a symbol",
                "pass a table with the columns entrez, symbol and ensembl",
            ));
        }
        Ok(map)
    }

    /// The symbol of an Ensembl id (its version is ignored).
    pub fn symbol_of_ensembl(&self, id: &str) -> Option<&str> {
        self.by_ensembl.get(without_version(id)).map(String::as_str)
    }

    /// The symbol of an Entrez id, bare or written `entrez:1956`.
    pub fn symbol_of_entrez(&self, id: &str) -> Option<&str> {
        self.by_entrez.get(entrez_number(id)?).map(String::as_str)
    }

    /// Number of Ensembl and of Entrez ids.
    pub fn counts(&self) -> (usize, usize) {
        (self.by_ensembl.len(), self.by_entrez.len())
    }
}

/// Former or alternative symbols with the current ones.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    current: HashMap<String, String>,
}

impl Aliases {
    /// Reads a table with the columns `alias` and `symbol`. An alias that stands for several symbols is left out:
    /// nothing says which is meant.
    ///
    /// # Errors
    /// When the table cannot be read or has no such columns.
    pub fn read<'a>(input: impl Into<Input<'a>>) -> Result<Self> {
        let table = Table::read(input)?;
        let (aliases, symbols) = (table.column("alias")?, table.column("symbol")?);
        let mut found: HashMap<String, Option<String>> = HashMap::new();
        for (alias, symbol) in aliases.iter().zip(symbols).filter(|(a, s)| !a.is_empty() && !s.is_empty()) {
            let entry = found.entry(alias.clone()).or_insert_with(|| Some(symbol.clone()));
            if entry.as_ref().is_some_and(|s| s != symbol) {
                *entry = None;
            }
        }
        Ok(Self { current: found.into_iter().filter_map(|(a, s)| Some((a, s?))).collect() })
    }

    /// The current symbol of an alias.
    pub fn symbol(&self, alias: &str) -> Option<&str> {
        self.current.get(alias).map(String::as_str)
    }

    /// Number of aliases.
    pub fn len(&self) -> usize {
        self.current.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }
}
