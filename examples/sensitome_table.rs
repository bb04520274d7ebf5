//! The tables of `docs/methods/sensitome.md`. Reads `../shared/data` or the folder that `SENSITOME_DATA` names.
//!
//!     cargo run --release --example sensitome_table simulated [SEEDS [FIRST [KIND]]]
//!     cargo run --release --example sensitome_table real [development|held-out|all [SEED]]
//!     cargo run --release --example sensitome_table ablation [development|held-out|all [SEED]]
//!     cargo run --release --example sensitome_table drugs [EVERY]
//!     cargo run --release --example sensitome_table bulk
//!     cargo run --release --example sensitome_table shots [development|held-out|all [SEED [DRAWS]]]

#![allow(clippy::print_stdout)] // examples print

mod pairs;

use std::time::Instant;

use pairs::{Data, PAIRS, Pair, Result, Role, other_breast_drugs, unseen};
use sensitome::data::FewShot;
use sensitome::data::rng::NumpyRng;
use sensitome::models::GeneReport;
use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A method under a name for the table: strategy and settings.
type Method = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const BOTH: [Method; 2] = [("ridge", "ridge", &[]), ("sensitome", "sensitome", &[])];
const ABLATION: [Method; 11] = [
    ("ridge", "ridge", &[]),
    ("sensitome", "sensitome", &[]),
    ("not averaged", "sensitome", &[("neighbours", "never")]),
    ("noise left", "sensitome", &[("noise", "0")]),
    ("always trusting", "sensitome", &[("trust", "always")]),
    ("genes equal", "sensitome", &[("genes", "equal")]),
    ("genes by company", "sensitome", &[("genes", "company")]),
    ("no kin", "sensitome", &[("screen", "general")]),
    ("no screen", "sensitome", &[("screen", "none")]),
    ("ridge start", "sensitome", &[("genes", "equal"), ("screen", "none")]),
    ("always averaged", "sensitome", &[("neighbours", "always")]),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let second = words.get(1).map(String::as_str);
    let third = words.get(2).map_or(Ok(0), |w| w.parse());
    match words.first().map(String::as_str) {
        Some("simulated") => {
            let kind = words.get(3).map_or("", String::as_str);
            simulated(second.map_or(Ok(20), str::parse)?, third?, kind)
        }
        Some("real") => real(second, third?, &BOTH),
        Some("ablation") => real(second, third?, &ABLATION),
        Some("drugs") => drugs(second.map_or(Ok(10), str::parse)?),
        Some("bulk") => bulk(),
        Some("shots") => shots(second, third?, words.get(3).map_or(Ok(3), |w| w.parse())?),
        _ => Err("say simulated, real, ablation, drugs, bulk or shots".into()),
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
fn simulated(seeds: u64, first: u64, kind: &str) -> Result<()> {
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
    if !kinds.iter().any(|k| k.0.contains(kind)) {
        return Err(format!("no target is called {kind:?}").into());
    }
    println!("| target | ridge | sensitome | difference | worst seed | averaged | trust | noise off |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, config) in kinds.into_iter().filter(|k| k.0.contains(kind)) {
        let (mut values, mut averaged, mut trust, mut calm) = ([Vec::new(), Vec::new()], 0.0, 0.0, 0.0);
        for seed in first..first + seeds {
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
                let of = |k: &str| model.card().metrics.get(k).unwrap_or(&0.0) / seeds as f64;
                averaged += f64::from(u8::from(model.encoder().outputs().is_some())) / seeds as f64;
                trust += of("trust");
                calm += of("noise_taken_off");
            }
        }
        let [ridge, ours] = values;
        let gains: Vec<f64> = ours.iter().zip(&ridge).map(|(a, b)| a - b).collect();
        let worst = gains.iter().copied().fold(f64::INFINITY, f64::min);
        let (r, o, g) = (mean(&ridge), mean(&ours), mean(&gains));
        println!(
            "| {name} | {r:.3} | {o:.3} | {g:+.3} | {worst:+.3} | {averaged:.2} | {trust:.2} | {calm:.2} |"
        );
    }
    Ok(())
}

fn real(part: Option<&str>, seed: u64, methods: &[Method]) -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    let names: Vec<&str> = methods.iter().map(|m| m.0).collect();
    println!(
        "| pair | {} | kept | trust | noise off | retained | halves | starts | unseen r | seconds |",
        names.join(" | ")
    );
    println!("| --- |{}", " --- |".repeat(names.len() + 8));
    let mut all: Vec<Vec<f64>> = Vec::new();
    for pair in pairs(part) {
        let (task, truth) = data.task(&pair, &PrepareOptions { seed, ..PrepareOptions::default() })?;
        let (mut row, mut card, mut seconds) = (Vec::new(), String::new(), 0.0);
        for method in methods {
            let start = Instant::now();
            let model = fit(&task, method, seed)?;
            row.push(score(&truth, &scores(&model, &task)?, None)?);
            if method.0 == "sensitome" {
                seconds = start.elapsed().as_secs_f64();
                let of = |k: &str| model.card().metrics.get(k).copied().unwrap_or(f64::NAN);
                let found = [
                    "kept_by_neighbours",
                    "trust",
                    "noise_taken_off",
                    "concordance_retained",
                    "agreement_of_halves",
                    "agreement_of_starts",
                    "unseen_lines_correlation",
                ];
                card = found.map(|k| format!("{:.2}", of(k))).join(" | ");
            }
        }
        println!("| {} | {} | {card} | {seconds:.1} |", pair.name(), figures(&row));
        if pair.role != Role::NegativeControl {
            all.push(row);
        }
    }
    let means: Vec<f64> = (0..methods.len()).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} without the negative control | {} | | | | | | | | |", all.len(), figures(&means));
    Ok(())
}

