//! The tables of `docs/methods/index.md`, `docs/methods/sensitome.md` and `docs/real-data.md`: every method, corrected and as
//! published, on the simulated task and on real pairs of bulk screen and single cells. Reads `../shared/data` or the folder
//! that `SENSITOME_DATA` names.
//!
//!     cargo run --release --example methods -- RESULTS.tsv [SIMULATED_SEEDS REAL_SEEDS [METHOD ...]]
//!
//! `SENSITOME_PAIRS` keeps the pairs whose name contains it, so that several processes can share the work, each with a file of
//! its own; without it there are the six pairs of the index, with `all` all sixteen. Every fit is one line of `RESULTS.tsv`;
//! what is there already is not run again, and the tables are printed from it.

#![allow(clippy::print_stdout)] // examples print

mod pairs;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use pairs::{Data, PAIRS, Pair, Result, Role, unseen};
use sensitome::data::{FewShot, Scaling};
use sensitome::eval::comparison::{Alternative, Zeros, mean_ranks, wilcoxon_signed_rank};
use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A method with settings, and what it is given.
struct Variant {
    name: &'static str,
    form: &'static str,
    settings: &'static [(&'static str, &'static str)],
    shots: usize,
}

const fn variant(
    name: &'static str,
    form: &'static str,
    settings: &'static [(&'static str, &'static str)],
) -> Variant {
    Variant { name, form, settings, shots: 0 }
}

const PUBLISHED: &[(&str, &str)] = &[("faithful", "true")];
/// As many epochs as published (500 a stage here, 300 for shared_pathway) would take six to ten times as long.
const SHORT: &[(&str, &str)] =
    &[("faithful", "true"), ("pretrain_epochs", "50"), ("predictor_epochs", "50"), ("transfer_epochs", "50")];

const FEW: &[(&str, &str)] = &[("few_shot", "true")];
const NO_PRETRAINING: &[(&str, &str)] = &[("pretrain_epochs", "0")];

const VARIANTS: [Variant; 38] = [
    variant("ridge", "", &[]),
    variant("elastic_net", "", &[]),
    variant("logistic", "", &[]),
    variant("svm", "", &[]),
    variant("random_forest", "", &[]),
    variant("gradient_boosting", "", &[]),
    Variant { shots: 3, ..variant("nearest_centroid", "3 shots", &[]) },
    variant("source_only", "", &[]),
    Variant { shots: 3, ..variant("source_only", "3 shots", FEW) },
    variant("autoencoder", "", &[]),
    variant("scdeal", "no pretraining", NO_PRETRAINING),
    variant("scdeal", "corrected", &[]),
    variant("scdeal", "faithful, 50 epochs", SHORT),
    variant("scad", "corrected", &[]),
    variant("scad", "faithful", PUBLISHED),
    variant("code_ae", "corrected", &[]),
    variant("code_ae", "faithful", PUBLISHED),
    variant("ssda4drug", "corrected", &[]),
    variant("ssda4drug", "faithful", PUBLISHED),
    Variant { shots: 3, ..variant("ssda4drug", "3 shots", &[]) },
    variant("shared_pathway", "corrected", &[]),
    variant("shared_pathway", "faithful, 50 epochs", &[("faithful", "true"), ("epochs", "50")]),
    variant("coral", "", &[]),
    variant("mmd", "", &[]),
    variant("jan", "", &[]),
    variant("optimal_transport", "", &[]),
    variant("dann", "", &[]),
    variant("cdan", "", &[]),
    variant("mcd", "", &[]),
    variant("adabn", "", &[]),
    variant("mme", "", &[]),
    Variant { shots: 3, ..variant("mme", "3 shots", &[]) },
    variant("pseudo_label", "", &[]),
    variant("sensitome", "", &[]),
    Variant { shots: 3, ..variant("sensitome", "3 shots", &[]) },
    variant("sensitome", "always trusting", &[("trust", "always")]),
    variant("sensitome", "starts on genes alike", &[("genes", "equal")]),
    variant("sensitome", "no response table", &[("screen", "none")]),
];

