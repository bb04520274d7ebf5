//! Intervals: pairing, independence of names and threads, coverage.

use sensitome_compare::{Report, Resampled, Run, markdown};

use crate::synthetic::{Spec, normal};
use crate::{METHODS, board, planted};

#[test]
fn another_method_or_task_shifts_no_interval() {
    let few = Spec::new(2, &METHODS[..3]).make(planted);
    let many = Spec::new(4, &METHODS).make(planted);
    let (few, many) = (board(&few), board(&many));
    for task in &few.tasks {
        let other = many.tasks.iter().find(|t| t.task.name == task.task.name).unwrap();
        for row in &task.rows {
            let same = other.rows.iter().find(|r| r.entry == row.entry).unwrap();
            assert_eq!((&row.interval, row.mean, row.deviation), (&same.interval, same.mean, same.deviation));
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let c = Spec::new(2, &METHODS).make(planted);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| board(&c))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn a_paired_difference_is_narrower_than_two_intervals_and_knows_its_sign() {
    let c = Spec::new(1, &METHODS).make(planted);
    let of = |method: &str| {
        let runs: Vec<&Run> = c.runs.iter().filter(|r| r.method == method).collect();
        Resampled::new("task 0", "auroc", &runs).unwrap()
    };
    let (ridge, scad) = (of("ridge"), of("scad"));
    let difference = ridge.difference(&scad).unwrap();
    assert_eq!(difference.value, ridge.mean() - scad.mean());
    let back = scad.difference(&ridge).unwrap();
    assert!((back.low + difference.high).abs() < 1e-12 && (back.high + difference.low).abs() < 1e-12);
    let width = |e: sensitome_compare::Estimate| e.high - e.low;
    let squares = width(ridge.interval().unwrap()).powi(2) + width(scad.interval().unwrap()).powi(2);
    assert!(width(difference) < squares.sqrt(), "cells are shared");
    let itself = ridge.difference(&ridge).unwrap();
    assert_eq!((itself.value, itself.low, itself.high), (0.0, 0.0, 0.0));
    // Over the seeds that both have.
    let fewer: Vec<&Run> = c.runs.iter().filter(|r| r.method == "scad" && r.seed != 1).collect();
    let fewer = Resampled::new("task 0", "auroc", &fewer).unwrap();
    let shared: Vec<&Run> = c.runs.iter().filter(|r| r.method == "ridge" && r.seed != 1).collect();
    let shared = Resampled::new("task 0", "auroc", &shared).unwrap();
    assert_eq!(ridge.difference(&fewer).unwrap(), shared.difference(&fewer).unwrap());
}

/// Seeds differ by a random effect, cells by noise that all seeds share; the truth is known.
#[test]
fn intervals_cover_the_truth_about_as_often_as_they_say() {
    const DATA_SETS: usize = 200;
    let effect = |world: &str, seed: u64| 1.2 + 0.25 * normal(&[&world, &seed]);
    // AUROC of normal scores is Φ(d / √2); averaged over many seeds.
    let truth = (0..20_000).map(|i| {
        let d = effect("truth", i) / 2f64.sqrt();
        0.5 * (1.0 + erf(d / 2f64.sqrt()))
    });
    let truth = truth.sum::<f64>() / 20_000.0;
    let mut covered = 0;
    for world in 0..DATA_SETS {
        let mut spec = Spec::new(1, &["m"]);
        spec.tasks[0].0 = format!("world {world}");
        spec.seeds = (0..8).collect();
        spec.cells = 100;
        let c = spec.make(|run| effect(&run.task, run.seed));
        let e = board(&c).tasks[0].rows[0].interval.clone().unwrap();
        covered += usize::from(e.low <= truth && truth <= e.high);
    }
    let share = covered as f64 / DATA_SETS as f64;
    assert!((0.88..=0.99).contains(&share), "{share}");
}

/// Abramowitz and Stegun 7.1.26.
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let p = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (1.0 - p * (-x * x).exp()).copysign(x)
}

#[test]
fn another_metric_draws_seeds_only() {
    let mut c = Spec::new(2, &METHODS).make(planted);
    c.primary = "average_precision".into();
    let b = board(&c);
    let row = &b.tasks[0].rows[0];
    let e = row.interval.as_ref().unwrap();
    let values: Vec<f64> = c
        .runs
        .iter()
        .filter(|r| r.task == "task 0" && r.method == row.entry.name)
        .map(|r| r.metric("average_precision").unwrap())
        .collect();
    let (least, most) = values.iter().fold((1.0, 0.0), |(l, m): (f64, f64), v| (l.min(*v), m.max(*v)));
    assert!(e.low > least - 1e-12 && e.high < most + 1e-12);
    assert!(markdown(&Report::new(&c).unwrap()).contains("bootstrap replicates over seeds,"));
    c.runs.retain(|r| r.seed == 0);
    let b = board(&c);
    assert!(b.tasks[0].rows[0].interval.is_err() && b.tasks[0].rows[0].mean.is_some());
}
