//! Runs of small simulated grids: what is there is kept, nothing depends on the order or number of threads, shards add up,
//! leaks are caught.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sensitome_adapt::{AdaptError, Fit, FitOptions, Settings, find};
use sensitome_compare::audit::Check;
use sensitome_compare::{
    CompareError, Comparison, Done, Experiment, Method, Plan, Report, RunOptions, merge,
};
use sensitome_core_models::ResponseModel;
use sensitome_data::TransferTask;
use sensitome_data::simulate::{SimulationConfig, simulate};

const GRID: &str = r#"
seeds = 2
shots = [0, 2]
strategies = ["logistic", "nearest_centroid"]
[audit]
permutations = 0
[[strategy]]
name = "coral"
shots = 0
draws = 2
settings = { epochs = 3, hidden = "16", latent = 8, head = "8" }
search = { learning_rate = { from = 1e-4, to = 1e-2 }, dropout = [0.2, 0.4] }
[[strategy]]
name = "source_only"
settings = { epochs = 3, hidden = "16", latent = 8, head = "8" }
[[task]]
name = "easy"
simulate = { difficulty = 0.2, n_lines = 60, n_cells = 60, n_genes = 260 }
[[task]]
name = "hard"
simulate = { difficulty = 0.9, n_lines = 60, n_cells = 60, n_genes = 260 }
folds = 2
[[task]]
name = "part"
simulate = { n_lines = 60, n_cells = 80, n_genes = 260 }
subsample = 0.8
"#;

fn plan(text: &str) -> Plan {
    Plan::new(Experiment::parse(text, Path::new("grid.toml"), None).unwrap()).unwrap()
}

fn run(
    plan: &Plan,
    folder: &Path,
    shard: Option<(usize, usize)>,
    stop_after: usize,
) -> Result<Done, CompareError> {
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let watch = |_: &_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 >= stop_after {
            stop.store(true, Ordering::SeqCst);
        }
    };
    plan.run(folder, &RunOptions { shard, watch: &watch, stop: &stop })
}

/// Every file that a run leaves, by name, but for the times.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|e| e != "seconds") {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                out.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    out
}

/// Audits, measures and writes.
fn reported(plan: &Plan, folder: &Path) -> Comparison {
    let audits = plan.audit(folder).unwrap();
    let comparison = plan.collect(folder, audits).unwrap();
    Report::new(&comparison).unwrap().write(folder).unwrap();
    comparison
}

fn whole(text: &str, folder: &Path) -> Comparison {
    let plan = plan(text);
    run(&plan, folder, None, usize::MAX).unwrap();
    reported(&plan, folder)
}

#[test]
fn interrupted_damaged_and_parallel_runs_give_the_same_bytes() {
    let (calm, wild) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let comparison = whole(&format!("{GRID}[resources]\nthreads = 1\n"), calm.path());
    assert!(comparison.runs.iter().all(|r| r.outcome.is_ok()));
    let text = Report::new(&comparison).unwrap().summary();
    assert!(text.contains("over 3 tasks") && text.contains("nearest_centroid"), "{text}");
    let plan = plan(&format!("{GRID}[resources]\nthreads = 3\nmemory_gb = 0.001\n"));
    for stop_after in [1, 3, 2, 5, 4] {
        assert!(matches!(run(&plan, wild.path(), None, stop_after), Err(CompareError::Interrupted)));
        // What a crash in the middle of a write of another program would leave.
        let cells = wild.path().join("cells");
        let first = std::fs::read_dir(&cells).unwrap().map(|e| e.unwrap().path());
        let first = first.filter(|p| p.extension().is_some_and(|e| e == "json")).min().unwrap();
        let text = std::fs::read(&first).unwrap();
        std::fs::write(&first, &text[..text.len() / 2]).unwrap();
    }
    let done = run(&plan, wild.path(), None, usize::MAX).unwrap();
    assert!(done.kept > 5 && done.made > 0);
    reported(&plan, wild.path());
    let (calm, wild) = (content(calm.path()), content(wild.path()));
    assert_eq!(calm.keys().collect::<Vec<_>>(), wild.keys().collect::<Vec<_>>());
    for (name, bytes) in &calm {
        assert!(bytes == &wild[name], "{name} differs");
    }
}

