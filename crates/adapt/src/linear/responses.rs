//! What is regressed: the response to the drug, the same without the lines' general sensitivity, and that of the drugs most
//! like it.

use ndarray::{Array1, Array2, ArrayView1, Axis, Zip};
use sensitome_data::{SourceDomain, TransferTask};

use crate::linear::{correlation, percentiles, regression::training};
use crate::{AdaptError, Result};

/// Other drugs below which a table says too little about general sensitivity.
const LEAST_DRUGS: usize = 3;
/// The most drugs that are the kin of one.
const KIN: usize = 5;
/// Responses of the drug itself, the first columns of [`Lines::y`]; what follows is of its kin.
pub(crate) const OWN: usize = 2;

/// The training lines of all sources with a response.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Lines × genes.
    pub(crate) x: Array2<f64>,
    /// Lines × responses, each higher for the more sensitive: the rank among the lines; where there is a table, then what
    /// general sensitivity leaves of it, and what it leaves of the drug's kin.
    pub(crate) y: Array2<f64>,
    /// The binary labels.
    pub(crate) labels: Vec<Option<u8>>,
}

impl Lines {
    pub(crate) fn of(task: &TransferTask) -> Result<Self> {
        let (mut x, mut y, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let tables: Vec<Option<Array2<f64>>> = task.sources.iter().map(other_drugs).collect();
        let columns = if tables.iter().any(Option::is_some) { OWN + 1 } else { 1 };
        for (source, table) in task.sources.iter().zip(&tables) {
            let known = screened(source);
            let values: Vec<f64> = known.iter().filter_map(|&i| source.response[i]).collect();
            let rank = Array1::from_vec(percentiles(&values));
            let mut seen = vec![rank.clone(); columns];
            if let Some(table) = table {
                let general = general(table);
                seen[1] = without_general(rank.view(), &general);
                seen[2] = kin(&seen[1], table, &general);
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

/// Mean rank of every line over the other drugs.
fn general(table: &Array2<f64>) -> Array1<f64> {
    let mean = |row: ArrayView1<f64>| {
        let (sum, n) = row.iter().filter(|v| !v.is_nan()).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
        if n > 0.0 { sum / n } else { 0.5 }
    };
    table.rows().into_iter().map(mean).collect()
}

/// What general sensitivity leaves of the ranks for a drug (Geeleher et al. 2016); 0 where a line has none.
fn without_general(rank: ArrayView1<f64>, general: &Array1<f64>) -> Array1<f64> {
    let known = known(rank);
    let (g, r) = (centred(general.view(), &known), centred(rank, &known));
    let slope = g.dot(&r) / g.dot(&g).max(1e-12);
    r - g * slope
}

/// 1 where a line was screened, else 0.
fn known(rank: ArrayView1<f64>) -> Array1<f64> {
    rank.mapv(|r| f64::from(u8::from(!r.is_nan())))
}

/// Less the mean of those that are known; 0 for the others.
fn centred(values: ArrayView1<f64>, known: &Array1<f64>) -> Array1<f64> {
    let values = Zip::from(values).and(known).map_collect(|&v, &k| if k > 0.0 { v } else { 0.0 });
    let mean = values.sum() / known.sum().max(1.0);
    values - known * mean
}

/// The drug's kin: the mean of the other drugs that go most like it once general sensitivity is left out of both, weighted by
/// how much they do (Pearson); a line that one of them is not known of counts as its mean line. What is left of the drug
/// itself, `left`, where none goes like it.
fn kin(left: &Array1<f64>, table: &Array2<f64>, general: &Array1<f64>) -> Array1<f64> {
    let mut alike: Vec<(f64, Array1<f64>)> = Vec::new();
    for drug in table.columns() {
        let other = without_general(drug, general);
        let own = centred(left.view(), &known(drug));
        alike.push((correlation(own.view(), other.view()), other));
    }
    alike.retain(|(r, _)| *r > 0.0);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    alike.truncate(KIN);
    let all: f64 = alike.iter().map(|(r, _)| r).sum();
    let mean = alike.into_iter().map(|(r, other)| other * (r / all));
    mean.reduce(|sum, other| sum + other).unwrap_or_else(|| left.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    /// Forty lines, and nine drugs that follow general sensitivity and one of three modes of action each; a drug of the first.
    fn screen() -> (Array1<f64>, Array2<f64>, Array2<f64>) {
        let mut rng = rng_for(2, "responses");
        let modes = Array2::from_shape_fn((40, 4), |_| rng.random_range(-1.0..1.0));
        let mut drug = |mode: usize| -> Array1<f64> {
            (0..40).map(|i| modes[[i, 3]] + modes[[i, mode]] + rng.random_range(-0.8..0.8)).collect()
        };
        let rank = drug(0);
        let columns: Vec<_> = (0..9).map(|k| drug(k % 3)).collect();
        (rank, Array2::from_shape_fn((40, 9), |(i, k)| columns[k][i]), modes)
    }

    #[test]
    fn what_is_left_is_uncorrelated_with_general_sensitivity() {
        let (rank, table, _) = screen();
        let general = general(&table);
        let left = without_general(rank.view(), &general);
        assert!(correlation(left.view(), general.view()).abs() < 1e-10);
    }

    #[test]
    fn kin_follow_the_mode_of_action_closer_than_the_drug_does() {
        let (rank, mut table, modes) = screen();
        let with = |of: &Array1<f64>, mode: usize| correlation(of.view(), modes.column(mode));
        let of = |table: &Array2<f64>| {
            let general = general(table);
            let left = without_general(rank.view(), &general);
            (kin(&left, table, &general), left)
        };
        let (found, left) = of(&table);
        assert!(with(&found, 0) > with(&left, 0) + 0.05, "{} {}", with(&found, 0), with(&left, 0));
        assert!(with(&found, 3).abs() < 0.3, "{}", with(&found, 3));
        // A third of the measurements missing, one line altogether.
        for i in 0..40 {
            (0..9).filter(|k| i == 7 || (i + k / 3) % 3 == 0).for_each(|k| table[[i, k]] = f64::NAN);
        }
        let (found, left) = of(&table);
        assert!(found.iter().all(|v| v.is_finite()) && found[7] == 0.0);
        assert!(with(&found, 0) > with(&left, 0), "{} {}", with(&found, 0), with(&left, 0));
    }

    #[test]
    fn a_drug_without_kin_stands_for_itself() {
        let (rank, _, _) = screen();
        let opposed = Array2::from_shape_fn((40, 3), |(i, _)| -rank[i]);
        let general = Array1::from_shape_fn(40, |i| (i % 5) as f64);
        let left = without_general(rank.view(), &general);
        assert_eq!(kin(&left, &opposed, &general), left);
    }
}
