//! Whole runs of the binary: simulate, train, predict, evaluate, in separate processes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

fn sensitome() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sensitome"))
}

fn json(args: &[&str]) -> Value {
    let output = sensitome().args(args).args(["--json", "--quiet"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn simulate(folder: &Path) {
    let data = at(folder, "data");
    json(&[
        "simulate",
        "--lines",
        "80",
        "--cells",
        "60",
        "--genes",
        "300",
        "--difficulty",
        "0.2",
        "--out",
        &data,
    ]);
}

fn train_args(folder: &Path, strategy: &str, out: &str) -> Vec<String> {
    let mut args = vec!["train".to_owned()];
    for (flag, value) in [
        ("--source", at(folder, "data/bulk_expression.csv.gz")),
        ("--response", at(folder, "data/bulk_response.csv.gz")),
        ("--cells", at(folder, "data/cells.h5ad")),
        ("--drug", "SIM-001".to_owned()),
        ("--strategy", strategy.to_owned()),
        ("--out", at(folder, out)),
    ] {
        args.extend([flag.to_owned(), value]);
    }
    args
}

#[test]
fn from_files_to_measured_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    simulate(folder);
    let args = train_args(folder, "ridge", "model.safetensors");
    let trained = json(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(trained["drug"], "SIM-001");
    let (model, cells) = (at(folder, "model.safetensors"), at(folder, "data/cells.h5ad"));
    for out in ["scores.csv", "scores.h5ad"] {
        let out = at(folder, out);
        let predicted = json(&["predict", "--model", &model, "--cells", &cells, "--out", &out]);
        assert_eq!(predicted["cells"], 60);
        let labels = at(folder, "data/cells_labels.csv");
        let measured = json(&["evaluate", "--predictions", &out, "--labels", &labels]);
        assert_eq!(measured["labelled"], 60);
        assert!(measured["auroc"].as_f64().unwrap() > 0.8, "{measured}");
    }
    // The same in another process, and once more.
    let read = |name: &str| std::fs::read(at(folder, name)).unwrap();
    let again = at(folder, "again.csv");
    json(&["predict", "--model", &model, "--cells", &cells, "--out", &again]);
    assert_eq!(read("scores.csv"), read("again.csv"));
    let inspected = json(&["inspect", &model]);
    assert_eq!(inspected["card"]["strategy"], "ridge");
    let overlap = json(&["inspect", &cells, "--against", &model]);
    assert_eq!(overlap["overlap"]["shared"], inspected["genes"]);
}

/// Every method of `sensitome strategies`, with two sources, gene sets and a few labelled cells; and a search.
#[test]
fn every_strategy_by_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    simulate(folder);
    let few: Vec<String> = std::fs::read_to_string(at(folder, "data/cells_labels.csv"))
        .unwrap()
        .lines()
        .take(13)
        .map(str::to_owned)
        .collect();
    std::fs::write(at(folder, "few.csv"), few.join("\n")).unwrap();
    let listed = json(&["strategies"]);
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"scad") && names.len() >= 7, "{names:?}");
    for (name, entry) in names.iter().zip(listed.as_array().unwrap()) {
        let mut args = train_args(folder, name, "model.safetensors");
        let extra = [
            ("--source", at(folder, "data/bulk_expression.csv.gz")),
            ("--gene-sets", at(folder, "data/pathways.gmt")),
            ("--few-shot", at(folder, "few.csv")),
        ];
        args.extend(extra.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        for s in entry["settings"].as_array().unwrap() {
            let setting = s["name"].as_str().unwrap();
            if setting.ends_with("epochs") {
                args.extend(["--set".to_owned(), format!("{setting}=2")]);
            }
        }
        let trained = json(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(trained["strategy"], **name);
        let inspected = json(&["inspect", &at(folder, "model.safetensors")]);
        let axes = inspected["axes"].as_array().unwrap();
        assert_eq!(*name == "shared_pathway", axes.iter().any(|a| a == "MAPK_SIGNALING"), "{name}: {axes:?}");
    }
    // The cells that a model has seen do not count.
    let (cells, labels) = (at(folder, "data/cells.h5ad"), at(folder, "data/cells_labels.csv"));
    let (model, scores) = (at(folder, "model.safetensors"), at(folder, "scores.csv"));
    json(&["predict", "--model", &model, "--cells", &cells, "--out", &scores]);
    let mut evaluate = vec!["evaluate", "--predictions", &scores, "--labels", &labels];
    let all = json(&evaluate)["labelled"].as_u64().unwrap();
    let few = at(folder, "few.csv");
    evaluate.extend(["--few-shot", &few]);
    assert_eq!(json(&evaluate)["labelled"].as_u64().unwrap(), all - 12);
    let mut args = train_args(folder, "source_only", "searched.safetensors");
    let search = ["--search", "2", "--select", "info_max", "--set", "epochs=2"];
    args.extend(search.map(str::to_owned));
    let searched = json(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(searched["notes"].to_string().contains("2 draws of random search by info_max"), "{searched}");
}

#[test]
fn killed_and_started_again_gives_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    simulate(folder);
    let settings = ["--set", "epochs=60", "--set", "patience=60", "--checkpoint-every", "0", "--quiet"];
    let run = |out: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sensitome"));
        command.args(train_args(folder, "source_only", out)).args(settings);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(run("undisturbed.safetensors").status().unwrap().success());
    let checkpoint = folder.join("killed.safetensors.checkpoint");
    let mut killed = 0;
    for _ in 0..3 {
        let seen = std::fs::metadata(&checkpoint).and_then(|m| m.modified()).ok();
        let mut child = run("killed.safetensors").spawn().unwrap();
        let start = Instant::now();
        // Killed as soon as it has saved something new, or let go when it is done.
        while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(120) {
            let now = std::fs::metadata(&checkpoint).and_then(|m| m.modified()).ok();
            if now.is_some() && now != seen {
                child.kill().unwrap();
                killed += 1;
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        child.wait().unwrap();
    }
    assert!(killed > 0, "no run was caught");
    assert!(checkpoint.exists(), "the killed run left no checkpoint");
    assert!(run("killed.safetensors").status().unwrap().success());
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("undisturbed.safetensors") == read("killed.safetensors"), "the resumed model differs");
    assert!(!checkpoint.exists(), "the checkpoint is left behind");
}
