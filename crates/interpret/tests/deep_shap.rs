//! DeepSHAP adds up on every layer list, equals exact Shapley values where those are known, and says when it
//! does not.
//!
//! Mutations tried: `straight` or `along` of one end only in `normalize`
//! (`adds_up` fails on cosine heads); the slope instead of the secant in `step` (`adds_up`); the centre left
//! out of the background (`centring_changes_nothing`); a tolerance that is never compared
//! (`a_gap_is_an_error`).

#![allow(clippy::unwrap_used)]

mod common;

use common::{apart, plans, values};
use ndarray::Array2;
use proptest::prelude::*;
use sensitome_interpret::{
    DeepShap, Explain, Explained, InterpretError, Rows, ShapOptions, SoftmaxRule, Target,
};

fn relative_gap<F>(rows: &Rows<F>) -> f64 {
    let gaps = rows.gap.as_ref().unwrap();
    let scale = |i: usize| rows.output[i].abs().max(rows.expected[i].abs()).max(1.0);
    (0..gaps.len()).map(|i| gaps[i].abs() / scale(i)).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn adds_up(plan in plans(), zeros in prop::sample::select(vec![0.0, 0.5, 0.95])) {
        let mut rng = plan.rng();
        let x = values(&mut rng, 5, plan.inputs, zeros);
        let background = values(&mut rng, 7, plan.inputs, zeros);
        let network = plan.network();
        for target in plan.targets() {
            let exact = Explained::<f64>::new(&network, plan.output(), target).unwrap();
            let shap = DeepShap::new(exact, background.clone(), ShapOptions::default()).unwrap();
            let rows = shap.explain(x.view(), 0).unwrap();
            prop_assert!(relative_gap(&rows) < 1e-9, "{target:?}: {}", relative_gap(&rows));
            let single = Explained::<f32>::new(&network, plan.output(), target).unwrap();
            let shap = DeepShap::new(single, background.mapv(|v| v as f32), ShapOptions::default()).unwrap();
            let rows = shap.explain(x.mapv(|v| v as f32).view(), 0).unwrap();
            prop_assert!(relative_gap(&rows) < 1e-4, "{target:?}, single: {}", relative_gap(&rows));
        }
    }

    /// Values that are many times the same are taken off the background first: a shift of the arithmetic
    /// only.
    #[test]
    fn centring_changes_nothing(plan in plans(), shift in -2.0..2.0f64) {
        let mut rng = plan.rng();
        let x = values(&mut rng, 4, plan.inputs, 0.5);
        let background = values(&mut rng, 30, plan.inputs, 0.95);
        let network = plan.network();
        let target = plan.targets()[0];
        // The same rows in another order and twice have the same mean, and other densities another path.
        let explain = |rows: Array2<f64>| {
            let exact = Explained::<f64>::new(&network, plan.output(), target).unwrap();
            DeepShap::new(exact, rows, ShapOptions::default()).unwrap().explain(x.view(), 0).unwrap().values
        };
        let shifted = background.mapv(|v| if v == 0.0 { shift } else { v });
        let mut noisy = shifted.clone();
        let mut step = 0.0;
        noisy.mapv_inplace(|v| { step += 1e-13; v + step }); // no value occurs twice: the dense path
        prop_assert!(apart(&explain(shifted), &explain(noisy)) < 1e-6);
    }
}

#[test]
fn a_gap_is_an_error() {
    let plan = common::Plan {
        inputs: 6,
        hidden: vec![4],
        functions: vec![Some(3)],
        norm: 0,
        head: 0,
        mask: false,
        seed: 5,
    };
    let mut rng = plan.rng();
    let (x, background) = (values(&mut rng, 3, 6, 0.2), values(&mut rng, 4, 6, 0.2));
    let explain = |options| {
        let exact = Explained::<f64>::new(&plan.network(), plan.output(), Target::Probability(1)).unwrap();
        DeepShap::new(exact, background.clone(), options).unwrap().explain(x.view(), 10)
    };
    // An epsilon so large that every multiplier is a gradient breaks the sum: that must not pass in silence.
    let broken = ShapOptions { epsilon: 100.0, ..Default::default() };
    assert!(matches!(explain(broken), Err(InterpretError::Incomplete { row: 10..=12, .. })));
    // Captum's softmax does not add up, and its gap shows it.
    let captum = explain(ShapOptions { softmax: SoftmaxRule::Captum, ..Default::default() }).unwrap();
    assert!(relative_gap(&captum) > 1e-3);
}

#[test]
fn the_expected_value_is_the_mean_over_the_background() {
    let plan = common::Plan {
        inputs: 5,
        hidden: vec![4],
        functions: vec![Some(0)],
        norm: 1,
        head: 2,
        mask: true,
        seed: 8,
    };
    let mut rng = plan.rng();
    let background = values(&mut rng, 9, 5, 0.2);
    let explained = Explained::<f64>::new(&plan.network(), plan.output(), Target::Margin).unwrap();
    let mean = explained.value(background.view()).unwrap().mean().unwrap();
    let shap = DeepShap::new(explained.clone(), background, ShapOptions::default()).unwrap();
    assert!((shap.expected() - mean).abs() < 1e-12);
    let empty = DeepShap::new(explained, Array2::zeros((0, 5)), ShapOptions::default());
    assert!(matches!(empty, Err(InterpretError::Invalid { .. })));
    assert_eq!(shap.baseline().len(), 5);
    assert!(shap.explain(values(&mut rng, 2, 4, 0.0).view(), 0).is_err());
}
