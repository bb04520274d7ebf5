//! Golden cases of group `interpretation`, in double precision, against torch, captum and shap.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

mod common;

use common::{tensor1, tensor2};
use ndarray::{Array1, Array2, Array3, Axis, Ix1, Ix2};
use sensitome_core_models::{Activation, FeedForward, Layer, Output};
use sensitome_interpret::{
    DeepShap, Explain, Explained, Gradients, IntegratedGradients, Network, PathOptions, Reading, Rule,
    ShapOptions, SoftmaxRule, Target,
};
use sensitome_testkit::{Case, Report, run_group_on_device};

#[test]
fn interpretation() {
    run_group_on_device("interpretation", |case, report| match case.prefix() {
        "forward" => forward(case, report),
        "gradients" => gradients(case, report),
        "ig_quadrature" => quadrature(case, report),
        "integrated_gradients" => integrated_gradients(case, report),
        "deeplift" => deeplift(case, report),
        "shap_deep" => shap(case, report),
        _ => report.unknown(case),
    });
}

fn network(case: &Case) -> FeedForward {
    let weight = |name: &str| case.f64s(&format!("weights.{name}"));
    let layers = case.params["layers"]["weights"].as_array().unwrap().iter().map(|layer| {
        let vector = |key: &str| -> Array1<f64> {
            weight(layer[key].as_str().unwrap()).into_dimensionality::<Ix1>().unwrap()
        };
        match layer["type"].as_str().unwrap() {
            "Linear" => {
                let w: Array2<f64> =
                    weight(layer["weight"].as_str().unwrap()).into_dimensionality::<Ix2>().unwrap();
                Layer::Linear { weight: tensor2(&w.t().to_owned()), bias: Some(tensor1(&vector("bias"))) }
            }
            "BatchNorm1d" => Layer::BatchNorm {
                gamma: tensor1(&vector("weight")),
                beta: tensor1(&vector("bias")),
                mean: tensor1(&vector("running_mean")),
                variance: tensor1(&vector("running_var")),
            },
            "ReLU" => Layer::Activation(Activation::Relu),
            "Sigmoid" => Layer::Activation(Activation::Sigmoid),
            "Dropout" => Layer::Dropout { rate: layer["p"].as_f64().unwrap() },
            other => panic!("{}: layer {other}", case.name),
        }
    });
    FeedForward::new(layers.collect()).unwrap()
}

fn matrix(case: &Case, name: &str) -> Array2<f64> {
    case.f64s(name).into_dimensionality::<Ix2>().unwrap()
}

/// The target of an output named `...__logit__t1...`, `...__softmax__t0...` or `...__prob__single...`.
fn explained(case: &Case, name: &str) -> Explained<f64> {
    let network = network(case);
    let class = usize::from(name.contains("__t1"));
    if name.contains("__single") {
        Explained::unit(&network, 1).unwrap()
    } else {
        let target =
            if name.contains("__softmax") { Target::Probability(class) } else { Target::Logit(class) };
        Explained::new(&network, Output::Softmax, target).unwrap()
    }
}

fn forward(case: &Case, report: &mut Report) {
    let net = Network::<f64>::new(&network(case)).unwrap();
    let run = |name: &str| net.forward(matrix(case, name).view()).unwrap();
    for (output, input) in [("logits", "x"), ("background_logits", "background")] {
        report.check(case, output, run(input).into_dyn());
    }
    if case.has_output("softmax") {
        let p = [0, 1].map(|class| {
            let explained =
                Explained::<f64>::new(&network(case), Output::Softmax, Target::Probability(class));
            explained.unwrap().value(matrix(case, "x").view()).unwrap()
        });
        let p = ndarray::stack(Axis(1), &[p[0].view(), p[1].view()]).unwrap();
        report.check(case, "softmax", p.into_dyn());
    }
}

fn gradients(case: &Case, report: &mut Report) {
    let x = matrix(case, "x");
    for name in case.output_names() {
        let reading = match name.split("__").next().unwrap() {
            "saliency_abs" => Reading::Saliency { absolute: true },
            "saliency_signed" => Reading::Saliency { absolute: false },
            "input_x_gradient" => Reading::InputTimesGradient,
            other => panic!("{}: {other}", case.name),
        };
        let method = Gradients::new(explained(case, name), reading).unwrap();
        report.check(case, name, method.explain(x.view(), 0).unwrap().values.into_dyn());
    }
}

