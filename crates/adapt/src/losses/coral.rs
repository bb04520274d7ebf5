//! Correlation alignment.

use burn::tensor::Tensor;
use sensitome_core_models::total;

/// CORAL (Sun and Saenko 2016, eq. 1): ‖C_x − C_y‖² / (4 d²), covariances with n − 1. `x` and `y` are rows × d; the
/// numbers of rows may differ, each at least 2.
pub fn coral(x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
    let d = x.dims()[1] as f64;
    total((covariance(x) - covariance(y)).square()) / (4.0 * d * d)
}

fn covariance(x: Tensor<2>) -> Tensor<2> {
    let n = x.dims()[0] as f64;
    let centred = x.clone() - x.mean_dim(0);
    centred.clone().transpose().matmul(centred) / (n - 1.0)
}
