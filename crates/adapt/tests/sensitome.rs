//! What `sensitome` promises beyond the contract of all methods.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use rand::RngExt;
use sensitome_adapt::{FitOptions, Settings, find};
use sensitome_core_models::{GeneReport, ResponseModel, parse_device, rng_for};
use sensitome_data::labels::LabelRule;
use sensitome_data::simulate::{SimulationConfig, simulate};
use sensitome_data::{FewShot, PrepareOptions, TransferTask};
use sensitome_eval::{auroc, balanced_accuracy};

fn task(alignment: f64, seed: u64) -> (TransferTask, Vec<u8>) {
    task_with(PrepareOptions::default(), alignment, seed)
}

fn task_with(options: PrepareOptions, confounder_alignment: f64, seed: u64) -> (TransferTask, Vec<u8>) {
    let config = SimulationConfig {
        n_lines: 120,
        n_cells: 150,
        n_genes: 400,
        confounder_alignment,
        seed,
        ..SimulationConfig::default()
    };
    let s = simulate(&config).unwrap();
    (s.task(&options).unwrap(), s.truth.labels)
}

fn fit(name: &str, settings: &[(&str, &str)], task: &TransferTask) -> ResponseModel {
    let settings = settings.iter().fold(Settings::new(), |s, (k, v)| s.set(*k, v));
    let mut options = FitOptions::new(0, parse_device(&sensitome_testkit::device()).unwrap());
    find(name).unwrap().build(&settings).unwrap().fit(task, &mut options).unwrap()
}

fn scores(model: &ResponseModel, task: &TransferTask) -> Vec<f64> {
    let t = &task.target;
    model.predict_prepared(t.expression.view(), &t.cells, GeneReport::default(), 64).unwrap().scores
}

#[test]
fn without_trust_it_ranks_the_cells_as_ridge_does() {
    let (task, truth) = task(0.0, 1);
    let ridge = scores(&fit("ridge", &[], &task), &task);
    let model = fit("sensitome", &[("trust", "never")], &task);
    let ours = scores(&model, &task);
    assert!(ours.iter().all(|p| (0.0..=1.0).contains(p)));
    let area = |s: &[f64]| auroc(&truth, s, None).unwrap();
    assert!((area(&ridge) - area(&ours)).abs() < 1e-3, "{} {}", area(&ridge), area(&ours));
    assert_eq!(model.card().metrics["trust"], 0.0);
    assert!(model.card().notes.iter().any(|n| n.contains("set by hand")));
}

/// Bulk bears out the cells' axes here: the noise of single cells goes, and the cells are told apart better.
#[test]
fn noise_is_taken_off_where_bulk_bears_it_out() {
    let (task, truth) = task(0.0, 4);
    let area = |settings: &[(&str, &str)]| {
        let model = fit("sensitome", settings, &task);
        (auroc(&truth, &scores(&model, &task), None).unwrap(), model.card().metrics["noise_taken_off"])
    };
    let ((left, _), (off, share)) = (area(&[("noise", "0")]), area(&[]));
    assert!(off > left + 0.005 && share > 0.5, "{left} {off} {share}");
}

/// Of the lines 1 in 9 is called sensitive, of the cells every other one is.
#[test]
fn the_classes_of_cells_are_told_apart_though_few_lines_are_sensitive() {
    let label_rule = LabelRule::ZScore { threshold: -1.2 };
    let (task, truth) = task_with(PrepareOptions { label_rule, ..PrepareOptions::default() }, 0.0, 4);
    let sensitive = task.sources[0].labels.iter().filter(|l| **l == Some(1)).count();
    assert!((5..20).contains(&sensitive), "{sensitive} of 120");
    let model = fit("sensitome", &[], &task);
    let t = &task.target;
    let found = model.predict_prepared(t.expression.view(), &t.cells, GeneReport::default(), 64).unwrap();
    let right = |classes: &[u8]| balanced_accuracy(&truth, classes).unwrap();
    let by_half: Vec<u8> = found.scores.iter().map(|&s| u8::from(s >= 0.5)).collect();
    assert!(right(&found.classes) > 0.75, "{}", right(&found.classes));
    assert!(right(&by_half) < 0.6, "{}", right(&by_half));
}

#[test]
fn labelled_cells_turn_round_what_bulk_gets_wrong() {
    let (task, truth) = task(-0.5, 2);
    let without = auroc(&truth, &scores(&fit("sensitome", &[], &task), &task), None).unwrap();
    let rows: Vec<usize> = [0u8, 1]
        .iter()
        .flat_map(|c| truth.iter().enumerate().filter(move |(_, l)| *l == c).map(|(i, _)| i).take(3))
        .collect();
    let labels = rows.iter().map(|&i| truth[i]).collect();
    let mut parts = (*task).clone();
    parts.few_shot = Some(FewShot { rows, labels });
    let labelled = TransferTask::new(parts).unwrap();
    let model = fit("sensitome", &[], &labelled);
    let with = auroc(&truth, &scores(&model, &labelled), None).unwrap();
    assert!(without < 0.6 && with > 0.9, "{without} {with}");
    assert!(model.card().metrics["label_support"] < 0.7);
}

