//! [`Input`]: what every reader takes, a path or bytes, gunzipped on the way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::{DataError, Result};

/// Where the bytes of a file come from.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// A file on disk.
    Path(PathBuf),
    /// Bytes already in memory.
    Bytes {
        /// What errors call them.
        name: &'a str,
        /// The content, compressed or not.
        bytes: &'a [u8],
    },
}

impl From<&Path> for Input<'_> {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<PathBuf> for Input<'_> {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&PathBuf> for Input<'_> {
    fn from(path: &PathBuf) -> Self {
        Self::Path(path.clone())
    }
}

impl From<&str> for Input<'_> {
    fn from(path: &str) -> Self {
        Self::Path(path.into())
    }
}

impl From<&String> for Input<'_> {
    fn from(path: &String) -> Self {
        Self::Path(path.into())
    }
}

impl<'a> From<&Input<'a>> for Input<'a> {
    fn from(input: &Input<'a>) -> Self {
        input.clone()
    }
}

impl<'a> Input<'a> {
    /// The name that errors carry: the path, or the name given with the bytes.
    pub fn origin(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Bytes { name, .. } => (*name).to_owned(),
        }
    }

    /// The content from its start, decompressed when it begins as gzip does (several gzip members in a row are
    /// read as one).
    ///
    /// # Errors
    /// When the file cannot be opened. A gzip stream that is cut short or damaged fails while it is read; turn
    /// that [`io::Error`] into a [`DataError`] with [`read_error`](Self::read_error).
    pub fn reader(&self) -> Result<Box<dyn Read + 'a>> {
        Ok(Box::new(self.buffered()?))
    }

    /// As [`reader`](Self::reader), line by line.
    ///
    /// # Errors
    /// As for [`reader`](Self::reader).
    pub fn buffered(&self) -> Result<Box<dyn BufRead + 'a>> {
        let mut raw: Box<dyn BufRead + 'a> = match self {
            Self::Path(path) => {
                let file = File::open(path).map_err(|e| DataError::io(path, "open", e))?;
                Box::new(BufReader::with_capacity(1 << 16, file))
            }
            Self::Bytes { bytes, .. } => Box::new(*bytes),
        };
        let start = raw.fill_buf().map_err(|e| self.read_error(e))?;
        if start.starts_with(&[0x1f, 0x8b]) {
            Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(raw))))
        } else {
            Ok(raw)
        }
    }

    /// Names the file in an error met while reading it, and tells a damaged gzip stream from a failing disk.
    pub fn read_error(&self, error: io::Error) -> DataError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => DataError::file(
                self.origin(),
                "the compressed file ends too early",
                "it was cut short; copy or download it again",
            ),
            InvalidData | InvalidInput => DataError::file(
                self.origin(),
                format!("the content is damaged ({error})"),
                "copy or download it again; text must be UTF-8",
            ),
            _ => DataError::Io { origin: self.origin(), action: "read", source: error },
        }
    }
}
