//! `dann`: a discriminator behind gradient reversal must not tell the domains apart by the embedding (Ganin et al. 2016;
//! `docs/methods/dann.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![DISCRIMINATOR, ADVERSARIAL];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Dann(pub Checked);

/// Encoder and head, and who tells domains apart.
#[derive(Debug, Clone)]
pub struct Networks {
    pub(super) classifier: Classifier,
    pub(super) discriminator: FeedForward,
}

parts!(Networks { classifier, discriminator });

impl Strategy for Dann {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        Ok(Networks {
            classifier: Classifier::new(&self.0, task, init)?,
            discriminator: discriminator(&self.0, self.0.integer("latent")?, init)?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![both_domains(&self.0)?])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let step = nets.classifier.step(batch, pass.again())?;
        let losses = step.classification();
        let n = step.z[0].dims()[0];
        let growth = reversal_schedule(batch.progress) * self.0.float("adversarial_weight")?;
        let z = reverse_gradient(Tensor::cat(step.z.to_vec(), 0), growth);
        let logits = nets.discriminator.forward(z, pass);
        let equal = logits.clone().detach().zeros_like() + 1.0;
        Ok(losses.add("domain", domain_loss(logits, n, equal)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        Ok(networks.classifier.assembled())
    }
}
