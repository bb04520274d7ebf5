//! [`Hdf5`] over hdf5-pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hdf5_pure::{
    DType, Dataset, DatasetAccessProperties, Datatype, File, FileAccessProperties, MetadataCacheConfig,
    Source, VlenStringReadOptions,
};

use super::heap::Heap;
use super::record;
use super::source::Bytes;
use super::window::{self, Window};
use super::{Array, Hdf5, Kind, REWRITE};
use crate::{DataError, Input, Result};

/// Integers decoded at a time.
const BLOCK: u64 = 1 << 18;

const DAMAGED: &str = "the file is damaged or was cut short; copy or download it again";

/// Opens an HDF5 file for reading.
///
/// # Errors
/// When the file cannot be opened or is not HDF5.
pub(crate) fn open(input: &Input<'_>) -> Result<impl Hdf5 + use<>> {
    let origin = input.origin();
    let source = Bytes::open(input)?;
    let Some(base) = source.start() else {
        return Err(DataError::file(
            origin,
            "is not an HDF5 file",
            "pass an .h5ad or a 10x .h5 file; text tables and .mtx have readers of their own",
        ));
    };
    let access = FileAccessProperties::new()
        .with_metadata_cache(MetadataCacheConfig::new(8 << 20).with_max_entry_bytes(64 << 10));
    let file = guard(&origin, "file", || File::from_source_with_options(source.clone(), access))?;
    // As the HDF5 library does: what is missing may be needed only later, or never noticed.
    let end = file.superblock().eof_address;
    if source.len() < end {
        return Err(DataError::file(
            origin,
            format!("holds {} of {end} bytes", source.len()),
            "it was cut short; copy or download it again",
        ));
    }
    Ok(PureFile { file, source, base, origin })
}

struct PureFile {
    file: File,
    source: Bytes,
    base: u64,
    origin: String,
}

/// Runs one call into hdf5-pure. The library answers damaged files with errors, but it is large and asserts some
/// of its invariants; a panic that a hostile file may still provoke ends here, and only here.
pub(super) fn guard<T>(
    origin: &str,
    path: &str,
    call: impl FnOnce() -> std::result::Result<T, hdf5_pure::Error>,
) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(DataError::file(origin, format!("{path}: {e}"), DAMAGED)),
        Err(_) => Err(DataError::file(origin, format!("{path}: the content contradicts itself"), DAMAGED)),
    }
}

impl PureFile {
    fn guard<T>(
        &self,
        path: &str,
        call: impl FnOnce() -> std::result::Result<T, hdf5_pure::Error>,
    ) -> Result<T> {
        guard(&self.origin, path, call)
    }

    fn exists<T>(&self, call: impl FnOnce() -> std::result::Result<T, hdf5_pure::Error>) -> bool {
        self.guard("", call).is_ok()
    }

    /// A dataset whose values can be read and do not claim more memory than the file can fill.
    fn dataset(&self, path: &str) -> Result<Dataset> {
        match self.kind(path) {
            Some(Kind::Dataset) => {}
            Some(Kind::Group) => {
                return Err(self.error(path, "is a group where an array was expected", REWRITE));
            }
            None => return Err(self.error(path, "is missing", REWRITE)),
        }
        let dataset = self.guard(path, || self.file.dataset(path))?;
        let filters = self.guard(path, || Ok(dataset.filters()))?;
        if let Some(id) = filters.iter().find(|id| !matches!(id, 1 | 2 | 3 | 6 | 32000)) {
            return Err(self.error(
                path,
                format!("is compressed with {}, which is not supported", filter_name(*id)),
                "rewrite the file with adata.write_h5ad(path, compression=\"gzip\")",
            ));
        }
        self.check_size(path, &dataset, &filters)?;
        Ok(dataset)
    }

    /// A dataset of numbers that the library converts.
    fn numbers(&self, path: &str) -> Result<Dataset> {
        let dataset = self.dataset(path)?;
        let kind = self.guard(path, || dataset.dtype())?;
        if matches!(kind, DType::Other(_) | DType::String | DType::VariableLengthString | DType::Compound(_))
        {
            return Err(self.error(
                path,
                format!("holds values of type {kind}, not 32- or 64-bit numbers"),
                "convert it before writing, as in adata.X = adata.X.astype(\"float32\")",
            ));
        }
        Ok(dataset)
    }

