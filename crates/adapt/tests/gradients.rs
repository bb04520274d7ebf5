//! Gradients of whole networks and of the losses against finite differences, and optimizers against their definitions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{DType, Tensor, TensorData};
use sensitome_adapt::losses::*;
use sensitome_adapt::{Clip, Optimizer, OptimizerState, track};
use sensitome_core_models::*;

fn device() -> Device {
    parse_device(&sensitome_testkit::device()).unwrap()
}

fn tensor(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f32) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * columns).map(|k| f(k / columns, k % columns)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

/// Every layer kind, smooth activations so that a small step stays smooth.
fn network() -> FeedForward {
    let smooth = |function| LayerShape::Activation { function };
    let shapes = [
        LayerShape::Linear { inputs: 5, outputs: 6, bias: true },
        LayerShape::BatchNorm { features: 6 },
        smooth(Activation::Tanh),
        LayerShape::Linear { inputs: 6, outputs: 4, bias: true },
        smooth(Activation::Sigmoid),
        LayerShape::Cosine { inputs: 4, classes: 2, temperature: 0.5, normalize_weight: true },
    ];
    Init::new(3, device()).network("net", &shapes).unwrap()
}

fn loss(net: &mut FeedForward) -> Tensor<1> {
    let x = tensor(7, 5, |i, j| ((i * 5 + j * 3) % 11) as f32 / 4.0 - 1.0);
    let logits = net.forward(x, Pass::Train(&mut Noise::new(0, "noise")));
    cross_entropy(logits, one_hot(&[0, 1, 1, 0, 1, 0, 0], &device()))
}

fn value(t: Tensor<1>) -> f64 {
    f64::from(t.inner().try_into_scalar::<f32>().unwrap())
}

#[test]
fn network_gradients_are_the_finite_differences() {
    let mut net = network();
    track(&mut net, &[""]);
    let gradients = loss(&mut net).backward();
    let mut analytic = Vec::new();
    fn collect<const D: usize>(t: &Tensor<D>, g: &burn::tensor::Gradients, out: &mut Vec<f64>) {
        out.extend(t.grad(g).unwrap().try_into_vec_as::<f32>().unwrap().into_iter().map(f64::from));
    }
    net.visit(&mut |_, p| match p {
        Parameter::Matrix(t) => collect(t, &gradients, &mut analytic),
        Parameter::Vector(t) => collect(t, &gradients, &mut analytic),
        Parameter::Statistic(_) => {}
    });
    let shifted = |k: usize, by: f32| {
        let mut net = network();
        let mut seen = 0;
        fn shift<const D: usize>(t: &mut Tensor<D>, k: usize, seen: &mut usize, by: f32) {
            let mut data = t.clone().into_data();
            let values = data.as_mut_slice::<f32>().unwrap();
            if let Some(v) = k.checked_sub(*seen).and_then(|at| values.get_mut(at)) {
                *v += by;
            }
            *seen += values.len();
            *t = Tensor::from_data(data, &device());
        }
        net.visit(&mut |_, p| match p {
            Parameter::Matrix(t) => shift(t, k, &mut seen, by),
            Parameter::Vector(t) => shift(t, k, &mut seen, by),
            Parameter::Statistic(_) => {}
        });
        // Tracked all the same: batch norm takes the same path.
        track(&mut net, &[""]);
        value(loss(&mut net))
    };
    for (k, a) in analytic.iter().enumerate() {
        let h = 1e-2;
        let numeric = (shifted(k, h) - shifted(k, -h)) / (2.0 * f64::from(h));
        assert!((a - numeric).abs() < 2e-3 * (1.0 + numeric.abs()), "weight {k}: {a} and {numeric}");
    }
}

#[test]
fn cluster_loss_is_zero_for_equal_rows_and_pulls_others_together() {
    let clusters = [0, 0, 1, 1];
    let same = tensor(4, 3, |i, j| if i < 2 { j as f32 } else { 2.0 - j as f32 });
    assert!(value(cluster_dissimilarity(same, &clusters)).abs() < 1e-6);
    let x = tensor(4, 3, |i, j| ((i * 3 + j) % 5) as f32 - 1.7);
    let leaf = x.clone().autodiff().require_grad();
    let before = value(cluster_dissimilarity(x.clone(), &clusters));
    let gradient = leaf.grad(&cluster_dissimilarity(leaf.clone(), &clusters).backward()).unwrap();
    let after = value(cluster_dissimilarity(x - gradient * 0.1, &clusters));
    assert!(after < before, "{before} {after}");
}

/// Two steps on one weight with gradients 3 and −1 (the loss is gradient times weight).
fn two_steps(optimizer: Optimizer) -> Vec<f64> {
    let mut net = Init::new(0, device())
        .network("n", &[LayerShape::Linear { inputs: 1, outputs: 1, bias: false }])
        .unwrap();
    net.visit(&mut |_, p| {
        if let Parameter::Matrix(t) = p {
            *t = tensor(1, 1, |_, _| 2.0);
        }
    });
    let mut state = OptimizerState::new(optimizer);
    let mut out = Vec::new();
    for gradient in [3.0f32, -1.0] {
        track(&mut net, &[""]);
        let loss = net.forward(tensor(1, 1, |_, _| gradient), Pass::Evaluate).sum();
        state.step(&mut net, loss.backward(), 0.1).unwrap();
        net.visit(&mut |_, p| {
            if let Parameter::Matrix(t) = p {
                out.push(f64::from(t.clone().into_data().as_slice::<f32>().unwrap()[0]));
            }
        });
    }
    out
}

#[test]
fn optimizers_follow_their_definitions() {
    let near = |got: Vec<f64>, expected: [f64; 2]| {
        assert!(got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-6), "{got:?} {expected:?}");
    };
    // Adam: the first step is the learning rate; then m = .9·.3 − .1, v = .999·.009 + .001.
    let second = |w: f64| w - 0.1 * (0.17 / 0.19) / (0.009_991 / (1.0 - 0.999f64.powi(2))).sqrt();
    near(two_steps(Optimizer::ADAM), [1.9, second(1.9)]);
    let first = 2.0 * (1.0 - 0.001) - 0.1;
    near(two_steps(Optimizer::AdamW { weight_decay: 0.01 }), [first, second(first * (1.0 - 0.001))]);
    near(two_steps(Optimizer::Adagrad), [1.9, 1.9 + 0.1 / 10f64.sqrt()]);
    let root = |v: f64| v.sqrt() + 1e-8;
    let first = 2.0 - 0.3 / root(0.09);
    near(two_steps(Optimizer::RmsProp), [first, first + 0.1 / root(0.99 * 0.09 + 0.01)]);
    near(
        two_steps(Optimizer::Sgd { momentum: 0.9, weight_decay: 0.0, nesterov: false }),
        [1.7, 1.7 - 0.1 * (0.9 * 3.0 - 1.0)],
    );
    near(two_steps(Optimizer::Sgd { momentum: 0.0, weight_decay: 0.0, nesterov: false }), [1.7, 1.8]);
}

