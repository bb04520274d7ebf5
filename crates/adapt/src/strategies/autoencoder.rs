//! `autoencoder`: a denoising autoencoder of bulk and cells together, then a classifier on its embedding that is trained
//! on bulk. The control for what reconstruction alone gives (`docs/methods/autoencoder.md`).

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    share("mask", "0.2", "share of inputs masked in pretraining"),
    flag("freeze", "false", "keep the encoder as the autoencoder left it"),
    count("pretrain_epochs", "30", "passes of the autoencoder over the longer domain"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct AutoencoderClassifier(pub Checked);

/// Encoder and head, and the decoder of the first stage.
#[derive(Debug, Clone)]
pub struct Networks {
    classifier: Classifier,
    decoder: FeedForward,
}

parts!(Networks { classifier, decoder });

impl Strategy for AutoencoderClassifier {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (hidden, latent) = (self.0.widths("hidden")?, self.0.integer("latent")?);
        let config = AutoencoderConfig {
            dropout: self.0.float("dropout")?,
            ..AutoencoderConfig::new(task.n_genes(), &hidden, latent)
        };
        let Autoencoder { encoder, decoder } = config.init(init, "autoencoder", self.0.float("mask")?)?;
        Ok(Networks { classifier: Classifier { encoder, head: head(&self.0, init, "head")? }, decoder })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let learn: &[&str] = if self.0.flag("freeze")? { &["classifier.head"] } else { &["classifier"] };
        let mut pretrain = Stage::from_settings(
            "autoencoder",
            &["classifier.encoder", "decoder"],
            &self.0,
            "pretrain_epochs",
        )?;
        (pretrain.source, pretrain.target, pretrain.pace) = (Some(Sampling::Shuffle), true, Pace::Longest);
        pretrain.keep = Keep::Last;
        Ok(vec![pretrain, Stage::from_settings("classifier", learn, &self.0, "epochs")?])
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if stage.name == "autoencoder" {
            let x = Tensor::cat(vec![batch.source()?.x.clone(), batch.target()?.x.clone()], 0);
            let z = nets.classifier.encoder.forward(x.clone(), pass.again());
            let back = nets.decoder.forward(z, pass);
            return Ok(Losses::new().add("reconstruction", mean_squared_error(back, x)));
        }
        let (x, targets) = batch.labelled()?;
        let (_, logits) = nets.classifier.forward(x, pass);
        Ok(Losses::new().add("classification", cross_entropy(logits, targets)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        Ok(networks.classifier.assembled())
    }
}
