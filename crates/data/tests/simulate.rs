//! The simulator: what a classifier of bulk alone makes of it, and that the truth it tells is the truth.

use faer::linalg::solvers::Solve;
use ndarray::{Array1, Array2, Axis};
use sensitome_data::read::Measure;
use sensitome_data::simulate::{Simulation, SimulationConfig, simulate};

/// Columns to mean 0 and SD 1; constant ones to 0.
fn z_score(mut x: Array2<f64>) -> Array2<f64> {
    for mut column in x.columns_mut() {
        let (mean, sd) = (column.mean().unwrap(), column.std(0.0));
        column.mapv_inplace(|v| if sd > 0.0 { (v - mean) / sd } else { 0.0 });
    }
    x
}

/// Counts to log1p of counts per 10,000.
fn log_normalise(counts: &Array2<f32>) -> Array2<f64> {
    let mut x = counts.mapv(f64::from);
    for mut row in x.rows_mut() {
        let total = row.sum().max(1.0);
        row.mapv_inplace(|v| (1e4 * v / total).ln_1p());
    }
    x
}

/// Ridge weights in the dual, penalty as large as the number of genes.
fn ridge(x: &Array2<f64>, y: &Array1<f64>) -> Array1<f64> {
    let y = y - y.mean().unwrap();
    let kernel = x.dot(&x.t());
    let penalty = x.ncols() as f64;
    let k = faer::Mat::from_fn(x.nrows(), x.nrows(), |i, j| kernel[[i, j]] + if i == j { penalty } else { 0.0 });
    let rhs = faer::Mat::from_fn(x.nrows(), 1, |i, _| y[i]);
    let alpha = k.llt(faer::Side::Lower).unwrap().solve(rhs);
    x.t().dot(&Array1::from_iter((0..x.nrows()).map(|i| alpha[(i, 0)])))
}

fn auroc(score: &Array1<f64>, labels: &[u8]) -> f64 {
    let of = |class| score.iter().zip(labels).filter(move |(_, l)| **l == class).map(|(s, _)| *s);
    let (positive, negative): (Vec<f64>, Vec<f64>) = (of(1).collect(), of(0).collect());
    let wins: f64 = positive
        .iter()
        .flat_map(|p| negative.iter().map(move |n| if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 }))
        .sum();
    wins / (positive.len() * negative.len()) as f64
}

fn at(difficulty: f64, seed: u64) -> Simulation {
    simulate(&SimulationConfig { difficulty, seed, ..SimulationConfig::default() }).unwrap()
}

/// AUROC on the cells of a ridge regression that knows the bulk alone: the third of the lines with the lowest AUC is
/// sensitive, each domain is z-scored by itself.
fn source_only(simulation: &Simulation) -> f64 {
    let cells = z_score(log_normalise(&simulation.cells.values().to_dense()));
    auroc(&cells.dot(&source_weights(simulation)), &simulation.truth.labels)
}

fn source_weights(simulation: &Simulation) -> Array1<f64> {
    let response = simulation.response.select(&simulation.truth.drug, None, Measure::Auc).unwrap();
    let mut sorted: Vec<f64> = response.iter().map(|r| r.1).collect();
    sorted.sort_by(f64::total_cmp);
    let y = response.iter().map(|r| f64::from(u8::from(r.1 < sorted[sorted.len() / 3]))).collect();
    ridge(&z_score(simulation.bulk.values().to_dense().mapv(f64::from)), &y)
}

/// AUROC on every other cell of a ridge regression that learned from the labels of the rest.
fn with_labels(simulation: &Simulation) -> f64 {
    let cells = z_score(log_normalise(&simulation.cells.values().to_dense()));
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..cells.nrows()).partition(|i| i % 2 == 0);
    let labels = &simulation.truth.labels;
    let y = even.iter().map(|&i| f64::from(labels[i])).collect();
    let weights = ridge(&cells.select(Axis(0), &even), &y);
    let test: Vec<u8> = odd.iter().map(|&i| labels[i]).collect();
    auroc(&cells.select(Axis(0), &odd).dot(&weights), &test)
}

/// As [`source_only`], with the cells centred within their clusters first: what a method can gain that finds them.
fn within_clusters(simulation: &Simulation) -> f64 {
    let mut cells = z_score(log_normalise(&simulation.cells.values().to_dense()));
    for cluster in 0..SimulationConfig::default().n_clusters {
        let rows: Vec<usize> = (0..cells.nrows()).filter(|&i| simulation.truth.clusters[i] == cluster).collect();
        let mean = cells.select(Axis(0), &rows).mean_axis(Axis(0)).unwrap();
        rows.iter().for_each(|&i| cells.row_mut(i).scaled_add(-1.0, &mean));
    }
    auroc(&cells.dot(&source_weights(simulation)), &simulation.truth.labels)
}

fn self_trained(simulation: &Simulation) -> f64 {
    let cells = z_score(log_normalise(&simulation.cells.values().to_dense()));
    let norm = |s: Array1<f64>| { let sd = s.std(0.0); let m = s.mean().unwrap(); (s - m) / sd };
    let mut score = norm(cells.dot(&source_weights(simulation)));
    for _ in 0..3 {
        let mut order: Vec<usize> = (0..score.len()).collect();
        order.sort_by(|a, b| score[*a].total_cmp(&score[*b]));
        let k = order.len() * 3 / 10;
        let rows: Vec<usize> = order[..k].iter().chain(&order[order.len() - k..]).copied().collect();
        let y = (0..2 * k).map(|i| f64::from(u8::from(i >= k))).collect();
        let w = ridge(&cells.select(Axis(0), &rows), &y);
        score = (score + norm(cells.dot(&w))) / 2.0;
    }
    auroc(&score, &simulation.truth.labels)
}

#[test]
fn scan() {
    for d in [0.0, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0] {
        let runs: Vec<[f64; 4]> = (0..8).map(|s| at(d, s)).map(|s| [source_only(&s), with_labels(&s), within_clusters(&s), self_trained(&s)]).collect();
        let mean = |f: usize| runs.iter().map(|r| r[f]).sum::<f64>() / 8.0;
        eprintln!("{d} source {:.3} labelled {:.3} clusters {:.3} self {:.3} {:.2?}", mean(0), mean(1), mean(2), mean(3), runs);
    }
}