/// Weights after ten steps with gradients of both signs, some of them cut.
fn ten_steps(mut state: OptimizerState, device: &Device) -> Vec<f32> {
    let shape = LayerShape::Linear { inputs: 5, outputs: 4, bias: true };
    let mut net = Init::new(2, device.clone()).network("net", &[shape]).unwrap();
    let clip = Clip { paths: vec!["".to_owned()], norm: 1.0 };
    for step in 0..10 {
        let x: Vec<f32> =
            (0..30).map(|k| ((k * 7 + step * 5) % 13) as f32 / (4 + step) as f32 - 0.6).collect();
        let x = Tensor::<2>::from_data(TensorData::new(x, [6, 5]), device);
        track(&mut net, &[""]);
        let loss = net.forward(x, Pass::Evaluate).tanh().square().sum() * if step < 5 { 1.0 } else { 0.02 };
        state.step_clipped(&mut net, loss.backward(), 0.05, Some(&clip)).unwrap();
    }
    let mut weights = Vec::new();
    net.visit(&mut |_, p| match p {
        Parameter::Matrix(t) => weights.extend(t.clone().try_into_vec_as::<f32>().unwrap()),
        Parameter::Vector(t) | Parameter::Statistic(t) => {
            weights.extend(t.clone().try_into_vec_as::<f32>().unwrap());
        }
    });
    weights
}

