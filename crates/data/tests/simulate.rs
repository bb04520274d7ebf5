//! The simulator: what a classifier of bulk alone makes of it, and that the truth it tells is the truth.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use faer::linalg::solvers::Solve;
use ndarray::{Array1, Array2, Axis};
use sensitome_data::detect::{Scale, scale};
use sensitome_data::read::{self, Measure, ReadOptions};
use sensitome_data::simulate::{PathwayTruth, Role, Simulation, SimulationConfig, Truth, simulate};

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
    let k =
        faer::Mat::from_fn(x.nrows(), x.nrows(), |i, j| kernel[[i, j]] + if i == j { penalty } else { 0.0 });
    let rhs = faer::Mat::from_fn(x.nrows(), 1, |i, _| y[i]);
    let alpha = k.llt(faer::Side::Lower).unwrap().solve(rhs);
    x.t().dot(&Array1::from_iter((0..x.nrows()).map(|i| alpha[(i, 0)])))
}

fn auroc(score: &Array1<f64>, labels: &[u8]) -> f64 {
    let of = |class| score.iter().zip(labels).filter(move |(_, l)| **l == class).map(|(s, _)| *s);
    let (positive, negative): (Vec<f64>, Vec<f64>) = (of(1).collect(), of(0).collect());
    let wins: f64 = positive
        .iter()
        .flat_map(|p| {
            negative.iter().map(move |n| {
                if p > n {
                    1.0
                } else if p == n {
                    0.5
                } else {
                    0.0
                }
            })
        })
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
        let rows: Vec<usize> =
            (0..cells.nrows()).filter(|&i| simulation.truth.clusters[i] == cluster).collect();
        let mean = cells.select(Axis(0), &rows).mean_axis(Axis(0)).unwrap();
        rows.iter().for_each(|&i| cells.row_mut(i).scaled_add(-1.0, &mean));
    }
    auroc(&cells.dot(&source_weights(simulation)), &simulation.truth.labels)
}

#[test]
fn the_dial_reaches_from_trivial_to_impossible() {
    let means: Vec<f64> = [0.0, 0.25, 0.5, 0.75, 1.0]
        .iter()
        .map(|&d| (0..5).map(|seed| source_only(&at(d, seed))).sum::<f64>() / 5.0)
        .collect();
    assert!(means[0] > 0.97, "{means:?}");
    assert!((0.75..=0.88).contains(&means[2]), "{means:?}");
    assert!((0.45..=0.55).contains(&means[4]), "{means:?}");
    assert!(means.windows(2).all(|w| w[0] > w[1]), "{means:?}");
}

#[test]
fn at_the_default_there_is_much_to_gain() {
    for seed in 0..5 {
        let simulation = at(0.5, seed);
        let (bulk_alone, labelled) = (source_only(&simulation), with_labels(&simulation));
        let clustered = within_clusters(&simulation);
        assert!(labelled > 0.98, "the response can be read in the cells: {labelled}");
        assert!(
            labelled > bulk_alone + 0.08 && clustered > bulk_alone + 0.02,
            "{bulk_alone} {clustered} {labelled}"
        );
    }
}

#[test]
fn same_seed_same_bits_and_another_seed_another_world() {
    let small = SimulationConfig { n_lines: 40, n_cells: 50, n_genes: 260, ..SimulationConfig::default() };
    let (a, b) = (simulate(&small).unwrap(), simulate(&small).unwrap());
    assert!(a.bulk == b.bulk && a.cells == b.cells && a.truth == b.truth);
    assert!(a.response.rows().eq(b.response.rows()));
    let c = simulate(&SimulationConfig { seed: 1, ..small.clone() }).unwrap();
    assert!(a.bulk != c.bulk && a.cells != c.cells && a.truth != c.truth);
    // One purpose, one generator: more drugs or more cells leave the bulk expression alone.
    let more = SimulationConfig { n_drugs: 9, n_cells: 70, ..small };
    assert_eq!(simulate(&more).unwrap().bulk, a.bulk);
}

#[test]
fn shapes_scales_and_class_balance_are_as_asked() {
    let config = SimulationConfig { sensitive_share: 0.2, ..SimulationConfig::default() };
    let s = simulate(&config).unwrap();
    assert_eq!((s.bulk.n_samples(), s.bulk.n_genes()), (300, 1000));
    assert_eq!((s.cells.n_samples(), s.cells.n_genes()), (600, 1000));
    assert_eq!(s.bulk.genes(), s.cells.genes());
    assert_eq!(scale(s.bulk.values()).scale, Scale::LogNormalised);
    assert_eq!(scale(s.cells.values()).scale, Scale::Counts);
    assert_eq!(s.truth.labels.iter().filter(|&&l| l == 1).count(), 120);
    assert!(s.truth.clusters.iter().all(|&c| c < 4));
    assert_eq!(s.response.drugs().len(), 6);
    assert!(s.response.rows().all(|r| (0.0..=1.0).contains(&r.auc) && r.ln_ic50.is_finite()));
    let mut totals: Vec<f32> = s.cells.values().to_dense().rows().into_iter().map(|r| r.sum()).collect();
    totals.sort_by(f32::total_cmp);
    assert!((2000.0..5000.0).contains(&totals[300]), "median {}", totals[300]);
}

