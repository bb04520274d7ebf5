//! Fast against plain integrated gradients, completeness, and what the options do.
//!
//! Mutations tried, each of which makes `fast_equals_plain` fail: `partition_point` one point late; the
//! correction of crossing units left out; `from` instead of `change * from` in `walk`; the sum over baselines
//! not divided; `DENSITY` products that skip a row. Weights of the trapezoid divided by n (captum's) make
//! `every_rule_integrates` fail.

#![allow(clippy::unwrap_used)]

mod common;

use common::{apart, cases_in_doubles, plans, values};
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use sensitome_interpret::{
    Autodiff, Explain, Explained, IntegratedGradients, InterpretError, PathOptions, Rule,
};

const RULES: [Rule; 6] = [
    Rule::GaussLegendre,
    Rule::RiemannLeft,
    Rule::RiemannRight,
    Rule::RiemannMiddle,
    Rule::Trapezoid,
    Rule::CaptumTrapezoid,
];

proptest! {
    #![proptest_config(cases_in_doubles(150))]

    #[test]
    fn fast_equals_plain(
        plan in plans(), rule in 0usize..6, steps in 2usize..30, baselines in 0usize..3, multiply in any::<bool>(),
        zeros in prop::sample::select(vec![0.0, 0.5, 0.95]),
    ) {
        let mut rng = plan.rng();
        let x = values(&mut rng, 5, plan.inputs, zeros);
        let baselines = match baselines {
            0 => Array2::zeros((1, plan.inputs)),
            1 => x.mean_axis(Axis(0)).unwrap().insert_axis(Axis(0)),
            _ => values(&mut rng, 3, plan.inputs, zeros),
        };
        let options = PathOptions { steps, rule: RULES[rule], multiply_by_inputs: multiply };
        let network = plan.network();
        for target in plan.targets() {
            let explained = Explained::<f64>::new(&network, plan.output(), target).unwrap();
            let fast = IntegratedGradients::new(explained, baselines.clone(), options).unwrap();
            let fast = fast.explain(x.view(), 0).unwrap();
            let plain = Autodiff::new(&network, plan.output(), target).unwrap();
            let plain = plain.integrated_gradients(x.view(), baselines.view(), &options).unwrap();
            prop_assert!(apart(&fast.values, &plain) < 1e-5, "{target:?}: {}", apart(&fast.values, &plain));
            // A sum that should be complete says by how much it is not.
            prop_assert_eq!(fast.gap.is_some(), multiply);
            if let Some(gap) = fast.gap {
                for (i, gap) in gap.iter().enumerate() {
                    let row = fast.values.row(i);
                    let expected = row.sum() - (fast.output[i] - fast.expected[i]);
                    // Relative: at a row of zeros the gradient of a cosine is 1e12.
                    let size = row.fold(1.0f64, |sum, v| sum + v.abs());
                    prop_assert!((gap - expected).abs() < 1e-9 * size, "{gap} {expected}");
                }
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn single_precision_equals_double(plan in plans()) {
        let x = values(&mut plan.rng(), 5, plan.inputs, 0.5);
        let network = plan.network();
        let target = plan.targets()[0];
        let exact = Explained::<f64>::new(&network, plan.output(), target).unwrap();
        let exact = IntegratedGradients::new(exact, Array2::zeros((1, plan.inputs)), PathOptions::default()).unwrap();
        let single = Explained::<f32>::new(&network, plan.output(), target).unwrap();
        let single = IntegratedGradients::new(single, Array2::zeros((1, plan.inputs)), PathOptions::default()).unwrap();
        let exact = exact.explain(x.view(), 0).unwrap().values;
        let single = single.explain(x.mapv(|v| v as f32).view(), 0).unwrap().values.mapv(f64::from);
        // A unit may cross zero on the other side of a point: one of 50 weights, of one unit.
        prop_assert!(apart(&single, &exact) < 0.05);
    }
}

#[test]
fn every_rule_integrates() {
    for rule in RULES {
        for steps in [2, 3, 10, 51] {
            let (at, weights) = rule.points(steps).unwrap();
            let sum: f64 = weights.iter().sum();
            let expected = if rule == Rule::CaptumTrapezoid { 1.0 - 1.0 / steps as f64 } else { 1.0 };
            assert!((sum - expected).abs() < 1e-12, "{rule:?} {steps}: {sum}");
            assert!(at.windows(2).all(|w| w[0] < w[1]) && at[0] >= 0.0 && at[steps - 1] <= 1.0);
        }
    }
    // Degree 2n − 1 exactly: ∫ x⁵ = 1/6 with three points, and not with two.
    let integral = |n| {
        let (at, w) = Rule::GaussLegendre.points(n).unwrap();
        at.iter().zip(w).map(|(x, w)| w * x.powi(5)).sum::<f64>()
    };
    assert!((integral(3) - 1.0 / 6.0).abs() < 1e-14);
    assert!((integral(2) - 1.0 / 6.0).abs() > 1e-4);
    assert!(matches!(Rule::Trapezoid.points(1), Err(InterpretError::Invalid { .. })));
    assert!(matches!(Rule::GaussLegendre.points(0), Err(InterpretError::Invalid { .. })));
}
