//! Keeping a shared and a private code apart: three forms in use.

use burn::tensor::Tensor;
use sensitome_core_models::total;

/// Added to the norms in the form of Domain Separation Networks.
const EPSILON: f64 = 1e-6;

/// The difference loss of the Domain Separation Networks code (Bousmalis et al. 2016), which CODE-AE and He et al. 2025
/// use: rows of `shared` (rows × d) and `private` (rows × e) divided by their norm + 1e-6, then the mean over the d × e
/// entries of (SᵀP)². With `through_norm` the gradient passes the norms; the published code stops it there.
pub fn orthogonality(shared: Tensor<2>, private: Tensor<2>, through_norm: bool) -> Tensor<1> {
    let scaled = |x: Tensor<2>| {
        // The bound before the root keeps the gradient of a row of zeros at 0.
        let norm = x.clone().square().sum_dim(1).clamp_min(1e-37).sqrt() + EPSILON;
        x / if through_norm { norm } else { norm.detach() }
    };
    scaled(shared).transpose().matmul(scaled(private)).square().mean()
}

/// ‖SᵀP‖² / n² of codes as they are, n rows (the paper's form of the same, divided to be free of the batch size).
pub fn frobenius_orthogonality(shared: Tensor<2>, private: Tensor<2>) -> Tensor<1> {
    let rows = shared.dims()[0] as f64;
    total(shared.transpose().matmul(private).square()) / (rows * rows)
}

/// Mean over the rows of the squared cosine between `shared` and `private`, which are equally wide. Not a number where
/// a row is all zeros.
pub fn cosine_orthogonality(shared: Tensor<2>, private: Tensor<2>) -> Tensor<1> {
    let dot = (shared.clone() * private.clone()).sum_dim(1).square();
    (dot / (shared.square().sum_dim(1) * private.square().sum_dim(1))).mean()
}
