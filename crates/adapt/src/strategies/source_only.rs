//! `source_only`: a classifier trained on the bulk samples and applied to the cells as it is. The control that every
//! adaptation must beat (`docs/methods/source_only.md`).

use sensitome_core_models::{FeedForward, HeadConfig, Init, MlpConfig, Output, Pass, parts};
use sensitome_data::TransferTask;

use crate::Result;
use crate::hyper::{Checked, Hyper, Range};
use crate::losses::cross_entropy;
use crate::strategy::{Assembled, Batch, Keep, Losses, Sampling, Stage, Strategy};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    Hyper::new(
        "hidden",
        "512,256",
        Range::Widths(&["512,256", "256", "1024"]),
        "widths of the encoder's blocks",
    ),
    Hyper::new("latent", "128", Range::Integer { low: 2, high: 2048 }, "width of the embedding"),
    Hyper::new("head", "32", Range::Widths(&["32", "64", "128,64"]), "widths of the head's blocks"),
    Hyper::new("dropout", "0.3", Range::Float { low: 0.0, high: 0.9, log: false }, "share of units dropped"),
    Hyper::new("epochs", "50", Range::Integer { low: 1, high: 10_000 }, "passes over the source at most"),
    Hyper::new(
        "patience",
        "10",
        Range::Integer { low: 1, high: 10_000 },
        "epochs without a better validation AUROC",
    ),
    Hyper::new("batch_size", "32", Range::Integer { low: 2, high: 65_536 }, "rows a step"),
    Hyper::new(
        "learning_rate",
        "0.001",
        Range::Float { low: 1e-6, high: 1.0, log: true },
        "step size of Adam",
    ),
    Hyper::new("sampling", "weighted", Range::Choice(Sampling::CHOICES), "how the classes are balanced"),
];

/// See the module.
#[derive(Debug, Clone)]
pub struct SourceOnly {
    hidden: Vec<usize>,
    latent: usize,
    head: Vec<usize>,
    dropout: f64,
    stage: Stage,
}

/// Encoder and head.
#[derive(Debug, Clone)]
pub struct Networks {
    encoder: FeedForward,
    head: FeedForward,
}

parts!(Networks { encoder, head });

impl SourceOnly {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        let mut stage = Stage::new("train", &["encoder", "head"]);
        stage.epochs = settings.integer("epochs")?;
        stage.patience = Some(settings.integer("patience")?);
        stage.batch_size = settings.integer("batch_size")?;
        stage.learning_rate = settings.float("learning_rate")?;
        stage.source = Some(Sampling::from_choice(settings.choice("sampling")?));
        stage.keep = Keep::HighestSourceAuroc;
        Ok(Self {
            hidden: settings.widths("hidden")?,
            latent: settings.integer("latent")?,
            head: settings.widths("head")?,
            dropout: settings.float("dropout")?,
            stage,
        })
    }
}

impl Strategy for SourceOnly {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let hidden = [self.hidden.as_slice(), &[self.latent]].concat();
        let encoder = MlpConfig {
            outputs: None,
            dropout: self.dropout,
            ..MlpConfig::new(task.n_genes(), &hidden, self.latent)
        };
        let head = HeadConfig::Softmax(MlpConfig {
            dropout: self.dropout,
            ..MlpConfig::new(self.latent, &self.head, 2)
        });
        Ok(Networks { encoder: encoder.init(init, "encoder")?, head: head.init(init, "head")?.0 })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![self.stage.clone()])
    }

    fn losses(&self, _: &Stage, networks: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let source = batch.source()?;
        let z = networks.encoder.forward(source.x.clone(), pass.again());
        let logits = networks.head.forward(z, pass);
        Ok(Losses::new().add("classification", cross_entropy(logits, source.targets.clone())))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { encoder, head } = networks.clone();
        Ok(Assembled::new(encoder, head, Output::Softmax))
    }
}
