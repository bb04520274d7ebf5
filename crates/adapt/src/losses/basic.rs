//! Cross-entropy and mean squared error.

use burn::tensor::{Device, Tensor, TensorData, activation};
use sensitome_core_models::total;

/// Labels 0 and 1 as rows (1, 0) and (0, 1): rows × 2.
pub fn one_hot(labels: &[u8], device: &Device) -> Tensor<2> {
    let values: Vec<f32> =
        labels.iter().flat_map(|&y| if y == 1 { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
    Tensor::from_data(TensorData::new(values, [labels.len(), 2]), device)
}

/// Softmax cross-entropy, mean over rows. `logits` and `targets` are rows × classes; each row of `targets` sums to 1.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0] as f64;
    total(activation::log_softmax(logits, 1) * targets) * (-1.0 / rows)
}

/// [`cross_entropy`] with a weight for each class: the weighted mean, divided by the sum of the rows' weights as
/// PyTorch does.
pub fn weighted_cross_entropy(logits: Tensor<2>, targets: Tensor<2>, class_weights: &[f64]) -> Tensor<1> {
    let data = TensorData::new(class_weights.to_vec(), [1, class_weights.len()]);
    let weights: Tensor<2> = Tensor::from_data(data, (&logits.device().inner(), logits.dtype()));
    let weighted = targets * weights;
    total(activation::log_softmax(logits, 1) * weighted.clone()) / total(weighted) * -1.0
}

/// Binary cross-entropy of the sigmoid of `logits` (rows × 1) with `targets` (rows × 1, in 0..1), mean over the rows.
pub fn binary_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    // −y log σ(x) − (1 − y) log(1 − σ(x)), with log(1 − σ(x)) = log σ(x) − x: nothing overflows.
    ((targets * -1.0 + 1.0) * logits.clone() - activation::log_sigmoid(logits)).mean()
}

/// Mean over all elements of the squared difference.
pub fn mean_squared_error(prediction: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (prediction - target).square().mean()
}
