//! `jan`: the joint distribution of embedding and prediction is brought together, by the maximum mean discrepancy under
//! the product of their kernels (joint adaptation network, Long et al. 2017; `docs/methods/jan.md`).

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
    weight("jan_weight", "0.5", "weight of the joint discrepancy at the end of training"),
];

/// The one kernel of the predictions, exp(−‖p − q‖² / 1.68), as the published code has it.
const PREDICTIONS: MultiKernel = MultiKernel { number: 1, factor: 1.0, bandwidth: Bandwidth::Fixed(1.68) };

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Jan(pub Checked);

impl Strategy for Jan {
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
        let [z_source, z_target] = step.z;
        let [p_source, p_target] = step.logits.map(|logits| activation::softmax(logits, 1));
        let (z, p) = ((z_source, z_target, MultiKernel::default()), (p_source, p_target, PREDICTIONS));
        let growth = reversal_schedule(batch.progress);
        Ok(losses.add("joint_mmd", joint_mmd(z, [p]) * (growth * self.0.float("jan_weight")?)))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
