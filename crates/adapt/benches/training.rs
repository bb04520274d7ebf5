//! Training steps, whole fits, and the limit that the machine sets them.
//!
//! `cargo bench --features ndarray --bench training -- MODE ARGUMENTS`, each in a process of its own so that its peak
//! memory can be read:
//!
//! - `step ae|classifier BATCH`: one step (forward, backward, Adam) of 2000-512-128-512-2000 or 2000-512-128-2, ReLU;
//! - `limit ae|classifier BATCH`: the matrix products of that step alone, and `limit copy`: the copy rate;
//! - `zoo STRATEGY GENES BATCH`: a step of every stage of a strategy on made-up data of six batches, and what an epoch
//!   needs besides (validation, copies), shared out to the steps; a whole fit of a strategy without epochs;
//! - `fit STRATEGY`: a whole fit of PLX-4720 → A375 with default settings but no early stop (`SENSITOME_DATA`, else
//!   `../shared/data`); `export` writes that task for the PyTorch side into `SENSITOME_BENCH_DATA`.
//!
//! Prints name, median, least and greatest wall milliseconds, CPU milliseconds, peak resident MB. The side by side runs
//! are `crates/adapt/benches/training_side_by_side.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_adapt::{
    EpochReport, FitOptions, Observer, Optimizer, OptimizerState, Settings, find, losses, track,
};
use sensitome_core_models::{
    FeedForward, Init, MlpConfig, Noise, Normalization, Pass, parse_device, product,
};
use sensitome_data::detect::Scale;
use sensitome_data::read::{self, GeneSet, Measure, ReadOptions};
use sensitome_data::{
    FewShot, FittedPreprocessing, PrepareOptions, SourceDomain, SourceInput, TargetDomain, TargetInput,
    TaskParts, TransferTask, prepare,
};
use sensitome_testkit as testkit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEATS: usize = 7;

/// Times `run`, which does `steps` steps a call, after one call to warm up.
fn measure(name: &str, repeats: usize, steps: usize, mut run: impl FnMut()) {
    if steps > 1 {
        run(); // a whole fit is long enough to warm itself up
    }
    println!("{name}\t{}", testkit::Times::of(repeats, run).times(1e3 / steps as f64));
}

fn normal(shape: [usize; 2], seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn(shape, || (0..4).map(|_| rng.random_range(-0.87..0.87f32)).sum())
}

fn tensor(x: &Array2<f32>, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(x.iter().copied().collect::<Vec<_>>(), [x.nrows(), x.ncols()]), device)
}

fn widths(network: &str) -> Vec<usize> {
    match network {
        "ae" => vec![2000, 512, 128, 512, 2000],
        "classifier" => vec![2000, 512, 128, 2],
        other => panic!("no network {other}: ae or classifier"),
    }
}

fn step(network: &str, batch: usize) {
    let device = parse_device("flex").unwrap();
    let widths = widths(network);
    let (inputs, outputs) = (widths[0], *widths.last().unwrap());
    let config = MlpConfig {
        normalization: Normalization::None,
        ..MlpConfig::new(inputs, &widths[1..widths.len() - 1], outputs)
    };
    let mut net: FeedForward = config.init(&Init::new(0, device.clone()), "net").unwrap();
    let mut optimizer = OptimizerState::new(Optimizer::ADAM);
    let x = normal([batch, inputs], 1);
    let labels: Vec<u8> = (0..batch).map(|i| (i % 2) as u8).collect();
    let targets = losses::one_hot(&labels, &device);
    let mut noise = Noise::new(0, "steps");
    let steps = if batch > 100 { 15 } else { 40 };
    measure(&format!("{network} {batch}"), REPEATS, steps, || {
        for _ in 0..steps {
            // Rows are gathered anew, as in training.
            let x = tensor(&x, &device);
            track(&mut net, &[""]);
            let y = net.forward(x.clone(), Pass::Train(&mut noise));
            let loss = if network == "ae" {
                losses::mean_squared_error(y, x)
            } else {
                losses::cross_entropy(y, targets.clone())
            };
            optimizer.step(&mut net, loss.backward(), 1e-4).unwrap();
        }
    });
}