/// What is prepared once for all methods: the task z-scored and in 0..1, and the truth that only the evaluation
/// sees.
type Prepared = ([TransferTask; 2], Vec<Option<u8>>);

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, rest @ ..] = args.as_slice() else { return Err("name the file for the results".into()) };
    let seeds = |i: usize, default: u64| rest.get(i).map_or(Ok(default), |s| s.parse());
    let (simulated, real) = (seeds(0, 10)?, seeds(1, 3)?);
    let mut book = Book::open(Path::new(path), rest.get(2..).unwrap_or_default())?;
    for seed in 0..simulated {
        book.run("simulated", seed, || {
            let simulation = simulate(&SimulationConfig { seed, ..SimulationConfig::default() })?;
            let task =
                |scaling| simulation.task(&PrepareOptions { seed, scaling, ..PrepareOptions::default() });
            let tasks = [task(Scaling::Zscore)?, task(Scaling::Minmax)?];
            let truth = simulation.truth.labels.iter().copied().map(Some).collect();
            Ok((tasks, truth))
        })?;
    }
    if let Some(data) = Data::read()? {
        let only = std::env::var("SENSITOME_PAIRS").unwrap_or_default();
        let wanted = |p: &&Pair| match only.as_str() {
            "" => p.in_index,
            "all" => true,
            part => p.name().contains(part),
        };
        // Seed by seed, so that a run that is cut short leaves a whole table.
        for seed in 0..real {
            for pair in PAIRS.iter().filter(wanted) {
                book.run(&pair.name(), seed, || {
                    let task = |scaling| {
                        data.task(pair, &PrepareOptions { seed, scaling, ..PrepareOptions::default() })
                    };
                    let ((zscored, truth), (minmax, _)) = (task(Scaling::Zscore)?, task(Scaling::Minmax)?);
                    Ok(([zscored, minmax], truth))
                })?;
            }
        }
    }
    book.print();
    book.ranking()
}

/// The results so far, in a file.
struct Book {
    file: std::fs::File,
    only: BTreeSet<String>,
    rows: BTreeMap<(String, String, u64), [f64; 3]>,
}

impl Book {
    fn open(path: &Path, only: &[String]) -> Result<Self> {
        let mut rows = BTreeMap::new();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let f: Vec<&str> = line.split('\t').collect();
            if let [task, method, seed, auroc, precision, seconds] = f.as_slice() {
                let values = [auroc.parse()?, precision.parse()?, seconds.parse()?];
                rows.insert(((*task).to_owned(), (*method).to_owned(), seed.parse()?), values);
            }
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, only: only.iter().cloned().collect(), rows })
    }

    /// Every variant that is asked for and not there yet.
    fn run(&mut self, task: &str, seed: u64, prepare: impl Fn() -> Result<Prepared>) -> Result<()> {
        let mut prepared: Option<Prepared> = None;
        for v in &VARIANTS {
            let method = v.method();
            let key = (task.to_owned(), method.clone(), seed);
            let wanted = self.only.is_empty() || self.only.contains(v.name) || self.only.contains(&method);
            if !wanted || self.rows.contains_key(&key) {
                continue;
            }
            if prepared.is_none() {
                prepared = Some(prepare()?);
            }
            let Some((tasks, truth)) = &prepared else { continue };
            let values = match fit(v, tasks, truth, seed) {
                Ok(values) => values,
                Err(e) => {
                    println!("{task}, {method}, seed {seed}: {e}");
                    continue;
                }
            };
            writeln!(self.file, "{task}\t{method}\t{seed}\t{}\t{}\t{:.1}", values[0], values[1], values[2])?;
            println!("{task}, {method}, seed {seed}: AUROC {:.3}, {:.1} s", values[0], values[2]);
            self.rows.insert(key, values);
        }
        Ok(())
    }

    /// Mean ± SD over the seeds: AUROC, average precision, CPU seconds of a fit.
    fn print(&self) {
        let index = PAIRS.iter().filter(|p| p.in_index).map(Pair::name);
        let tasks: Vec<String> = ["simulated".to_owned()].into_iter().chain(index).collect();
        for (k, title) in ["AUROC", "AP", "CPU seconds"].into_iter().enumerate() {
            println!("\n| {title} | {} |\n|{}", tasks.join(" | "), " --- |".repeat(tasks.len() + 1));
            for v in &VARIANTS {
                let method = v.method();
                let cells = tasks.iter().map(|task| {
                    let values = self.values(task, &method, k);
                    if values.is_empty() { "–".to_owned() } else { summary(&values, k < 2) }
                });
                println!("| {method} | {} |", cells.collect::<Vec<_>>().join(" | "));
            }
        }
    }

    /// A column of all seeds.
    fn values(&self, task: &str, method: &str, k: usize) -> Vec<f64> {
        self.rows.iter().filter(|r| r.0.0 == task && r.0.1 == method).map(|r| r.1[k]).collect()
    }

    /// Methods that have run on every usable pair, by mean rank; seeds of a pair averaged first. Each against `sensitome` with
    /// as many labelled cells: Wilcoxon signed-rank over pairs.
    fn ranking(&self) -> Result<()> {
        let usable: Vec<Pair> = PAIRS.iter().filter(|p| p.role != Role::NegativeControl).cloned().collect();
        for shots in [0, 3] {
            let mut names = Vec::new();
            let mut rows = Vec::new();
            // Without the ablations of one method, which would crowd the ranks.
            let whole = |v: &&Variant| v.shots == shots && (v.name != "sensitome" || v.settings.is_empty());
            for v in VARIANTS.iter().filter(whole) {
                let means = usable.iter().map(|p| {
                    let values = self.values(&p.name(), &v.method(), 0);
                    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
                });
                if let Some(means) = means.collect::<Option<Vec<f64>>>() {
                    names.push(v.method());
                    rows.push(means);
                }
            }
            let ours = if shots == 0 { "sensitome" } else { "sensitome 3 shots" };
            let Some(ours) = names.iter().position(|n| n == ours).filter(|_| rows.len() > 1) else {
                continue;
            };
            let table = ndarray::Array2::from_shape_fn((usable.len(), rows.len()), |(i, j)| rows[j][i]);
            let ranks = mean_ranks(table.view(), true)?;
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
            println!("\n| {} pairs | mean rank | mean AUROC | development | held out | p |", usable.len());
            println!("|{}", " --- |".repeat(6));
            for j in order {
                let mean = |role: Option<Role>| {
                    let of = usable.iter().zip(&rows[j]).filter(|(p, _)| role.is_none_or(|r| p.role == r));
                    let values: Vec<f64> = of.map(|(_, v)| *v).collect();
                    values.iter().sum::<f64>() / values.len().max(1) as f64
                };
                let p = wilcoxon_signed_rank(&rows[ours], &rows[j], Zeros::Drop, Alternative::TwoSided);
                println!(
                    "| {} | {:.1} | {:.3} | {:.3} | {:.3} | {} |",
                    names[j],
                    ranks[j],
                    mean(None),
                    mean(Some(Role::Development)),
                    mean(Some(Role::HeldOut)),
                    p.map_or_else(|_| String::new(), |p| format!("{:.4}", p.p_value)),
                );
            }
        }
        Ok(())
    }
}

