//! The steps on one block, once everything about all cells is known.

use ndarray::Array2;
use rayon::prelude::*;

use super::super::known::Known;
use super::super::scale::cut;
use super::fit::{places, row};
use super::{Pipeline, PipelineFit};
use crate::preprocess::Scaler;
use crate::{Column, CsrMatrix, ExpressionMatrix, Result, Values};

/// The kept cells of `block`, before which `first` cells lie, over the chosen genes.
pub(super) fn block(
    pipeline: &Pipeline,
    fit: &PipelineFit,
    first: usize,
    block: &ExpressionMatrix,
) -> Result<ExpressionMatrix> {
    let kept: Vec<usize> = (0..block.n_samples()).filter(|&i| fit.cells[first + i]).collect();
    let place = places(block.n_genes(), &fit.genes);
    let work = Block { pipeline, fit, first, kept: &kept, place: &place, values: block.values() };
    let values = match (&fit.scaler, block.values()) {
        (Scaler::ZScore { mean, sd, max_value, .. }, _) if pipeline.scale => {
            Values::Dense(work.z_scores(mean, sd, *max_value))
        }
        (_, Values::Dense(_)) => Values::Dense(work.dense()),
        (_, Values::Sparse(_)) => Values::Sparse(work.sparse()?),
    };
    let cells = kept.iter().map(|&i| block.samples()[i].clone()).collect();
    let genes = fit.genes.iter().map(|&j| block.genes()[j].clone()).collect();
    let mut out = ExpressionMatrix::new(values, cells, genes)?;
    for (name, column) in block.sample_columns() {
        out.set_sample_column(name, column.select(&kept))?;
    }
    for (name, column) in block.gene_columns() {
        out.set_gene_column(name, column.select(&fit.genes))?;
    }
    for (name, column) in moments(fit) {
        out.set_gene_column(name, column)?;
    }
    Ok(out)
}

/// Mean and standard deviation of each gene of the result, before scaling.
pub(super) fn moments(fit: &PipelineFit) -> Vec<(String, Column)> {
    match &fit.scaler {
        Scaler::ZScore { mean, sd, .. } => vec![
            ("mean".to_owned(), Column::Number(mean.clone())),
            ("sd".to_owned(), Column::Number(sd.clone())),
        ],
        _ => Vec::new(),
    }
}

/// Cells a task.
const CELLS: usize = 256;

struct Block<'a> {
    pipeline: &'a Pipeline,
    fit: &'a PipelineFit,
    first: usize,
    kept: &'a [usize],
    place: &'a [u32],
    values: &'a Values,
}

impl Block<'_> {
    /// Every stored value of cell `i` over the chosen genes, before scaling.
    fn row(&self, i: usize, mut f: impl FnMut(usize, f32)) {
        let factor = self.fit.factors[self.first + i];
        let mut known = Known::new();
        row(self.values, i, self.place, |j, count| {
            f(j, known.of(count, || self.pipeline.value(count, factor)));
        });
    }

    fn sparse(&self) -> Result<CsrMatrix> {
        let parts: Vec<(Vec<usize>, Vec<u32>, Vec<f32>)> = self
            .kept
            .par_chunks(CELLS)
            .map(|cells| {
                let mut part = (Vec::with_capacity(cells.len()), Vec::new(), Vec::new());
                for &i in cells {
                    self.row(i, |j, v| {
                        part.1.push(j as u32);
                        part.2.push(v);
                    });
                    part.0.push(part.1.len());
                }
                part
            })
            .collect();
        let entries = parts.iter().map(|p| p.1.len()).sum();
        let (mut indptr, mut indices, mut data) =
            (vec![0], Vec::with_capacity(entries), Vec::with_capacity(entries));
        for (ends, columns, values) in parts {
            let before = data.len();
            indptr.extend(ends.iter().map(|e| before + e));
            indices.extend(columns);
            data.extend(values);
        }
        CsrMatrix::new(self.fit.genes.len(), indptr, indices, data)
    }

    fn dense(&self) -> Array2<f32> {
        self.fill(&vec![0.0; self.fit.genes.len()], |_, v| v)
    }

    fn z_scores(&self, mean: &[f64], sd: &[f64], max_value: Option<f64>) -> Array2<f32> {
        let z = |j: usize, v: f32| cut((f64::from(v) - mean[j]) / sd[j], true, max_value) as f32;
        // What is not stored is the same in every cell.
        let zero: Vec<f32> = (0..mean.len()).map(|j| z(j, 0.0)).collect();
        self.fill(&zero, z)
    }

    fn fill(&self, zero: &[f32], value: impl Fn(usize, f32) -> f32 + Sync) -> Array2<f32> {
        let p = zero.len();
        let mut values = vec![0.0; self.kept.len() * p];
        if p > 0 {
            values.par_chunks_mut(p * CELLS).zip(self.kept.par_chunks(CELLS)).for_each(|(out, cells)| {
                for (out, &i) in out.chunks_exact_mut(p).zip(cells) {
                    out.copy_from_slice(zero);
                    self.row(i, |j, v| out[j] = value(j, v));
                }
            });
        }
        // The length is that of the shape.
        Array2::from_shape_vec((self.kept.len(), p), values).unwrap_or_default()
    }
}
