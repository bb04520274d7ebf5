//! One cell of the grid: fit, score the cells, note what can be known without their labels.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ndarray::{Array2, Axis, concatenate, s};
use rand::RngExt;
use sensitome_adapt::{FitOptions, ModelEvidence, Settings, find};
use sensitome_core_models::{Device, Output, PredictOptions, ResponseModel, rng_for};
use sensitome_data::{Missing, Scaling, TransferTask};
use sensitome_eval::calibration::label_shift_bbse;
use sensitome_eval::embedding::proxy_a_distance;
use sensitome_eval::selection::SelectionScore;

use crate::plan::Job;
use crate::task::{Cells, LoadedTask};
use crate::{Fitted, LabelShiftEstimate, Result};

/// Rows of each domain, and axes, that the separability is measured on.
const ROWS: usize = 300;
const AXES: usize = 50;

/// What the jobs of one task and seed share.
pub(crate) struct Context {
    loaded: Arc<LoadedTask>,
    cells: Cells,
    task: TransferTask,
    device: Device,
    ridge: OnceLock<Option<Vec<f64>>>,
    separability: OnceLock<Option<f64>>,
}

impl Context {
    pub(crate) fn new(
        loaded: Arc<LoadedTask>,
        seed: u64,
        pool: usize,
        scaling: Option<Scaling>,
        permutation: Option<u64>,
        device: Device,
    ) -> Result<Self> {
        let cells = loaded.cells(seed, pool)?;
        let task = loaded.prepare(&cells, seed, scaling, permutation)?;
        let (ridge, separability) = (OnceLock::new(), OnceLock::new());
        Ok(Self { loaded, cells, task, device, ridge, separability })
    }

    /// Bytes that a fit needs at most: the matrices a few times over, and two networks of a thousand units with gradients and
    /// moments.
    pub(crate) fn bytes(&self) -> f64 {
        let rows: usize =
            self.task.sources.iter().map(|s| s.samples.len()).sum::<usize>() + self.task.target.cells.len();
        (self.task.n_genes() * (rows * 4 * 3 + 1024 * 16 * 2)) as f64
    }

    /// Fits and scores. The error is the method's, in words.
    pub(crate) fn run(&self, job: &Job, selection: bool) -> std::result::Result<Fitted, String> {
        let words = |e: &dyn std::fmt::Display| e.to_string();
        let with_shots;
        let task = if job.shots > 0 {
            with_shots = self.loaded.with_shots(&self.task, &self.cells, job.shots).map_err(|e| words(&e))?;
            &with_shots
        } else {
            &self.task
        };
        let mut options = FitOptions::new(job.seed, self.device.clone());
        let model = job.ready.0.fit(task, &mut options).map_err(|e| words(&e))?;
        let evidence = ModelEvidence::new(&model, task).map_err(|e| words(&e))?;
        let (matrix, _) = self.loaded.evaluated_on();
        let missing = Missing::Fill { min_overlap: self.loaded.options.min_overlap };
        let predicted = model
            .predict(matrix, &PredictOptions { missing, ..PredictOptions::default() })
            .map_err(|e| words(&e))?;
        let selection = if selection { self.selection(&evidence, job.seed) } else { BTreeMap::new() };
        let notes = model.card().notes.iter().filter(|n| !task.notes.contains(n)).cloned().collect();
        Ok(Fitted {
            probability: is_probability(&model, &predicted.scores),
            selection,
            separability: [
                *self.separability.get_or_init(|| self.inputs_apart()),
                apart(
                    &[evidence.training.embedding.clone(), evidence.validation.embedding.clone()],
                    &evidence.target.embedding,
                ),
            ],
            label_shift: label_shift(&evidence),
            source_recall: recall(&evidence.labels, &evidence.validation.classes),
            notes,
            scores: predicted.scores.iter().map(|&s| s as f32).collect(),
            classes: predicted.classes,
        })
    }

    /// Every label-free score of the model.
    fn selection(
        &self,
        evidence: &ModelEvidence,
        seed: u64,
    ) -> BTreeMap<String, std::result::Result<f64, String>> {
        let ridge = self.ridge.get_or_init(|| {
            let fit = find("ridge").ok()?.build(&Settings::new()).ok()?;
            let model = fit.fit(&self.task, &mut FitOptions::new(seed, self.device.clone())).ok()?;
            Some(ModelEvidence::new(&model, &self.task).ok()?.target.scores)
        });
        let rules = SelectionScore::ALL.into_iter().filter(|r| !r.is_oracle());
        rules
            .map(|rule| {
                let score = evidence.score(rule, ridge.as_deref()).map_err(|e| e.to_string());
                (rule.name().to_owned(), score)
            })
            .collect()
    }

    fn inputs_apart(&self) -> Option<f64> {
        let sources: Vec<Array2<f32>> = self.task.sources.iter().map(|s| s.expression.clone()).collect();
        apart(&sources, &self.task.target.expression)
    }
}

/// A regression's scores are no probabilities, nor are scores outside 0 to 1.
fn is_probability(model: &ResponseModel, scores: &[f64]) -> bool {
    model.output() != Output::Linear && scores.iter().all(|s| (0.0..=1.0).contains(s))
}

/// Proxy A-distance of the sources' rows and the cells, on some rows of each and, of many columns, on random directions.
fn apart(sources: &[Array2<f32>], cells: &Array2<f32>) -> Option<f64> {
    let views: Vec<_> = sources.iter().map(|s| s.view()).collect();
    let source = concatenate(Axis(0), &views).ok()?;
    if source.ncols() == 0 || cells.ncols() != source.ncols() {
        return None;
    }
    let some = |x: &Array2<f32>| {
        let step = x.nrows().div_ceil(ROWS).max(1);
        x.slice(s![..;step, ..]).to_owned()
    };
    let (source, cells) = (some(&source), some(cells));
    let domains = [vec![0u8; source.nrows()], vec![1; cells.nrows()]].concat();
    let mut points = concatenate(Axis(0), &[source.view(), cells.view()]).ok()?;
    if points.ncols() > AXES {
        let mut rng = rng_for(0, "directions of the separability");
        let scale = 1.0 / (points.ncols() as f32).sqrt();
        let directions =
            Array2::from_shape_fn(
                (points.ncols(), AXES),
                |_| if rng.random::<bool>() { scale } else { -scale },
            );
        points = points.dot(&directions);
    }
    proxy_a_distance(points.view(), &domains, 0).ok()
}

fn label_shift(evidence: &ModelEvidence) -> Option<LabelShiftEstimate> {
    let shift =
        label_shift_bbse(&evidence.labels, &evidence.validation.classes, &evidence.target.classes).ok()?;
    let train = &evidence.training_labels;
    let source = train.iter().filter(|&&y| y == 1).count() as f64 / train.len().max(1) as f64;
    Some(LabelShiftEstimate { source, target: *shift.target.get(1)? })
}

fn recall(labels: &[u8], classes: &[u8]) -> [Option<f64>; 2] {
    [0u8, 1].map(|class| {
        let of: Vec<u8> = labels
            .iter()
            .zip(classes)
            .filter(|(y, _)| **y == class)
            .map(|(_, c)| u8::from(*c == class))
            .collect();
        (!of.is_empty()).then(|| of.iter().map(|&c| f64::from(c)).sum::<f64>() / of.len() as f64)
    })
}
