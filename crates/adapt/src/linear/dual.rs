//! Ridge regressions of several responses on the same samples, penalties chosen by cross-validation. All share the
//! kernel XXᵀ and one factorisation a penalty and fold, so that a further response costs next to nothing.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::{AdaptError, Result};

/// Penalties tried, as multiples of the sum of squared gene weights.
const GRID: [f64; 9] = [1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 100.0];

/// One regression.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    /// Weight of every gene.
    pub(crate) weight: Array1<f64>,
    /// What each sample was predicted without its fold.
    pub(crate) unseen: Array1<f64>,
    /// The penalty chosen, from [`GRID`].
    pub(crate) penalty: f64,
}

/// Regresses every column of `y` on `x`. `order` shuffles the samples into `folds`; `scale` multiplies the penalties.
pub(crate) fn regressions(
    x: ArrayView2<f64>,
    y: &Array2<f64>,
    order: &[usize],
    folds: usize,
    scale: f64,
) -> Result<Vec<Regression>> {
    let kernel = x.dot(&x.t());
    let mut unseen = vec![Array2::<f64>::zeros(y.dim()); GRID.len()];
    for fold in 0..folds {
        let part = |inside: bool| -> Vec<usize> {
            let chosen = order.iter().enumerate().filter(|(k, _)| (k % folds == fold) == inside);
            chosen.map(|(_, &i)| i).collect()
        };
        let (test, train) = (part(true), part(false));
        let known = kernel.select(Axis(0), &train);
        let mut cross = kernel.select(Axis(0), &test).select(Axis(1), &train);
        let known = known.select(Axis(1), &train);
        cross -= &mean(&known, 0);
        cross -= &mean(&cross, 1).insert_axis(Axis(1));
        let responses = y.select(Axis(0), &train);
        let level = mean(&responses, 0);
        let centred = centred(&known);
        for (unseen, penalty) in unseen.iter_mut().zip(GRID) {
            let predicted = cross.dot(&solve(&centred, penalty * scale, &(&responses - &level))?) + &level;
            for (row, &i) in predicted.rows().into_iter().zip(&test) {
                unseen.row_mut(i).assign(&row);
            }
        }
    }
    let whole = centred(&kernel);
    let mut out = Vec::with_capacity(y.ncols());
    for (j, response) in y.columns().into_iter().enumerate() {
        let error = |k: usize| (&unseen[k].column(j) - &response).mapv(|d| d * d).sum();
        let best = (0..GRID.len()).min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(0);
        out.push(Regression {
            weight: primal(x, &whole, response, GRID[best] * scale)?,
            unseen: unseen[best].column(j).to_owned(),
            penalty: GRID[best],
        });
    }
    Ok(out)
}

/// Weights of the genes in a regression of `y` on `x` with a given penalty.
pub(crate) fn weights(x: ArrayView2<f64>, y: ArrayView1<f64>, penalty: f64) -> Result<Array1<f64>> {
    primal(x, &centred(&x.dot(&x.t())), y, penalty)
}

/// Weights by the two halves of the samples, for each way to shuffle them before they are halved: how much of a regression
/// is chance.
pub(crate) fn by_halves(
    x: ArrayView2<f64>,
    y: ArrayView1<f64>,
    ways: &[Vec<usize>],
    penalty: f64,
) -> Result<Vec<[Array1<f64>; 2]>> {
    let kernel = x.dot(&x.t());
    let half = |rows: &[usize]| -> Result<Array1<f64>> {
        let inside = centred(&kernel.select(Axis(0), rows).select(Axis(1), rows));
        let response = y.select(Axis(0), rows).insert_axis(Axis(1));
        let dual = solve(&inside, penalty, &(&response - &mean(&response, 0)))?;
        let mut all = Array1::zeros(y.len());
        rows.iter().zip(&dual - &mean(&dual, 0)).for_each(|(&i, d)| all[i] = d);
        Ok(x.t().dot(&all))
    };
    ways.iter().map(|way| way.split_at(way.len() / 2)).map(|(a, b)| Ok([half(a)?, half(b)?])).collect()
}

