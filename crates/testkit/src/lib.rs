//! Test support: golden cases and real data, found or visibly skipped.
//!
//! A golden test of a crate is one `#[test]` a group:
//!
//! ```no_run
//! # use sensitome_testkit::golden;
//! golden("sampling", |case| match case.prefix() {
//!     "class_weight" => case.check("weights", vec![1.0, 2.0]),
//!     other => case.fail(format!("no test for {other}")),
//! });
//! ```
//!
//! Every output that a case lists must be checked (or left out by name, with a reason), so that outputs added to the
//! set later fail until they are tested.

// Test support: an unreadable fixture must stop the test at once, and skipped tests must be seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod case;
mod compare;
mod got;
mod places;
mod report;

pub use case::{Case, Csr};
pub use got::Got;
pub use places::{data_dir, data_file, golden_dir};
pub use report::{cases, golden, golden_prefixes};
