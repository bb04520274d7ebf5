//! `mcd`: two heads are driven apart on the cells, and the encoder is driven to where they agree (maximum classifier
//! discrepancy, Saito et al. 2018; `docs/methods/mcd.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    weight("discrepancy_weight", "1", "weight of the heads' discrepancy"),
    Hyper::new("encoder_steps", "4", Range::Integer { low: 1, high: 10 }, "encoder updates an iteration"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Mcd(pub Checked);

/// Encoder and head, and a second head.
#[derive(Debug, Clone)]
pub struct Networks {
    classifier: Classifier,
    second: FeedForward,
}

parts!(Networks { classifier, second });

impl Strategy for Mcd {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        Ok(Networks {
            classifier: Classifier::new(&self.0, task, init)?,
            second: head(&self.0, init, "second head")?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let mut updates =
            vec![Update::new("classify", &[""]), Update::new("diverge", &["classifier.head", "second"])];
        updates.extend(vec![Update::new("agree", &["classifier.encoder"]); self.0.integer("encoder_steps")?]);
        Ok(vec![Stage { updates, ..both_domains(&self.0)? }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let step = nets.classifier.step(batch, pass.again())?;
        let (n, all) = (step.labelled.dims()[0], step.all.dims()[0]);
        let logits = nets.second.forward(step.all.clone(), pass);
        let p = |logits| activation::softmax(logits, 1);
        let cells = p(logits.clone().slice_dim(0, n..all));
        let discrepancy =
            (p(step.logits[1].clone()) - cells).abs().mean() * self.0.float("discrepancy_weight")?;
        let second = cross_entropy(logits.slice_dim(0, 0..n), step.targets.clone());
        let classified = step.classification().add("second_classification", second);
        Ok(match batch.update {
            "diverge" => classified.add("negative_discrepancy", discrepancy * -1.0),
            "agree" => Losses::new().add("discrepancy", discrepancy),
            _ => classified,
        })
    }

    /// The first head; the training has made both agree on the cells.
    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        Ok(networks.classifier.assembled())
    }
}
