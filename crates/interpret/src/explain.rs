//! From a model and cells to attributions: the door for the command line and for most programs.

use std::ops::Range;

use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use sensitome_core_models::{ResponseModel, rng_for};
use sensitome_data::ExpressionMatrix;

use crate::options::{Baseline, ExplainOptions, Level, Method};
use crate::sanity::{self, SanityReport};
use crate::stream::stream;
use crate::{
    Attribution, DeepShap, Explain, Explained, Gradients, IntegratedGradients, InterpretError, Result, Rows,
    Sampled, Target,
};

/// A model and a method, ready for any number of cells.
pub struct Explainer<'a> {
    model: &'a ResponseModel,
    options: ExplainOptions,
    method: Box<dyn Explain<f32>>,
    /// Baselines or background, as the network gets them.
    start: Array2<f32>,
    genes: Vec<String>,
}

impl std::fmt::Debug for Explainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explainer").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'a> Explainer<'a> {
    /// Prepares `options` for `model`. Baselines and background come from `background`: training cells, a
    /// reference sample, or the explained cells themselves.
    ///
    /// # Errors
    /// When the model has no such target or a layer without an exact rule, the background does not fit the
    /// model or lacks the baseline cell, or the names of the axes do not fit.
    pub fn new(
        model: &'a ResponseModel,
        background: &ExpressionMatrix,
        options: ExplainOptions,
    ) -> Result<Self> {
        let explained = match options.level {
            Level::Genes => Explained::<f32>::model(model, options.target)?,
            Level::Bottleneck => Explained::<f32>::head(model, options.target)?,
        };
        let inputs = explained.network().inputs();
        let genes = match (options.level, &options.axes) {
            (Level::Genes, _) => model.genes().to_vec(),
            (Level::Bottleneck, None) => (1..=inputs).map(|i| format!("axis {i}")).collect(),
            (Level::Bottleneck, Some(names)) if names.len() == inputs => names.clone(),
            (Level::Bottleneck, Some(names)) => {
                return Err(InterpretError::invalid(
                    "axes",
                    format!("{} names for {inputs} axes", names.len()),
                    "pass one an axis",
                ));
            }
        };
        let seed = options.seed;
        let rows = |chosen: Vec<usize>| -> Result<Array2<f32>> {
            let (x, _) =
                model.preprocessing().transform(&background.select_samples(&chosen)?, options.missing)?;
            at_level(model, options.level, x)
        };
        let drawn = || rows(draw(background.n_samples(), options.background, seed));
        let start = match options.method {
            Method::DeepShap(_) | Method::Sampled(_) => drawn()?,
            Method::Gradient(_) => Array2::zeros((0, inputs)),
            Method::IntegratedGradients(_) => match &options.baseline {
                Baseline::Zero => at_level(model, options.level, Array2::zeros((1, model.genes().len())))?,
                Baseline::Background => drawn()?,
                Baseline::Mean => {
                    let all = rows((0..background.n_samples()).collect())?;
                    let mean = all.mapv(f64::from).mean_axis(Axis(0)).ok_or_else(no_background)?;
                    mean.mapv(|v| v as f32).insert_axis(Axis(0))
                }
                Baseline::Cell(name) => {
                    let found = background.sample_index().get(name.as_str()).copied();
                    rows(vec![found.ok_or_else(|| {
                        InterpretError::invalid(
                            "baseline",
                            format!("there is no cell {name}"),
                            "name a cell of the background",
                        )
                    })?])?
                }
            },
        };
        let method = build(options.method, explained, start.clone(), seed)?;
        Ok(Self { model, options, method, start, genes })
    }

    /// Names of the columns: genes or latent axes.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// The explained number in words, for tables and axes.
    pub fn target_name(&self) -> String {
        let class = |c: usize| self.model.class_names()[c.min(1)].clone();
        match self.options.target {
            Target::Margin => format!("log-odds of {}", class(1)),
            Target::Logit(c) => format!("logit of {}", class(c)),
            Target::Probability(c) => format!("probability of {}", class(c)),
            Target::Output(n) => format!("output {n}"),
        }
    }

    /// The weight randomisation check of this very explanation (method, target, baseline, level) on at most
    /// 200 of the cells: see [`sanity::weight_randomisation`](crate::sanity::weight_randomisation).
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub fn weight_randomisation(&self, cells: &ExpressionMatrix, limit: f64) -> Result<SanityReport> {
        let chosen = draw(cells.n_samples(), 200, self.options.seed);
        let preprocessing = self.model.preprocessing();
        let (x, _) = preprocessing.transform(&cells.select_samples(&chosen)?, self.options.missing)?;
        let x = at_level(self.model, self.options.level, x)?;
        let network = match self.options.level {
            Level::Genes => self.model.encoder().clone().then(self.model.head().clone())?,
            Level::Bottleneck => self.model.head().clone(),
        };
        let (method, seed) = (self.options.method, self.options.seed);
        sanity::weight_randomisation(
            &network,
            self.model.output(),
            self.options.target,
            &|explained| build(method, explained, self.start.clone(), seed),
            x.view(),
            seed,
            limit,
        )
    }

    /// Explains cells block by block without keeping them: `visit` gets each block with its range of cells.
    ///
    /// # Errors
    /// When the cells do not fit the model, the memory allowed is too small, attributions do not add up, or
    /// the visitor fails.
    pub fn stream(
        &self,
        cells: &ExpressionMatrix,
        progress: &mut dyn FnMut(usize, usize),
        visit: &mut dyn FnMut(Range<usize>, Rows<f32>) -> Result<()>,
    ) -> Result<()> {
        let source = |range: Range<usize>| {
            let rows: Vec<usize> = range.collect();
            let preprocessing = self.model.preprocessing();
            let (x, _) = preprocessing.transform(&cells.select_samples(&rows)?, self.options.missing)?;
            at_level(self.model, self.options.level, x)
        };
        stream(self.method.as_ref(), cells.n_samples(), &source, &self.options.run, progress, visit)
    }

    /// Explains cells and keeps all: 4 bytes a cell and gene.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    pub fn explain(
        &self,
        cells: &ExpressionMatrix,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Attribution> {
        let n = cells.n_samples();
        let mut values = Array2::zeros((n, self.genes.len()));
        let (mut output, mut expected, mut gaps) = (Vec::new(), Vec::new(), Some(Vec::new()));
        self.stream(cells, progress, &mut |range, rows| {
            values.slice_mut(ndarray::s![range, ..]).assign(&rows.values);
            output.extend(rows.output);
            expected.extend(rows.expected);
            gaps = gaps.take().zip(rows.gap).map(|(mut all, new)| {
                all.extend(new);
                all
            });
            Ok(())
        })?;
        let attribution = Attribution {
            method: self.options.method.name().to_owned(),
            target: self.target_name(),
            values,
            baseline: self.method.baseline(),
            expected,
            output,
            gap: gaps,
            cells: cells.samples().to_vec(),
            genes: self.genes.clone(),
        };
        attribution.checked()
    }
}

