//! The tables of `docs/methods/sensitome.md`. Reads `../shared/data` or the folder that `SENSITOME_DATA` names.
//!
//!     cargo run --release --example sensitome_table simulated [SEEDS]
//!     cargo run --release --example sensitome_table real [development|held-out|all]
//!     cargo run --release --example sensitome_table ablation [development|held-out|all]
//!     cargo run --release --example sensitome_table shots [development|held-out|all]

#![allow(clippy::print_stdout)] // examples print

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sensitome::data::genes::{Aliases, IdMap, to_symbols};
use sensitome::data::read::{DrugResponse, Measure, ReadOptions, Table};
use sensitome::data::rng::NumpyRng;
use sensitome::data::{Duplicates, FewShot, ResponseTable, SourceInput, TargetInput};
use sensitome::models::GeneReport;
use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Cells, drug, screen, and whether the method was developed on the pair. The last pair is the negative control.
const PAIRS: [(&str, &str, &str, bool); 16] = [
    ("a375", "PLX-4720", "GDSC1", true),
    ("jhu006", "Vorinostat", "GDSC1", true),
    ("scc47", "Afatinib", "GDSC1", true),
    ("scc47", "Sorafenib", "GDSC2", true),
    ("breast", "Cisplatin", "GDSC1", true),
    ("breast", "Lapatinib", "GDSC2", true),
    ("lung", "Afatinib", "GDSC2", true),
    ("jhu006", "Gefitinib", "GDSC1", false),
    ("jhu006", "AR-42", "GDSC1", false),
    ("scc47", "Cetuximab", "GDSC1", false),
    ("breast", "Trametinib", "GDSC1", false),
    ("breast", "Afatinib", "GDSC1", false),
    ("breast", "Bortezomib", "GDSC2", false),
    ("breast", "Erlotinib", "GDSC2", false),
    ("lung", "Gefitinib", "GDSC2", false),
    ("scc47", "NVP-TAE684", "GDSC1", false),
];
const CONTROL: &str = "NVP-TAE684";

/// Everything that is read once.
struct Data {
    folder: PathBuf,
    bulk: ExpressionMatrix,
    responses: DrugResponse,
    cells: HashMap<&'static str, TargetInput>,
}

/// A method under a name for the table: strategy and settings.
type Method = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const BOTH: [Method; 2] = [("ridge", "ridge", &[]), ("sensitome", "sensitome", &[])];
const ABLATION: [Method; 8] = [
    ("ridge", "ridge", &[]),
    ("sensitome", "sensitome", &[]),
    ("always trusting", "sensitome", &[("trust", "always")]),
    ("genes equal", "sensitome", &[("genes", "equal")]),
    ("genes by company", "sensitome", &[("genes", "company")]),
    ("no screen", "sensitome", &[("screen", "false")]),
    ("ridge start", "sensitome", &[("genes", "equal"), ("screen", "false")]),
    ("ridge start, always", "sensitome", &[("genes", "equal"), ("screen", "false"), ("trust", "always")]),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let second = words.get(1).map(String::as_str);
    match words.first().map(String::as_str) {
        Some("simulated") => simulated(second.map_or(Ok(20), str::parse)?),
        Some("real") => real(second, &BOTH),
        Some("ablation") => real(second, &ABLATION),
        Some("shots") => shots(second),
        _ => Err("say simulated, real, ablation or shots".into()),
    }
}

fn fit(task: &TransferTask, (_, strategy, settings): &Method, seed: u64) -> Result<ResponseModel> {
    let settings = settings.iter().fold(Settings::new(), |s, (k, v)| s.set(*k, v));
    let fit = find(strategy)?.build(&settings)?;
    Ok(fit.fit(task, &mut FitOptions::new(seed, parse_device("flex")?))?)
}

fn scores(model: &ResponseModel, task: &TransferTask) -> Result<Vec<f64>> {
    let target = &task.target;
    let report = GeneReport::default();
    Ok(model.predict_prepared(target.expression.view(), &target.cells, report, 1024)?.scores)
}

