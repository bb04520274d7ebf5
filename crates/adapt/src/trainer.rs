//! The one training loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use sensitome_core_models::{Init, Noise, Pass, ResponseModel, rng_for, seed_for};
use sensitome_data::TransferTask;

use crate::batches::{LabelledRows, TargetRows, chunks};
use crate::checkpoint::{self, Progress};
use crate::hyper::Checked;
use crate::observer::{EpochReport, Observer, Silent};
use crate::optimizer::{OptimizerState, track};
use crate::resampling::resample;
use crate::strategy::{Batch, Keep, Losses, Pace, Sampling, Schedule, Stage, Strategy};
use crate::{AdaptError, Result, finish};

/// Where and how often to save an unfinished fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpointing {
    /// The file. When it is there and belongs to the same fit, the fit goes on from it; it is removed at the end.
    pub path: PathBuf,
    /// Least time between two saves; zero saves after every epoch.
    pub every: Duration,
}

/// Everything about a fit that is not the method.
pub struct FitOptions<'a> {
    /// The seed that all named seeds come from.
    pub seed: u64,
    /// Where to compute.
    pub device: Device,
    /// Whether to save unfinished work.
    pub checkpoint: Option<Checkpointing>,
    /// Who watches.
    pub observer: Box<dyn Observer + 'a>,
}

impl std::fmt::Debug for FitOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FitOptions").field("seed", &self.seed).field("checkpoint", &self.checkpoint).finish()
    }
}

impl FitOptions<'_> {
    /// A fit that nobody watches and nothing saves.
    pub fn new(seed: u64, device: Device) -> Self {
        Self { seed, device, checkpoint: None, observer: Box::new(Silent) }
    }
}

/// Trains a strategy through all its stages and assembles the model.
///
/// The same task, settings, seed and device give the same model to the bit, with or without interruption: every epoch
/// draws its order and noise from a seed named by stage and epoch.
///
/// # Errors
/// When the settings do not fit the task, a loss is not finite, the observer stops the fit or the checkpoint cannot be
/// read or written.
pub fn fit_strategy<S: Strategy>(
    strategy: &S,
    name: &str,
    settings: &Checked,
    task: &TransferTask,
    options: &mut FitOptions,
) -> Result<ResponseModel> {
    let device = options.device.clone().inner();
    let fingerprint = checkpoint::fingerprint(name, settings, task, options.seed, &device);
    let stages = strategy.stages(task)?;
    let mut networks = strategy.networks(task, &Init::new(options.seed, device.clone()))?;
    let mut progress = Progress::default();
    let mut resumed = None;
    if let Some(c) = &options.checkpoint
        && c.path.exists()
    {
        let (p, best, optimizer) = checkpoint::load(&c.path, &fingerprint, &stages, &mut networks, &device)?;
        progress = p;
        resumed = Some((best, optimizer));
    }
    let mut saved = Instant::now();
    while let Some(stage) = stages.get(progress.stage) {
        let mut runner = Runner::new(strategy, stage, task, options.seed, &device)?;
        let (mut best, mut optimizer) =
            resumed.take().unwrap_or_else(|| (None, OptimizerState::new(stage.optimizer)));
        if progress.epoch == 0 {
            strategy.enter(stage, &mut networks)?;
            if stage.keep_start && progress.best == f64::INFINITY {
                progress.best = runner.value(&mut networks, &progress)?.unwrap_or(f64::INFINITY);
                best = Some(networks.clone());
            }
        }
        while progress.epoch < stage.epochs && stage.patience.is_none_or(|p| progress.stale < p) {
            let rate = stage.learning_rate * progress.rate_factor;
            let report = runner.epoch(&mut networks, &mut optimizer, &progress, stages.len(), rate)?;
            if progress.observe(stage, &report) {
                best = Some(networks.clone());
            }
            progress.epoch += 1;
            if let Some(c) = &options.checkpoint
                && saved.elapsed() >= c.every
            {
                checkpoint::save(&c.path, &fingerprint, &progress, &mut networks, best.as_mut(), &optimizer)?;
                saved = Instant::now();
            }
            if options.observer.epoch(&report).is_break() {
                if let Some(c) = &options.checkpoint {
                    checkpoint::save(
                        &c.path,
                        &fingerprint,
                        &progress,
                        &mut networks,
                        best.as_mut(),
                        &optimizer,
                    )?;
                }
                return Err(AdaptError::Stopped { stage: stage.name.to_owned(), epoch: progress.epoch });
            }
        }
        if stage.keep != Keep::Last
            && let Some(best) = best
        {
            networks = best;
        }
        progress = Progress { stage: progress.stage + 1, ..Progress::default() };
    }
    let model = finish::model(strategy.assemble(&networks)?, name, settings, task, options)?;
    if let Some(c) = &options.checkpoint {
        checkpoint::remove(&c.path)?;
    }
    Ok(model)
}

