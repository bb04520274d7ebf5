//! `optimal_transport`: the embeddings of both domains are brought together by the cheapest way to move one onto the
//! other (Sinkhorn divergence, Cuturi 2013, Feydy et al. 2019; `docs/methods/optimal_transport.md`).

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
    weight("transport_weight", "0.01", "weight of the divergence"),
    positive("epsilon", "0.05", "entropic smoothing, in mean squared distances of the two domains"),
    Hyper::new("iterations", "30", Range::Integer { low: 1, high: 10_000 }, "Sinkhorn iterations"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct OptimalTransport(pub Checked);

impl Strategy for OptimalTransport {
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
        let (epsilon, iterations) = (self.0.float("epsilon")?, self.0.integer("iterations")?);
        let divergence = sinkhorn_divergence(source, target, epsilon, iterations);
        Ok(losses.add("transport", divergence * self.0.float("transport_weight")?))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
