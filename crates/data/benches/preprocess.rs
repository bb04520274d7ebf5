//! Times the steps from counts to z-scores: `cargo bench --features ndarray --workspace --bench preprocess`.
//!
//! Without an argument: 20,000 cells × 2,000 genes in memory, filter, normalise, log1p, 1,000 genes by `seurat`, z-scores cut
//! at 10. One line: name, sum of absolute z-scores, median, minimum and maximum seconds, CPU seconds per call, peak memory in
//! MB. With `SENSITOME_BENCH_DATA` naming a folder that holds `counts.h5ad`, that is the input (so that another program can
//! be timed on the same), and genes, means and deviations are written there; see `benches/preprocess_side_by_side.sh`.
//!
//! With `-- file COUNTS.h5ad OUT.h5ad`: the same steps but the last, once, from file to file, in bounded memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // a bench is a test
#![allow(missing_docs)]

use std::path::PathBuf;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_data::preprocess::{HvgFlavor, Pipeline, Scaler};
use sensitome_data::read::{CellBlocks, H5adLayer, h5ad};
use sensitome_data::{CsrMatrix, Duplicates, ExpressionMatrix, Values};
use sensitome_testkit::{Times, cpu_seconds, peak_megabytes};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEATS: usize = 7;
const CELLS: usize = 20_000;
const GENES: usize = 2_000;

fn input(folder: Option<&PathBuf>) -> ExpressionMatrix {
    if let Some(folder) = folder {
        return h5ad(folder.join("counts.h5ad"), &H5adLayer::X).unwrap();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let height: Vec<f32> = (0..GENES).map(|_| 0.3 * rng.random::<f32>().powi(2)).collect();
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for _ in 0..CELLS {
        for (gene, &h) in (0..).zip(&height) {
            if rng.random::<f32>() < h {
                indices.push(gene);
                data.push(1.0 + (-4.0 * h * rng.random::<f32>().ln()).floor());
            }
        }
        indptr.push(data.len());
    }
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    let counts = CsrMatrix::new(GENES, indptr, indices, data).unwrap();
    ExpressionMatrix::new(Values::Sparse(counts), names("c", CELLS), names("g", GENES)).unwrap()
}

fn pipeline(scale: bool) -> Pipeline {
    Pipeline {
        min_genes: 20,
        min_cells: 3,
        target_sum: Some(1e4),
        log1p: true,
        top_genes: Some((1_000, HvgFlavor::Seurat)),
        scale,
        max_value: scale.then_some(10.0),
    }
}

fn in_memory() {
    let folder = std::env::var_os("SENSITOME_BENCH_DATA").map(PathBuf::from);
    let counts = input(folder.as_ref());
    let pipeline = pipeline(true);
    let (scaled, fit) = pipeline.run(&counts).unwrap();
    let sum: f64 = scaled.values().stored().map(|v| f64::from(v.abs())).sum();
    if let (Some(folder), Scaler::ZScore { mean, sd, .. }) = (&folder, &fit.scaler) {
        let genes = fit.genes.iter().map(|&j| j as f64);
        let bytes: Vec<u8> =
            genes.chain(mean.iter().copied()).chain(sd.iter().copied()).flat_map(f64::to_le_bytes).collect();
        std::fs::write(folder.join("genes_mean_sd.f64"), bytes).unwrap();
        let bytes: Vec<u8> = scaled.values().stored().flat_map(f32::to_le_bytes).collect();
        std::fs::write(folder.join("scaled.f32"), bytes).unwrap();
    }
    drop(scaled);
    let times = Times::of(REPEATS, || drop(pipeline.run(&counts).unwrap()));
    println!("in_memory\t{sum:.3}\t{times}");
}

fn file(counts: &str, out: &str) {
    let start = Instant::now();
    let blocks = CellBlocks::open(counts, &H5adLayer::X, Duplicates::Refuse, 8_192).unwrap();
    let (cells, genes) = (blocks.n_cells(), blocks.genes().len());
    println!("{cells} cells × {genes} genes, opened in {:.1} s", start.elapsed().as_secs_f64());
    let fit = pipeline(false).run_blocks(blocks, out, None).unwrap();
    println!(
        "{} genes kept\t{:.1} s\tCPU {:.1} s\tpeak {:.0} MB",
        fit.genes.len(),
        start.elapsed().as_secs_f64(),
        cpu_seconds(),
        peak_megabytes()
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => in_memory(),
        ["file", counts, out] => file(counts, out),
        _ => panic!("pass nothing, or: file COUNTS.h5ad OUT.h5ad"),
    }
}
