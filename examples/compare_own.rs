//! A method of one's own in a comparison, beside the controls: a linear embedding whose domain means are pulled together
//! (`examples/own_strategy.rs` explains its parts). It is fitted on the same tasks with the same seeds, audited and
//! measured like all others; no code of it sees a hidden label.
//!
//!     cargo run --release --example compare_own

#![allow(clippy::print_stdout)] // examples print

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use sensitome::adapt::prelude::*;
use sensitome::compare::{Experiment, Method, Plan, Report, RunOptions};

const EXPERIMENT: &str = r#"
name = "a method of one's own"
seeds = 3
strategies = ["ridge", "logistic"]

[audit]
permutations = 8

[[strategy]]
name = "source_only"
settings = { epochs = 20 }

[[task]]
name = "easy"
simulate = { difficulty = 0.2, n_lines = 150, n_cells = 200, n_genes = 400 }

[[task]]
name = "hard"
simulate = { difficulty = 0.8, n_lines = 150, n_cells = 200, n_genes = 400 }
"#;

struct SameMean;

#[derive(Clone)]
struct Networks {
    encoder: FeedForward,
    head: FeedForward,
}

parts!(Networks { encoder, head });

impl Strategy for SameMean {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> sensitome::adapt::Result<Networks> {
        let encoder = MlpConfig::new(task.n_genes(), &[], 32).init(init, "encoder")?;
        Ok(Networks { encoder, head: MlpConfig::new(32, &[16], 2).init(init, "head")? })
    }

    fn stages(&self, _: &TransferTask) -> sensitome::adapt::Result<Vec<Stage>> {
        Ok(vec![Stage { epochs: 20, target: true, ..Stage::new("train", &["encoder", "head"]) }])
    }

    fn losses(
        &self,
        _: &Stage,
        nets: &mut Networks,
        batch: &Batch,
        mut pass: Pass,
    ) -> sensitome::adapt::Result<Losses> {
        let source = nets.encoder.forward(batch.source()?.x.clone(), pass.again());
        let target = nets.encoder.forward(batch.target()?.x.clone(), pass.again());
        let gap = total((source.clone().mean_dim(0) - target.mean_dim(0)).square());
        let logits = nets.head.forward(source, pass);
        let classification = cross_entropy(logits, batch.source()?.targets.clone());
        Ok(Losses::new().add("classification", classification).add("gap", gap))
    }

    fn assemble(&self, nets: &Networks) -> sensitome::adapt::Result<Assembled> {
        Ok(Assembled::new(nets.encoder.clone(), nets.head.clone(), Output::Softmax))
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let experiment = Experiment::parse(EXPERIMENT, Path::new("compare_own.toml"), None)?;
    let own = Trained { strategy: SameMean, name: "same_mean", settings: Settings::new().check(&[])? };
    // What tells its results from those of an earlier version of its code.
    let version = BTreeMap::from([("version".to_owned(), "1".to_owned())]);
    let plan = Plan::new(experiment)?.with_method(Method::own("same_mean", version, own))?;

    // Kept, so that a second run makes only what is new; delete the folder to begin anew.
    let folder = std::env::temp_dir().join("sensitome-compare-own");
    std::fs::create_dir_all(&folder)?;
    let audits = plan.audit(&folder)?;
    let options = RunOptions { shard: None, watch: &|_| (), stop: &AtomicBool::new(false) };
    let done = plan.run(&folder, &options)?;
    let comparison = plan.collect(&folder, audits)?;
    let report = Report::new(&comparison)?;
    report.write(&folder)?;
    println!("{} fits made, {} were there\n\n{}", done.made, done.kept, report.summary());
    println!("tables and plots: {}", folder.display());
    Ok(())
}
