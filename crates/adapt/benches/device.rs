//! Training and prediction on one device, held against the rates at which that device copies and multiplies.
//!
//! `cargo bench --bench device -- [--device NAME] [--seconds S] [--quick]`; `benches/gpu.sh` runs it where a GPU is. Rows are
//! on the device before a training step begins, as the loop should have them, and nothing is read back within one; a
//! prediction uploads its cells and reads its scores back. "Of the matrix rate": floating-point operations of the matrix
//! products alone, against those of a large product. "Of the copy rate": the 28 bytes a weight that Adam cannot do without,
//! against a pass over a large tensor.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use sensitome_adapt::losses::{cross_entropy, mean_squared_error, one_hot};
use sensitome_adapt::{Optimizer, OptimizerState, track};
use sensitome_core_models::{
    Activation, Device, FeedForward, Init, LayerShape, Noise, Pass, is_on_host, parse_device, rng_for,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GENES: usize = 2000;
const AUTOENCODER: [usize; 5] = [GENES, 512, 128, 512, GENES];
const CLASSIFIER: [usize; 4] = [GENES, 512, 128, 2];

struct Bench {
    device: Device,
    seconds: f64,
}

impl Bench {
    /// Seconds a call, over at least the seconds asked for, after a few calls that compile what is to be compiled.
    fn time(&self, mut call: impl FnMut()) -> f64 {
        for _ in 0..3 {
            call();
        }
        self.device.sync().unwrap();
        let mut calls = 1;
        loop {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            self.device.sync().unwrap();
            let elapsed = start.elapsed().as_secs_f64();
            if elapsed >= self.seconds {
                return elapsed / f64::from(calls);
            }
            calls *= 2;
        }
    }

    /// Bytes read and written a second by one pass over a large tensor.
    fn copy_rate(&self, numbers: usize) -> f64 {
        let x = Tensor::<1>::ones([numbers], &self.device);
        let mut out = x.clone();
        let seconds = self.time(|| out = x.clone() + 1.0);
        8.0 * numbers as f64 / seconds
    }

    /// Floating-point operations a second of the product of two large matrices.
    fn matrix_rate(&self, size: usize) -> f64 {
        let x = self.values(size, size);
        let mut out = x.clone();
        let seconds = self.time(|| out = x.clone().matmul(x.clone()));
        2.0 * (size as f64).powi(3) / seconds
    }

    fn values(&self, rows: usize, columns: usize) -> Tensor<2> {
        Tensor::from_data(numbers(rows, columns), &self.device)
    }

    fn network(&self, widths: &[usize]) -> FeedForward {
        let mut shapes = Vec::new();
        for w in widths.windows(2) {
            shapes.push(LayerShape::Linear { inputs: w[0], outputs: w[1], bias: true });
            shapes.push(LayerShape::Activation { function: Activation::Relu });
        }
        shapes.pop();
        Init::new(0, self.device.clone()).network("bench", &shapes).unwrap()
    }

    /// Seconds a training step on `rows` rows: forward, backward, Adam.
    fn step(&self, widths: &[usize], rows: usize) -> f64 {
        let mut net = self.network(widths);
        let mut adam = OptimizerState::new(Optimizer::ADAM);
        let mut noise = Noise::new(0, "bench");
        let x = self.values(rows, GENES);
        let labels: Vec<u8> = (0..rows).map(|i| (i % 2) as u8).collect();
        let targets = one_hot(&labels, &self.device);
        self.time(|| {
            track(&mut net, &[""]);
            let y = net.forward(x.clone(), Pass::Train(&mut noise));
            let loss = if y.dims()[1] == GENES {
                mean_squared_error(y, x.clone())
            } else {
                cross_entropy(y, targets.clone())
            };
            adam.step(&mut net, loss.backward(), 1e-4).unwrap();
        })
    }

    /// Seconds a batch of `rows` predictions, upload and reading back included.
    fn predict(&self, widths: &[usize], rows: usize) -> f64 {
        let net = self.network(widths);
        let cells = numbers(rows, GENES);
        self.time(|| {
            let x = Tensor::<2>::from_data(cells.clone(), &self.device);
            let scores = net.evaluate(x).try_into_vec_as::<f32>().unwrap();
            assert_eq!(scores.len(), 2 * rows);
        })
    }
}

fn numbers(rows: usize, columns: usize) -> TensorData {
    let mut rng = rng_for(0, "numbers of the bench");
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-1.0..1.0)).collect();
    TensorData::new(values, [rows, columns])
}

/// Weights of all layers, and of the first.
fn weights(widths: &[usize]) -> (f64, f64) {
    let each = || widths.windows(2).map(|w| (w[0] * w[1]) as f64);
    (each().sum(), each().next().unwrap_or(0.0))
}

fn main() {
    let (mut name, mut seconds, mut quick) = ("flex".to_owned(), 3.0, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} wants a value"));
        match arg.as_str() {
            "--device" => name = value(),
            "--seconds" => seconds = value().parse().unwrap(),
            "--quick" => (quick, seconds) = (true, 0.2),
            "--bench" => {} // cargo says so
            other => panic!("{other} is not known: --device NAME, --seconds S, --quick"),
        }
    }
    let device = parse_device(&name).unwrap_or_else(|e| panic!("{e}"));
    let host = is_on_host(&device);
    let bench = Bench { device, seconds };
    let copy = bench.copy_rate(if quick || host { 1 << 24 } else { 1 << 28 });
    let matrix = bench.matrix_rate(if quick || host { 1024 } else { 8192 });
    println!("device {name}: copies {:.1} GB/s, multiplies {:.1} GFLOP/s\n", copy / 1e9, matrix / 1e9);
    println!("| job | batch | steps/s | cells/s | of the matrix rate | of the copy rate |");
    println!("|---|---|---|---|---|---|");
    let row = |job: &str, rows: usize, seconds: f64, operations: f64, bytes: f64| {
        let share = |done: f64, rate: f64| format!("{:.1} %", 100.0 * done / seconds / rate);
        println!(
            "| {job} | {rows} | {:.1} | {:.0} | {} | {} |",
            1.0 / seconds,
            rows as f64 / seconds,
            share(operations, matrix),
            if bytes > 0.0 { share(bytes, copy) } else { "-".to_owned() }
        );
    };
    let batches: &[usize] = if quick { &[64] } else { &[64, 256, 2048] };
    for (job, widths) in [("train autoencoder", &AUTOENCODER[..]), ("train classifier", &CLASSIFIER[..])] {
        let (all, first) = weights(widths);
        for &rows in batches {
            // Forward, the gradients of the weights, and those of every layer's input but the data.
            let operations = 2.0 * rows as f64 * (3.0 * all - first);
            row(job, rows, bench.step(widths, rows), operations, 28.0 * all);
        }
    }
    for &rows in batches {
        let operations = 2.0 * rows as f64 * weights(&CLASSIFIER).0;
        row("predict", rows, bench.predict(&CLASSIFIER, rows), operations, 0.0);
    }
}
