//! Rows of a task as batches on the device.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand::seq::SliceRandom;
use sensitome_core_models::rng_for;
use sensitome_data::TransferTask;

use crate::losses::one_hot;
use crate::strategy::{Sampling, SourceBatch, TargetBatch};

/// Labelled rows, gathered from all sources.
pub(crate) struct LabelledRows {
    pub(crate) x: Array2<f32>,
    pub(crate) labels: Vec<u8>,
    pub(crate) source: Vec<usize>,
}

impl LabelledRows {
    /// The training or the validation rows of every source.
    pub(crate) fn gather(task: &TransferTask, validation: bool) -> Self {
        let mut out = Self { x: Array2::zeros((0, task.n_genes())), labels: Vec::new(), source: Vec::new() };
        let mut rows = Vec::new();
        for (k, s) in task.sources.iter().enumerate() {
            for &i in if validation { &s.validation } else { &s.train } {
                rows.extend(s.expression.row(i).iter().copied());
                out.labels.push(s.labels[i].unwrap_or(0));
                out.source.push(k);
            }
        }
        let shape = (out.labels.len(), task.n_genes());
        if let Ok(x) = Array2::from_shape_vec(shape, rows) {
            out.x = x;
        }
        out
    }

    /// The few labelled target cells.
    pub(crate) fn few_shot(task: &TransferTask) -> Option<Self> {
        let few = task.few_shot.as_ref()?;
        Some(Self {
            x: task.target.expression.select(ndarray::Axis(0), &few.rows),
            labels: few.labels.clone(),
            source: vec![0; few.labels.len()],
        })
    }

    pub(crate) fn batch(&self, rows: &[usize], device: &Device) -> SourceBatch {
        let labels: Vec<u8> = rows.iter().map(|&i| self.labels[i]).collect();
        SourceBatch {
            x: upload(self.x.view(), rows, device),
            targets: one_hot(&labels, device),
            labels,
            source: rows.iter().map(|&i| self.source[i]).collect(),
        }
    }

    /// The order in which an epoch goes through the rows.
    pub(crate) fn epoch_order(&self, sampling: Sampling, seed: u64, purpose: &str) -> Vec<usize> {
        let mut rng = rng_for(seed, purpose);
        let n = self.labels.len();
        if sampling != Sampling::Weighted {
            let mut order: Vec<usize> = (0..n).collect();
            order.shuffle(&mut rng);
            return order;
        }
        let classes: Vec<Vec<usize>> = (0..=1)
            .map(|c| (0..n).filter(|&i| self.labels[i] == c).collect::<Vec<_>>())
            .filter(|v: &Vec<usize>| !v.is_empty())
            .collect();
        (0..n)
            .filter_map(|_| {
                let class = &classes[rng.random_range(0..classes.len())];
                class.get(rng.random_range(0..class.len())).copied()
            })
            .collect()
    }
}

/// Cells of the target.
pub(crate) struct TargetRows<'a> {
    pub(crate) task: &'a TransferTask,
}

impl TargetRows<'_> {
    pub(crate) fn batch(&self, rows: &[usize], device: &Device) -> TargetBatch {
        let target = &self.task.target;
        TargetBatch {
            x: upload(target.expression.view(), rows, device),
            clusters: target.clusters.as_ref().map(|c| rows.iter().map(|&i| c[i]).collect()),
        }
    }
}

/// Cuts an order into batches; a last batch of one row, which has no variance, joins the one before it.
pub(crate) fn chunks(order: &[usize], size: usize) -> Vec<&[usize]> {
    let size = size.max(2);
    let mut out: Vec<&[usize]> = order.chunks(size).collect();
    if out.len() > 1 && out.last().is_some_and(|c| c.len() < 2) {
        out.pop();
        let start = (out.len() - 1) * size;
        out.pop();
        out.push(&order[start..]);
    }
    out
}

/// The given rows on the device.
pub(crate) fn upload(x: ArrayView2<f32>, rows: &[usize], device: &Device) -> Tensor<2> {
    let mut values = Vec::with_capacity(rows.len() * x.ncols());
    for &i in rows {
        let row = x.row(i);
        match row.as_slice() {
            Some(slice) => values.extend_from_slice(slice),
            None => values.extend(row.iter().copied()),
        }
    }
    Tensor::from_data(TensorData::new(values, [rows.len(), x.ncols()]), device)
}
