//! Preprocessing of f32 matrices as users hold them: a published fixture, dense against sparse, and invariants.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use sensitome_data::preprocess::{
    CellFilter, Centering, HvgCutoffs, HvgFlavor, Normalization, Scaler, filter_cells, filter_genes,
    highly_variable_genes, highly_variable_genes_by_cutoffs, loess, log1p, normalize_total, pca,
    quality_control,
};
use sensitome_data::{CsrMatrix, Values};

/// The 60 x 200 counts of the fixture computed with scanpy 1.9.8.
fn fixture() -> Array2<f64> {
    Array2::from_shape_fn((60, 200), |(i, j)| {
        let base = ((7 * i * i + 13 * j + i * j) % 11) % (1 + j % 7);
        (base + if i < 30 && j < 20 { 2 } else { 0 }) as f64
    })
}

/// Median-normalised and logged, in double precision.
fn logged() -> Array2<f64> {
    let mut x = fixture();
    let rule = Normalization { target_sum: None, exclude_above: None };
    let (factors, target) = rule.factors(&x.view()).unwrap();
    assert_eq!(target, 282.0);
    x.rows_mut().into_iter().zip(factors).for_each(|(mut row, f)| row *= f);
    x.mapv(f64::ln_1p)
}

fn chosen(mask: &[bool]) -> Vec<usize> {
    (0..mask.len()).filter(|&j| mask[j]).collect()
}

#[test]
fn fixture_is_normalised_and_logged() {
    assert_eq!(fixture().sum(), 16903.0);
    approx::assert_abs_diff_eq!(logged().sum(), 8141.592846468, epsilon = 1e-8);
    // The way users go: sparse f32 in place.
    let mut values = Values::Sparse(CsrMatrix::from_dense(&fixture().mapv(|v| v as f32)));
    let rule = Normalization { target_sum: None, exclude_above: None };
    assert_eq!(normalize_total(&mut values, &rule).unwrap(), 282.0);
    log1p(&mut values);
    assert!(matches!(values, Values::Sparse(_)));
    let sum: f64 = values.stored().map(f64::from).sum();
    approx::assert_abs_diff_eq!(sum, 8141.592846468, epsilon = 1e-3);
}

#[test]
fn fixture_has_these_highly_variable_genes() {
    let x = logged();
    let cutoffs = HvgCutoffs { min_mean: 0.0125, max_mean: 6.0, min_dispersion: 0.0 };
    let hvg = highly_variable_genes_by_cutoffs(&x.view(), HvgFlavor::Seurat, &cutoffs).unwrap();
    let genes = chosen(&hvg.highly_variable);
    assert_eq!(genes.len(), 86);
    assert_eq!(genes[..12], [0, 1, 2, 4, 5, 6, 7, 14, 15, 19, 20, 22]);
    let expected = [
        (1, 0.7417755914, -0.0922856991, 1.4721166673),
        (2, 0.9497276845, -0.0487432199, 0.2546870166),
        (3, 1.2751924743, -0.6857797999, -1.4206762667),
        (30, 0.6496988626, -0.1147065755, -0.8955238904),
    ];
    for (j, mean, dispersion, normalized) in expected {
        approx::assert_abs_diff_eq!(hvg.means[j], mean, epsilon = 1e-9);
        approx::assert_abs_diff_eq!(hvg.dispersions[j], dispersion, epsilon = 1e-9);
        approx::assert_abs_diff_eq!(hvg.normalized[j], normalized, epsilon = 1e-9);
    }
    // A tie at the last place is kept.
    let top = highly_variable_genes(&x.view(), HvgFlavor::Seurat, 40).unwrap();
    let genes = chosen(&top.highly_variable);
    assert_eq!(genes.len(), 41);
    assert_eq!(genes[..9], [0, 1, 7, 14, 15, 19, 20, 25, 40]);
}

