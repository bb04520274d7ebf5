//! The interface that a method implements: networks, stages, and the losses of one batch. The loop owns the rest.

use burn::tensor::Tensor;
use sensitome_core_models::{FeedForward, Init, LayerShape, Output, Parts, Pass, ResponseModel};
use sensitome_data::TransferTask;

use crate::optimizer::Optimizer;
use crate::trainer::{FitOptions, fit_strategy};
use crate::{AdaptError, Result, hyper::Checked};

/// How the training rows of the source are drawn in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Every row once, shuffled.
    Shuffle,
    /// As many draws with replacement as there are rows, classes equally likely.
    Weighted,
    /// The smaller class repeated at random to the size of the larger, once a stage.
    Over,
    /// The larger class cut at random to the size of the smaller, once a stage.
    Under,
    /// The smaller class filled up with synthetic rows between neighbours (Chawla et al. 2002), once a stage.
    Smote,
}

impl Sampling {
    /// The words for it in settings.
    pub const CHOICES: &'static [&'static str] = &["none", "weighted", "over", "under", "smote"];

    /// Reads one of [`CHOICES`](Self::CHOICES); anything else is no resampling.
    pub fn from_choice(word: &str) -> Self {
        match word {
            "weighted" => Self::Weighted,
            "over" => Self::Over,
            "under" => Self::Under,
            "smote" => Self::Smote,
            _ => Self::Shuffle,
        }
    }
}

/// Which domain's batches an epoch goes through once; the other one is cycled or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The source's.
    Source,
    /// The target's.
    Target,
    /// Whichever has more.
    Longest,
}

/// Which weights a stage ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those of the last epoch.
    Last,
    /// Those of the epoch with the lowest validation loss, from the given epoch (from 0) on.
    LowestLoss {
        /// Epochs that cannot be chosen.
        after: usize,
    },
    /// Those of the epoch with the highest AUROC on the source's validation rows; the lowest validation loss where
    /// they hold one class only.
    HighestSourceAuroc,
}

impl Keep {
    /// Reads a choice of [`hypers::SELECT`](crate::hypers::SELECT).
    pub fn from_choice(word: &str) -> Self {
        if word == "source_auroc" { Self::HighestSourceAuroc } else { Self::Last }
    }
}

/// How the learning rate changes within a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// A tenth whenever the training loss has not fallen by 1e-4 of itself for more than 10 epochs.
    Plateau,
}

/// One optimizer step of an iteration: which losses, which weights, how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Its name, for [`Strategy::losses`].
    pub name: &'static str,
    /// Paths of the networks that learn; all others keep their weights.
    pub trainable: Vec<String>,
    /// It is made in every so many iterations of an epoch.
    pub every: usize,
}

impl Update {
    /// A step in every iteration.
    pub fn new(name: &'static str, trainable: &[&str]) -> Self {
        Self { name, trainable: trainable.iter().map(|&t| t.to_owned()).collect(), every: 1 }
    }
}

/// Bounds the gradient of some networks together.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Paths of the networks.
    pub paths: Vec<String>,
    /// The greatest norm of all their gradients taken as one vector.
    pub norm: f64,
}

/// A part of training with its own data, weights and optimizer.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name, for logs and for [`Strategy::losses`].
    pub name: &'static str,
    /// Passes over the data at most.
    pub epochs: usize,
    /// Rows a batch.
    pub batch_size: usize,
    /// How the source is drawn; `None` where the stage does not need it.
    pub source: Option<Sampling>,
    /// Whether the stage needs target cells.
    pub target: bool,
    /// Share of the target cells that is held out for the validation loss; 0 measures it on all.
    pub hold_out_target: f64,
    /// What makes an epoch.
    pub pace: Pace,
    /// The optimizer steps of an iteration, in order. They share one batch and one optimizer.
    pub updates: Vec<Update>,
    /// How the weights learn.
    pub optimizer: Optimizer,
    /// Bounds on gradients.
    pub clip: Option<Clip>,
    /// How fast.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Which weights to end with.
    pub keep: Keep,
    /// Whether the weights that the stage begins with can be those it ends with.
    pub keep_start: bool,
    /// Epochs without a better value of what `keep` looks at after which the stage ends.
    pub patience: Option<usize>,
}