/// The truth is what the data show: drivers move with the response in bulk and between the classes of cells.
#[test]
fn driver_genes_drive() {
    let s = at(0.0, 3);
    let response = s.response.select(&s.truth.drug, None, Measure::Auc).unwrap();
    let sensitivity: Array1<f64> = response.iter().map(|r| -r.1).collect();
    let bulk = z_score(s.bulk.values().to_dense().mapv(f64::from));
    let cells = z_score(log_normalise(&s.cells.values().to_dense()));
    let side: Array1<f64> = s.truth.labels.iter().map(|&l| f64::from(l) - 0.4).collect();
    let index = s.bulk.gene_index();
    assert_eq!(s.truth.drivers.len(), 80);
    let follows = |x: &Array2<f64>, y: &Array1<f64>| {
        let right =
            s.truth.drivers.iter().filter(|d| x.column(index[d.gene.as_str()]).dot(y) * d.weight > 0.0);
        right.count()
    };
    assert!(follows(&bulk, &sensitivity) >= 76, "{}", follows(&bulk, &sensitivity));
    assert!(follows(&cells, &side) >= 76, "{}", follows(&cells, &side));
    for driver in &s.truth.drivers {
        assert!(s.pathways[&driver.pathway].genes.contains(&driver.gene));
    }
}

#[test]
fn settings_out_of_range_are_named() {
    for config in [
        SimulationConfig { n_genes: 100, ..SimulationConfig::default() },
        SimulationConfig { difficulty: f64::NAN, ..SimulationConfig::default() },
        SimulationConfig { sensitive_share: -0.1, ..SimulationConfig::default() },
        SimulationConfig { n_clusters: 0, ..SimulationConfig::default() },
    ] {
        let error = simulate(&config).unwrap_err().to_string();
        assert!(error.contains("simulation setting") && error.contains("choose from"), "{error}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let config = SimulationConfig { n_lines: 30, n_cells: 40, n_genes: 300, ..SimulationConfig::default() };
    let s = simulate(&config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new").join("folder");
    s.write(&out).unwrap();
    let options = ReadOptions::default();
    let (bulk, _) = read::expression(out.join("bulk_expression.csv.gz"), &options).unwrap();
    assert_eq!(bulk, s.bulk);
    let (cells, _) = read::expression(out.join("cells.h5ad"), &options).unwrap();
    assert_eq!(cells, s.cells);
    assert!(cells.sample_columns().is_empty(), "labels must not travel with the cells");
    assert!(read::response(out.join("bulk_response.csv.gz")).unwrap().rows().eq(s.response.rows()));
    assert_eq!(read::gmt(out.join("pathways.gmt")).unwrap(), s.pathways);
    let labels = read::binary_labels(out.join("cells_labels.csv")).unwrap().labels("sim 001").unwrap();
    assert_eq!(labels.iter().map(|l| l.1).collect::<Vec<_>>(), s.truth.labels);
    let truth = std::fs::read_to_string(out.join("truth.json")).unwrap();
    assert_eq!(serde_json::from_str::<Truth>(&truth).unwrap(), s.truth);
}

/// Confounders that go along with the response help bulk's view, those that go against it turn it round; one class is
/// one class; drugs that share programmes agree on them and not on what misleads.
#[test]
fn confounders_classes_and_shared_programmes_are_as_asked() {
    let with = |along: f64| SimulationConfig { confounder_alignment: along, ..SimulationConfig::default() };
    let mean_shift = |along: f64| {
        let s = simulate(&with(along)).unwrap();
        let cells = z_score(log_normalise(&s.cells.values().to_dense()));
        let side: Array1<f64> = s.truth.labels.iter().map(|&l| f64::from(l) - 0.4).collect();
        let index = s.bulk.gene_index();
        let misleading = s.truth.pathways.iter().filter(|p| p.role == Role::Confounder);
        let moved = |p: &PathwayTruth| -> f64 {
            let genes = s.pathways[&p.name].genes.iter();
            p.weight.signum() * genes.map(|g| cells.column(index[g.as_str()]).dot(&side)).sum::<f64>()
        };
        misleading.map(moved).sum::<f64>()
    };
    assert!(mean_shift(0.8) > 0.0 && mean_shift(-0.8) < 0.0);
    for (share, label) in [(0.0, 0), (1.0, 1)] {
        let s = simulate(&SimulationConfig { sensitive_share: share, ..with(0.0) }).unwrap();
        assert!(s.truth.labels.iter().all(|&l| l == label));
        assert_eq!(s.truth.sensitivity.len(), s.cells.n_samples());
    }
    let plain = simulate(&with(0.0)).unwrap();
    let sharing = simulate(&SimulationConfig { n_sharing: 2, ..with(0.0) }).unwrap();
    assert!(sharing.bulk == plain.bulk && sharing.cells == plain.cells);
    assert!(!sharing.response.rows().eq(plain.response.rows()));
    assert!(simulate(&SimulationConfig { n_sharing: 6, ..with(0.0) }).is_err());
}
