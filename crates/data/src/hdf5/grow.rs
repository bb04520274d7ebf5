//! Files whose arrays grow: written as a [`Node`], then appended to, then completed.

use std::path::Path;

use hdf5_pure::{Dataset, File, FileAccessProperties, FileLocking, Group, H5Element, SyncPolicy};

use super::write::{CHUNK, attribute, check_name, fill_dataset};
use super::{Attribute, Content, Node};
use crate::{DataError, Result};

/// Values gathered before they are written: whole chunks, some megabytes.
const BATCH: usize = 16 * CHUNK as usize;

/// A file open for appending; nobody else has it open.
pub(crate) struct Growing {
    file: File,
    origin: String,
}

/// One array of it, made by [`Content::Empty`].
pub(crate) struct GrowingArray<T> {
    dataset: Dataset,
    origin: String,
    pending: Vec<T>,
}

fn failed(origin: &str, error: hdf5_pure::Error) -> DataError {
    DataError::Io { origin: origin.to_owned(), action: "write", source: std::io::Error::other(error) }
}

impl Growing {
    /// Opens the file at `path`, which errors call `origin`.
    pub(crate) fn open(path: &Path, origin: &str) -> Result<Self> {
        // Until the file is complete nobody knows its name, so nothing needs to be safe before the end.
        let access = FileAccessProperties::new()
            .with_sync_policy(SyncPolicy::OnClose)
            .with_locking(FileLocking::Disabled);
        let file = File::open_rw_with_options(path, access).map_err(|e| failed(origin, e))?;
        Ok(Self { file, origin: origin.to_owned() })
    }

    /// The empty array at `path`; `T` is the type it was made with.
    pub(crate) fn array<T: H5Element>(&self, path: &str) -> Result<GrowingArray<T>> {
        let dataset = self.file.dataset(path).map_err(|e| failed(&self.origin, e))?;
        Ok(GrowingArray { dataset, origin: self.origin.clone(), pending: Vec::new() })
    }

    /// Adds an attribute to a group, and a group of its own to the root, and closes the file.
    pub(crate) fn finish(
        self,
        (group, name, value): (&str, &str, Attribute),
        (added, node): (&str, &Node),
    ) -> Result<()> {
        self.set(group, name, value)?;
        self.stage(&self.file.root(), added, node)?;
        self.close()
    }

    /// Adds or replaces an attribute of a group.
    pub(crate) fn set(&self, group: &str, name: &str, value: Attribute) -> Result<()> {
        let group = self.file.group(group);
        group.and_then(|g| g.set_attr(name, attribute(&value))).map_err(|e| failed(&self.origin, e))
    }

    /// Adds a member to a group (`""` is the root), in place of one of that name.
    pub(crate) fn put(&self, group: &str, name: &str, node: &Node) -> Result<()> {
        let failed = |e| failed(&self.origin, e);
        let parent = || if group.is_empty() { Ok(self.file.root()) } else { self.file.group(group) };
        let path = format!("{group}/{name}");
        if self.file.group(&path).is_ok() || self.file.dataset(&path).is_ok() {
            parent().and_then(|p| p.delete(name)).map_err(failed)?;
            self.file.commit().map_err(failed)?;
        }
        self.stage(&parent().map_err(failed)?, name, node)
    }

    /// Writes what is not yet written and closes the file.
    pub(crate) fn close(self) -> Result<()> {
        self.file.commit().map_err(|e| failed(&self.origin, e))?;
        let Self { file, origin } = self;
        file.close().map_err(|e| failed(&origin, e))
    }

    fn stage(&self, parent: &Group, name: &str, node: &Node) -> Result<()> {
        let failed = |e| failed(&self.origin, e);
        check_name(name)?;
        let Content::Group(members) = &node.content else {
            let mut filled = Ok(());
            parent.create_dataset(name, |b| filled = fill_dataset(b, node, &node.content)).map_err(failed)?;
            return filled;
        };
        let group = parent.create_group(name).map_err(failed)?;
        for (name, value) in &node.attributes {
            group.set_attr(name, attribute(value)).map_err(failed)?;
        }
        members.iter().try_for_each(|(name, node)| self.stage(&group, name, node))
    }
}

impl<T: H5Element> GrowingArray<T> {
    /// Appends values, which reach the file in whole chunks.
    pub(crate) fn append(&mut self, values: impl Iterator<Item = T>) -> Result<()> {
        self.pending.extend(values);
        if self.pending.len() < BATCH {
            return Ok(());
        }
        let whole = self.pending.len() - self.pending.len() % CHUNK as usize;
        self.write(whole)
    }

    /// Writes what is left; to be called once.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.write(self.pending.len())
    }

    fn write(&mut self, n: usize) -> Result<()> {
        let values = self.pending.get(..n).unwrap_or_default();
        if !values.is_empty() {
            self.dataset.append(values).map_err(|e| failed(&self.origin, e))?;
        }
        self.pending.drain(..n);
        Ok(())
    }
}