impl Stage {
    /// A stage over the source with one Adam step at 1e-3 a batch of 64, all weights of the last epoch. `trainable`
    /// names the networks that learn.
    pub fn new(name: &'static str, trainable: &[&str]) -> Self {
        Self {
            name,
            epochs: 100,
            batch_size: 64,
            source: Some(Sampling::Shuffle),
            target: false,
            hold_out_target: 0.0,
            pace: Pace::Source,
            updates: vec![Update::new(name, trainable)],
            optimizer: Optimizer::ADAM,
            clip: None,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            keep: Keep::Last,
            keep_start: false,
            patience: None,
        }
    }
}

impl Stage {
    /// A stage whose batch size, learning rate and sampling are the settings of these names, where the table has them,
    /// and whose number of epochs is the setting called `epochs`.
    ///
    /// # Errors
    /// When the table has no such setting.
    pub fn from_settings(
        name: &'static str,
        trainable: &[&str],
        settings: &Checked,
        epochs: &str,
    ) -> Result<Self> {
        let default = Self::new(name, trainable);
        Ok(Self {
            epochs: settings.integer(epochs)?,
            batch_size: settings.integer("batch_size").unwrap_or(default.batch_size),
            learning_rate: settings.float("learning_rate").unwrap_or(default.learning_rate),
            source: Some(settings.choice("sampling").map_or(Sampling::Shuffle, Sampling::from_choice)),
            keep: settings.choice("select").map_or(Keep::Last, Keep::from_choice),
            ..default
        })
    }
}

impl Stage {
    /// Gradual unfreezing (Howard and Ruder 2018; CODE-AE): this stage, then one more for each layer of the encoder at `path`
    /// from its output side, which joins those that learn. Each begins from the best weights so far, at a tenth of the
    /// learning rate and with more patience.
    pub fn unfreezing(self, path: &str, encoder: &[LayerShape]) -> Vec<Self> {
        const NAMES: [&str; 5] = ["unfreeze_1", "unfreeze_2", "unfreeze_3", "unfreeze_4", "unfreeze_5"];
        let layers = encoder.iter().enumerate().rev().filter(|(_, l)| l.width().is_some()).map(|(i, _)| i);
        let mut stages = vec![self];
        for (layer, name) in layers.zip(NAMES) {
            let (first, mut next) = (stages[0].clone(), stages[stages.len() - 1].clone());
            (next.name, next.keep_start) = (name, true);
            for update in &mut next.updates {
                update.trainable.push(format!("{path}.{layer}"));
            }
            next.learning_rate *= 0.1;
            next.patience = next.patience.zip(first.patience).map(|(p, first)| p + first);
            stages.push(next);
        }
        stages
    }
}

/// Labelled rows of the source.
#[derive(Debug, Clone)]
pub struct SourceBatch {
    /// Rows × genes.
    pub x: Tensor<2>,
    /// Labels as rows × 2, resistant first.
    pub targets: Tensor<2>,
    /// The same labels on the host.
    pub labels: Vec<u8>,
    /// Which source each row comes from.
    pub source: Vec<usize>,
}

/// Unlabelled cells.
#[derive(Debug, Clone)]
pub struct TargetBatch {
    /// Cells × genes.
    pub x: Tensor<2>,
    /// Cluster of each cell, where known.
    pub clusters: Option<Vec<usize>>,
}

/// What one step sees.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Labelled source rows, where the stage asked for them.
    pub source: Option<SourceBatch>,
    /// Target cells, where the stage asked for them.
    pub target: Option<TargetBatch>,
    /// The few labelled target cells, where the task has them.
    pub few_shot: Option<SourceBatch>,
    /// The name of the update that the losses are for.
    pub update: &'static str,
    /// How far the stage is, from 0 to 1.
    pub progress: f64,
}

impl Batch {
    /// The labelled source rows.
    ///
    /// # Errors
    /// When the stage did not ask for them.
    pub fn source(&self) -> Result<&SourceBatch> {
        self.source.as_ref().ok_or_else(|| AdaptError::missing("source"))
    }