/// The products of forward, weight gradient and, but for the first layer, input gradient.
fn limit(network: &str, batch: usize) {
    let device = parse_device("flex").unwrap();
    let widths = widths(network);
    let layers: Vec<[Tensor<2>; 3]> = widths
        .windows(2)
        .map(|w| [[batch, w[0]], [w[0], w[1]], [batch, w[1]]].map(|shape| tensor(&normal(shape, 2), &device)))
        .collect();
    let steps = if batch > 100 { 15 } else { 40 };
    measure(&format!("{network} {batch}, products alone"), REPEATS, steps, || {
        for _ in 0..steps {
            for (i, [x, w, g]) in layers.iter().enumerate() {
                drop(product(x.clone(), w.clone()));
                drop(product(x.clone().transpose(), g.clone()));
                if i > 0 {
                    drop(product(g.clone(), w.clone().transpose()));
                }
            }
        }
    });
    let flops: usize = widths
        .windows(2)
        .enumerate()
        .map(|(i, w)| 2 * batch * w[0] * w[1] * if i == 0 { 2 } else { 3 })
        .sum();
    println!("# {:.3} GFLOP a step", flops as f64 / 1e9);
}

fn copy_rate() {
    let from = vec![1.0f32; 1 << 26];
    let mut to = vec![0.0f32; 1 << 26];
    measure("copy of 256 MB", REPEATS, 1, || to.copy_from_slice(std::hint::black_box(&from)));
    std::hint::black_box(&to);
}

/// Batches in an epoch of the zoo.
const BATCHES: usize = 6;

/// As many training lines as cells, and 64 lines more to validate on.
fn made_up(genes: usize, rows: usize, few_shot: Option<FewShot>) -> TransferTask {
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
    let n = rows + 64;
    let expression = normal([n, genes], 3);
    let response: Vec<Option<f64>> = expression.column(0).iter().map(|&v| Some(f64::from(v))).collect();
    let set = |s: usize| GeneSet { description: String::new(), genes: names("G", 40 + s) };
    TransferTask::new(TaskParts {
        genes: names("G", genes),
        sources: vec![SourceDomain {
            name: "made up".into(),
            samples: names("L", n),
            labels: response.iter().map(|r| r.map(|r| u8::from(r < 0.0))).collect(),
            response,
            train: (0..rows).collect(),
            validation: (rows..n).collect(),
            table: None,
            expression,
        }],
        target: TargetDomain {
            expression: normal([rows, genes], 4),
            cells: names("C", rows),
            clusters: None,
        },
        few_shot,
        gene_sets: Some((0..40).map(|s| (format!("SET{s}"), set(s))).collect()),
        preprocessing: FittedPreprocessing::identity(names("G", genes), Scale::ZScored),
        notes: Vec::new(),
    })
    .unwrap()
}

/// Wall milliseconds of every epoch, with its stage.
struct Watch<'a> {
    last: Instant,
    epochs: &'a mut Vec<(&'static str, f64)>,
}

impl Observer for Watch<'_> {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        self.epochs.push((report.stage, self.last.elapsed().as_secs_f64() * 1e3));
        self.last = Instant::now();
        ControlFlow::Continue(())
    }
}

/// An epoch goes once over the longer domain; a step has a batch of both where the stage takes both.
fn zoo(strategy: &str, genes: usize, batch: usize) {
    let few = FewShot { rows: vec![0, 1], labels: vec![0, 1] };
    let few = Some(few).filter(|_| strategy == "nearest_centroid"); // which learns from nothing else
    let task = made_up(genes, BATCHES * batch, few);
    let entry = find(strategy).unwrap();
    let settings = entry.hypers.iter().fold(Settings::new(), |settings, hyper| match hyper.name {
        "batch_size" => settings.set(hyper.name, batch),
        "patience" => settings.set(hyper.name, 1000),
        name if name.ends_with("epochs") => settings.set(name, 6),
        _ => settings,
    });
    let fit = entry.build(&settings).unwrap();
    let mut epochs = Vec::new();
    let mut options = FitOptions::new(0, parse_device("flex").unwrap());
    options.observer = Box::new(Watch { last: Instant::now(), epochs: &mut epochs });
    let start = Instant::now();
    fit.fit(&task, &mut options).unwrap();
    let whole = start.elapsed().as_secs_f64() * 1e3;
    drop(options);
    if epochs.is_empty() {
        println!("{strategy} whole fit, {genes} genes, batch {batch}\t{whole:.2}\t{whole:.2}\t{whole:.2}");
    }
    let mut stages: Vec<&str> = epochs.iter().map(|e| e.0).collect();
    stages.dedup();
    for stage in stages {
        // The first epoch warms up.
        let mut times: Vec<f64> =
            epochs.iter().filter(|e| e.0 == stage).skip(1).map(|e| e.1 / BATCHES as f64).collect();
        times.sort_by(f64::total_cmp);
        if let (Some(least), Some(most)) = (times.first(), times.last()) {
            let median = times[times.len() / 2];
            println!("{strategy} {stage}, {genes} genes, batch {batch}\t{median:.2}\t{least:.2}\t{most:.2}");
        }
    }
}

