//! `scdeal`: an autoencoder for each domain, a predictor on the source's embedding, and a transfer stage that brings the
//! embeddings together by maximum mean discrepancy (Chen et al. 2022; `docs/methods/scdeal.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    choice("autoencoder", &["dae", "vae"], "denoising (mask 0: plain) or variational"),
    HIDDEN,
    LATENT,
    widths("head", &["256,128", "128,64"], "widths of the predictor's blocks"),
    DROPOUT.published("0.1"),
    share("mask", "0.2", "share of inputs masked (dae)"),
    count("pretrain_epochs", "30", "epochs of each autoencoder; 0: no pretraining, a control")
        .published("500"),
    count("predictor_epochs", "50", "epochs of the predictor").published("500"),
    count("transfer_epochs", "50", "epochs of the transfer").published("500"),
    PATIENCE.published("10000"),
    BATCH_SIZE.published("200"),
    LEARNING_RATE.published("0.01"),
    SAMPLING.published("none"),
    weight("mmd_weight", "0.1", "weight of the discrepancy").published("0.25"),
    choice("kernel", &["multi", "gaussian"], "five kernels, or one").published("gaussian"),
    positive("sigma", "1000", "width of the one kernel"),
    weight("cluster_weight", "0", "weight of the cluster regulariser").published("1"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Scdeal(pub Checked);

/// An autoencoder a domain, and the predictor.
#[derive(Debug, Clone)]
pub struct Networks {
    source: Coder,
    target: Coder,
    head: FeedForward,
}

parts!(Networks { source, target, head });

impl Scdeal {
    fn coder(&self, genes: usize, init: &Init, name: &str) -> Result<Coder> {
        let (vae, published) = (self.0.choice("autoencoder")? == "vae", self.0.flag("faithful")?);
        let plain = (!published).then_some(Activation::Relu);
        let config = AutoencoderConfig {
            dropout: self.0.float("dropout")?,
            // The published blocks of the plain autoencoders are affine, and their output is a sigmoid.
            activation: if vae { Some(Activation::LEAKY_RELU) } else { plain },
            output: (published && !vae).then_some(Activation::Sigmoid),
            ..AutoencoderConfig::new(genes, &self.0.widths("hidden")?, self.0.integer("latent")?)
        };
        if vae {
            return Ok(Coder::Variational(config.init_variational(init, name)?));
        }
        Ok(Coder::Plain(config.init(init, name, if published { 0.0 } else { self.0.float("mask")? })?))
    }

    fn transfer(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let (source, target) = (batch.source()?, batch.target()?);
        let (weight, published) = (self.0.float("cluster_weight")?, self.0.flag("faithful")?);
        let z_source = nets.source.embed_mean(source.x.clone(), pass.again());
        let z_target = nets.target.embed_mean(target.x.clone(), pass.again());
        let logits = nets.head.forward(z_source.clone(), pass.again());
        let mmd = match self.0.choice("kernel")? {
            "multi" => multi_kernel_mmd(z_source, z_target.clone(), MultiKernel::default()).0,
            _ => rbf_mmd_cut(z_source, z_target.clone(), self.0.float("sigma")?),
        };
        let losses = Losses::new()
            .add("classification", cross_entropy(logits, source.targets.clone()))
            .add("mmd", mmd * self.0.float("mmd_weight")?);
        if published {
            nets.target.embed_mean(target.x.clone(), pass); // once more, which moves the running statistics
        }
        let cluster =
            if weight > 0.0 { cluster_loss(target, z_target, published)? } else { return Ok(losses) };
        Ok(cluster.map_or(Losses::new(), |c| losses.add("cluster", c * weight)))
    }
}

impl Strategy for Scdeal {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (published, latent) = (self.0.flag("faithful")?, self.0.integer("latent")?);
        if published {
            require_unit_range(task, "faithful scdeal, which reconstructs by a sigmoid")?;
        }
        let head = MlpConfig {
            dropout: self.0.float("dropout")?,
            output_activation: published.then_some(Activation::Sigmoid),
            ..MlpConfig::new(latent, &self.0.widths("head")?, 2)
        };
        let coder = |name| self.coder(task.n_genes(), init, name);
        Ok(Networks { source: coder("source")?, target: coder("target")?, head: head.init(init, "head")? })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let published = self.0.flag("faithful")?;
        let stage = |name, trainable: &[&str], epochs| -> Result<Stage> {
            Ok(Stage {
                schedule: Schedule::Plateau,
                keep: Keep::LowestLoss { after: 0 },
                patience: Some(self.0.integer("patience")?),
                hold_out_target: 0.2,
                ..Stage::from_settings(name, trainable, &self.0, epochs)?
            })
        };
        let mut target = stage("target_autoencoder", &["target"], "pretrain_epochs")?;
        (target.source, target.target, target.pace) = (None, true, Pace::Target);
        let mut transfer = stage("transfer", &["source", "target", "head"], "transfer_epochs")?;
        (transfer.source, transfer.target, transfer.pace) = (Some(Sampling::Shuffle), true, Pace::Longest);
        if published {
            (transfer.updates, transfer.pace) = (vec![Update::new("transfer", &["target"])], Pace::Source);
            transfer.keep = Keep::LowestLoss { after: transfer.epochs / 10 + 1 };
        }
        let source = stage("source_autoencoder", &["source"], "pretrain_epochs")?;
        Ok(vec![source, stage("predictor", &["source", "head"], "predictor_epochs")?, target, transfer])
    }

    fn enter(&self, stage: &Stage, networks: &mut Networks) -> Result<()> {
        // Separately started encoders leave the direction of the response to chance: the target's begins as a copy.
        if stage.name == "target_autoencoder" && !self.0.flag("faithful")? {
            networks.target = networks.source.clone();
        }
        Ok(())
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let published = self.0.flag("faithful")?.then_some(self.0.float("mask")?);
        match stage.name {
            "source_autoencoder" => Ok(reconstruction(&mut nets.source, &batch.source()?.x, published, pass)),
            "target_autoencoder" => Ok(reconstruction(&mut nets.target, &batch.target()?.x, published, pass)),
            "predictor" => {
                let z = nets.source.embed(batch.source()?.x.clone(), pass.again());
                let logits = nets.head.forward(z, pass);
                Ok(Losses::new()
                    .add("classification", cross_entropy(logits, batch.source()?.targets.clone())))
            }
            _ => self.transfer(nets, batch, pass),
        }
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let output = if self.0.flag("faithful")? { Output::Second } else { Output::Softmax };
        Ok(Assembled::new(networks.target.encoder()?, networks.head.clone(), output))
    }
}
