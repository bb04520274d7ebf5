//! What fits and predictions spend their time in, one by one, on the CPU; loading a model besides.
//!
//!     cargo bench --bench kernels

#![allow(clippy::unwrap_used)] // a bench is a test
#![allow(missing_docs)]

use std::time::Duration;

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sensitome_adapt::losses::{Estimator, rbf_mmd, squared_distances};
use sensitome_adapt::{Optimizer, OptimizerState, track};
use sensitome_core_models::*;
use sensitome_data::detect::Scale;
use sensitome_data::preprocess::Scaler;
use sensitome_data::{CsrMatrix, ExpressionMatrix, FittedPreprocessing, Missing, Values};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GENES: usize = 3_000;
const CELLS: usize = 1_024;

/// Counts of which one in twenty is not zero.
fn cells() -> ExpressionMatrix {
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for cell in 0..CELLS {
        let genes = (0..GENES).filter(|gene| (cell * 7919 + gene * 104_729) % 1009 < 50);
        indices.extend(genes.map(|gene| gene as u32));
        data.resize(indices.len(), 1.0 + (cell % 5) as f32);
        indptr.push(data.len());
    }
    let values = Values::Sparse(CsrMatrix::new(GENES, indptr, indices, data).unwrap());
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect();
    ExpressionMatrix::new(values, names("cell", CELLS), names("G", GENES)).unwrap()
}

/// 3000-512-128-2 on logarithms as z-scores.
fn model(cells: &ExpressionMatrix, device: &Device) -> ResponseModel {
    let mut prepared = FittedPreprocessing::identity(cells.genes().to_vec(), Scale::Counts);
    (prepared.target_sum, prepared.log1p) = (Some(1e4), true);
    let (x, _) = prepared.transform(cells, Missing::Refuse).unwrap();
    prepared.scaler = Scaler::fit_zscore(x.view(), 0).unwrap();
    let init = Init::new(1, device.clone());
    let widths = MlpConfig { outputs: None, ..MlpConfig::new(GENES, &[512, 128], 128) };
    let encoder = widths.init(&init, "encoder").unwrap();
    let (head, output) = HeadConfig::Softmax(MlpConfig::new(128, &[], 2)).init(&init, "head").unwrap();
    ResponseModel::new(prepared, encoder, head, output, 0.5, ModelCard::default(), device.clone()).unwrap()
}

fn of_models(c: &mut Criterion) {
    let device = parse_device("flex").unwrap();
    let cells = cells();
    let model = model(&cells, &device);
    let mut group = c.benchmark_group("model");
    group.throughput(Throughput::Elements(CELLS as u64));
    group.bench_function("predict 1,024 cells", |b| {
        b.iter(|| model.predict(&cells, &PredictOptions::default()).unwrap());
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    model.save(file.path()).unwrap();
    group.throughput(Throughput::Bytes(std::fs::metadata(file.path()).unwrap().len()));
    group.bench_function("load", |b| b.iter(|| ResponseModel::load(file.path(), &device).unwrap()));
    group.finish();
}

fn of_training(c: &mut Criterion) {
    let device = parse_device("flex").unwrap();
    let random = |rows, columns| Tensor::<2>::random([rows, columns], Distribution::Default, &device);
    let mut group = c.benchmark_group("training");

    let (x, w) = (random(64, 2000), random(2000, 512));
    group.throughput(Throughput::Elements(2 * 64 * 2000 * 512)); // multiplications and additions
    group.bench_function("product 64 × 2000 × 512", |b| b.iter(|| product(x.clone(), w.clone())));

    let mut layer = MlpConfig::new(2000, &[], 512).init(&Init::new(1, device.clone()), "layer").unwrap();
    let mut optimizer = OptimizerState::new(Optimizer::ADAM);
    group.throughput(Throughput::Bytes(28 * 2001 * 512)); // weight and both averages read and written, gradient read
    group.bench_function("Adam 2000 × 512", |b| {
        // The gradient is made outside of the time.
        b.iter_custom(|steps| {
            let mut spent = Duration::ZERO;
            for _ in 0..steps {
                track(&mut layer, &[""]);
                let gradients = layer.forward(x.clone(), Pass::Evaluate).sum().backward();
                let start = std::time::Instant::now();
                optimizer.step(&mut layer, gradients, 1e-3).unwrap();
                spent += start.elapsed();
            }
            spent
        });
    });

    let (a, b) = (random(256, 128), random(256, 128));
    group.throughput(Throughput::Elements(256 * 256)); // pairs
    group.bench_function("squared distances 256 × 256 of 128", |bench| {
        bench.iter(|| squared_distances(a.clone(), b.clone()));
    });
    group.throughput(Throughput::Elements(3 * 256 * 256));
    group.bench_function("MMD 256 and 256 of 128, with its gradient", |bench| {
        bench.iter_batched(
            || [&a, &b].map(|t| t.clone().autodiff().require_grad()),
            |[a, b]| rbf_mmd(a, b, 4.0, Estimator::Biased).backward(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, of_models, of_training);
criterion_main!(benches);
