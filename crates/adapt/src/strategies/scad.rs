//! `scad`: one extractor for both domains, a predictor on its features, and a discriminator behind gradient reversal that
//! must not tell the domains apart (Zheng et al. 2023; `docs/methods/scad.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    width("extractor", "512", "width of the shared features"),
    width("predictor", "128", "width of the predictor's layers"),
    DROPOUT.default("0.5"),
    count("epochs", "20", "passes over the longer domain; published: over the target"),
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
    weight("adversarial_weight", "0.2", "weight of the discriminator's loss"),
    choice("reversal", &["dann", "constant"], "how the reversal grows").published("constant"),
    choice(
        "batch_norm",
        &["separate", "joint", "per_domain"],
        "batch statistics; the last predicts by the target's",
    ),
    flag("logit_dropout", "false", "drop the discriminator's output as well").published("true"),
    SELECT,
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Scad(pub Checked);

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
    /// Features of the source and of the target.
    fn features(
        &self,
        nets: &mut Networks,
        [s, t]: [Tensor<2>; 2],
        mut pass: Pass,
    ) -> Result<[Tensor<2>; 2]> {
        let (n, m) = (s.dims()[0], t.dims()[0]);
        let statistics = self.0.choice("batch_norm")?;
        if statistics == "joint" {
            let both = nets.extractor.forward(Tensor::cat(vec![s, t], 0), pass);
            return Ok([both.clone().slice_dim(0, 0..n), both.slice_dim(0, n..n + m)]);
        }
        let swap = |nets: &mut Networks| {
            if statistics == "per_domain" {
                nets.extractor.swap_statistics(&mut nets.source_norm);
            }
        };
        swap(nets);
        let source = nets.extractor.forward(s, pass.again());
        swap(nets);
        Ok([source, nets.extractor.forward(t, pass)])
    }
}

impl Strategy for Scad {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (h, z, dropout) =
            (self.0.integer("extractor")?, self.0.integer("predictor")?, self.0.float("dropout")?);
        let block =
            |inputs, width| MlpConfig { outputs: None, dropout, ..MlpConfig::new(inputs, &[width], 1) };
        let plain = |inputs| MlpConfig {
            normalization: Normalization::None,
            activation: Some(Activation::LEAKY_RELU),
            dropout,
            ..MlpConfig::new(inputs, &[inputs; 3], 1)
        };
        let extractor = block(task.n_genes(), h).init(init, "extractor")?;
        let predictor = [block(h, z).shapes()?, plain(z).shapes()?].concat();
        let mut discriminator = plain(h).shapes()?;
        discriminator.extend(self.0.flag("logit_dropout")?.then_some(LayerShape::Dropout { rate: dropout }));
        Ok(Networks {
            source_norm: extractor.clone(),
            extractor,
            predictor: init.network("predictor", &predictor)?,
            discriminator: init.network("discriminator", &discriminator)?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let learn = ["extractor", "predictor", "discriminator"];
        Ok(vec![Stage {
            target: true,
            pace: if self.0.flag("faithful")? { Pace::Target } else { Pace::Longest },
            optimizer: Optimizer::Adagrad,
            ..Stage::from_settings("train", &learn, &self.0, "epochs")?
        }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let (source, target) = (batch.source()?, batch.target()?);
        let (n, m) = (source.x.dims()[0], target.x.dims()[0]);
        if self.0.flag("faithful")? && n.min(m) < 5 {
            return Ok(Losses::new());
        }
        let y = |targets: &Tensor<2>| targets.clone().slice_dim(1, 1..2);
        let [f_source, f_target] = self.features(nets, [source.x.clone(), target.x.clone()], pass.again())?;
        let logits = nets.predictor.forward(f_source.clone(), pass.again());
        let mut losses =
            Losses::new().add("classification", binary_cross_entropy(logits, y(&source.targets)));
        if let Some(few) = &batch.few_shot {
            let features = nets.extractor.forward(few.x.clone(), pass.again());
            let logits = nets.predictor.forward(features, pass.again());
            losses = losses.add("few_shot", binary_cross_entropy(logits, y(&few.targets)));
        }
        let growing = self.0.choice("reversal")? == "dann";
        let growth = if growing { reversal_schedule(batch.progress) } else { 1.0 };
        let both = reverse_gradient(Tensor::cat(vec![f_source, f_target], 0), growth);
        let device = source.x.device();
        let domain = Tensor::cat(vec![Tensor::ones([n, 1], &device), Tensor::zeros([m, 1], &device)], 0);
        let domain = binary_cross_entropy(nets.discriminator.forward(both, pass), domain);
        Ok(losses.add("domain", domain * self.0.float("adversarial_weight")?))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { extractor, predictor, .. } = networks.clone();
        Ok(Assembled::new(extractor, predictor, Output::Sigmoid))
    }
}