/// Ridge and `sensitome` on simulated cells that confounders or missing classes make hard.
fn simulated(seeds: u64) -> Result<()> {
    let plain = SimulationConfig { n_cells: 300, ..SimulationConfig::default() };
    let along = |confounder_alignment: f64| SimulationConfig { confounder_alignment, ..plain.clone() };
    let share = |sensitive_share: f64| SimulationConfig { sensitive_share, ..plain.clone() };
    let kinds = [
        ("easy (difficulty 0.3)", SimulationConfig { difficulty: 0.3, ..plain.clone() }),
        ("confounding clusters", plain.clone()),
        ("confounder along the response", along(0.5)),
        ("confounder against it, difficulty 0.3", SimulationConfig { difficulty: 0.3, ..along(-0.5) }),
        ("confounder against it", along(-0.5)),
        ("1 in 20 sensitive", share(0.05)),
        ("19 in 20 sensitive", share(0.95)),
        ("no responder", share(0.0)),
        ("all respond", share(1.0)),
        ("confounding clusters, 100 lines", SimulationConfig { n_lines: 100, ..plain.clone() }),
        ("confounder against it, 100 lines", SimulationConfig { n_lines: 100, ..along(-0.5) }),
        ("1 in 20 sensitive, 100 lines", SimulationConfig { n_lines: 100, ..share(0.05) }),
        ("no responder, 100 lines", SimulationConfig { n_lines: 100, ..share(0.0) }),
        ("confounding clusters, 4 drugs share", SimulationConfig { n_sharing: 4, ..plain.clone() }),
        ("confounder against, 4 drugs share", SimulationConfig { n_sharing: 4, ..along(-0.5) }),
    ];
    println!("| target | ridge | sensitome | difference | worst seed | trust |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, config) in kinds {
        let (mut values, mut trust) = ([Vec::new(), Vec::new()], 0.0);
        for seed in 0..seeds {
            let simulation = simulate(&SimulationConfig { seed, ..config.clone() })?;
            let task = simulation.task(&PrepareOptions { seed, ..PrepareOptions::default() })?;
            let truth = &simulation.truth;
            let mut middle = truth.sensitivity.clone();
            middle.sort_by(f64::total_cmp);
            let middle = middle[middle.len() / 2];
            // Among cells of one class: the more sensitive half against the less sensitive.
            let one_class = truth.labels.iter().all(|l| *l == truth.labels[0]);
            let half = truth.sensitivity.iter().map(|&s| u8::from(s >= middle));
            let y: Vec<u8> = if one_class { half.collect() } else { truth.labels.clone() };
            for (method, values) in BOTH.iter().zip(&mut values) {
                let model = fit(&task, method, seed)?;
                values.push(auroc(&y, &scores(&model, &task)?, None)?);
                trust += model.card().metrics.get("trust").unwrap_or(&0.0) / seeds as f64;
            }
        }
        let [ridge, ours] = values;
        let gains: Vec<f64> = ours.iter().zip(&ridge).map(|(a, b)| a - b).collect();
        let worst = gains.iter().copied().fold(f64::INFINITY, f64::min);
        let (r, o, g) = (mean(&ridge), mean(&ours), mean(&gains));
        println!("| {name} | {r:.3} | {o:.3} | {g:+.3} | {worst:+.3} | {trust:.2} |");
    }
    Ok(())
}

fn real(part: Option<&str>, methods: &[Method]) -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    let names: Vec<&str> = methods.iter().map(|m| m.0).collect();
    println!("| pair | {} | trust | retained | halves | starts | unseen r | seconds |", names.join(" | "));
    println!("| --- |{}", " --- |".repeat(names.len() + 6));
    let mut all: Vec<Vec<f64>> = Vec::new();
    for pair in pairs(part) {
        let (task, truth) = data.task(pair, 0)?;
        let (mut row, mut card, mut seconds) = (Vec::new(), String::new(), 0.0);
        for method in methods {
            let start = Instant::now();
            let model = fit(&task, method, 0)?;
            row.push(score(&truth, &scores(&model, &task)?, &[])?);
            if method.0 == "sensitome" {
                seconds = start.elapsed().as_secs_f64();
                let of = |k: &str| model.card().metrics.get(k).copied().unwrap_or(f64::NAN);
                let found = [
                    "trust",
                    "concordance_retained",
                    "agreement_of_halves",
                    "agreement_of_starts",
                    "unseen_lines_correlation",
                ];
                card = found.map(|k| format!("{:.2}", of(k))).join(" | ");
            }
        }
        println!("| {} {} | {} | {card} | {seconds:.1} |", pair.0, pair.1, figures(&row));
        if pair.1 != CONTROL {
            all.push(row);
        }
    }
    let means: Vec<f64> = (0..methods.len()).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} without the negative control | {} | | | | | | |", all.len(), figures(&means));
    Ok(())
}

