//! `source_only`: a classifier trained on the bulk samples and applied to the cells as it is. The control that every
//! adaptation must beat (`docs/methods/source_only.md`).

use crate::classifier::Classifier;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    HIDDEN,
    LATENT,
    HEAD,
    DROPOUT,
    flag("few_shot", "false", "learn from the few labelled cells too, a control"),
    count("epochs", "50", "passes over the source at most"),
    PATIENCE,
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct SourceOnly(pub Checked);

impl Strategy for SourceOnly {
    type Networks = Classifier;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Classifier> {
        Classifier::new(&self.0, task, init)
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![Stage {
            patience: Some(self.0.integer("patience")?),
            keep: Keep::HighestSourceAuroc,
            ..Stage::from_settings("train", &["encoder", "head"], &self.0, "epochs")?
        }])
    }

    fn losses(&self, _: &Stage, networks: &mut Classifier, batch: &Batch, pass: Pass) -> Result<Losses> {
        let (x, targets) = if self.0.flag("few_shot")? {
            batch.labelled()?
        } else {
            (batch.source()?.x.clone(), batch.source()?.targets.clone())
        };
        let (_, logits) = networks.forward(x, pass);
        Ok(Losses::new().add("classification", cross_entropy(logits, targets)))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
