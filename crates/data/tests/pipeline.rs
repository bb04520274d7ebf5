//! The steps taken together: the numbers of the single steps, in memory and out of core alike.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use std::path::Path;

use approx::assert_relative_eq;
use ndarray::Array2;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_data::preprocess::{
    CellFilter, Hvg, HvgFlavor, Normalization, Pipeline, PipelineFit, Scaler, filter_cells, filter_genes,
    highly_variable_genes, log1p, normalize_total, quality_control,
};
use sensitome_data::read::{CellBlocks, H5adLayer, h5ad};
use sensitome_data::{Column, CsrMatrix, Duplicates, ExpressionMatrix, Values, write};

fn matrix(values: Values) -> ExpressionMatrix {
    let (n, p) = values.shape();
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
    let mut m = ExpressionMatrix::new(values, names("c", n), names("g", p)).unwrap();
    m.set_sample_column("batch", Column::category((0..n).map(|i| ["a", "b"][i % 2]))).unwrap();
    m.set_gene_column("length", Column::Number((0..p).map(|j| j as f64).collect())).unwrap();
    m
}

/// What the steps give one by one.
struct Steps {
    logged: ExpressionMatrix,
    scaled: Array2<f32>,
    target: f64,
    hvg: Option<Hvg>,
    scaler: Scaler,
}

fn places(mask: &[bool]) -> Vec<usize> {
    (0..mask.len()).filter(|&i| mask[i]).collect()
}

/// One after the other, each on a matrix of its own. `None` where nothing is left.
fn steps(counts: &ExpressionMatrix, pipeline: &Pipeline) -> Option<Steps> {
    let qc = quality_control(counts.values(), &[], &[]);
    let filter = CellFilter { min_genes: pipeline.min_genes, ..CellFilter::default() };
    let cells = counts.select_samples(&places(&filter_cells(&qc, &filter))).unwrap();
    let qc = quality_control(cells.values(), &[], &[]);
    let cells = cells.select_genes(&places(&filter_genes(&qc, pipeline.min_cells))).unwrap();
    if cells.n_samples() < 2 || cells.n_genes() == 0 {
        return None;
    }
    let mut values = cells.values().clone();
    let rule = Normalization { target_sum: pipeline.target_sum, exclude_above: None };
    let target = normalize_total(&mut values, &rule).unwrap();
    if pipeline.log1p {
        log1p(&mut values);
    }
    let hvg = pipeline.top_genes.map(|(n, flavor)| {
        let of = if flavor == HvgFlavor::SeuratV3 { cells.values() } else { &values };
        highly_variable_genes(of, flavor, n).unwrap()
    });
    let mut logged = cells.with_values(values).unwrap();
    if let Some(hvg) = &hvg {
        logged = logged.select_genes(&places(&hvg.highly_variable)).unwrap();
    }
    let dense = logged.values().to_dense();
    let Scaler::ZScore { mean, sd, center, .. } = Scaler::fit_zscore(dense.view(), 1).unwrap() else {
        unreachable!("a z-score")
    };
    let scaler = Scaler::ZScore { mean, sd, center, max_value: pipeline.max_value };
    Some(Steps { scaled: scaler.transform(dense).unwrap(), logged, target, hvg, scaler })
}

/// Equal to 1e-9, or to the rounding of the greatest: a z-score near 0 is a difference of numbers that are not.
fn close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    let greatest = b.iter().filter(|v| v.is_finite()).fold(0.0, |g: f64, v| g.max(v.abs()));
    for (a, b) in a.iter().zip(b) {
        let far = (1e-9 * a.abs().max(b.abs())).max(64.0 * f64::EPSILON * greatest);
        assert!(a.is_nan() && b.is_nan() || a == b || (a - b).abs() <= far, "{a} {b}");
    }
}

fn moments(scaler: &Scaler) -> (&[f64], &[f64]) {
    let Scaler::ZScore { mean, sd, .. } = scaler else { panic!("{scaler:?}") };
    (mean, sd)
}

