//! The product of a layer against Burn's own: the same bits forwards and backwards, whatever the factors look like in memory.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use burn::tensor::{Device, Distribution, Tensor, TensorData};
use proptest::prelude::*;
use sensitome_core_models::{available_devices, parse_device, product};

fn devices() -> Vec<Device> {
    available_devices().into_iter().map(|name| parse_device(name).unwrap()).collect()
}

/// A matrix that is one of: laid out by rows, by columns, a part of a larger one, one row repeated, backwards.
fn matrix([rows, columns]: [usize; 2], layout: u8, seed: u32, device: &Device) -> Tensor<2> {
    let values = |n: usize| -> Vec<f32> {
        (0..n).map(|i| ((i as f32 + seed as f32) * 12.9898).sin() * 43.7585 % 1.0).collect()
    };
    let plain = |r: usize, c: usize| Tensor::from_data(TensorData::new(values(r * c), [r, c]), device);
    match layout {
        0 => plain(rows, columns),
        1 => plain(columns, rows).transpose(),
        2 => plain(rows + 3, columns + 2).slice([1..rows + 1, 2..columns + 2]),
        3 => plain(1, columns).expand([rows, columns]),
        _ => plain(rows, columns).flip([0, 1]),
    }
}

fn bits(tensor: Tensor<2>) -> Vec<u32> {
    tensor.into_data().as_slice::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
}

type Multiply = fn(Tensor<2>, Tensor<2>) -> Tensor<2>;

/// The product, and the gradients of a sum of its squares for the factors that are tracked.
fn all(a: &Tensor<2>, b: &Tensor<2>, tracked: [bool; 2], multiply: Multiply) -> Vec<Vec<u32>> {
    let lift = |t: &Tensor<2>, on: bool| if on { t.clone().autodiff().require_grad() } else { t.clone() };
    let (a, b) = (lift(a, tracked[0]), lift(b, tracked[1]));
    let y = multiply(a.clone(), b.clone());
    let mut found = vec![bits(y.clone().inner())];
    if tracked.contains(&true) {
        let gradients = (y.clone() * y).sum().backward();
        let of = |t: &Tensor<2>, on: bool| on.then(|| bits(t.grad(&gradients).unwrap()));
        found.extend([of(&a, tracked[0]), of(&b, tracked[1])].into_iter().flatten());
    }
    found
}

proptest! {
    #[test]
    fn a_product_and_its_gradients_are_those_of_matmul_to_the_bit(
        sides in [1usize..70, 1usize..70, 1usize..70],
        layouts in [0u8..5, 0u8..5],
        tracked in [any::<bool>(), any::<bool>()],
        seed in 0u32..1000,
    ) {
        let [m, k, n] = sides;
        for device in devices() {
            let a = matrix([m, k], layouts[0], seed, &device);
            let b = matrix([k, n], layouts[1], seed + 1, &device);
            let ours = all(&a, &b, tracked, product);
            prop_assert_eq!(ours, all(&a, &b, tracked, |a, b| a.matmul(b)));
        }
    }
}

#[test]
fn a_product_shared_by_threads_is_that_of_matmul() {
    for device in devices() {
        let a = Tensor::<2>::random([300, 200], Distribution::Default, &device);
        let b = Tensor::<2>::random([200, 250], Distribution::Default, &device);
        assert_eq!(bits(product(a.clone(), b.clone())), bits(a.matmul(b)));
    }
}

#[test]
fn a_product_of_nothing_is_zeros() {
    let Ok(device) = parse_device("flex") else { return }; // ndarray's own product refuses
    for [m, k, n] in [[0, 3, 2], [3, 0, 2], [3, 2, 0]] {
        let y = product(Tensor::ones([m, k], &device), Tensor::ones([k, n], &device));
        assert_eq!((y.dims(), bits(y)), ([m, n], vec![0; m * n]));
    }
}

#[test]
fn a_factor_used_twice_gets_the_sum_of_both_gradients() {
    for device in devices() {
        let x = matrix([4, 4], 0, 7, &device);
        let gradient = |multiply: Multiply| {
            let x = x.clone().autodiff().require_grad();
            let gradients = multiply(x.clone(), multiply(x.clone(), x.clone())).sum().backward();
            bits(x.grad(&gradients).unwrap())
        };
        assert_eq!(gradient(product), gradient(|a, b| a.matmul(b)));
    }
}

#[test]
fn double_precision_is_left_to_matmul() {
    for device in devices().into_iter().filter(sensitome_core_models::is_on_host) {
        let at = (&device, burn::tensor::DType::F64);
        let a = Tensor::<2>::from_data(TensorData::new(vec![1.0f64 / 3.0; 6], [2, 3]), at);
        let b = Tensor::<2>::from_data(TensorData::new(vec![1.0f64 / 7.0; 6], [3, 2]), at);
        let y = product(a, b).into_data();
        assert!((y.as_slice::<f64>().unwrap()[0] - 1.0 / 7.0).abs() < 1e-15);
    }
}
