//! What every registered method must keep, in one table over the registry.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

mod common;

use std::ops::ControlFlow;
use std::time::Duration;

use common::easy_task;
use sensitome_adapt::{
    AdaptError, Checkpointing, Entry, EpochReport, FitOptions, Observer, REGISTRY, Search, Settings,
    random_search,
};
use sensitome_core_models::{Device, GeneReport, ResponseModel, available_devices, is_on_host, parse_device};
use sensitome_data::{FewShot, TransferTask};
use sensitome_eval::selection::SelectionScore;
use sensitome_testkit::ACROSS_DEVICES;

/// Few epochs and narrow networks for whatever the method calls them.
fn quick(entry: &Entry) -> Settings {
    let wanted = [
        ("hidden", "32,16"),
        ("latent", "8"),
        ("head", "8"),
        ("epochs", "12"),
        ("pretrain_epochs", "3"),
        ("finetune_epochs", "6"),
        ("predictor_epochs", "12"),
        ("transfer_epochs", "4"),
        ("learning_rate", "0.005"),
        ("trees", "20"),
        ("coral_weight", "0.4"), // the default of 100 for a width of 128, over whose square the loss is
    ];
    let known = |name: &str| entry.hypers.iter().any(|h| h.name == name);
    wanted.iter().filter(|(n, _)| known(n)).fold(Settings::new(), |s, (n, v)| s.set(*n, v))
}

/// The methods that a test goes over: all of them on the host. Elsewhere, where a step may cost a hundred times as much, one of
/// every kind; that all of them train there as they do on the host is a test of its own.
fn entries() -> impl Iterator<Item = &'static Entry> {
    let kinds = ["ridge", "source_only", "mmd", "dann", "scdeal", "code_ae", "ssda4drug"];
    let all = is_on_host(&here());
    REGISTRY.iter().filter(move |entry| all || kinds.contains(&entry.name))
}

/// Methods that fit in one go: nothing to stop and resume.
fn one_go(entry: &Entry) -> bool {
    closed_form(entry) || ["random_forest", "gradient_boosting"].contains(&entry.name)
}

/// Methods without epochs, whose seed only shuffles the folds of a cross-validation, where it does anything.
fn closed_form(entry: &Entry) -> bool {
    ["constant", "ridge", "elastic_net", "logistic", "svm", "nearest_centroid", "sensitome"]
        .contains(&entry.name)
}

/// The task with labels of its first cells, which the easy task gives in turn.
fn with_few_shot(task: &TransferTask, cells: usize) -> TransferTask {
    let mut parts = (**task).clone();
    let rows: Vec<usize> = (0..cells.min(parts.target.cells.len())).collect();
    let labels = rows.iter().map(|i| (i % 2) as u8).collect();
    parts.few_shot = Some(FewShot { rows, labels });
    TransferTask::new(parts).unwrap()
}

/// The device that is tested.
fn here() -> Device {
    parse_device(&sensitome_testkit::device()).unwrap()
}

fn fit(entry: &Entry, task: &TransferTask, seed: u64) -> ResponseModel {
    let few = (entry.name == "nearest_centroid" && task.few_shot.is_none()).then(|| with_few_shot(task, 6));
    let task = few.as_ref().unwrap_or(task);
    let mut options = FitOptions::new(seed, here());
    entry
        .build(&quick(entry))
        .unwrap()
        .fit(task, &mut options)
        .unwrap_or_else(|e| panic!("{}: {e}", entry.name))
}

fn predict(model: &ResponseModel, task: &TransferTask) -> Vec<f64> {
    let target = &task.target;
    model.predict_prepared(target.expression.view(), &target.cells, GeneReport::default(), 50).unwrap().scores
}

