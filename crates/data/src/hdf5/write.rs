//! Writing an HDF5 file from a description of it.

use std::io::Write;

use hdf5_pure::{
    AttrValue, DatasetBuilder, EnumTypeBuilder, FileBuilder, GroupBuilder, MaxExtent, make_i8_type,
};

use crate::{DataError, Result};

/// A group or a dataset to be written, with its attributes.
pub(crate) struct Node {
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
    pub(crate) content: Content,
}

/// An attribute to be written.
pub(crate) enum Attribute {
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i64>),
    Bool(bool),
}

/// What a node holds.
pub(crate) enum Content {
    Group(Vec<(String, Node)>),
    /// Row-major values with their extents.
    Float32 {
        values: Vec<f32>,
        shape: Vec<u64>,
    },
    Float64(Vec<f64>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
    /// A list without values that can grow, compressed by deflate where a level is given.
    Empty(Growth, Option<u32>),
}

/// What a list that grows holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Growth {
    Float32,
    Int32,
    Int64,
}

/// About how many values a chunk holds; h5py's guess comes to the same order.
pub(super) const CHUNK: u64 = 1 << 15;
/// The longest side of a chunk. hdf5-pure writes sides beyond 65,535 in four bytes where HDF5 2.0 expects three
/// and then refuses the file.
const MAX_SIDE: u64 = CHUNK;
const DEFLATE: u32 = 4;

/// Writes a file whose root is `root`, from front to back.
///
/// # Errors
/// When writing fails, or a name cannot be one in HDF5; `origin` is what the error calls the file.
pub(crate) fn write(origin: &str, root: &Node, out: &mut dyn Write) -> Result<()> {
    let mut file = FileBuilder::new();
    for (name, value) in &root.attributes {
        file.set_attr(name, attribute(value));
    }
    let Content::Group(members) = &root.content else {
        return Err(DataError::invalid("HDF5 file", "the root is not a group", "wrap it in one"));
    };
    for (name, node) in members {
        check_name(name)?;
        match &node.content {
            Content::Group(_) => {
                let mut group = file.create_group(name);
                fill_group(&mut group, node)?;
                file.add_group(group.finish());
            }
            content => fill_dataset(file.create_dataset(name), node, content)?,
        }
    }
    file.finish_to(out).map_err(|e| DataError::Io {
        origin: origin.to_owned(),
        action: "write",
        source: std::io::Error::other(e),
    })
}

fn fill_group(group: &mut GroupBuilder, node: &Node) -> Result<()> {
    for (name, value) in &node.attributes {
        group.set_attr(name, attribute(value));
    }
    let Content::Group(members) = &node.content else { return Ok(()) };
    for (name, node) in members {
        check_name(name)?;
        match &node.content {
            Content::Group(_) => {
                let mut inner = group.create_group(name);
                fill_group(&mut inner, node)?;
                group.add_group(inner.finish());
            }
            content => fill_dataset(group.create_dataset(name), node, content)?,
        }
    }
    Ok(())
}

pub(super) fn fill_dataset(dataset: &mut DatasetBuilder, node: &Node, content: &Content) -> Result<()> {
    let shape = match content {
        Content::Group(_) => return Ok(()),
        Content::Float32 { values, shape } => {
            dataset.with_f32_data(values);
            shape.clone()
        }
        Content::Float64(v) => {
            dataset.with_f64_data(v);
            vec![v.len() as u64]
        }
        Content::Int32(v) => {
            dataset.with_i32_data(v);
            vec![v.len() as u64]
        }
        Content::Int64(v) => {
            dataset.with_i64_data(v);
            vec![v.len() as u64]
        }
        Content::Bool(v) => {
            // The enumeration h5py and anndata take for booleans.
            let kind = EnumTypeBuilder::with_base(make_i8_type())
                .value("FALSE", 0)
                .value("TRUE", 1)
                .build()
                .map_err(|e| DataError::invalid("boolean column", e.to_string(), "report this as a bug"))?;
            dataset.with_enum_u8_data(kind, &v.iter().map(|&b| u8::from(b)).collect::<Vec<_>>());
            vec![v.len() as u64]
        }
        Content::Text(v) => {
            if let Some(text) = v.iter().find(|t| t.contains('\0')) {
                return Err(DataError::invalid(
                    format!("text {text:?}"),
                    "holds a NUL character, which ends a string in HDF5",
                    "remove it",
                ));
            }
            dataset.with_vlen_strings(&v.iter().map(String::as_str).collect::<Vec<_>>());
            vec![v.len() as u64]
        }
        Content::Empty(growth, level) => {
            match growth {
                Growth::Float32 => dataset.with_f32_data(&[]),
                Growth::Int32 => dataset.with_i32_data(&[]),
                Growth::Int64 => dataset.with_i64_data(&[]),
            };
            dataset.with_maxshape(&[MaxExtent::Unlimited]).with_chunks(&[CHUNK]);
            if let Some(level) = level {
                dataset.with_shuffle().with_deflate(*level);
            }
            vec![0]
        }
    };
    dataset.with_shape(&shape);
    // Strings lie in the heap, which no filter reaches; empty arrays have no chunks.
    if !matches!(content, Content::Text(_)) && shape.iter().all(|&n| n > 0) {
        dataset.with_chunks(&chunk(&shape)).with_shuffle().with_deflate(DEFLATE);
    }
    for (name, value) in &node.attributes {
        dataset.set_attr(name, attribute(value));
    }
    Ok(())
}

/// Whole rows, as many as make up about [`CHUNK`] values; parts of rows where one is longer than [`MAX_SIDE`].
fn chunk(shape: &[u64]) -> Vec<u64> {
    let row: u64 = shape.iter().skip(1).map(|&n| n.min(MAX_SIDE)).product();
    let rows = (CHUNK / row.max(1)).clamp(1, MAX_SIDE);
    shape.iter().enumerate().map(|(i, &n)| n.min(if i == 0 { rows } else { MAX_SIDE })).collect()
}

pub(super) fn attribute(value: &Attribute) -> AttrValue {
    match value {
        Attribute::Text(s) => AttrValue::VarLenString(s.clone()),
        Attribute::Texts(v) => AttrValue::VarLenStringArray(v.clone()),
        Attribute::Integers(v) => AttrValue::I64Array(v.clone()),
        Attribute::Bool(b) => AttrValue::U8(u8::from(*b)),
    }
}

pub(super) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(DataError::invalid(
            format!("name {name:?}"),
            "cannot be the name of a column or embedding in an HDF5 file",
            "rename it, without `/`",
        ));
    }
    Ok(())
}
