//! `cdan`: as `dann`, but the discriminator sees the outer product of embedding and prediction, and rows that are
//! predicted with certainty count more (conditional domain adversarial network, Long et al. 2018; `docs/methods/cdan.md`).

use super::dann::Networks;
use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    DISCRIMINATOR,
    ADVERSARIAL,
    flag("entropy_conditioning", "true", "weigh rows by 1 + exp(-entropy) of their prediction (CDAN+E)"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Cdan(pub Checked);

impl Strategy for Cdan {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        Ok(Networks {
            classifier: Classifier::new(&self.0, task, init)?,
            discriminator: discriminator(&self.0, 2 * self.0.integer("latent")?, init)?,
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
        // The prediction is the condition: no gradient passes through it.
        let p = activation::softmax(Tensor::cat(step.logits.to_vec(), 0), 1).detach();
        let class = |c: usize| p.clone().slice_dim(1, c..c + 1);
        let outer = Tensor::cat(vec![z.clone() * class(0), z * class(1)], 1);
        let entropy = (p.clone() * p.clone().clamp_min(1e-12).log()).sum_dim(1) * -1.0;
        let certainty = if self.0.flag("entropy_conditioning")? { 1.0 } else { 0.0 };
        let weights = (entropy * -1.0).exp() * certainty + 1.0;
        Ok(losses.add("domain", domain_loss(nets.discriminator.forward(outer, pass), n, weights)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        Ok(networks.classifier.assembled())
    }
}