/// Three labelled cells a class, three draws; the labelled cells do not count in the AUROC. Alone, they score a cell by its
/// place between the means of the two classes.
fn shots(part: Option<&str>) -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    println!("| pair | labelled cells alone | sensitome with them | sensitome without labels |");
    println!("| --- | --- | --- | --- |");
    let mut all = Vec::new();
    for pair in pairs(part) {
        let (task, truth) = data.task(pair, 0)?;
        let (mut row, draws) = (vec![0.0; 3], 3u64);
        for draw in 0..draws {
            let few = draw_few(&truth, 3, draw);
            let mut parts = (*task).clone();
            parts.few_shot = Some(few.clone());
            let labelled = TransferTask::new(parts)?;
            let genes = task.n_genes();
            let mut between = vec![0.0f32; genes];
            for (&r, &l) in few.rows.iter().zip(&few.labels) {
                let sign = if l == 1 { 1.0 } else { -1.0 };
                between.iter_mut().zip(task.target.expression.row(r)).for_each(|(b, v)| *b += sign * v);
            }
            let rows = task.target.expression.rows();
            let place = |row: &[f32]| row.iter().zip(&between).map(|(v, b)| f64::from(v * b)).sum::<f64>();
            let alone: Vec<f64> = rows.into_iter().map(|r| place(&r.to_vec())).collect();
            row[0] += score(&truth, &alone, &few.rows)? / draws as f64;
            let with = scores(&fit(&labelled, &BOTH[1], 0)?, &labelled)?;
            row[1] += score(&truth, &with, &few.rows)? / draws as f64;
        }
        row[2] = score(&truth, &scores(&fit(&task, &BOTH[1], 0)?, &task)?, &[])?;
        println!("| {} {} | {} |", pair.0, pair.1, figures(&row));
        if pair.1 != CONTROL {
            all.push(row);
        }
    }
    let means: Vec<f64> = (0..3).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} without the negative control | {} |", all.len(), figures(&means));
    Ok(())
}

fn draw_few(truth: &[Option<u8>], each: usize, draw: u64) -> FewShot {
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for class in [0u8, 1] {
        let mut of: Vec<usize> = (0..truth.len()).filter(|&i| truth[i] == Some(class)).collect();
        NumpyRng::new(draw).shuffle(&mut of);
        rows.extend(of.into_iter().take(each));
        labels.extend([class].repeat(each));
    }
    FewShot { rows, labels }
}

fn score(truth: &[Option<u8>], scores: &[f64], without: &[usize]) -> Result<f64> {
    let known: Vec<usize> =
        (0..truth.len()).filter(|i| truth[*i].is_some() && !without.contains(i)).collect();
    let y: Vec<u8> = known.iter().filter_map(|&i| truth[i]).collect();
    let s: Vec<f64> = known.iter().map(|&i| scores[i]).collect();
    Ok(auroc(&y, &s, None)?)
}

