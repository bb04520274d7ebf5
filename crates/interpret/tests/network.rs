//! The evaluator against Burn: outputs and gradients of random networks.
//!
//! Mutations tried, each of which makes `gradients` fail: dropping the projection of `Normalize` in
//! `backward`; taking the slope of SELU from `x >= 0`'s wrong branch; forgetting `shift.dot(weight)` when a
//! leading batch normalisation is folded. Leaving the running mean out of the shift makes `outputs` fail.

#![allow(clippy::unwrap_used)]

mod common;

use burn::tensor::Tensor;
use common::{Plan, apart, cases_in_doubles, plans, tensor2, values};
use ndarray::{Array2, array};
use proptest::prelude::*;
use sensitome_core_models::{Activation, FeedForward, Layer, Output};
use sensitome_interpret::{Autodiff, Explained, InterpretError, Network, Target};
use sensitome_testkit::has_doubles;

fn burn_outputs(network: &FeedForward, x: &Array2<f64>) -> Array2<f64> {
    let y: Tensor<2> = network.evaluate(tensor2(x));
    let [rows, columns] = y.dims();
    Array2::from_shape_vec((rows, columns), y.try_into_vec_as::<f64>().unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn outputs(plan in plans()) {
        let x = values(&mut plan.rng(), 6, plan.inputs, 0.4);
        let network = plan.network();
        let ours = Network::<f64>::new(&network).unwrap().forward(x.view()).unwrap();
        // Burn's scalars are in single precision (temperature, epsilon).
        let allowed = if has_doubles() { 1e-6 } else { 1e-5 };
        prop_assert!(apart(&ours, &burn_outputs(&network, &x)) < allowed);
    }
}

proptest! {
    #![proptest_config(cases_in_doubles(150))]

    #[test]
    fn gradients(plan in plans()) {
        let x = values(&mut plan.rng(), 6, plan.inputs, 0.4);
        let network = plan.network();
        for target in plan.targets() {
            let ours = Explained::<f64>::new(&network, plan.output(), target).unwrap().gradient(x.view()).unwrap();
            let burn = Autodiff::new(&network, plan.output(), target).unwrap().gradient(x.view()).unwrap();
            prop_assert!(apart(&ours, &burn) < 1e-5, "{target:?}: {}", apart(&ours, &burn));
        }
    }
}

#[test]
fn gradients_of_a_plain_network() {
    for norm in 0..3 {
        let plan = Plan {
            inputs: 30,
            hidden: vec![12, 8],
            functions: vec![Some(0), Some(4)],
            norm,
            head: 0,
            mask: false,
            seed: 11,
        };
        let (network, x) = (plan.network(), values(&mut plan.rng(), 6, 30, 0.4));
        let ours = Explained::<f64>::new(&network, Output::Softmax, Target::Margin)
            .unwrap()
            .gradient(x.view())
            .unwrap();
        let burn =
            Autodiff::new(&network, Output::Softmax, Target::Margin).unwrap().gradient(x.view()).unwrap();
        assert!(apart(&ours, &burn) < 1e-5, "{norm}: {}", apart(&ours, &burn));
    }
}

#[test]
fn affine_layers_become_one_where_that_is_smaller() {
    let plan = |hidden: Vec<usize>| Plan {
        inputs: 9,
        functions: vec![None; hidden.len()],
        hidden,
        norm: 1,
        head: 0,
        mask: true,
        seed: 3,
    };
    let steps = |p: Plan| Network::<f64>::new(&p.network()).unwrap().steps().len();
    assert_eq!(steps(plan(vec![7, 5])), 1, "9-7-5-2 without functions is one 9-2 map");
    assert_eq!(steps(plan(vec![1])), 2, "9-1-2 has 11 weights, 9-2 would have 18");
}

#[test]
fn wrong_input_is_a_typed_error() {
    let plan =
        Plan { inputs: 3, hidden: vec![2], functions: vec![Some(0)], norm: 0, head: 0, mask: false, seed: 1 };
    let network = plan.network();
    let ours = Network::<f64>::new(&network).unwrap();
    for x in [array![[1.0, 2.0]], array![[1.0, f64::NAN, 0.0]]] {
        assert!(matches!(ours.forward(x.view()), Err(InterpretError::Invalid { .. })));
    }
    let explain = |output, target| Explained::<f64>::new(&network, output, target);
    assert!(matches!(explain(Output::Softmax, Target::Logit(2)), Err(InterpretError::Invalid { .. })));
    assert!(matches!(explain(Output::Softmax, Target::Output(2)), Err(InterpretError::Invalid { .. })));
    assert!(matches!(explain(Output::Sigmoid, Target::Margin), Err(InterpretError::Invalid { .. })));
    assert!(matches!(explain(Output::Second, Target::Margin), Err(InterpretError::Unsupported { .. })));
    let nothing = FeedForward::new(vec![Layer::Activation(Activation::Relu)]).unwrap();
    assert!(matches!(Network::<f64>::new(&nothing), Err(InterpretError::Invalid { .. })));
    let weight = tensor2(&array![[f64::INFINITY], [0.0]]);
    let diverged = FeedForward::new(vec![Layer::Linear { weight, bias: None }]).unwrap();
    assert!(matches!(Network::<f64>::new(&diverged), Err(InterpretError::Invalid { .. })));
}