    /// The labelled source rows and, behind them, the few labelled target cells where there are any: values and labels
    /// (rows × 2).
    ///
    /// # Errors
    /// When the stage did not ask for the source.
    pub fn labelled(&self) -> Result<(Tensor<2>, Tensor<2>)> {
        let source = self.source()?;
        Ok(match &self.few_shot {
            None => (source.x.clone(), source.targets.clone()),
            Some(few) => (
                Tensor::cat(vec![source.x.clone(), few.x.clone()], 0),
                Tensor::cat(vec![source.targets.clone(), few.targets.clone()], 0),
            ),
        })
    }

    /// The target cells.
    ///
    /// # Errors
    /// When the stage did not ask for them.
    pub fn target(&self) -> Result<&TargetBatch> {
        self.target.as_ref().ok_or_else(|| AdaptError::missing("target"))
    }
}

/// Named losses of a batch; their sum is minimised.
#[derive(Debug, Clone, Default)]
pub struct Losses(pub(crate) Vec<(&'static str, Tensor<1>)>);

impl Losses {
    /// No loss yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names, in the order in which they were added.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    /// Adds a loss, already weighted.
    #[must_use]
    pub fn add(mut self, name: &'static str, loss: Tensor<1>) -> Self {
        self.0.push((name, loss));
        self
    }
}

/// Refuses a task whose cells are not scaled to 0..1; `what` says who needs it.
///
/// # Errors
/// When a value is outside.
pub fn require_unit_range(task: &TransferTask, what: &str) -> Result<()> {
    if task.target.expression.iter().all(|v| (-1e-5..=1.0 + 1e-5).contains(v)) {
        return Ok(());
    }
    Err(AdaptError::invalid(
        what,
        "the values are not within 0 and 1",
        "prepare the data with --scaling minmax",
    ))
}

/// What a strategy hands to the model file.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// Genes to embedding, for target cells.
    pub encoder: FeedForward,
    /// Embedding to outputs.
    pub head: FeedForward,
    /// How to read the outputs.
    pub output: Output,
    /// Names of the embedding's axes, where they have any.
    pub axes: Vec<String>,
}

impl Assembled {
    /// Encoder and head without names for the axes.
    pub fn new(encoder: FeedForward, head: FeedForward, output: Output) -> Self {
        Self { encoder, head, output, axes: Vec::new() }
    }
}

/// A method of transfer that is trained by gradient steps.
///
/// Implement this, and [`fit_strategy`] gives batching, validation, early stopping, named seeds, checkpoints, resume
/// and the model file.
pub trait Strategy: Send + Sync {
    /// Everything that may learn.
    type Networks: Parts;

    /// Fresh networks for a task.
    ///
    /// # Errors
    /// When the settings do not fit the task.
    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Self::Networks>;

    /// The stages in order.
    ///
    /// # Errors
    /// When the settings do not fit the task.
    fn stages(&self, task: &TransferTask) -> Result<Vec<Stage>>;

    /// Called before the first epoch of a stage, to copy weights from one network to another, say.
    ///
    /// # Errors
    /// As the strategy needs.
    fn enter(&self, _stage: &Stage, _networks: &mut Self::Networks) -> Result<()> {
        Ok(())
    }

    /// The losses of one batch for its update. Called with [`Pass::Evaluate`] and the first update for validation.
    ///
    /// # Errors
    /// As the strategy needs.
    fn losses(
        &self,
        stage: &Stage,
        networks: &mut Self::Networks,
        batch: &Batch,
        pass: Pass,
    ) -> Result<Losses>;

    /// Encoder and head for prediction.
    ///
    /// # Errors
    /// When the parts do not fit.
    fn assemble(&self, networks: &Self::Networks) -> Result<Assembled>;
}

/// Anything that turns a task into a model: what the registry holds.
pub trait Fit: Send + Sync {
    /// Learns.
    ///
    /// # Errors
    /// When the task does not fit the method, training diverges, an observer stops it or a file cannot be written.
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel>;
}

/// A trained strategy under its name and settings.
#[derive(Debug)]
pub struct Trained<S> {
    /// The strategy.
    pub strategy: S,
    /// Its name in the registry.
    pub name: &'static str,
    /// The settings it was made from, for the model card.
    pub settings: Checked,
}

impl<S: Strategy> Fit for Trained<S> {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        fit_strategy(&self.strategy, self.name, &self.settings, task, options)
    }
}