#[test]
fn solves_an_easy_task() {
    let (task, truth) = easy_task(1, 120, 90, 30);
    let mut failed = Vec::new();
    for entry in entries() {
        let auroc = sensitome_eval::auroc(&truth, &predict(&fit(entry, &task, 0), &task), None).unwrap();
        if (entry.name == "constant" && auroc != 0.5) || (entry.name != "constant" && auroc <= 0.95) {
            failed.push((entry.name, auroc));
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn shuffled_labels_give_chance() {
    // The labels of the few cells, on which the nearest centroid lives, are not shuffled.
    for entry in entries().filter(|e| e.name != "nearest_centroid") {
        let mut mean = 0.0;
        for seed in 0..4 {
            let (task, truth) = easy_task(seed, 80, 60, 20);
            let mut parts = (*task).clone();
            use rand::seq::SliceRandom;
            let mut rng = sensitome_core_models::rng_for(seed, "permutation");
            let source = &mut parts.sources[0];
            let mut pairs: Vec<_> = source.labels.iter().copied().zip(source.response.clone()).collect();
            pairs.shuffle(&mut rng);
            (source.labels, source.response) = pairs.into_iter().unzip();
            let task = TransferTask::new(parts).unwrap();
            mean +=
                sensitome_eval::auroc(&truth, &predict(&fit(entry, &task, seed), &task), None).unwrap() / 4.0;
        }
        assert!((0.15..0.85).contains(&mean), "{}: {mean}", entry.name);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    let (task, _) = easy_task(2, 60, 40, 12);
    for entry in entries() {
        let bytes = |seed| fit(entry, &task, seed).to_bytes().unwrap();
        assert!(bytes(3) == bytes(3), "{}", entry.name);
        if !closed_form(entry) {
            let scores = |seed| predict(&fit(entry, &task, seed), &task);
            assert_ne!(scores(3), scores(4), "{}", entry.name);
        }
    }
}

/// The largest difference, relative to the larger of the number and 1.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max)
}

#[test]
fn a_model_predicts_the_same_on_every_device() {
    let (task, _) = easy_task(5, 60, 40, 12);
    for entry in entries() {
        let model = fit(entry, &task, 1);
        let (bytes, expected) = (model.to_bytes().unwrap(), predict(&model, &task));
        for device in available_devices() {
            let there = ResponseModel::from_bytes(&bytes, "model", &parse_device(device).unwrap()).unwrap();
            let gap = apart(&expected, &predict(&there, &task));
            assert!(gap <= 0.1 * ACROSS_DEVICES, "{} on {device}: {gap}", entry.name);
        }
    }
}

/// The losses of all epochs.
struct LossesOf<'a>(&'a mut Vec<f64>);

impl Observer for LossesOf<'_> {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        self.0.extend(report.losses.iter().map(|(_, value)| value));
        ControlFlow::Continue(())
    }
}

/// All losses of all epochs, and the scores.
fn course(entry: &Entry, task: &TransferTask, device: &str, settings: &Settings) -> [Vec<f64>; 2] {
    let mut losses = Vec::new();
    let mut options = FitOptions::new(1, parse_device(device).unwrap());
    options.observer = Box::new(LossesOf(&mut losses));
    let model = entry.build(settings).unwrap().fit(task, &mut options).unwrap();
    drop(options);
    let scores = predict(&model, task);
    [losses, scores]
}

/// In training, a bias before batch normalisation has no effect, and so no gradient but rounding, of which Adam makes whole
/// steps: the losses agree all the same, while the scores, which take the running means, agree the better the smaller the
/// steps. A temperature of 0.05 would multiply what is left by 20.
#[test]
fn from_one_seed_training_goes_the_same_way_on_every_device() {
    let task = with_few_shot(&easy_task(5, 60, 40, 12).0, 6);
    for entry in REGISTRY {
        let known = |name: &str| entry.hypers.iter().any(|h| h.name == name);
        let with = |mut settings: Settings, values: &[(&str, &str)]| {
            for (name, value) in values.iter().filter(|(name, _)| known(name)) {
                settings = settings.set(*name, *value);
            }
            settings
        };
        let names = ["epochs", "pretrain_epochs", "finetune_epochs", "predictor_epochs", "transfer_epochs"];
        let short = with(quick(entry), &names.map(|name| (name, "2")));
        let careful = with(short.clone(), &[("learning_rate", "1e-4"), ("temperature", "1")]);
        let here = sensitome_testkit::device();
        // These two also have losses of evaluated networks.
        let large = if ["scdeal", "ssda4drug"].contains(&entry.name) { &careful } else { &short };
        let run = |device: &str| {
            [
                course(entry, &task, device, large)[0].clone(),
                course(entry, &task, device, &careful)[1].clone(),
            ]
        };
        let expected = run(&here);
        for device in available_devices().into_iter().filter(|device| *device != here) {
            let found = run(device);
            let gaps = [0, 1].map(|i| apart(&expected[i], &found[i]));
            assert!(gaps.iter().all(|g| *g <= ACROSS_DEVICES), "{} on {device}: {gaps:?}", entry.name);
        }
    }
}

