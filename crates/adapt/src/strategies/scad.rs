//! `scad`: one extractor for both domains, a predictor on its features, and a discriminator behind gradient reversal that
//! must not tell the domains apart (Zheng et al. 2023; `docs/methods/scad.md`).

use burn::tensor::Tensor;
use sensitome_core_models::{
    Activation, FeedForward, Init, LayerShape, MlpConfig, Normalization, Output, Pass, parts,
};
use sensitome_data::TransferTask;

use crate::Result;
use crate::hyper::{Checked, FAITHFUL, Hyper, Range};
use crate::hypers::*;
use crate::losses::{binary_cross_entropy, reversal_schedule, reverse_gradient};
use crate::optimizer::Optimizer;
use crate::strategy::{Assembled, Batch, Keep, Losses, Pace, Sampling, Stage, Strategy};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    Hyper::new("extractor", "512", WIDTH, "width of the shared features"),
    Hyper::new("predictor", "128", WIDTH, "width of the predictor's layers"),
    DROPOUT.default("0.5"),
    Hyper::new("epochs", "40", EPOCHS, "passes over the target").published("20"),
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
    Hyper::new("adversarial_weight", "0.2", WEIGHT, "weight of the discriminator's loss"),
    Hyper::new("reversal", "dann", Range::Choice(&["constant", "dann"]), "how the reversal grows")
        .published("constant"),
    Hyper::new(
        "batch_norm",
        "separate",
        Range::Choice(&["separate", "joint", "per_domain"]),
        "batch statistics by domain, of both together, or by domain in prediction too",
    ),
    Hyper::new("logit_dropout", "false", Range::Flag, "drop the discriminator's output as well")
        .published("true"),
    SELECT,
];

/// See the module.
#[derive(Debug, Clone)]
pub struct Scad {
    settings: Checked,
    batch_norm: String,
}

/// Extractor, predictor and discriminator; `source_norm` only holds running statistics.
#[derive(Debug, Clone)]
pub struct Networks {
    extractor: FeedForward,
    source_norm: FeedForward,
    predictor: FeedForward,
    discriminator: FeedForward,
}

parts!(Networks { extractor, source_norm, predictor, discriminator });

impl Scad {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self { batch_norm: settings.choice("batch_norm")?.to_owned(), settings: settings.clone() })
    }

    /// Features of the source and of the target.
    fn features(&self, nets: &mut Networks, [s, t]: [Tensor<2>; 2], mut pass: Pass) -> [Tensor<2>; 2] {
        let (n, m) = (s.dims()[0], t.dims()[0]);
        if self.batch_norm == "joint" {
            let both = nets.extractor.forward(Tensor::cat(vec![s, t], 0), pass);
            return [both.clone().slice_dim(0, 0..n), both.slice_dim(0, n..n + m)];
        }
        let own = self.batch_norm == "per_domain";
        if own {
            nets.extractor.swap_statistics(&mut nets.source_norm);
        }
        let source = nets.extractor.forward(s, pass.again());
        if own {
            nets.extractor.swap_statistics(&mut nets.source_norm);
        }
        [source, nets.extractor.forward(t, pass)]
    }
}

impl Strategy for Scad {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (h, z) = (self.settings.integer("extractor")?, self.settings.integer("predictor")?);
        let dropout = self.settings.float("dropout")?;
        let blocks = |inputs, hidden: &[usize], outputs| MlpConfig {
            outputs,
            dropout,
            ..MlpConfig::new(inputs, hidden, 1)
        };
        let plain = |inputs, outputs| MlpConfig {
            normalization: Normalization::None,
            activation: Some(Activation::LEAKY_RELU),
            ..blocks(inputs, &[inputs; 3], outputs)
        };
        let extractor = blocks(task.n_genes(), &[h], None).init(init, "extractor")?;
        let predictor = [blocks(h, &[z], None).shapes()?, plain(z, Some(1)).shapes()?].concat();
        let mut discriminator = plain(h, Some(1)).shapes()?;
        if self.settings.flag("logit_dropout")? {
            discriminator.push(LayerShape::Dropout { rate: dropout });
        }
        Ok(Networks {
            source_norm: extractor.clone(),
            extractor,
            predictor: init.network("predictor", &predictor)?,
            discriminator: init.network("discriminator", &discriminator)?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let s = &self.settings;
        Ok(vec![Stage {
            epochs: s.integer("epochs")?,
            batch_size: s.integer("batch_size")?,
            learning_rate: s.float("learning_rate")?,
            source: Some(Sampling::from_choice(s.choice("sampling")?)),
            target: true,
            pace: if s.flag("faithful")? { Pace::Target } else { Pace::Longest },
            optimizer: Optimizer::Adagrad,
            keep: Keep::from_choice(s.choice("select")?),
            ..Stage::new("train", &["extractor", "predictor", "discriminator"])
        }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let (source, target) = (batch.source()?, batch.target()?);
        let rows = [source.x.dims()[0], target.x.dims()[0]];
        if self.settings.flag("faithful")? && rows.iter().any(|&n| n < 5) {
            return Ok(Losses::new());
        }
        let [f_source, f_target] = self.features(nets, [source.x.clone(), target.x.clone()], pass.again());
        let y = |targets: &Tensor<2>| targets.clone().slice_dim(1, 1..2);
        let logits = nets.predictor.forward(f_source.clone(), pass.again());
        let mut losses =
            Losses::new().add("classification", binary_cross_entropy(logits, y(&source.targets)));
        if let Some(few) = &batch.few_shot {
            let features = nets.extractor.forward(few.x.clone(), pass.again());
            let logits = nets.predictor.forward(features, pass.again());
            losses = losses.add("few_shot", binary_cross_entropy(logits, y(&few.targets)));
        }
        let growth = match self.settings.choice("reversal")? {
            "dann" => reversal_schedule(batch.progress),
            _ => 1.0,
        };
        let domain = Tensor::cat(
            vec![y(&source.targets).ones_like(), f_target.clone().slice_dim(1, 0..1).detach().zeros_like()],
            0,
        );
        let both = reverse_gradient(Tensor::cat(vec![f_source, f_target], 0), growth);
        let domain = binary_cross_entropy(nets.discriminator.forward(both, pass), domain);
        Ok(losses.add("domain", domain * self.settings.float("adversarial_weight")?))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { extractor, predictor, .. } = networks.clone();
        Ok(Assembled::new(extractor, predictor, Output::Sigmoid))
    }
}
