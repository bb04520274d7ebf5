//! Finished cells of the grid: one small file each, complete or not there.

use std::path::{Path, PathBuf};

use sensitome_data::{DataError, write};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CompareError, Fitted, Result};

/// What a job came to: a fit, or the reason why the method could not do it.
pub(crate) type Outcome = std::result::Result<Fitted, String>;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// What determined it, for readers; the hash of it is the file's name.
    key: Value,
    fitted: Option<Fitted>,
    failed: Option<String>,
}

/// The folder `cells/` of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Store(PathBuf);

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let cells = folder.join("cells");
        std::fs::create_dir_all(&cells).map_err(|e| DataError::io(&cells, "make", e))?;
        Ok(Self(cells))
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.0.join(format!("{hash}.json"))
    }

    pub(crate) fn has(&self, hash: &str) -> bool {
        self.path(hash).is_file()
    }

    /// What is there under this name. A file that is damaged counts as not there: it will be made again.
    pub(crate) fn load(&self, hash: &str) -> Option<Outcome> {
        let text = std::fs::read(self.path(hash)).ok()?;
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        match (stored.fitted, stored.failed) {
            (Some(fitted), None) => Some(Ok(fitted)),
            (None, Some(reason)) => Some(Err(reason)),
            _ => None,
        }
    }

    pub(crate) fn save(&self, hash: &str, key: &Value, outcome: &Outcome, seconds: f64) -> Result<()> {
        let (fitted, failed) = match outcome {
            Ok(fitted) => (Some(fitted.clone()), None),
            Err(reason) => (None, Some(reason.clone())),
        };
        let stored = Stored { key: key.clone(), fitted, failed };
        // Time is kept apart: it is the one thing that differs from run to run.
        std::fs::write(self.0.join(format!("{hash}.seconds")), format!("{seconds:.2}\n"))
            .map_err(|e| DataError::io(&self.0, "write", e))?;
        write::atomic(self.path(hash), |out| {
            serde_json::to_writer(&mut *out, &stored)
                .map_err(|e| DataError::io(&self.0, "write", e.into()))?;
            out.write_all(b"\n").map_err(|e| DataError::io(&self.0, "write", e))
        })?;
        Ok(())
    }

    /// Deletes a finished cell; says whether it was there.
    pub(crate) fn remove(&self, hash: &str) -> Result<bool> {
        let path = self.path(hash);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(DataError::io(&path, "delete", e).into()),
        }
    }

    /// Seconds of a finished cell.
    pub(crate) fn seconds(&self, hash: &str) -> Option<f64> {
        std::fs::read_to_string(self.0.join(format!("{hash}.seconds"))).ok()?.trim().parse().ok()
    }

    /// Takes over the finished cells of another folder; says how many were new.
    pub(crate) fn merge(&self, other: &Path) -> Result<usize> {
        let cells = other.join("cells");
        let failed = |e| CompareError::from(DataError::io(&cells, "read", e));
        let mut new = 0;
        for entry in std::fs::read_dir(&cells).map_err(failed)? {
            let from = entry.map_err(failed)?.path();
            let Some(name) = from.file_name() else { continue };
            let to = self.0.join(name);
            let finished = from.extension().is_some_and(|e| e == "json" || e == "seconds");
            if !finished || to.exists() {
                continue;
            }
            let bytes = std::fs::read(&from).map_err(failed)?;
            write::atomic(&to, |out| out.write_all(&bytes).map_err(|e| DataError::io(&to, "write", e)))?;
            new += usize::from(from.extension().is_some_and(|e| e == "json"));
        }
        Ok(new)
    }
}
