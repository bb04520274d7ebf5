//! Tables of labels: who is sensitive, who is resistant.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::Table;
use crate::{DataError, Result};

/// A table of labels and how to read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelTable {
    /// The table.
    pub file: PathBuf,
    /// Column of the names; the first where not given.
    pub key: Option<String>,
    /// Column of the labels; `label`, or the second of two, where not given.
    pub column: Option<String>,
    /// Label 1 where the label column has this value, 0 elsewhere; the usual words for labels where not given.
    pub positive: Option<String>,
    /// Only rows that have these values, by column.
    pub filters: BTreeMap<String, String>,
}

impl LabelTable {
    /// A table of two columns, or with a column `label`.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// Labels by name: 1 sensitive, 0 resistant. Rows without a label are left out.
    ///
    /// # Errors
    /// When a column is not there or not clear, a value is no label, or a name has both labels.
    pub fn read(&self) -> Result<HashMap<String, u8>> {
        let file = || self.file.display().to_string();
        let table = Table::read(self.file.as_path())?;
        let header = table.header();
        let key = self.key.as_ref().or(header.first()).map(String::as_str).unwrap_or_default();
        let column = match &self.column {
            Some(c) => c,
            None => match header.iter().find(|h| *h == "label") {
                Some(label) => label,
                None if header.len() == 2 => &header[1],
                None => {
                    return Err(DataError::file(
                        file(),
                        format!("several columns could hold the label ({})", header.join(", ")),
                        "name one with --label-column",
                    ));
                }
            },
        };
        let filters = self.filters.iter().map(|(name, value)| Ok((table.column(name)?, value)));
        let filters = filters.collect::<Result<Vec<_>>>()?;
        let (keys, values) = (table.column(key)?, table.column(column)?);
        let mut labels: HashMap<String, u8> = HashMap::new();
        for i in (0..table.n_rows()).filter(|&i| filters.iter().all(|(c, v)| c[i] == **v)) {
            let found = match &self.positive {
                Some(p) => Some(u8::from(values[i] == *p)),
                None => label(&values[i]).map_err(|problem| {
                    DataError::line(
                        file(),
                        table.line(i).unwrap_or(i as u64 + 2),
                        format!("column {column}: {problem}"),
                        "use 1 or sensitive, 0 or resistant, or empty (--positive VALUE makes labels of other words)",
                    )
                })?,
            };
            if let Some(found) = found
                && labels.insert(keys[i].clone(), found).is_some_and(|before| before != found)
            {
                return Err(DataError::file(
                    file(),
                    format!("{} is labelled both 0 and 1", keys[i]),
                    "choose the rows with --where column=value (the drug and data set, say)",
                ));
            }
        }
        if let Some(p) = self.positive.as_ref().filter(|_| !labels.values().any(|&v| v == 1)) {
            return Err(DataError::file(
                file(),
                format!("no row has {p} in column {column}"),
                "give --positive a value that occurs",
            ));
        }
        Ok(labels)
    }
}

/// 1 or 0 from the usual words; `None` where missing.
fn label(value: &str) -> std::result::Result<Option<u8>, String> {
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "na" | "nan" => Ok(None),
        "1" | "1.0" | "sensitive" | "true" => Ok(Some(1)),
        "0" | "0.0" | "resistant" | "false" => Ok(Some(0)),
        _ => Err(format!("{value:?} is no label")),
    }
}
