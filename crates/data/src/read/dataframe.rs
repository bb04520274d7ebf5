//! Annotation tables of AnnData files, `obs` and `var`: an index of names and columns.
//!
//! Three layouts are in use: groups with an `encoding-type` each (anndata 0.8 and later), groups with the
//! categories in a `__categories` subgroup (0.7), and one table of records with the categories in `uns` (before).
//! Columns that are no list of text, numbers, booleans or categories are left out.

use std::ops::Range;

use crate::hdf5::{Array, Hdf5, Kind, REWRITE};
use crate::{Column, Columns, Result};

/// Names and annotations of one axis.
#[derive(Clone)]
pub(super) struct DataFrame {
    pub(super) index: Vec<String>,
    pub(super) columns: Columns,
}

impl DataFrame {
    /// The rows of a range within it.
    pub(super) fn select(&self, rows: Range<usize>) -> Self {
        let index = self.index.get(rows.clone()).unwrap_or_default().to_vec();
        let rows: Vec<usize> = rows.collect();
        Self { index, columns: self.columns.iter().map(|(k, c)| (k.clone(), c.select(&rows))).collect() }
    }
}

/// Reads the table at `path`.
pub(super) fn dataframe(h5: &impl Hdf5, path: &str) -> Result<DataFrame> {
    match h5.kind(path) {
        Some(Kind::Group) => from_group(h5, path),
        Some(Kind::Dataset) => from_records(h5, path),
        None => {
            Err(h5.error(path, "is missing", "this is no AnnData file; write it with adata.write_h5ad(path)"))
        }
    }
}

fn from_group(h5: &impl Hdf5, path: &str) -> Result<DataFrame> {
    let index_name = match h5.text_attribute(path, "_index")?.as_deref() {
        Some([name]) => name.clone(),
        _ => "_index".to_owned(),
    };
    let index = names(h5, &format!("{path}/{index_name}"))?;
    let order = match h5.text_attribute(path, "column-order")? {
        Some(order) => order,
        // Present but without text when there are no columns, and then so are the members.
        None => {
            let members = h5.members(path)?;
            members.into_iter().filter(|m| *m != index_name && m != "__categories").collect()
        }
    };
    let mut columns = Columns::new();
    for name in order {
        let at = format!("{path}/{name}");
        let coded = format!("{path}/__categories/{name}");
        let column = match h5.kind(&at) {
            Some(Kind::Group) => from_encoded(h5, &at)?,
            _ if h5.kind(&coded) == Some(Kind::Dataset) => {
                Some(categories(h5, &at, h5.array(&at)?, h5.strings(&coded)?)?)
            }
            _ => plain(h5.array(&at)?),
        };
        let Some(column) = column else { continue };
        check_length(h5, &at, &column, index.len())?;
        columns.insert(name, column);
    }
    Ok(DataFrame { index, columns })
}

/// Names without gaps: a list, or the nullable strings of a recent pandas.
fn names(h5: &impl Hdf5, path: &str) -> Result<Vec<String>> {
    if h5.kind(path) != Some(Kind::Group) {
        return h5.strings(path);
    }
    let column = match encoding(h5, path)?.as_str() {
        "nullable-string-array" => nullable(h5, path)?,
        _ => None,
    };
    match column {
        Some(Column::Text(v)) => v.into_iter().collect::<Option<_>>(),
        _ => None,
    }
    .ok_or_else(|| h5.error(path, "is not a list of names without gaps", REWRITE))
}

fn encoding(h5: &impl Hdf5, path: &str) -> Result<String> {
    Ok(h5.text_attribute(path, "encoding-type")?.unwrap_or_default().concat())
}

/// A column that is a group of its own: categorical or nullable.
fn from_encoded(h5: &impl Hdf5, path: &str) -> Result<Option<Column>> {
    match encoding(h5, path)?.as_str() {
        "categorical" => {
            let codes = h5.array(&format!("{path}/codes"))?;
            let names = names(h5, &format!("{path}/categories"))?;
            categories(h5, path, codes, names).map(Some)
        }
        "nullable-integer" | "nullable-boolean" | "nullable-string-array" => nullable(h5, path),
        _ => Ok(None),
    }
}