/// One stage with its rows.
struct Runner<'a, S: Strategy> {
    strategy: &'a S,
    stage: &'a Stage,
    seed: u64,
    device: Device,
    sampling: Sampling,
    train: Option<LabelledRows>,
    validation: Option<LabelledRows>,
    few_shot: Option<LabelledRows>,
    target: TargetRows<'a>,
    target_train: Vec<usize>,
    target_validation: Vec<usize>,
}

impl<'a, S: Strategy> Runner<'a, S> {
    fn new(
        strategy: &'a S,
        stage: &'a Stage,
        task: &'a TransferTask,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let sampling = stage.source.unwrap_or(Sampling::Shuffle);
        let train = match stage.source {
            None => None,
            Some(s) => Some(resample(
                LabelledRows::gather(task, false),
                s,
                seed_for(seed, &format!("resample {}", stage.name)),
            )?),
        };
        let validation =
            stage.source.map(|_| LabelledRows::gather(task, true)).filter(|rows| !rows.labels.is_empty());
        let n = task.target.cells.len();
        let (mut target_train, mut target_validation) = ((0..n).collect::<Vec<_>>(), (0..n).collect());
        let held_out = (stage.hold_out_target * n as f64).ceil() as usize;
        if held_out > 0 && held_out + 2 <= n {
            // One split for all stages, so that no stage trains on what another selects on.
            use rand::seq::SliceRandom;
            target_train.shuffle(&mut rng_for(seed, "target split"));
            target_validation = target_train.split_off(n - held_out);
        }
        Ok(Self {
            strategy,
            stage,
            seed,
            device: device.clone(),
            sampling,
            train,
            validation,
            few_shot: LabelledRows::few_shot(task),
            target: TargetRows { task },
            target_train,
            target_validation,
        })
    }

