//! What is regressed: the response to the drug, the same without the lines' general sensitivity, and the same as the
//! whole screen sees it.

use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::{Array1, Array2, Axis};
use sensitome_data::{SourceDomain, TransferTask};

use crate::linear::{percentiles, regression::training};
use crate::{AdaptError, Result};

/// Other drugs below which a table says too little about general sensitivity or shared programmes.
const LEAST_DRUGS: usize = 3;
/// Programmes that drugs may share.
const RANK: usize = 10;
/// Rounds of filling in what was not screened.
const ROUNDS: usize = 15;

/// The training lines of all sources with a response.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Lines × genes.
    pub(crate) x: Array2<f64>,
    /// Lines × responses, each higher for the more sensitive: the rank among the lines first; where there is a table, then
    /// what general sensitivity leaves of it and its part in the screen's shared programmes.
    pub(crate) y: Array2<f64>,
    /// The binary labels.
    pub(crate) labels: Vec<Option<u8>>,
}

impl Lines {
    pub(crate) fn of(task: &TransferTask) -> Result<Self> {
        let (mut x, mut y, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let tables: Vec<Option<Array2<f64>>> = task.sources.iter().map(other_drugs).collect();
        let columns = if tables.iter().any(Option::is_some) { 3 } else { 1 };
        for (source, table) in task.sources.iter().zip(&tables) {
            let known = screened(source);
            let values: Vec<f64> = known.iter().filter_map(|&i| source.response[i]).collect();
            let rank = Array1::from_vec(percentiles(&values));
            let mut seen = vec![rank.clone(); columns];
            if let Some(table) = table {
                seen[1] = without_general(&rank, table);
                seen[2] = shared(&rank, table)?;
            }
            for (k, &i) in known.iter().enumerate() {
                x.extend(source.expression.row(i).iter().map(|&v| f64::from(v)));
                y.extend(seen.iter().map(|s| -s[k]));
                labels.push(source.labels[i]);
            }
        }
        let shape = |e: ndarray::ShapeError| AdaptError::invalid("source", e.to_string(), "check its shape");
        Ok(Self {
            x: Array2::from_shape_vec((labels.len(), task.n_genes()), x).map_err(shape)?,
            y: Array2::from_shape_vec((labels.len(), columns), y).map_err(shape)?,
            labels,
        })
    }
}

fn screened(source: &SourceDomain) -> Vec<usize> {
    training(source).filter(|&i| source.response[i].is_some()).collect()
}

/// Ranks of the screened lines for every other drug that most of them were screened with; NaN where they were not.
fn other_drugs(source: &SourceDomain) -> Option<Array2<f64>> {
    let known = screened(source);
    let values = source.table.as_ref()?.values.select(Axis(0), &known);
    let own = |column: &ndarray::ArrayView1<f64>| {
        column.iter().zip(&known).all(|(v, &i)| v.is_nan() || source.response[i] == Some(*v))
    };
    let enough = |column: &ndarray::ArrayView1<f64>| {
        2 * column.iter().filter(|v| !v.is_nan()).count() > known.len().max(2)
    };
    let mut ranks: Vec<f64> = Vec::new();
    let mut drugs = 0;
    for column in values.columns().into_iter().filter(|c| enough(c) && !own(c)) {
        let there: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
        let mut ranked = percentiles(&there).into_iter();
        ranks.extend(column.iter().map(|v| if v.is_nan() { f64::NAN } else { ranked.next().unwrap_or(0.5) }));
        drugs += 1;
    }
    let ranks = Array2::from_shape_vec((drugs, known.len()), ranks).ok()?;
    (drugs >= LEAST_DRUGS).then(|| ranks.reversed_axes())
}

/// What a line's mean rank over the other drugs leaves of its rank (Geeleher et al. 2016).
fn without_general(rank: &Array1<f64>, table: &Array2<f64>) -> Array1<f64> {
    let general: Array1<f64> = table
        .rows()
        .into_iter()
        .map(|row| {
            let (sum, n) = row.iter().filter(|v| !v.is_nan()).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
            if n > 0.0 { sum / n } else { 0.5 }
        })
        .collect();
    let n = rank.len().max(1) as f64;
    let (g, r) = (&general - general.sum() / n, rank - rank.sum() / n);
    let slope = g.dot(&r) / g.dot(&g).max(1e-12);
    r - g * slope
}

/// The drug's column of a softly thresholded low-rank fit of the whole table (Mazumder et al. 2010), 0 in the middle.
fn shared(rank: &Array1<f64>, table: &Array2<f64>) -> Result<Array1<f64>> {
    let (n, d) = (table.nrows(), table.ncols() + 1);
    let whole =
        Array2::from_shape_fn((n, d), |(i, j)| if j == 0 { rank[i] } else { table[[i, j - 1]] } - 0.5);
    let mut filled = whole.mapv(|v| if v.is_nan() { 0.0 } else { v });
    let mut fit = filled.clone();
    for _ in 0..ROUNDS {
        let gram = filled.t().dot(&filled);
        let matrix = Mat::from_fn(d, d, |i, j| gram[[i, j]]);
        let eigen = SelfAdjointEigen::new(matrix.as_ref(), Side::Lower).map_err(|e| {
            AdaptError::invalid("response table", format!("no eigenvalues ({e:?})"), "check the values")
        })?;
        // Ascending: the last are the largest; the one below them is the threshold.
        let top = RANK.min(d - 1);
        let size = |k: usize| eigen.S().column_vector()[d - 1 - k].max(0.0).sqrt();
        let axes = Array2::from_shape_fn((d, top), |(i, k)| eigen.U()[(i, d - 1 - k)]);
        let kept = Array1::from_shape_fn(top, |k| (1.0 - size(top) / size(k).max(1e-12)).max(0.0));
        fit = (filled.dot(&axes) * &kept).dot(&axes.t());
        filled.zip_mut_with(&fit, |f, l| *f = *l);
        filled.zip_mut_with(&whole, |f, w| *f = if w.is_nan() { *f } else { *w });
    }
    Ok(fit.column(0).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    #[test]
    fn what_is_left_is_uncorrelated_with_general_sensitivity() {
        let mut rng = rng_for(2, "responses");
        let table = Array2::from_shape_fn((40, 5), |_| rng.random_range(0.0..1.0));
        let general = table.mean_axis(Axis(1)).unwrap();
        let rank = &general + &Array1::from_shape_fn(40, |_| rng.random_range(0.0..0.3));
        let left = without_general(&rank, &table);
        assert!(crate::linear::correlation(left.view(), general.view()).abs() < 1e-10);
    }

    /// Drugs that are noisy copies of one programme: the fit is closer to the programme than the measured column is.
    #[test]
    fn the_screen_takes_noise_off_a_shared_programme() {
        let mut rng = rng_for(3, "responses");
        let programme = Array1::from_shape_fn(80, |_| rng.random_range(0.0..1.0));
        let mut noisy = || 0.5 * (&programme + &Array1::from_shape_fn(80, |_| rng.random_range(0.0..1.0)));
        let rank = noisy();
        let copies: Vec<Array1<f64>> = (0..12).map(|_| noisy()).collect();
        let mut table = Array2::from_shape_fn((80, 12), |(i, j)| copies[j][i]);
        table[[3, 4]] = f64::NAN;
        let fit = shared(&rank, &table).unwrap();
        let near = |a: &Array1<f64>| crate::linear::correlation(a.view(), programme.view());
        assert!(near(&fit) > near(&rank) + 0.1, "{} {}", near(&fit), near(&rank));
    }
}
