//! `mme`: a cosine classifier whose class vectors raise the entropy of the cells' predictions while the encoder lowers it
//! (minimax entropy, Saito et al. 2019; `docs/methods/mme.md`). What `ssda4drug` adds an autoencoder to.

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    HIDDEN,
    LATENT,
    DROPOUT,
    positive("temperature", "0.05", "divisor of the similarities"),
    flag("cosine_weights", "false", "normalise the class vectors too"),
    EPOCHS,
    BATCH_SIZE,
    LEARNING_RATE,
    SAMPLING,
    SELECT,
    weight("entropy_weight", "0.1", "weight of the entropy"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Mme(pub Checked);

impl Strategy for Mme {
    type Networks = Classifier;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Classifier> {
        let cosine = LayerShape::Cosine {
            inputs: self.0.integer("latent")?,
            classes: 2,
            temperature: self.0.float("temperature")?,
            normalize_weight: self.0.flag("cosine_weights")?,
        };
        Ok(Classifier { encoder: encoder(&self.0, task, init)?, head: init.network("head", &[cosine])? })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![both_domains(&self.0)?])
    }

    fn losses(&self, _: &Stage, nets: &mut Classifier, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let step = nets.step(batch, pass.again())?;
        let [_, cells] = step.z.clone();
        // Minimising −H raises the entropy by the class vectors; behind the reversal it lowers it by the encoder.
        let logits = nets.head.forward(reverse_gradient(cells, 1.0), pass);
        let weight = -self.0.float("entropy_weight")?;
        Ok(step.classification().add("negative_entropy", entropy(logits) * weight))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
