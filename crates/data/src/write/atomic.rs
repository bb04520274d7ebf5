//! All or nothing: a file that appears under its name is complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{DataError, Result};

/// Writes `path` through `fill`: to a temporary file in the same folder, renamed to `path` once everything is on
/// disk. A file already there is replaced. On an error nothing is left and what was there stays.
///
/// # Errors
/// What `fill` returns, and when the folder cannot be written to.
pub fn atomic(path: impl AsRef<Path>, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let path = path.as_ref();
    let mut temporary = beside(path)?;
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
    fill(&mut buffered)?;
    buffered.flush().map_err(|e| DataError::io(path, "write", e))?;
    drop(buffered);
    put(temporary, path)
}

/// The same for what is written bit by bit: a temporary file beside `path`, which [`finish`](Self::finish) gives its
/// name. Dropped before, it is removed.
#[derive(Debug)]
pub struct Unfinished<'a> {
    path: &'a Path,
    temporary: NamedTempFile,
}

impl<'a> Unfinished<'a> {
    /// Makes the temporary file.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn new(path: &'a Path) -> Result<Self> {
        Ok(Self { path, temporary: beside(path)? })
    }

    /// The temporary file, open for writing.
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Renames the file to `path` once everything is on disk.
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(self) -> Result<()> {
        put(self.temporary, self.path)
    }
}

/// An empty temporary file in the folder of `path`.
pub(super) fn beside(path: &Path) -> Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    // Temporary files are private by default; this one becomes the result, so the user's umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|e| DataError::io(path, "write", e))
}

/// Renames a complete temporary file to `path`.
pub(super) fn put(temporary: NamedTempFile, path: &Path) -> Result<()> {
    temporary.as_file().sync_all().map_err(|e| DataError::io(path, "write", e))?;
    temporary.persist(path).map_err(|e| DataError::io(path, "rename", e.error))?;
    Ok(())
}
