//! Test support: golden cases and real data, found or visibly skipped.
//!
//! A golden test is one call:
//!
//! ```no_run
//! use sensitome_testkit::{Case, Report, run_group};
//!
//! fn run(case: &Case, report: &mut Report) {
//!     match case.prefix() {
//!         "class_weight" => {
//!             let y = case.i64s("y");
//!             report.check(case, "classes", &y);
//!         }
//!         _ => report.unknown(case),
//!     }
//! }
//! run_group("sampling", run);
//! ```
//!
//! Where one value should be passed around, [`golden`] does the same with the checks noted in the case.
//!
//! Every output of every case has to be checked; what is forgotten fails like what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use this crate: a broken fixture should stop them where it is found"
)]

mod case;
mod compare;
mod device;
mod golden;
mod paths;
mod report;
mod usage;

pub use case::{Case, Csr, cases};
pub use compare::{Got, Tolerance};
pub use device::{ACROSS_DEVICES, device, has_doubles};
pub use golden::{golden, golden_prefixes};
pub use paths::{data_dir, data_file, golden_dir, package_dir, skipped};
pub use report::{Report, run_group, run_group_on_device};
pub use usage::{Times, cpu_seconds, peak_megabytes};
