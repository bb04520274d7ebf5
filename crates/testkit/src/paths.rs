//! Where golden fixtures and real data lie.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Says on stderr that a test did not do its work, and why.
///
/// Written past the capture of the test harness, so that it shows for passing tests too.
pub fn skipped(why: &str) {
    // A closed stderr is no reason to fail a test.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// The folder of golden fixtures: `SENSITOME_GOLDEN`, else `../shared/golden` beside the workspace.
/// Without it: `None`, and a `SKIPPED` line.
pub fn golden_dir() -> Option<PathBuf> {
    folder("SENSITOME_GOLDEN", "golden")
}

/// The folder of real data sets: `SENSITOME_DATA`, else `../shared/data` beside the workspace.
/// Without it: `None`, and a `SKIPPED` line.
pub fn data_dir() -> Option<PathBuf> {
    folder("SENSITOME_DATA", "data")
}

/// A file of [`data_dir`] by its relative path, if it is there; else `None` and a `SKIPPED` line.
pub fn data_file(name: impl AsRef<Path>) -> Option<PathBuf> {
    let path = data_dir()?.join(name.as_ref());
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("no {} in the data folder", name.as_ref().display()));
    None
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name),
    };
    if path.is_dir() {
        return Some(path);
    }
    skipped(&format!("no folder {}; set {variable} to the {name} folder", path.display()));
    None
}
