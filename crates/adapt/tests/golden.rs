//! Golden cases of the losses and of the optimizers, in double precision, gradients and what follows from them within the
//! allowance for single precision.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{DType, Tensor, TensorData};
use ndarray::ArrayD;
use sensitome_adapt::losses::*;
use sensitome_adapt::{Clip, Optimizer, OptimizerState, track};
use sensitome_core_models::*;
use sensitome_testkit::{Case, Report, has_doubles, run_group_on_device, skipped};

#[test]
fn losses() {
    run_group_on_device("losses", |case, report| match case.prefix() {
        "mmd" => mmd(case, report),
        "coral" => check(case, report, "coral", ["x", "y"], |[x, y]| coral(x, y)),
        "gaussian_kl" => {
            for (name, reduction) in
                [("sum", Reduction::Sum), ("mean", Reduction::Mean), ("sum_mean", Reduction::SumMean)]
            {
                check(case, report, name, ["mu", "logvar"], |[m, v]| gaussian_kl(m, v, reduction));
            }
        }
        "entropy" => predictions(case, report),
        "orthogonality" => apart(case, report),
        "mme" => cosine_classifier(case, report),
        "gradient_penalty" => penalty(case, report),
        "vat" => virtual_adversarial(case, report),
        _ => report.unknown(case),
    });
}

fn device() -> Device {
    parse_device(&sensitome_testkit::device()).unwrap()
}

/// That of the fixtures, where the device has it.
fn precision() -> DType {
    if has_doubles() { DType::F64 } else { DType::F32 }
}

fn leaf(array: &ArrayD<f64>) -> Tensor<2> {
    let shape = [array.shape()[0], array.shape()[1]];
    let data = TensorData::new(array.iter().copied().collect::<Vec<f64>>(), shape);
    Tensor::from_data(data, (&device(), precision())).autodiff().require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.inner().try_into_vec_as::<f64>().unwrap()
}

/// Value `name` and gradients `name_grad_INPUT`.
fn check<const N: usize>(
    case: &Case,
    report: &mut Report,
    name: &str,
    inputs: [&str; N],
    loss: impl Fn([Tensor<2>; N]) -> Tensor<1>,
) {
    let leaves = inputs.map(|i| leaf(&case.f64s(i)));
    let value = loss(leaves.clone());
    report.check(case, name, numbers(value.clone()));
    let gradients = value.backward();
    for (input, leaf) in inputs.iter().zip(&leaves) {
        let gradient = leaf.grad(&gradients).map_or(vec![0.0; leaf.dims().iter().product()], numbers);
        // Burn's backward pass multiplies by scalars in single precision, whatever the tensors are in.
        report.check_f32(case, &format!("{name}_grad_{input}"), gradient);
    }
}

fn mmd(case: &Case, report: &mut Report) {
    let xy = ["x", "y"];
    let factor = case.number("kernel_mul");
    for number in [5, 10] {
        let kernels = MultiKernel { number, factor, bandwidth: Bandwidth::Mean };
        check(case, report, &format!("mk{number}"), xy, |[x, y]| multi_kernel_mmd(x, y, kernels).0);
        let [x, y] = xy.map(|i| leaf(&case.f64s(i)));
        let (_, bandwidth) = multi_kernel_mmd(x, y, kernels);
        report.check(case, &format!("mk{number}_bandwidth"), numbers(bandwidth));
    }
    let fixed = MultiKernel { number: 5, factor, bandwidth: Bandwidth::Fixed(case.number("fix_sigma")) };
    check(case, report, "mk5_fixed", xy, |[x, y]| multi_kernel_mmd(x, y, fixed).0);
    let through = MultiKernel { number: 5, factor, bandwidth: Bandwidth::MeanWithGradient };
    check(case, report, "mk5_through_bandwidth", xy, |[x, y]| multi_kernel_mmd(x, y, through).0);
    let sigma = case.number("rbf_sigma");
    check(case, report, "rbf", xy, |[x, y]| rbf_mmd(x, y, sigma, Estimator::Biased));
    if case.has_output("rbf_unbiased") {
        check(case, report, "rbf_unbiased", xy, |[x, y]| rbf_mmd(x, y, sigma, Estimator::Unbiased));
    }
}

