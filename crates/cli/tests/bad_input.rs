//! What a new user does wrong, in one table: each case ends with a failure, one message that names the file, the problem
//! and the next step, and nothing half-written.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn sensitome() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sensitome"))
}

/// A folder with simulated data in `data/` and a trained `model.safetensors`.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let size = ["--lines", "60", "--cells", "40", "--genes", "260"];
        sensitome().arg("simulate").args(size).arg("--out").arg(bench.path("data")).assert().success();
        let train = bench.fill(
            "train {source} {response} {cells} --drug SIM-001 --strategy ridge --out @model.safetensors",
        );
        sensitome().args(train).assert().success();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Splits a command line; `{source}`, `{response}` and `{cells}` stand for the good files, `@NAME` for one in the folder.
    fn fill(&self, line: &str) -> Vec<String> {
        let line = line
            .replace("{source}", "--source @data/bulk_expression.csv.gz")
            .replace("{response}", "--response @data/bulk_response.csv.gz")
            .replace("{cells}", "--cells @data/cells.h5ad");
        line.split_whitespace()
            .map(|w| match w.strip_prefix('@') {
                Some(name) => self.path(name).display().to_string(),
                None => w.to_owned(),
            })
            .collect()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn text(&self, name: &str) -> String {
        let mut text = String::new();
        let bytes = fs::read(self.path(name)).unwrap();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, out) } else { out.push(path) }
            }
        }
        let mut out = Vec::new();
        walk(self.0.path(), &mut out);
        out.sort();
        out
    }
}

/// Every number of the bulk's table changed by `f`, written plain.
fn changed(bench: &Bench, name: &str, f: impl Fn(usize, usize, &str) -> String) {
    let text = bench.text("data/bulk_expression.csv.gz");
    let mut out = String::new();
    for (i, line) in text.lines().enumerate() {
        let fields = line.split(',').enumerate().map(|(j, v)| f(i, j, v));
        out += &fields.collect::<Vec<_>>().join(",");
        out.push('\n');
    }
    bench.write(name, out);
}

