//! `sensitome explain`: the files it writes, what it says, what it refuses.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn run(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sensitome")).args(args).output().unwrap()
}

fn ok(args: &[&str]) -> Value {
    let output = run(&[args, &["--json", "--quiet"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(args: &[&str], words: &str) {
    let output = run(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains(words), "{words} in {text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn tables_plots_and_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let data = at("data");
    ok(&[
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
    let (source, response) = (at("data/bulk_expression.csv.gz"), at("data/bulk_response.csv.gz"));
    let cells = at("data/cells.h5ad");
    let train = |strategy: &str, model: &str, more: &[&str]| {
        let files = ["train", "--source", &source, "--response", &response, "--cells", &cells];
        ok(&[&files[..], &["--drug", "SIM-001", "--strategy", strategy, "--out", model], more].concat());
    };
    let (model, ridge) = (at("model.safetensors"), at("ridge.safetensors"));
    train("source_only", &model, &[]);
    train("ridge", &ridge, &[]);
    let gmt = std::fs::read_dir(folder.path().join("data")).unwrap().map(|e| e.unwrap().path());
    let gmt =
        gmt.filter(|p| p.to_string_lossy().contains(".gmt")).map(|p| p.display().to_string()).next().unwrap();
    let (out, plots) = (at("out"), at("plots"));
    let base = ["explain", "--model", &model, "--cells", &cells, "--out", &out];

    let said = ok(&[&base[..], &["--by-gene", "--by-pathway", &gmt, "--plots", &plots]].concat());
    for name in ["genes.csv", "pathways.csv", "attributions.h5ad", "sanity.txt"] {
        assert!(Path::new(&out).join(name).is_file(), "{name}");
    }
    let drawn = [
        "bar",
        "beeswarm",
        "heatmap",
        "groups",
        "scatter",
        "waterfall_highest",
        "waterfall_lowest",
        "pathways",
    ];
    for name in drawn {
        let svg = std::fs::read_to_string(Path::new(&plots).join(format!("{name}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("NaN"), "{name}");
    }
    assert!(said["worst_gap"].as_f64().unwrap() < 1e-2, "{said}");
    assert_eq!(said["top"].as_array().unwrap().len(), 10);

    for method in ["shap", "saliency", "expected-gradients"] {
        assert_eq!(ok(&[&base[..], &["--method", method]].concat())["method"], method);
    }
    ok(&[&base[..], &["--bottleneck", "--baseline", "mean", "--plots", &plots]].concat());
    assert!(Path::new(&out).join("axes.csv").is_file());
    // Averages over neighbours are attention, smooth from the mean cell on.
    let averaged = at("averaged.safetensors");
    train("sensitome", &averaged, &["--set", "neighbours=always"]);
    let said = ok(&["explain", "--model", &averaged, "--cells", &cells, "--out", &out]);
    assert!(said["worst_gap"].as_f64().unwrap() < 1e-3, "{said}");
    // A regression is explained by its output without being asked.
    let said = ok(&["explain", "--model", &ridge, "--cells", &cells, "--out", &out]);
    assert_eq!(said["target"], "output 0");

    refused(&[&base[..], &["--method", "lime"]].concat(), "use ig, shap");
    refused(&[&base[..], &["--baseline", "cell:nobody"]].concat(), "no cell nobody");
    refused(&[&base[..], &["--max-mb", "0"]].concat(), "allow at least");
    refused(&[&base[..], &["--bottleneck", "--by-pathway", &gmt]].concat(), "leave out --bottleneck");
    refused(
        &["explain", "--model", &ridge, "--cells", &cells, "--out", &out, "--target", "margin"],
        "regression",
    );
}
