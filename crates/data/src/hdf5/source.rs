//! The bytes of an HDF5 file, on disk or in memory, shared by the library and our heap reader.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_pure::{FormatError, Source};

use crate::{DataError, Input, Result};

/// What every HDF5 file begins with, at offset 0 or behind a user block of 512 bytes or a multiple of two of it.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

#[derive(Clone)]
pub(super) struct Bytes(Arc<Backing>);

enum Backing {
    /// Read on demand: a file may be larger than memory.
    Disk {
        file: Mutex<Paged>,
        len: u64,
    },
    Memory(Vec<u8>),
}

/// A file read by pages, and where it stands: the names of a million cells are asked for one by one.
struct Paged {
    file: BufReader<File>,
    position: u64,
}

impl Paged {
    const PAGE: usize = 16 * 1024;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        // A step within the page keeps it.
        let step = i64::try_from(i128::from(offset) - i128::from(self.position));
        let step = step.map_err(|_| std::io::ErrorKind::UnexpectedEof)?;
        let read = self.file.seek_relative(step).and_then(|()| self.file.read_exact(buf));
        self.position = match read {
            Ok(()) => offset + buf.len() as u64,
            Err(_) => self.file.stream_position()?,
        };
        read
    }
}

impl Bytes {
    /// Opens an input; a gzipped one is unpacked in memory first.
    pub(super) fn open(input: &Input<'_>) -> Result<Self> {
        let backing = match input {
            Input::Path(path) if !starts_with_gzip(path) => {
                let file = File::open(path).map_err(|e| DataError::io(path, "open", e))?;
                let len = file.metadata().map_err(|e| DataError::io(path, "open", e))?.len();
                let file = BufReader::with_capacity(Paged::PAGE, file);
                Backing::Disk { file: Mutex::new(Paged { file, position: 0 }), len }
            }
            _ => {
                let mut bytes = Vec::new();
                input.reader()?.read_to_end(&mut bytes).map_err(|e| input.read_error(e))?;
                Backing::Memory(bytes)
            }
        };
        Ok(Self(Arc::new(backing)))
    }

    /// Where the HDF5 content starts, `None` where there is none.
    pub(super) fn start(&self) -> Option<u64> {
        let is_signature = |offset: &u64| {
            let mut buffer = [0u8; 8];
            self.read_at(*offset, &mut buffer).is_ok() && buffer == SIGNATURE
        };
        let offsets = std::iter::once(0).chain((9..40).map(|k| 1u64 << k));
        offsets.take_while(|&o| o + 8 <= self.len()).find(is_signature)
    }
}

fn starts_with_gzip(path: &std::path::Path) -> bool {
    let mut magic = [0u8; 2];
    File::open(path).and_then(|mut f| f.read_exact(&mut magic)).is_ok() && magic == [0x1f, 0x8b]
}

impl Source for Bytes {
    fn len(&self) -> u64 {
        match &*self.0 {
            Backing::Disk { len, .. } => *len,
            Backing::Memory(bytes) => bytes.len() as u64,
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::result::Result<(), FormatError> {
        match &*self.0 {
            Backing::Disk { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.read_at(offset, buf).map_err(|e| FormatError::Source(e.to_string()))
            }
            Backing::Memory(bytes) => {
                let slice = usize::try_from(offset)
                    .ok()
                    .and_then(|start| bytes.get(start..start.checked_add(buf.len())?))
                    .ok_or_else(|| FormatError::Source("read past the end of the file".to_owned()))?;
                buf.copy_from_slice(slice);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_from_disk_are_the_bytes_of_the_file(
            len in 1usize..60_000,
            reads in proptest::collection::vec((0u64..70_000, 0usize..3000), 1..60),
        ) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * i / 7 % 251) as u8).collect();
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let source = Bytes::open(&Input::from(file.path())).unwrap();
            for (offset, n) in reads {
                let mut found = vec![0; n];
                let read = source.read_at(offset, &mut found);
                match bytes.get(offset as usize..offset as usize + n) {
                    Some(there) => {
                        prop_assert!(read.is_ok());
                        prop_assert_eq!(found, there);
                    }
                    None => prop_assert!(read.is_err() || n == 0),
                }
            }
        }
    }
}
