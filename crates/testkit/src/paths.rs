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

/// The folder of the package that is tested: where it is now, not where it was when it was compiled, since checkouts may
/// share their builds.
pub fn package_dir() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let found = match std::env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)).filter(|p| p.is_dir()),
        None => {
            let beside = |a: &Path| Some(a.join("shared").join(name)).filter(|p| p.is_dir());
            package_dir().ancestors().find_map(beside)
        }
    };
    if found.is_none() {
        skipped(&format!("no ../shared/{name} beside the workspace; set {variable} to the {name} folder"));
    }
    found
}