impl Variant {
    fn method(&self) -> String {
        format!("{} {}", self.name, self.form).trim().to_owned()
    }
}

/// AUROC, average precision and CPU seconds of one fit.
fn fit(v: &Variant, tasks: &[TransferTask; 2], truth: &[Option<u8>], seed: u64) -> Result<[f64; 3]> {
    let settings = v.settings.iter().fold(Settings::new(), |s, (k, value)| s.set(*k, value));
    let minmax = v.name == "scdeal" && v.form.starts_with("faithful");
    let mut parts = (*tasks[usize::from(minmax)]).clone();
    let few = few_shot(truth, v.shots, seed);
    parts.few_shot = (v.shots > 0).then(|| few.clone());
    let task = TransferTask::new(parts)?;
    let start = cpu_seconds();
    let model =
        find(v.name)?.build(&settings)?.fit(&task, &mut FitOptions::new(seed, parse_device("flex")?))?;
    let seconds = cpu_seconds() - start;
    let cells = &task.target;
    let report = Default::default();
    let predicted = model.predict_prepared(cells.expression.view(), &cells.cells, report, 1024)?;
    let (y, scores) = unseen(truth, &predicted.scores, Some(&few));
    Ok([auroc(&y, &scores, None)?, average_precision(&y, &scores, None)?, seconds])
}

/// So many cells of each class, which the method may see and the evaluation leaves out.
fn few_shot(truth: &[Option<u8>], shots: usize, seed: u64) -> FewShot {
    let mut few = FewShot { rows: Vec::new(), labels: Vec::new() };
    for class in [0u8, 1] {
        let members: Vec<usize> = (0..truth.len()).filter(|&i| truth[i] == Some(class)).collect();
        let start = sensitome::models::seed_for(seed, "few shot") as usize % members.len().max(1);
        let step = (members.len() / shots.max(1)).max(1);
        for k in 0..shots.min(members.len()) {
            few.rows.push(members[(start + k * step) % members.len()]);
            few.labels.push(class);
        }
    }
    few
}

/// CPU time of this process, where the system tells it (hundredths of a second); else the wall time.
fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let wall = START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    match fields.get(11..13) {
        Some([user, system]) => (user.parse().unwrap_or(0.0) + system.parse().unwrap_or(0.0)) / 100.0,
        _ => wall,
    }
}

fn summary(values: &[f64], spread: bool) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if !spread {
        return format!("{mean:.0}");
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    format!("{mean:.3} ± {:.3}", variance.sqrt()).replace("0.", ".")
}
