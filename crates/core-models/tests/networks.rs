//! Layers and networks against their definitions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{Tensor, TensorData};
use sensitome_core_models::*;

fn device() -> Device {
    parse_device(&sensitome_testkit::device()).unwrap()
}

fn tensor(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f32) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * columns).map(|k| f(k / columns, k % columns)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

fn numbers<const D: usize>(t: Tensor<D>) -> Vec<f32> {
    t.try_into_vec_as::<f32>().unwrap()
}

fn network(shapes: &[LayerShape]) -> FeedForward {
    Init::new(1, device()).network("test", shapes).unwrap()
}

#[test]
fn batch_norm_trains_on_the_biased_variance_and_remembers_the_unbiased() {
    let mut net = network(&[LayerShape::BatchNorm { features: 1 }]);
    let x = tensor(4, 1, |i, _| [1.0, 2.0, 3.0, 6.0][i]);
    let y = numbers(net.forward(x, Pass::Train(&mut Noise::new(0, "noise"))));
    let sd = (3.5f32 + 1e-5).sqrt();
    for (y, x) in y.iter().zip([1.0, 2.0, 3.0, 6.0]) {
        assert!((y - (x - 3.0) / sd).abs() < 1e-5);
    }
    let mut statistics = Vec::new();
    net.visit(&mut |_, p| {
        if let Parameter::Statistic(t) = p {
            statistics.extend(numbers(t.clone()));
        }
    });
    // Momentum 0.1: 0.9·0 + 0.1·3 and 0.9·1 + 0.1·14/3.
    assert!((statistics[0] - 0.3).abs() < 1e-6 && (statistics[1] - (0.9 + 1.4 / 3.0)).abs() < 1e-6);
}

#[test]
fn one_row_is_normalised_by_the_running_statistics() {
    let mut net = network(&[LayerShape::BatchNorm { features: 2 }]);
    let y =
        numbers(net.forward(tensor(1, 2, |_, j| j as f32 + 1.0), Pass::Train(&mut Noise::new(0, "noise"))));
    assert!(y.iter().zip([1.0, 2.0]).all(|(y, x): (&f32, f32)| (y - x).abs() < 1e-4));
}

#[test]
fn noise_is_for_training_only() {
    for shape in [LayerShape::Dropout { rate: 0.25 }, LayerShape::Mask { rate: 0.25 }] {
        let mut net = network(std::slice::from_ref(&shape));
        let x = || tensor(200, 50, |_, _| 1.0);
        assert!(numbers(net.evaluate(x())).iter().all(|&v| v == 1.0));
        let y = numbers(net.forward(x(), Pass::Train(&mut Noise::new(3, "noise"))));
        let zeros = y.iter().filter(|&&v| v == 0.0).count() as f64 / y.len() as f64;
        assert!((zeros - 0.25).abs() < 0.02, "{zeros}");
        let kept = if shape == (LayerShape::Mask { rate: 0.25 }) { 1.0 } else { 1.0 / 0.75 };
        assert!(y.iter().all(|&v| v == 0.0 || (v - kept).abs() < 1e-6));
        let again = numbers(net.forward(x(), Pass::Train(&mut Noise::new(3, "noise"))));
        assert_eq!(y, again);
    }
}

#[test]
fn normal_noise_has_mean_zero_and_variance_one() {
    let z = numbers(Noise::new(5, "normal").normal([300, 101], &device()));
    let n = z.len() as f64;
    let mean = z.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = z.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
}

#[test]
fn weights_start_as_pytorch_starts_them() {
    let shape = LayerShape::Linear { inputs: 400, outputs: 60, bias: true };
    let make = |seed, name: &str| {
        let mut net = Init::new(seed, device()).network(name, std::slice::from_ref(&shape)).unwrap();
        let mut all = Vec::new();
        net.visit(&mut |_, p| match p {
            Parameter::Matrix(t) => all.extend(numbers(t.clone())),
            Parameter::Vector(t) | Parameter::Statistic(t) => all.extend(numbers(t.clone())),
        });
        all
    };
    let w = make(1, "a");
    let bound = 1.0 / 400f32.sqrt();
    assert!(w.iter().all(|v| v.abs() <= bound) && w.iter().any(|v| v.abs() > 0.98 * bound));
    let variance = w.iter().map(|v| f64::from(v * v)).sum::<f64>() / w.len() as f64;
    assert!((variance / (f64::from(bound * bound) / 3.0) - 1.0).abs() < 0.03);
    assert_eq!(w, make(1, "a"));
    assert_ne!(w, make(2, "a"));
    assert_ne!(w, make(1, "b"));
}

#[test]
fn architectures_have_the_published_sizes() {
    let init = Init::new(0, device());
    // scDEAL, 1000 genes, encoder 512-256, embedding 128: linear and batch norm in each block, mirrored decoder.
    let config = AutoencoderConfig { activation: None, ..AutoencoderConfig::new(1000, &[512, 256], 128) };
    let a = config.init(&init, "ae", 0.0).unwrap();
    let linear = |i: usize, o: usize| i * o + o;
    assert_eq!(
        a.encoder.parameter_count(),
        linear(1000, 512) + 1024 + linear(512, 256) + 512 + linear(256, 128)
    );
    assert_eq!(a.decoder.parameter_count(), linear(128, 256) + linear(256, 512) + 1024 + linear(512, 1000));
    // SCAD's extractor: one block. Its head: four hidden layers and one logit.
    let extractor = MlpConfig { outputs: None, dropout: 0.5, ..MlpConfig::new(1000, &[512], 512) };
    assert_eq!(extractor.init(&init, "f").unwrap().parameter_count(), linear(1000, 512) + 1024);
    // He et al.: ReLU before batch norm.
    let he = MlpConfig { normalization: Normalization::AfterActivation, ..MlpConfig::new(10, &[4], 2) };
    assert!(matches!(
        he.shapes().unwrap()[..],
        [
            LayerShape::Linear { .. },
            LayerShape::Activation { .. },
            LayerShape::BatchNorm { .. },
            LayerShape::Linear { .. }
        ]
    ));
    // SSDA4Drug: cosine head over a temperature.
    let blocks = MlpConfig { outputs: None, ..MlpConfig::new(128, &[64], 64) };
    let (head, output) = HeadConfig::Cosine { blocks, temperature: 0.05, normalize_weight: false }
        .init(&init, "head")
        .unwrap();
    assert_eq!((head.outputs(), output), (Some(2), Output::Softmax));
}

#[test]
fn the_cosine_layer_ignores_the_length_of_its_input() {
    let net =
        network(&[LayerShape::Cosine { inputs: 3, classes: 2, temperature: 0.05, normalize_weight: true }]);
    let x = |scale: f32| tensor(4, 3, move |i, j| scale * ((i * 3 + j) as f32 - 5.5));
    let (a, b) = (numbers(net.evaluate(x(1.0))), numbers(net.evaluate(x(17.0))));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4 && a.abs() <= 20.0 + 1e-4));
    assert!(numbers(net.evaluate(x(0.0))).iter().all(|v| *v == 0.0));
}

