//! The cell-cluster regulariser of scDEAL: cells of one cluster should look alike.

use burn::tensor::{Tensor, TensorData};
use sensitome_core_models::{total, unit};

/// Mean of 1 − cos over all pairs of different rows of the same cluster, on `x`, rows × d, with one cluster a row.
/// Zero where no cluster has two rows. The gradient goes to `x`.
pub fn cluster_dissimilarity(x: Tensor<2>, clusters: &[usize]) -> Tensor<1> {
    let n = clusters.len();
    let same = |i: usize, j: usize| i != j && clusters[i] == clusters[j];
    let pairs = (0..n).map(|i| (0..n).filter(|&j| same(i, j)).count()).sum::<usize>().max(1) as f32;
    weighted(
        x,
        (0..n).flat_map(|i| (0..n).map(move |j| if same(i, j) { 1.0 / pairs } else { 0.0 })).collect(),
    )
}

/// The published form: Σ over clusters of [Σ_{i<j} (1 − cos(x_i, x_j))] / (2 n² − n) with n the cluster's size.
pub fn pairs_dissimilarity(x: Tensor<2>, clusters: &[usize]) -> Tensor<1> {
    let n = clusters.len();
    let size = |c: usize| clusters.iter().filter(|&&d| d == c).count() as f32;
    let weight = |i: usize, j: usize| {
        if i < j && clusters[i] == clusters[j] {
            let s = size(clusters[i]);
            1.0 / (2.0 * s * s - s)
        } else {
            0.0
        }
    };
    weighted(x, (0..n).flat_map(|i| (0..n).map(move |j| weight(i, j))).collect())
}

fn weighted(x: Tensor<2>, weights: Vec<f32>) -> Tensor<1> {
    let n = x.dims()[0];
    let device = x.device().inner();
    let weights: Tensor<2> = Tensor::from_data(TensorData::new(weights, [n, n]), &device);
    let u = unit(x, 1);
    let cosine = u.clone().matmul(u.transpose());
    total((cosine * -1.0 + 1.0) * weights)
}
