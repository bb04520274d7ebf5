//! Entropic optimal transport and joint discrepancy against their definitions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{Tensor, TensorData};
use sensitome_adapt::losses::*;
use sensitome_core_models::parse_device;

fn tensor(rows: usize, columns: usize, f: impl Fn(usize, usize) -> f32) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * columns).map(|k| f(k / columns, k % columns)).collect();
    Tensor::from_data(
        TensorData::new(values, [rows, columns]),
        &parse_device(&sensitome_testkit::device()).unwrap(),
    )
}

/// Numbers without pattern in 0..1.
fn noise(k: usize) -> f32 {
    (((k as f32 + 1.0) * 12.9898).sin() * 43758.547).fract().abs()
}

fn value(t: Tensor<1>) -> f64 {
    f64::from(t.inner().try_into_scalar::<f32>().unwrap())
}

fn values(t: Tensor<2>) -> Vec<f32> {
    t.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn the_marginals_of_the_plan_hold() {
    for (n, m, epsilon) in [(4, 6, 0.1), (5, 3, 1.0), (1, 4, 0.01), (7, 1, 1e-3), (6, 6, 0.02)] {
        let plan = sinkhorn_plan(tensor(n, m, |i, j| noise(i * 7 + j)), epsilon, 2000);
        for sum in values(plan.clone().sum_dim(1)) {
            assert!((sum - 1.0 / n as f32).abs() < 1e-4, "rows {n} × {m}: {sum}");
        }
        for sum in values(plan.sum_dim(0)) {
            assert!((sum - 1.0 / m as f32).abs() < 1e-5, "columns {n} × {m}: {sum}");
        }
    }
}

/// The least mean cost over all ways to pair rows with columns.
fn best_assignment(cost: &[f32], n: usize, row: usize, used: &mut Vec<bool>) -> f32 {
    if row == n {
        return 0.0;
    }
    let mut best = f32::INFINITY;
    for j in 0..n {
        if !used[j] {
            used[j] = true;
            best = best.min(cost[row * n + j] + best_assignment(cost, n, row + 1, used));
            used[j] = false;
        }
    }
    best
}

#[test]
fn without_smoothing_it_is_the_best_assignment() {
    for start in [0, 100, 200] {
        let x = tensor(5, 2, |i, j| noise(start + i * 2 + j));
        let y = tensor(5, 2, |i, j| noise(start + 50 + i * 2 + j) + 0.5);
        let cost = squared_distances(x.clone(), y.clone());
        let brute = best_assignment(&values(cost.clone()), 5, 0, &mut vec![false; 5]) / 5.0;
        let plan = sinkhorn_plan(cost.clone(), 1e-3, 5000);
        let found = value((plan * cost).sum());
        assert!((found - f64::from(brute)).abs() < 2e-3, "{found} and {brute}");
        // ε KL(P ‖ ab) is at most ε log 5.
        let entropic = value(entropic_transport(x, y, 1e-3, 5000));
        assert!((entropic - f64::from(brute)).abs() < 5e-3, "{entropic} and {brute}");
    }
}

#[test]
fn gradients_are_the_finite_differences() {
    let y = tensor(5, 3, |i, j| noise(40 + i * 3 + j) + 0.3);
    let at =
        |k: usize, by: f32| tensor(4, 3, |i, j| noise(i * 3 + j) + if i * 3 + j == k { by } else { 0.0 });
    type Loss = fn(Tensor<2>, Tensor<2>) -> Tensor<1>;
    let losses: [(&str, Loss); 3] = [
        ("entropic", |x, y| entropic_transport(x, y, 0.3, 500)),
        // A fixed ε, as the gradient takes it: the divergence in its own unit is checked by its definition below.
        ("divergence", |x, y| {
            let cost = |a: &Tensor<2>, b: &Tensor<2>| entropic_transport(a.clone(), b.clone(), 0.3, 500);
            cost(&x, &y) - (cost(&x, &x) + cost(&y, &y)) * 0.5
        }),
        ("joint", |x, y| {
            let kernels = MultiKernel { bandwidth: Bandwidth::Fixed(1.0), ..MultiKernel::default() };
            joint_mmd((x.clone(), y.clone(), kernels), [(x * 0.5, y * 0.5, kernels)])
        }),
    ];
    for (name, loss) in losses {
        let leaf = at(99, 0.0).autodiff().require_grad();
        let gradient = values(leaf.grad(&loss(leaf.clone(), y.clone()).backward()).unwrap());
        for (k, g) in gradient.iter().enumerate() {
            let h = 1e-2;
            let numeric =
                (value(loss(at(k, h), y.clone())) - value(loss(at(k, -h), y.clone()))) / (2.0 * f64::from(h));
            assert!((f64::from(*g) - numeric).abs() < 2e-3, "{name} {k}: {g} and {numeric}");
        }
    }
}

#[test]
fn the_divergence_is_zero_for_equal_domains_and_follows_the_scale() {
    let x = tensor(6, 3, |i, j| noise(i * 3 + j));
    let y = tensor(6, 3, |i, j| noise(i * 3 + j) + 1.0);
    assert!(value(sinkhorn_divergence(x.clone(), x.clone(), 0.05, 200)).abs() < 1e-5);
    // A shift by 1 in 3 dimensions costs 3, whatever the smoothing.
    let shifted = value(sinkhorn_divergence(x.clone(), y.clone(), 0.05, 500));
    assert!((shifted - 3.0).abs() < 2e-2, "{shifted}");
    let scaled = value(sinkhorn_divergence(x * 10.0, y * 10.0, 0.05, 500));
    assert!((scaled - 100.0 * shifted).abs() < 1e-2 * scaled, "{scaled}");
}

#[test]
fn the_joint_discrepancy_of_one_layer_is_that_layers() {
    let x = tensor(4, 3, |i, j| noise(i * 3 + j));
    let y = tensor(6, 3, |i, j| noise(30 + i * 3 + j));
    let kernels = MultiKernel::default();
    let joint = value(joint_mmd((x.clone(), y.clone(), kernels), []));
    assert_eq!(joint, value(multi_kernel_mmd(x, y, kernels).0));
}