/// Three labelled cells a class, several draws; the labelled cells do not count in the AUROC. Alone, they score a cell by its
/// place between the means of the two classes.
fn shots(part: Option<&str>, seed: u64, draws: u64) -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    println!("| pair | labelled cells alone | sensitome with them | sensitome without labels |");
    println!("| --- | --- | --- | --- |");
    let mut all = Vec::new();
    for pair in pairs(part) {
        let (task, truth) = data.task(&pair, &PrepareOptions { seed, ..PrepareOptions::default() })?;
        let mut row = vec![0.0; 3];
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
            row[0] += score(&truth, &alone, Some(&few))? / draws as f64;
            let with = scores(&fit(&labelled, &BOTH[1], seed)?, &labelled)?;
            row[1] += score(&truth, &with, Some(&few))? / draws as f64;
        }
        row[2] = score(&truth, &scores(&fit(&task, &BOTH[1], seed)?, &task)?, None)?;
        println!("| {} | {} |", pair.name(), figures(&row));
        if pair.role != Role::NegativeControl {
            all.push(row);
        }
    }
    let means: Vec<f64> = (0..3).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} without the negative control | {} |", all.len(), figures(&means));
    Ok(())
}

/// Every so many-th of the other drugs on the breast cells.
fn drugs(every: usize) -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    let methods = [BOTH[0], BOTH[1], ABLATION[2]];
    println!("| drug | ridge | sensitome | not averaged |\n| --- | --- | --- | --- |");
    let mut all = Vec::new();
    for pair in other_breast_drugs(&data)?.iter().step_by(every.max(1)) {
        let (task, truth) = data.task(pair, &PrepareOptions::default())?;
        let area = |method| score(&truth, &scores(&fit(&task, method, 0)?, &task)?, None);
        let row = methods.iter().map(area).collect::<Result<Vec<f64>>>()?;
        println!("| {} | {} |", pair.drug, figures(&row));
        all.push(row);
    }
    let means: Vec<f64> = (0..methods.len()).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} | {} |", all.len(), figures(&means));
    let count = |better: &dyn Fn(&Vec<f64>) -> bool| all.iter().filter(|row| better(row)).count();
    let (up, down) = (count(&|r| r[1] > r[0] + 0.002), count(&|r| r[1] < r[0] - 0.002));
    println!("sensitome is better than ridge by more than 0.002 on {up}, worse on {down}");
    Ok(())
}

/// The breast cells, and the bulk samples of the very lines that they come from, scored from all other lines.
fn bulk() -> Result<()> {
    let Some(data) = Data::read()? else { return Ok(()) };
    println!(
        "| drug | lines | ridge, cells | sensitome, cells | ridge, their lines in bulk | sensitome, their lines in bulk |"
    );
    println!("| --- |{}", " --- |".repeat(5));
    let mut all = Vec::new();
    for pair in PAIRS.iter().filter(|p| p.cells == "breast") {
        let cells = data.task(pair, &PrepareOptions::default())?;
        let in_bulk = data.task_in_bulk(pair)?;
        let mut row = Vec::new();
        for (task, truth) in [&cells, &in_bulk] {
            for method in &BOTH {
                row.push(score(truth, &scores(&fit(task, method, 0)?, task)?, None)?);
            }
        }
        let lines = in_bulk.1.iter().flatten().count();
        println!("| {} | {lines} | {} |", pair.drug, figures(&row));
        all.push(row);
    }
    let means: Vec<f64> = (0..4).map(|k| mean(&column(&all, k))).collect();
    println!("| mean of {} | | {} |", all.len(), figures(&means));
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

fn score(truth: &[Option<u8>], scores: &[f64], few: Option<&FewShot>) -> Result<f64> {
    let (y, s) = unseen(truth, scores, few);
    Ok(auroc(&y, &s, None)?)
}

fn pairs(part: Option<&str>) -> impl Iterator<Item = Pair> {
    let wanted = match part {
        Some("development") => [true, true],
        Some("held-out") => [false, false],
        _ => [true, false],
    };
    PAIRS.iter().filter(move |p| wanted.contains(&(p.role == Role::Development))).cloned()
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
