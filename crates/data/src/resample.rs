//! Balancing classes: random over- and under-sampling, SMOTE, class weights.
//!
//! Draws are those of imbalanced-learn on numpy's generator, so that published runs can be repeated.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};

use crate::preprocess::Real;
use crate::rng::NumpyRng;
use crate::{DataError, Result};

/// How many rows the classes end with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Balance {
    /// As many as each other.
    Equal,
    /// Two classes: smaller over larger, above 0 and at most 1.
    Ratio(f64),
}

fn members(labels: &[u8]) -> Result<BTreeMap<u8, Vec<usize>>> {
    let mut classes: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(i, &y)| classes.entry(y).or_default().push(i));
    if classes.len() < 2 {
        return Err(DataError::invalid(
            "resampling",
            format!("{} class in {} rows", classes.len(), labels.len()),
            "two classes are needed; leave the resampling out",
        ));
    }
    Ok(classes)
}

/// Class and number of rows it should have, for the classes that change.
fn wanted(classes: &BTreeMap<u8, Vec<usize>>, balance: Balance, over: bool) -> Result<BTreeMap<u8, usize>> {
    let sizes: Vec<usize> = classes.values().map(Vec::len).collect();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let smallest = sizes.iter().copied().min().unwrap_or(0);
    let (from, to) = if over { (largest, largest) } else { (smallest, smallest) };
    let target = match balance {
        Balance::Equal => to,
        Balance::Ratio(ratio) => {
            let target =
                if over { (ratio * largest as f64) as usize } else { (smallest as f64 / ratio) as usize };
            let impossible = if over { target < smallest } else { target > largest };
            if classes.len() != 2 || !(ratio > 0.0 && ratio <= 1.0) || impossible {
                return Err(DataError::invalid(
                    "resampling",
                    format!("a ratio of {ratio} cannot be reached from {sizes:?} rows"),
                    "use two classes and a ratio from the present one to 1",
                ));
            }
            target
        }
    };
    // The first of the classes that set the size stays as it is.
    let kept = classes.iter().find(|(_, m)| m.len() == from).map(|(&c, _)| c);
    Ok(classes.keys().filter(|c| Some(**c) != kept).map(|&c| (c, target)).collect())
}

/// All rows in order, then rows of the smaller classes drawn with replacement.
///
/// # Errors
/// With one class only, or a ratio that cannot be reached.
pub fn random_over(labels: &[u8], balance: Balance, seed: u64) -> Result<Vec<usize>> {
    let classes = members(labels)?;
    let mut rng = NumpyRng::new(seed);
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    for (class, target) in wanted(&classes, balance, true)? {
        let own = &classes[&class];
        rows.extend((own.len()..target).map(|_| own[rng.up_to(own.len() - 1)]));
    }
    Ok(rows)
}

/// Class by class, the larger ones cut to rows drawn without replacement.
///
/// # Errors
/// With one class only, or a ratio that cannot be reached.
pub fn random_under(labels: &[u8], balance: Balance, seed: u64) -> Result<Vec<usize>> {
    let classes = members(labels)?;
    let wanted = wanted(&classes, balance, false)?;
    let mut rng = NumpyRng::new(seed);
    let mut rows = Vec::new();
    for (class, own) in &classes {
        match wanted.get(class) {
            Some(&target) => rows.extend(rng.permutation(own.len()).into_iter().take(target).map(|k| own[k])),
            None => rows.extend(own),
        }
    }
    Ok(rows)
}

/// The `k` nearest other rows of each row, nearest first, by Euclidean distance; ties in row order. Rows × k.
pub fn nearest_others<T: Real>(x: ArrayView2<T>, k: usize) -> Array2<usize> {
    let n = x.nrows();
    let k = k.min(n.saturating_sub(1));
    let mut out = Array2::zeros((n, k));
    for i in 0..n {
        let distance = |j: usize| -> f64 {
            x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a.wide() - b.wide()).powi(2)).sum()
        };
        let mut others: Vec<(f64, usize)> = (0..n).filter(|&j| j != i).map(|j| (distance(j), j)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        others.into_iter().take(k).enumerate().for_each(|(c, (_, j))| out[[i, c]] = j);
    }
    out
}

/// The point at `step` (0 to 1) on the way from `base` to `neighbor`, both rows of `x`: SMOTE's formula.
pub fn between<T: Real>(x: ArrayView2<T>, base: usize, neighbor: usize, step: f64) -> Vec<T> {
    let pairs = x.row(base).into_iter().zip(x.row(neighbor));
    pairs.map(|(a, b)| T::narrow(a.wide() + step * (b.wide() - a.wide()))).collect()
}

/// SMOTE (Chawla et al. 2002): the rows as they are, then synthetic rows of the smaller classes, each between a member
/// and one of its `k` nearest members.
///
/// # Errors
/// With one class only, a ratio that cannot be reached, or a class to be enlarged of fewer than `k` + 1 rows.
pub fn smote<T: Real>(
    x: ArrayView2<T>,
    labels: &[u8],
    k: usize,
    balance: Balance,
    seed: u64,
) -> Result<(Array2<T>, Vec<u8>)> {
    if x.nrows() != labels.len() {
        return Err(DataError::invalid(
            "SMOTE",
            format!("{} rows and {} labels", x.nrows(), labels.len()),
            "pass one label a row",
        ));
    }
    let classes = members(labels)?;
    let mut values: Vec<T> = x.iter().copied().collect();
    let mut out = labels.to_vec();
    for (class, target) in wanted(&classes, balance, true)? {
        let own = &classes[&class];
        let missing = target.saturating_sub(own.len());
        if missing == 0 {
            continue;
        }
        if own.len() < k + 1 || k == 0 {
            return Err(DataError::invalid(
                "SMOTE",
                format!("class {class} has {} rows for {k} neighbours", own.len()),
                format!(
                    "at least {} rows are needed; use fewer neighbours or random over-sampling",
                    k.max(1) + 1
                ),
            ));
        }
        let members = x.select(ndarray::Axis(0), own);
        let near = nearest_others(members.view(), k);
        // The generator starts anew for every class, as imbalanced-learn's does.
        let mut rng = NumpyRng::new(seed);
        let picks: Vec<usize> = (0..missing).map(|_| rng.up_to(own.len() * k - 1)).collect();
        for pick in picks {
            let (base, column) = (pick / k, pick % k);
            values.extend(between(members.view(), base, near[[base, column]], rng.uniform()));
            out.push(class);
        }
    }
    let shape = (out.len(), x.ncols());
    let x = Array2::from_shape_vec(shape, values)
        .map_err(|e| DataError::invalid("SMOTE", e.to_string(), "pass a proper matrix"))?;
    Ok((x, out))
}

/// Weight of each class that makes them count alike: rows / (classes × members), by class.
///
/// # Errors
/// Without rows.
pub fn class_weights(labels: &[u8]) -> Result<BTreeMap<u8, f64>> {
    let mut counts: BTreeMap<u8, f64> = BTreeMap::new();
    labels.iter().for_each(|&y| *counts.entry(y).or_insert(0.0) += 1.0);
    if counts.is_empty() {
        return Err(DataError::invalid("class weights", "there are no rows", "pass at least one label"));
    }
    let (n, k) = (labels.len() as f64, counts.len() as f64);
    Ok(counts.into_iter().map(|(c, m)| (c, n / (k * m))).collect())
}