/// Stops after a number of epochs, as a kill would.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn epoch(&mut self, _: &EpochReport) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn stopped_and_resumed_equals_undisturbed() {
    let (task, _) = easy_task(6, 60, 40, 12);
    let folder = tempfile::tempdir().unwrap();
    for entry in entries().filter(|e| !one_go(e)) {
        let undisturbed = fit(entry, &task, 9).to_bytes().unwrap();
        let path = folder.path().join(entry.name);
        let mut resumed = None;
        let mut interruptions = 0;
        while resumed.is_none() {
            let mut options = FitOptions::new(9, here());
            options.checkpoint = Some(Checkpointing { path: path.clone(), every: Duration::ZERO });
            options.observer = Box::new(StopAfter(5));
            match entry.build(&quick(entry)).unwrap().fit(&task, &mut options) {
                Ok(model) => resumed = Some(model.to_bytes().unwrap()),
                Err(AdaptError::Stopped { .. }) => interruptions += 1,
                Err(e) => panic!("{}: {e}", entry.name),
            }
        }
        assert!(interruptions >= 2, "{}", entry.name);
        assert!(resumed.unwrap() == undisturbed, "{}: the resumed model differs", entry.name);
        assert!(!path.exists(), "{}: the checkpoint is left behind", entry.name);
    }
}

#[test]
fn a_checkpoint_of_another_fit_is_refused() {
    let (task, _) = easy_task(6, 60, 40, 12);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let entry = sensitome_adapt::find("source_only").unwrap();
    let run = |seed, stop| {
        let mut options = FitOptions::new(seed, here());
        options.checkpoint = Some(Checkpointing { path: path.clone(), every: Duration::ZERO });
        options.observer = Box::new(StopAfter(stop));
        entry.build(&quick(entry)).unwrap().fit(&task, &mut options).map(|_| ()).unwrap_err().to_string()
    };
    assert!(run(1, 2).contains("run the same command again"));
    assert!(run(2, 2).contains("belongs to another fit"));
    std::fs::write(&path, &std::fs::read(&path).unwrap()[..100]).unwrap();
    assert!(run(1, 2).contains("delete it to start anew"));
}

#[test]
fn saved_and_loaded_predicts_the_same() {
    let (task, _) = easy_task(7, 60, 40, 12);
    let folder = tempfile::tempdir().unwrap();
    for entry in entries() {
        let model = fit(entry, &task, 2);
        let path = folder.path().join(entry.name);
        model.save(&path).unwrap();
        let loaded = ResponseModel::load(&path, &here()).unwrap();
        assert_eq!(predict(&model, &task), predict(&loaded, &task), "{}", entry.name);
        assert_eq!(model.to_bytes().unwrap(), loaded.to_bytes().unwrap(), "{}", entry.name);
    }
}

#[test]
fn tiny_domains_are_handled() {
    // Smaller than a batch, an odd row left over, and a validation part of one class.
    let (task, _) = easy_task(8, 33, 3, 7);
    let mut parts = (*task).clone();
    let source = &mut parts.sources[0];
    source.validation = (0..33).filter(|&i| i % 5 <= 1 && source.labels[i] == Some(1)).collect();
    let task = TransferTask::new(parts).unwrap();
    for entry in entries() {
        let scores = predict(&fit(entry, &task, 1), &task);
        assert!(scores.iter().all(|s| s.is_finite()), "{}", entry.name);
    }
}

