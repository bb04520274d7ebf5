//! Gradient and sampling methods: against definitions, against each other, and whatever the blocks.
//!
//! Mutations tried: Shapley differences credited to the next gene
//! (`shapley_sampling_approaches_the_definition`); the same generator for all cells
//! (`blocks_and_threads_change_nothing`); expected gradients without the difference
//! (`expected_gradients_approach_...`).

#![allow(clippy::unwrap_used)]

mod common;

use std::ops::Range;

use common::{Plan, apart, values};
use ndarray::{Array2, s};
use sensitome_interpret::*;

fn plan(inputs: usize, function: usize) -> Plan {
    Plan { inputs, hidden: vec![7], functions: vec![Some(function)], norm: 1, head: 0, mask: false, seed: 11 }
}

fn explained(plan: &Plan) -> Explained<f64> {
    Explained::new(&plan.network(), plan.output(), Target::Margin).unwrap()
}

/// Shapley values by their definition: all subsets, each with its weight.
fn exact(explained: &Explained<f64>, x: &[f64], background: &Array2<f64>) -> Vec<f64> {
    let n = x.len();
    let value = |set: usize| {
        let mixed = Array2::from_shape_fn(background.raw_dim(), |(b, j)| {
            if set >> j & 1 == 1 { x[j] } else { background[[b, j]] }
        });
        explained.value(mixed.view()).unwrap().mean().unwrap()
    };
    let values: Vec<f64> = (0..1 << n).map(value).collect();
    let factorial = |k: usize| (1..=k).map(|v| v as f64).product::<f64>();
    (0..n)
        .map(|j| {
            let without = (0..1usize << n).filter(|set| set >> j & 1 == 0);
            without
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (values[set | 1 << j] - values[set])
                })
                .sum()
        })
        .collect()
}

#[test]
fn shapley_sampling_approaches_the_definition() {
    let plan = plan(5, 4);
    let mut rng = plan.rng();
    let (x, background) = (values(&mut rng, 2, 5, 0.0), values(&mut rng, 4, 5, 0.0));
    let method =
        Sampled::new(explained(&plan), background.clone(), Estimate::Shapley { permutations: 2000 }, 1)
            .unwrap();
    let rows = method.explain(x.view(), 0).unwrap();
    for i in 0..2 {
        let exact = exact(&explained(&plan), x.row(i).as_slice().unwrap(), &background);
        for (sampled, exact) in rows.values.row(i).iter().zip(&exact) {
            assert!((sampled - exact).abs() < 0.02, "{sampled} {exact}");
        }
        assert!(rows.gap.as_ref().unwrap()[i].abs() < 1e-9);
    }
}

#[test]
fn all_methods_agree_on_an_additive_model() {
    // A linear model has one right answer: w_j (x_j − mean b_j).
    let plan = Plan { hidden: vec![], functions: vec![], ..plan(6, 0) };
    let mut rng = plan.rng();
    let (x, background) = (values(&mut rng, 3, 6, 0.3), values(&mut rng, 8, 6, 0.3));
    let truth = DeepShap::new(explained(&plan), background.clone(), ShapOptions::default()).unwrap();
    let truth = truth.explain(x.view(), 0).unwrap().values;
    let gradient = explained(&plan).gradient(x.view()).unwrap();
    let mean = background.mean_axis(ndarray::Axis(0)).unwrap();
    assert!(apart(&truth, &(gradient * (&x - &mean))) < 1e-12);
    let ig = IntegratedGradients::new(explained(&plan), background.clone(), PathOptions::default()).unwrap();
    assert!(apart(&ig.explain(x.view(), 0).unwrap().values, &truth) < 1e-9);
    let shapley =
        Sampled::new(explained(&plan), background, Estimate::Shapley { permutations: 8 }, 1).unwrap();
    assert!(apart(&shapley.explain(x.view(), 0).unwrap().values, &truth) < 1e-9);
}

