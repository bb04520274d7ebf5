//! `code_ae`: a shared and a private code for each domain that together give the input back, aligned by a Wasserstein
//! critic, then a classifier on the shared code, unfrozen layer by layer (He et al. 2022; `docs/methods/code_ae.md`).

use burn::tensor::Tensor;
use sensitome_core_models::{
    Activation, FeedForward, Init, LayerShape, MlpConfig, Normalization, Output, Pass, parts,
};
use sensitome_data::TransferTask;

use crate::Result;
use crate::hyper::{Checked, FAITHFUL, Hyper, Range};
use crate::hypers::*;
use crate::losses::*;
use crate::optimizer::Optimizer;
use crate::strategy::{Assembled, Batch, Keep, Losses, Pace, Sampling, Stage, Strategy, Update};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    Hyper::new(
        "adversarial",
        "true",
        Range::Flag,
        "align by a critic (ADV) or by the shared weights alone (BASE)",
    ),
    HIDDEN,
    LATENT,
    Hyper::new("head", "64,32", Range::Widths(&["64,32", "32"]), "widths of classifier and critic"),
    DROPOUT.default("0.1").published("0"),
    Hyper::new("normalize", "true", Range::Flag, "codes of unit length"),
    Hyper::new("orthogonality_weight", "1", WEIGHT, "weight of the difference of shared and private code"),
    Hyper::new("penalty_weight", "10", WEIGHT, "weight of the gradient penalty"),
    Hyper::new(
        "critic_steps",
        "5",
        Range::Integer { low: 1, high: 100 },
        "steps of the critic for one of the codes",
    ),
    Hyper::new("pretrain_epochs", "30", EPOCHS, "epochs of the autoencoders").published("0"),
    Hyper::new("epochs", "20", EPOCHS, "epochs of the alignment").published("100"),
    Hyper::new("finetune_epochs", "50", EPOCHS, "epochs of each fine-tuning stage at most").published("2000"),
    Hyper::new(
        "patience",
        "10",
        Range::Integer { low: 1, high: 10_000 },
        "epochs without a better validation AUROC",
    ),
    BATCH_SIZE,
    LEARNING_RATE.published("0.0001"),
    SAMPLING.published("none"),
];

const CODES: [&str; 4] = ["shared", "private_source", "private_target", "decoder"];

/// See the module.
#[derive(Debug, Clone)]
pub struct CodeAe {
    settings: Checked,
    faithful: bool,
}

/// Encoders, decoder, critic and classifier.
#[derive(Debug, Clone)]
pub struct Networks {
    shared: FeedForward,
    private_source: FeedForward,
    private_target: FeedForward,
    decoder: FeedForward,
    critic: FeedForward,
    head: FeedForward,
}

parts!(Networks { shared, private_source, private_target, decoder, critic, head });

impl CodeAe {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self { faithful: settings.flag("faithful")?, settings: settings.clone() })
    }

    fn mlp(
        &self,
        inputs: usize,
        hidden: &[usize],
        outputs: Option<usize>,
        f: Activation,
    ) -> Result<MlpConfig> {
        Ok(MlpConfig {
            outputs,
            normalization: Normalization::None,
            activation: Some(f),
            dropout: self.settings.float("dropout")?,
            ..MlpConfig::new(inputs, hidden, 1)
        })
    }

    fn shared(&self, genes: usize) -> Result<Vec<LayerShape>> {
        let (hidden, latent) = (self.settings.widths("hidden")?, self.settings.integer("latent")?);
        let mut shapes = self.mlp(genes, &hidden, Some(latent), Activation::Selu)?.shapes()?;
        shapes.extend(self.settings.flag("normalize")?.then_some(LayerShape::Normalize));
        Ok(shapes)
    }

    /// Reconstruction and orthogonality of one domain, and its code: private, then shared.
    fn domain(
        &self,
        nets: &mut Networks,
        x: Tensor<2>,
        source: bool,
        mut pass: Pass,
    ) -> Result<(Tensor<1>, Tensor<2>)> {
        let private = if source { &mut nets.private_source } else { &mut nets.private_target };
        let p = private.forward(x.clone(), pass.again());
        let s = nets.shared.forward(x.clone(), pass.again());
        let code = Tensor::cat(vec![p.clone(), s.clone()], 1);
        let back = nets.decoder.forward(code.clone(), pass);
        let apart = orthogonality(s, p, false) * self.settings.float("orthogonality_weight")?;
        Ok((mean_squared_error(back, x) + apart, code))
    }

    fn codes(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let source = batch.source()?.x.clone();
        // Published: the second loader holds bulk too, so that no cell is ever seen.
        let target = if self.faithful { source.clone().flip([0]) } else { batch.target()?.x.clone() };
        if batch.update == "critic" {
            let m = source.dims()[0].min(target.dims()[0]);
            let (_, c_source) = self.domain(nets, source.slice_dim(0, 0..m), true, Pass::Evaluate)?;
            let (_, c_target) = self.domain(nets, target.slice_dim(0, 0..m), false, Pass::Evaluate)?;
            let (c_source, c_target) = (c_source.detach(), c_target.detach());
            let mix = pass.noise().map(|n| n.uniform([m, 1], &c_source.device().inner()));
            let mix = mix.unwrap_or_else(|| c_source.clone().slice_dim(1, 0..1).zeros_like() + 0.5);
            let gap = nets.critic.forward(c_target.clone(), pass.again()).mean()
                - nets.critic.forward(c_source.clone(), pass.again()).mean();
            let penalty = gradient_penalty(&nets.critic, c_source, c_target, mix, pass)?;
            return Ok(Losses::new()
                .add("critic", gap)
                .add("penalty", penalty * self.settings.float("penalty_weight")?));
        }
        let (source, _) = self.domain(nets, source, true, pass.again())?;
        let (target, code) = self.domain(nets, target, false, pass.again())?;
        let losses = Losses::new().add("source", source).add("target", target);
        Ok(match batch.update {
            "generator" => losses.add("generator", nets.critic.forward(code, Pass::Evaluate).mean() * -1.0),
            _ => losses,
        })
    }
}