fn predictions(case: &Case, report: &mut Report) {
    let labels: Vec<usize> = case.i64s("targets").iter().map(|&y| y as usize).collect();
    let classes = case.f64s("logits").shape()[1];
    let one_hot = |labels: &[usize]| {
        let rows: Vec<f64> =
            labels.iter().flat_map(|&y| (0..classes).map(move |c| f64::from(u8::from(c == y)))).collect();
        Tensor::<2>::from_data(TensorData::new(rows, [labels.len(), classes]), (&device(), precision()))
    };
    let targets = one_hot(&labels);
    let weights: Vec<f64> = case.f64s("class_weights").iter().copied().collect();
    let first: Vec<f64> = labels.iter().map(|&y| f64::from(u8::from(y == 0))).collect();
    let first: Tensor<2> =
        Tensor::from_data(TensorData::new(first, [labels.len(), 1]), (&device(), precision()));
    type Loss<'a> = Box<dyn Fn(Tensor<2>) -> Tensor<1> + 'a>;
    let losses: [(&str, Loss); 5] = [
        ("exact", Box::new(entropy)),
        ("plus_1e5", Box::new(|l| entropy_with_offset(l, 1e-5))),
        ("cross_entropy", Box::new(|l| cross_entropy(l, targets.clone()))),
        ("cross_entropy_weighted", Box::new(|l| weighted_cross_entropy(l, targets.clone(), &weights))),
        ("bce_with_logits_first", Box::new(|l| binary_cross_entropy(l.slice_dim(1, 0..1), first.clone()))),
    ];
    for (name, loss) in &losses {
        check(case, report, name, ["logits"], |[l]| loss(l));
    }
}

fn apart(case: &Case, report: &mut Report) {
    let codes = ["shared", "private"];
    check(case, report, "dsn", codes, |[s, p]| orthogonality(s, p, false));
    check(case, report, "dsn_through_norm", codes, |[s, p]| orthogonality(s, p, true));
    check(case, report, "frobenius", codes, |[s, p]| frobenius_orthogonality(s, p));
    if case.has_output("cosine_squared") {
        check(case, report, "cosine_squared", codes, |[s, p]| cosine_orthogonality(s, p));
    }
}

fn cosine_classifier(case: &Case, report: &mut Report) {
    let temperature = case.number("temperature");
    let logits = |[f, w]: [Tensor<2>; 2], normalize_weight| {
        Layer::Cosine { weight: w.transpose(), temperature, normalize_weight }.forward(f, &mut Pass::Evaluate)
    };
    let inputs = ["features", "weights"];
    let leaves = || inputs.map(|i| leaf(&case.f64s(i)));
    report.check(case, "logits", numbers(logits(leaves(), false)));
    report.check(case, "cosine_logits", numbers(logits(leaves(), true)));
    check(case, report, "h", inputs, |x| entropy(logits(x, false)));
    check(case, report, "h_1e5", inputs, |x| entropy_with_offset(logits(x, false), 1e-5));
    check(case, report, "cosine_h", inputs, |x| entropy(logits(x, true)));
}

/// The network `prefix` of a case, in double precision and tracked, and the names of its tensors in the case.
fn network(case: &Case, prefix: &str, dtype: DType) -> (FeedForward, Vec<String>) {
    let weight = |name: &str| case.f64s(&format!("{prefix}.{name}"));
    let vector = |name: &str| -> Tensor<1> {
        let values: Vec<f64> = weight(name).iter().copied().collect();
        Tensor::from_data(TensorData::new(values.clone(), [values.len()]), (&device(), dtype))
    };
    let mut names = Vec::new();
    let layers = case.layers(prefix).into_iter().map(|l| {
        let text = |key: &str| l[key].as_str().unwrap().to_owned();
        match l["type"].as_str().unwrap() {
            "Linear" => {
                let w = weight(&text("weight"));
                let shape = [w.shape()[0], w.shape()[1]];
                let data = TensorData::new(w.iter().copied().collect::<Vec<f64>>(), shape);
                names.extend([text("weight"), text("bias")]);
                Layer::Linear {
                    weight: Tensor::<2>::from_data(data, (&device(), dtype)).transpose(),
                    bias: Some(vector(&text("bias"))),
                }
            }
            "BatchNorm1d" => {
                names.extend(["weight", "bias", "running_mean", "running_var"].map(text));
                Layer::BatchNorm {
                    gamma: vector(&text("weight")),
                    beta: vector(&text("bias")),
                    mean: vector(&text("running_mean")),
                    variance: vector(&text("running_var")),
                }
            }
            "ReLU" => Layer::Activation(Activation::Relu),
            "Tanh" => Layer::Activation(Activation::Tanh),
            "Sigmoid" => Layer::Activation(Activation::Sigmoid),
            "LeakyReLU" => {
                Layer::Activation(Activation::LeakyRelu { slope: l["negative_slope"].as_f64().unwrap() })
            }
            other => panic!("layer {other}"),
        }
    });
    (FeedForward::new(layers.collect()).unwrap(), names)
}

