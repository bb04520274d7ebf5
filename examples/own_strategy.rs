//! A method of one's own in the same training loop: a linear encoder whose means are the same in both domains. It gets
//! batching, validation, early stopping, seeds, checkpoints and the model file; only the losses are written here.
//!
//!     cargo run --release --example own_strategy

#![allow(clippy::print_stdout)] // examples print

use sensitome::adapt::prelude::*;
use sensitome::adapt::{FitOptions, fit_strategy};
use sensitome::prelude::{PrepareOptions, SimulationConfig, auroc, simulate};

struct SameMean;

#[derive(Clone)]
struct Networks {
    encoder: FeedForward,
    head: FeedForward,
}

parts!(Networks { encoder, head });

impl Strategy for SameMean {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let encoder = MlpConfig::new(task.n_genes(), &[], 32).init(init, "encoder")?;
        Ok(Networks { encoder, head: MlpConfig::new(32, &[16], 2).init(init, "head")? })
    }

    fn stages(&self, _: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![Stage { epochs: 20, target: true, ..Stage::new("train", &["encoder", "head"]) }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let source = nets.encoder.forward(batch.source()?.x.clone(), pass.again());
        let target = nets.encoder.forward(batch.target()?.x.clone(), pass.again());
        let gap = total((source.clone().mean_dim(0) - target.mean_dim(0)).square());
        let logits = nets.head.forward(source, pass);
        let classification = cross_entropy(logits, batch.source()?.targets.clone());
        Ok(Losses::new().add("classification", classification).add("gap", gap))
    }

    fn assemble(&self, nets: &Networks) -> Result<Assembled> {
        Ok(Assembled::new(nets.encoder.clone(), nets.head.clone(), Output::Softmax))
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let simulation = simulate(&SimulationConfig::default())?;
    let task = simulation.task(&PrepareOptions::default())?;
    let settings = Settings::new().check(&[])?;
    let mut options = FitOptions::new(0, parse_device("flex")?);
    let model = fit_strategy(&SameMean, "same_mean", &settings, &task, &mut options)?;
    let predictions = model.predict(&simulation.cells, &PredictOptions::default())?;
    println!("AUROC {:.3}", auroc(&simulation.truth.labels, &predictions.scores, None)?);
    Ok(())
}
