//! Which genes keep their company: for each gene, how much its correlations with all other genes in the source resemble
//! those in the cells ("integrative correlation", Parmigiani et al. 2004). No label is needed for it.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::spread;

/// Cells looked at, evenly spread over the target; more would cost time and change little.
const MOST_CELLS: usize = 4000;
/// Genes whose correlations are held at once.
const BLOCK: usize = 256;

/// From 0 (its company changes, or is turned round) to 1 for every gene.
pub(crate) fn company(source: ArrayView2<f64>, cells: ArrayView2<f32>) -> Array1<f64> {
    let n = cells.nrows();
    let used = spread(n, MOST_CELLS);
    let a = standardised(source.mapv(|v| v as f32));
    let b = standardised(cells.select(Axis(0), &used));
    let genes = a.ncols();
    let mut out = Array1::zeros(genes);
    for from in (0..genes).step_by(BLOCK) {
        let to = (from + BLOCK).min(genes);
        let rows = |x: &Array2<f32>| x.slice(s![.., from..to]).t().dot(x);
        let (mut ra, mut rb) = (rows(&a), rows(&b));
        for k in 0..to - from {
            // A gene is no company to itself.
            ra[[k, from + k]] = 0.0;
            rb[[k, from + k]] = 0.0;
            out[from + k] = resemblance(ra.row(k), rb.row(k)).max(0.0);
        }
    }
    out
}

fn resemblance(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f64 {
    super::correlation(a.mapv(f64::from).view(), b.mapv(f64::from).view())
}

/// Columns of mean 0 and length 1; constant ones become 0.
fn standardised(mut x: Array2<f32>) -> Array2<f32> {
    let n = x.nrows().max(1) as f64;
    for mut column in x.columns_mut() {
        let mean = column.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let length = column.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>().sqrt();
        let factor = if length > 1e-9 { 1.0 / length } else { 0.0 };
        column.mapv_inplace(|v| ((f64::from(v) - mean) * factor) as f32);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    /// Brute force over all pairs, more genes than a block, and a gene that turns against its programme.
    #[test]
    fn it_is_the_correlation_of_correlations() {
        let mut rng = rng_for(4, "company");
        let genes = BLOCK + 9;
        let mut domain = |n: usize, leaver: usize| {
            let factors = Array2::from_shape_fn((n, 3), |_| rng.random_range(-1.0..1.0));
            Array2::from_shape_fn((n, genes), |(i, j)| {
                let own: f64 = rng.random_range(-1.0..1.0);
                let turn = if j == leaver { -1.0 } else { 1.0 };
                turn * factors[[i, j % 3]] + 0.5 * own
            })
        };
        let (source, cells) = (domain(60, genes), domain(50, 5).mapv(|v| v as f32));
        let found = company(source.view(), cells.view());
        let wide = cells.mapv(f64::from);
        for j in [0, 5, 255, 256, genes - 1] {
            let with = |x: &Array2<f64>| -> Array1<f64> {
                let r = |k: usize| {
                    if k == j { 0.0 } else { crate::linear::correlation(x.column(j), x.column(k)) }
                };
                (0..genes).map(r).collect()
            };
            let expected = crate::linear::correlation(with(&source).view(), with(&wide).view()).max(0.0);
            assert!((found[j] - expected).abs() < 1e-4, "{j}: {} {expected}", found[j]);
        }
        assert!(found[5] == 0.0 && found[0] > 0.8, "{} {}", found[5], found[0]);
    }

    #[test]
    fn a_constant_gene_has_no_company() {
        let source = Array2::from_shape_fn((8, 4), |(i, j)| ((i * (j + 2)) % 5) as f64);
        let mut cells = source.mapv(|v| v as f32);
        cells.column_mut(1).fill(2.0);
        let found = company(source.view(), cells.view());
        assert_eq!(found[1], 0.0);
        assert!(found.iter().all(|c| (0.0..=1.0).contains(c)));
    }
}
