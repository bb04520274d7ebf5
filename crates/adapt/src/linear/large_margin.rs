//! Linear classifiers of the labels, solved in the space of the rows: what `logistic` and `svm` share.

use faer::Mat;
use faer::linalg::solvers::Solve;
use ndarray::{Array1, Array2, Axis};
use sensitome_core_models::{Output, ResponseModel};
use sensitome_data::TransferTask;

use super::regression::{model, require_rows, rows, split};
use crate::Result;
use crate::hyper::Checked;
use crate::trainer::FitOptions;

/// Value, slope and curvature of a loss at y f, with y −1 or 1: of the logistic one, or the squared hinge.
pub(crate) type Margin = fn(f64) -> [f64; 3];

/// Newton iterations at most; both losses need about ten.
const NEWTON: usize = 50;

/// Weights and intercept that minimise Σ c ℓ(y (x·w + b)) + ½ λ ‖w‖², rows in `x`, `y` −1 or 1, `c` a weight a row. It is
/// solved by Newton steps for α with w = Xᵀα (Chapelle 2007), whose number is that of the rows and not of the genes.
pub(crate) fn large_margin(
    x: &Array2<f64>,
    y: &Array1<f64>,
    c: &Array1<f64>,
    penalty: f64,
    loss: Margin,
) -> (Array1<f64>, f64) {
    let n = y.len();
    let means = x.mean_axis(Axis(0)).unwrap_or_default();
    let x = x - &means;
    let gram = x.dot(&x.t());
    let (mut alpha, mut bias) = (Array1::<f64>::zeros(n), 0.0);
    let objective = |alpha: &Array1<f64>, bias: f64| {
        let f = gram.dot(alpha);
        let fit: f64 = (0..n).map(|i| c[i] * loss(y[i] * (f[i] + bias))[0]).sum();
        fit + 0.5 * penalty * alpha.dot(&f)
    };
    let mut value = objective(&alpha, bias);
    for _ in 0..NEWTON {
        let f = gram.dot(&alpha) + bias;
        let at: Vec<[f64; 3]> = (0..n).map(|i| loss(y[i] * f[i])).collect();
        // Stationarity: λα + c y ℓ′ = 0 and Σα = 0, linearised; a little curvature keeps the system regular.
        let curvature: Vec<f64> = (0..n).map(|i| c[i] * at[i][2].max(1e-10)).collect();
        let matrix = Mat::from_fn(n + 1, n + 1, |i, j| match (i < n, j < n) {
            (true, true) => curvature[i] * gram[[i, j]] + if i == j { penalty } else { 0.0 },
            (true, false) => curvature[i],
            (false, true) => 1.0,
            (false, false) => 0.0,
        });
        let pull = |i: usize| if i < n { curvature[i] * f[i] - c[i] * y[i] * at[i][1] } else { 0.0 };
        let right = Mat::from_fn(n + 1, 1, |i, _| pull(i));
        let solved = matrix.partial_piv_lu().solve(&right);
        let (to, to_bias) = (Array1::from_shape_fn(n, |i| solved[(i, 0)]), solved[(n, 0)]);
        let step = (0..20).map(|k| 0.5f64.powi(k)).find_map(|t| {
            let (alpha, bias) = (&alpha + &((&to - &alpha) * t), bias + t * (to_bias - bias));
            let reached = objective(&alpha, bias);
            (reached < value).then_some((alpha, bias, reached))
        });
        let Some((next, next_bias, reached)) = step else { break };
        let gain = value - reached;
        (alpha, bias, value) = (next, next_bias, reached);
        if gain <= 1e-10 * (1.0 + value.abs()) {
            break;
        }
    }
    let weight = x.t().dot(&alpha);
    let bias = bias - weight.dot(&means);
    (weight, bias)
}

/// Penalties that [`classifier`] tries, as multiples of the number of genes.
const GRID: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];

/// A linear classifier of the labels under `loss`, classes of equal total weight; the settings `penalty` and `folds`.
///
/// # Errors
/// When there are too few labelled rows.
pub(crate) fn classifier(
    name: &str,
    loss: Margin,
    output: Output,
    settings: &Checked,
    task: &TransferTask,
    options: &FitOptions,
) -> Result<ResponseModel> {
    let (x, labels) = rows(task, "label");
    let (folds, mut penalty) = (settings.integer("folds")?, settings.float("penalty")?);
    require_rows(name, labels.len(), folds)?;
    let y = labels.mapv(|l| if l > 0.5 { 1.0 } else { -1.0 });
    let count = |class: f64| y.iter().filter(|&&v| v == class).count().max(1) as f64;
    let (each, genes) = ([count(-1.0), count(1.0)], x.ncols() as f64);
    let c = y.mapv(|v| 0.5 * y.len() as f64 / each[usize::from(v > 0.0)]);
    if penalty == 0.0 {
        let mut errors = [0.0; GRID.len()];
        for [train, test] in split(y.len(), folds, options.seed, name) {
            let (x_train, y_train) = (x.select(Axis(0), &train), y.select(Axis(0), &train));
            for (error, penalty) in errors.iter_mut().zip(GRID) {
                let c_train = c.select(Axis(0), &train);
                let (weight, bias) = large_margin(&x_train, &y_train, &c_train, penalty * genes, loss);
                *error +=
                    test.iter().map(|&i| c[i] * loss(y[i] * (x.row(i).dot(&weight) + bias))[0]).sum::<f64>();
            }
        }
        let best = (0..GRID.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
        penalty = GRID[best];
    }
    let (weight, bias) = large_margin(&x, &y, &c, penalty * genes, loss);
    let mut model = model(&weight, bias, output, (name, settings), task, options)?;
    model.card_mut().metrics.insert("penalty".to_owned(), penalty);
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::{logistic::logistic, svm::squared_hinge};
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    #[test]
    fn the_gradient_vanishes_for_weights_and_intercept() {
        let mut rng = rng_for(6, "large margin");
        let x = Array2::from_shape_fn((30, 80), |_| rng.random_range(-1.0..1.0) + 0.5);
        let y = Array1::from_shape_fn(30, |i| if i % 3 == 0 { 1.0 } else { -1.0 });
        let c = Array1::from_shape_fn(30, |_| rng.random_range(0.5..2.0));
        for loss in [logistic as Margin, squared_hinge] {
            for penalty in [0.1, 10.0] {
                let (weight, bias) = large_margin(&x, &y, &c, penalty, loss);
                let f = x.dot(&weight) + bias;
                let slope = Array1::from_shape_fn(30, |i| c[i] * y[i] * loss(y[i] * f[i])[1]);
                let gradient = x.t().dot(&slope) + &weight * penalty;
                assert!(gradient.iter().all(|g| g.abs() < 1e-4) && slope.sum().abs() < 1e-4, "{gradient}");
            }
        }
    }

    #[test]
    fn slopes_and_curvatures_are_those_of_the_losses() {
        for loss in [logistic as Margin, squared_hinge] {
            for m in [-40.0, -2.0, -0.3, 0.4, 0.9, 1.7, 40.0] {
                let h = 1e-5;
                let ([_, slope, curvature], [low, low_slope, _], [high, high_slope, _]) =
                    (loss(m), loss(m - h), loss(m + h));
                assert!((slope - (high - low) / (2.0 * h)).abs() < 1e-6, "{m}");
                assert!((curvature - (high_slope - low_slope) / (2.0 * h)).abs() < 1e-6, "{m}");
            }
            assert!(loss(-1e3).iter().chain(&loss(1e3)).all(|v| v.is_finite()));
        }
    }
}
