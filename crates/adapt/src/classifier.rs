//! A network that many methods share: an encoder and a head that see a batch of both domains together.

use crate::prelude::*;

/// The table of a method with a [`Classifier`]: what all have, then its own.
macro_rules! classifier_hypers {
    ($($own:expr),* $(,)?) => {
        &[HIDDEN, LATENT, HEAD, DROPOUT, EPOCHS, BATCH_SIZE, LEARNING_RATE, SAMPLING, SELECT, $($own),*]
    };
}
pub(crate) use classifier_hypers;

/// Encoder and head.
#[derive(Debug, Clone)]
pub struct Classifier {
    /// Genes to embedding.
    pub encoder: FeedForward,
    /// Embedding to two logits, resistant first.
    pub head: FeedForward,
}

parts!(Classifier { encoder, head });

/// What a batch of both domains gives.
#[derive(Debug)]
pub struct Step {
    /// Embedding of the source rows and of the cells, rows × latent.
    pub z: [Tensor<2>; 2],
    /// Logits of the source rows and of the cells, rows × 2.
    pub logits: [Tensor<2>; 2],
    /// Embedding of all rows: the source's, the few labelled cells, the cells.
    pub all: Tensor<2>,
    /// Logits of the labelled rows: the source's, then the few labelled cells.
    pub labelled: Tensor<2>,
    /// Labels of these rows, rows × 2.
    pub targets: Tensor<2>,
}

impl Step {
    /// Cross-entropy of the labelled rows, as the first loss.
    pub fn classification(&self) -> Losses {
        Losses::new().add("classification", cross_entropy(self.labelled.clone(), self.targets.clone()))
    }
}

/// Blocks of linear, batch normalisation, ReLU and dropout from genes to the embedding: the settings `hidden`, `latent`
/// and `dropout`.
///
/// # Errors
/// When the table lacks one of them.
pub fn encoder(settings: &Checked, task: &TransferTask, init: &Init) -> Result<FeedForward> {
    let latent = settings.integer("latent")?;
    let hidden = [settings.widths("hidden")?, vec![latent]].concat();
    let dropout = settings.float("dropout")?;
    let config = MlpConfig { outputs: None, dropout, ..MlpConfig::new(task.n_genes(), &hidden, latent) };
    Ok(config.init(init, "encoder")?)
}

/// Such blocks from the embedding to two logits: the settings `latent`, `head` and `dropout`.
///
/// # Errors
/// When the table lacks one of them.
pub fn head(settings: &Checked, init: &Init, name: &str) -> Result<FeedForward> {
    let config = MlpConfig::new(settings.integer("latent")?, &settings.widths("head")?, 2);
    Ok(MlpConfig { dropout: settings.float("dropout")?, ..config }.init(init, name)?)
}

/// A discriminator of domains from `inputs` values to one logit: two layers of the width that `discriminator` sets.
///
/// # Errors
/// When the table lacks it.
pub fn discriminator(settings: &Checked, inputs: usize, init: &Init) -> Result<FeedForward> {
    let width = settings.integer("discriminator")?;
    let plain = MlpConfig::new(inputs, &[width, width], 1);
    Ok(MlpConfig { normalization: Normalization::None, ..plain }.init(init, "discriminator")?)
}

/// One stage over batches of both domains, as long as the source.
///
/// # Errors
/// When the table lacks a setting.
pub fn both_domains(settings: &Checked) -> Result<Stage> {
    Ok(Stage { target: true, ..Stage::from_settings("train", &[""], settings, "epochs")? })
}

impl Classifier {
    /// Fresh networks from the settings `hidden`, `latent`, `head` and `dropout`.
    ///
    /// # Errors
    /// When the table lacks one of them.
    pub fn new(settings: &Checked, task: &TransferTask, init: &Init) -> Result<Self> {
        Ok(Self { encoder: encoder(settings, task, init)?, head: head(settings, init, "head")? })
    }

    /// Embedding and logits.
    pub fn forward(&mut self, x: Tensor<2>, mut pass: Pass) -> (Tensor<2>, Tensor<2>) {
        let z = self.encoder.forward(x, pass.again());
        (z.clone(), self.head.forward(z, pass))
    }

    /// All rows of a batch in one pass, so that both domains share the batch statistics that prediction will use.
    ///
    /// # Errors
    /// When the batch lacks a domain.
    pub fn step(&mut self, batch: &Batch, pass: Pass) -> Result<Step> {
        let ((x, targets), cells) = (batch.labelled()?, batch.target()?.x.clone());
        let (n, labelled, m) = (batch.source()?.x.dims()[0], x.dims()[0], cells.dims()[0]);
        let (z, logits) = self.forward(Tensor::cat(vec![x, cells], 0), pass);
        let parts =
            |t: &Tensor<2>| [(0, n), (labelled, labelled + m)].map(|(a, b)| t.clone().slice_dim(0, a..b));
        Ok(Step {
            z: parts(&z),
            logits: parts(&logits),
            all: z,
            labelled: logits.slice_dim(0, 0..labelled),
            targets,
        })
    }

    /// Encoder and head for prediction.
    pub fn assembled(&self) -> Assembled {
        Assembled::new(self.encoder.clone(), self.head.clone(), Output::Softmax)
    }
}

/// The losses of a step under some settings; the batch tells how far training is and where its rows come from.
pub type StepLosses = fn(&Checked, Step, &Batch) -> Result<Losses>;

/// A method that is a [`Classifier`] on batches of both domains and differs from others in its losses alone.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// Its settings.
    pub settings: Checked,
    /// Its losses.
    pub losses: StepLosses,
}

impl Strategy for Aligned {
    type Networks = Classifier;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Classifier> {
        Classifier::new(&self.settings, task, init)
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![both_domains(&self.settings)?])
    }

    fn losses(&self, _: &Stage, networks: &mut Classifier, batch: &Batch, pass: Pass) -> Result<Losses> {
        (self.losses)(&self.settings, networks.step(batch, pass)?, batch)
    }

    fn assemble(&self, networks: &Classifier) -> Result<Assembled> {
        Ok(networks.assembled())
    }
}