#[test]
fn one_cell_and_few_labelled_cells_are_handled() {
    let (alone, _) = easy_task(8, 34, 1, 7);
    let (task, _) = easy_task(8, 40, 30, 7);
    let few = [with_few_shot(&task, 1), with_few_shot(&task, 5)];
    for entry in entries().filter(|e| e.name != "nearest_centroid") {
        for task in [&alone, &few[0], &few[1]] {
            let scores = predict(&fit(entry, task, 1), task);
            assert!(scores.iter().all(|s| s.is_finite()), "{}", entry.name);
        }
    }
}

#[test]
fn the_nearest_centroid_asks_for_labelled_cells_of_both_classes() {
    let (task, _) = easy_task(8, 40, 30, 7);
    let entry = sensitome_adapt::find("nearest_centroid").unwrap();
    for task in [&task, &with_few_shot(&task, 1)] {
        let method = entry.build(&Settings::new()).unwrap();
        let error = method.fit(task, &mut FitOptions::new(0, here())).unwrap_err();
        assert!(error.to_string().contains("--few-shot"), "{error}");
    }
}

#[test]
fn controls_learn_nothing_from_lines_that_are_held_out() {
    let (task, _) = easy_task(18, 60, 40, 12);
    let mut parts = (*task).clone();
    let source = &mut parts.sources[0];
    for i in source.validation.clone() {
        source.expression.row_mut(i).mapv_inplace(|v| 2.0 - 3.0 * v);
        source.response[i] = Some(5.0);
        source.labels[i] = source.labels[i].map(|l| 1 - l);
    }
    let other = TransferTask::new(parts).unwrap();
    for name in ["constant", "elastic_net", "logistic", "svm", "random_forest", "gradient_boosting"] {
        let entry = sensitome_adapt::find(name).unwrap();
        let scores = |task| predict(&fit(entry, task, 1), task);
        assert_eq!(scores(&task), scores(&other), "{name}");
    }
}

#[test]
fn one_source_leaves_multi_source_as_mmd_and_a_second_counts() {
    let (task, truth) = easy_task(4, 80, 60, 12);
    let [base, multi] = ["mmd", "multi_source"].map(|name| sensitome_adapt::find(name).unwrap());
    let scores = |entry, task: &TransferTask| predict(&fit(entry, task, 3), task);
    assert_eq!(scores(base, &task), scores(multi, &task));
    let mut parts = (*task).clone();
    let mut second = parts.sources[0].clone();
    second.name = "far".into();
    second.expression.mapv_inplace(|v| 3.0 - v);
    parts.sources.push(second);
    let two = TransferTask::new(parts).unwrap();
    assert_ne!(scores(base, &two), scores(multi, &two));
    assert!(sensitome_eval::auroc(&truth, &scores(multi, &two), None).unwrap() > 0.9);
}

#[test]
fn source_only_learns_from_labelled_cells_when_it_is_told_to() {
    let (task, _) = easy_task(16, 60, 40, 12);
    let few = with_few_shot(&task, 6);
    let entry = sensitome_adapt::find("source_only").unwrap();
    let scores = |task: &TransferTask, told: bool| {
        let method = entry.build(&quick(entry).set("few_shot", told)).unwrap();
        predict(&method.fit(task, &mut FitOptions::new(3, here())).unwrap(), task)
    };
    assert_eq!(scores(&task, false), scores(&few, false));
    assert_eq!(scores(&task, false), scores(&task, true));
    assert_ne!(scores(&few, false), scores(&few, true));
}

/// The stages that are trained for at least an epoch.
struct Stages<'a>(&'a mut Vec<String>);

impl Observer for Stages<'_> {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        self.0.push(report.stage.to_owned());
        self.0.dedup();
        ControlFlow::Continue(())
    }
}

#[test]
fn scdeal_without_pretraining_trains_no_autoencoder() {
    let (task, truth) = easy_task(17, 80, 60, 12);
    let entry = sensitome_adapt::find("scdeal").unwrap();
    let mut stages = Vec::new();
    let mut options = FitOptions::new(0, here());
    options.observer = Box::new(Stages(&mut stages));
    let method = entry.build(&quick(entry).set("pretrain_epochs", 0)).unwrap();
    let model = method.fit(&task, &mut options).unwrap();
    drop(options);
    assert_eq!(stages, ["predictor", "transfer"]);
    assert!(sensitome_eval::auroc(&truth, &predict(&model, &task), None).unwrap() > 0.9);
}

