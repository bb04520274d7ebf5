//! `coral`: the covariances of both domains' embeddings are made equal (Deep CORAL, Sun and Saenko 2016;
//! `docs/methods/coral.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    HIDDEN,
    LATENT,
    HEAD,
    DROPOUT,
    EPOCHS,
    BATCH_SIZE,
    LEARNING_RATE,
    SAMPLING,
    SELECT,
    weight("coral_weight", "100", "weight of the distance of the covariances"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Coral(pub Checked);

impl Strategy for Coral {
    type Networks = Classifier;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Classifier> {
        Classifier::new(&self.0, task, init)
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![both_domains(&self.0)?])
    }

    fn losses(&self, _: &Stage, nets: &mut Classifier, batch: &Batch, pass: Pass) -> Result<Losses> {
        let step = nets.step(batch, pass)?;
        let losses = step.classification();
        if step.z.iter().any(|z| z.dims()[0] < 2) {
            return Ok(losses); // one row has no covariance
        }
        let [source, target] = step.z;
        Ok(losses.add("coral", coral(source, target) * self.0.float("coral_weight")?))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
