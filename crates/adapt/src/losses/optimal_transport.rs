//! Entropic optimal transport (Cuturi 2013), computed in log space.

use burn::tensor::Tensor;
use sensitome_core_models::total;

use super::squared_distances;

/// Log of the sum of the exponentials along an axis, which stays with length 1.
fn log_sum_exp(x: Tensor<2>, axis: usize) -> Tensor<2> {
    let greatest = x.clone().max_dim(axis);
    (x - greatest.clone()).exp().sum_dim(axis).log() + greatest
}

/// The plan P that moves n rows of equal mass onto m rows of equal mass at least cost ⟨P, C⟩ + ε Σ P (log P − 1): rows ×
/// columns of `cost`, sum 1. The iterations end on the columns, whose sums are 1/m exactly; those of the rows are 1/n
/// the more nearly the more iterations and the larger `epsilon`, which is in the unit of the costs. No gradient.
pub fn sinkhorn_plan(cost: Tensor<2>, epsilon: f64, iterations: usize) -> Tensor<2> {
    let [n, m] = cost.dims();
    let (log_a, log_b) = (-(n as f64).ln(), -(m as f64).ln());
    let log_kernel = cost.detach().inner() * (-1.0 / epsilon);
    // Potentials over ε: log P = u + log K + v.
    let mut v = log_kernel.clone().slice_dim(0, 0..1).zeros_like();
    let mut log_plan = log_kernel.clone();
    for _ in 0..iterations.max(1) {
        let u = log_sum_exp(log_kernel.clone() + v, 1) * -1.0 + log_a;
        let rows = log_kernel.clone() + u;
        v = log_sum_exp(rows.clone(), 0) * -1.0 + log_b;
        log_plan = rows + v.clone();
    }
    log_plan.exp()
}

/// Entropic transport cost of `x` onto `y`, rows × d, all rows of a side of equal mass, for squared distances: ⟨P, C⟩ + ε
/// KL(P ‖ ab). The plan is a constant for the gradient, which at convergence is the exact one (envelope theorem).
pub fn entropic_transport(x: Tensor<2>, y: Tensor<2>, epsilon: f64, iterations: usize) -> Tensor<1> {
    let cost = squared_distances(x, y);
    let [n, m] = cost.dims();
    let plan = sinkhorn_plan(cost.clone(), epsilon, iterations);
    let relative = plan.clone().clamp_min(1e-30).log() + ((n * m) as f64).ln();
    total(cost * plan.clone()) + total(plan * relative) * epsilon
}

/// Sinkhorn divergence (Feydy et al. 2019, eq. 3): the entropic cost between the domains less half of that of each onto
/// itself, so that it is 0 for equal ones and does not shrink them. `relative_epsilon` counts in the mean squared
/// distance of `x` to `y`, taken as a constant; the result is in squared distances.
pub fn sinkhorn_divergence(
    x: Tensor<2>,
    y: Tensor<2>,
    relative_epsilon: f64,
    iterations: usize,
) -> Tensor<1> {
    // In units of that mean, so that one ε fits embeddings of any scale.
    let unit = squared_distances(x.clone(), y.clone()).mean().detach().clamp_min(1e-12);
    let root = unit.clone().sqrt().unsqueeze::<2>();
    let (x, y) = (x / root.clone(), y / root);
    let cost =
        |a: &Tensor<2>, b: &Tensor<2>| entropic_transport(a.clone(), b.clone(), relative_epsilon, iterations);
    (cost(&x, &y) - (cost(&x, &x) + cost(&y, &y)) * 0.5) * unit
}