#[test]
fn every_variant_of_scdeal_runs_and_the_faithful_one_wants_its_scale() {
    let (task, _) = easy_task(11, 60, 40, 12);
    let mut parts = (*task).clone();
    let unit = |x: &mut ndarray::Array2<f32>| x.mapv_inplace(|v| ((v + 3.0) / 6.0).clamp(0.0, 1.0));
    unit(&mut parts.target.expression);
    unit(&mut parts.sources[0].expression);
    let scaled = TransferTask::new(parts).unwrap();
    let entry = sensitome_adapt::find("scdeal").unwrap();
    let run = |task: &TransferTask, settings: &[(&str, &str)]| {
        let settings = settings.iter().fold(quick(entry), |s, (n, v)| s.set(*n, v));
        entry.build(&settings).unwrap().fit(task, &mut FitOptions::new(0, here()))
    };
    for (kind, mask) in [("dae", "0"), ("dae", "0.2"), ("vae", "0.2")] {
        for faithful in ["false", "true"] {
            for extra in [
                ("cluster_weight", "0.5"),
                ("kernel", "gaussian"),
                ("sampling", "smote"),
                ("sampling", "over"),
            ] {
                let settings = [("autoencoder", kind), ("mask", mask), ("faithful", faithful), extra];
                let model = run(&scaled, &settings).unwrap_or_else(|e| panic!("{settings:?}: {e}"));
                assert!(predict(&model, &scaled).iter().all(|s| s.is_finite()));
            }
        }
    }
    let error = run(&task, &[("faithful", "true")]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("--scaling minmax"), "{error}");
}

#[test]
fn wrong_settings_name_the_field() {
    for entry in REGISTRY {
        let unknown =
            entry.build(&Settings::new().set("no_such_thing", 1)).map(|_| ()).unwrap_err().to_string();
        assert!(unknown.contains("no_such_thing"), "{unknown}");
        for h in entry.hypers {
            let wrong = entry.build(&Settings::new().set(h.name, "-7x")).map(|_| ()).unwrap_err().to_string();
            assert!(wrong.contains(h.name), "{wrong}");
        }
    }
}

/// The networks that may change in each stage.
type Moving = [(&'static str, &'static [&'static str])];

/// What each stage of each method may change, in the order of the stages; every other weight stays as it is to the bit.
/// Running statistics move with any batch that passes in training.
const MOVING: &[(&str, &Moving)] = &[
    ("source_only", &[("train", &["encoder", "head"])]),
    (
        "autoencoder",
        &[
            ("autoencoder", &["classifier.encoder", "decoder"]),
            ("classifier", &["classifier.encoder", "classifier.head"]),
        ],
    ),
    (
        "scdeal",
        &[
            ("source_autoencoder", &["source"]),
            ("predictor", &["source.encoder", "head"]),
            ("target_autoencoder", &["target"]),
            ("transfer", &["source.encoder", "target.encoder", "head"]),
        ],
    ),
    ("scad", &[("train", &["extractor", "predictor", "discriminator"])]),
    (
        "code_ae",
        &[
            ("pretrain", &["codes"]),
            ("align", &["codes", "critic"]),
            ("finetune", &["head"]),
            ("unfreeze_1", &["head", "codes.shared.6"]),
            ("unfreeze_2", &["head", "codes.shared.6", "codes.shared.3"]),
            ("unfreeze_3", &["head", "codes.shared.6", "codes.shared.3", "codes.shared.0"]),
        ],
    ),
    ("ssda4drug", &[("train", &["encoder", "decoder", "predictor", "classifier"])]),
    ("shared_pathway", &[("pretrain", &["codes", "sparse"]), ("joint", &["codes", "sparse", "head"])]),
    ("coral", &[("train", &["encoder", "head"])]),
    ("mmd", &[("train", &["encoder", "head"])]),
    ("jan", &[("train", &["encoder", "head"])]),
    ("optimal_transport", &[("train", &["encoder", "head"])]),
    ("dann", &[("train", &["classifier.encoder", "classifier.head", "discriminator"])]),
    ("cdan", &[("train", &["classifier.encoder", "classifier.head", "discriminator"])]),
    ("mcd", &[("train", &["classifier.encoder", "classifier.head", "second"])]),
    ("adabn", &[("train", &["encoder", "head"]), ("statistics", &[])]),
    ("mme", &[("train", &["encoder", "head"])]),
    ("pseudo_label", &[("train", &["encoder", "head"])]),
    ("multi_source", &[("train", &["encoder", "head"])]),
];

/// Notes the weights that every checkpoint holds.
struct Weights<'a> {
    path: std::path::PathBuf,
    seen: &'a mut Vec<(String, std::collections::BTreeMap<String, Vec<u8>>)>,
}

impl Observer for Weights<'_> {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        let bytes = std::fs::read(&self.path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let current = file.tensors().into_iter().filter_map(|(name, view)| {
            Some((name.strip_prefix("current/")?.to_owned(), view.data().to_vec()))
        });
        self.seen.push((report.stage.to_owned(), current.collect()));
        ControlFlow::Continue(())
    }
}