#[test]
fn dense_and_sparse_give_the_same_numbers() {
    let dense = fixture().mapv(|v| v as f32);
    let sparse = Values::Sparse(CsrMatrix::from_dense(&dense));
    let dense = Values::Dense(dense);
    let mito: Vec<bool> = (0..200).map(|j| j % 9 == 0).collect();
    assert_eq!(quality_control(&dense, &mito, &[5]), quality_control(&sparse, &mito, &[5]));
    for flavor in [HvgFlavor::Seurat, HvgFlavor::CellRanger, HvgFlavor::SeuratV3] {
        let masks = [&dense, &sparse].map(|v| highly_variable_genes(v, flavor, 30).unwrap().highly_variable);
        assert_eq!(masks[0], masks[1], "{flavor:?}");
    }
    let scores = [&dense, &sparse].map(|v| pca(v, 3, Centering::Mean).unwrap().explained_variance);
    approx::assert_abs_diff_eq!(scores[0].sum(), scores[1].sum(), epsilon = 1e-9);
    let rule = Normalization { target_sum: Some(1e4), exclude_above: Some(0.05) };
    let [a, b] = [dense, sparse].map(|mut v| {
        normalize_total(&mut v, &rule).unwrap();
        log1p(&mut v);
        v.to_dense()
    });
    assert_eq!(a, b);
}

#[test]
fn filters_keep_what_is_within_the_bounds() {
    // Genes 0..3; the cells have 3, 2, 1 and no genes.
    let x = ndarray::array![[1.0f32, 2.0, 3.0], [0.0, 5.0, 5.0], [0.0, 0.0, 9.0], [0.0, 0.0, 0.0]];
    let qc = quality_control(&x.view(), &[true, false, false], &[1]);
    assert_eq!(qc.genes_per_cell, [3, 2, 1, 0]);
    assert_eq!(qc.cells_per_gene, [1, 2, 3]);
    approx::assert_abs_diff_eq!(qc.percent_mitochondrial[0], 100.0 / 6.0, epsilon = 1e-12);
    assert!(qc.percent_mitochondrial[3].is_nan() && qc.percent_in_top[0][3].is_nan());
    let keep = |f: CellFilter| chosen(&filter_cells(&qc, &f));
    assert_eq!(keep(CellFilter::default()), [0, 1, 2, 3]);
    assert_eq!(keep(CellFilter { min_genes: 2, ..CellFilter::default() }), [0, 1]);
    assert_eq!(keep(CellFilter { max_genes: 2, min_counts: 9.5, ..CellFilter::default() }), [1]);
    assert_eq!(keep(CellFilter { max_percent_mitochondrial: 5.0, ..CellFilter::default() }), [1, 2, 3]);
    assert_eq!(chosen(&filter_genes(&qc, 2)), [1, 2]);
}

#[test]
fn principal_components_of_either_side_agree() {
    // 12 genes, 9 or 30 samples: the Gram matrix of samples, then that of genes.
    for n in [9, 30] {
        let x = Array2::from_shape_fn((n, 12), |(i, j)| ((i * 31 + j * 17 + i * j * 5) % 23) as f64);
        let fit = pca(&x.view(), n.min(12) - 1, Centering::Mean).unwrap();
        let unit = fit.components.dot(&fit.components.t());
        approx::assert_abs_diff_eq!(unit.sum(), unit.diag().sum(), epsilon = 1e-9);
        approx::assert_abs_diff_eq!(unit.diag().sum(), unit.nrows() as f64, epsilon = 1e-9);
        // Scores are the centred rows on the components.
        let centred = &x - &x.mean_axis(Axis(0)).unwrap();
        let again = centred.dot(&fit.components.t());
        approx::assert_abs_diff_eq!((again - &fit.scores).mapv(f64::abs).sum(), 0.0, epsilon = 1e-7);
    }
    // Rank 1: one component, and nothing invented for the second.
    let line = Array2::from_shape_fn((5, 8), |(i, j)| (i * (j + 1)) as f64);
    let fit = pca(&line.view(), 2, Centering::Mean).unwrap();
    approx::assert_abs_diff_eq!(fit.explained_variance_ratio[0], 1.0, epsilon = 1e-12);
    assert_eq!(fit.singular_values[1], 0.0);
    assert!(fit.components.iter().all(|v| v.is_finite()));
    assert!(pca(&line.view(), 6, Centering::Mean).is_err());
    assert!(pca(&line.view(), 0, Centering::Mean).is_err());
}