#[test]
fn tensor_operations_do_what_one_pass_over_the_weights_does() {
    let sgd = |momentum, nesterov| Optimizer::Sgd { momentum, weight_decay: 0.1, nesterov };
    for optimizer in [
        Optimizer::ADAM,
        Optimizer::Adam { weight_decay: 0.1, amsgrad: true },
        Optimizer::AdamW { weight_decay: 0.1 },
        Optimizer::Adagrad,
        Optimizer::RmsProp,
        sgd(0.0, false),
        sgd(0.9, false),
        sgd(0.9, true),
    ] {
        let one_pass = ten_steps(OptimizerState::new(optimizer), &parse_device("flex").unwrap());
        let tensors = ten_steps(OptimizerState::new(optimizer).with_tensor_operations(), &device());
        for (a, b) in one_pass.iter().zip(&tensors) {
            assert!((a - b).abs() < 1e-5, "{optimizer:?}: {a} and {b}");
        }
    }
}

fn double(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f64) -> Tensor<2> {
    let values: Vec<f64> = (0..rows * columns).map(|k| f(k / columns, k % columns)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), (&device(), DType::F64))
}

fn number(t: Tensor<1>) -> f64 {
    t.inner().try_into_scalar::<f64>().unwrap()
}

/// A critic of two hidden layers in double precision, whose weight `k` is moved by `by`.
fn critic(function: Activation, k: usize, by: f64) -> FeedForward {
    let mut seen = 0;
    let mut weight = |rows: usize, columns: usize| {
        let start = seen;
        seen += rows * columns;
        double(rows, columns, |i, j| {
            let at = start + i * columns + j;
            ((at * 7919 % 101) as f64 / 50.0 - 1.0) + if at == k { by } else { 0.0 }
        })
    };
    let mut layer = |inputs: usize, outputs: usize| Layer::Linear {
        weight: weight(inputs, outputs),
        bias: Some(weight(1, outputs).squeeze_dim(0)),
    };
    let f = || Layer::Activation(function);
    FeedForward::new(vec![layer(4, 5), f(), layer(5, 3), f(), layer(3, 1)]).unwrap()
}

#[test]
fn the_gradient_penalty_and_its_gradient_are_the_finite_differences() {
    if !sensitome_testkit::has_doubles() {
        return sensitome_testkit::skipped("finite differences of second order need double precision");
    }
    let leaky = Activation::LeakyRelu { slope: 0.2 };
    for function in [Activation::Relu, leaky, Activation::Selu, Activation::Sigmoid, Activation::Tanh] {
        if function == Activation::Sigmoid && sensitome_testkit::device() == "ndarray" {
            sensitome_testkit::skipped("ndarray computes the sigmoid of doubles in single precision");
            continue;
        }
        let x = |i: usize, j: usize| ((i * 4 + j * 3) % 13) as f64 / 5.0 - 1.1;
        let net = critic(function, usize::MAX, 0.0);
        let (_, gradient) = input_gradient(&net, double(6, 4, x), Pass::Evaluate).unwrap();
        let gradient = gradient.try_into_vec_as::<f64>().unwrap();
        let h = 1e-6;
        for (at, g) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let row = at / 4;
                let y = net.evaluate(double(6, 4, |i, j| x(i, j) + if i * 4 + j == at { by } else { 0.0 }));
                y.try_into_vec_as::<f64>().unwrap()[row]
            };
            let numeric = (moved(h) - moved(-h)) / (2.0 * h);
            assert!(
                (g - numeric).abs() < 1e-6 * (1.0 + numeric.abs()),
                "{function:?} input {at}: {g} {numeric}"
            );
        }
        let penalty = |net: &FeedForward| {
            let fake = double(6, 4, |i, j| x(j, i) * 0.7 + 0.2);
            let mix = double(6, 1, |i, _| i as f64 / 6.0);
            gradient_penalty(net, double(6, 4, x), fake, mix, Pass::Evaluate).unwrap()
        };
        let mut tracked = net.clone();
        track(&mut tracked, &[""]);
        let gradients = penalty(&tracked).backward();
        let mut at = 0;
        tracked.visit(&mut |_, p| {
            let (n, analytic) = match p {
                Parameter::Matrix(t) => {
                    (t.dims().iter().product(), t.grad(&gradients).map(|g| g.flatten(0, 1)))
                }
                Parameter::Vector(t) => (t.dims()[0], t.grad(&gradients)),
                Parameter::Statistic(t) => (t.dims()[0], None),
            };
            let analytic = analytic.map_or(vec![0.0; n], |g: Tensor<1>| g.try_into_vec_as::<f64>().unwrap());
            for a in analytic {
                let moved = |by: f64| number(penalty(&critic(function, at, by)));
                let numeric = (moved(h) - moved(-h)) / (2.0 * h);
                assert!(
                    (a - numeric).abs() < 1e-5 * (1.0 + numeric.abs()),
                    "{function:?} weight {at}: {a} {numeric}"
                );
                at += 1;
            }
        });
        assert_eq!(at, 20 + 5 + 15 + 3 + 3 + 1);
    }
    let normed = Init::new(0, device()).network("n", &[LayerShape::BatchNorm { features: 4 }]).unwrap();
    assert!(input_gradient(&normed, tensor(3, 4, |_, _| 1.0), Pass::Evaluate).is_err());
}

