//! The comparisons of the golden set's README.

use ndarray::{ArrayD, Axis, Dimension, Zip};

/// Elementwise `|got - expected| <= atol + rtol * |expected|`; NaN equals NaN, infinities themselves. With `axis` the
/// vectors along it may have the other sign: 0, each row is a vector; 1, each column.
pub(crate) fn numbers(
    mut got: ArrayD<f64>,
    expected: &ArrayD<f64>,
    rtol: f64,
    atol: f64,
    axis: Option<usize>,
) -> Result<(), String> {
    if let Some(axis) = axis {
        align_signs(&mut got, expected, Axis(axis));
    }
    let same = |g: f64, e: f64| {
        g == e || (g.is_nan() && e.is_nan()) || (e.is_finite() && (g - e).abs() <= atol + rtol * e.abs())
    };
    let wrong: Vec<_> = got
        .indexed_iter()
        .zip(expected.iter())
        .filter(|((_, g), e)| !same(**g, **e))
        .map(|((at, g), e)| (at, *g, *e))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = wrong
        .iter()
        .take(3)
        .map(|(at, g, e)| format!("at {:?} got {g:?}, expected {e:?}", at.slice()))
        .collect();
    let (n, all) = (wrong.len(), expected.len());
    Err(format!("{n} of {all} outside rtol {rtol:e}, atol {atol:e}: {}", shown.join("; ")))
}

/// The share of the expected ones that are ones in `got` must reach `share`.
pub(crate) fn overlap(got: &ArrayD<f64>, expected: &ArrayD<f64>, share: f64) -> Result<(), String> {
    let (ones, chosen) = (count(expected), count(got));
    let mut both = 0usize;
    Zip::from(got).and(expected).for_each(|&g, &e| both += usize::from(g == 1.0 && e == 1.0));
    // A mask of ones everywhere would overlap with anything: as many may be chosen as expected, give or take ties.
    if both as f64 >= share * ones as f64 && chosen as f64 * share <= ones as f64 {
        return Ok(());
    }
    Err(format!("{both} of the {ones} expected are among the {chosen} chosen, less than {share}"))
}

/// How two lists of words differ.
pub(crate) fn words(got: &[String], expected: &[String]) -> String {
    match got.iter().zip(expected).position(|(g, e)| g != e) {
        Some(i) => format!("word {i} is {:?}, expected {:?}", got[i], expected[i]),
        None => format!("{} words, expected {}", got.len(), expected.len()),
    }
}

fn count(mask: &ArrayD<f64>) -> usize {
    mask.iter().filter(|x| **x == 1.0).count()
}

fn align_signs(got: &mut ArrayD<f64>, expected: &ArrayD<f64>, axis: Axis) {
    for (mut g, e) in got.axis_iter_mut(axis).zip(expected.axis_iter(axis)) {
        let dot: f64 = g.iter().zip(e.iter()).map(|(g, e)| g * e).sum();
        if dot < 0.0 {
            g.mapv_inplace(|x| -x);
        }
    }
}