#[test]
fn shards_add_up_to_the_whole() {
    let (single, merged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    whole(GRID, single.path());
    let parts: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let plan = plan(GRID);
    for (i, part) in parts.iter().enumerate() {
        let done = run(&plan, part.path(), Some((i, 3)), usize::MAX).unwrap();
        assert!(done.made > 0 && done.left > 0);
        assert!(plan.collect(part.path(), Vec::new()).is_err(), "a shard is not the whole");
    }
    merge(merged.path(), &parts).unwrap();
    assert_eq!(run(&plan, merged.path(), None, usize::MAX).unwrap().made, 0);
    reported(&plan, merged.path());
    assert!(content(single.path()) == content(merged.path()));
}

#[test]
fn more_seeds_and_strategies_rerun_nothing_and_shift_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let few = whole(GRID, folder.path());
    let more = GRID.replace("seeds = 2", "seeds = 3").replace("\"logistic\"", "\"logistic\", \"svm\"");
    let plan = plan(&more);
    let done = run(&plan, folder.path(), None, usize::MAX).unwrap();
    assert_eq!(done.kept, few.runs.len());
    assert!(done.made > 0);
    let more = plan.collect(folder.path(), Vec::new()).unwrap();
    for before in &few.runs {
        assert!(more.runs.contains(before), "{} on {}", before.method, before.task);
    }
    // One method anew: only its own fits, and the same numbers.
    let own = few.runs.iter().filter(|r| r.method == "logistic").count() * 3 / 2;
    assert_eq!(plan.forget(folder.path(), "logistic").unwrap(), own);
    assert!(plan.forget(folder.path(), "logistics").unwrap_err().to_string().contains("logistic"));
    assert_eq!(run(&plan, folder.path(), None, usize::MAX).unwrap().made, own);
    assert!(plan.collect(folder.path(), Vec::new()).unwrap().runs == more.runs);
    // Renaming a task, and a change of its role, change no fit.
    let renamed = self::plan(&GRID.replace("\"easy\"", "\"other\"\nrole = \"negative_control\""));
    assert_eq!(run(&renamed, folder.path(), None, usize::MAX).unwrap().made, 0);
}

#[test]
fn shots_are_nested_and_never_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let comparison = whole(GRID, folder.path());
    for task in ["easy", "hard", "part"] {
        for seed in [0, 1] {
            let rows: std::collections::BTreeSet<_> = comparison
                .runs
                .iter()
                .filter(|r| r.task == task && r.seed == seed)
                .filter_map(|r| Some(&r.outcome.as_ref().ok()?.rows))
                .collect();
            assert!(rows.len() == 1, "every method and number of shots is tested on the same cells");
        }
    }
    // The search stays in its space, and what it does not name stays as it was.
    for run in comparison.runs.iter().filter(|r| r.draw == 1) {
        let rate: f64 = run.settings["learning_rate"].parse().unwrap();
        assert!((1e-4..=1e-2).contains(&rate) && rate != 1e-3);
        assert!(["0.2", "0.4"].contains(&run.settings["dropout"].as_str()) && run.settings["epochs"] == "3");
    }
    let labelled = comparison.tasks.iter().find(|t| t.name == "easy").unwrap().labelled;
    let easy = comparison.runs.iter().find(|r| r.task == "easy").unwrap();
    assert_eq!(easy.outcome.as_ref().unwrap().rows.len(), labelled - 4);
}

/// A method that knows the hidden labels, as nothing in the library lets it: the control with permuted labels finds it out.
struct Cheat(Vec<f32>);

impl Fit for Cheat {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel, AdaptError> {
        // A ridge regression on cells whose labels are written into the source's response.
        let mut parts = (**task).clone();
        let source = &mut parts.sources[0];
        source.expression = parts.target.expression.clone();
        source.samples = parts.target.cells.clone();
        source.labels = self.0.iter().map(|&y| Some(u8::from(y > 0.5))).collect();
        source.response = self.0.iter().map(|&y| Some(1.0 - f64::from(y))).collect();
        source.train = (0..self.0.len()).filter(|i| i % 5 > 0).collect();
        source.validation = (0..self.0.len()).filter(|i| i % 5 == 0).collect();
        source.table = None;
        let task = TransferTask::new(parts).unwrap();
        find("ridge")?.build(&Settings::new())?.fit(&task, options)
    }
}