#[test]
fn three_updates_change_what_should_move_and_nothing_else() {
    // 36 training lines in batches of 12: three updates an epoch, five where the critic makes five to one of the codes.
    let (task, _) = easy_task(12, 60, 36, 12);
    let folder = tempfile::tempdir().unwrap();
    for entry in entries().filter(|e| e.hypers.iter().any(|h| h.name == "batch_size")) {
        let stages = MOVING.iter().find(|(name, _)| *name == entry.name);
        let (_, stages) = stages.unwrap_or_else(|| panic!("{} is not in the table MOVING", entry.name));
        let path = folder.path().join(entry.name);
        let mut seen = Vec::new();
        let mut options = FitOptions::new(5, here());
        options.checkpoint = Some(Checkpointing { path: path.clone(), every: Duration::ZERO });
        options.observer = Box::new(Weights { path, seen: &mut seen });
        let steps =
            [("batch_size", "12"), ("critic_steps", "3"), ("pretrain_epochs", "2"), ("dropout", "0.1")];
        let known = |name: &str| entry.hypers.iter().any(|h| h.name == name);
        let settings = steps.iter().filter(|(n, _)| known(n)).fold(quick(entry), |s, (n, v)| s.set(*n, v));
        entry.build(&settings).unwrap().fit(&task, &mut options).unwrap();
        drop(options);
        for (stage, moving) in *stages {
            let of_stage: Vec<_> = seen.iter().filter(|(s, _)| s == stage).collect();
            assert!(of_stage.len() >= 2, "{}: stage {stage} has {} epochs", entry.name, of_stage.len());
            let (before, after) = (&of_stage[0].1, &of_stage[1].1);
            for (name, value) in before {
                let statistic = name.ends_with(".mean") || name.ends_with(".variance");
                let may = moving.iter().any(|m| name.starts_with(&format!("{m}.")));
                let changed = value != &after[name];
                // A bias before batch normalisation has no gradient; rounding may or may not move it.
                let weight = name.ends_with(".weight");
                assert!(
                    statistic || (may && (changed || !weight)) || (!may && !changed),
                    "{}, stage {stage}: {name} {}",
                    entry.name,
                    if changed { "moved" } else { "did not move" }
                );
            }
            assert!(moving.iter().all(|m| before.keys().any(|n| n.starts_with(&format!("{m}.")))));
        }
        let known: Vec<&str> = stages.iter().map(|(s, _)| *s).collect();
        assert!(
            seen.iter().all(|(s, _)| known.contains(&s.as_str())),
            "{}: a stage is not listed",
            entry.name
        );
    }
}