fn transposed(t: Tensor<2>) -> Vec<f64> {
    numbers(t.transpose())
}

/// Gradients `PREFIX.NAME` of every weight, within the allowance for single precision.
fn check_gradients(
    case: &Case,
    report: &mut Report,
    net: &mut FeedForward,
    names: &[String],
    gradients: &burn::tensor::Gradients,
    prefix: &str,
) {
    let mut next = names.iter();
    net.visit(&mut |_, p| {
        let name = format!("{prefix}{}", next.next().unwrap());
        if !case.has_output(&name) {
            return;
        }
        let got = match p {
            Parameter::Matrix(t) => {
                t.grad(gradients).map_or(vec![0.0; t.dims().iter().product()], transposed)
            }
            Parameter::Vector(t) => t.grad(gradients).map_or(vec![0.0; t.dims()[0]], numbers),
            Parameter::Statistic(_) => return,
        };
        report.check_f32(case, &name, got);
    });
}

fn penalty(case: &Case, report: &mut Report) {
    let (mut critic, names) = network(case, "critic", precision());
    track(&mut critic, &[""]);
    let [real, fake, alpha] = ["real", "fake", "alpha"].map(|n| leaf(&case.f64s(n)));
    report.check(case, "critic_real", numbers(critic.evaluate(real.clone())));
    report.check(case, "critic_fake", numbers(critic.evaluate(fake.clone())));
    let point = real.clone() * alpha.clone() + fake.clone() * (alpha.clone() * -1.0 + 1.0);
    let (_, gradient) = input_gradient(&critic, point, Pass::Evaluate).unwrap();
    report.check(case, "input_grad", numbers(gradient.clone()));
    let norms = numbers(gradient.square().sum_dim(1).sqrt());
    report.check(case, "input_grad_norm", norms);
    let penalty =
        gradient_penalty(&critic, real, fake, alpha, Pass::Evaluate).unwrap() * case.number("lambda");
    report.check(case, "penalty", numbers(penalty.clone()));
    let gradients = penalty.backward();
    check_gradients(case, report, &mut critic, &names, &gradients, "grad_");
}

fn virtual_adversarial(case: &Case, report: &mut Report) {
    let (mut net, names) = network(case, "classifier", precision());
    let [x, start] = ["x", "d0"].map(|n| leaf(&case.f64s(n)).inner());
    let frozen = net.clone();
    let (xi, size) = (case.number("xi"), case.number("eps"));
    let found =
        virtual_direction(x.clone(), start, xi, case.count("iterations"), |x| frozen.evaluate(x)).unwrap();
    report.check(case, "p", numbers(found.p.clone()));
    if !has_doubles() {
        // The direction is that of a gradient near its zero: little but rounding in single precision.
        return leave_out(case, report, |name| name != "p");
    }
    report.check_f32(case, "direction", numbers(found.direction.clone()));
    report.check_f32(case, "r_adv", numbers(found.direction.clone() * size));
    track(&mut net, &[""]);
    let lds = kl_from(found.p, net.forward(x + found.direction * size, Pass::Evaluate));
    report.check_f32(case, "lds", numbers(lds.clone()));
    let gradients = lds.backward();
    check_gradients(case, report, &mut net, &names, &gradients, "grad_");
}

#[test]
fn training() {
    run_group_on_device("training", |case, report| train(case, report, OptimizerState::new));
}

#[test]
fn training_by_tensor_operations() {
    let state = |optimizer| OptimizerState::new(optimizer).with_tensor_operations();
    run_group_on_device("training", |case, report| train(case, report, state));
}

