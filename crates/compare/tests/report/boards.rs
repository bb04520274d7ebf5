//! Leaderboards and regret.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use sensitome_compare::{
    Choice, Comparison, Grid, Leaderboard, Regret, Report, Role, Run, diagnose, markdown, plots,
};
use sensitome_eval::Undefined;
use sensitome_eval::comparison::{friedman, mean_ranks, nemenyi, pairwise_wilcoxon};
use sensitome_eval::selection::SelectionScore;

use crate::synthetic::{Spec, remeasured, runs_of};
use crate::{METHODS, board, measured, planted, searched, sentence};

#[test]
fn a_planted_winner_is_found_and_the_statistics_are_those_of_eval() {
    let c = Spec::new(8, &METHODS).make(planted);
    let b = board(&c);
    let names: Vec<&str> = b.standings.iter().map(|s| s.entry.name.as_str()).collect();
    assert_eq!(names, ["winner", "ridge", "source_only", "scad", "constant"]);
    assert_eq!(b.standings[0].rank, Some(1.0));
    assert!(b.standings[0].against_best.is_none() && b.standings[1].to_ridge.is_none());
    let contrast = b.standings[0].to_ridge.as_ref().unwrap();
    assert!(contrast.interval.as_ref().unwrap().0 > 0.0);
    assert_eq!((contrast.tally.wins, contrast.tally.ties, contrast.tally.losses), (8, 0, 0));
    assert!(b.left_out.is_empty() && b.set_aside.is_empty() && b.oracles.is_empty());

    // By hand: means over seeds, tasks in rows, methods by name.
    let mut order: Vec<&str> = METHODS.to_vec();
    order.sort_unstable();
    let value = |task: usize, method: &str| {
        let of = |r: &&Run| r.task == format!("task {task}") && r.method == method;
        c.runs.iter().filter(of).map(|r| r.metric("auroc").unwrap()).sum::<f64>() / 3.0
    };
    let values = Array2::from_shape_fn((8, 5), |(t, m)| value(t, order[m]));
    assert_eq!(b.friedman, friedman(values.view(), true));
    let by_hand = nemenyi(values.view(), true, 0.05).unwrap();
    let critical = b.critical.as_ref().unwrap();
    assert!((critical.difference - by_hand.critical_difference).abs() < 1e-9);
    let groups: Vec<Vec<String>> =
        by_hand.groups.iter().map(|g| g.iter().map(|i| order[*i].to_owned()).collect()).collect();
    assert_eq!(critical.groups, groups);
    let ranks = mean_ranks(values.view(), true).unwrap();
    let pairs = pairwise_wilcoxon(values.view()).unwrap();
    let place = |name: &str| order.iter().position(|o| *o == name).unwrap();
    for s in &b.standings {
        let at = place(&s.entry.name);
        assert_eq!(s.rank, Some(ranks[at]));
        assert!((s.summary.mean - values.column(at).mean().unwrap()).abs() < 1e-12);
        if let Some([p, holm]) = s.against_best {
            assert_eq!(p, pairs.p_values[[at, place("winner")]]);
            assert!(holm >= p);
        }
    }
    // Per task: rank 1 is the largest mean, the interval holds the mean.
    for t in &b.tasks {
        assert_eq!(t.rows[0].rank, Some(1.0));
        for row in &t.rows {
            let e = row.interval.as_ref().unwrap();
            assert!(e.low <= e.value && e.value <= e.high && row.mean == Some(e.value));
        }
    }
}

#[test]
fn the_order_of_methods_tasks_and_runs_does_not_matter() {
    let mut spec = Spec::new(5, &METHODS);
    spec.methods[3].2 = 4;
    spec.rules = vec![SelectionScore::Entropy, SelectionScore::RidgeAgreement];
    let c = spec.make(planted);
    let mut turned = c.clone();
    turned.tasks.reverse();
    turned.methods.reverse();
    turned.runs.reverse();
    let (a, b) = (board(&c), board(&turned));
    assert_eq!((&a.standings, &a.oracles), (&b.standings, &b.oracles));
    assert_eq!((&a.friedman, &a.critical), (&b.friedman, &b.critical));
    for task in &a.tasks {
        let other = b.tasks.iter().find(|t| t.task.name == task.task.name).unwrap();
        assert_eq!(task, other);
    }
    let sorted = |c: &Comparison| {
        let mut all = diagnose(&Grid::new(c).unwrap());
        all.sort_by(|a, b| (&a.task, &a.method).cmp(&(&b.task, &b.method)));
        all
    };
    assert_eq!(sorted(&c), sorted(&turned));
}

