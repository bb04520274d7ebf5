//! Times the metrics that matter at the size of large data sets: `cargo bench -p sensitome-eval [-- NAME]`.
//!
//! One line a case: name, result, median, minimum and maximum seconds, CPU seconds per call, peak memory in MB. With
//! `SENSITOME_BENCH_DATA` naming a folder of raw little-endian files, those are the input (so that another program can
//! be timed on the same); otherwise inputs are generated. See `benches/eval_side_by_side.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // helpers of tests are tests
#![allow(missing_docs)]

use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_eval::clustering::ami;
use sensitome_eval::embedding::{Distance, silhouette};
use sensitome_eval::{Metric, auroc, average_precision};
use sensitome_testkit::Times;
use std::path::PathBuf;

const REPEATS: usize = 7;

/// The file `name` of the given folder, or generated values.
fn input<const B: usize, T>(name: &str, read: fn([u8; B]) -> T, make: impl FnOnce() -> Vec<T>) -> Vec<T> {
    let Some(folder) = std::env::var_os("SENSITOME_BENCH_DATA") else { return make() };
    let path = PathBuf::from(folder).join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    bytes.chunks_exact(B).map(|c| read(c.try_into().unwrap())).collect()
}

fn time(name: &str, run: impl Fn() -> Metric) {
    let result = run().unwrap();
    let times = Times::of(REPEATS, || assert_eq!(run().unwrap(), result));
    println!("{name}\t{result:.12}\t{times}");
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let mut g = ChaCha8Rng::seed_from_u64(1);
    if asked("auroc_and_ap") {
        let n = 1_000_000;
        let labels =
            input("labels.u8", |b: [u8; 1]| b[0], || (0..n).map(|_| u8::from(g.random_bool(0.3))).collect());
        let scores = input("scores.f64", f64::from_le_bytes, || (0..n).map(|_| g.random()).collect());
        time("auroc_and_ap", || {
            Ok(auroc(&labels, &scores, None)? + average_precision(&labels, &scores, None)?)
        });
    }
    if asked("silhouette") {
        let (n, d) = (20_000, 64);
        let x = input("points.f64", f64::from_le_bytes, || (0..n * d).map(|_| g.random()).collect());
        let x = Array2::from_shape_vec((n, d), x).unwrap();
        let labels =
            input("classes.i64", i64::from_le_bytes, || (0..n).map(|_| g.random_range(0..8)).collect());
        time("silhouette", || silhouette(x.view(), &labels, Distance::Euclidean));
    }
    if asked("ami") {
        let n = 1_000_000;
        let a =
            input("clusters_a.i64", i64::from_le_bytes, || (0..n).map(|_| g.random_range(0..20)).collect());
        let b =
            input("clusters_b.i64", i64::from_le_bytes, || (0..n).map(|_| g.random_range(0..30)).collect());
        time("ami", || ami(&a, &b));
    }
}
