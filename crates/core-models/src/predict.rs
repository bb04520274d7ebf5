//! Prediction: a matrix, or cells in blocks, with the same scores.

use std::sync::{Arc, mpsc};

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView2};
use sensitome_data::{ExpressionMatrix, GeneReport, Missing};

use crate::inference::{Chunk, Compiled, Fitted};
use crate::{ModelError, Predictions, ResponseModel, Result, device_name};

/// How to predict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictOptions {
    /// What to do about genes of the model that the cells lack.
    pub missing: Missing,
    /// Cells a batch, where tensors compute.
    pub batch_size: usize,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self { missing: Missing::default(), batch_size: 1024 }
    }
}

impl ResponseModel {
    /// Scores of every cell, after matching genes and preparing the values as in training.
    ///
    /// On `flex` the scaling is folded into the first layer wherever that is exact, and only values that are not zero
    /// are looked at: sparse cells are never written out, and a cell has the same score to the bit whatever the cells
    /// beside it. Otherwise tensors compute on scaled values; the scores are equal within 1e-5.
    ///
    /// # Errors
    /// When the cells' scale contradicts what the model was trained on, or more genes are missing than allowed.
    pub fn predict(&self, cells: &ExpressionMatrix, options: &PredictOptions) -> Result<Predictions> {
        let (chunks, report) = self.predict_fitted(cells, options, &mut None)?;
        self.predictions(cells.samples(), chunks, report)
    }

    /// Scores of cells that come in blocks, in memory for a few of these: every block is handed to `sink` with its
    /// predictions, in order. Two blocks are computed while `sink` writes the last, on this thread; let `blocks` read ahead
    /// on another.
    ///
    /// Scores are those of [`predict`](Self::predict) on all cells at once. Each block's scale is checked by itself:
    /// what makes counts (whole numbers from 0), logarithms or ranges impossible is found in whichever block it
    /// stands; only whether values without such a sign look z-scored is judged by the cells of one block.
    ///
    /// # Errors
    /// The first of `blocks`, of `sink`, or of [`predict`](Self::predict) for a block.
    pub fn predict_blocks(
        &self,
        blocks: impl Iterator<Item = sensitome_data::Result<ExpressionMatrix>> + Send,
        options: &PredictOptions,
        sink: &mut dyn FnMut(&ExpressionMatrix, &Predictions) -> Result<()>,
    ) -> Result<()> {
        self.compiled()?; // once, not by both of those below
        std::thread::scope(|scope| {
            // Two take turns with the blocks: while one comes to the end of its chunks, the other's keep the threads busy.
            let (to, from): (Vec<_>, Vec<_>) = (0..2)
                .map(|_| {
                    let (to, blocks) = mpsc::sync_channel(0);
                    let (done, from) = mpsc::sync_channel(0);
                    scope.spawn(move || self.compute(blocks, options, done));
                    (to, from)
                })
                .unzip();
            scope.spawn(move || {
                for (block, to) in blocks.zip(to.iter().cycle()) {
                    if to.send(block).is_err() {
                        break;
                    }
                }
            });
            for from in from.iter().cycle() {
                let Ok(computed) = from.recv() else { break };
                let (cells, chunks, report) = computed?;
                sink(&cells, &self.predictions(cells.samples(), chunks, report)?)?;
            }
            Ok(())
        })
    }

    /// Block after block as they come in, until there are no more or nobody receives: an earlier block or the sink failed.
    fn compute(
        &self,
        blocks: mpsc::Receiver<sensitome_data::Result<ExpressionMatrix>>,
        options: &PredictOptions,
        done: mpsc::SyncSender<Result<(ExpressionMatrix, Vec<Chunk>, GeneReport)>>,
    ) {
        let mut fitted = None;
        for block in blocks {
            let computed = block.map_err(ModelError::from).and_then(|cells| {
                let (chunks, report) = self.predict_fitted(&cells, options, &mut fitted)?;
                Ok((cells, chunks, report))
            });
            if done.send(computed).is_err() {
                break;
            }
        }
    }