#[test]
fn permuted_labels_find_a_method_that_cheats_and_spare_the_honest() {
    let text = r#"
seeds = 1
[audit]
permutations = 8
[[task]]
name = "task"
simulate = { n_lines = 80, n_cells = 100, n_genes = 260 }
"#;
    let config = SimulationConfig { n_lines: 80, n_cells: 100, n_genes: 260, ..SimulationConfig::default() };
    let truth: Vec<f32> = simulate(&config).unwrap().truth.labels.iter().map(|&y| f32::from(y)).collect();
    let folder = tempfile::tempdir().unwrap();
    let honest = plan(text);
    run(&honest, folder.path(), None, usize::MAX).unwrap();
    let comparison = reported(&honest, folder.path());
    let checks = comparison.audits[0].findings.iter().map(|f| f.check).collect::<Vec<_>>();
    assert_eq!(checks.len(), Check::ALL.len());
    let results = std::fs::read_to_string(folder.path().join("results.md")).unwrap();
    assert!(results.contains("## Leak audit") && results.contains("no leak was found"), "{results}");
    let cheat = plan(text).with_method(Method::own("cheat", BTreeMap::new(), Cheat(truth.clone()))).unwrap();
    let audits = cheat.audit(folder.path()).unwrap();
    run(&cheat, folder.path(), None, usize::MAX).unwrap();
    let error = cheat.collect(folder.path(), audits.clone()).unwrap_err().to_string();
    assert!(error.contains("cheat") && !error.contains("ridge"), "{error}");
    // Where the experiment says so, it goes on and the tables say it.
    let report = text.replace("[audit]", "[audit]\non_leak = \"report\"");
    let marked = plan(&report).with_method(Method::own("cheat", BTreeMap::new(), Cheat(truth))).unwrap();
    let comparison = marked.collect(folder.path(), audits).unwrap();
    Report::new(&comparison).unwrap().write(folder.path()).unwrap();
    let results = std::fs::read_to_string(folder.path().join("results.md")).unwrap();
    assert!(results.contains("**LEAK**") && results.contains("cheat"), "{results}");
}

#[test]
fn errors_name_the_line() {
    let task = "[[task]]\nname = \"t\"\nsimulate = {}\n";
    for (text, line, words) in [
        ("seeds = 0\n[[task]]\nname = \"t\"\nsimulate = {}\n".to_owned(), 1, &["seed"][..]),
        (format!("name = \"x\"\nsedes = 3\n{task}"), 2, &["sedes"]),
        (format!("strategies = [\"ridge\", \"rigde\"]\n{task}"), 1, &["rigde"]),
        (format!("{task}[[strategy]]\nname = \"scad\"\nsettings = {{ epochs = -1 }}\n"), 6, &["epochs", "-1"]),
        (format!("{task}[[strategy]]\nname = \"scad\"\nlabel = \"ridge\"\n[[strategy]]\nname = \"ridge\"\n"), 8, &["ridge"]),
        (
            format!("{task}[[strategy]]\nname = \"scad\"\ndraws = 2\nsearch = {{ dropout = [0.1, 7] }}\n"),
            7,
            &["dropout", "7"],
        ),
        (format!("{task}{task}"), 5, &["another task"]),
        (format!("rules = [\"oracle\"]\n{task}"), 1, &["oracle", "source_validation"]),
        (format!("primary = \"brier\"\n{task}"), 1, &["brier"]),
        (format!("shots = 3\npool = 2\n{task}"), 2, &["pool"]),
        ("[[task]]\nname = \"t\"\nsimulate = { difficulty = 2.0 }\n".to_owned(), 3, &["difficulty"]),
        ("[[task]]\nname = \"t\"\ndrug = \"X\"\n".to_owned(), 2, &["source"]),
        (
            "[defaults]\nsource = \"no.csv\"\nresponse = \"no.csv\"\n[[task]]\nname = \"t\"\ndrug = \"X\"\ncells = \"no.csv\"\n\
             truth = { file = \"no.csv\" }\n"
                .to_owned(),
            4,
            &["no.csv", "not there"],
        ),
        ("name = 3\n".to_owned(), 1, &["string"]),
    ] {
        let error = Experiment::parse(&text, Path::new("e.toml"), None).unwrap_err();
        let CompareError::Experiment { line: found, .. } = &error else { panic!("{error}") };
        assert_eq!(*found, line, "{error}\n{text}");
        assert!(words.iter().all(|w| error.to_string().contains(w)), "{error}");
    }
}

#[test]
fn ready_made_experiments_are_sound() {
    let folder = sensitome_testkit::package_dir().join("../../experiments");
    let mut n = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        match Experiment::read(&path, None) {
            Ok(e) => assert!(!e.tasks.is_empty() && !e.methods.is_empty()),
            // Without the shared data only its files may be missing.
            Err(e) => assert!(e.to_string().contains("is not there"), "{e}"),
        }
        n += 1;
    }
    assert!(n >= 8);
}