fn assert_same(expected: &Steps, got: &ExpressionMatrix, fit: &PipelineFit, pipeline: &Pipeline) {
    assert_eq!((got.samples(), got.genes()), (expected.logged.samples(), expected.logged.genes()));
    assert_eq!(got.sample_columns(), expected.logged.sample_columns());
    assert_eq!(got.gene_columns()["length"], expected.logged.gene_columns()["length"]);
    assert_eq!(fit.target_sum, expected.target);
    assert_eq!(fit.hvg.is_some(), expected.hvg.is_some());
    if let (Some(a), Some(b)) = (&fit.hvg, &expected.hvg) {
        assert_eq!(a.highly_variable, b.highly_variable);
        close(&a.means, &b.means);
        close(&a.dispersions, &b.dispersions);
    }
    let (mean, sd) = moments(&fit.scaler);
    close(mean, moments(&expected.scaler).0);
    close(sd, moments(&expected.scaler).1);
    assert_eq!(got.gene_columns()["mean"], Column::Number(mean.to_vec()));
    assert_eq!(got.gene_columns()["sd"], Column::Number(sd.to_vec()));
    if pipeline.scale {
        let Values::Dense(z) = got.values() else { panic!("sparse z-scores") };
        assert_eq!(z.dim(), expected.scaled.dim());
        for (a, b) in z.iter().zip(&expected.scaled) {
            assert_relative_eq!(*a, *b, max_relative = 1e-5, epsilon = 1e-6);
        }
    } else {
        assert_eq!(got.values(), expected.logged.values());
    }
}

/// Whether more than rounding says which genes are chosen: nothing ties with the last of them, and no gene is the same in
/// all cells, whose variance is 0 but for rounding, which a logarithm blows up. Nor do two genes have one dispersion: alone in
/// a bin they leave a deviation of 0 but for rounding to divide by.
fn decided(hvg: &Hvg, pipeline: &Pipeline) -> bool {
    let mut known: Vec<f64> = hvg.normalized.iter().copied().filter(|v| !v.is_nan()).collect();
    known.sort_by(|a, b| b.total_cmp(a));
    let last = pipeline.top_genes.and_then(|(n, _)| known.get(n - 1).copied());
    let ties = last.map_or(1, |t| known.iter().filter(|v| (**v - t).abs() < 1e-9 * t.abs().max(1.0)).count());
    let mut spread: Vec<f64> = hvg.dispersions.iter().copied().filter(|d| !d.is_nan()).collect();
    spread.sort_by(f64::total_cmp);
    let twins = spread.windows(2).any(|d| d[1] - d[0] < 1e-9 * d[1].abs().max(1.0));
    ties == 1 && !twins && hvg.dispersions.iter().all(|d| *d > -30.0 || d.is_nan())
}

/// Counts whose genes differ in height, some of them rare, some cells empty.
fn counts(cells: usize, genes: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let height: Vec<f32> = (0..genes).map(|_| 4.0 * rng.random::<f32>().powi(3)).collect();
    let mut x = Array2::zeros((cells, genes));
    for mut row in x.rows_mut() {
        let depth = if rng.random::<f32>() < 0.05 { 0.0 } else { 0.3 + rng.random::<f32>() };
        for (v, h) in row.iter_mut().zip(&height) {
            *v = (-(1.0 - rng.random::<f32>()).ln() * h * depth).floor();
        }
    }
    x
}

fn pipelines() -> impl Strategy<Value = Pipeline> {
    let flavor = prop_oneof![Just(HvgFlavor::Seurat), Just(HvgFlavor::CellRanger), Just(HvgFlavor::SeuratV3)];
    let target = prop::option::of(prop_oneof![Just(1e4), 1f64..1e6]);
    (
        0usize..5,
        0usize..6,
        target,
        any::<bool>(),
        prop::option::of((1usize..60, flavor)),
        prop::option::of(prop::option::of(0.5f64..10.0)),
    )
        .prop_map(|(min_genes, min_cells, target_sum, log1p, top_genes, scale)| Pipeline {
            min_genes,
            min_cells,
            target_sum,
            log1p: log1p || top_genes.is_some_and(|(_, f)| f != HvgFlavor::SeuratV3),
            top_genes,
            scale: scale.is_some(),
            max_value: scale.flatten(),
        })
}

fn blocks(path: &Path, size: usize) -> CellBlocks {
    CellBlocks::open(path, &H5adLayer::X, Duplicates::Refuse, size).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_numbers_are_those_of_the_single_steps(
        (n, p, seed) in (3usize..90, 2usize..150, any::<u64>()),
        sparse in any::<bool>(),
        pipeline in pipelines(),
    ) {
        let x = counts(n, p, seed);
        let x = matrix(if sparse { Values::Sparse(CsrMatrix::from_dense(&x)) } else { Values::Dense(x) });
        let Some(expected) = steps(&x, &pipeline) else { return Ok(()) };
        prop_assume!(expected.hvg.as_ref().is_none_or(|h| decided(h, &pipeline)));
        prop_assume!(moments(&expected.scaler).1.iter().all(|sd| *sd > 1e-6));
        let (got, fit) = pipeline.run(&x).unwrap();
        assert_same(&expected, &got, &fit, &pipeline);
    }
}