#[test]
fn activations_and_their_gradients_are_finite_far_from_zero() {
    let leaky = Activation::LEAKY_RELU;
    for function in [Activation::Relu, leaky, Activation::Selu, Activation::Sigmoid, Activation::Tanh] {
        let x = tensor(1, 5, |_, j| [-1e3, -90.0, 0.0, 90.0, 1e3][j]).autodiff().require_grad();
        let y = function.forward(x.clone());
        let gradient = x.grad(&y.clone().sum().backward()).unwrap().try_into_vec_as::<f32>().unwrap();
        let values = y.inner().try_into_vec_as::<f32>().unwrap();
        assert!(
            values.iter().chain(&gradient).all(|v| v.is_finite()),
            "{function:?}: {values:?} {gradient:?}"
        );
        assert!(
            (gradient[4] - function.derivative(x).inner().try_into_vec_as::<f32>().unwrap()[4]).abs() < 1e-6
        );
    }
    // A prediction so certain that the other class has the probability zero in single precision.
    let certain = tensor(1, 2, |_, j| j as f32 * 300.0);
    let p = burn::tensor::activation::softmax(certain.clone(), 1);
    assert!(value(kl_from(p, certain)).abs() < 1e-6);
}

#[test]
fn reversal_changes_the_gradient_and_nothing_else() {
    let x = tensor(3, 2, |i, j| i as f32 - j as f32 / 3.0);
    let leaf = x.clone().autodiff().require_grad();
    let y = reverse_gradient(leaf.clone(), 0.7);
    assert_eq!(y.clone().inner().into_data(), x.into_data());
    let g = leaf.grad(&y.sum().backward()).unwrap().try_into_vec_as::<f32>().unwrap();
    assert!(g.iter().all(|g| (g + 0.7).abs() < 1e-6), "{g:?}");
    assert!(reversal_schedule(0.0).abs() < 1e-12 && (reversal_schedule(1.0) - 0.999_909_2).abs() < 1e-6);
}

#[test]
fn the_domain_loss_gives_each_domain_one_half() {
    let logit = |i: usize| [1.5f32, -0.5, 0.2, -2.0, 3.0][i];
    let weight = |i: usize| [1.0f32, 2.0, 0.5, 1.5, 1.0][i];
    let (logits, weights) = (tensor(5, 1, |i, _| logit(i)), tensor(5, 1, |i, _| weight(i)));
    // −log σ(x) of the two source rows, −log(1 − σ(x)) of the three cells.
    let cost = |i: usize| {
        let x = f64::from(logit(i));
        (1.0 + if i < 2 { -x } else { x }.exp()).ln()
    };
    let mean = |rows: std::ops::Range<usize>, w: &dyn Fn(usize) -> f32| {
        let sum: f64 = rows.clone().map(|i| f64::from(w(i)) * cost(i)).sum();
        sum / rows.map(|i| f64::from(w(i))).sum::<f64>()
    };
    let expected = 0.5 * (mean(0..2, &weight) + mean(2..5, &weight));
    assert!((value(domain_loss(logits.clone(), 2, weights)) - expected).abs() < 1e-6);
    let equal = 0.5 * (mean(0..2, &|_| 1.0) + mean(2..5, &|_| 1.0));
    assert!((value(domain_loss(logits, 2, tensor(5, 1, |_, _| 1.0))) - equal).abs() < 1e-6);
}
