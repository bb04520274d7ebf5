//! The leak audit: what would make a comparison too good to be true, looked for in every task of an experiment.
//!
//! A check that cannot look says so ([`Verdict::NotApplicable`]); it never passes for want of evidence. Each says in
//! its detail what it compared, with numbers and the first few names, and what it cannot see.

mod duplicates;
mod few_shot;
mod groups;
mod lines;
mod permutation;
mod scalers;

use std::fmt;

use sensitome_data::{PrepareOptions, SourceDomain, SourceInput, TargetInput, TransferTask};
use serde::{Deserialize, Serialize};

use crate::{CompareError, Result};

pub use permutation::{LEAST_PERMUTATIONS, label_permutation};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was compared, what was found, and what cannot be seen this way.
    pub detail: String,
}

/// A kind of leak that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Training and validation rows of the sources share no sample, no group and no expression vector.
    GroupsDisjoint,
    /// The lines that the cells come from are not in the source.
    TargetLinesAbsent,
    /// The source's scaling was fitted on its training rows only.
    ScalersOnTrainingRows,
    /// Fits to permuted labels of the source are no better than chance.
    LabelPermutation,
    /// No sample of the source is a copy of a cell.
    DuplicatesAcrossDomains,
    /// Cells whose label the method was given are not evaluated.
    FewShotExcluded,
}

impl Check {
    /// All checks, in the order of their findings.
    pub const ALL: [Self; 6] = [
        Self::GroupsDisjoint,
        Self::TargetLinesAbsent,
        Self::ScalersOnTrainingRows,
        Self::LabelPermutation,
        Self::DuplicatesAcrossDomains,
        Self::FewShotExcluded,
    ];

    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupsDisjoint => "groups_disjoint",
            Self::TargetLinesAbsent => "target_lines_absent",
            Self::ScalersOnTrainingRows => "scalers_on_training_rows",
            Self::LabelPermutation => "label_permutation",
            Self::DuplicatesAcrossDomains => "duplicates_across_domains",
            Self::FewShotExcluded => "few_shot_excluded",
        }
    }

    /// What holds where it passes, in one line.
    pub fn claim(self) -> &'static str {
        match self {
            Self::GroupsDisjoint => {
                "training and validation rows share no sample, group or expression vector"
            }
            Self::TargetLinesAbsent => "the lines that the cells come from are not in the source",
            Self::ScalersOnTrainingRows => "the source's scaling was fitted on its training rows only",
            Self::LabelPermutation => "fits to permuted labels of the source are no better than chance",
            Self::DuplicatesAcrossDomains => "no sample of the source is a copy of a cell",
            Self::FewShotExcluded => "cells whose label the method was given are not evaluated",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It looked, and found nothing.
    Passed,
    /// It found a leak.
    Leak,
    /// It could not look; the detail says why.
    NotApplicable,
}

impl Verdict {
    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Leak => "leak",
            Self::NotApplicable => "not_applicable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.check, self.verdict, self.detail)
    }
}

impl Finding {
    /// Whether it is a leak.
    pub fn is_leak(&self) -> bool {
        self.verdict == Verdict::Leak
    }

    fn new(check: Check, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { check, verdict, detail: detail.into() }
    }
}

/// Everything that a task is made of, before and after preparation.
#[derive(Debug, Clone, Copy)]
pub struct AuditInput<'a> {
    /// The prepared task.
    pub task: &'a TransferTask,
    /// The sources as they were given to [`prepare`](sensitome_data::prepare), in its order.
    pub sources: &'a [SourceInput],
    /// The cells as they were given to it.
    pub target: &'a TargetInput,
    /// How the task was prepared.
    pub options: &'a PrepareOptions,
    /// Names of the lines that the cells come from, by annotation or configuration; empty where unknown.
    pub target_lines: &'a [String],
    /// Rows of the cells' file that are evaluated.
    pub evaluated: &'a [usize],
    /// Rows of the cells' file whose label the method was given.
    pub few_shot: &'a [usize],
    /// Annotation of the sources that holds the patient or line that a sample comes from.
    pub source_group_column: Option<&'a str>,
}

/// Runs every check that needs no fit, in the order of [`Check::ALL`]. For the label permutation, which needs fits, see
/// [`label_permutation`].
///
/// # Errors
/// When the parts do not belong together: other sources before than after preparation, rows that the cells' file does
/// not have, or a source without the group column.
pub fn audit(input: &AuditInput<'_>) -> Result<Vec<Finding>> {
    let sources = sources(input)?;
    Ok(vec![
        groups::check(&sources),
        lines::check(input, &sources),
        scalers::check(input),
        duplicates::check(input, &sources),
        few_shot::check(input)?,
    ])
}

/// A source after and before preparation, and the group of each row, where known.
struct Source<'a> {
    domain: &'a SourceDomain,
    raw: &'a SourceInput,
    /// One a row of the domain; `None` without a group column.
    groups: Option<Vec<Option<String>>>,
}

fn sources<'a>(input: &AuditInput<'a>) -> Result<Vec<Source<'a>>> {
    let names = |v: Vec<&str>| v.join(", ");
    let task: &'a TransferTask = input.task;
    let domains = &task.sources;
    let alike = domains.len() == input.sources.len()
        && domains.iter().zip(input.sources).all(|(d, s)| d.name == s.name);
    if !alike {
        return Err(CompareError::invalid(
            "leak audit",
            format!(
                "the task's sources are {}, those before preparation {}",
                names(domains.iter().map(|d| d.name.as_str()).collect()),
                names(input.sources.iter().map(|s| s.name.as_str()).collect()),
            ),
            "pass what the task was prepared from, in the same order",
        ));
    }
    let group_of = |domain: &SourceDomain, raw: &SourceInput, column: &str| {
        let columns = raw.expression.sample_columns();
        let Some(values) = columns.get(column) else {
            return Err(CompareError::invalid(
                "leak audit",
                format!("source {} has no column {column} that groups its samples", raw.name),
                if columns.is_empty() {
                    "it has no annotation at all: leave the group column out".to_owned()
                } else {
                    format!("use one of: {}", names(columns.keys().map(String::as_str).collect()))
                },
            ));
        };
        let index = raw.expression.sample_index();
        let group = |name: &String| index.get(name.as_str()).and_then(|&i| values.get(i));
        Ok(domain.samples.iter().map(group).collect::<Vec<_>>())
    };
    let pair = |(domain, raw): (&'a SourceDomain, &'a SourceInput)| {
        let groups = input.source_group_column.map(|c| group_of(domain, raw, c)).transpose()?;
        Ok(Source { domain, raw, groups })
    };
    domains.iter().zip(input.sources).map(pair).collect()
}

/// The first few of many findings.
fn first<S: AsRef<str>>(items: &[S]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = items.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let rest = items.len().saturating_sub(SHOWN);
    if rest == 0 { shown.join("; ") } else { format!("{}; and {rest} more", shown.join("; ")) }
}
