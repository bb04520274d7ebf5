//! The whole way from simulated files' worth of data to the genes behind a prediction: the genes that drive the simulated
//! response in cells are found among the attributions, and are not when the weights are chance.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sensitome::interpret::{ExplainOptions, Explainer, Target};
use sensitome::models::Init;
use sensitome::prelude::*;

#[test]
fn the_driving_genes_are_found_and_with_chance_weights_are_not() {
    let simulation = simulate(&SimulationConfig::default()).unwrap();
    let task = simulation.task(&PrepareOptions::default()).unwrap();
    let device = parse_device("flex").unwrap();
    let method = find("scdeal").unwrap().build(&Settings::new()).unwrap();
    let model = method.fit(&task, &mut FitOptions::new(0, device.clone())).unwrap();
    let drives = |gene: &String| simulation.truth.drivers.iter().any(|d| d.in_cells && d.gene == *gene);
    let drivers: Vec<u8> = model.genes().iter().map(|g| u8::from(drives(g))).collect();
    let found = |model: &ResponseModel| {
        let options = ExplainOptions { target: Target::Margin, ..ExplainOptions::default() };
        let explainer = Explainer::new(model, &simulation.cells, options).unwrap();
        let attribution = explainer.explain(&simulation.cells, &mut |_, _| {}).unwrap();
        auroc(&drivers, &attribution.mean_absolute().to_vec(), None).unwrap()
    };
    assert!(found(&model) >= 0.9, "{}", found(&model));

    let chance: f64 = (1..=4)
        .map(|seed| {
            let fresh = Init::new(seed, device.clone());
            let model = ResponseModel::new(
                model.preprocessing().clone(),
                fresh.network("encoder", &model.encoder().shapes()).unwrap(),
                fresh.network("head", &model.head().shapes()).unwrap(),
                model.output(),
                model.threshold(),
                model.card().clone(),
                device.clone(),
            );
            found(&model.unwrap()) / 4.0
        })
        .sum();
    assert!((0.4..0.6).contains(&chance), "{chance}");
}
