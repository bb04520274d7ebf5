//! Which cell belongs to which group.

use std::collections::BTreeMap;

use sensitome_data::Column;

use crate::{AnalysisError, Result};

/// A group for every cell, or none: cells without a group take no part in any comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    codes: Vec<Option<u32>>,
    names: Vec<String>,
}

impl Groups {
    /// Groups by label, one per cell; groups are ordered by name.
    pub fn new<S: AsRef<str>>(labels: impl IntoIterator<Item = S>) -> Self {
        Self::from_optional(labels.into_iter().map(Some))
    }

    /// As [`new`](Self::new), `None` for cells without a group.
    pub fn from_optional<S: AsRef<str>>(labels: impl IntoIterator<Item = Option<S>>) -> Self {
        let labels: Vec<Option<S>> = labels.into_iter().collect();
        let mut names: BTreeMap<&str, u32> =
            labels.iter().flatten().map(|label| (label.as_ref(), 0)).collect();
        for (code, place) in (0..).zip(names.values_mut()) {
            *place = code;
        }
        let codes = labels.iter().map(|label| label.as_ref().map(|l| names[l.as_ref()])).collect();
        Self { codes, names: names.keys().map(|&n| n.to_owned()).collect() }
    }

    /// Groups by an annotation of the cells, such as a column of predicted classes.
    pub fn from_column(column: &Column) -> Self {
        Self::from_optional((0..column.len()).map(|i| column.get(i)))
    }

    /// Groups by number, in the given order of names; a name without cells is allowed unless it is compared.
    ///
    /// # Errors
    /// When a code names no group, or two groups share a name.
    pub fn from_codes(codes: Vec<Option<u32>>, names: Vec<String>) -> Result<Self> {
        if let Some(code) = codes.iter().flatten().find(|&&c| c as usize >= names.len()) {
            let problem = format!("code {code}, but {} names", names.len());
            return Err(AnalysisError::invalid("groups", problem, "number the names from 0"));
        }
        if let Some(i) = (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            return Err(AnalysisError::Duplicate { what: "groups", name: names[i].clone() });
        }
        Ok(Self { codes, names })
    }

    /// Number of cells, those without a group included.
    pub fn n_cells(&self) -> usize {
        self.codes.len()
    }

    /// The names, in the order of the codes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Index into [`names`](Self::names) for every cell.
    pub fn codes(&self) -> &[Option<u32>] {
        &self.codes
    }

    /// Number of cells of every group.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        for &code in self.codes.iter().flatten() {
            sizes[code as usize] += 1;
        }
        sizes
    }

    /// The code of a group.
    pub(crate) fn code(&self, name: &str) -> Result<u32> {
        let found = (0..).zip(&self.names).find(|(_, n)| *n == name);
        found.map(|(code, _)| code).ok_or_else(|| AnalysisError::UnknownGroup {
            name: name.to_owned(),
            known: if self.names.is_empty() { "none".into() } else { self.names.join(", ") },
        })
    }
}