#[test]
fn expected_gradients_approach_integrated_gradients_over_the_background() {
    let plan = plan(6, 4);
    let mut rng = plan.rng();
    let (x, background) = (values(&mut rng, 2, 6, 0.0), values(&mut rng, 5, 6, 0.0));
    let exact =
        IntegratedGradients::new(explained(&plan), background.clone(), PathOptions::default()).unwrap();
    let exact = exact.explain(x.view(), 0).unwrap();
    let estimate = Estimate::ExpectedGradients { samples: 20_000 };
    let rows = Sampled::new(explained(&plan), background, estimate, 3).unwrap().explain(x.view(), 0).unwrap();
    assert!(apart(&rows.values, &exact.values) < 0.05, "{}", apart(&rows.values, &exact.values));
    assert!((rows.expected[0] - exact.expected[0]).abs() < 1e-12);
}

#[test]
fn smoothgrad_without_noise_is_the_gradient() {
    let plan = plan(6, 3);
    let x = values(&mut plan.rng(), 4, 6, 0.3);
    let rows =
        |reading| Gradients::new(explained(&plan), reading).unwrap().explain(x.view(), 0).unwrap().values;
    let plain = rows(Reading::Saliency { absolute: false });
    let smooth = |noise| Reading::SmoothGrad { samples: 3, noise, seed: 1 };
    assert!(apart(&rows(smooth(0.0)), &plain) < 1e-12);
    assert!(apart(&rows(smooth(0.5)), &plain) > 1e-4);
    assert!(Gradients::new(explained(&plan), smooth(-1.0)).is_err());
}

fn methods(plan: &Plan, background: &Array2<f64>) -> Vec<Box<dyn Explain<f64>>> {
    let sampled = |estimate| Sampled::new(explained(plan), background.clone(), estimate, 9).unwrap();
    vec![
        Box::new(
            IntegratedGradients::new(explained(plan), background.clone(), PathOptions::default()).unwrap(),
        ),
        Box::new(DeepShap::new(explained(plan), background.clone(), ShapOptions::default()).unwrap()),
        Box::new(sampled(Estimate::ExpectedGradients { samples: 9 })),
        Box::new(sampled(Estimate::Shapley { permutations: 3 })),
        Box::new(
            Gradients::new(explained(plan), Reading::SmoothGrad { samples: 4, noise: 0.2, seed: 2 }).unwrap(),
        ),
    ]
}

#[test]
fn blocks_and_threads_change_nothing() {
    let plan = plan(6, 0);
    let mut rng = plan.rng();
    let (x, background) = (values(&mut rng, 23, 6, 0.3), values(&mut rng, 4, 6, 0.3));
    for method in methods(&plan, &background) {
        let whole = method.explain(x.view(), 0).unwrap();
        for (max_rows, threads) in [(1, 1), (5, 1), (5, 3), (100, 2)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut values = Array2::zeros(x.raw_dim());
            let mut heard = Vec::new();
            let source = |r: Range<usize>| Ok(x.slice(s![r, ..]).to_owned());
            let options = RunOptions { max_rows, ..Default::default() };
            pool.install(|| {
                stream(
                    method.as_ref(),
                    23,
                    &source,
                    &options,
                    &mut |done, of| heard.push((done, of)),
                    &mut |r, b| {
                        values.slice_mut(s![r, ..]).assign(&b.values);
                        Ok(())
                    },
                )
            })
            .unwrap();
            assert!(apart(&values, &whole.values) < 1e-12);
            assert_eq!(heard.last(), Some(&(23, 23)));
            assert!(heard.windows(2).all(|w| w[0].0 < w[1].0));
        }
    }
}

#[test]
fn too_little_memory_is_an_error_and_the_bound_sets_the_blocks() {
    let plan = plan(6, 0);
    let background = values(&mut plan.rng(), 4, 6, 0.3);
    for method in methods(&plan, &background) {
        let one = method.bytes_fixed() + method.bytes_per_row();
        let rows =
            |max_bytes, workers| RunOptions { max_bytes, max_rows: 1000 }.rows(method.as_ref(), workers);
        assert!(matches!(rows(one - 1, 1), Err(InterpretError::Invalid { .. })));
        assert_eq!(rows(one, 1).unwrap(), 1);
        assert!(rows(one, 2).is_err());
        assert_eq!(rows(2 * one, 2).unwrap(), 1);
        assert_eq!(rows(usize::MAX / 2, 1).unwrap(), 1000);
    }
}