/// Weights of the genes, from the kernel of the centred samples.
pub(crate) fn primal(
    x: ArrayView2<f64>,
    kernel: &Array2<f64>,
    y: ArrayView1<f64>,
    penalty: f64,
) -> Result<Array1<f64>> {
    let n = y.len().max(1) as f64;
    let right = (&y - y.sum() / n).insert_axis(Axis(1));
    let dual = solve(kernel, penalty, &right)?.column(0).to_owned();
    // The dual coefficients sum to zero only up to rounding.
    Ok(x.t().dot(&dual) - x.sum_axis(Axis(0)) * (dual.sum() / n))
}

fn mean(a: &Array2<f64>, axis: usize) -> Array1<f64> {
    a.sum_axis(Axis(axis)) / a.len_of(Axis(axis)).max(1) as f64
}

/// The kernel of centred samples.
pub(crate) fn centred(kernel: &Array2<f64>) -> Array2<f64> {
    let means = mean(kernel, 0);
    let all = means.sum() / means.len().max(1) as f64;
    kernel - &means - means.view().insert_axis(Axis(1)) + all
}

/// (K + λ)⁻¹ Y.
pub(crate) fn solve(kernel: &Array2<f64>, penalty: f64, y: &Array2<f64>) -> Result<Array2<f64>> {
    let n = kernel.nrows();
    let matrix = Mat::from_fn(n, n, |i, j| kernel[[i, j]] + if i == j { penalty } else { 0.0 });
    let factor = Llt::new(matrix.as_ref(), Side::Lower).map_err(|e| {
        AdaptError::invalid(
            "a linear regression",
            format!("the kernel cannot be factorised ({e:?})"),
            "check the values, or raise the penalty",
        )
    })?;
    let right = Mat::from_fn(n, y.ncols(), |i, j| y[[i, j]]);
    let found = factor.solve(&right);
    Ok(Array2::from_shape_fn(y.dim(), |(i, j)| found[(i, j)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    /// The primal solution of the centred problem by its gradient: Xᵀ(Xw − y) + λw = 0.
    #[test]
    fn the_gradient_vanishes_and_unseen_samples_are_not_seen() {
        let mut rng = rng_for(1, "dual");
        let x = Array2::from_shape_fn((30, 7), |_| rng.random_range(-1.0..1.0));
        let y = Array2::from_shape_fn((30, 2), |(i, j)| x[[i, j]] * 2.0 + 3.0 + rng.random_range(-0.1..0.1));
        let order: Vec<usize> = (0..30).collect();
        let found = regressions(x.view(), &y, &order, 5, 7.0).unwrap();
        let xc = &x - &mean(&x, 0);
        for (j, r) in found.iter().enumerate() {
            let yc = &y.column(j) - y.column(j).mean().unwrap();
            let gradient = xc.t().dot(&(xc.dot(&r.weight) - yc)) + &r.weight * (r.penalty * 7.0);
            assert!(gradient.iter().all(|g| g.abs() < 1e-9), "{gradient}");
        }
        let even: Vec<usize> = (0..30).step_by(2).collect();
        let way = [even.clone(), (1..30).step_by(2).collect()].concat();
        let halves = by_halves(x.view(), y.column(0), &[way], 7.0).unwrap();
        let (xe, ye) = (x.select(Axis(0), &even), y.column(0).select(Axis(0), &even));
        let xe = &xe - &mean(&xe, 0);
        let ye = &ye - ye.mean().unwrap();
        let gradient = xe.t().dot(&(xe.dot(&halves[0][0]) - ye)) + &halves[0][0] * 7.0;
        assert!(gradient.iter().all(|g| g.abs() < 1e-9), "{gradient}");
        // A sample's own response does not enter its prediction.
        let mut other = y.clone();
        other[[0, 0]] += 1e-3;
        let again = regressions(x.view(), &other, &order, 5, 7.0).unwrap();
        assert_eq!(again[0].penalty, found[0].penalty);
        assert!((again[0].unseen[0] - found[0].unseen[0]).abs() < 1e-12);
        assert!((again[0].unseen[1] - found[0].unseen[1]).abs() > 1e-9);
    }
}
