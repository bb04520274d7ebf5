//! GMT gene sets: one set a line, name, description and genes separated by tabs.

use std::io::BufRead;

use indexmap::{IndexMap, IndexSet};
use serde::{Deserialize, Serialize};

use crate::{DataError, Input, Result};

/// One gene set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneSet {
    /// What the file says about it, often an address.
    pub description: String,
    /// Its genes in file order, each once.
    pub genes: Vec<String>,
}

/// Gene sets by name, in file order.
pub type GeneSets = IndexMap<String, GeneSet>;

/// Reads gene sets, plain or gzip. A gene that a line names twice is kept once.
///
/// # Errors
/// With the line number: when a line has no name or no gene, a set occurs twice, the text is not UTF-8, or there is
/// no set at all.
pub fn gmt<'a>(input: impl Into<Input<'a>>) -> Result<GeneSets> {
    let input = input.into();
    let origin = input.origin();
    let mut reader = input.buffered()?;
    let (mut sets, mut bytes, mut number) = (GeneSets::new(), Vec::new(), 0u64);
    const FORM: &str = "a line is: name, tab, description, tab, genes separated by tabs";
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|e| input.read_error(e))? == 0 {
            break;
        }
        number += 1;
        let line = str::from_utf8(&bytes)
            .map_err(|_| DataError::line(&origin, number, "is not UTF-8 text", "save the file as UTF-8"))?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() {
            continue;
        }
        let mut fields = line.split('\t').map(str::trim);
        let name = fields.next().unwrap_or_default();
        let description = fields.next().unwrap_or_default().to_owned();
        let genes: IndexSet<&str> = fields.filter(|g| !g.is_empty()).collect();
        if name.is_empty() || genes.is_empty() {
            let problem = if name.is_empty() { "has no name" } else { "has no gene" };
            return Err(DataError::line(&origin, number, format!("the set {problem}"), FORM));
        }
        let set = GeneSet { description, genes: genes.into_iter().map(str::to_owned).collect() };
        if sets.insert(name.to_owned(), set).is_some() {
            return Err(DataError::line(
                &origin,
                number,
                format!("set {name} occurs twice"),
                "give every set its own name",
            ));
        }
    }
    if sets.is_empty() {
        return Err(DataError::file(origin, "holds no gene set", FORM));
    }
    Ok(sets)
}
