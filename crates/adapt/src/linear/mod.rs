//! Linear methods: what the controls share (rows, folds, the model of one layer, classifiers), and the closed-form parts of
//! `sensitome` (many ridge regressions on one kernel, what a whole response table says about one drug, which genes keep their
//! company, the structure of the cells).

pub(crate) mod cells;
pub(crate) mod company;
pub(crate) mod descent;
pub(crate) mod dual;
pub(crate) mod labelled;
pub(crate) mod large_margin;
pub(crate) mod neighbours;
pub(crate) mod regression;
pub(crate) mod responses;
pub(crate) mod starts;
pub(crate) mod trust;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::ArrayView1;

/// Pearson correlation; 0 where one side is constant.
pub(crate) fn correlation(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    let n = a.len().max(1) as f64;
    let (ma, mb) = (a.sum() / n, b.sum() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// A tensor of what was computed in double precision.
pub(crate) fn narrowed<'a, const D: usize>(
    values: impl IntoIterator<Item = &'a f64>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let narrow: Vec<f32> = values.into_iter().map(|&v| v as f32).collect();
    Tensor::from_data(TensorData::new(narrow, shape), device)
}

/// At most so many of `n` rows, evenly spread over them.
pub(crate) fn spread(n: usize, most: usize) -> Vec<usize> {
    let used = n.min(most);
    (0..used).map(|i| i * n / used).collect()
}

/// Share of the values below each, ties at the middle: 0..1.
pub(crate) fn percentiles(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        let middle = (start as f64 + (same as f64 - 1.0) / 2.0) / (values.len() as f64 - 1.0).max(1.0);
        order[start..start + same].iter().for_each(|&i| out[i] = middle);
        start += same;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_between_0_and_1_and_ties_share() {
        assert_eq!(percentiles(&[3.0, 1.0, 2.0]), [1.0, 0.0, 0.5]);
        assert_eq!(percentiles(&[1.0, 1.0, 2.0]), [0.25, 0.25, 1.0]);
        assert_eq!(percentiles(&[7.0]), [0.0]);
    }
}