    fn epoch(
        &mut self,
        networks: &mut S::Networks,
        optimizer: &mut OptimizerState,
        progress: &Progress,
        stages: usize,
        rate: f64,
    ) -> Result<EpochReport> {
        let purpose = |what: &str| format!("{what} {} {}", self.stage.name, progress.epoch);
        let mut noise = Noise::new(self.seed, &purpose("noise"));
        let source_order =
            self.train.as_ref().map(|t| t.epoch_order(self.sampling, self.seed, &purpose("source order")));
        let target_order = self.stage.target.then(|| {
            use rand::seq::SliceRandom;
            let mut order = self.target_train.clone();
            order.shuffle(&mut rng_for(self.seed, &purpose("target order")));
            order
        });
        let source_batches = source_order.as_deref().map(|o| chunks(o, self.stage.batch_size));
        let target_batches = target_order.as_deref().map(|o| chunks(o, self.stage.batch_size));
        let (s, t) =
            (source_batches.as_ref().map_or(0, Vec::len), target_batches.as_ref().map_or(0, Vec::len));
        let steps = match self.stage.pace {
            Pace::Source if s > 0 => s,
            Pace::Target if t > 0 => t,
            _ => s.max(t),
        };
        let mut sums = Sums::default();
        for step in 0..steps {
            let pick = |b: &Option<Vec<&[usize]>>| {
                b.as_ref().and_then(|b| b.get(step % b.len().max(1)).map(|r| r.to_vec()))
            };
            let fraction = (progress.epoch as f64 + step as f64 / steps as f64) / self.stage.epochs as f64;
            let mut batch = self.batch(
                self.train.as_ref(),
                pick(&source_batches).as_deref(),
                pick(&target_batches).as_deref(),
                fraction,
            );
            for update in self.stage.updates.iter().filter(|u| (step + 1).is_multiple_of(u.every.max(1))) {
                batch.update = update.name;
                track(networks, &update.trainable);
                let losses = self.strategy.losses(self.stage, networks, &batch, Pass::Train(&mut noise))?;
                if losses.0.is_empty() {
                    continue; // the strategy skips this batch
                }
                sums.add(&losses, rows_of(&batch));
                let total = total(&losses).filter(Tensor::is_tracked).ok_or_else(|| {
                    AdaptError::invalid(
                        format!("stage {}", self.stage.name),
                        format!("no loss depends on the weights of {}", update.trainable.join(", ")),
                        "name the networks that the losses use",
                    )
                })?;
                let gradients = total.backward();
                optimizer.step_clipped(networks, gradients, rate, self.stage.clip.as_ref())?;
            }
        }
        track(networks, &[] as &[&str]);
        let losses = sums.means()?;
        if let Some((loss, value)) = losses.iter().find(|(_, v)| !v.is_finite()) {
            return Err(AdaptError::Diverged {
                stage: self.stage.name.to_owned(),
                epoch: progress.epoch + 1,
                loss: (*loss).to_owned(),
                value: *value,
            });
        }
        Ok(EpochReport {
            stage: self.stage.name,
            stage_index: progress.stage,
            stages,
            epoch: progress.epoch + 1,
            epochs: self.stage.epochs,
            losses,
            validation_loss: self.validation_loss(networks, progress)?,
            validation_auroc: self.validation_auroc(networks)?,
            learning_rate: rate,
        })
    }

    fn batch(
        &self,
        rows: Option<&LabelledRows>,
        source: Option<&[usize]>,
        target: Option<&[usize]>,
        progress: f64,
    ) -> Batch {
        let few: Option<Vec<usize>> = self.few_shot.as_ref().map(|f| (0..f.labels.len()).collect());
        Batch {
            source: rows.zip(source).map(|(r, s)| r.batch(s, &self.device)),
            target: target.map(|t| self.target.batch(t, &self.device)),
            few_shot: self.few_shot.as_ref().zip(few).map(|(f, rows)| f.batch(&rows, &self.device)),
            update: self.stage.updates.first().map_or(self.stage.name, |u| u.name),
            progress,
        }
    }

    /// What the stage minimises, for the weights as they are.
    fn value(&self, networks: &mut S::Networks, progress: &Progress) -> Result<Option<f64>> {
        Ok(match self.stage.keep {
            Keep::HighestSourceAuroc => self.validation_auroc(networks)?.map(|a| -a),
            _ => self.validation_loss(networks, progress)?,
        })
    }

