//! Local quadratic regression (Cleveland 1979), fitted at every point.

/// The fit of `y` on `x` at every `x`: a quadratic by weighted least squares on the nearest ⌊`span`·n⌋ points, with
/// tricube weights. Where the neighbours do not determine a quadratic the solution of least norm is taken, as the
/// original Fortran does.
pub fn loess(x: &[f64], y: &[f64], span: f64) -> Vec<f64> {
    let n = x.len().min(y.len());
    let q = ((n as f64 * span + 1e-5).floor() as usize).clamp(1, n.max(1));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut out = vec![0.0; n];
    let mut first = 0;
    for &i in &order {
        // The window of the q nearest moves to the right with x.
        while first + q < n && x[order[first + q]] - x[i] < x[i] - x[order[first]] {
            first += 1;
        }
        let window = &order[first..first + q];
        let distance = |k: &usize| (x[*k] - x[i]).abs();
        let h = window.iter().map(distance).fold(0.0, f64::max);
        out[i] = if h > 0.0 { local_fit(window, x, y, x[i], h) } else { mean(window, y) };
    }
    out
}

fn mean(window: &[usize], y: &[f64]) -> f64 {
    window.iter().map(|&k| y[k]).sum::<f64>() / window.len() as f64
}

/// Value at `at` of the weighted quadratic. In u = (x − at) / h its value is the constant coefficient.
fn local_fit(window: &[usize], x: &[f64], y: &[f64], at: f64, h: f64) -> f64 {
    let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
    for &k in window {
        let u = (x[k] - at) / h;
        let w = (1.0 - u.abs().powi(3)).max(0.0).powi(3);
        let basis = [1.0, u, u * u];
        for r in 0..3 {
            b[r] += w * basis[r] * y[k];
            for c in 0..3 {
                a[r][c] += w * basis[r] * basis[c];
            }
        }
    }
    solve_least_norm(a, b)[0]
}

/// Solves a symmetric positive 3 × 3 system in its eigenvectors, leaving out those without weight; columns are first
/// brought to unit length.
fn solve_least_norm(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    let length: [f64; 3] = std::array::from_fn(|i| if a[i][i] > 0.0 { a[i][i].sqrt() } else { 1.0 });
    for r in 0..3 {
        b[r] /= length[r];
        for c in 0..3 {
            a[r][c] /= length[r] * length[c];
        }
    }
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..30 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q].abs() < 1e-300 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let t = if theta == 0.0 { 1.0 } else { t };
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in &mut a {
                let (x, y) = (row[p], row[q]);
                (row[p], row[q]) = (c * x - s * y, s * x + c * y);
            }
            for k in 0..3 {
                let (x, y) = (a[p][k], a[q][k]);
                (a[p][k], a[q][k]) = (c * x - s * y, s * x + c * y);
                let (x, y) = (v[k][p], v[k][q]);
                (v[k][p], v[k][q]) = (c * x - s * y, s * x + c * y);
            }
        }
    }
    let largest = a[0][0].max(a[1][1]).max(a[2][2]);
    let mut out = [0.0; 3];
    for e in 0..3 {
        if a[e][e] > largest * 1e-13 {
            let along: f64 = (0..3).map(|k| v[k][e] * b[k]).sum::<f64>() / a[e][e];
            (0..3).for_each(|k| out[k] += along * v[k][e]);
        }
    }
    std::array::from_fn(|i| out[i] / length[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quadratic_is_reproduced() {
        let x: Vec<f64> = (0..40).map(|i| f64::from(i * i % 37) / 7.0).collect();
        let y: Vec<f64> = x.iter().map(|x| 1.0 - 2.0 * x + 0.3 * x * x).collect();
        for (fit, y) in loess(&x, &y, 0.4).iter().zip(&y) {
            assert!((fit - y).abs() < 1e-9, "{fit} {y}");
        }
    }
}