impl Strategy for CodeAe {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (genes, s) = (task.n_genes(), &self.settings);
        let (hidden, latent, head) = (s.widths("hidden")?, s.integer("latent")?, s.widths("head")?);
        let last = hidden.last().copied().unwrap_or(genes);
        let mut private = self.mlp(genes, &hidden, None, Activation::Relu)?.shapes()?;
        private.push(LayerShape::Dropout { rate: s.float("dropout")? });
        private.push(LayerShape::Linear { inputs: last, outputs: latent, bias: true });
        private.extend(s.flag("normalize")?.then_some(LayerShape::Normalize));
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let scorer = |inputs| self.mlp(inputs, &head, Some(1), Activation::Selu);
        Ok(Networks {
            shared: init.network("shared", &self.shared(genes)?)?,
            private_source: init.network("private_source", &private)?,
            private_target: init.network("private_target", &private)?,
            decoder: self.mlp(2 * latent, &back, Some(genes), Activation::Selu)?.init(init, "decoder")?,
            critic: scorer(2 * latent)?.init(init, "critic")?,
            head: MlpConfig { dropout: 0.1, ..scorer(latent)? }.init(init, "head")?,
        })
    }

    fn stages(&self, task: &TransferTask) -> Result<Vec<Stage>> {
        let s = &self.settings;
        let rate = s.float("learning_rate")?;
        let stage = |name, epochs, trainable: &[&str]| -> Result<Stage> {
            Ok(Stage {
                epochs: s.integer(epochs)?,
                batch_size: s.integer("batch_size")?,
                learning_rate: rate,
                target: !self.faithful,
                pace: if self.faithful { Pace::Source } else { Pace::Longest },
                optimizer: Optimizer::AdamW { weight_decay: 0.01 },
                ..Stage::new(name, trainable)
            })
        };
        let mut stages = vec![stage("pretrain", "pretrain_epochs", &CODES)?];
        if s.flag("adversarial")? {
            let mut align = stage("align", "epochs", &CODES)?;
            let generator = Update { every: s.integer("critic_steps")?, ..Update::new("generator", &CODES) };
            (align.updates, align.optimizer) =
                (vec![Update::new("critic", &["critic"]), generator], Optimizer::RmsProp);
            stages.push(align);
        }
        let shapes = self.shared(task.n_genes())?;
        let mut layers = shapes.iter().enumerate().rev().filter(|(_, l)| l.width().is_some()).map(|(i, _)| i);
        let mut learning = vec!["head".to_owned()];
        for (round, name) in (0..).zip(["head", "unfreeze_1", "unfreeze_2", "unfreeze_3", "unfreeze_4"]) {
            let mut tune = stage(name, "finetune_epochs", &[])?;
            (tune.target, tune.pace) = (false, Pace::Source);
            tune.source = Some(Sampling::from_choice(s.choice("sampling")?));
            tune.updates = vec![Update { name, trainable: learning.clone(), every: 1 }];
            tune.learning_rate = rate * 0.1f64.powi(round);
            tune.patience = Some(s.integer("patience")? * (round as usize + 1));
            (tune.keep, tune.keep_start) = (Keep::HighestSourceAuroc, round > 0);
            stages.push(tune);
            let Some(next) = layers.next() else { break };
            learning.push(format!("shared.{next}"));
        }
        Ok(stages)
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if matches!(stage.name, "pretrain" | "align") {
            return self.codes(nets, batch, pass);
        }
        let (x, targets) = batch.labelled()?;
        let z = nets.shared.forward(x, pass.again());
        let loss = binary_cross_entropy(nets.head.forward(z, pass), targets.slice_dim(1, 1..2));
        Ok(Losses::new().add("classification", loss))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        Ok(Assembled::new(networks.shared.clone(), networks.head.clone(), Output::Sigmoid))
    }
}
