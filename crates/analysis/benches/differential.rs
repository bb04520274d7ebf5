//! Times the Wilcoxon test at 5,000 cells × 3,000 genes, 10 % non-zero: `cargo bench -p sensitome-analysis`.
//!
//! One line a case: name, sum of absolute scores, median, minimum and maximum seconds, CPU seconds per call, peak memory
//! in MB. With `SENSITOME_BENCH_DATA` naming a folder of raw little-endian files, those are the input (so that another
//! program can be timed on the same), and the scores are written there; see `benches/differential_side_by_side.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // a bench is a test
#![allow(missing_docs)]

use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_analysis::differential::Test;
use sensitome_analysis::{Comparison, Groups, Matrix, rank_genes_groups};
use sensitome_data::CsrMatrix;
use sensitome_testkit::Times;

const REPEATS: usize = 7;
const CELLS: usize = 5_000;
const GENES: usize = 3_000;

fn read<const B: usize, T>(folder: &std::path::Path, name: &str, from: fn([u8; B]) -> T) -> Vec<T> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    bytes.chunks_exact(B).map(|c| from(c.try_into().unwrap())).collect()
}

fn input(folder: Option<&PathBuf>) -> (CsrMatrix, Vec<u8>) {
    if let Some(folder) = folder {
        let indptr = read(folder, "indptr.u64", u64::from_le_bytes).into_iter().map(|v| v as usize).collect();
        let indices = read(folder, "indices.u32", u32::from_le_bytes);
        let data = read(folder, "data.f32", f32::from_le_bytes);
        let labels = read(folder, "labels.u8", u8::from_le_bytes);
        return (CsrMatrix::new(GENES, indptr, indices, data).unwrap(), labels);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for _ in 0..CELLS {
        for gene in 0..GENES as u32 {
            if rng.random::<f32>() < 0.1 {
                indices.push(gene);
                data.push((1.0 - rng.random::<f32>()).ln().abs() + 1e-3);
            }
        }
        indptr.push(data.len());
    }
    let labels = (0..CELLS).map(|_| u8::from(rng.random::<f32>() < 0.3)).collect();
    (CsrMatrix::new(GENES, indptr, indices, data).unwrap(), labels)
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let folder = std::env::var_os("SENSITOME_BENCH_DATA").map(PathBuf::from);
    let (matrix, labels) = input(folder.as_ref());
    let groups = Groups::new(labels.iter().map(|l| if *l == 1 { "sensitive" } else { "resistant" }));
    for (name, tie_correct) in
        [("wilcoxon_sparse", false), ("wilcoxon_sparse_ties", true), ("wilcoxon_dense_ties", true)]
    {
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        let dense = name.contains("dense").then(|| matrix.to_dense());
        let x = dense.as_ref().map_or_else(|| Matrix::from(&matrix), Matrix::from);
        let how = Comparison { test: Test::Wilcoxon { tie_correct }, ..Comparison::default() };
        let run = || rank_genes_groups(x, &groups, &how).unwrap();
        let result = run();
        let scores = &result.group("sensitive").unwrap().scores;
        if let Some(folder) = &folder {
            let bytes: Vec<u8> = scores.iter().flat_map(|s| s.to_le_bytes()).collect();
            std::fs::write(folder.join(format!("{name}.f64")), bytes).unwrap();
        }
        let times = Times::of(REPEATS, || drop(run()));
        let sum: f64 = scores.iter().map(|s| s.abs()).sum();
        println!("{name}\t{sum:.9}\t{times}");
    }
}
