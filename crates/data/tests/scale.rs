//! Scales: recognised on data made on each, and declarations checked.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sensitome_data::detect::{Scale, check, scale};
use sensitome_data::{CsrMatrix, Values};

fn counts() -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Array2::from_shape_simple_fn((120, 900), || (6.0 * rng.random::<f32>().powi(4)).round())
}

fn z_scored(x: &Array2<f32>, axis: Axis) -> Array2<f32> {
    let mut x = x.clone();
    for mut lane in x.lanes_mut(axis) {
        let (mean, sd) = (lane.mean().unwrap(), lane.std(0.0));
        lane.mapv_inplace(|v| if sd > 0.0 { (v - mean) / sd } else { 0.0 });
    }
    x
}

fn min_max(x: &Array2<f32>) -> Array2<f32> {
    let mut x = x.clone();
    for mut column in x.columns_mut() {
        let (min, max) = column.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        column.mapv_inplace(|v| (v - min) / (max - min).max(1e-9));
    }
    x
}

/// The same numbers dense and sparse must give the same report.
#[track_caller]
fn found(x: &Array2<f32>) -> Scale {
    let dense = scale(&Values::Dense(x.clone()));
    let sparse = scale(&Values::Sparse(CsrMatrix::from_dense(x)));
    // As text, for the range of no values is NaN.
    assert_eq!(format!("{sparse:?}"), format!("{dense:?}"));
    assert_eq!(dense.scale.to_string().parse::<Scale>().unwrap(), dense.scale);
    dense.scale
}

#[test]
fn each_scale_is_recognised() {
    let raw = counts();
    let logged = raw.mapv(|v| (v * 3.7).ln_1p());
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let microarray =
        Array2::from_shape_simple_fn((50, 300), || 8.0 + 1.5 * rng.sample::<f32, _>(StandardNormal));
    assert_eq!(found(&raw), Scale::Counts);
    assert_eq!(found(&logged), Scale::LogNormalised);
    assert_eq!(found(&microarray), Scale::LogNormalised);
    assert_eq!(found(&z_scored(&logged, Axis(0))), Scale::ZScored);
    assert_eq!(found(&z_scored(&logged, Axis(1))), Scale::ZScored);
    assert_eq!(found(&min_max(&logged)), Scale::MinMax);
}

#[test]
fn what_is_none_of_them_is_not_named() {
    let raw = counts();
    assert_eq!(found(&raw.mapv(|v| v * 1234.567)), Scale::Unknown, "TPM");
    assert_eq!(found(&raw.mapv(|v| f32::from(u8::from(v > 1.0)))), Scale::Unknown, "zeros and ones");
    assert_eq!(found(&raw.mapv(|v| (v + 0.01).log2())), Scale::Unknown, "negative logarithms");
    assert_eq!(found(&raw.mapv(|v| v * 0.05)), Scale::Unknown, "small fractions");
    assert_eq!(found(&Array2::zeros((4, 5))), Scale::Unknown, "all zero");
    assert_eq!(found(&Array2::zeros((0, 5))), Scale::Unknown, "no rows");
    assert_eq!(scale(&Values::Dense(Array2::from_elem((2, 2), f32::NAN))).scale, Scale::Unknown);
}

#[test]
fn the_report_counts_zeros_that_a_sparse_matrix_does_not_store() {
    let x = ndarray::array![[0.0f32, 2.0, 0.0], [0.0, 0.0, 3.5]];
    let r = scale(&Values::Sparse(CsrMatrix::from_dense(&x)));
    assert_eq!((r.min, r.max), (0.0, 3.5));
    assert!((r.share_zero - 4.0 / 6.0).abs() < 1e-12 && (r.share_integer - 5.0 / 6.0).abs() < 1e-12);
}

#[test]
fn a_declaration_that_the_data_contradict_is_refused() {
    let raw = counts();
    let logged = raw.mapv(|v| (v * 3.7).ln_1p());
    let tables = [
        (Scale::Counts, raw.clone()),
        (Scale::LogNormalised, logged.clone()),
        (Scale::ZScored, z_scored(&logged, Axis(0))),
        (Scale::MinMax, min_max(&logged)),
    ];
    for (is, table) in &tables {
        let report = scale(&Values::Dense(table.clone()));
        check(Scale::Unknown, &report).unwrap();
        for declared in [Scale::Counts, Scale::LogNormalised, Scale::ZScored, Scale::MinMax] {
            let answer = check(declared, &report);
            assert_eq!(answer.is_ok(), declared == *is, "{declared} declared, {is} given");
            if let Err(e) = answer {
                let e = e.to_string();
                assert!(
                    e.contains(&format!("{declared} was declared")) && e.contains(&is.to_string()),
                    "{e}"
                );
            }
        }
    }
    // Unrecognised, but possible: negative logarithms.
    check(Scale::LogNormalised, &scale(&Values::Dense(raw.mapv(|v| (v + 0.01).log2())))).unwrap();
    assert!("rpkm".parse::<Scale>().is_err());
}
