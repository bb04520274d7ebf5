//! The leak audit of every task of an experiment, and the control with permuted labels.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sensitome_data::{DataError, PrepareOptions, hex, write};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::audit::{AuditInput, Finding, Verdict, audit, label_permutation};
use crate::evaluate::measure;
use crate::experiment::OnLeak;
use crate::plan::Plan;
use crate::store::Store;
use crate::task::{LoadedTask, determinants};
use crate::{CompareError, Result};

/// Changes when the audit comes to find something else.
const FORMAT: u32 = 1;

/// What the audit found on a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskAudit {
    /// The task.
    pub task: String,
    /// One finding a check.
    pub findings: Vec<Finding>,
}

impl TaskAudit {
    /// Whether a check failed.
    pub fn leaks(&self) -> bool {
        self.findings.iter().any(|f| f.verdict == Verdict::Leak)
    }
}

impl Plan {
    /// Audits every task as every seed prepares it. Findings are kept in `folder`, by the hash of what they depend on; of the
    /// seeds of a task, those of the first one with a leak are given, or of the first.
    ///
    /// # Errors
    /// When a task cannot be loaded, or leaks and the experiment does not allow it.
    pub fn audit(&self, folder: &Path) -> Result<Vec<TaskAudit>> {
        let kept = folder.join("audit");
        std::fs::create_dir_all(&kept).map_err(|e| DataError::io(&kept, "make", e))?;
        let e = &self.experiment;
        let mut audits = Vec::new();
        for (index, spec) in e.tasks.iter().enumerate() {
            let task = determinants(&spec.fields, &self.files, true)?;
            let mut cache = Mutex::new(BTreeMap::new());
            let mut first: Option<TaskAudit> = None;
            for &seed in &e.seeds {
                let audit = TaskAudit {
                    task: spec.name.clone(),
                    findings: self.kept_audit(&kept, index, &task, seed, &cache)?,
                };
                if first.as_ref().is_none_or(|f| audit.leaks() && !f.leaks()) {
                    first = Some(audit);
                }
                if spec.fields.simulate.is_some() {
                    cache = Mutex::default(); // a data set of its own for every seed
                }
            }
            audits.extend(first);
        }
        self.judged(&audits)?;
        Ok(audits)
    }

    /// The findings of one seed, from the folder or anew.
    fn kept_audit(
        &self,
        kept: &Path,
        index: usize,
        task: &Value,
        seed: u64,
        cache: &Mutex<BTreeMap<(usize, u64), Arc<LoadedTask>>>,
    ) -> Result<Vec<Finding>> {
        let shots = self.methods().iter().flat_map(|m| &m.shots).max().copied().unwrap_or(0);
        let key = json!({
            "format": FORMAT, "version": env!("CARGO_PKG_VERSION"), "task": task, "seed": seed, "shots": shots,
            "pool": self.experiment.pool, "lines": self.experiment.tasks[index].fields.line_column,
        });
        let path = kept.join(format!("{}.json", &hex(&Sha256::digest(key.to_string().as_bytes()))[..32]));
        if let Some(known) = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(known);
        }
        let found = self.audit_task(index, seed, shots, cache)?;
        write::atomic(&path, |out| {
            serde_json::to_writer_pretty(out, &found).map_err(|e| DataError::io(&path, "write", e.into()))
        })?;
        Ok(found)
    }

    /// An error where there is a leak that the experiment does not allow.
    fn judged(&self, audits: &[TaskAudit]) -> Result<()> {
        let leaks: Vec<String> = audits.iter().flat_map(describe_leaks).collect();
        if !leaks.is_empty() && self.experiment.audit.on_leak == OnLeak::Refuse {
            return Err(CompareError::Leak(leaks.join("\n")));
        }
        Ok(())
    }

    fn audit_task(
        &self,
        index: usize,
        seed: u64,
        shots: usize,
        cache: &Mutex<BTreeMap<(usize, u64), Arc<LoadedTask>>>,
    ) -> Result<Vec<Finding>> {
        let loaded = self.loaded(index, seed, cache)?;
        let cells = loaded.cells(seed, self.experiment.pool)?;
        let mut task = loaded.prepare(&cells, seed, None, None)?;
        if shots > 0 {
            task = loaded.with_shots(&task, &cells, shots)?;
        }
        let shown: Vec<usize> = cells.pool.iter().take(2 * shots).map(|(row, _)| *row).collect();
        // Rows are those of the cells' file; with other test cells the two do not meet.
        let (apart, none) = (loaded.test.is_some(), Vec::new());
        audit(&AuditInput {
            task: &task,
            sources: &loaded.sources,
            // The whole file: evaluated rows count in it, also where only a part is adapted to.
            target: &loaded.target,
            options: &PrepareOptions { seed, ..loaded.options.clone() },
            target_lines: &loaded.lines,
            evaluated: if apart { &none } else { &cells.evaluated },
            few_shot: &shown,
            source_group_column: loaded.options.source_groups.as_deref(),
        })
    }

    /// Adds the control with permuted labels to the findings: fits whose source labels say nothing must be at chance.
    pub(crate) fn audit_permutations(&self, folder: &Path, audits: &mut [TaskAudit]) -> Result<()> {
        let store = Store::open(folder)?;
        let jobs = self.jobs()?;
        for (index, audit) in audits.iter_mut().enumerate() {
            let cache = Mutex::new(BTreeMap::new());
            let mut found: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for job in jobs.iter().filter(|j| j.task == index && j.permutation.is_some()) {
                let loaded = self.loaded(index, job.seed, &cache)?;
                let cells = loaded.cells(job.seed, self.experiment.pool)?;
                if let Some(Ok(fitted)) = store.load(&job.hash) {
                    let measured = measure(loaded.evaluated_on().1, &cells.evaluated, fitted);
                    let auroc = measured.metrics.get("auroc").and_then(|m| m.as_ref().ok()).copied();
                    found.entry(job.method).or_default().extend(auroc);
                }
            }
            let tests = found.iter().map(|(m, aurocs)| label_permutation(&self.methods()[*m].label, aurocs));
            audit.findings.extend(tests);
        }
        self.judged(audits)
    }
}

fn describe_leaks(audit: &TaskAudit) -> Vec<String> {
    let leaks = audit.findings.iter().filter(|f| f.verdict == Verdict::Leak);
    leaks.map(|f| format!("{}: {}: {}", audit.task, f.check.name(), f.detail)).collect()
}
