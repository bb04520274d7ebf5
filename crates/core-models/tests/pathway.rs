//! The pathway decoder: what the mask keeps, and that it stays zero where it is zero.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use burn::tensor::{Tensor, TensorData};
use sensitome_core_models::*;
use sensitome_data::read::{GeneSet, GeneSets};

fn genes(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("G{i}")).collect()
}

fn sets() -> GeneSets {
    let set = |range: std::ops::Range<usize>| GeneSet {
        description: String::new(),
        genes: range.map(|i| format!("G{i}")).collect(),
    };
    [("A", set(0..5)), ("SMALL", set(0..2)), ("LARGE", set(0..90)), ("B", set(3..30))]
        .map(|(n, s)| (n.to_owned(), s))
        .into()
}

#[test]
fn the_mask_keeps_sets_between_the_bounds_and_adds_free_axes() {
    let mask = PathwayMask::new(&sets(), &genes(12), 4, 50, 2).unwrap();
    assert_eq!(mask.axes, ["A", "B", "free_1", "free_2"]);
    assert_eq!(mask.member.row(0).sum(), 5.0);
    assert_eq!(mask.member.row(1).to_vec(), (0..12).map(|j| f32::from(u8::from(j >= 3))).collect::<Vec<_>>());
    assert_eq!(mask.member.row(3).sum(), 12.0);
    // Strictly more than the least number.
    assert_eq!(PathwayMask::new(&sets(), &genes(12), 5, 50, 0).unwrap().axes, ["B"]);
    let error = PathwayMask::new(&sets(), &["X".to_owned()], 0, 50, 0).unwrap_err().to_string();
    assert!(error.contains("pathway_min"), "{error}");
}

#[test]
fn forward_and_gradient_are_masked() {
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    let mask = PathwayMask::new(&sets(), &genes(12), 4, 50, 1).unwrap();
    let mut decoder = PathwayDecoder::new(&mask, &Init::new(1, device.clone()), "d").unwrap();
    let member: Vec<f32> = mask.member.iter().copied().collect();
    let outside = |w: Tensor<2>| {
        let w = w.try_into_vec_as::<f32>().unwrap();
        assert!(w.iter().zip(&member).any(|(w, m)| *m == 1.0 && *w != 0.0));
        w.iter().zip(&member).all(|(w, m)| *m == 1.0 || *w == 0.0)
    };
    assert!(outside(decoder.weights().unwrap()));
    let z: Vec<f32> = (0..12).map(|k| k as f32 / 5.0 - 1.0).collect();
    let z = || Tensor::<2>::from_data(TensorData::new(z.clone(), [4, 3]), &device);
    // The same as the dense layer with the masked weights, whatever stands in the masked places.
    let dense = z().matmul(decoder.weights().unwrap());
    let bias = decoder.forward(Tensor::zeros([4, 3], &device));
    let got = decoder.forward(z()) - bias;
    let gap = (got - dense).abs().max().try_into_scalar::<f32>().unwrap();
    assert!(gap < 1e-6, "{gap}");
    decoder.networks("", &mut |_, net| {
        net.visit(&mut |_, p| {
            if let Parameter::Matrix(w) = p {
                *w = (w.clone() + 1.0).autodiff().require_grad();
            }
        });
    });
    let gradients = decoder.forward(z()).square().sum().backward();
    decoder.networks("", &mut |_, net| {
        net.visit(&mut |_, p| {
            if let Parameter::Matrix(w) = p {
                assert!(outside(w.grad(&gradients).unwrap()));
            }
        });
    });
}
