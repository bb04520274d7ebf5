//! Golden cases of this crate, one test a group, driven by the set's index.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

mod labels;
mod preprocessing;
mod sampling;
mod split;

use sensitome_testkit::run_group;

#[test]
fn preprocessing() {
    run_group("preprocessing", |case, report| match case.prefix() {
        "split" => split::run(case, report),
        _ => preprocessing::run(case, report),
    });
}

#[test]
fn labels() {
    run_group("labels", labels::run);
}

#[test]
fn sampling() {
    run_group("sampling", sampling::run);
}