    /// What [`predict`](Self::predict) puts together, with the first layer fitted to the genes of the last block where
    /// these are the same.
    fn predict_fitted(
        &self,
        cells: &ExpressionMatrix,
        options: &PredictOptions,
        fitted: &mut Option<Fitted>,
    ) -> Result<(Vec<Chunk>, GeneReport)> {
        let Some(compiled) = self.compiled()? else {
            let (x, report) = self.preprocessing.transform(cells, options.missing)?;
            return Ok((self.forward(x.view(), options.batch_size)?, report));
        };
        self.preprocessing.check_scale(cells)?;
        let fitted = match fitted.take().filter(|f| f.plan.fits(cells)) {
            Some(same) => fitted.insert(same),
            None => fitted.insert(compiled.fit(self.preprocessing.plan(cells, options.missing)?)),
        };
        let chunks = compiled.predict(fitted, &self.preprocessing, cells.values())?;
        Ok((chunks, fitted.plan.report().clone()))
    }

    fn compiled(&self) -> Result<Option<Arc<Compiled>>> {
        // `ndarray` stays with tensors: it is the independent second computation of every number.
        if device_name(&self.device) != "flex" {
            return Ok(None);
        }
        if let Some(compiled) = self.compiled.get() {
            return Ok(compiled.clone());
        }
        let compiled =
            Compiled::new(&self.encoder, &self.head, self.output, &self.preprocessing)?.map(Arc::new);
        Ok(self.compiled.get_or_init(|| compiled).clone())
    }

    /// Scores of cells that are prepared already, cells × genes in the order of [`genes`](Self::genes).
    ///
    /// # Errors
    /// When the matrix is not as wide as the model, or the backend fails.
    pub fn predict_prepared(
        &self,
        x: ArrayView2<f32>,
        cells: &[String],
        genes: GeneReport,
        batch_size: usize,
    ) -> Result<Predictions> {
        if x.ncols() != self.genes().len() || x.nrows() != cells.len() {
            return Err(ModelError::invalid(
                "cells",
                format!(
                    "{} × {} values for {} cells and {} genes",
                    x.nrows(),
                    x.ncols(),
                    cells.len(),
                    self.genes().len()
                ),
                "align them to the genes of the model",
            ));
        }
        self.predictions(cells, self.forward(x, batch_size)?, genes)
    }

    /// Batch after batch by tensors.
    fn forward(&self, x: ArrayView2<f32>, batch_size: usize) -> Result<Vec<Chunk>> {
        let backend = |e: &dyn std::fmt::Display| ModelError::Backend(e.to_string());
        let width = self.encoder.outputs().unwrap_or(0);
        let batch = |block: ArrayView2<f32>| {
            let values: Vec<f32> = block.iter().copied().collect();
            let batch: Tensor<2> =
                Tensor::from_data(TensorData::new(values, [block.nrows(), block.ncols()]), &self.device);
            let z = self.encoder.evaluate(batch);
            let embedding = match width {
                0 => Vec::new(),
                _ => z.clone().try_into_vec_as::<f32>().map_err(|e| backend(&e))?,
            };
            let score = self.output.score(self.head.evaluate(z));
            let scores = score.try_into_vec_as::<f32>().map_err(|e| backend(&e))?;
            Ok(Chunk { scores: scores.into_iter().map(f64::from).collect(), embedding })
        };
        x.axis_chunks_iter(ndarray::Axis(0), batch_size.max(1)).map(batch).collect()
    }

    fn predictions(&self, cells: &[String], chunks: Vec<Chunk>, genes: GeneReport) -> Result<Predictions> {
        let mut scores = Vec::with_capacity(cells.len());
        let mut embedding = Vec::with_capacity(chunks.iter().map(|c| c.embedding.len()).sum());
        for chunk in chunks {
            scores.extend(chunk.scores);
            embedding.extend(chunk.embedding);
        }
        let width = self.encoder.outputs().unwrap_or(0);
        if let Some(i) = scores.iter().position(|s| !s.is_finite()) {
            return Err(ModelError::invalid(
                "cells",
                format!("the score of {} is not a finite number", cells[i]),
                "its values are far outside what the model was trained on; check their scale",
            ));
        }
        Ok(Predictions {
            cells: cells.to_vec(),
            classes: scores.iter().map(|&s| u8::from(s >= self.threshold)).collect(),
            scores,
            embedding: Array2::from_shape_vec((cells.len(), width), embedding)
                .map_err(|e| ModelError::Backend(e.to_string()))?,
            class_names: self.class_names.clone(),
            genes,
        })
    }
}
