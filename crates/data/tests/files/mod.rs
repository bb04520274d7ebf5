//! Where the test files are.

use std::path::{Path, PathBuf};

/// A file of the shared data folder; says so and gives nothing where it is absent.
#[allow(dead_code)] // not every test program needs both
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SENSITOME_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

/// A file committed beside the tests.
#[allow(dead_code)]
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