#[test]
fn a_denoising_autoencoder_evaluates_without_its_mask() {
    let init = Init::new(4, device());
    let config = AutoencoderConfig::new(20, &[8], 4);
    let (mut plain, mut denoising) =
        (config.init(&init, "ae", 0.0).unwrap(), config.init(&init, "ae", 0.5).unwrap());
    let x = || tensor(6, 20, |i, j| (i + j) as f32);
    let (a, b) = (plain.forward(x(), Pass::Evaluate).1, denoising.forward(x(), Pass::Evaluate).1);
    assert_eq!(numbers(a), numbers(b));
}

#[test]
fn a_variational_autoencoder_samples_in_training_only() {
    let mut vae =
        AutoencoderConfig::new(20, &[8], 4).init_variational(&Init::new(4, device()), "vae").unwrap();
    let x = || tensor(6, 20, |i, j| (i + j) as f32 / 10.0);
    let out = vae.forward(x(), Pass::Evaluate);
    assert_eq!(numbers(out.sample.clone()), numbers(out.mean));
    assert_eq!(numbers(vae.encoder().unwrap().evaluate(x())), numbers(out.sample));
    let out = vae.forward(x(), Pass::Train(&mut Noise::new(0, "noise")));
    assert_ne!(numbers(out.sample), numbers(out.mean));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let init = Init::new(0, device());
    let a = MlpConfig::new(4, &[3], 2).init(&init, "a").unwrap();
    let b = MlpConfig::new(3, &[3], 2).init(&init, "b").unwrap();
    assert!(a.then(b).unwrap_err().to_string().contains("gives 2 values and the next takes 3"));
    assert!(MlpConfig { dropout: 1.0, ..MlpConfig::new(4, &[3], 2) }.shapes().is_err());
    assert!(MlpConfig::new(0, &[3], 2).shapes().is_err());
}

#[test]
fn devices_go_by_their_names_and_a_missing_one_is_an_error() {
    let here = available_devices();
    assert!(here.contains(&sensitome_testkit::device().as_str().split(':').next().unwrap()));
    for name in &here {
        let device = parse_device(name).unwrap();
        assert_eq!((device_name(&device), device_name(&device.clone().autodiff())), (*name, *name));
        assert_eq!(is_on_host(&device), ["flex", "ndarray"].contains(name));
        assert_eq!(parse_device(&format!("{name}:0")).unwrap(), device);
        for index in ["999", "-1", "x", ""] {
            let error = parse_device(&format!("{name}:{index}")).unwrap_err().to_string();
            assert!(error.contains("no such device") && error.contains(&format!("{name}:0")), "{error}");
        }
    }
    for name in ["cuda", "wgpu", "gpu", ""] {
        if !here.contains(&name) {
            let error = parse_device(name).unwrap_err();
            assert!(
                matches!(error, ModelError::Device { .. }) && error.to_string().contains(here[0]),
                "{error}"
            );
        }
    }
}
