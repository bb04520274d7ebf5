//! Linear methods: what the controls share (rows, folds, the model of one layer, classifiers), and the closed-form parts of
//! `sensitome` (many ridge regressions on one kernel, what a whole response table says about one drug, which genes keep their
//! company, the structure of the cells).

pub(crate) mod cells;
pub(crate) mod company;
pub(crate) mod descent;
pub(crate) mod dual;
pub(crate) mod labelled;
pub(crate) mod large_margin;
pub(crate) mod regression;
pub(crate) mod responses;
pub(crate) mod trust;

use ndarray::ArrayView1;

/// Pearson correlation; 0 where one side is constant.
pub(crate) fn correlation(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    let n = a.len().max(1) as f64;
    let (ma, mb) = (a.sum() / n, b.sum() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
