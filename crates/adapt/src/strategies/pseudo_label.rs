//! `pseudo_label`: cells that are predicted with confidence are learned from as if the prediction were their label (Lee
//! 2013; `docs/methods/pseudo_label.md`).

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
    weight("pseudo_weight", "0.5", "weight of the cells' cross-entropy once it has grown"),
    Hyper::new(
        "confidence",
        "0.8",
        Range::Float { low: 0.5, high: 1.0, log: false },
        "least probability of a class for a cell to count",
    ),
];

/// When the weight begins to grow and when it has grown, as shares of training (Lee 2013: epochs 100 and 600).
const GROWTH: [f64; 2] = [0.2, 0.7];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct PseudoLabel(pub Checked);

impl Strategy for PseudoLabel {
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
        let [from, to] = GROWTH;
        let growth = ((batch.progress - from) / (to - from)).clamp(0.0, 1.0);
        let [_, logits] = step.logits;
        // Classes that pass, rows × 2: at most one a row, so the product is the label and its weight at once.
        let p = activation::softmax(logits.clone(), 1).detach().inner();
        let labels = (p - self.0.float("confidence")?).sign().clamp_min(0.0);
        let pseudo = cross_entropy(logits, labels);
        Ok(losses.add("pseudo_label", pseudo * (growth * self.0.float("pseudo_weight")?)))
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
