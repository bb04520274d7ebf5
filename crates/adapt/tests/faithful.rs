//! The published networks: shapes and numbers of weights, counted by hand from the specifications for the 2,873 genes of the
//! A375 benchmark table; and what the faithful forms do otherwise.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

mod common;

use std::collections::BTreeMap;

use common::easy_task;
use sensitome_adapt::prelude::*;
use sensitome_adapt::strategies::{code_ae, scad, scdeal, shared_pathway, ssda4drug};

const GENES: usize = 2873;

fn faithful(hypers: &[Hyper], more: &[(&str, &str)]) -> Checked {
    let published = Settings::new().set("faithful", true);
    more.iter().fold(published, |s, (k, v)| s.set(*k, v)).check(hypers).unwrap()
}

fn networks<S: Strategy>(strategy: &S) -> S::Networks {
    let (task, _) = easy_task(0, 20, 10, GENES);
    let mut parts = (*task).clone();
    parts.target.expression.mapv_inplace(|v| v.clamp(0.0, 1.0)); // scdeal's sigmoid wants it
    let task = TransferTask::new(parts).unwrap();
    strategy.networks(&task, &Init::new(0, parse_device(&sensitome_testkit::device()).unwrap())).unwrap()
}

/// Learned numbers by network.
fn counts(mut parts: impl Parts) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    parts.networks("", &mut |path, network| {
        out.insert(path.to_owned(), network.parameter_count());
    });
    out
}

fn shapes(mut parts: impl Parts, wanted: &str) -> Vec<LayerShape> {
    let mut out = Vec::new();
    parts.networks("", &mut |path, network| {
        if path == wanted {
            out = network.shapes();
        }
    });
    out
}

fn linear(inputs: usize, outputs: usize) -> LayerShape {
    LayerShape::Linear { inputs, outputs, bias: true }
}

fn activation(function: Activation) -> LayerShape {
    LayerShape::Activation { function }
}

#[test]
fn scad_has_the_published_networks() {
    let strategy = scad::Scad(faithful(scad::HYPERS, &[]));
    let n = counts(networks(&strategy));
    assert_eq!(n["extractor"], GENES * 512 + 512 + 2 * 512);
    assert_eq!(n["predictor"], 512 * 128 + 128 + 2 * 128 + 3 * (128 * 128 + 128) + 128 + 1);
    assert_eq!(n["discriminator"], 3 * (512 * 512 + 512) + 512 + 1);
    let discriminator = shapes(networks(&strategy), "discriminator");
    // The published discriminator drops its logit as well.
    assert_eq!(discriminator.last(), Some(&LayerShape::Dropout { rate: 0.5 }));
    let corrected = scad::Scad(Settings::new().check(scad::HYPERS).unwrap());
    assert_eq!(shapes(networks(&corrected), "discriminator").last(), Some(&linear(512, 1)));
    let stage = &strategy.stages(&easy_task(0, 20, 10, 5).0).unwrap()[0];
    assert_eq!((stage.optimizer, stage.learning_rate, stage.batch_size), (Optimizer::Adagrad, 1e-3, 32));
    assert_eq!((stage.pace, stage.keep), (Pace::Target, Keep::Last));
}

#[test]
fn scad_skips_small_batches_as_published() {
    let settings = |faithful: bool| Settings::new().set("faithful", faithful).check(scad::HYPERS).unwrap();
    let (task, _) = easy_task(0, 20, 10, 5);
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    let rows = |n: usize| Tensor::<2>::ones([n, 5], &device);
    let batch = Batch {
        source: Some(SourceBatch {
            x: rows(8),
            targets: one_hot(&[0, 1, 0, 1, 0, 1, 0, 1], &device),
            labels: vec![0, 1, 0, 1, 0, 1, 0, 1],
            source: vec![0; 8],
        }),
        target: Some(TargetBatch { x: rows(4), clusters: None }),
        few_shot: None,
        update: "train",
        progress: 0.0,
    };
    for (published, losses) in [(true, 0), (false, 2)] {
        let strategy = scad::Scad(settings(published));
        let mut nets = strategy.networks(&task, &Init::new(0, device.clone())).unwrap();
        let stage = strategy.stages(&task).unwrap().remove(0);
        let found = strategy.losses(&stage, &mut nets, &batch, Pass::Evaluate).unwrap();
        assert_eq!(found.names().len(), losses);
    }
}