/// PLX-4720 (GDSC1) to the cells of A375, as `sensitome train` prepares them.
fn real() -> Option<TransferTask> {
    let folder = std::env::var_os("SENSITOME_DATA").map(PathBuf::from).or_else(testkit::data_dir)?;
    let table = |file: &str| read::expression(folder.join(file), &ReadOptions::default()).unwrap().0;
    let screen = read::response(folder.join("gdsc_response.csv.gz").as_path()).unwrap();
    let source = SourceInput {
        name: "GDSC".into(),
        expression: table("gdsc_expression.csv.gz"),
        response: screen.select("PLX-4720", Some("GDSC1"), Measure::Auc).unwrap(),
        labels: None,
        table: None,
    };
    let cells = TargetInput {
        expression: table("sc_melanoma_a375_expression.csv.gz"),
        renamed: Default::default(),
        cluster_column: None,
        few_shot: Vec::new(),
        gene_sets: None,
    };
    let options = PrepareOptions { exclude: vec!["A375".into()], ..PrepareOptions::default() };
    Some(prepare(vec![source], cells, &options).unwrap())
}

fn fit(strategy: &str) {
    let Some(task) = real() else { return println!("# no shared data: skipped") };
    let entry = find(strategy).unwrap();
    let settings = entry.hypers.iter().fold(Settings::new(), |settings, hyper| match hyper.name {
        "patience" => settings.set(hyper.name, 10_000),
        _ => settings,
    });
    let fit = entry.build(&settings).unwrap();
    measure(&format!("{strategy}, whole fit"), 5, 1, || {
        fit.fit(&task, &mut FitOptions::new(0, parse_device("flex").unwrap())).unwrap();
    });
}

/// The task as raw numbers: rows × genes of training lines, validation lines and cells, and the lines' labels.
fn export() {
    let folder =
        PathBuf::from(std::env::var_os("SENSITOME_BENCH_DATA").expect("SENSITOME_BENCH_DATA, a folder"));
    let Some(task) = real() else { return println!("# no shared data: skipped") };
    let source = &task.sources[0];
    let write = |name: &str, x: &Array2<f32>| {
        let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    for (name, rows) in [("train", &source.train), ("validation", &source.validation)] {
        write(&format!("{name}.f32"), &source.expression.select(Axis(0), rows));
        let labels: Vec<u8> = rows.iter().map(|&i| source.labels[i].unwrap()).collect();
        std::fs::write(folder.join(format!("{name}.u8")), labels).unwrap();
    }
    write("cells.f32", &task.target.expression);
    std::fs::write(folder.join("genes"), task.n_genes().to_string()).unwrap();
    println!("# {} lines, {} cells, {} genes", source.train.len(), task.target.cells.len(), task.n_genes());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |s: &str| s.parse::<usize>().expect("a number");
    // In the pool of threads, as `sensitome train` does it.
    rayon::scope(|_| match words.as_slice() {
        ["step", network, batch] => step(network, number(batch)),
        ["limit", "copy"] => copy_rate(),
        ["limit", network, batch] => limit(network, number(batch)),
        ["zoo", strategy, genes, batch] => zoo(strategy, number(genes), number(batch)),
        ["fit", strategy] => fit(strategy),
        ["export"] => export(),
        _ => println!("# step, limit, zoo, fit or export: see the head of this file"),
    });
}