/// Ten steps of a small network. A bias before batch normalisation has no gradient but rounding, which Adam makes steps of:
/// in single precision it is left out, with the running mean that follows it.
fn train(case: &Case, report: &mut Report, state: impl Fn(Optimizer) -> OptimizerState) {
    let option = |name: &str| case.option(name);
    let flag = |name: &str| option(name).is_some_and(|v| v == 1.0);
    let weight_decay = option("weight_decay").unwrap_or(0.0);
    let optimizer = match case.word("optimizer").as_str() {
        "Adam" => Optimizer::Adam { weight_decay, amsgrad: flag("amsgrad") },
        "AdamW" => Optimizer::AdamW { weight_decay },
        "RMSprop" => Optimizer::RmsProp,
        "SGD" => {
            let momentum = option("momentum").unwrap_or(0.0);
            Optimizer::Sgd { momentum, weight_decay, nesterov: flag("nesterov") }
        }
        other => panic!("optimizer {other}"),
    };
    let clip = case.param("max_norm").map(|norm| Clip { paths: vec![String::new()], norm });
    let (mut net, names) = network(case, "initial", precision());
    let mut state = state(optimizer);
    let batches = case.f64s("batches");
    let normed: Vec<bool> = net.layers().iter().map(|l| matches!(l, Layer::BatchNorm { .. })).collect();
    let adaptive = matches!(optimizer, Optimizer::Adam { .. } | Optimizer::AdamW { .. });
    let drifts = |name: &str| {
        let mut parts = name.rsplit('.');
        let (last, layer) = (parts.next(), parts.next().and_then(|i| i.parse::<usize>().ok()));
        let is_normed = |i: usize| normed.get(i) == Some(&true);
        let drifts = match (last, layer) {
            (Some("bias"), Some(i)) => is_normed(i + 1),
            (Some("running_mean"), Some(i)) => is_normed(i),
            _ => name == "final_output_eval" && normed.contains(&true),
        };
        drifts && adaptive && !has_doubles() && !name.starts_with("first_grad.")
    };
    leave_out(case, report, drifts);
    let (mut losses, mut norms, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..case.count("steps") {
        let x = batches.index_axis(ndarray::Axis(0), step);
        let shape = [x.shape()[0], x.shape()[1]];
        let data = TensorData::new(x.iter().copied().collect::<Vec<f64>>(), shape);
        let x: Tensor<2> = Tensor::from_data(data, (&device(), precision()));
        track(&mut net, &[""]);
        let y = net.forward(x.clone(), Pass::Train(&mut Noise::new(0, "none")));
        let loss = match case.word("loss").as_str() {
            "mse_mean" => mean_squared_error(y, x),
            word => {
                let labels: Vec<u8> = case.i64s("targets")[step * shape[0]..(step + 1) * shape[0]]
                    .iter()
                    .map(|&y| y as u8)
                    .collect();
                let targets = one_hot(&labels, &device()).cast(precision());
                match word {
                    "cross_entropy_mean" => cross_entropy(y, targets),
                    _ => weighted_cross_entropy(y, targets, &case.list("class_weights")),
                }
            }
        };
        losses.extend(numbers(loss.clone()));
        let gradients = loss.backward();
        if step == 0 {
            check_gradients(case, report, &mut net, &names, &gradients, "first_grad.");
        }
        let halvings = case.param("step_size").map_or(0, |size| step / size as usize);
        let rate = option("lr").unwrap() * case.param("gamma").unwrap_or(1.0).powi(halvings as i32);
        rates.push(rate);
        norms.extend(state.step_clipped(&mut net, gradients, rate, clip.as_ref()).unwrap());
        if step == 0 {
            check_weights(case, report, &mut net, &names, "after_step_1.", &drifts);
        }
    }
    report.check_f32(case, "losses", losses);
    if clip.is_some() {
        if norms.is_empty() {
            // Tensor operations leave the norm on the device; the weights follow from it.
            report.used(case, "norms");
        } else {
            report.check_f32(case, "norms", norms);
        }
        report.check(case, "rates", rates);
    }
    check_weights(case, report, &mut net, &names, "final.", &drifts);
    if case.has_output("final_output_eval") && !drifts("final_output_eval") {
        let x = batches.index_axis(ndarray::Axis(0), 0);
        let data = TensorData::new(x.iter().copied().collect::<Vec<f64>>(), [x.shape()[0], x.shape()[1]]);
        report.check_f32(
            case,
            "final_output_eval",
            numbers(net.evaluate(Tensor::<2>::from_data(data, (&device(), precision())))),
        );
    }
}

/// Outputs that single precision cannot give.
fn leave_out(case: &Case, report: &mut Report, which: impl Fn(&str) -> bool) {
    for name in case.output_names().into_iter().filter(|name| which(name)) {
        skipped(&format!("{}, {name}: needs double precision", case.name));
        report.used(case, name);
    }
}

fn check_weights(
    case: &Case,
    report: &mut Report,
    net: &mut FeedForward,
    names: &[String],
    prefix: &str,
    left_out: &dyn Fn(&str) -> bool,
) {
    let mut next = names.iter();
    net.visit(&mut |_, p| {
        let name = format!("{prefix}{}", next.next().unwrap());
        if case.has_output(&name) && !left_out(&name) {
            let got = match p {
                Parameter::Matrix(t) => transposed(t.clone()),
                Parameter::Vector(t) | Parameter::Statistic(t) => numbers(t.clone()),
            };
            report.check_f32(case, &name, got);
        }
    });
}