/// Name, what is done to the folder, the command, and what the message must say.
type Case = (&'static str, fn(&Bench), String, &'static [&'static str]);

const TRAIN: &str =
    "train {source} {response} {cells} --drug SIM-001 --strategy ridge --out @out.safetensors";

fn nothing(_: &Bench) {}

fn with(replaced: &str, by: &str) -> String {
    assert!(TRAIN.contains(replaced));
    TRAIN.replace(replaced, by)
}

#[test]
fn every_mistake_is_explained() {
    let cases: Vec<Case> = vec![
        ("no such source", nothing, with("{source}", "--source @none.csv"), &["none.csv", "open"]),
        ("no such cells", nothing, with("{cells}", "--cells @none.h5ad"), &["none.h5ad"]),
        ("no such response", nothing, with("{response}", "--response @none.csv"), &["none.csv"]),
        ("a folder that is no 10x folder", nothing, with("{cells}", "--cells @data"), &["data"]),
        (
            "empty file",
            |b| b.write("empty.csv", ""),
            with("{source}", "--source @empty.csv"),
            &["empty.csv", "empty"],
        ),
        (
            "a response table as expression",
            nothing,
            with("{source}", "--source @data/bulk_response.csv.gz"),
            &["bulk_response.csv.gz"],
        ),
        (
            "expression as a response table",
            nothing,
            with("{response}", "--response @data/bulk_expression.csv.gz"),
            &["bulk_expression.csv.gz", "drug"],
        ),
        (
            "a picture as cells",
            |b| b.write("cells.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
            with("{cells}", "--cells @cells.png"),
            &["cells.png"],
        ),
        ("unknown drug", nothing, with("SIM-001", "SIM-01"), &["SIM-01", "SIM-001"]),
        ("unknown data set", nothing, with("--strategy", "--dataset GDSC9 --strategy"), &["GDSC9"]),
        ("unknown strategy", nothing, with("ridge", "rigde"), &["rigde", "ridge", "scdeal"]),
        ("unknown setting", nothing, with("--out", "--set penalti=1 --out"), &["penalti", "penalty"]),
        ("setting out of range", nothing, with("--out", "--set folds=1 --out"), &["folds", "2"]),
        ("setting without a value", nothing, with("--out", "--set folds --out"), &["folds", "="]),
        (
            "a search that looks at labels",
            nothing,
            with("--out", "--select oracle --out"),
            &["oracle", "info_max"],
        ),
        (
            "pathways without gene sets",
            nothing,
            with("ridge", "shared_pathway"),
            &["gene sets", "--gene-sets"],
        ),
        (
            "gene sets of other genes",
            |b| b.write("other.gmt", "SET\tna\tNO1\tNO2\tNO3\tNO4\tNO5\tNO6\n"),
            with("--strategy ridge", "--gene-sets @other.gmt --strategy shared_pathway"),
            &["gene sets", "pathway_min"],
        ),
        ("unknown label rule", nothing, with("--out", "--labels watrfall --out"), &["watrfall", "waterfall"]),
        ("unknown device", nothing, with("--out", "--device gpu --out"), &["gpu", "flex"]),
        (
            "output folder missing",
            nothing,
            with("@out.safetensors", "@none/out.safetensors"),
            &["none", "folder"],
        ),
        (
            "NaN in the bulk",
            |b| changed(b, "nan.csv", |i, j, v| if (i, j) == (3, 4) { "NaN".into() } else { v.into() }),
            with("{source}", "--source @nan.csv"),
            &["nan.csv", "4", "NaN"],
        ),
        (
            "a word in the bulk",
            |b| changed(b, "word.csv", |i, j, v| if (i, j) == (3, 4) { "high".into() } else { v.into() }),
            with("{source}", "--source @word.csv"),
            &["word.csv", "high"],
        ),
        (
            "duplicate genes",
            |b| {
                let head = b.text("data/bulk_expression.csv.gz");
                let first = head.split(',').nth(1).unwrap().to_owned();
                changed(b, "twice.csv", |i, j, v| if (i, j) == (0, 2) { first.clone() } else { v.into() });
            },
            with("{source}", "--source @twice.csv"),
            &["twice.csv", "duplicate"],
        ),
        (
            "a ragged line",
            |b| {
                changed(
                    b,
                    "ragged.csv",
                    |i, j, v| if (i, j) == (5, 1) { format!("{v},{v}") } else { v.into() },
                )
            },
            with("{source}", "--source @ragged.csv"),
            &["ragged.csv", "line 6"],
        ),
        (
            "swapped orientation",
            nothing,
            with("--out", "--orientation genes --out"),
            &["bulk_expression.csv.gz", "--orientation"],
        ),
        (
            "no shared genes",
            |b| changed(b, "other.csv", |i, j, v| if i == 0 && j > 0 { format!("XYZ{j}") } else { v.into() }),
            with("{source}", "--source @other.csv"),
            &["other.csv", "share", "--gene-ids"],
        ),
        (
            "Ensembl against symbols",
            |b| {
                changed(
                    b,
                    "ensembl.csv",
                    |i, j, v| if i == 0 && j > 0 { format!("ENSG{j:011}") } else { v.into() },
                )
            },
            with("{source}", "--source @ensembl.csv"),
            &["Ensembl", "--gene-ids"],
        ),
        (
            "counts where z-scores were declared",
            nothing,
            with("--out", "--cells-scale z-scored --out"),
            &["z-scored", "counts"],
        ),
        ("unknown scale", nothing, with("--out", "--cells-scale tpm --out"), &["tpm", "counts"]),
        (
            "one class only",
            |b| {
                let text = b.text("data/bulk_expression.csv.gz");
                let lines = text.lines().skip(1).map(|l| format!("{},1\n", l.split(',').next().unwrap()));
                b.write("ones.csv", format!("cell_line,SIM-001\n{}", lines.collect::<String>()));
            },
            with("--out", "--labels table:@ones.csv --out"),
            &["one class"],
        ),
        (
            "label table of other samples",
            |b| b.write("labels.csv", "cell_line,SIM-001\nA,1\nB,0\n"),
            with("--out", "--labels table:@labels.csv --out"),
            &["labelled"],
        ),
        (
            "response for other samples",
            |b| b.write("response.csv", "cell_line,drug,auc\nA,SIM-001,0.1\nB,SIM-001,0.9\n"),
            with("{response}", "--response @response.csv"),
            &["have a response", "agree"],
        ),
        (
            "truncated gzip",
            |b| {
                let whole = fs::read(b.path("data/bulk_expression.csv.gz")).unwrap();
                b.write("cut.csv.gz", &whole[..whole.len() / 2]);
            },
            with("{source}", "--source @cut.csv.gz"),
            &["cut.csv.gz"],
        ),
        (
            "truncated h5ad",
            |b| {
                let whole = fs::read(b.path("data/cells.h5ad")).unwrap();
                b.write("cut.h5ad", &whole[..whole.len() / 2]);
            },
            with("{cells}", "--cells @cut.h5ad"),
            &["cut.h5ad"],
        ),
        ("unknown layer", nothing, with("--out", "--layer counts --out"), &["counts"]),
        ("a missing cluster column", nothing, with("--out", "--cluster-column leiden --out"), &["leiden"]),
        (
            "a model file cut short",
            |b| {
                let whole = fs::read(b.path("model.safetensors")).unwrap();
                b.write("cut.safetensors", &whole[..whole.len() - 10]);
            },
            "predict --model @cut.safetensors {cells} --out @out.csv".into(),
            &["cut.safetensors", "cut short"],
        ),
        (
            "cells as a model",
            nothing,
            "predict --model @data/cells.h5ad {cells} --out @out.csv".into(),
            &["cells.h5ad", "no model"],
        ),
        (
            "an empty model",
            |b| b.write("empty.safetensors", ""),
            "predict --model @empty.safetensors {cells} --out @out.csv".into(),
            &["empty.safetensors", "empty"],
        ),
        (
            "cells without the model's genes",
            |b| {
                let mut text = String::from("cell,GAPDH,ACTB,TP53,EGFR\n");
                (0..9).for_each(|i| text += &format!("c{i},{i},1,0,2\n"));
                b.write("few.csv", text);
            },
            "predict --model @model.safetensors --cells @few.csv --out @out.csv".into(),
            &["model's", "--gene-ids"],
        ),
        (
            "bulk intensities where the model was trained on counts",
            nothing,
            "predict --model @model.safetensors --cells @data/bulk_expression.csv.gz --out @out.csv".into(),
            &["counts"],
        ),
        (
            "an output that is neither CSV nor h5ad",
            nothing,
            "predict --model @model.safetensors {cells} --out @out.xlsx".into(),
            &["out.xlsx", ".csv"],
        ),
        (
            "labels of other cells",
            |b| {
                b.write("scores.csv", "cell,score,class\nc1,0.2,0\nc2,0.7,1\n");
                b.write("truth.csv", "cell,label\nd1,0\nd2,1\n");
            },
            "evaluate --predictions @scores.csv --labels @truth.csv".into(),
            &["truth.csv", "--by"],
        ),
        (
            "labels that are no labels",
            |b| {
                b.write("scores.csv", "cell,score,class\nc1,0.2,0\nc2,0.7,1\n");
                b.write("truth.csv", "cell,label\nc1,low\nc2,high\n");
            },
            "evaluate --predictions @scores.csv --labels @truth.csv".into(),
            &["truth.csv", "low", "--positive"],
        ),
        (
            "something else than predictions",
            |b| b.write("truth.csv", "cell,label\nc1,0\nc2,1\n"),
            "evaluate --predictions @truth.csv --labels @truth.csv".into(),
            &["truth.csv", "score"],
        ),
        (
            "a difficulty beyond the scale",
            nothing,
            "simulate --difficulty 2 --out @sim".into(),
            &["difficulty", "2"],
        ),
        ("inspecting nothing", nothing, "inspect @none.h5ad".into(), &["none.h5ad"]),
    ];
    assert!(cases.len() >= 25);
    let bench = Bench::new();
    let mut failures = Vec::new();
    for (name, prepare, line, expected) in cases {
        prepare(&bench);
        let before = bench.files();
        let line = line.replace("table:@", &format!("table:{}/", bench.0.path().display()));
        let output = sensitome().args(bench.fill(&line)).arg("--quiet").output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut complain = |what: String| failures.push(format!("{name}: {what}\n    {}", message.trim()));
        if output.status.success() {
            complain("succeeded".into());
        }
        if !matches!(output.status.code(), Some(1 | 2)) {
            complain(format!("ended with {:?}", output.status.code()));
        }
        for word in expected {
            if !message.contains(word) {
                complain(format!("the message does not say {word:?}"));
            }
        }
        if message.matches("error:").count() != 1 || message.contains("panicked") {
            complain("not one message".into());
        }
        if bench.files() != before {
            complain("left a file behind".into());
        }
    }
    assert!(failures.is_empty(), "{} complaints\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_file_that_is_there_is_kept_when_writing_fails() {
    let bench = Bench::new();
    let mut old = fs::File::create(bench.path("out.safetensors")).unwrap();
    old.write_all(b"precious").unwrap();
    sensitome().args(bench.fill(&with("SIM-001", "SIM-XYZ"))).assert().failure();
    assert_eq!(fs::read(bench.path("out.safetensors")).unwrap(), b"precious");
}
