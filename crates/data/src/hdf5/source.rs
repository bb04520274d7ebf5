//! The bytes of an HDF5 file, on disk or in memory, shared by the library and our heap reader.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
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
        file: Mutex<File>,
        len: u64,
    },
    Memory(Vec<u8>),
}

impl Bytes {
    /// Opens an input; a gzipped one is unpacked in memory first.
    pub(super) fn open(input: &Input<'_>) -> Result<Self> {
        let backing = match input {
            Input::Path(path) if !starts_with_gzip(path) => {
                let file = File::open(path).map_err(|e| DataError::io(path, "open", e))?;
                let len = file.metadata().map_err(|e| DataError::io(path, "open", e))?.len();
                Backing::Disk { file: Mutex::new(file), len }
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
                file.seek(SeekFrom::Start(offset))
                    .and_then(|_| file.read_exact(buf))
                    .map_err(|e| FormatError::Source(e.to_string()))
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
