//! Clusters of the cells of a batch, for methods that regularise by them.

use burn::tensor::Tensor;
use sensitome_core_models::ModelError;

use crate::Result;
use crate::losses::{cluster_dissimilarity, pairs_dissimilarity};
use crate::louvain::{louvain, neighbours};
use crate::strategy::TargetBatch;

/// Neighbours of each cell, itself included, in scDEAL's graph.
const NEIGHBOURS: usize = 10;

/// Row, neighbour, distance.
type Edge = (usize, usize, f64);

fn edges(x: &Tensor<2>) -> Result<(usize, Vec<Edge>)> {
    let [n, genes] = x.dims();
    let values = x
        .clone()
        .inner()
        .try_into_vec_as::<f32>()
        .map_err(|e| ModelError::Backend(format!("reading a batch: {e}")))?;
    let rows = ndarray::ArrayView2::from_shape((n, genes), &values)
        .map_err(|e| ModelError::Backend(format!("reading a batch: {e}")))?;
    Ok((n, neighbours(rows, NEIGHBOURS)))
}

/// Louvain communities of the cells of a batch, in cell order, on a graph whose weights fall with the distance.
///
/// # Errors
/// When the backend cannot give the batch back.
pub fn batch_clusters(x: &Tensor<2>) -> Result<Vec<usize>> {
    let (n, edges) = edges(x)?;
    let mean = edges.iter().map(|e| e.2).sum::<f64>() / edges.len().max(1) as f64;
    let similar: Vec<_> = edges.into_iter().map(|(i, j, d)| (i, j, (-d / mean.max(1e-12)).exp())).collect();
    Ok(louvain(n, &similar))
}

/// The clusters as scDEAL's published code gets them: the distance itself as the weight, and labels in the order in
/// which cells first appear in the list of edges, so that they belong to other cells.
///
/// # Errors
/// When the backend cannot give the batch back.
pub fn published_clusters(x: &Tensor<2>) -> Result<Vec<usize>> {
    let (n, edges) = edges(x)?;
    let clusters = louvain(n, &edges);
    let mut order: Vec<usize> = Vec::with_capacity(n);
    let mut seen = vec![false; n];
    for node in edges.iter().flat_map(|&(i, j, _)| [i, j]) {
        if !std::mem::replace(&mut seen[node], true) {
            order.push(node);
        }
    }
    Ok(order.into_iter().map(|node| clusters[node]).collect())
}

/// The cluster regulariser of scDEAL for a batch: [`cluster_dissimilarity`] of the embedding `z`, cells × latent, in the
/// batch's clusters or those found in it. `published` is what the code does instead: a number of the input alone, without a
/// gradient, and no step (`None`) below ten cells.
///
/// # Errors
/// When clusters cannot be found.
pub fn cluster_loss(target: &TargetBatch, z: Tensor<2>, published: bool) -> Result<Option<Tensor<1>>> {
    let x = &target.x;
    if !published {
        let clusters = target.clusters.clone().map_or_else(|| batch_clusters(x), Ok)?;
        return Ok(Some(cluster_dissimilarity(z, &clusters)));
    }
    if x.dims()[0] < 10 {
        return Ok(None);
    }
    Ok(Some(pairs_dissimilarity(x.clone(), &published_clusters(x)?)))
}
