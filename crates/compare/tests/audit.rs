//! The leak audit: clean tasks pass, and each kind of planted leak is caught by its check and by no other.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use indexmap::IndexMap;
use sensitome_compare::CompareError;
use sensitome_compare::audit::{AuditInput, Check, Finding, Verdict, audit};
use sensitome_data::read::Measure;
use sensitome_data::simulate::{Simulation, SimulationConfig, simulate};
use sensitome_data::{
    Column, ExpressionMatrix, PrepareOptions, Scaling, SourceInput, TargetInput, TaskParts, TransferTask,
    Values, prepare,
};

#[path = "audit/permuted.rs"]
mod permuted;
#[path = "audit/real.rs"]
mod real;
#[path = "audit/scaling.rs"]
mod scaling;

/// A task before and after preparation, and what the audit is told about it.
struct Setup {
    sources: Vec<SourceInput>,
    target: TargetInput,
    options: PrepareOptions,
    task: TransferTask,
    lines: Vec<String>,
    evaluated: Vec<usize>,
    few_shot: Vec<usize>,
    column: Option<&'static str>,
}

impl Setup {
    fn audit(&self) -> Vec<Finding> {
        self.try_audit().unwrap()
    }

    fn try_audit(&self) -> Result<Vec<Finding>, CompareError> {
        audit(&AuditInput {
            task: &self.task,
            sources: &self.sources,
            target: &self.target,
            options: &self.options,
            target_lines: &self.lines,
            evaluated: &self.evaluated,
            few_shot: &self.few_shot,
            source_group_column: self.column,
        })
    }

    /// Prepares again, after the inputs were changed.
    fn again(mut self) -> Self {
        self.task = prepare(self.sources.clone(), self.target.clone(), &self.options).unwrap();
        self
    }

    /// Changes the prepared task by hand, as a careless pipeline would.
    fn by_hand(mut self, change: impl FnOnce(&mut TaskParts)) -> Self {
        let mut parts: TaskParts = (*self.task).clone();
        change(&mut parts);
        self.task = TransferTask::new(parts).unwrap();
        self
    }

    /// The first training and the first validation row of a class, by name.
    fn pair(&self) -> (String, String) {
        let d = &self.task.sources[0];
        let of_class = |rows: &[usize]| rows.iter().copied().find(|&i| d.labels[i] == Some(0)).unwrap();
        (d.samples[of_class(&d.train)].clone(), d.samples[of_class(&d.validation)].clone())
    }
}

fn config(seed: u64) -> SimulationConfig {
    SimulationConfig {
        n_lines: 120,
        n_cells: 150,
        n_genes: 400,
        n_drugs: 2,
        seed,
        ..SimulationConfig::default()
    }
}

/// A simulated task with groups, lines and few labelled cells, all as they should be.
fn clean(seed: u64, scaling: Scaling) -> Setup {
    let Simulation { mut bulk, response, cells, truth, .. } = simulate(&config(seed)).unwrap();
    let patients = (0..bulk.n_samples()).map(|i| format!("patient {i}"));
    bulk.set_sample_column("patient", Column::text(patients)).unwrap();
    let few_shot = vec![0, 1, 2];
    let given = few_shot.iter().map(|&i| (cells.samples()[i].clone(), truth.labels[i])).collect();
    let values = response.select(&truth.drug, None, Measure::Auc).unwrap();
    let source = SourceInput {
        name: "bulk".to_owned(),
        expression: bulk,
        response: values,
        labels: None,
        table: None,
    };
    let evaluated = (3..cells.n_samples()).collect();
    let target = TargetInput {
        expression: cells,
        renamed: IndexMap::new(),
        cluster_column: None,
        few_shot: given,
        gene_sets: None,
    };
    let options =
        PrepareOptions { scaling, seed, exclude: vec!["LINE0007".to_owned()], ..PrepareOptions::default() };
    let task = prepare(vec![source.clone()], target.clone(), &options).unwrap();
    let lines = vec!["Line-0007".to_owned(), "never heard of".to_owned()];
    Setup {
        sources: vec![source],
        target,
        options,
        task,
        lines,
        evaluated,
        few_shot,
        column: Some("patient"),
    }
}

/// Exactly this check finds a leak, with these words in its detail; all others pass.
fn only(findings: &[Finding], check: Check, words: &[&str]) {
    for f in findings {
        let expected = if f.check == check { Verdict::Leak } else { Verdict::Passed };
        assert_eq!(f.verdict, expected, "{f}");
    }
    let found = findings.iter().find(|f| f.check == check).unwrap();
    for word in words {
        assert!(found.detail.contains(word), "{found} lacks {word:?}");
    }
}