fn rule(name: &str) -> Rule {
    match name {
        "gausslegendre" => Rule::GaussLegendre,
        "riemann_left" => Rule::RiemannLeft,
        "riemann_right" => Rule::RiemannRight,
        "riemann_middle" => Rule::RiemannMiddle,
        "riemann_trapezoid" => Rule::CaptumTrapezoid,
        other => panic!("rule {other}"),
    }
}

fn quadrature(case: &Case, report: &mut Report) {
    let steps = case.count("n_steps");
    for name in case.output_names() {
        let (method, what) = name.rsplit_once('_').unwrap();
        let (alphas, weights) = rule(method).points(steps).unwrap();
        report.check(case, name, if what == "alphas" { alphas } else { weights });
    }
}

fn integrated_gradients(case: &Case, report: &mut Report) {
    let (x, baseline) = (matrix(case, "x"), matrix(case, "baseline"));
    for name in case.output_names() {
        let parts: Vec<&str> = name.split("__").collect();
        let (method, steps) = match parts[1].split_once("_n") {
            Some((method, steps)) => (method, steps.parse().unwrap()),
            None => (parts[1], case.count("n_steps")),
        };
        let options = PathOptions { steps, rule: rule(method), multiply_by_inputs: true };
        // One row, repeated.
        let baseline = baseline.slice(ndarray::s![..1, ..]).to_owned();
        let method = IntegratedGradients::new(explained(case, name), baseline, options).unwrap();
        let rows = method.explain(x.view(), 0).unwrap();
        match parts[0] {
            "delta" => report.check(case, name, rows.gap.unwrap()),
            "ig" => report.check(case, name, rows.values.into_dyn()),
            other => panic!("{}: {other}", case.name),
        }
    }
}

fn deeplift(case: &Case, report: &mut Report) {
    let x = matrix(case, "x");
    for name in case.output_names() {
        let baseline = if name.ends_with("__zero") {
            Array2::zeros((1, x.ncols()))
        } else {
            let mean = case.f64s("baseline_mean");
            let n = x.ncols();
            mean.into_shape_with_order((1, n)).unwrap()
        };
        let options =
            ShapOptions { epsilon: case.number("eps"), softmax: SoftmaxRule::Captum, ..Default::default() };
        let rows =
            DeepShap::new(explained(case, name), baseline, options).unwrap().explain(x.view(), 0).unwrap();
        if name.starts_with("delta") {
            report.check(case, name, rows.gap.unwrap());
        } else {
            report.check(case, name, rows.values.into_dyn());
        }
    }
}

fn shap(case: &Case, report: &mut Report) {
    let (x, background) = (matrix(case, "x"), matrix(case, "background"));
    let net = network(case);
    let outputs = net.outputs().unwrap();
    let mut values = Array3::zeros((x.nrows(), x.ncols(), outputs));
    let mut deeplift = values.clone();
    let (mut expected, mut output) = (Array1::zeros(outputs), Array2::zeros((x.nrows(), outputs)));
    let mut gap = output.clone();
    for k in 0..outputs {
        let output_of = if outputs == 1 { Output::Linear } else { Output::Softmax };
        let explain = |epsilon| {
            let explained = Explained::new(&net, output_of, Target::Output(k)).unwrap();
            let options = ShapOptions { epsilon, ..Default::default() };
            let method = DeepShap::new(explained, background.clone(), options).unwrap();
            (method.expected(), method.explain(x.view(), 0).unwrap())
        };
        let (mean, rows) = explain(1e-6);
        expected[k] = mean;
        values.index_axis_mut(Axis(2), k).assign(&rows.values);
        output.column_mut(k).assign(&Array1::from(rows.output));
        gap.column_mut(k).assign(&-Array1::from(rows.gap.unwrap()));
        deeplift.index_axis_mut(Axis(2), k).assign(&explain(1e-10).1.values);
    }
    let agreement = (&values - &deeplift).fold(0.0f64, |m, v| m.max(v.abs()));
    report.check(case, "shap_values", values.into_dyn());
    report.check(case, "deeplift_mean_over_background", deeplift.into_dyn());
    report.check(case, "expected_value", expected.into_dyn());
    report.check(case, "output", output.into_dyn());
    report.check(case, "additivity_gap", gap.into_dyn());
    report.check(case, "agreement", vec![agreement]);
}
