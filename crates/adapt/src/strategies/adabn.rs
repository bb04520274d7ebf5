//! `adabn`: as `source_only`, then the running statistics of batch normalisation are replaced by those of the cells
//! (adaptive batch normalisation, Li et al. 2017; `docs/methods/adabn.md`).

use super::source_only::SourceOnly;
use crate::classifier::Classifier;
use crate::prelude::*;

pub use super::source_only::HYPERS;

/// Forward passes of the second stage at least: the share of the source's statistics left is 0.9 to this power, 0.2 %.
const PASSES: usize = 60;
/// Cells a pass of the second stage.
const CELLS: usize = 1024;

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct AdaBn(pub Checked);

/// The same layers without dropout, whose noise would enter the variances.
fn without_dropout(network: &FeedForward) -> Result<FeedForward> {
    let layers = network.layers().iter().map(|layer| match layer {
        Layer::Dropout { .. } => Layer::Dropout { rate: 0.0 },
        other => other.clone(),
    });
    Ok(FeedForward::new(layers.collect())?)
}

impl Strategy for AdaBn {
    type Networks = Classifier;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Classifier> {
        Classifier::new(&self.0, task, init)
    }

    fn stages(&self, task: &TransferTask) -> Result<Vec<Stage>> {
        let mut stages = SourceOnly(self.0.clone()).stages(task)?;
        stages.push(Stage {
            epochs: PASSES.div_ceil(task.target.cells.len().div_ceil(CELLS)),
            batch_size: CELLS,
            source: None,
            target: true,
            pace: Pace::Target,
            ..Stage::new("statistics", &[])
        });
        Ok(stages)
    }

    fn losses(&self, stage: &Stage, nets: &mut Classifier, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if stage.name != "statistics" {
            return SourceOnly(self.0.clone()).losses(stage, nets, batch, pass);
        }
        let mut z = batch.target()?.x.clone();
        for network in [&mut nets.encoder, &mut nets.head] {
            let mut plain = without_dropout(network)?;
            z = plain.forward(z, pass.again());
            network.swap_statistics(&mut plain);
        }
        Ok(Losses::new()) // no weight learns
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
