//! What every metric promises, checked over one table of all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // helpers of tests are tests

mod table;

use sensitome_eval::Metric;
use std::collections::BTreeSet;
use std::path::Path;
use table::{Entry, Expect, Field, Order, Sample, Scale, Swap, entries, sample};

const N: usize = 40;

fn close(a: &[f64], b: &[f64]) -> bool {
    let near = |(x, y): (&f64, &f64)| x == y || (x - y).abs() <= 1e-9 * (1.0 + x.abs().max(y.abs()));
    a.len() == b.len() && a.iter().zip(b).all(near)
}

fn same(entry: &Entry, what: &str, a: &Metric<Vec<f64>>, b: &Metric<Vec<f64>>) {
    match (a, b) {
        (Ok(a), Ok(b)) => assert!(close(a, b), "{:?}: {what}: {a:?} against {b:?}", entry.names),
        (Err(_), Err(_)) => {}
        _ => panic!("{:?}: {what}: {a:?} against {b:?}", entry.names),
    }
}

fn expected(entry: &Entry, what: &str, got: &Metric<Vec<f64>>, expect: Expect, s: &Sample) {
    let positives = s.labels.iter().filter(|l| **l == 1).count();
    let value = match expect {
        Expect::No => return,
        Expect::Undefined => {
            assert!(got.is_err(), "{:?}: {what}: {got:?} is a number", entry.names);
            return;
        }
        Expect::Defined => {
            assert!(got.is_ok(), "{:?}: {what}: {got:?}", entry.names);
            return;
        }
        Expect::Is(v) => v,
        Expect::Prevalence => positives as f64 / s.labels.len() as f64,
    };
    let got = got.as_ref().unwrap_or_else(|e| panic!("{:?}: {what}: {e}", entry.names));
    assert!(close(got, &vec![value; got.len()]), "{:?}: {what}: {got:?}, expected {value}", entry.names);
}

/// Public functions of the library whose result is a `Metric`, as `function` or `Type::method`.
fn public_metrics(dir: &Path, found: &mut BTreeSet<String>) {
    for item in std::fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            public_metrics(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut owner = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("impl") {
                let name = rest.split(" for ").last().unwrap().trim().trim_end_matches('{').trim();
                owner = format!("{}::", name.split(['<', ' ']).next().unwrap());
            } else if line == "}" {
                owner.clear();
            }
            let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
            let mut signature = rest.to_owned();
            while !signature.contains('{') {
                signature.push_str(lines.next().unwrap());
            }
            let name = signature.split(['(', '<']).next().unwrap();
            let result = signature.rsplit_once("->").map_or("", |r| r.1);
            if result.trim_start().starts_with("Metric") {
                found.insert(format!("{owner}{name}"));
            }
        }
    }
}

#[test]
fn every_public_metric_is_registered() {
    let mut found = BTreeSet::new();
    public_metrics(&sensitome_testkit::package_dir().join("src"), &mut found);
    assert!(found.contains("auroc") && found.contains("Ranking::auroc"), "the scan finds nothing: {found:?}");
    let listed: BTreeSet<String> = entries().iter().flat_map(|e| e.names).map(|n| (*n).to_owned()).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(missing.is_empty(), "not in tests/table/entries.rs: {missing:?}");
    assert!(gone.is_empty(), "in tests/table/entries.rs but not in the library: {gone:?}");
}

#[test]
fn ordinary_input_gives_finite_values() {
    for entry in entries() {
        let got = (entry.run)(&sample(1, N, false));
        let values = got.unwrap_or_else(|e| panic!("{:?}: {e}", entry.names));
        assert!(!values.is_empty() && values.iter().all(|v| v.is_finite()), "{:?}: {values:?}", entry.names);
    }
}

#[test]
fn order_of_samples_does_not_matter() {
    for entry in entries().iter().filter(|e| e.order != Order::Drawn) {
        for seed in 0..8 {
            let mut s = sample(seed, N, seed % 2 == 1);
            if entry.weighted && seed % 3 == 0 {
                s.weights = Some((0..N).map(|i| 0.5 + (i % 7) as f64).collect());
            }
            let (moved, rows) = s.shuffled(seed + 100);
            let mut before = (entry.run)(&s);
            if entry.order == Order::PerSample {
                before = before.map(|v| rows.iter().map(|&i| v[i]).collect());
            }
            same(entry, "reordered", &before, &(entry.run)(&moved));
        }
    }
}

#[test]
fn a_weight_equals_repeating_the_sample() {
    let mut checked = 0;
    for entry in entries().iter().filter(|e| e.weighted) {
        for seed in 0..8 {
            let plain = sample(seed, N, seed % 2 == 1);
            let weights: Vec<usize> = (0..N).map(|i| (i * 5 + seed as usize) % 4).collect();
            let rows: Vec<usize> = (0..N).flat_map(|i| vec![i; weights[i]]).collect();
            let mut weighted = plain.clone();
            weighted.weights = Some(weights.iter().map(|w| *w as f64).collect());
            same(entry, "weighted", &(entry.run)(&plain.select(&rows)), &(entry.run)(&weighted));
            checked += 1;
        }
    }
    assert!(checked > 100);
}

