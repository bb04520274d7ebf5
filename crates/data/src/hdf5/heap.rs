//! The global heap: where HDF5 keeps strings of variable length.
//!
//! hdf5-pure resolves them for datasets of strings, but not inside records, where AnnData files of 2018 and 2019
//! keep cell and gene names. Layout: HDF5 File Format Specification 3.0, section III.E.

use std::collections::HashMap;

use hdf5_pure::Source;

use super::source::Bytes;

/// Strings of one file by (collection address, index); every collection is read once.
pub(super) struct Heap<'a> {
    source: &'a Bytes,
    base: u64,
    offset_size: usize,
    length_size: usize,
    /// Bytes of text and of collections still believable: honest ones do not overlap, so the file is longer.
    text_budget: u64,
    collection_budget: u64,
    collections: HashMap<u64, HashMap<u16, Vec<u8>>>,
}

impl<'a> Heap<'a> {
    pub(super) fn new(source: &'a Bytes, base: u64, offset_size: u8, length_size: u8) -> Self {
        let (offset_size, length_size) = (usize::from(offset_size), usize::from(length_size));
        Self {
            source,
            base,
            offset_size,
            length_size,
            text_budget: source.len(),
            collection_budget: source.len(),
            collections: HashMap::new(),
        }
    }

    /// Bytes of one reference in a record: length, collection address, index.
    pub(super) fn reference_size(&self) -> usize {
        8 + self.offset_size
    }

    /// The string a reference points to, `None` when the reference or the heap is damaged.
    pub(super) fn string(&mut self, reference: &[u8]) -> Option<String> {
        let length = little_endian(reference.get(..4)?)?;
        let address = little_endian(reference.get(4..4 + self.offset_size)?)?;
        let index = little_endian(reference.get(4 + self.offset_size..self.reference_size())?)?;
        if length == 0 {
            return Some(String::new());
        }
        self.text_budget = self.text_budget.checked_sub(length)?;
        if !self.collections.contains_key(&address) {
            let collection = self.read_collection(address)?;
            self.collections.insert(address, collection);
        }
        let object = self.collections.get(&address)?.get(&u16::try_from(index).ok()?)?;
        let bytes = object.get(..usize::try_from(length).ok()?)?;
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
    }

    fn read_collection(&mut self, address: u64) -> Option<HashMap<u16, Vec<u8>>> {
        let start = self.base.checked_add(address)?;
        let head = self.source.read_exact_at(start, 8 + self.length_size).ok()?;
        if head.get(..5)? != b"GCOL\x01" {
            return None;
        }
        let size = little_endian(head.get(8..)?)?;
        self.collection_budget = self.collection_budget.checked_sub(size)?;
        let size = usize::try_from(size).ok()?;
        let bytes = self.source.read_exact_at(start, size).ok()?;
        let mut objects = HashMap::new();
        let mut at = 8 + self.length_size;
        while let Some(header) = bytes.get(at..at + 8 + self.length_size) {
            let index = u16::try_from(little_endian(header.get(..2)?)?).ok()?;
            if index == 0 {
                break; // free space, to the end
            }
            let length = usize::try_from(little_endian(header.get(8..)?)?).ok()?;
            at += 8 + self.length_size;
            let end = at.checked_add(length)?;
            objects.insert(index, bytes.get(at..end)?.to_vec());
            at = at.checked_add(length.checked_next_multiple_of(8)?)?;
        }
        Some(objects)
    }
}

/// An unsigned little-endian number of up to eight bytes.
pub(super) fn little_endian(bytes: &[u8]) -> Option<u64> {
    let mut word = [0u8; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}
