//! Linear regression with L1 and L2 penalties by coordinate descent.

use ndarray::{Array1, Array2, Axis};

/// Passes over the genes a penalty at most.
const PASSES: usize = 1000;

/// Centred columns (genes × rows), the residual, and the weights so far: 1/(2n) ‖y − Xw‖² + λ (ρ ‖w‖₁ + ½ (1 − ρ) ‖w‖²)
/// is lowered one weight at a time (Friedman et al. 2010).
#[derive(Debug)]
pub(crate) struct Descent {
    columns: Array2<f64>,
    squares: Array1<f64>,
    residual: Array1<f64>,
    pub(crate) weight: Array1<f64>,
    means: Array1<f64>,
    y_mean: f64,
}

impl Descent {
    /// All weights 0.
    pub(crate) fn new(x: &Array2<f64>, y: &Array1<f64>) -> Self {
        let means = x.mean_axis(Axis(0)).unwrap_or_default();
        let columns = (x - &means).t().as_standard_layout().into_owned();
        let y_mean = y.mean().unwrap_or(0.0);
        let squares = columns.map_axis(Axis(1), |c| c.dot(&c)) / y.len() as f64;
        Self { squares, residual: y - y_mean, weight: Array1::zeros(x.ncols()), columns, means, y_mean }
    }

    /// The least λ at which every weight is 0.
    pub(crate) fn greatest_penalty(&self, l1: f64) -> f64 {
        let n = self.residual.len() as f64;
        let inner = self.columns.rows().into_iter().map(|c| (c.dot(&self.residual) / n).abs());
        inner.fold(0.0, f64::max) / l1
    }

    /// Goes over genes once; the greatest change of the fit.
    fn pass(&mut self, genes: &[usize], penalty: f64, l1: f64) -> f64 {
        let n = self.residual.len() as f64;
        let mut greatest = 0.0f64;
        for &j in genes.iter().filter(|&&j| self.squares[j] > 0.0) {
            let (column, old) = (self.columns.row(j), self.weight[j]);
            let pull = column.dot(&self.residual) / n + self.squares[j] * old;
            let kept = (pull.abs() - penalty * l1).max(0.0).copysign(pull);
            let new = kept / (self.squares[j] + penalty * (1.0 - l1));
            if new != old {
                self.residual.scaled_add(old - new, &column);
                self.weight[j] = new;
                greatest = greatest.max((new - old).abs() * self.squares[j].sqrt());
            }
        }
        greatest
    }

    /// From the weights as they are to those of a penalty; `tolerance` is the change of the fit that ends it.
    pub(crate) fn solve(&mut self, penalty: f64, l1: f64, tolerance: f64) {
        let all: Vec<usize> = (0..self.weight.len()).collect();
        for _ in 0..PASSES {
            if self.pass(&all, penalty, l1) < tolerance {
                return;
            }
            let active: Vec<usize> = all.iter().copied().filter(|&j| self.weight[j] != 0.0).collect();
            for _ in 0..PASSES {
                if self.pass(&active, penalty, l1) < tolerance {
                    break;
                }
            }
        }
    }

    /// The intercept that belongs to the weights.
    pub(crate) fn intercept(&self) -> f64 {
        self.y_mean - self.weight.dot(&self.means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    /// At the minimum the slope of the squared error is λ(1 − ρ)w + λρ sign(w) for weights that are not 0, and within λρ for
    /// those that are.
    #[test]
    fn the_solution_meets_the_conditions_of_a_minimum() {
        let mut rng = rng_for(4, "descent");
        let x = Array2::from_shape_fn((25, 60), |_| rng.random_range(-1.0..1.0));
        let y = &x.column(0) * 2.0 - x.column(1) + Array1::from_shape_fn(25, |_| rng.random_range(2.0..2.2));
        let (xc, yc) = (&x - &x.mean_axis(Axis(0)).unwrap(), &y - y.mean().unwrap());
        for (l1, share) in [(0.5, 0.3), (0.5, 0.02), (1.0, 0.1), (0.1, 0.5)] {
            let mut descent = Descent::new(&x, &y);
            let greatest = descent.greatest_penalty(l1);
            descent.solve(greatest * (1.0 + 1e-12), l1, 1e-12);
            assert!(descent.weight.iter().all(|&w| w == 0.0));
            let penalty = share * greatest;
            descent.solve(penalty, l1, 1e-12);
            let weight = &descent.weight;
            let slope = xc.t().dot(&(&yc - &xc.dot(weight))) / 25.0 - weight * (penalty * (1.0 - l1));
            for (g, &w) in slope.iter().zip(weight) {
                let short =
                    if w == 0.0 { (g.abs() - penalty * l1).max(0.0) } else { g - penalty * l1 * w.signum() };
                assert!(short.abs() < 1e-9, "{l1} {share}: {g} {w}");
            }
            assert!(weight.iter().any(|&w| w != 0.0) && weight.iter().any(|&w| w == 0.0));
            assert!((x.dot(weight).mean().unwrap() + descent.intercept() - y.mean().unwrap()).abs() < 1e-9);
        }
    }
}
