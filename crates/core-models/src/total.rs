//! The sum of all elements, in one order on every device.

use burn::tensor::Tensor;

use crate::is_on_host;

/// The sum of all elements: one number. Burn's `sum` lets the threads of a shader add to it as they come (atomically), so
/// that two runs differ in the last bits; on such devices it is taken axis by axis instead.
pub fn total<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    if is_on_host(&x.device()) { x.sum() } else { by_axes(x) }
}

fn by_axes<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    (0..D).rev().fold(x, Tensor::sum_dim).reshape([1])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, TensorData};

    use super::*;
    use crate::parse_device;

    #[test]
    fn axis_by_axis_is_the_same_sum_and_gradient() {
        let device = parse_device("flex").unwrap();
        let x = Tensor::<3>::random([3, 40, 7], Distribution::Default, &device).autodiff().require_grad();
        let values = |of: fn(Tensor<3>) -> Tensor<1>| {
            let sum = of(x.clone().square());
            let gradient: TensorData = x.grad(&sum.clone().backward()).unwrap().into_data();
            (sum.into_scalar::<f32>(), gradient)
        };
        let (ours, theirs) = (values(by_axes), values(Tensor::sum));
        assert!((ours.0 - theirs.0).abs() < 1e-5 * theirs.0, "{} {}", ours.0, theirs.0);
        assert_eq!(ours.1, theirs.1);
    }
}