#[test]
fn code_ae_has_the_published_networks_and_unfreezes_them_from_the_output() {
    let strategy = code_ae::CodeAe(faithful(code_ae::HYPERS, &[]));
    let n = counts(networks(&strategy));
    let encoder = GENES * 512 + 512 + 512 * 256 + 256 + 256 * 128 + 128;
    for name in ["codes.shared", "codes.private_source", "codes.private_target"] {
        assert_eq!(n[name], encoder, "{name}");
    }
    assert_eq!(n["codes.decoder"], 256 * 256 + 256 + 256 * 512 + 512 + 512 * GENES + GENES);
    assert_eq!(n["critic"], 256 * 64 + 64 + 64 * 32 + 32 + 32 + 1);
    assert_eq!(n["head"], 128 * 64 + 64 + 64 * 32 + 32 + 32 + 1);
    let selu = activation(Activation::Selu);
    let shared = vec![
        linear(GENES, 512),
        selu.clone(),
        linear(512, 256),
        selu,
        linear(256, 128),
        LayerShape::Normalize,
    ];
    assert_eq!(shapes(networks(&strategy), "codes.shared"), shared);
    let stages = strategy.stages(&easy_task(0, 20, 10, 5).0).unwrap();
    let align = stages.iter().find(|s| s.name == "align").unwrap();
    let every: Vec<_> = align.updates.iter().map(|u| (u.name, u.every)).collect();
    assert_eq!((every, align.optimizer), (vec![("critic", 1), ("generator", 5)], Optimizer::RmsProp));
    let tuning: Vec<_> = stages.iter().filter(|s| s.keep == Keep::HighestSourceAuroc).collect();
    let rates: Vec<f64> = tuning.iter().map(|s| s.learning_rate).collect();
    assert!(rates.iter().zip([1e-4, 1e-5, 1e-6, 1e-7]).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{rates:?}");
    assert_eq!(tuning.iter().map(|s| s.patience).collect::<Vec<_>>(), [10, 20, 30, 40].map(Some));
    assert_eq!(
        tuning[3].updates[0].trainable,
        ["head", "codes.shared.4", "codes.shared.2", "codes.shared.0"]
    );
}

#[test]
fn ssda4drug_has_the_published_networks() {
    let strategy = ssda4drug::Ssda4drug(faithful(ssda4drug::HYPERS, &[]));
    let n = counts(networks(&strategy));
    let encoder = GENES * 512 + 512 + 2 * 512 + 512 * 256 + 256 + 2 * 256 + 256 * 128 + 128;
    let decoder = 128 * 256 + 256 + 256 * 512 + 512 + 2 * 512 + 512 * GENES + GENES;
    assert_eq!((n["encoder"], n["decoder"]), (encoder, decoder));
    assert_eq!((n["predictor"], n["classifier"]), (128 * 32 + 32, 32 * 2));
    let classifier = shapes(networks(&strategy), "classifier");
    let cosine = LayerShape::Cosine { inputs: 32, classes: 2, temperature: 0.05, normalize_weight: false };
    assert_eq!(classifier, [cosine]);
    let stage = &strategy.stages(&easy_task(0, 20, 10, 5).0).unwrap()[0];
    let updates: Vec<&str> = stage.updates.iter().map(|u| u.name).collect();
    assert_eq!((updates, stage.epochs), (vec!["supervised", "entropy"], 50));
}

#[test]
fn shared_pathway_has_the_published_networks_and_keeps_its_zeros() {
    let strategy =
        shared_pathway::SharedPathway(faithful(shared_pathway::HYPERS, &[("pathway_max", "3000")]));
    let nets = networks(&strategy);
    // Sets of more than four genes: RESPONSE (5), OTHER (5) and ALL, and five free axes.
    let axes = 8;
    let n = counts(nets.clone());
    let encoder = GENES * 512 + 512 + 2 * 512 + 512 * axes + axes;
    assert_eq!((n["codes.shared"], n["codes.private_target"]), (encoder, encoder));
    assert_eq!(n["codes.decoder"], 2 * axes * 512 + 512 + 2 * 512 + 512 * GENES + GENES);
    assert_eq!(n["sparse"], axes * GENES + GENES);
    assert_eq!(n["head"], axes * 128 + 128 + 128 * 32 + 32 + 32 * 2 + 2);
    let relu = || activation(Activation::Relu);
    let shared = [
        linear(GENES, 512),
        relu(),
        LayerShape::BatchNorm { features: 512 },
        LayerShape::Dropout { rate: 0.4 },
        linear(512, axes),
    ];
    assert_eq!(shapes(nets.clone(), "codes.shared"), shared);
    let head = [
        linear(axes, 128),
        relu(),
        LayerShape::Dropout { rate: 0.4 },
        linear(128, 32),
        relu(),
        linear(32, 2),
    ];
    assert_eq!(shapes(nets, "head"), head);
}

#[test]
fn scdeal_has_the_published_networks() {
    let strategy = scdeal::Scdeal(faithful(scdeal::HYPERS, &[]));
    let n = counts(networks(&strategy));
    let encoder = GENES * 512 + 512 + 2 * 512 + 512 * 256 + 256 + 2 * 256 + 256 * 128 + 128;
    let decoder = 128 * 256 + 256 + 256 * 512 + 512 + 2 * 512 + 512 * GENES + GENES;
    assert_eq!((n["source.encoder"], n["target.decoder"]), (encoder, decoder));
    let batch_norm = LayerShape::BatchNorm { features: 512 };
    // Affine: no function behind the normalisation.
    let start = [linear(GENES, 512), batch_norm, LayerShape::Dropout { rate: 0.1 }, linear(512, 256)];
    assert_eq!(shapes(networks(&strategy), "source.encoder")[..4], start);
}