    fn validation_loss(&self, networks: &mut S::Networks, progress: &Progress) -> Result<Option<f64>> {
        if self.stage.keep == Keep::Last || (self.stage.source.is_some() && self.validation.is_none()) {
            return Ok(None);
        }
        let source: Vec<usize> = (0..self.validation.as_ref().map_or(0, |v| v.labels.len())).collect();
        let source_batches = chunks(&source, self.stage.batch_size);
        let target_batches: Vec<&[usize]> = if self.stage.target {
            chunks(&self.target_validation, self.stage.batch_size)
        } else {
            Vec::new()
        };
        let steps = if source_batches.is_empty() { target_batches.len() } else { source_batches.len() };
        let mut sums = Sums::default();
        for step in 0..steps {
            let batch = self.batch(
                self.validation.as_ref(),
                source_batches.get(step).copied(),
                target_batches.get(step % target_batches.len().max(1)).copied(),
                progress.epoch as f64 / self.stage.epochs as f64,
            );
            let losses = self.strategy.losses(self.stage, networks, &batch, Pass::Evaluate)?;
            sums.add(&losses, rows_of(&batch));
        }
        Ok(Some(sums.means()?.iter().map(|(_, v)| v).sum()))
    }

    fn validation_auroc(&self, networks: &S::Networks) -> Result<Option<f64>> {
        let Some(rows) = self.validation.as_ref().filter(|_| self.stage.keep == Keep::HighestSourceAuroc)
        else {
            return Ok(None);
        };
        let scores = finish::scores(&self.strategy.assemble(networks)?, rows.x.view(), &self.device)?;
        Ok(sensitome_eval::auroc(&rows.labels, &scores, None).ok())
    }
}

fn rows_of(batch: &Batch) -> f64 {
    let source = batch.source.as_ref().map(|s| s.x.dims()[0]);
    source.or(batch.target.as_ref().map(|t| t.x.dims()[0])).unwrap_or(0) as f64
}

fn total(losses: &Losses) -> Option<Tensor<1>> {
    losses.0.iter().map(|(_, t)| t.clone()).reduce(|a, b| a + b)
}

/// Losses summed on the device, weighted by rows, and read once an epoch.
#[derive(Default)]
struct Sums(Vec<(&'static str, Tensor<1>, f64)>);

impl Sums {
    fn add(&mut self, losses: &Losses, rows: f64) {
        for (name, loss) in &losses.0 {
            let term = loss.clone().detach().inner() * rows;
            match self.0.iter_mut().find(|(n, ..)| n == name) {
                Some((_, sum, n)) => (*sum, *n) = (sum.clone() + term, *n + rows),
                None => self.0.push((name, term, rows)),
            }
        }
    }

    fn means(self) -> Result<Vec<(&'static str, f64)>> {
        self.0
            .into_iter()
            .map(|(name, sum, rows)| {
                let value: f32 = sum.try_into_scalar().map_err(|e| {
                    AdaptError::Model(sensitome_core_models::ModelError::Backend(format!("loss {name}: {e}")))
                })?;
                Ok((name, f64::from(value) / rows.max(1.0)))
            })
            .collect()
    }
}

impl Progress {
    /// Takes note of an epoch; whether its weights are the best so far.
    fn observe(&mut self, stage: &Stage, report: &EpochReport) -> bool {
        let training: f64 = report.losses.iter().map(|(_, v)| v).sum();
        if stage.schedule == Schedule::Plateau {
            // Reduce-on-plateau as PyTorch defines it: relative threshold 1e-4, patience 10.
            if training < self.plateau_best * (1.0 - 1e-4 * self.plateau_best.signum()) {
                self.plateau_best = training;
                self.plateau_bad = 0;
            } else {
                self.plateau_bad += 1;
                if self.plateau_bad > 10 {
                    self.rate_factor *= 0.1;
                    self.plateau_bad = 0;
                }
            }
        }
        let loss = report.validation_loss.unwrap_or(training);
        let (value, eligible) = match stage.keep {
            Keep::Last => (loss, true),
            Keep::LowestLoss { after } => (loss, self.epoch >= after),
            Keep::HighestSourceAuroc => (report.validation_auroc.map_or(loss, |a| -a), true),
        };
        if !eligible {
            return false;
        }
        let better = value < self.best;
        if better {
            self.best = value;
            self.stale = 0;
        } else {
            self.stale += 1;
        }
        better && stage.keep != Keep::Last
    }
}
