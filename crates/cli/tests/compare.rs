//! `sensitome compare` as a process that is killed.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const GRID: &str = r#"
name = "grid"
seeds = 2
strategies = ["logistic"]
[resources]
threads = 2
[audit]
permutations = 2
[[strategy]]
name = "source_only"
settings = { epochs = 30, hidden = "64", latent = 16, head = "8" }
[[strategy]]
name = "coral"
settings = { epochs = 30, hidden = "64", latent = 16, head = "8" }
[[task]]
name = "easy"
simulate = { difficulty = 0.2, n_lines = 80, n_cells = 80, n_genes = 300 }
[[task]]
name = "hard"
simulate = { difficulty = 0.9, n_lines = 80, n_cells = 80, n_genes = 300 }
"#;

fn compare(folder: &Path, out: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensitome"));
    let place = |name: &str| folder.join(name).display().to_string();
    command.args(["compare", &place("grid.toml"), "--out", &place(out), "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Every file but for times, and for temporary files of a process that was killed.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with(".seconds") && name != "costs.csv" && !name.contains(".writing-") {
                out.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    out
}

#[test]
fn killed_five_times_it_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grid.toml"), GRID).unwrap();
    assert!(compare(folder.path(), "calm").status().unwrap().success());
    for kill in 0..5_u64 {
        let mut child = compare(folder.path(), "wild").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(120 + 170 * ((kill * 7) % 5)));
        // On unix this is SIGKILL: nothing can be cleaned up.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(compare(folder.path(), "wild").status().unwrap().success());
    let (calm, wild) = (content(&folder.path().join("calm")), content(&folder.path().join("wild")));
    assert_eq!(calm.keys().collect::<Vec<_>>(), wild.keys().collect::<Vec<_>>());
    assert!(calm.len() > 12 && calm.iter().all(|(name, bytes)| *bytes == wild[name]));
}

#[test]
fn shards_and_merge_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grid.toml"), GRID).unwrap();
    assert!(compare(folder.path(), "single").status().unwrap().success());
    for part in ["0/2", "1/2"] {
        let out = format!("part{}", &part[..1]);
        assert!(compare(folder.path(), &out).args(["--shard", part]).status().unwrap().success());
    }
    let parts = ["part0", "part1"].map(|p| folder.path().join(p).display().to_string());
    let merged = compare(folder.path(), "merged").args(["--merge", &parts[0], "--merge", &parts[1]]).status();
    assert!(merged.unwrap().success());
    let (single, merged) = (content(&folder.path().join("single")), content(&folder.path().join("merged")));
    assert!(single == merged);
    assert!(!compare(folder.path(), "no").args(["--shard", "2/2"]).status().unwrap().success());
}