    /// Refuses a dataset that claims to be larger than what is stored of it can unpack to.
    fn check_size(&self, path: &str, dataset: &Dataset, filters: &[u16]) -> Result<()> {
        let (shape, size) = self.guard(path, || Ok((dataset.shape()?, dataset.element_size()?)))?;
        let chunk = self.guard(path, || dataset.chunk_shape())?;
        let bytes = |extents: &[u64]| extents.iter().try_fold(size, |n, &e| n.checked_mul(e));
        let mut stored = self.source.len();
        let mut slack = 0;
        let mut honest = true;
        if let Some(chunk) = chunk {
            let sizes: Vec<u64> =
                self.guard(path, || dataset.chunks())?.iter().map(|c| c.storage_size).collect();
            // hdf5-pure allocates what the index says a chunk takes on disk before it reads it.
            honest = sizes.iter().all(|&n| n <= stored);
            stored = sizes.iter().fold(0, |a: u64, &n| a.saturating_add(n)).min(stored);
            // A chunk may reach beyond a small array, within reason.
            slack = bytes(&chunk).unwrap_or(u64::MAX);
            honest &= slack <= stored.saturating_mul(expansion(filters)).saturating_add(1 << 24);
        }
        let limit = stored.saturating_mul(expansion(filters));
        // What was never written reads as zeros; a chunk of that is no reason for doubt.
        if honest && bytes(&shape).is_some_and(|n| n <= limit.saturating_add(slack)) {
            return Ok(());
        }
        Err(self.error(
            path,
            format!("claims to hold {shape:?} values, more than the file has room for"),
            DAMAGED,
        ))
    }

    fn vlen_strings(&self, path: &str, dataset: &Dataset) -> Result<Vec<String>> {
        // Text in the heap is not compressed, so the file is at least as long.
        let budget = usize::try_from(self.source.len()).unwrap_or(usize::MAX);
        let options = VlenStringReadOptions::default().with_max_payload_bytes(budget);
        self.guard(path, || dataset.read_vlen_strings(options))
    }

    fn attribute<T>(
        &self,
        path: &str,
        name: &str,
        read: impl FnOnce(&hdf5_pure::AttrValue) -> Option<T>,
    ) -> Result<Option<T>> {
        let attributes = match self.kind(path) {
            Some(Kind::Group) => self.guard(path, || self.group(path)?.attrs())?,
            Some(Kind::Dataset) => self.guard(path, || self.file.dataset(path)?.attrs())?,
            None => return Ok(None),
        };
        Ok(attributes.get(name).and_then(read))
    }

    fn group(&self, path: &str) -> std::result::Result<hdf5_pure::Group, hdf5_pure::Error> {
        if path.is_empty() { Ok(self.file.root()) } else { self.file.group(path) }
    }
}