/// Values and a mask that is true where they are missing.
fn nullable(h5: &impl Hdf5, path: &str) -> Result<Option<Column>> {
    let at = format!("{path}/mask");
    let Array::Bool(mask) = h5.array(&at)? else {
        return Err(h5.error(&at, "is not a list of booleans", REWRITE));
    };
    plain(h5.array(&format!("{path}/values"))?).map(|c| masked(h5, path, c, &mask)).transpose()
}

fn plain(values: Array) -> Option<Column> {
    match values {
        Array::Text(v) => Some(Column::text(v)),
        Array::Integer(v) => Some(Column::Number(v.into_iter().map(|x| x as f64).collect())),
        Array::Float(v) => Some(Column::Number(v)),
        Array::Bool(v) => Some(Column::Category {
            codes: v.into_iter().map(|b| Some(u32::from(b))).collect(),
            names: vec!["false".to_owned(), "true".to_owned()],
        }),
        Array::Other => None,
    }
}

/// Takes the values out where the mask is true.
fn masked(h5: &impl Hdf5, path: &str, column: Column, mask: &[bool]) -> Result<Column> {
    check_length(h5, path, &column, mask.len())?;
    let keep = mask.iter().map(|&m| !m);
    Ok(match column {
        Column::Text(v) => Column::Text(v.into_iter().zip(keep).map(|(x, k)| x.filter(|_| k)).collect()),
        Column::Number(v) => {
            Column::Number(v.into_iter().zip(keep).map(|(x, k)| if k { x } else { f64::NAN }).collect())
        }
        Column::Category { codes, names } => Column::Category {
            codes: codes.into_iter().zip(keep).map(|(x, k)| x.filter(|_| k)).collect(),
            names,
        },
    })
}

/// Codes into names; -1 is missing.
fn categories(h5: &impl Hdf5, path: &str, codes: Array, names: Vec<String>) -> Result<Column> {
    let Array::Integer(codes) = codes else {
        return Err(h5.error(path, "the codes of the categories are no integers", REWRITE));
    };
    let code = |c: i64| match u32::try_from(c) {
        Ok(code) if (code as usize) < names.len() => Ok(Some(code)),
        _ if c == -1 => Ok(None),
        _ => Err(h5.error(path, format!("code {c} for {} categories", names.len()), REWRITE)),
    };
    let codes = codes.into_iter().map(code).collect::<Result<_>>()?;
    Ok(Column::Category { codes, names })
}

/// The oldest layout: the first field is the index, codes point into `uns/<field>_categories`.
fn from_records(h5: &impl Hdf5, path: &str) -> Result<DataFrame> {
    let mut fields = h5.table(path)?.into_iter();
    let index = match fields.next() {
        Some((_, Array::Text(v))) => v,
        Some((_, Array::Integer(v))) => v.iter().map(i64::to_string).collect(),
        _ => return Err(h5.error(path, "its first field holds no names", REWRITE)),
    };
    let mut columns = Columns::new();
    for (name, values) in fields {
        let coded = format!("uns/{name}_categories");
        let column = match values {
            Array::Integer(_) if h5.kind(&coded) == Some(Kind::Dataset) => {
                Some(categories(h5, &format!("{path}/{name}"), values, h5.strings(&coded)?)?)
            }
            other => plain(other),
        };
        if let Some(column) = column {
            columns.insert(name, column);
        }
    }
    Ok(DataFrame { index, columns })
}

fn check_length(h5: &impl Hdf5, path: &str, column: &Column, expected: usize) -> Result<()> {
    if column.len() == expected {
        return Ok(());
    }
    Err(h5.error(path, format!("{} values for {expected} rows", column.len()), REWRITE))
}
