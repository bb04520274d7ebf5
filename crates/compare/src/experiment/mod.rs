//! An experiment: tasks, methods, seeds and what else one TOML file says, checked as a whole before anything runs.

mod check;
mod fields;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sensitome_adapt::Settings;
use sensitome_data::{DataError, Scaling};
use sensitome_eval::selection::SelectionScore;

pub use fields::{AuditFields, Names, OnLeak, OneOrMany, Resources, Space, TaskFields, Test, Truth};

use crate::{CompareError, Result};

/// What stands in every table.
pub(crate) const CONTROLS: [&str; 3] = ["constant", "ridge", "source_only"];

/// A method as the experiment names it.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodSpec {
    /// Name in the tables.
    pub label: String,
    /// Name in the registry.
    pub strategy: String,
    /// Settings that differ from the defaults.
    pub settings: Settings,
    /// Labelled cells of each class, a run for each number.
    pub shots: Vec<usize>,
    /// Draws of a random search.
    pub draws: usize,
    /// What it varies and where; everything, near its default, where empty.
    pub search: BTreeMap<String, Space>,
    /// Scaling, where it differs from the task's.
    pub scaling: Option<Scaling>,
}

/// A task as the experiment describes it, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// Its name.
    pub name: String,
    /// Everything else.
    pub fields: TaskFields,
    /// Where it stands in the file.
    pub line: usize,
}

/// A checked experiment.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The folder that the tasks' files are relative to.
    pub data: PathBuf,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Labelled cells of each class that are left out of every evaluation.
    pub pool: usize,
    /// The metric that leaderboards are ordered by.
    pub primary: String,
    /// The metrics in the tables.
    pub metrics: Vec<String>,
    /// Rules that choose among draws.
    pub rules: Vec<SelectionScore>,
    /// Where to compute.
    pub device: String,
    /// Threads and memory.
    pub resources: Resources,
    /// The leak audit.
    pub audit: AuditFields,
    /// The tasks.
    pub tasks: Vec<TaskSpec>,
    /// The methods, controls first.
    pub methods: Vec<MethodSpec>,
}

impl Experiment {
    /// Reads and checks a file. `data` replaces the folder of the data that the file names.
    ///
    /// # Errors
    /// With the file's line: when the text is no TOML, a field is unknown or of the wrong type, a strategy, setting, rule or
    /// metric does not exist, a value is out of range, a file is not there, or two tasks or methods share a name.
    pub fn read(path: &Path, data: Option<&Path>) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| DataError::io(path, "read", e))?;
        Self::parse(&text, path, data)
    }

    /// The same from text; `path` is what errors name and what `data` is relative to.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, path: &Path, data: Option<&Path>) -> Result<Self> {
        let file: fields::File = toml::from_str(text).map_err(|e| CompareError::Experiment {
            file: path.to_owned(),
            line: e.span().map_or(1, |s| line_at(text, s.start)),
            problem: e.message().trim().replace('\n', " "),
            hint: "docs/compare.md lists the fields".to_owned(),
        })?;
        check::Check { text, path, data }.experiment(file)
    }
}

/// The line (from 1) of a byte.
fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|&b| b == b'\n').count() + 1
}

/// A value as settings are written: true, 0.5, mean, 512,256.
pub(crate) fn words(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(s) => Some(s.clone()),
        toml::Value::Integer(i) => Some(i.to_string()),
        toml::Value::Float(f) => Some(f.to_string()),
        toml::Value::Boolean(b) => Some(b.to_string()),
        toml::Value::Array(list) => Some(list.iter().map(words).collect::<Option<Vec<_>>>()?.join(",")),
        _ => None,
    }
}