#[test]
fn several_sources_and_few_labelled_cells_are_taken_by_all_who_can() {
    let (task, truth) = easy_task(13, 80, 60, 20);
    let mut parts = (*task).clone();
    let mut second = parts.sources[0].clone();
    second.name = "tissue".into();
    second.samples.iter_mut().for_each(|s| s.push('b'));
    parts.sources.push(second);
    let two = TransferTask::new(parts.clone()).unwrap();
    let rows: Vec<usize> = (0..6).collect();
    parts.few_shot = Some(FewShot { labels: rows.iter().map(|&i| truth[i]).collect(), rows });
    let few = TransferTask::new(parts).unwrap();
    // By default only bulk: the other controls. The nearest centroid has nothing else, so that it always has them here.
    let without =
        ["constant", "ridge", "elastic_net", "logistic", "svm", "random_forest", "gradient_boosting"];
    let without = [&without[..], &["nearest_centroid", "source_only", "scdeal", "adabn"]].concat();
    for entry in entries().filter(|e| e.name != "constant") {
        let scores = predict(&fit(entry, &two, 2), &two);
        let auroc = sensitome_eval::auroc(&truth, &scores, None).unwrap();
        assert!(auroc > 0.9, "{} on two sources: {auroc}", entry.name);
        let with = predict(&fit(entry, &few, 2), &few);
        let uses = !without.contains(&entry.name);
        assert_eq!(with != scores, uses, "{} and the few labelled cells", entry.name);
        assert!(sensitome_eval::auroc(&truth, &with, None).unwrap() > 0.9, "{}", entry.name);
    }
}

#[test]
fn random_search_chooses_without_labels_and_repeats_itself() {
    let (task, _) = easy_task(14, 60, 40, 12);
    let entry = sensitome_adapt::find("source_only").unwrap();
    let search = |rule| Search {
        draws: 3,
        fixed: Settings::new().set("epochs", 4).set("hidden", "16").set("latent", 8),
        rule,
        seed: 1,
        device: here(),
    };
    for rule in SelectionScore::ALL.into_iter().filter(|r| !r.is_oracle()) {
        let (model, draws) = random_search(entry, &task, &search(rule), |_, _| {}).unwrap();
        let scores: Vec<f64> = draws.iter().map(|d| *d.score.as_ref().unwrap()).collect();
        assert_eq!(draws.len(), 3);
        assert!(draws.iter().all(|d| entry.build(&d.settings).is_ok()));
        let best =
            scores.iter().copied().reduce(|a, b| if (b > a) == rule.higher_is_better() { b } else { a });
        let chosen = draws.iter().find(|d| Some(*d.score.as_ref().unwrap()) == best).unwrap();
        let checked = chosen.settings.check(entry.hypers).unwrap();
        assert!(checked.iter().all(|(k, v)| model.card().settings[k] == v), "{}", rule.name());
        let again = random_search(entry, &task, &search(rule), |_, _| {}).unwrap().0;
        assert!(again.to_bytes().unwrap() == model.to_bytes().unwrap(), "{}", rule.name());
    }
    let oracle =
        random_search(entry, &task, &search(SelectionScore::Oracle), |_, _| {}).map(|_| ()).unwrap_err();
    assert!(oracle.to_string().contains("label-free"), "{oracle}");
}

#[test]
fn every_variant_runs() {
    let (task, truth) = easy_task(15, 60, 40, 12);
    let mut parts = (*task).clone();
    parts.few_shot = Some(FewShot { rows: vec![0, 1, 2, 3], labels: truth[..4].to_vec() });
    let few = TransferTask::new(parts).unwrap();
    for entry in entries() {
        let base = || quick(entry);
        let mut forms: Vec<Settings> = Vec::new();
        for h in entry.hypers {
            if let sensitome_adapt::Range::Choice(words) = h.range {
                forms.extend(words.iter().map(|w| base().set(h.name, w)));
            }
            if h.range == sensitome_adapt::Range::Flag && h.name != "faithful" {
                forms.extend([base().set(h.name, true), base().set(h.name, false)]);
            }
        }
        if entry.hypers.iter().any(|h| h.name == "faithful") && entry.name != "scdeal" {
            forms.push(base().set("faithful", true));
        }
        for settings in forms {
            for task in [&task, &few].into_iter().skip(usize::from(entry.name == "nearest_centroid")) {
                let mut options = FitOptions::new(0, here());
                let model = entry.build(&settings).unwrap().fit(task, &mut options);
                let model = model.unwrap_or_else(|e| panic!("{} {settings:?}: {e}", entry.name));
                assert!(predict(&model, task).iter().all(|s| s.is_finite()), "{} {settings:?}", entry.name);
            }
        }
    }
}
