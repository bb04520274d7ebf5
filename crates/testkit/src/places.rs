//! Where the golden set and the real data lie.

use std::path::{Path, PathBuf};

/// The folder of golden cases: `SENSITOME_GOLDEN`, or `../shared/golden` beside the workspace. Prints a `SKIPPED`
/// line and gives `None` where it is absent.
pub fn golden_dir() -> Option<PathBuf> {
    found("golden cases", "SENSITOME_GOLDEN", "golden", "index.json")
}

/// The folder of real data: `SENSITOME_DATA`, or `../shared/data` beside the workspace. Prints a `SKIPPED` line and
/// gives `None` where it is absent.
pub fn data_dir() -> Option<PathBuf> {
    found("real data", "SENSITOME_DATA", "data", "")
}

/// A file (or folder) of the real data, by its path inside the data folder. Prints a `SKIPPED` line and gives `None`
/// where it is absent.
pub fn data_file(name: &str) -> Option<PathBuf> {
    let path = data_dir()?.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn found(what: &str, variable: &str, folder: &str, probe: &str) -> Option<PathBuf> {
    let dir = match std::env::var_os(variable) {
        Some(given) => PathBuf::from(given),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder),
    };
    if !dir.join(probe).exists() {
        eprintln!("SKIPPED: no {what} at {} (set {variable} to name another folder)", dir.display());
        return None;
    }
    Some(dir.canonicalize().unwrap_or(dir))
}
