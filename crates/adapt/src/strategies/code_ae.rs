//! `code_ae`: a shared and a private code a domain that together give the input back, aligned by a Wasserstein critic, then a
//! classifier on the shared code, unfrozen layer by layer (He et al. 2022; `docs/methods/code_ae.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    flag("adversarial", "true", "align by a critic (ADV) or by the shared weights alone (BASE)"),
    HIDDEN,
    LATENT,
    widths("head", &["64,32", "32"], "widths of classifier and critic"),
    DROPOUT.default("0.1").published("0"),
    flag("normalize", "true", "codes of unit length"),
    weight("orthogonality_weight", "1", "weight of the likeness of shared and private code"),
    weight("penalty_weight", "10", "weight of the gradient penalty"),
    count("critic_steps", "5", "steps of the critic for one of the codes"),
    count("pretrain_epochs", "20", "epochs of reconstruction alone").published("0"),
    count("epochs", "20", "epochs of the alignment").published("100"),
    count("finetune_epochs", "20", "epochs of each stage of fine-tuning at most").published("2000"),
    PATIENCE,
    BATCH_SIZE,
    LEARNING_RATE.published("0.0001"),
    SAMPLING.published("none"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct CodeAe(pub Checked);

/// Autoencoder, critic and classifier.
#[derive(Debug, Clone)]
pub struct Networks {
    codes: SharedPrivate,
    critic: FeedForward,
    head: FeedForward,
}

parts!(Networks { codes, critic, head });

impl CodeAe {
    fn mlp(&self, inputs: usize, hidden: &[usize], outputs: usize, f: Activation) -> Result<MlpConfig> {
        Ok(MlpConfig {
            normalization: Normalization::None,
            activation: Some(f),
            dropout: self.0.float("dropout")?,
            ..MlpConfig::new(inputs, hidden, outputs)
        })
    }

    fn encoder(&self, genes: usize, f: Activation) -> Result<Vec<LayerShape>> {
        let (hidden, latent) = (self.0.widths("hidden")?, self.0.integer("latent")?);
        let mut shapes = self.mlp(genes, &hidden, latent, f)?.shapes()?;
        shapes.extend(self.0.flag("normalize")?.then_some(LayerShape::Normalize));
        Ok(shapes)
    }

    fn codes(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let source = batch.source()?.x.clone();
        let bulk_only = self.0.flag("faithful")?; // published: both loaders hold bulk, no cell is ever seen
        let target = if bulk_only { source.clone().flip([0]) } else { batch.target()?.x.clone() };
        if batch.update == "critic" {
            let mut both = |x, domain| Tensor::cat(nets.codes.encode(x, domain, Pass::Evaluate).to_vec(), 1);
            let (source, target) = (both(source, Domain::Source), both(target, Domain::Target));
            let [gap, penalty] = wasserstein_critic(&mut nets.critic, source, target, pass)?;
            let penalty = penalty * self.0.float("penalty_weight")?;
            return Ok(Losses::new().add("critic", gap).add("penalty", penalty));
        }
        let weight = self.0.float("orthogonality_weight")?;
        let loss = |c: &Codes, x: Tensor<2>| {
            let apart = orthogonality(c.shared.clone(), c.private.clone(), false);
            mean_squared_error(c.reconstruction.clone(), x) + apart * weight
        };
        let s = nets.codes.forward(source.clone(), Domain::Source, pass.again());
        let t = nets.codes.forward(target.clone(), Domain::Target, pass);
        let losses = Losses::new().add("source", loss(&s, source)).add("target", loss(&t, target));
        if batch.update != "generator" {
            return Ok(losses);
        }
        Ok(losses.add("generator", nets.critic.forward(t.both, Pass::Evaluate).mean() * -1.0))
    }
}

impl Strategy for CodeAe {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (genes, latent, head) = (task.n_genes(), self.0.integer("latent")?, self.0.widths("head")?);
        let back: Vec<usize> = self.0.widths("hidden")?.into_iter().rev().collect();
        let private = self.encoder(genes, Activation::Relu)?;
        let scorer = |inputs| self.mlp(inputs, &head, 1, Activation::Selu);
        Ok(Networks {
            codes: SharedPrivate {
                shared: init.network("shared", &self.encoder(genes, Activation::Selu)?)?,
                private_source: init.network("private_source", &private)?,
                private_target: init.network("private_target", &private)?,
                decoder: self.mlp(2 * latent, &back, genes, Activation::Selu)?.init(init, "decoder")?,
            },
            critic: scorer(2 * latent)?.init(init, "critic")?,
            head: MlpConfig { dropout: 0.1, ..scorer(latent)? }.init(init, "head")?,
        })
    }

    fn stages(&self, task: &TransferTask) -> Result<Vec<Stage>> {
        let bulk_only = self.0.flag("faithful")?;
        let stage = |name, epochs, trainable| -> Result<Stage> {
            Ok(Stage {
                target: !bulk_only,
                pace: if bulk_only { Pace::Source } else { Pace::Longest },
                optimizer: Optimizer::AdamW { weight_decay: 0.01 },
                ..Stage::from_settings(name, &[trainable], &self.0, epochs)?
            })
        };
        let mut stages = vec![stage("pretrain", "pretrain_epochs", "codes")?];
        if self.0.flag("adversarial")? {
            let generator =
                Update { every: self.0.integer("critic_steps")?, ..Update::new("generator", &["codes"]) };
            let updates = vec![Update::new("critic", &["critic"]), generator];
            stages.push(Stage {
                updates,
                optimizer: Optimizer::RmsProp,
                ..stage("align", "epochs", "codes")?
            });
        }
        stages.iter_mut().for_each(|s| s.source = Some(Sampling::Shuffle));
        let tune = Stage {
            target: false,
            pace: Pace::Source,
            keep: Keep::HighestSourceAuroc,
            patience: Some(self.0.integer("patience")?),
            ..stage("finetune", "finetune_epochs", "head")?
        };
        stages.extend(tune.unfreezing("codes.shared", &self.encoder(task.n_genes(), Activation::Selu)?));
        Ok(stages)
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if matches!(stage.name, "pretrain" | "align") {
            return self.codes(nets, batch, pass);
        }
        let (x, targets) = batch.labelled()?;
        let z = nets.codes.shared.forward(x, pass.again());
        let loss = binary_cross_entropy(nets.head.forward(z, pass), targets.slice_dim(1, 1..2));
        Ok(Losses::new().add("classification", loss))
    }

    fn assemble(&self, nets: &Networks) -> Result<Assembled> {
        Ok(Assembled::new(nets.codes.shared.clone(), nets.head.clone(), Output::Sigmoid))
    }
}
