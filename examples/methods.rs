//! The tables of `docs/methods/index.md` and `docs/real-data.md`: every method, corrected and as published, on the simulated
//! task and on real pairs of bulk screen and single cells. Reads `../shared/data` or the folder that `SENSITOME_DATA` names.
//!
//!     cargo run --release --example methods -- RESULTS.tsv [SIMULATED_SEEDS REAL_SEEDS [METHOD ...]]
//!
//! `SENSITOME_PAIRS` keeps the pairs whose name contains it, so that several processes can share the work, each with a file of
//! its own. Every fit is one line of `RESULTS.tsv`; what is there already is not run again, and the tables are printed from it.

#![allow(clippy::print_stdout)] // examples print

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use sensitome::data::genes::{Aliases, IdMap, to_symbols};
use sensitome::data::read::{Measure, ReadOptions, Table};
use sensitome::data::{Duplicates, FewShot, ResponseTable, Scaling, SourceInput, TargetInput};
use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A drug, the screen it is learned from, the cells it is predicted for, and the source lines that are left out.
struct Pair {
    name: &'static str,
    drug: &'static str,
    dataset: &'static str,
    cells: &'static str,
    exclude: Exclude,
}

enum Exclude {
    Names(&'static [&'static str]),
    /// The `expression_id` column of a table.
    Table(&'static str),
}

const PAIRS: [Pair; 6] = [
    Pair {
        name: "PLX-4720, A375",
        drug: "PLX-4720",
        dataset: "GDSC1",
        cells: "sc_melanoma_a375_expression.csv.gz",
        exclude: Exclude::Names(&["A375"]),
    },
    Pair {
        name: "Gefitinib, JHU006",
        drug: "Gefitinib",
        dataset: "GDSC1",
        cells: "sc_hnscc_jhu006_expression.csv.gz",
        exclude: Exclude::Names(&[]),
    },
    Pair {
        name: "Afatinib, SCC47",
        drug: "Afatinib",
        dataset: "GDSC1",
        cells: "sc_hnscc_scc47_expression.csv.gz",
        exclude: Exclude::Names(&[]),
    },
    Pair {
        name: "Sorafenib, SCC47",
        drug: "Sorafenib",
        dataset: "GDSC1",
        cells: "sc_hnscc_scc47_expression.csv.gz",
        exclude: Exclude::Names(&[]),
    },
    Pair {
        name: "Cisplatin, breast",
        drug: "Cisplatin",
        dataset: "GDSC1",
        cells: "sc_brca_atlas.h5ad",
        exclude: Exclude::Table("sc_brca_atlas.line_response.csv.gz"),
    },
    Pair {
        name: "Afatinib, lung",
        drug: "Afatinib",
        dataset: "GDSC2",
        cells: "sc_lung_celseq2_5cl.counts.csv.gz",
        exclude: Exclude::Table("sc_lung.line_response.csv.gz"),
    },
];

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

const VARIANTS: [Variant; 13] = [
    variant("ridge", "", &[]),
    variant("source_only", "", &[]),
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
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// What is prepared once for all methods: the cells, the task z-scored and in 0..1, and the truth that only the evaluation
/// sees.
type Prepared = (ExpressionMatrix, [TransferTask; 2], Vec<Option<u8>>);

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
            Ok((simulation.cells.clone(), tasks, truth))
        })?;
    }
    let folder =
        std::env::var_os("SENSITOME_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        let data = Real::read(&folder)?;
        let only = std::env::var("SENSITOME_PAIRS").unwrap_or_default();
        for pair in PAIRS.iter().filter(|p| p.name.contains(&only)) {
            for seed in 0..real {
                book.run(pair.name, seed, || data.prepare(pair, seed))?;
            }
        }
    } else {
        println!("SKIPPED: {} is not there; name the data with SENSITOME_DATA", folder.display());
    }
    book.print();
    Ok(())
}

/// The real files.
struct Real {
    folder: PathBuf,
    ids: IdMap,
    bulk: ExpressionMatrix,
    responses: read::DrugResponse,
}

