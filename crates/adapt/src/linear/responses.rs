//! What is regressed: the response to the drug, and the same without the lines' general sensitivity.

use ndarray::{Array1, Array2, Axis};
use sensitome_data::{SourceDomain, TransferTask};

use crate::linear::{percentiles, regression::training};
use crate::{AdaptError, Result};

/// Other drugs below which a table says too little about general sensitivity.
const LEAST_DRUGS: usize = 3;

/// The training lines of all sources with a response.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Lines × genes.
    pub(crate) x: Array2<f64>,
    /// Lines × responses, each higher for the more sensitive: the rank among the lines; where there is a table, then what
    /// general sensitivity leaves of it.
    pub(crate) y: Array2<f64>,
    /// The binary labels.
    pub(crate) labels: Vec<Option<u8>>,
}

impl Lines {
    pub(crate) fn of(task: &TransferTask) -> Result<Self> {
        let (mut x, mut y, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let tables: Vec<Option<Array2<f64>>> = task.sources.iter().map(other_drugs).collect();
        let columns = if tables.iter().any(Option::is_some) { 2 } else { 1 };
        for (source, table) in task.sources.iter().zip(&tables) {
            let known = screened(source);
            let values: Vec<f64> = known.iter().filter_map(|&i| source.response[i]).collect();
            let rank = Array1::from_vec(percentiles(&values));
            let mut seen = vec![rank.clone(); columns];
            if let Some(table) = table {
                seen[1] = without_general(&rank, table);
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
}
