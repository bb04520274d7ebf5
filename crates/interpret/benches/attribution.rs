//! Integrated gradients and DeepSHAP at the size of the issue: 3000-512-128-2, in single precision.
//!
//! `cargo bench -p sensitome-interpret --bench attribution -- NAME` with NAME one of `ig`, `ig_sparse`,
//! `ig_plain`, `shap`, `shap_sparse`, `stream`. With `SENSITOME_BENCH_DATA` pointing to a folder made by
//! `attribution_side_by_side.py generate` the same weights and cells as in Python are used, and the
//! attributions are written there for comparison. Prints name, median, least and greatest wall seconds, CPU
//! seconds a run, and peak resident MB.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_core_models::{Activation, FeedForward, Layer, Output, parse_device};
use sensitome_interpret::{
    Autodiff, DeepShap, Explain, Explained, IntegratedGradients, PathOptions, RunOptions, ShapOptions,
    Target, stream,
};
use sensitome_testkit::{Times, peak_megabytes};

const WIDTHS: [usize; 4] = [3000, 512, 128, 2];

fn folder() -> Option<PathBuf> {
    std::env::var_os("SENSITOME_BENCH_DATA").map(PathBuf::from)
}

fn numbers(name: &str, shape: (usize, usize), zeros: f64) -> Array2<f32> {
    if let Some(folder) = folder() {
        let bytes = std::fs::read(folder.join(format!("{name}.f32"))).expect("a folder made by the script");
        let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        return Array2::from_shape_vec(shape, values).unwrap();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(name.len() as u64);
    Array2::from_shape_simple_fn(shape, || {
        if rng.random::<f64>() < zeros { 0.0 } else { rng.random_range(-1.0..1.0) }
    })
}

fn network(device: &Device) -> FeedForward {
    let mut layers = Vec::new();
    for (i, w) in WIDTHS.windows(2).enumerate() {
        let weight = numbers(&format!("w{i}"), (w[0], w[1]), 0.0)
            / if folder().is_some() { 1.0 } else { (w[0] as f32).sqrt() };
        let bias = numbers(&format!("b{i}"), (1, w[1]), 0.0);
        let data = |a: &Array2<f32>| a.iter().copied().collect::<Vec<_>>();
        layers.push(Layer::Linear {
            weight: Tensor::from_data(TensorData::new(data(&weight), [w[0], w[1]]), device),
            bias: Some(Tensor::from_data(TensorData::new(data(&bias), [w[1]]), device)),
        });
        if i < 2 {
            layers.push(Layer::Activation(Activation::Relu));
        }
    }
    FeedForward::new(layers).unwrap()
}

fn measure(name: &str, repeats: usize, mut run: impl FnMut()) {
    run();
    println!("{name}\t{}", Times::of(repeats, run));
}

/// Everything through the driver, as the command line does it; keeps the values.
fn all(method: &dyn Explain<f32>, x: &Array2<f32>) -> Array2<f32> {
    let mut values = Array2::zeros(x.raw_dim());
    let source = |r: std::ops::Range<usize>| Ok(x.slice(s![r, ..]).to_owned());
    stream(method, x.nrows(), &source, &RunOptions::default(), &mut |_, _| {}, &mut |r, rows| {
        values.slice_mut(s![r, ..]).assign(&rows.values);
        Ok(())
    })
    .unwrap();
    values
}

fn keep(name: &str, values: &Array2<f32>) {
    if let Some(folder) = folder() {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("ours_{name}.f32")), bytes).unwrap();
    }
}

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|c| c == name);
    let network = network(&parse_device("flex").unwrap());
    let explained = || Explained::<f32>::new(&network, Output::Softmax, Target::Logit(1)).unwrap();
    for (suffix, zeros) in [("", 0.0), ("_sparse", 0.9)] {
        let name = format!("ig{suffix}");
        if wanted(&name) {
            let x = numbers(&format!("cells{suffix}"), (1000, 3000), zeros);
            let zero = Array2::zeros((1, 3000));
            let method = IntegratedGradients::new(explained(), zero, PathOptions::default()).unwrap();
            measure(&name, 7, || drop(all(&method, &x)));
            keep(&name, &all(&method, &x));
        }
        let name = format!("shap{suffix}");
        if wanted(&name) {
            let x = numbers(&format!("cells{suffix}"), (1000, 3000), zeros).slice(s![..200, ..]).to_owned();
            let background = numbers(&format!("background{suffix}"), (100, 3000), zeros);
            let run = || {
                let method = DeepShap::new(explained(), background.clone(), ShapOptions::default()).unwrap();
                all(&method, &x)
            };
            measure(&name, 3, || drop(run()));
            keep(&name, &run());
        }
    }
    if wanted("ig_plain") {
        let x = numbers("cells", (1000, 3000), 0.0);
        let plain = Autodiff::new(&network, Output::Softmax, Target::Logit(1)).unwrap();
        let zero = Array2::zeros((1, 3000));
        measure("ig_plain", 1, || {
            drop(plain.integrated_gradients(x.view(), zero.view(), &PathOptions::default()))
        });
    }
    if wanted("stream") {
        let method =
            IntegratedGradients::new(explained(), Array2::zeros((1, 3000)), PathOptions::default()).unwrap();
        let before = peak_megabytes();
        let options = RunOptions { max_bytes: 256 << 20, ..RunOptions::default() };
        let source = |r: std::ops::Range<usize>| {
            let mut rng = ChaCha8Rng::seed_from_u64(r.start as u64);
            Ok(Array2::from_shape_simple_fn((r.len(), 3000), || {
                if rng.random::<u32>() < u32::MAX / 10 { rng.random_range(0.0f32..3.0) } else { 0.0 }
            }))
        };
        let start = Instant::now();
        let mut sum = 0.0;
        stream(&method, 100_000, &source, &options, &mut |_, _| {}, &mut |_, rows| {
            sum += f64::from(rows.values.sum());
            Ok(())
        })
        .unwrap();
        let grown = peak_megabytes() - before;
        println!(
            "stream\t100000 cells in {:.1} s, peak grown by {grown:.0} MB of 256 allowed, sum {sum:.3}",
            start.elapsed().as_secs_f64()
        );
        assert!(grown <= 256.0, "the bound is broken");
    }
}
