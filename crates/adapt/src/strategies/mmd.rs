//! `mmd`: the embeddings of both domains are brought together by their maximum mean discrepancy under several Gaussian
//! kernels (deep adaptation network, Long et al. 2015; `docs/methods/mmd.md`).

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
    weight("mmd_weight", "0.5", "weight of the discrepancy"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Mmd(pub Checked);

impl Strategy for Mmd {
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
        let [source, target] = step.z;
        let (discrepancy, _) = multi_kernel_mmd(source, target, MultiKernel::default());
        Ok(losses.add("mmd", discrepancy * self.0.float("mmd_weight")?))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
