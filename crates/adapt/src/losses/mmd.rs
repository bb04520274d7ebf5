//! Maximum mean discrepancy with Gaussian kernels (Gretton et al. 2012).

use burn::tensor::{Tensor, TensorData};
use sensitome_core_models::total;

use super::squared_distances;

/// Which pairs the means are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimator {
    /// All pairs, a row with itself too; never below 0.
    Biased,
    /// Without the pairs of a row with itself.
    Unbiased,
}

/// MMD with the one kernel exp(−‖a − b‖² / (2σ²)). `x` and `y` are rows × d; the numbers of rows may differ.
pub fn rbf_mmd(x: Tensor<2>, y: Tensor<2>, sigma: f64, estimator: Estimator) -> Tensor<1> {
    let (n, m) = (x.dims()[0] as f64, y.dims()[0] as f64);
    let kernel = |a: Tensor<2>, b: Tensor<2>| (squared_distances(a, b) * (-0.5 / (sigma * sigma))).exp();
    let within = |a: Tensor<2>, n: f64| {
        let k = kernel(a.clone(), a);
        match estimator {
            Estimator::Biased => k.mean(),
            Estimator::Unbiased => (total(k) - n) / (n * (n - 1.0)),
        }
    };
    within(x.clone(), n) + within(y.clone(), m) - kernel(x, y).mean() * 2.0
}

/// The width of the kernels of [`multi_kernel_mmd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bandwidth {
    /// The mean squared distance of different rows of both domains together, taken as a constant.
    Mean,
    /// The same, with the gradient through it.
    MeanWithGradient,
    /// A given number.
    Fixed(f64),
}

/// A family of Gaussian kernels whose widths are powers of a factor (Long et al. 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiKernel {
    /// Number of kernels.
    pub number: usize,
    /// Ratio of neighbouring widths.
    pub factor: f64,
    /// The width in the middle.
    pub bandwidth: Bandwidth,
}

impl Default for MultiKernel {
    fn default() -> Self {
        Self { number: 5, factor: 2.0, bandwidth: Bandwidth::Mean }
    }
}

/// Multi-kernel MMD as the DAN and DaNN code defines it: biased, kernels summed (not averaged), exponent without the
/// factor 2. Returns the loss and the width of the smallest kernel, the bandwidth / factor^(number / 2). Where all rows are equal
/// the mean bandwidth is 0 and the loss is NaN.
pub fn multi_kernel_mmd(x: Tensor<2>, y: Tensor<2>, kernels: MultiKernel) -> (Tensor<1>, Tensor<1>) {
    let n = x.dims()[0];
    let (kernel, smallest) = kernel_of(x, y, kernels);
    (signed_sum(kernel, n), smallest)
}

/// Joint MMD of several layers (Long et al. 2017, eq. 9), biased: the kernel of a pair of rows is the product of the
/// layers' kernels, each of which is a [`MultiKernel`] as in [`multi_kernel_mmd`]. Every layer is rows × d of the one
/// domain, rows × d of the other.
pub fn joint_mmd<const L: usize>(
    first: (Tensor<2>, Tensor<2>, MultiKernel),
    others: [(Tensor<2>, Tensor<2>, MultiKernel); L],
) -> Tensor<1> {
    let n = first.0.dims()[0];
    let kernel = |(x, y, kernels)| kernel_of(x, y, kernels).0;
    signed_sum(others.into_iter().fold(kernel(first), |product, layer| product * kernel(layer)), n)
}

/// The summed kernels of every pair of rows of both domains, and the width of the smallest.
fn kernel_of(x: Tensor<2>, y: Tensor<2>, kernels: MultiKernel) -> (Tensor<2>, Tensor<1>) {
    let rows = x.dims()[0] + y.dims()[0];
    let z = Tensor::cat(vec![x, y], 0);
    let distances = squared_distances(z.clone(), z);
    let mean = || total(distances.clone()) / ((rows * rows - rows) as f64);
    let bandwidth = match kernels.bandwidth {
        Bandwidth::Mean => mean().detach(),
        Bandwidth::MeanWithGradient => mean(),
        Bandwidth::Fixed(width) => total(distances.clone()).detach() * 0.0 + width,
    };
    let smallest = bandwidth / kernels.factor.powi((kernels.number / 2) as i32);
    let scaled = distances / smallest.clone().unsqueeze::<2>();
    let kernel = (0..kernels.number)
        .map(|t| (scaled.clone() * -kernels.factor.powi(-(t as i32))).exp())
        .reduce(|a, b| a + b)
        .unwrap_or(scaled);
    (kernel, smallest)
}

/// Mean within the first `n` rows plus mean within the others less twice the mean across.
fn signed_sum(kernel: Tensor<2>, n: usize) -> Tensor<1> {
    let rows = kernel.dims()[0];
    let m = rows - n;
    // One signed weight a pair replaces four slices: +1/n² within x, +1/m² within y, −1/(nm) across.
    let weight = |i: usize| if i < n { 1.0 / n as f64 } else { -1.0 / m as f64 };
    let signs: Vec<f64> = (0..rows).flat_map(|i| (0..rows).map(move |j| weight(i) * weight(j))).collect();
    let device = kernel.device().inner();
    let signs: Tensor<2> = Tensor::from_data(TensorData::new(signs, [rows, rows]), (&device, kernel.dtype()));
    total(kernel * signs)
}

/// The biased [`rbf_mmd`] with the longer batch cut to the shorter, as scDEAL's code does.
pub fn rbf_mmd_cut(x: Tensor<2>, y: Tensor<2>, sigma: f64) -> Tensor<1> {
    let rows = x.dims()[0].min(y.dims()[0]);
    let [x, y] = [x, y].map(|z| z.slice_dim(0, 0..rows));
    rbf_mmd(x, y, sigma, Estimator::Biased)
}