fn verdict(findings: &[Finding], check: Check) -> (Verdict, &str) {
    let f = findings.iter().find(|f| f.check == check).unwrap();
    (f.verdict, f.detail.as_str())
}

/// The same matrix with a row changed.
fn with_row(m: &ExpressionMatrix, row: usize, values: impl Fn(usize) -> f32) -> ExpressionMatrix {
    let mut dense = m.values().to_dense();
    dense.row_mut(row).iter_mut().enumerate().for_each(|(j, v)| *v = values(j));
    m.with_values(Values::Dense(dense)).unwrap()
}

#[test]
fn clean_tasks_pass() {
    let expected: Vec<Check> = Check::ALL.into_iter().filter(|c| *c != Check::LabelPermutation).collect();
    for seed in 0..4 {
        for scaling in [Scaling::Zscore, Scaling::ZscoreJoint, Scaling::Minmax] {
            let findings = clean(seed, scaling).audit();
            assert_eq!(findings.iter().map(|f| f.check).collect::<Vec<_>>(), expected);
            for f in &findings {
                assert_eq!(f.verdict, Verdict::Passed, "seed {seed}, {scaling:?}: {f}");
            }
        }
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_passed() {
    let mut s = clean(0, Scaling::None);
    s.lines.clear();
    s.few_shot.clear();
    s.target.few_shot.clear();
    s.options.validation = 0.0;
    s.target.expression = s.target.expression.select_genes(&(0..400).collect::<Vec<_>>()).unwrap();
    let renamed = (0..400).map(|j| format!("{}{j}", if j < 360 { "OTHER" } else { "SAME" })).collect();
    let other = s.target.expression.genes()[360..].to_vec();
    let refuse = sensitome_data::Duplicates::Refuse;
    s.target.expression = s.target.expression.rename_genes(renamed, refuse).unwrap().0;
    let mut bulk = s.sources[0].expression.genes().to_vec();
    for (k, gene) in other.iter().enumerate() {
        let at = bulk.iter().position(|g| g == gene).unwrap();
        bulk[at] = format!("SAME{}", 360 + k);
    }
    s.sources[0].expression = s.sources[0].expression.rename_genes(bulk, refuse).unwrap().0;
    for f in s.again().audit() {
        assert_eq!(f.verdict, Verdict::NotApplicable, "{f}");
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let refused = |change: &dyn Fn(&mut Setup)| {
        let mut s = clean(0, Scaling::Zscore);
        change(&mut s);
        s.try_audit().unwrap_err().to_string()
    };
    assert!(refused(&|s| s.sources.clear()).contains("bulk"));
    assert!(refused(&|s| s.column = Some("donor")).contains("use one of: patient"));
    assert!(refused(&|s| s.evaluated.push(150)).contains("150"));
    assert!(refused(&|s| s.few_shot.push(999)).contains("999"));
}

#[test]
fn a_sample_under_two_names_in_training_and_validation_is_caught() {
    for scaling in [Scaling::Zscore, Scaling::Minmax] {
        let mut s = clean(1, scaling);
        let (train, validation) = s.pair();
        let m = &s.sources[0].expression;
        let (index, dense) = (m.sample_index(), m.values().to_dense());
        // Rounded to two decimals, as another file would have it.
        let copy = with_row(m, index[validation.as_str()], |j| {
            (dense[[index[train.as_str()], j]] * 100.0).round() / 100.0
        });
        s.sources[0].expression = copy;
        only(
            &s.again().audit(),
            Check::GroupsDisjoint,
            &["1 pairs have the same expression", &train, &validation],
        );
    }
}

#[test]
fn a_name_or_a_patient_in_training_and_validation_is_caught() {
    let mut s = clean(2, Scaling::Zscore);
    let (train, validation) = s.pair();
    let m = &mut s.sources[0].expression;
    let names = m.samples().iter();
    let patients: Vec<String> = names.map(|n| if *n == train { &validation } else { n }.clone()).collect();
    m.set_sample_column("patient", Column::text(patients)).unwrap();
    let s = s.again();
    only(&s.audit(), Check::GroupsDisjoint, &["1 pairs share a group", &train, &validation]);
    // The same patients without the column: nothing to see, and the detail says so.
    let findings = Setup { column: None, ..s }.audit();
    let (found, detail) = verdict(&findings, Check::GroupsDisjoint);
    assert!(found == Verdict::Passed && detail.contains("cannot be seen"), "{detail}");

    let s = clean(2, Scaling::Zscore).by_hand(|parts| {
        let d = &mut parts.sources[0];
        d.samples[d.validation[0]] = d.samples[d.train[0]].clone();
    });
    // The name brings its group along.
    only(&s.audit(), Check::GroupsDisjoint, &["1 pairs share a sample name", "1 pairs share a group"]);
}

#[test]
fn a_line_of_the_cells_in_the_source_is_caught() {
    let mut s = clean(3, Scaling::Zscore);
    s.lines.push("line_0042".to_owned());
    only(&s.audit(), Check::TargetLinesAbsent, &["1 samples", "line_0042: LINE0042"]);

    // A misspelt `exclude` leaves the line where it is.
    let mut s = clean(3, Scaling::Zscore);
    s.lines = vec!["LINE0008".to_owned()];
    s.options.exclude = vec!["LINE0008".to_owned(), "LINE-0007".to_owned()];
    only(&s.again().audit(), Check::TargetLinesAbsent, &["`exclude`", "LINE-0007: LINE0007"]);

    // Identifiers as sample names, the line in the group column; and names as CCLE writes them.
    let mut s = clean(3, Scaling::Zscore);
    s.lines.push("A-375".to_owned());
    let groups = (0..120).map(|i| if i == 50 { "A375_SKIN".to_owned() } else { format!("p{i}") });
    s.sources[0].expression.set_sample_column("patient", Column::text(groups)).unwrap();
    only(&s.again().audit(), Check::TargetLinesAbsent, &["A-375: LINE0051", "group A375_SKIN"]);
}

#[test]
fn a_sample_that_is_a_copy_of_a_cell_is_caught() {
    let log = |x: f32, total: f32| (x * 1e4 / total).ln_1p();
    let scaled: fn(f32) -> f32 = |v| 0.8 * v + 4.0;
    let another_logarithm: fn(f32) -> f32 = |v| (1.0 + v).log2();
    for (what, map) in [("scaled", scaled), ("another logarithm", another_logarithm)] {
        let mut s = clean(1, Scaling::Zscore);
        let cells = s.target.expression.values().to_dense();
        let total = cells.row(20).sum();
        let m = &s.sources[0].expression;
        assert_eq!(m.genes(), s.target.expression.genes());
        s.sources[0].expression = with_row(m, 60, |j| map(log(cells[[20, j]], total)));
        let s = s.again();
        only(&s.audit(), Check::DuplicatesAcrossDomains, &["1 pairs", "LINE0061 and cell_00021"]);
        // Left out by name, it is not there to be learned from.
        let mut s = s;
        s.options.exclude.push("LINE0061".to_owned());
        assert!(s.again().audit().iter().all(|f| f.verdict == Verdict::Passed), "{what}");
    }
}

#[test]
fn cells_with_next_to_nothing_in_them_are_no_copies() {
    let mut s = clean(2, Scaling::Zscore);
    // Counts in the source as well, and on both sides samples with the same few genes or none.
    let few = |j: usize| if j < 30 { 3.0 } else { 0.0 };
    let counts = s.sources[0].expression.values().to_dense().mapv(|v| (v * 10.0).round());
    let m = s.sources[0].expression.with_values(Values::Dense(counts)).unwrap();
    s.sources[0].expression = with_row(&m, 60, few);
    s.target.expression = with_row(&with_row(&s.target.expression, 20, few), 21, |_| 0.0);
    s.options.min_cell_share = 0.0;
    let findings = s.again().audit();
    let (found, detail) = verdict(&findings, Check::DuplicatesAcrossDomains);
    assert!(
        found == Verdict::Passed && detail.contains("118 of 119") && detail.contains("148 of 150"),
        "{detail}"
    );
}

#[test]
fn a_given_label_that_is_evaluated_is_caught() {
    let mut s = clean(0, Scaling::Zscore);
    s.evaluated.push(1);
    only(&s.audit(), Check::FewShotExcluded, &["1 cells", "cell_00002"]);
    // A label that nobody spoke of.
    let mut s = clean(0, Scaling::Zscore);
    s.target.few_shot.push(("cell_00100".to_owned(), 1));
    only(&s.again().audit(), Check::FewShotExcluded, &["evaluated (cell_00100)", "not said to be given"]);
}

#[test]
fn findings_survive_json() {
    let findings = clean(0, Scaling::Zscore).audit();
    let text = serde_json::to_string(&findings).unwrap();
    assert!(text.contains("\"groups_disjoint\"") && text.contains("\"passed\""), "{text}");
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&text).unwrap(), findings);
}