#[test]
fn few_shot_pools_leave_cells_out_by_seed_and_controls_are_carried() {
    let mut spec = Spec::new(2, &METHODS);
    spec.pool = 2;
    spec.shots = vec![0, 2];
    let mut c = spec.make(|r| planted(r) + 0.3 * r.shots as f64);
    c.runs.retain(|r| r.shots == 0 || r.method == "scad");
    let rows: BTreeSet<Vec<usize>> =
        c.runs.iter().map(|r| r.outcome.as_ref().unwrap().rows.clone()).collect();
    assert_eq!(rows.len(), 3, "by seed");
    let grid = Grid::new(&c).unwrap();
    assert_eq!(grid.shots(), [0, 2]);
    let b = Leaderboard::new(&grid, 2).unwrap();
    assert_eq!(b.carried, ["constant", "ridge", "source_only"]);
    assert_eq!(b.standings.len(), 4, "winner has no runs with labelled cells");
    let d = diagnose(&grid);
    let of = |shots: usize| d.iter().find(|d| d.shots == shots && d.method == "scad").unwrap();
    assert!(of(0).to_ridge.is_some() && of(2).to_ridge.is_some() && of(0).to_ridge != of(2).to_ridge);
    let svg = plots::few_shot(&[Leaderboard::new(&grid, 0).unwrap(), b]).unwrap();
    assert!(svg.contains("ridge (no labels)"));
}

#[test]
fn a_failed_run_is_shown_and_costs_the_rank() {
    let mut c = Spec::new(4, &METHODS).make(planted);
    let run = runs_of(&mut c, "winner").find(|r| r.task == "task 2" && r.seed == 1).unwrap();
    run.outcome = Err("loss is\nnot finite | <oops>".into());
    let b = board(&c);
    assert_eq!(b.standings.len(), 4);
    assert_eq!(b.standings[0].entry.name, "ridge");
    let (name, why) = &b.left_out[0];
    assert_eq!(name, "winner");
    assert!(why.contains("1 of 3 runs on task 2") && why.contains("loss is"), "{why}");
    let row = b.tasks[2].rows.iter().find(|r| r.entry.name == "winner").unwrap();
    assert_eq!((row.seeds, row.rank, row.failures.len()), (2, Some(1.0), 1));
    let page = markdown(&Report::new(&c).unwrap());
    assert!(
        page.contains("- winner, 1 run: loss is not finite \\| &lt;oops>: task 2 (shots 0, seed 1, draw 0)")
    );
    assert!(page.contains("1 of 3 runs have no value"));

    // A task without any run, and a metric without a value, cost it too.
    c.runs.retain(|r| r.method != "scad" || r.task != "task 0");
    for run in runs_of(&mut c, "source_only").filter(|r| r.task == "task 1") {
        let undefined = Err(Undefined::OneClass { what: "labels" });
        measured(run).metrics.insert("auroc".into(), undefined);
    }
    let b = board(&c);
    let names: Vec<&str> = b.standings.iter().map(|s| s.entry.name.as_str()).collect();
    assert_eq!(names, ["ridge", "constant"]);
    assert!(b.left_out.iter().any(|(n, why)| n == "scad" && why == "no run on task 0"));
    assert!(b.left_out.iter().any(|(n, why)| n == "source_only" && why.contains("single class")));

    // A task on which nobody has a value is set aside.
    for run in c.runs.iter_mut().filter(|r| r.task == "task 3") {
        run.outcome = Err("no labels".into());
    }
    let b = board(&c);
    assert_eq!(b.set_aside, [("task 3".to_owned(), "no labels".to_owned())]);
    assert_eq!(b.counted, ["task 0", "task 1", "task 2"]);
}

#[test]
fn roles_are_kept_apart() {
    let mut spec = Spec::new(6, &METHODS);
    spec.tasks[0].1 = Role::Development;
    spec.tasks[1].1 = Role::Development;
    spec.tasks[2].1 = Role::HeldOut;
    spec.tasks[5].1 = Role::NegativeControl;
    let mut c = spec.make(|r| if r.task == "task 5" { 0.0 } else { planted(r) });
    let b = board(&c);
    assert_eq!(b.counted.len(), 5);
    let s = &b.standings[0];
    assert_eq!(s.summary.tasks, 5);
    assert_eq!(s.development.as_ref().unwrap().tasks, 2);
    assert_eq!(s.held_out.as_ref().unwrap().tasks, 1);
    let page = markdown(&Report::new(&c).unwrap());
    assert!(page.contains("| development | held out |") && page.contains("**negative control**"));
    // A run that fails on a negative control costs no rank.
    runs_of(&mut c, "winner").find(|r| r.task == "task 5").unwrap().outcome = Err("no".into());
    assert_eq!(board(&c).standings[0].entry.name, "winner");
    let d = diagnose(&Grid::new(&c).unwrap());
    assert!(sentence(&d, "ridge", "task 5").sentence.starts_with("negative control, at chance"));
    for run in runs_of(&mut c, "scad").filter(|r| r.task == "task 5") {
        let m = measured(run);
        m.scores = m.labels.iter().enumerate().map(|(i, l)| f64::from(*l) + (i % 7) as f64 / 5.0).collect();
        *m = remeasured(m.clone());
    }
    let d = diagnose(&Grid::new(&c).unwrap());
    assert!(sentence(&d, "scad", "task 5").sentence.contains("yet above chance"));
}

