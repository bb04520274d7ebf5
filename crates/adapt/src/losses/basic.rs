//! Cross-entropy and mean squared error.

use burn::tensor::{Device, Tensor, TensorData, activation};

/// Labels 0 and 1 as rows (1, 0) and (0, 1): rows × 2.
pub fn one_hot(labels: &[u8], device: &Device) -> Tensor<2> {
    let values: Vec<f32> =
        labels.iter().flat_map(|&y| if y == 1 { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
    Tensor::from_data(TensorData::new(values, [labels.len(), 2]), device)
}

/// Softmax cross-entropy, mean over rows. `logits` and `targets` are rows × classes; each row of `targets` sums to 1.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0] as f64;
    (activation::log_softmax(logits, 1) * targets).sum() * (-1.0 / rows)
}

/// Mean over all elements of the squared difference.
pub fn mean_squared_error(prediction: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    (prediction - target).square().mean()
}
