//! Golden cases of the losses: values in double precision, gradients within the allowance for single precision. The cases of losses that come with later
//! strategies are passed over by name.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{DType, Tensor, TensorData};
use ndarray::ArrayD;
use sensitome_adapt::losses::*;
use sensitome_core_models::{Device, parse_device};
use sensitome_testkit::{Case, Report, run_group};

/// Losses of strategies that are not here yet.
const LATER: [&str; 5] = ["entropy", "gradient_penalty", "mme", "orthogonality", "vat"];

#[test]
fn losses() {
    run_group("losses", |case, report| match case.prefix() {
        "mmd" => mmd(case, report),
        "coral" => check(case, report, "coral", ["x", "y"], |[x, y]| coral(x, y)),
        "gaussian_kl" => {
            for (name, reduction) in
                [("sum", Reduction::Sum), ("mean", Reduction::Mean), ("sum_mean", Reduction::SumMean)]
            {
                check(case, report, name, ["mu", "logvar"], |[m, v]| gaussian_kl(m, v, reduction));
            }
        }
        prefix if LATER.contains(&prefix) => {
            case.output_names().iter().for_each(|name| report.used(case, name))
        }
        _ => report.unknown(case),
    });
}

fn device() -> Device {
    parse_device("flex").unwrap()
}

fn leaf(array: &ArrayD<f64>) -> Tensor<2> {
    let shape = [array.shape()[0], array.shape()[1]];
    let data = TensorData::new(array.iter().copied().collect::<Vec<f64>>(), shape);
    Tensor::from_data(data, (&device(), DType::F64)).autodiff().require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.inner().try_into_vec_as::<f64>().unwrap()
}

/// Value `name` and gradients `name_grad_INPUT`.
fn check(
    case: &Case,
    report: &mut Report,
    name: &str,
    inputs: [&str; 2],
    loss: impl Fn([Tensor<2>; 2]) -> Tensor<1>,
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