/// More cells than are summed up at once.
fn large() -> ExpressionMatrix {
    matrix(Values::Sparse(CsrMatrix::from_dense(&counts(5_000, 60, 7))))
}

fn usual() -> Pipeline {
    Pipeline {
        min_genes: 3,
        min_cells: 40,
        target_sum: Some(1e4),
        top_genes: Some((25, HvgFlavor::Seurat)),
        ..Pipeline::default()
    }
}

#[test]
fn threads_and_blocks_do_not_change_a_bit() {
    let x = large();
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("x.h5ad"), folder.path().join("out.h5ad"));
    write::h5ad(&source, &x, &[]).unwrap();
    for (pipeline, level) in [
        (usual(), None),
        (Pipeline { top_genes: Some((25, HvgFlavor::SeuratV3)), target_sum: None, ..usual() }, Some(1)),
        (Pipeline::default(), None),
    ] {
        let expected = steps(&x, &pipeline).unwrap();
        let (in_memory, fit) = pipeline.run(&x).unwrap();
        assert_same(&expected, &in_memory, &fit, &pipeline);
        assert!(pipeline == Pipeline::default() || in_memory.n_genes() == 25);
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (again, fit_again) = pipeline.run(&x).unwrap();
                assert_eq!((&again, &fit_again), (&in_memory, &fit));
                let scaled = Pipeline { scale: true, max_value: Some(3.0), ..pipeline.clone() };
                let (z, _) = scaled.run(&x).unwrap();
                let cut = Scaler::ZScore {
                    mean: moments(&fit.scaler).0.to_vec(),
                    sd: moments(&fit.scaler).1.to_vec(),
                    center: true,
                    max_value: Some(3.0),
                };
                assert_eq!(z.values(), &Values::Dense(cut.transform(in_memory.values().to_dense()).unwrap()));
            });
        }
        for size in [1, 700, 1_024, 4_999, usize::MAX] {
            let fit_blocks = pipeline.run_blocks(blocks(&source, size), &out, level).unwrap();
            assert_eq!(fit_blocks, fit);
            assert_eq!(h5ad(&out, &H5adLayer::X).unwrap(), in_memory);
        }
    }
}

#[test]
fn settings_and_cells_that_do_not_fit_are_refused() {
    let x = matrix(Values::Dense(counts(20, 5, 1)));
    let usual = Pipeline::default;
    let top = |flavor, n| Some((n, flavor));
    let cases = [
        (Pipeline { target_sum: Some(0.0), ..usual() }, "target sum: 0 is not positive"),
        (Pipeline { log1p: false, top_genes: top(HvgFlavor::Seurat, 2), ..usual() }, "seurat_v3"),
        (Pipeline { top_genes: top(HvgFlavor::SeuratV3, 0), ..usual() }, "0 genes asked for"),
        (Pipeline { max_value: Some(10.0), ..usual() }, "nothing is scaled"),
        (Pipeline { scale: true, max_value: Some(-1.0), ..usual() }, "-1 is not positive"),
        (Pipeline { min_genes: 6, ..usual() }, "no cell is left"),
        (Pipeline { min_cells: 21, ..usual() }, "no gene is left"),
    ];
    for (pipeline, part) in cases {
        let text = pipeline.run(&x).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    let one = x.select_samples(&[0]).unwrap();
    let chosen = Pipeline { top_genes: top(HvgFlavor::Seurat, 2), ..usual() };
    assert!(chosen.run(&one).unwrap_err().to_string().contains("pass at least 2"));
    assert_eq!(usual().run(&one).unwrap().0.n_samples(), 1);
    for sparse in [false, true] {
        let mut x = counts(20, 5, 1);
        x[[7, 3]] = -0.5;
        let x = matrix(if sparse { Values::Sparse(CsrMatrix::from_dense(&x)) } else { Values::Dense(x) });
        let text = usual().run(&x).unwrap_err().to_string();
        assert!(text.contains("-0.5 of gene g3 in cell c7"), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("x.h5ad"), folder.path().join("out.h5ad"));
    write::h5ad(&source, &x, &[]).unwrap();
    let scaled = Pipeline { scale: true, ..usual() };
    assert!(scaled.run_blocks(blocks(&source, 3), &out, None).unwrap_err().to_string().contains("dense"));
    let strict = Pipeline { min_genes: 6, ..usual() };
    assert!(strict.run_blocks(blocks(&source, 3), &out, None).is_err());
    assert!(!out.exists());
}