#[test]
fn an_oracle_is_shown_and_never_ranked() {
    let c = searched();
    let b = board(&c);
    let names = |all: &[sensitome_compare::Standing]| {
        all.iter().map(|s| s.entry.name.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&b.oracles), BTreeSet::from(["scad [oracle of 5]".to_owned()]));
    assert!(names(&b.standings).contains("scad [entropy of 5]") && names(&b.standings).contains("scad"));
    assert_eq!(b.standings.len(), 7);
    assert_eq!(b.friedman.as_ref().unwrap().mean_ranks.len(), 7);
    let oracle = &b.oracles[0];
    assert!(oracle.rank.is_none() && oracle.against_best.is_none() && oracle.to_ridge.is_some());
    for t in &b.tasks {
        let row = t.rows.iter().find(|r| r.entry.choice == Choice::Oracle).unwrap();
        assert!(row.rank.is_none());
        for other in t.rows.iter().filter(|r| r.entry.method == "scad") {
            assert!(row.mean >= other.mean, "the best draw by seed");
        }
    }
    // Ranks are those of an experiment that never had it.
    let without: Vec<f64> = b.standings.iter().filter_map(|s| s.rank).collect();
    assert!((without.iter().sum::<f64>() - 28.0).abs() < 1e-9);
    let page = markdown(&Report::new(&c).unwrap());
    assert!(page.contains("| *scad [oracle of 5]* |") && page.contains("| not ranked |"));
    assert!(plots::boxes(&b).unwrap().contains("scad [oracle of 5] (not ranked)"));
    assert!(!plots::critical_difference(&b).unwrap().contains("oracle"));
}

#[test]
fn regret_is_the_best_draw_minus_the_chosen_one() {
    let mut c = searched();
    // Ties, a draw without a score, and a task and seed without any.
    for run in runs_of(&mut c, "scad") {
        let (task, seed, draw) = (run.task.clone(), run.seed, run.draw);
        let scores = &mut measured(run).fitted.selection;
        match (task.as_str(), seed, draw) {
            ("task 0", 0, _) => drop(scores.insert("entropy".into(), Ok(1.0))),
            ("task 0", 1, 2) => drop(scores.insert("entropy".into(), Ok(-100.0))),
            ("task 0", 1, 3) => drop(scores.insert("entropy".into(), Err("none".into()))),
            ("task 1", 2, _) => drop(scores.remove("entropy")),
            ("task 2", 0, 1) => drop(scores.insert("entropy".into(), Ok(f64::NAN))),
            ("task 2", 1, 4) => run.outcome = Err("broken".into()),
            _ => {}
        }
    }
    let regret = Regret::new(&Grid::new(&c).unwrap()).unwrap();
    let find = |rule: &str, task: &str, seed: u64| {
        regret.chosen.iter().find(|r| r.rule.name() == rule && r.task == task && r.seed == seed).unwrap()
    };
    assert_eq!(find("entropy", "task 0", 0).draw, Ok(0), "ties: the lowest draw");
    assert_eq!(find("entropy", "task 0", 1).draw, Ok(2), "the smallest entropy");
    let none = find("entropy", "task 1", 2);
    assert!(
        none.draw.as_ref().unwrap_err().contains("none of 5 draws has a entropy") && none.regret.is_none()
    );
    assert_eq!(regret.rules.iter().find(|r| r.rule.name() == "entropy").unwrap().missing, 1);
    assert!(!regret.rules.iter().any(|r| r.rule.is_oracle()), "the oracle has no regret");

    let mut by_task: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for chosen in regret.chosen.iter().filter(|r| r.rule.name() == "ridge_agreement") {
        let draws: Vec<&Run> = c
            .runs
            .iter()
            .filter(|r| {
                r.method == "scad" && r.task == chosen.task && r.seed == chosen.seed && r.outcome.is_ok()
            })
            .collect();
        let score =
            |r: &Run| *r.outcome.as_ref().unwrap().fitted.selection["ridge_agreement"].as_ref().unwrap();
        let best = draws.iter().map(|r| r.metric("auroc").unwrap()).fold(0.0, f64::max);
        let picked = draws.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
        assert_eq!(chosen.draw, Ok(picked.draw));
        assert_eq!(chosen.oracle.unwrap().1, best);
        assert_eq!(chosen.regret, Some(best - picked.metric("auroc").unwrap()));
        assert!(chosen.regret.unwrap() >= 0.0);
        by_task.entry(chosen.task.clone()).or_default().push(chosen.regret.unwrap());
    }
    let mean = by_task.values().map(|v| v.iter().sum::<f64>() / v.len() as f64).sum::<f64>() / 4.0;
    let summary = regret.rules.iter().find(|r| r.rule.name() == "ridge_agreement").unwrap();
    assert!((summary.regret.as_ref().unwrap().mean - mean).abs() < 1e-12);
    let difference = summary.oracle.unwrap() - summary.value.unwrap();
    assert!((difference - mean).abs() < 1e-12);
    // The entry that lacks a task and seed is not ranked, with the reason.
    let left = board(&c).left_out;
    assert!(left.iter().any(|(n, why)| n == "scad [entropy of 5]" && why.contains("task 1")), "{left:?}");
}