#[test]
fn too_few_lines_are_an_error_that_says_how_many_are_needed() {
    let (task, _) = task(0.0, 3);
    let mut parts = (*task).clone();
    parts.sources[0].response.iter_mut().skip(7).for_each(|r| *r = None);
    let task = TransferTask::new(parts).unwrap();
    let built = find("sensitome").unwrap().build(&Settings::new()).unwrap();
    let mut options = FitOptions::new(0, parse_device(&sensitome_testkit::device()).unwrap());
    let error = built.fit(&task, &mut options).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("7 samples") && error.contains("at least 10"), "{error}");
}

/// Cells that are noisy copies of twenty lines no method has learned from: what a line's cells share is its response.
fn cells_of_lines() -> (TransferTask, Vec<u8>) {
    let config =
        SimulationConfig { n_lines: 260, n_cells: 60, n_genes: 400, seed: 5, ..SimulationConfig::default() };
    let task = simulate(&config).unwrap().task(&PrepareOptions::default()).unwrap();
    let mut parts = (*task).clone();
    let source = &mut parts.sources[0];
    let lines: Vec<usize> = source.validation.split_off(source.validation.len() - 20);
    let truth: Vec<u8> = lines.iter().flat_map(|&l| [source.labels[l].unwrap(); 24]).collect();
    let mut rng = rng_for(3, "cells of lines");
    let mut cells = ndarray::Array2::zeros((truth.len(), task.n_genes()));
    for (i, mut cell) in cells.rows_mut().into_iter().enumerate() {
        let line = source.expression.row(lines[i / 24]);
        cell.zip_mut_with(&line, |c, &l| *c = 0.7 * l + rng.random_range(-2.0f32..2.0));
    }
    for &l in &lines {
        (source.response[l], source.labels[l]) = (None, None);
    }
    parts.target.cells = (0..truth.len()).map(|i| format!("cell{i}")).collect();
    (parts.target.expression, parts.target.clusters) = (cells, None);
    (TransferTask::new(parts).unwrap(), truth)
}

#[test]
fn cells_of_a_kind_are_averaged_and_told_apart_better() {
    let (task, truth) = cells_of_lines();
    let [alone, averaged] = ["never", "auto"].map(|n| fit("sensitome", &[("neighbours", n)], &task));
    let area = |model: &ResponseModel| auroc(&truth, &scores(model, &task), None).unwrap();
    assert!(averaged.card().metrics["kept_by_neighbours"] > 0.8, "{:?}", averaged.card().metrics);
    assert!(averaged.card().notes.iter().any(|n| n.contains("averages over neighbouring cells")));
    assert!(area(&averaged) > area(&alone) + 0.02, "{} {}", area(&averaged), area(&alone));
    assert_eq!((alone.encoder().outputs(), averaged.encoder().outputs()), (None, Some(31)));
}

/// One labelled cell says what all cells of its line are, though bulk says otherwise and counts ten times as much.
#[test]
fn a_labelled_cell_speaks_for_the_cells_around_it() {
    let (task, truth) = cells_of_lines();
    let before = scores(&fit("sensitome", &[], &task), &task);
    let of_line = |line: usize| before[24 * line..24 * (line + 1)].iter().sum::<f64>() / 24.0;
    // The lines of each class, those that bulk gets wrong first.
    let lines = |class: u8| {
        let mut of: Vec<usize> = (0..20).filter(|line| truth[24 * line] == class).collect();
        of.sort_by(|&a, &b| of_line(a).total_cmp(&of_line(b)));
        if class == 0 {
            of.reverse();
        }
        of
    };
    let (sensitive, resistant) = (lines(1), lines(0));
    assert!(of_line(sensitive[0]) < of_line(resistant[0]));
    let chosen = |of: &[usize]| [of[0], of[of.len() - 2], of[of.len() - 1]].map(|line| 24 * line);
    let mut parts = (*task).clone();
    parts.few_shot = Some(FewShot {
        rows: [chosen(&sensitive), chosen(&resistant)].concat(),
        labels: vec![1, 1, 1, 0, 0, 0],
    });
    let labelled = TransferTask::new(parts).unwrap();
    let model = fit("sensitome", &[("share", "10")], &labelled);
    assert!(model.card().metrics["label_support"] > 0.5);
    let after = scores(&model, &labelled);
    let called = |line: usize| after[24 * line..24 * (line + 1)].iter().filter(|&&s| s > 0.5).count();
    let (up, down) = (called(sensitive[0]), called(resistant[0]));
    assert!(up >= 20 && down <= 4, "{up} and {down} of 24 called sensitive");
}
