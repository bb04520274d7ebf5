//! Which genes a model rests on, on data where the answer is known: the genes that drive the simulated
//! response are found among the attributions, and are not when the weights are chance.
//!
//!     cargo run --release --example explain

#![allow(clippy::print_stdout)] // examples print

use sensitome::models::{Init, Output};
use sensitome::prelude::*;
use sensitome_interpret::{
    Attribution, ExplainOptions, Explainer, InterpretError, Method, PathOptions, ShapOptions, Target,
    stability,
};

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulation = simulate(&SimulationConfig::default())?;
    let device = parse_device("flex")?;
    println!(
        "AUROC of the labels, and of the mean |attribution| against the genes that drive the response in cells\n"
    );
    println!(
        "{:<12} {:>6} {:>6} {:>6} {:>14} {:>8}",
        "strategy", "labels", "ig", "shap", "random weights", "sanity"
    );
    let mut rankings: Vec<Attribution> = Vec::new();
    for name in ["ridge", "source_only", "scdeal"] {
        let task = simulation.task(&PrepareOptions::default())?;
        let method = find(name)?.build(&Settings::new())?;
        let model = method.fit(&task, &mut FitOptions::new(0, device.clone()))?;
        let predictions = model.predict(&simulation.cells, &PredictOptions::default())?;
        let labels = auroc(&simulation.truth.labels, &predictions.scores, None)?;

        let ig = explain(&model, &simulation.cells, Method::IntegratedGradients(PathOptions::default()))?;
        let shap = explain(&model, &simulation.cells, Method::DeepShap(ShapOptions::default()))?;
        let drives = |gene: &String| simulation.truth.drivers.iter().any(|d| d.in_cells && d.gene == *gene);
        let drivers: Vec<u8> = model.genes().iter().map(|g| u8::from(drives(g))).collect();
        let found = |a: &Attribution| auroc(&drivers, &a.mean_absolute().to_vec(), None);

        // The same network with fresh weights.
        let fresh = Init::new(1, device.clone());
        let random = ResponseModel::new(
            model.preprocessing().clone(),
            fresh.network("encoder", &model.encoder().shapes())?,
            fresh.network("head", &model.head().shapes())?,
            model.output(),
            model.threshold(),
            model.card().clone(),
            device.clone(),
        )?;
        let random =
            explain(&random, &simulation.cells, Method::IntegratedGradients(PathOptions::default()))?;

        let options = ExplainOptions { target: target(&model), ..ExplainOptions::default() };
        let explainer = Explainer::new(&model, &simulation.cells, options)?;
        let sanity = explainer.weight_randomisation(&simulation.cells, 0.3)?;
        println!(
            "{name:<12} {labels:>6.3} {:>6.3} {:>6.3} {:>14.3} {:>8}",
            found(&ig)?,
            found(&shap)?,
            found(&random)?,
            if sanity.passed { "passed" } else { "FAILED" }
        );
        let top: Vec<String> = ig.top_genes(8).into_iter().map(|g| g.gene).collect();
        println!("{:<12} {}", "", top.join(" "));
        rankings.push(ig);
    }
    let all: Vec<&Attribution> = rankings.iter().collect();
    let (correlation, overlap) = stability(&all, 50)?.means();
    println!(
        "\nacross the three: rank correlation {correlation:.2}, shared among the top 50 {:.0} %",
        100.0 * overlap
    );
    Ok(())
}

/// The log-odds of sensitive; a regression has its output only.
fn target(model: &ResponseModel) -> Target {
    if model.output() == Output::Linear { Target::Output(0) } else { Target::Margin }
}

fn explain(
    model: &ResponseModel,
    cells: &ExpressionMatrix,
    method: Method,
) -> Result<Attribution, InterpretError> {
    let options = ExplainOptions { method, target: target(model), ..ExplainOptions::default() };
    Explainer::new(model, cells, options)?.explain(cells, &mut |_, _| {})
}
