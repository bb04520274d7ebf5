//! `scdeal`: an autoencoder for each domain, a predictor on the source's embedding, and a transfer stage that brings the
//! embeddings together by maximum mean discrepancy (Chen et al. 2022; `docs/methods/scdeal.md`).

use burn::tensor::Tensor;
use sensitome_core_models::*;
use sensitome_data::TransferTask;

use crate::clusters::{batch_clusters, published_clusters};
use crate::hyper::{Checked, FAITHFUL, Hyper, Range};
use crate::losses::*;
use crate::strategy::{Assembled, Batch, Keep, Losses, Pace, Sampling, Schedule, Stage, Strategy};
use crate::{AdaptError, Result};

const EPOCHS: Range = Range::Integer { low: 0, high: 10_000 };
const RATE: Range = Range::Float { low: 0.0, high: 0.9, log: false };
const WEIGHT: Range = Range::Float { low: 0.0, high: 1e6, log: false };

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    Hyper::new("autoencoder", "dae", Range::Choice(&["ae", "dae", "vae"]), "kind of autoencoder"),
    Hyper::new("hidden", "512,256", Range::Widths(&["512,256", "256,128"]), "widths of the encoder's blocks"),
    Hyper::new("latent", "128", Range::Integer { low: 2, high: 2048 }, "width of the embedding"),
    Hyper::new("head", "256,128", Range::Widths(&["256,128", "128,64"]), "widths of the predictor's blocks"),
    Hyper::new("dropout", "0.3", RATE, "share of units dropped").published("0.1"),
    Hyper::new("mask", "0.2", RATE, "share of inputs masked (dae)"),
    Hyper::new("pretrain_epochs", "30", EPOCHS, "epochs of each autoencoder").published("500"),
    Hyper::new("predictor_epochs", "50", EPOCHS, "epochs of the predictor").published("500"),
    Hyper::new("transfer_epochs", "50", EPOCHS, "epochs of the transfer").published("500"),
    Hyper::new("patience", "10", EPOCHS, "epochs without a better validation loss").published("10000"),
    Hyper::new("batch_size", "64", Range::Integer { low: 2, high: 65_536 }, "rows a step").published("200"),
    Hyper::new(
        "learning_rate",
        "0.001",
        Range::Float { low: 1e-6, high: 1.0, log: true },
        "step size of Adam",
    )
    .published("0.01"),
    Hyper::new("sampling", "weighted", Range::Choice(Sampling::CHOICES), "how classes are balanced")
        .published("none"),
    Hyper::new("mmd_weight", "0.1", WEIGHT, "weight of the discrepancy").published("0.25"),
    Hyper::new("kernel", "multi", Range::Choice(&["multi", "gaussian"]), "five kernels, or one")
        .published("gaussian"),
    Hyper::new("sigma", "1000", Range::Float { low: 1e-6, high: 1e9, log: true }, "width of the one kernel"),
    Hyper::new("cluster_weight", "0", WEIGHT, "weight of the cluster regulariser").published("1"),
];

/// See the module.
#[derive(Debug, Clone)]
pub struct Scdeal {
    settings: Checked,
    faithful: bool,
}

/// An autoencoder for each domain, and the predictor.
#[derive(Debug, Clone)]
pub struct Networks {
    source: Coder,
    target: Coder,
    head: FeedForward,
}

parts!(Networks { source, target, head });

impl Scdeal {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self { faithful: settings.flag("faithful")?, settings: settings.clone() })
    }

    fn coder(&self, genes: usize, init: &Init, name: &str) -> Result<Coder> {
        let variational = self.settings.choice("autoencoder")? == "vae";
        let config = AutoencoderConfig {
            dropout: self.settings.float("dropout")?,
            // The published blocks of the plain autoencoders are affine, and their output is a sigmoid.
            activation: if variational {
                Some(Activation::LEAKY_RELU)
            } else {
                (!self.faithful).then_some(Activation::Relu)
            },
            output: (self.faithful && !variational).then_some(Activation::Sigmoid),
            ..AutoencoderConfig::new(
                genes,
                &self.settings.widths("hidden")?,
                self.settings.integer("latent")?,
            )
        };
        if variational {
            return Ok(Coder::Variational(config.init_variational(init, name)?));
        }
        let denoise = self.settings.choice("autoencoder")? == "dae" && !self.faithful;
        let mask = if denoise { self.settings.float("mask")? } else { 0.0 };
        Ok(Coder::Plain(config.init(init, name, mask)?))
    }

    fn reconstruction(&self, coder: &mut Coder, x: Tensor<2>, mut pass: Pass) -> Result<Losses> {
        let cells = (x.dims()[0] * x.dims()[1]) as f64;
        match coder {
            Coder::Variational(v) => {
                let out = v.forward(x.clone(), pass);
                let kl = gaussian_kl(out.mean, out.log_variance, Reduction::Sum);
                // Published: sums, which Adam all but undoes. Here: the same proportions per entry.
                let n = if self.faithful { 1.0 } else { cells };
                let squared = (out.reconstruction - x).square().sum();
                Ok(Losses::new().add("reconstruction", squared / n).add("kl", kl / n))
            }
            Coder::Plain(a) if self.faithful && self.settings.choice("autoencoder")? == "dae" => {
                // Published: the corrupted batch is the target too, in validation as well.
                let mut fixed = Noise::new(0, "validation mask");
                let noise = pass.noise().unwrap_or(&mut fixed);
                let x = x.clone() * noise.mask(x.dims(), self.settings.float("mask")?, 1.0, &x.device());
                let (_, back) = a.forward(x.clone(), pass);
                Ok(Losses::new().add("reconstruction", mean_squared_error(back, x)))
            }
            Coder::Plain(a) => {
                let (_, back) = a.forward(x.clone(), pass);
                Ok(Losses::new().add("reconstruction", mean_squared_error(back, x)))
            }
        }
    }

    fn transfer(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let (source, target) = (batch.source()?, batch.target()?);
        let z_source = nets.source.embed_mean(source.x.clone(), pass.again());
        let z_target = nets.target.embed_mean(target.x.clone(), pass.again());
        let logits = nets.head.forward(z_source.clone(), pass.again());
        let mmd = if self.settings.choice("kernel")? == "multi" {
            multi_kernel_mmd(z_source, z_target.clone(), MultiKernel::default()).0
        } else {
            // Published: the larger batch is cut to the smaller.
            let m = z_source.dims()[0].min(z_target.dims()[0]);
            let cut = |z: Tensor<2>| z.slice_dim(0, 0..m);
            rbf_mmd(cut(z_source), cut(z_target.clone()), self.settings.float("sigma")?, Estimator::Biased)
        };
        let losses = Losses::new()
            .add("classification", cross_entropy(logits, source.targets.clone()))
            .add("mmd", mmd * self.settings.float("mmd_weight")?);
        let weight = self.settings.float("cluster_weight")?;
        if weight == 0.0 {
            return Ok(losses);
        }
        let cluster = if self.faithful {
            // Published: a number without a gradient, after one more pass through the hidden layers.
            if target.x.dims()[0] < 10 {
                return Ok(Losses::new());
            }
            nets.target.embed_mean(target.x.clone(), pass);
            pairs_dissimilarity(target.x.clone(), &published_clusters(&target.x)?)
        } else {
            let clusters = target.clusters.clone().map_or_else(|| batch_clusters(&target.x), Ok)?;
            cluster_dissimilarity(z_target, &clusters)
        };
        Ok(losses.add("cluster", cluster * weight))
    }
}

