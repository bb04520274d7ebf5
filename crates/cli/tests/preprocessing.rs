//! Whole runs of `sensitome preprocess`, and of `simulate` in blocks.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use std::path::Path;

use assert_cmd::Command;
use sensitome_data::preprocess::{HvgFlavor, Pipeline};
use sensitome_data::read::{H5adLayer, h5ad};
use sensitome_data::simulate::{self, SimulationConfig, Truth};
use sensitome_data::write;
use serde_json::Value;

fn sensitome(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensitome"));
    command.args(args).args(["--json", "--quiet"]);
    command
}

fn json(args: &[&str]) -> Value {
    let output = sensitome(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(args: &[&str]) -> String {
    let output = sensitome(args).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn from_counts_to_chosen_genes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (data, out) = (at(folder, "data"), at(folder, "out.h5ad"));
    json(&[
        "simulate", "--cells", "5000", "--genes", "300", "--lines", "20", "--counts", "150", "--out", &data,
    ]);
    // More cells than are simulated at a time; the same as all at once.
    let config = SimulationConfig {
        n_cells: 5_000,
        n_genes: 300,
        n_lines: 20,
        median_counts: 150.0,
        ..SimulationConfig::default()
    };
    let simulation = simulate::simulate(&config).unwrap();
    let cells = h5ad(&at(folder, "data/cells.h5ad"), &H5adLayer::X).unwrap();
    assert_eq!(cells, simulation.cells);
    let truth = std::fs::read(at(folder, "data/truth.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Truth>(&truth).unwrap(), simulation.truth);

    let counts = at(folder, "data/cells.h5ad");
    let given = ["preprocess", "--cells", &counts, "--out", &out, "--min-genes", "45", "--min-cells", "9"];
    let given = [&given[..], &["--target-sum", "1e4", "--top-genes", "100"]].concat();
    let pipeline = Pipeline {
        min_genes: 45,
        min_cells: 9,
        target_sum: Some(1e4),
        top_genes: Some((100, HvgFlavor::Seurat)),
        ..Pipeline::default()
    };
    let (expected, fit) = pipeline.run(&cells).unwrap();
    for blocks in ["8192", "777"] {
        let told = json(&[&given[..], &["--block-cells", blocks]].concat());
        assert_eq!(told["genes_kept"], 100);
        assert_eq!((&told["cells"], &told["genes"]), (&5_000.into(), &300.into()));
        assert_eq!(told["cells_kept"], expected.n_samples());
        assert!(expected.n_samples() < 5_000 && fit.seen.len() <= 300);
        assert_eq!(h5ad(&out, &H5adLayer::X).unwrap(), expected);
    }
    // What has been through it once is not counts any more.
    let again = at(folder, "again.h5ad");
    let text = refused(&["preprocess", "--cells", &out, "--out", &again]);
    assert!(text.starts_with("error: ") && text.contains("log-normalised values"), "{text}");

    let scaled = json(&[&given[..], &["--scale", "--max-value", "5"]].concat());
    assert_eq!(scaled["cells_kept"], expected.n_samples());
    let expected = Pipeline { scale: true, max_value: Some(5.0), ..pipeline }.run(&cells).unwrap().0;
    assert_eq!(h5ad(&out, &H5adLayer::X).unwrap(), expected);

    let text = refused(&["preprocess", "--cells", &counts, "--out", &at(folder, "out.csv")]);
    assert!(text.contains("out.csv") && text.contains(".h5ad"), "{text}");
    let text = refused(&["preprocess", "--cells", &counts, "--out", &again, "--min-genes", "301"]);
    assert!(text.contains("no cell is left"), "{text}");
    for extra in [["--max-value", "5"], ["--flavor", "seurat_v3"], ["--compression", "10"]] {
        let text = refused(&[&["preprocess", "--cells", &counts, "--out", &again][..], &extra].concat());
        assert!(text.contains("error: "), "{text}");
    }
    assert!(!Path::new(&again).exists());
}

#[test]
fn a_damaged_file_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = SimulationConfig { n_cells: 200, n_genes: 300, n_lines: 20, ..SimulationConfig::default() };
    let cells = simulate::simulate(&config).unwrap().cells;
    let (counts, out) = (at(folder, "cells.h5ad"), at(folder, "out.h5ad"));
    write::h5ad(&counts, &cells, &[]).unwrap();
    let bytes = std::fs::read(&counts).unwrap();
    std::fs::write(&counts, &bytes[..bytes.len() / 2]).unwrap();
    let text = refused(&["preprocess", "--cells", &counts, "--out", &out]);
    assert!(text.contains("cells.h5ad") && text.contains("cut short"), "{text}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}
