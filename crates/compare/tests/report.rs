//! Intervals, leaderboards, regret, diagnosis, tables and plots of made-up comparisons.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sensitome_compare::{Comparison, Diagnosis, Grid, Leaderboard, Measured, Run};
use sensitome_eval::selection::SelectionScore;
use synthetic::{Spec, normal};

#[path = "report/boards.rs"]
mod boards;
#[path = "report/diagnosis.rs"]
mod diagnosis;
#[path = "report/intervals.rs"]
mod intervals;
#[path = "report/synthetic.rs"]
mod synthetic;
#[path = "report/written.rs"]
mod written;

const METHODS: [&str; 5] = ["constant", "ridge", "source_only", "scad", "winner"];

/// Ridge good, source_only less, scad worse, winner best, constant nothing.
fn planted(run: &Run) -> f64 {
    let seed = 0.1 * normal(&[&run.method, &run.task, &run.seed]);
    seed + match run.method.as_str() {
        "constant" => return 0.0,
        "ridge" => 1.6,
        "source_only" => 1.1,
        "scad" => 0.4,
        "winner" => 2.6,
        _ => 1.3,
    }
}

fn board(c: &Comparison) -> Leaderboard {
    Leaderboard::new(&Grid::new(c).unwrap(), 0).unwrap()
}

fn sentence<'d>(all: &'d [Diagnosis], method: &str, task: &str) -> &'d Diagnosis {
    all.iter().find(|d| d.method == method && d.task == task).unwrap()
}

fn measured(run: &mut Run) -> &mut Measured {
    run.outcome.as_mut().unwrap()
}

fn searched() -> Comparison {
    let mut spec = Spec::new(4, &METHODS);
    spec.methods[3].2 = 5;
    spec.rules = vec![SelectionScore::Entropy, SelectionScore::RidgeAgreement, SelectionScore::Oracle];
    spec.make(|r| {
        planted(r) + if r.method == "scad" { 0.7 * normal(&[&r.task, &r.seed, &r.draw]) } else { 0.0 }
    })
}