impl Strategy for Scdeal {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let outside = |v: &f32| !(-1e-5..=1.0 + 1e-5).contains(v);
        if self.faithful && task.target.expression.iter().any(outside) {
            return Err(AdaptError::invalid(
                "faithful scdeal",
                "reconstructs by a sigmoid, and the values are not within 0 and 1",
                "prepare the data with --scaling minmax",
            ));
        }
        let head = MlpConfig {
            dropout: self.settings.float("dropout")?,
            output_activation: self.faithful.then_some(Activation::Sigmoid),
            ..MlpConfig::new(self.settings.integer("latent")?, &self.settings.widths("head")?, 2)
        };
        Ok(Networks {
            source: self.coder(task.n_genes(), init, "source")?,
            target: self.coder(task.n_genes(), init, "target")?,
            head: head.init(init, "head")?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let s = &self.settings;
        let sampling = Sampling::from_choice(s.choice("sampling")?);
        let stage = |name, trainable, epochs| -> Result<Stage> {
            Ok(Stage {
                epochs: s.integer(epochs)?,
                batch_size: s.integer("batch_size")?,
                learning_rate: s.float("learning_rate")?,
                source: Some(sampling),
                schedule: Schedule::Plateau,
                keep: Keep::LowestLoss { after: 0 },
                patience: Some(s.integer("patience")?),
                hold_out_target: 0.2,
                ..Stage::new(name, trainable)
            })
        };
        let mut target = stage("target_autoencoder", &["target"], "pretrain_epochs")?;
        (target.source, target.target, target.pace) = (None, true, Pace::Target);
        // Published: only the target's encoder learns.
        let moving: &[&str] = if self.faithful { &["target"] } else { &["source", "target", "head"] };
        let mut transfer = stage("transfer", moving, "transfer_epochs")?;
        (transfer.target, transfer.source) = (true, Some(Sampling::Shuffle));
        transfer.pace = if self.faithful { Pace::Source } else { Pace::Longest };
        transfer.keep = Keep::LowestLoss { after: if self.faithful { transfer.epochs / 10 + 1 } else { 0 } };
        Ok(vec![
            stage("source_autoencoder", &["source"], "pretrain_epochs")?,
            stage("predictor", &["source", "head"], "predictor_epochs")?,
            target,
            transfer,
        ])
    }

    fn enter(&self, stage: &Stage, networks: &mut Networks) -> Result<()> {
        // Separately started encoders leave the direction of the response to chance. With shared genes there is no
        // need for that: the target's begins as a copy of the source's.
        if stage.name == "target_autoencoder" && !self.faithful {
            networks.target = networks.source.clone();
        }
        Ok(())
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        match stage.name {
            "source_autoencoder" => self.reconstruction(&mut nets.source, batch.source()?.x.clone(), pass),
            "target_autoencoder" => self.reconstruction(&mut nets.target, batch.target()?.x.clone(), pass),
            "predictor" => {
                let source = batch.source()?;
                let z = nets.source.embed(source.x.clone(), pass.again());
                let logits = nets.head.forward(z, pass);
                Ok(Losses::new().add("classification", cross_entropy(logits, source.targets.clone())))
            }
            _ => self.transfer(nets, batch, pass),
        }
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let output = if self.faithful { Output::Second } else { Output::Softmax };
        Ok(Assembled::new(networks.target.encoder()?, networks.head.clone(), output))
    }
}