/// A method from its settings and its baselines or background.
fn build(
    method: Method,
    explained: Explained<f32>,
    start: Array2<f32>,
    seed: u64,
) -> Result<Box<dyn Explain<f32>>> {
    Ok(match method {
        Method::IntegratedGradients(path) => Box::new(IntegratedGradients::new(explained, start, path)?),
        Method::DeepShap(shap) => Box::new(DeepShap::new(explained, start, shap)?),
        Method::Sampled(estimate) => Box::new(Sampled::new(explained, start, estimate, seed)?),
        Method::Gradient(reading) => Box::new(Gradients::new(explained, reading)?),
    })
}

fn no_background() -> InterpretError {
    InterpretError::invalid("background", "no cell", "pass at least one")
}

/// Prepared cells at the level that is explained.
fn at_level(model: &ResponseModel, level: Level, x: Array2<f32>) -> Result<Array2<f32>> {
    match level {
        Level::Genes => Ok(x),
        Level::Bottleneck if model.encoder().layers().is_empty() => Ok(x),
        Level::Bottleneck => crate::Network::<f32>::new(model.encoder())?.forward(x.view()),
    }
}

/// At most `most` of `n` rows, drawn without replacement and sorted.
pub(crate) fn draw(n: usize, most: usize, seed: u64) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n).collect();
    rows.shuffle(&mut rng_for(seed, "background of the explanation"));
    rows.truncate(most);
    rows.sort_unstable();
    rows
}