#[test]
fn loess_without_spread_stays_finite() {
    for x in [vec![1.0; 10], [vec![0.0; 5], vec![1.0; 5]].concat(), vec![2.0]] {
        let y: Vec<f64> = (0..x.len()).map(|i| i as f64).collect();
        assert!(loess(&x, &y, 0.3).iter().all(|v| v.is_finite()));
    }
    assert!(loess(&[], &[], 0.3).is_empty());
}

#[test]
fn unusable_input_is_refused() {
    let x = fixture();
    assert!(highly_variable_genes(&x.view(), HvgFlavor::Seurat, 0).is_err());
    let one = x.slice(ndarray::s![..1, ..]);
    assert!(highly_variable_genes(&one, HvgFlavor::Seurat, 5).is_err());
    let cutoffs = HvgCutoffs::default();
    assert!(highly_variable_genes_by_cutoffs(&x.view(), HvgFlavor::SeuratV3, &cutoffs).is_err());
    for sum in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let rule = Normalization { target_sum: Some(sum), exclude_above: None };
        assert!(rule.factors(&x.view()).is_err());
    }
    let none = Array2::<f32>::zeros((0, 3));
    assert!(Scaler::fit_zscore(none.view(), 0).is_err());
    assert!(Scaler::fit_minmax(none.view()).is_err());
    let fitted = Scaler::fit_minmax(x.view()).unwrap();
    assert!(fitted.transform(Array2::<f32>::zeros((2, 199))).is_err());
}

fn matrix() -> impl Strategy<Value = Array2<f32>> {
    (2_usize..9, 1_usize..7).prop_flat_map(|(n, p)| {
        prop::collection::vec(-50.0_f32..50.0, n * p)
            .prop_map(move |v| Array2::from_shape_vec((n, p), v).unwrap())
    })
}

proptest! {
    #[test]
    fn scaled_values_come_back(x in matrix()) {
        for scaler in [
            Scaler::Identity,
            Scaler::fit_zscore(x.view(), 0).unwrap(),
            Scaler::fit_zscore(x.view(), 1).unwrap(),
            Scaler::fit_minmax(x.view()).unwrap(),
        ] {
            let back = scaler.inverse(scaler.transform(x.mapv(f64::from)).unwrap()).unwrap();
            for (a, b) in back.iter().zip(&x) {
                prop_assert!((a - f64::from(*b)).abs() < 1e-9, "{} {}", a, b);
            }
            let json = serde_json::to_string(&scaler).unwrap();
            prop_assert_eq!(serde_json::from_str::<Scaler>(&json).unwrap(), scaler);
        }
    }

    #[test]
    fn z_scores_have_mean_0_and_variance_1(x in matrix()) {
        let z = Scaler::fit_zscore(x.view(), 0).unwrap().transform(x.mapv(f64::from)).unwrap();
        for (column, original) in z.columns().into_iter().zip(x.columns()) {
            let spread = original.iter().any(|v| (v - original[0]).abs() > 1e-3);
            prop_assert!(column.mean().unwrap().abs() < 1e-9);
            prop_assert!(!spread || (column.mapv(|v| v * v).mean().unwrap() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn normalised_cells_have_the_total(counts in prop::collection::vec(0_u8..20, 40)) {
        let x = Array2::from_shape_fn((8, 5), |(i, j)| f32::from(counts[5 * i + j]));
        let mut values = Values::Sparse(CsrMatrix::from_dense(&x));
        let rule = Normalization { target_sum: Some(1e4), exclude_above: None };
        normalize_total(&mut values, &rule).unwrap();
        for (before, after) in x.rows().into_iter().zip(values.to_dense().rows()) {
            let expected = if before.sum() == 0.0 { 0.0 } else { 1e4 };
            prop_assert!((after.sum() - expected).abs() < 0.05);
        }
    }
}