impl Hdf5 for PureFile {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        if self.exists(|| self.group(path)) {
            Some(Kind::Group)
        } else if self.exists(|| self.file.dataset(path)) {
            Some(Kind::Dataset)
        } else {
            None
        }
    }

    fn members(&self, group: &str) -> Result<Vec<String>> {
        let mut names = self.guard(group, || {
            let group = self.group(group)?;
            let mut names = group.groups()?;
            names.extend(group.datasets()?);
            Ok(names)
        })?;
        names.sort();
        Ok(names)
    }

    fn text_attribute(&self, path: &str, name: &str) -> Result<Option<Vec<String>>> {
        self.attribute(path, name, |v| v.as_strings().map(<[String]>::to_vec))
    }

    fn integer_attribute(&self, path: &str, name: &str) -> Result<Option<Vec<i64>>> {
        self.attribute(path, name, hdf5_pure::AttrValue::to_i64s)
    }

    fn shape(&self, path: &str) -> Result<Vec<u64>> {
        let dataset = self.dataset(path)?;
        self.guard(path, || dataset.shape())
    }

    fn floats(&self, path: &str) -> Result<Vec<f32>> {
        let dataset = self.numbers(path)?;
        self.guard(path, || dataset.read_f32())
    }

    fn window(&self, path: &str) -> Result<Window> {
        let dataset = self.numbers(path)?;
        let (shape, element, chunk) =
            self.guard(path, || Ok((dataset.shape()?, dataset.element_size()?, dataset.chunk_shape()?)))?;
        let cache = window::cache(&shape, &chunk.unwrap_or_default(), element);
        let options = DatasetAccessProperties::new().with_chunk_cache(cache);
        let dataset = self.guard(path, || self.file.dataset_with_options(path, options))?;
        Ok(Window { dataset, origin: self.origin.clone(), path: path.to_owned(), shape })
    }

    fn integers(&self, path: &str, take: &mut dyn FnMut(&[i64]) -> Result<()>) -> Result<()> {
        let dataset = self.dataset(path)?;
        let n = match self.guard(path, || dataset.shape())?.as_slice() {
            [n] => *n,
            _ => return Err(self.error(path, "is not one-dimensional", REWRITE)),
        };
        for start in (0..n).step_by(BLOCK as usize) {
            take(&self.guard(path, || dataset.read_i64_rows(start, BLOCK))?)?;
        }
        Ok(())
    }

    fn array(&self, path: &str) -> Result<Array> {
        let dataset = self.dataset(path)?;
        let (rank, kind) = self.guard(path, || Ok((dataset.shape()?.len(), dataset.datatype()?)))?;
        if rank > 1 {
            return Ok(Array::Other);
        }
        match kind {
            Datatype::String { .. } => self.guard(path, || dataset.read_string()).map(Array::Text),
            Datatype::VariableLength { is_string: true, .. } => {
                self.vlen_strings(path, &dataset).map(Array::Text)
            }
            Datatype::FixedPoint { size: 8, ref layout, .. } if !layout.signed => {
                let values = self.guard(path, || dataset.read_u64())?;
                match values.iter().map(|&v| i64::try_from(v)).collect::<std::result::Result<Vec<_>, _>>() {
                    Ok(v) => Ok(Array::Integer(v)),
                    Err(_) => Ok(Array::Float(values.iter().map(|&v| v as f64).collect())),
                }
            }
            Datatype::FixedPoint { .. } => self.guard(path, || dataset.read_i64()).map(Array::Integer),
            Datatype::FloatingPoint { .. } => self.guard(path, || dataset.read_f64()).map(Array::Float),
            Datatype::Enumeration { members, .. } => {
                let codes = self.guard(path, || dataset.read_i64())?;
                if record::is_bool(&members) {
                    Ok(Array::Bool(codes.iter().map(|&c| c != 0).collect()))
                } else {
                    Ok(Array::Integer(codes))
                }
            }
            _ => Ok(Array::Other),
        }
    }

    fn table(&self, path: &str) -> Result<Vec<(String, Array)>> {
        let dataset = self.dataset(path)?;
        let (kind, raw) = self.guard(path, || Ok((dataset.datatype()?, dataset.read_raw()?)))?;
        let Datatype::Compound { size, members } = kind else {
            return Err(self.error(path, "is not a table of records", REWRITE));
        };
        let block = self.file.superblock();
        let mut heap = Heap::new(&self.source, self.base, block.offset_size, block.length_size);
        let record = usize::try_from(size).unwrap_or(0);
        let mut fields = Vec::new();
        for member in members {
            let values = usize::try_from(member.byte_offset)
                .ok()
                .and_then(|offset| record::field(&raw, record, offset, &member.datatype, &mut heap))
                .ok_or_else(|| self.error(path, format!("field {} cannot be read", member.name), DAMAGED))?;
            fields.push((member.name, values));
        }
        Ok(fields)
    }
}

/// The most bytes that one stored byte can unpack to.
fn expansion(filters: &[u16]) -> u64 {
    match filters {
        f if f.iter().any(|id| matches!(id, 1 | 6)) => 1_032, // deflate: 258 bytes from two bits
        f if f.contains(&32000) => 132,                       // lzf: 264 bytes from two or three
        _ => 1,
    }
}

/// The name of a registered HDF5 filter.
fn filter_name(id: u16) -> String {
    let name = match id {
        4 => "szip",
        5 => "n-bit",
        305 => "LZO",
        307 => "bzip2",
        32001 => "blosc",
        32004 => "LZ4",
        32008 => "bitshuffle",
        32013 => "ZFP",
        32015 => "zstd",
        32026 => "blosc2",
        _ => return format!("HDF5 filter {id}"),
    };
    format!("{name} (HDF5 filter {id})")
}
