//! Over- and under-sampling, SMOTE, class weights.

use ndarray::{Array2, Axis, Ix2};
use sensitome_data::resample::*;
use sensitome_testkit::{Case, Report};

pub(crate) fn run(case: &Case, report: &mut Report) {
    let labels: Vec<u8> = case.i64s("y").iter().map(|&y| y as u8).collect();
    let counts = |rows: &[u8]| -> Vec<f64> {
        let mut classes = labels.clone();
        classes.sort_unstable();
        classes.dedup();
        classes.iter().map(|c| rows.iter().filter(|y| *y == c).count() as f64).collect()
    };
    let balance = match case.params.get("sampling_strategy").and_then(serde_json::Value::as_f64) {
        Some(ratio) => Balance::Ratio(ratio),
        None => Balance::Equal,
    };
    match case.prefix() {
        "class_weight" => {
            let weights = class_weights(&labels).unwrap();
            report.check(case, "classes", weights.keys().map(|&c| f64::from(c)).collect::<Vec<_>>());
            report.check(case, "weights", weights.values().copied().collect::<Vec<_>>());
            report.check(case, "sample_weights", labels.iter().map(|y| weights[y]).collect::<Vec<_>>());
        }
        "random_over" | "random_under" => {
            let over = case.prefix() == "random_over";
            let rows =
                if over { random_over(&labels, balance, 3) } else { random_under(&labels, balance, 3) };
            if case.is_error() {
                return report.check_error(case, "error", &rows);
            }
            let rows = rows.unwrap();
            let drawn: Vec<u8> = rows.iter().map(|&i| labels[i]).collect();
            report.check(case, "counts_before", counts(&labels));
            report.check(case, "counts_after", counts(&drawn));
            let mut different = rows.clone();
            different.sort_unstable();
            different.dedup();
            if over {
                let first: Vec<usize> = (0..labels.len()).collect();
                report.require(case, rows[..labels.len()] == first[..], "originals first and in order");
            } else {
                report.require(case, different.len() == rows.len(), "no row twice");
            }
        }
        "smote" => smote_case(case, report, &labels, balance, counts),
        _ => report.unknown(case),
    }
}

fn smote_case(
    case: &Case,
    report: &mut Report,
    labels: &[u8],
    balance: Balance,
    counts: impl Fn(&[u8]) -> Vec<f64>,
) {
    let x: Array2<f64> = case.f64s("X").into_dimensionality::<Ix2>().unwrap();
    let k = case.count("k_neighbors");
    let made = smote(x.view(), labels, k, balance, 0);
    if case.is_error() {
        return report.check_error(case, "error", &made);
    }
    let (rows, after) = made.unwrap();
    report.check(case, "counts_before", counts(labels));
    report.check(case, "counts_after", counts(&after));
    report.check(case, "n_after", after.len() as f64);
    report.require(case, rows.slice(ndarray::s![..labels.len(), ..]) == x, "originals first and unchanged");
    for name in case.output_names() {
        let Some((class, part)) = name.strip_prefix("class_").and_then(|n| n.split_once('_')) else {
            continue;
        };
        if part != "index" {
            continue;
        }
        let class: u8 = class.parse().unwrap();
        let own: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        report.check(case, name, own.iter().map(|&i| i as f64).collect::<Vec<_>>());
        let members = x.select(Axis(0), &own);
        let near = nearest_others(members.view(), k);
        let at = |part: &str| format!("class_{class}_{part}");
        neighbours(case, report, &at("neighbors"), &members, &near);
        // The reference's own draws, through the formula.
        let integers = |part: &str| case.expected_integers(&at(part));
        let (bases, columns) = (integers("base"), integers("neighbor_column"));
        let steps = case.expected_array(&at("step"));
        for part in ["base", "neighbor_column", "step"] {
            report.used(case, &at(part));
        }
        let mut new = Vec::new();
        for ((&base, &column), &step) in bases.iter().zip(&columns).zip(&steps) {
            let base = base as usize;
            new.extend(between(members.view(), base, near[[base, column as usize]], step));
        }
        report.check(case, &at("new"), new);
    }
}

/// Neighbours by position, except where equal distances leave their order to the reference's partial sort: in
/// `smote__duplicated_minority` all members are one point, and its list for a point even names that point. There the
/// distances are compared.
fn neighbours(case: &Case, report: &mut Report, name: &str, members: &Array2<f64>, near: &Array2<usize>) {
    let distance = |i: usize, j: usize| {
        let (a, b) = (members.row(i), members.row(j));
        let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let expected = case.expected_array(name).into_dimensionality::<Ix2>().unwrap();
    let (mut tied, mut same) = (false, true);
    for (i, row) in near.rows().into_iter().enumerate() {
        let ours: Vec<f64> = row.iter().map(|&j| distance(i, j)).collect();
        let theirs = expected.row(i);
        same &=
            ours.iter().zip(theirs).all(|(d, &j)| (d - distance(i, j as usize)).abs() <= 1e-12 * (1.0 + d));
        tied |= ours.windows(2).any(|w| w[0] == w[1]);
    }
    report.require(case, same, "neighbours at the expected distances");
    if tied { report.used(case, name) } else { report.check(case, name, near.mapv(|v| v as f64)) }
}
