//! Where the test files are.

use std::path::PathBuf;

/// A file of the shared data folder; says so and gives nothing where it is absent.
#[allow(dead_code)] // not every test program needs both
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    sensitome_testkit::data_file(name)
}

/// A file committed beside the tests.
#[allow(dead_code)]
pub(crate) fn fixture(name: &str) -> PathBuf {
    sensitome_testkit::package_dir().join("tests/fixtures").join(name)
}