#[test]
fn scale_does_not_matter_where_promised() {
    let change = |s: &Sample, f: fn(f64) -> f64| Sample {
        scores: s.scores.iter().map(|v| f(*v)).collect(),
        points: s.points.mapv(f),
        ..s.clone()
    };
    for entry in entries() {
        let changes: &[fn(f64) -> f64] = match entry.scale {
            Scale::No => continue,
            Scale::Factor => &[|v| v * 8.0, |v| v / 1024.0],
            Scale::Affine => &[|v| v * 8.0, |v| v * 0.25 + 3.0],
            Scale::Monotone => &[|v| v * 8.0, |v| v * 0.25 + 3.0, |v| v.exp() - 5.0, |v| v * v * v],
        };
        for seed in 0..6 {
            let s = sample(seed, N, seed % 2 == 1);
            for f in changes {
                same(&entry, "rescaled", &(entry.run)(&s), &(entry.run)(&change(&s, *f)));
            }
        }
    }
}

#[test]
fn exchanging_the_classes() {
    let apply = |swap: Swap, v: &Metric<Vec<f64>>| {
        v.clone().map(|v| match swap {
            Swap::OneMinus => v.iter().map(|x| 1.0 - x).collect(),
            Swap::Negated => v.iter().map(|x| -x).collect(),
            Swap::Same | Swap::No => v,
        })
    };
    for entry in entries() {
        for seed in 0..6 {
            let s = sample(seed, N, seed % 2 == 1);
            let mut labels_only = s.clone();
            labels_only.labels.iter_mut().for_each(|l| *l = 1 - *l);
            labels_only.classes.iter_mut().for_each(|c| *c = 11 - *c);
            let mut all = labels_only.clone();
            all.predicted.iter_mut().for_each(|l| *l = 1 - *l);
            all.clusters.iter_mut().for_each(|c| *c = 5 - 3 * *c);
            all.scores.iter_mut().for_each(|v| *v = -*v);
            all.other.iter_mut().for_each(|v| *v = -*v);
            all.probabilities.iter_mut().for_each(|v| *v = 1.0 - *v);
            for (what, swap, swapped) in
                [("labels", entry.swap_labels, labels_only), ("everything", entry.swap_all, all)]
            {
                if swap != Swap::No {
                    same(&entry, what, &apply(swap, &(entry.run)(&s)), &(entry.run)(&swapped));
                }
            }
        }
    }
}

#[test]
fn one_class_and_all_tied() {
    for entry in entries() {
        for class in 0..2 {
            let mut s = sample(3, N, false);
            s.labels.fill(class);
            s.classes.fill(i64::from(class));
            expected(&entry, "one class", &(entry.run)(&s), entry.one_class, &s);
        }
        let mut s = sample(4, N, false);
        s.scores.fill(0.25);
        expected(&entry, "all tied", &(entry.run)(&s), entry.tied, &s);
    }
}

#[test]
fn perfect_and_inverted() {
    for entry in entries() {
        let mut s = sample(5, N, false);
        let y = s.labels.clone();
        s.predicted = y.clone();
        s.clusters = s.classes.iter().map(|c| 9 - 2 * c).collect();
        s.scores = y.iter().map(|l| 2.0 * f64::from(*l) - 1.0).collect();
        s.probabilities = y.iter().map(|l| f64::from(*l)).collect();
        expected(&entry, "perfect", &(entry.run)(&s), entry.perfect, &s);
        s.predicted = y.iter().map(|l| 1 - l).collect();
        s.scores.iter_mut().for_each(|v| *v = -*v);
        s.probabilities.iter_mut().for_each(|v| *v = 1.0 - *v);
        expected(&entry, "inverted", &(entry.run)(&s), entry.inverted, &s);
    }
}

#[test]
fn nan_and_infinity_are_refused() {
    let mut checked = 0;
    for entry in entries() {
        for &field in entry.reads {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut s = sample(6, N, false);
                if s.poison(field, 17, value) {
                    let got = (entry.run)(&s);
                    assert!(got.is_err(), "{:?}: {field:?} with {value}: {got:?}", entry.names);
                    checked += 1;
                }
            }
        }
        if entry.weighted {
            for value in [f64::NAN, f64::INFINITY, -1.0] {
                let mut s = sample(6, N, false);
                let mut weights = vec![1.0; N];
                weights[3] = value;
                s.weights = Some(weights);
                assert!((entry.run)(&s).is_err(), "{:?}: weight {value}", entry.names);
            }
        }
    }
    assert!(checked > 100);
}

#[test]
fn empty_and_unequal_input_is_refused() {
    for entry in entries() {
        let empty = (entry.run)(&sample(7, N, false).select(&[]));
        assert!(empty.is_err(), "{:?}: empty: {empty:?}", entry.names);
        for &field in entry.reads.iter().filter(|_| entry.reads.len() > 1) {
            let mut s = sample(7, N, false);
            s.truncate(field, N - 1);
            // A bootstrap statistic is the caller's; BCa's replicates and jackknife, and a set of runs, have own lengths.
            let own_lengths = ["bootstrap", "stability", "bca_interval", "Results::new", "label_shift_em"];
            let reads_two = !entry.names.iter().any(|n| own_lengths.contains(n));
            let selects = entry.names == ["SelectionScore::score"] && field == Field::Points;
            if reads_two && !selects {
                let got = (entry.run)(&s);
                assert!(got.is_err(), "{:?}: {field:?} one short: {got:?}", entry.names);
            }
        }
    }
}
