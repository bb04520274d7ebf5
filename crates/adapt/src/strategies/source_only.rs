//! `source_only`: a classifier trained on the bulk samples and applied to the cells as it is. The control that every
//! adaptation must beat (`docs/methods/source_only.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    HIDDEN,
    LATENT,
    widths("head", &["32", "64", "128,64"], "widths of the head's blocks"),
    DROPOUT,
    count("epochs", "50", "passes over the source at most"),
    PATIENCE,
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct SourceOnly(pub Checked);

/// Encoder and head.
#[derive(Debug, Clone)]
pub struct Networks {
    encoder: FeedForward,
    head: FeedForward,
}

parts!(Networks { encoder, head });

impl Strategy for SourceOnly {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (latent, dropout) = (self.0.integer("latent")?, self.0.float("dropout")?);
        let hidden = [self.0.widths("hidden")?, vec![latent]].concat();
        let encoder = MlpConfig { outputs: None, dropout, ..MlpConfig::new(task.n_genes(), &hidden, latent) };
        let head = MlpConfig { dropout, ..MlpConfig::new(latent, &self.0.widths("head")?, 2) };
        Ok(Networks { encoder: encoder.init(init, "encoder")?, head: head.init(init, "head")? })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![Stage {
            patience: Some(self.0.integer("patience")?),
            keep: Keep::HighestSourceAuroc,
            ..Stage::from_settings("train", &["encoder", "head"], &self.0, "epochs")?
        }])
    }

    fn losses(&self, _: &Stage, networks: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let source = batch.source()?;
        let z = networks.encoder.forward(source.x.clone(), pass.again());
        let logits = networks.head.forward(z, pass);
        Ok(Losses::new().add("classification", cross_entropy(logits, source.targets.clone())))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { encoder, head } = networks.clone();
        Ok(Assembled::new(encoder, head, Output::Softmax))
    }
}