type Pair = (&'static str, &'static str, &'static str, bool);

fn pairs(part: Option<&str>) -> impl Iterator<Item = Pair> {
    let wanted = match part {
        Some("development") => [true, true],
        Some("held-out") => [false, false],
        _ => [true, false],
    };
    PAIRS.into_iter().filter(move |p| wanted.contains(&p.3))
}

impl Data {
    fn read() -> Result<Option<Self>> {
        let folder =
            std::env::var_os("SENSITOME_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
        if !folder.is_dir() {
            println!("SKIPPED: {} is not there; name the data with SENSITOME_DATA", folder.display());
            return Ok(None);
        }
        let aliases = Aliases::read(folder.join("gene_aliases.tsv.gz").as_path())?;
        let ids = IdMap::read(folder.join("gene_ids.tsv.gz").as_path())?;
        let bulk = read::expression(folder.join("gdsc_expression.csv.gz"), &ReadOptions::default())?.0;
        let (bulk, _) = to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean)?;
        let responses = read::response(folder.join("gdsc_response.csv.gz").as_path())?;
        let mut cells = HashMap::new();
        for (name, file) in [
            ("a375", "sc_melanoma_a375_expression.csv.gz"),
            ("jhu006", "sc_hnscc_jhu006_expression.csv.gz"),
            ("scc47", "sc_hnscc_scc47_expression.csv.gz"),
            ("breast", "sc_brca_atlas.h5ad"),
            ("lung", "sc_lung_celseq2_5cl.counts.csv.gz"),
        ] {
            let found = read::expression(folder.join(file), &ReadOptions::default())?.0;
            let counts = found.values().stored().take(1000).all(|v| v.fract() == 0.0);
            let rule = if counts { Duplicates::Sum } else { Duplicates::Mean };
            let (expression, report) = to_symbols(&found, Some(&ids), None, rule)?;
            let input = TargetInput {
                expression,
                renamed: report.renamed,
                cluster_column: None,
                few_shot: Vec::new(),
                gene_sets: None,
            };
            cells.insert(name, input);
        }
        Ok(Some(Self { folder, bulk, responses, cells }))
    }

    /// The task of a pair, lines that the cells come from left out, and the cells' labels.
    fn task(&self, (cells, drug, dataset, _): Pair, seed: u64) -> Result<(TransferTask, Vec<Option<u8>>)> {
        let target = self.cells.get(cells).ok_or("no such cells")?;
        let lines = |file: &str| -> Result<Vec<String>> {
            Ok(Table::read(self.folder.join(file).as_path())?.column("expression_id")?.to_vec())
        };
        let exclude = match cells {
            "a375" => vec!["A375".to_owned()],
            "breast" => lines("sc_brca_atlas.line_response.csv.gz")?,
            "lung" => lines("sc_lung.line_response.csv.gz")?,
            _ => Vec::new(), // the head-and-neck lines are not in GDSC
        };
        let screen = self.responses.matrix(Some(dataset), Measure::Auc)?;
        let source = SourceInput {
            name: "GDSC".to_owned(),
            expression: self.bulk.clone(),
            response: self.responses.select(drug, Some(dataset), Measure::Auc)?,
            labels: None,
            table: Some((screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values })),
        };
        let options = PrepareOptions { exclude, seed, ..PrepareOptions::default() };
        let task = prepare(vec![source], target.clone(), &options)?;
        Ok((task, labels(&self.folder, cells, drug, dataset, &target.expression)?))
    }
}

/// Labels of the cells; only the evaluation, and the draw of a few labelled cells, see them.
fn labels(
    folder: &Path,
    cells: &str,
    drug: &str,
    dataset: &str,
    m: &ExpressionMatrix,
) -> Result<Vec<Option<u8>>> {
    let pairs = |file: &str, column: &str| -> Result<HashMap<String, String>> {
        let t = Table::read(folder.join(file).as_path())?;
        Ok(t.column("cell")?.iter().cloned().zip(t.column(column)?.iter().cloned()).collect())
    };
    let found: HashMap<String, String> = match cells {
        "a375" => pairs("sc_melanoma_a375_labels.csv", drug)?,
        "jhu006" => pairs("sc_hnscc_jhu006_labels.csv", drug)?,
        "scc47" => pairs("sc_hnscc_scc47_labels.csv", drug)?,
        // HCC827, the line with the activating EGFR deletion, against the rest.
        "lung" => {
            let by_line = pairs("sc_lung_celseq2_5cl.cells.csv", "cell_line")?;
            by_line.into_iter().map(|(c, l)| (c, u8::from(l == "HCC827").to_string())).collect()
        }
        _ => {
            let t = Table::read(folder.join("sc_brca_atlas.line_response.csv.gz").as_path())?;
            let (line, drugs, datasets) = (t.column("cell_line")?, t.column("drug")?, t.column("dataset")?);
            let label = t.column("label")?;
            let rows = (0..t.n_rows()).filter(|&i| drugs[i] == drug && datasets[i] == dataset);
            let by_line: HashMap<&str, &str> = rows.map(|i| (line[i].as_str(), label[i].as_str())).collect();
            let column = m.sample_columns().get("cell_line").ok_or("no cell_line")?;
            let of = |i: usize| {
                Some((m.samples()[i].clone(), (*by_line.get(column.get(i)?.as_str())?).to_owned()))
            };
            (0..m.n_samples()).filter_map(of).collect()
        }
    };
    Ok(m.samples().iter().map(|c| found.get(c)?.parse().ok()).collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn column(rows: &[Vec<f64>], k: usize) -> Vec<f64> {
    rows.iter().map(|r| r[k]).collect()
}

fn figures(values: &[f64]) -> String {
    values.iter().map(|v| format!("{v:.3}")).collect::<Vec<_>>().join(" | ")
}
