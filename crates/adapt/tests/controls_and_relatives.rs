//! What the controls and the relatives promise beyond the contract of all methods.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

mod common;

use common::easy_task;
use sensitome_adapt::{FitOptions, REGISTRY, Settings, find};
use sensitome_core_models::*;
use sensitome_data::{FewShot, TransferTask};

const NARROW: [(&str, &str); 4] =
    [("hidden", "16"), ("latent", "8"), ("epochs", "4"), ("learning_rate", "0.01")];

fn fit(name: &str, settings: &[(&str, &str)], task: &TransferTask) -> ResponseModel {
    let entry = find(name).unwrap();
    let known = |name: &str| entry.hypers.iter().any(|h| h.name == name);
    let narrow = NARROW.iter().filter(|(n, _)| known(n)).chain(settings);
    let settings = narrow.fold(Settings::new(), |s, (n, v)| s.set(*n, v));
    let mut options = FitOptions::new(3, parse_device(&sensitome_testkit::device()).unwrap());
    entry.build(&settings).unwrap().fit(task, &mut options).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn scores(model: &ResponseModel, task: &TransferTask) -> Vec<f64> {
    let t = &task.target;
    model.predict_prepared(t.expression.view(), &t.cells, GeneReport::default(), 64).unwrap().scores
}

#[test]
fn every_method_has_its_page_and_a_file_of_at_most_150_lines() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in REGISTRY {
        let page = root.join(format!("../../docs/methods/{}.md", entry.name));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        assert!(text.starts_with(&format!("# {}\n", entry.name)), "{}", entry.name);
        let code = std::fs::read_to_string(root.join(format!("src/strategies/{}.rs", entry.name))).unwrap();
        assert!(code.lines().count() <= 150, "{}: {} lines", entry.name, code.lines().count());
    }
}

#[test]
fn with_their_term_switched_off_the_relatives_are_one_method() {
    let (task, _) = easy_task(21, 60, 50, 12);
    let terms = [
        ("coral", "coral_weight"),
        ("mmd", "mmd_weight"),
        ("jan", "jan_weight"),
        ("optimal_transport", "transport_weight"),
        ("dann", "adversarial_weight"),
        ("cdan", "adversarial_weight"),
        ("pseudo_label", "pseudo_weight"),
        ("multi_source", "mmd_weight"),
    ];
    let plain = scores(&fit("mmd", &[("mmd_weight", "0")], &task), &task);
    for (name, term) in terms {
        assert_eq!(scores(&fit(name, &[(term, "0")], &task), &task), plain, "{name}");
        // At 0.5 one class of every cell passes, so that all count.
        let on: &[(&str, &str)] =
            if name == "pseudo_label" { &[(term, "1"), ("confidence", "0.5")] } else { &[(term, "1")] };
        assert_ne!(scores(&fit(name, on, &task), &task), plain, "{name}");
    }
    // No probability is above 1: no cell is confident enough.
    let unsure = fit("pseudo_label", &[("pseudo_weight", "1"), ("confidence", "1")], &task);
    assert_eq!(scores(&unsure, &task), plain);
}

/// Values of the tensors of the layers: weights, and running statistics apart.
fn tensors(mut network: FeedForward) -> (Vec<f32>, Vec<Vec<f32>>) {
    let (mut weights, mut statistics) = (Vec::new(), Vec::new());
    network.visit(&mut |_, p| match p {
        Parameter::Matrix(t) => weights.extend(t.clone().try_into_vec_as::<f32>().unwrap()),
        Parameter::Vector(t) => weights.extend(t.clone().try_into_vec_as::<f32>().unwrap()),
        Parameter::Statistic(t) => statistics.push(t.clone().try_into_vec_as::<f32>().unwrap()),
    });
    (weights, statistics)
}

#[test]
fn adabn_is_source_only_with_the_statistics_of_the_cells() {
    let (task, _) = easy_task(22, 60, 50, 12);
    let (before, after) = (fit("source_only", &[], &task), fit("adabn", &[], &task));
    let (weights, old) = tensors(before.encoder().clone());
    let (same, new) = tensors(after.encoder().clone());
    assert_eq!(weights, same);
    assert_eq!(tensors(before.head().clone()).0, tensors(after.head().clone()).0);
    // The first layer's outputs for the cells, by hand.
    let first = FeedForward::new(after.encoder().layers()[..1].to_vec()).unwrap();
    let x = task.target.expression.iter().copied().collect::<Vec<f32>>();
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    let x = burn::tensor::Tensor::from_data(burn::tensor::TensorData::new(x, [50, 12]), &device);
    let h = first.evaluate(x).try_into_vec_as::<f32>().unwrap();
    for (j, (new, old)) in new[0].iter().zip(&old[0]).enumerate() {
        let mean = (0..50).map(|i| h[i * 16 + j]).sum::<f32>() / 50.0;
        // 60 averages with weight 0.1 leave 0.9^60 of the old one.
        let left = 0.9f32.powi(60) * (old - mean);
        assert!((new - mean - left).abs() < 1e-4, "unit {j}: {new} for {mean}, before {old}");
    }
}

#[test]
fn the_encoder_of_mcd_is_moved_towards_agreement() {
    use sensitome_adapt::Strategy;
    use sensitome_adapt::strategies::mcd::{HYPERS, Mcd};
    let (task, _) = easy_task(23, 60, 50, 12);
    let settings = Settings::new().set("encoder_steps", 3).check(HYPERS).unwrap();
    let stage = Mcd(settings).stages(&task).unwrap().remove(0);
    let updates: Vec<_> = stage.updates.iter().map(|u| (u.name, u.trainable.join(" "))).collect();
    let agree = ("agree", "classifier.encoder".to_owned());
    let heads = "classifier.head second".to_owned();
    let wanted = [("classify", String::new()), ("diverge", heads), agree.clone(), agree.clone(), agree];
    assert_eq!(updates, wanted);
}

#[test]
fn the_constant_is_the_share_of_sensitive_training_lines() {
    let (task, _) = easy_task(24, 60, 20, 12);
    let source = &task.sources[0];
    let sensitive = source.train.iter().filter(|&&i| source.labels[i] == Some(1)).count() as f64;
    let share = (sensitive + 0.5) / (source.train.len() as f64 + 1.0);
    assert!(scores(&fit("constant", &[], &task), &task).iter().all(|s| (s - share).abs() < 1e-6));
}

#[test]
fn the_nearest_centroid_is_even_midway_and_sure_at_the_means() {
    let (task, _) = easy_task(25, 60, 20, 12);
    let mut parts = (*task).clone();
    parts.few_shot = Some(FewShot { rows: vec![0, 1], labels: vec![0, 1] });
    let x = &mut parts.target.expression;
    let middle = (&x.row(0) + &x.row(1)) / 2.0;
    x.row_mut(2).assign(&middle);
    let task = TransferTask::new(parts).unwrap();
    let scores = scores(&fit("nearest_centroid", &[], &task), &task);
    let sure = 1.0 / (1.0 + (-2.0f64).exp());
    for (score, expected) in scores.iter().zip([1.0 - sure, sure, 0.5]) {
        assert!((score - expected).abs() < 1e-5, "{score} {expected}");
    }
}