impl Real {
    fn read(folder: &Path) -> Result<Self> {
        let aliases = Aliases::read(folder.join("gene_aliases.tsv.gz").as_path())?;
        let bulk = read::expression(folder.join("gdsc_expression.csv.gz"), &ReadOptions::default())?.0;
        Ok(Self {
            folder: folder.to_owned(),
            ids: IdMap::read(folder.join("gene_ids.tsv.gz").as_path())?,
            bulk: to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean)?.0,
            responses: read::response(folder.join("gdsc_response.csv.gz").as_path())?,
        })
    }

    fn prepare(&self, pair: &Pair, seed: u64) -> Result<Prepared> {
        let cells = read::expression(self.folder.join(pair.cells), &ReadOptions::default())?.0;
        let whole = cells.values().stored().take(1000).all(|v| v.fract() == 0.0);
        let rule = if whole { Duplicates::Sum } else { Duplicates::Mean };
        let (expression, report) = to_symbols(&cells, Some(&self.ids), None, rule)?;
        let truth = labels(pair, &self.folder, &expression)?;
        let exclude: Vec<String> = match pair.exclude {
            Exclude::Names(names) => names.iter().map(|n| (*n).to_owned()).collect(),
            Exclude::Table(file) => {
                Table::read(self.folder.join(file).as_path())?.column("expression_id")?.to_vec()
            }
        };
        let screen = self.responses.matrix(Some(pair.dataset), Measure::Auc)?;
        let gene_sets = read::gmt(self.folder.join("genesets_hallmark_v6.2.gmt.gz").as_path())?;
        let task = |scaling| -> Result<TransferTask> {
            let source = SourceInput {
                name: "GDSC".to_owned(),
                expression: self.bulk.clone(),
                response: self.responses.select(pair.drug, Some(pair.dataset), Measure::Auc)?,
                labels: None,
                table: Some((
                    screen.lines.clone(),
                    ResponseTable { drugs: screen.drugs.clone(), values: screen.values.clone() },
                )),
            };
            let target = TargetInput {
                expression: expression.clone(),
                renamed: report.renamed.clone(),
                cluster_column: None,
                few_shot: Vec::new(),
                gene_sets: Some(gene_sets.clone()),
            };
            let options =
                PrepareOptions { exclude: exclude.clone(), seed, scaling, ..PrepareOptions::default() };
            Ok(prepare(vec![source], target, &options)?)
        };
        let tasks = [task(Scaling::Zscore)?, task(Scaling::Minmax)?];
        Ok((expression, tasks, truth))
    }
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
            let method = format!("{} {}", v.name, v.form).trim().to_owned();
            let key = (task.to_owned(), method.clone(), seed);
            let wanted = self.only.is_empty() || self.only.contains(v.name) || self.only.contains(&method);
            if !wanted || self.rows.contains_key(&key) {
                continue;
            }
            if prepared.is_none() {
                prepared = Some(prepare()?);
            }
            let Some((cells, tasks, truth)) = &prepared else { continue };
            let values = match fit(v, cells, tasks, truth, seed) {
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
        let tasks: Vec<&str> = ["simulated"].into_iter().chain(PAIRS.iter().map(|p| p.name)).collect();
        for (k, title) in ["AUROC", "AP", "CPU seconds"].into_iter().enumerate() {
            println!("\n| {title} | {} |\n|{}", tasks.join(" | "), " --- |".repeat(tasks.len() + 1));
            for v in &VARIANTS {
                let method = format!("{} {}", v.name, v.form).trim().to_owned();
                let cells = tasks.iter().map(|task| {
                    let of = |r: &(&(String, String, u64), &[f64; 3])| r.0.0 == *task && r.0.1 == method;
                    let values: Vec<f64> = self.rows.iter().filter(of).map(|r| r.1[k]).collect();
                    if values.is_empty() { "–".to_owned() } else { summary(&values, k < 2) }
                });
                println!("| {method} | {} |", cells.collect::<Vec<_>>().join(" | "));
            }
        }
    }
}

/// AUROC, average precision and CPU seconds of one fit.
fn fit(
    v: &Variant,
    cells: &ExpressionMatrix,
    tasks: &[TransferTask; 2],
    truth: &[Option<u8>],
    seed: u64,
) -> Result<[f64; 3]> {
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
    let predicted = model.predict(cells, &PredictOptions::default())?;
    let (mut y, mut scores) = (Vec::new(), Vec::new());
    for (i, label) in truth.iter().enumerate() {
        if let Some(label) = label.filter(|_| !few.rows.contains(&i)) {
            y.push(label);
            scores.push(predicted.scores[i]);
        }
    }
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

/// The labels that the table of the pair gives to its cells; only the evaluation sees them.
fn labels(pair: &Pair, folder: &Path, cells: &ExpressionMatrix) -> Result<Vec<Option<u8>>> {
    let binary = |t: &Table, column: &str| -> Result<HashMap<String, u8>> {
        let names = t.column("cell")?.iter().cloned();
        Ok(names.zip(t.column(column)?).filter_map(|(n, v)| Some((n, v.parse().ok()?))).collect())
    };
    let found: HashMap<String, u8> = if pair.cells.contains("a375") {
        binary(&Table::read(folder.join("sc_melanoma_a375_labels.csv").as_path())?, pair.drug)?
    } else if pair.cells.contains("jhu006") {
        binary(&Table::read(folder.join("sc_hnscc_jhu006_labels.csv").as_path())?, pair.drug)?
    } else if pair.cells.contains("scc47") {
        binary(&Table::read(folder.join("sc_hnscc_scc47_labels.csv").as_path())?, pair.drug)?
    } else if pair.cells.contains("lung") {
        // HCC827, the line with the activating EGFR deletion, against the rest.
        let t = Table::read(folder.join("sc_lung_celseq2_5cl.cells.csv").as_path())?;
        let names = t.column("cell")?.iter().cloned();
        names.zip(t.column("cell_line")?).map(|(n, l)| (n, u8::from(l == "HCC827"))).collect()
    } else {
        let t = Table::read(folder.join("sc_brca_atlas.line_response.csv.gz").as_path())?;
        let (line, drug, dataset) = (t.column("cell_line")?, t.column("drug")?, t.column("dataset")?);
        let label = t.column("label")?;
        let rows = (0..t.n_rows()).filter(|&i| drug[i] == pair.drug && dataset[i] == pair.dataset);
        let by_line: HashMap<&str, u8> =
            rows.filter_map(|i| Some((line[i].as_str(), label[i].parse().ok()?))).collect();
        let column = cells.sample_columns().get("cell_line").ok_or("no cell_line")?;
        let of = |i: usize| Some((cells.samples()[i].clone(), *by_line.get(column.get(i)?.as_str())?));
        (0..cells.n_samples()).filter_map(of).collect()
    };
    Ok(cells.samples().iter().map(|c| found.get(c).copied()).collect())
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
