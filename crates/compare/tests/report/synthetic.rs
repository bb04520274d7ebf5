//! Comparisons made up from known separations.
#![allow(dead_code)]

use std::collections::BTreeMap;

use sensitome_compare::{
    Comparison, Fitted, LabelShiftEstimate, Measured, MethodSummary, Role, Run, TaskSummary,
};
use sensitome_eval::calibration::{Bins, ece};
use sensitome_eval::selection::SelectionScore;
use sensitome_eval::{Undefined, auroc, average_precision};

/// A uniform number that depends on its names only.
pub(crate) fn uniform(names: &[&dyn std::fmt::Display]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for name in names {
        for byte in name.to_string().bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    // SplitMix64's last steps.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A normal number that depends on its names only.
pub(crate) fn normal(names: &[&dyn std::fmt::Display]) -> f64 {
    let with = |end: &dyn std::fmt::Display| uniform(&[names, &[end]].concat());
    (-2.0 * (1.0 - with(&"radius")).ln()).sqrt() * (std::f64::consts::TAU * with(&"angle")).cos()
}

/// What to make up.
pub(crate) struct Spec {
    pub(crate) tasks: Vec<(String, Role)>,
    /// Label, strategy, draws.
    pub(crate) methods: Vec<(String, String, usize)>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) shots: Vec<usize>,
    pub(crate) cells: usize,
    /// Labelled cells of each class that nothing is evaluated on, drawn by the seed.
    pub(crate) pool: usize,
    pub(crate) rules: Vec<SelectionScore>,
}

impl Spec {
    pub(crate) fn new(tasks: usize, methods: &[&str]) -> Self {
        Self {
            tasks: (0..tasks).map(|t| (format!("task {t}"), Role::Task)).collect(),
            methods: methods.iter().map(|m| ((*m).to_owned(), (*m).to_owned(), 1)).collect(),
            seeds: vec![0, 1, 2],
            shots: vec![0],
            cells: 80,
            pool: 0,
            rules: vec![],
        }
    }

    /// Runs whose classes lie `separation` (of the run without its scores) standard deviations apart.
    pub(crate) fn make(&self, separation: impl Fn(&Run) -> f64) -> Comparison {
        let label = |row: usize| u8::from(row % 5 < 2);
        let labels: Vec<u8> = (0..self.cells).map(label).collect();
        let tasks = self.tasks.iter().map(|(name, role)| TaskSummary {
            name: name.clone(),
            role: *role,
            cells: self.cells,
            labelled: self.cells,
            sensitive: labels.iter().filter(|l| **l == 1).count(),
        });
        let methods = self.methods.iter().map(|(label, strategy, draws)| MethodSummary {
            label: label.clone(),
            strategy: strategy.clone(),
            draws: *draws,
        });
        let mut runs = Vec::new();
        for (task, _) in &self.tasks {
            for (method, _, draws) in &self.methods {
                for &shots in &self.shots {
                    for &seed in &self.seeds {
                        for draw in 0..*draws {
                            let mut run = Run {
                                task: task.clone(),
                                method: method.clone(),
                                shots,
                                seed,
                                draw,
                                settings: BTreeMap::new(),
                                outcome: Err("not yet".into()),
                            };
                            let d = separation(&run);
                            run.outcome = Ok(self.measured(&run, &labels, d));
                            runs.push(run);
                        }
                    }
                }
            }
        }
        Comparison {
            name: "made up".into(),
            primary: "auroc".into(),
            tasks: tasks.collect(),
            methods: methods.collect(),
            rules: self.rules.clone(),
            runs,
            audits: Vec::new(),
        }
    }

    fn measured(&self, run: &Run, labels: &[u8], d: f64) -> Measured {
        let score = |row: usize| {
            let cell = normal(&[&run.task, &row]);
            let own = normal(&[&run.task, &run.method, &run.seed, &run.draw, &run.shots, &row]);
            let z = d * (f64::from(labels[row]) - 0.5) + 0.8 * cell + 0.6 * own;
            1.0 / (1.0 + (-z).exp())
        };
        let scores: Vec<f64> = (0..labels.len()).map(score).collect();
        let classes: Vec<u8> = scores.iter().map(|s| u8::from(*s >= 0.5)).collect();
        let held = |row: usize| {
            let first = (run.seed as usize * 7) % labels.len();
            let place = (row + labels.len() - first) % labels.len();
            place < 5 * self.pool.div_ceil(2) && self.pool > 0
        };
        let rows: Vec<usize> = (0..labels.len()).filter(|r| !held(*r)).collect();
        let of = |v: &[u8]| rows.iter().map(|r| v[*r]).collect::<Vec<u8>>();
        let mut selection = BTreeMap::new();
        for rule in SelectionScore::ALL.iter().filter(|r| !r.is_oracle()) {
            let sign = if rule.higher_is_better() { 1.0 } else { -1.0 };
            let noise = normal(&[&rule.name(), &run.task, &run.method, &run.seed, &run.draw, &run.shots]);
            selection.insert(rule.name().to_owned(), Ok(sign * (d + noise)));
        }
        let fitted = Fitted {
            scores: scores.iter().map(|&s| s as f32).collect(),
            classes: classes.clone(),
            probability: true,
            selection,
            separability: [Some(1.9), Some(0.7)],
            label_shift: Some(LabelShiftEstimate { source: 0.45, target: 0.42 }),
            source_recall: [Some(0.8), Some(0.7)],
            notes: vec![],
        };
        let scores = rows.iter().map(|r| scores[*r]).collect();
        remeasured(Measured {
            labels: of(labels),
            scores,
            classes: of(&classes),
            rows,
            metrics: BTreeMap::new(),
            fitted,
        })
    }
}

/// With the metrics of its scores.
pub(crate) fn remeasured(mut m: Measured) -> Measured {
    let one_class = Undefined::OneClass { what: "classes" };
    m.metrics = [
        ("auroc".to_owned(), auroc(&m.labels, &m.scores, None)),
        ("average_precision".to_owned(), average_precision(&m.labels, &m.scores, None)),
        ("ece".to_owned(), ece(&m.labels, &m.scores, None, Bins::EqualMass(10))),
        ("mcc".to_owned(), Err(one_class)),
    ]
    .into();
    m
}

/// The runs of a method, to change.
pub(crate) fn runs_of<'a>(c: &'a mut Comparison, method: &'a str) -> impl Iterator<Item = &'a mut Run> {
    c.runs.iter_mut().filter(move |r| r.method == method)
}
