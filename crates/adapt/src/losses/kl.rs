//! Divergence of a Gaussian posterior from the standard normal.

use burn::tensor::Tensor;
use sensitome_core_models::total;

/// How the divergences of rows and dimensions become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// The sum of all.
    Sum,
    /// The mean of all.
    Mean,
    /// Summed over the dimensions, mean over the rows.
    SumMean,
}

/// −½ (1 + log σ² − μ² − σ²) (Kingma and Welling 2014, appendix B); `mean` and `log_variance` are rows × dimensions.
pub fn gaussian_kl(mean: Tensor<2>, log_variance: Tensor<2>, reduction: Reduction) -> Tensor<1> {
    let rows = mean.dims()[0] as f64;
    let each = (log_variance.clone() + 1.0 - mean.square() - log_variance.exp()) * -0.5;
    match reduction {
        Reduction::Sum => total(each),
        Reduction::Mean => each.mean(),
        Reduction::SumMean => total(each) / rows,
    }
}
