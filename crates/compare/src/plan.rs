//! The grid of an experiment: one job for each task, method, seed, number of labelled cells and draw, named by the hash of
//! everything that determines its result.

use std::collections::BTreeSet;
use std::path::Path;

use sensitome_data::hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::experiment::Experiment;
use crate::files::Files;
use crate::method::{Method, Ready};
use crate::store::Store;
use crate::task::determinants;
use crate::{CompareError, Result};

/// Changes when the same determinants come to give another result.
const FORMAT: u32 = 1;

/// An experiment with its methods, ready to run.
#[derive(Debug)]
pub struct Plan {
    /// What was asked for.
    pub experiment: Experiment,
    methods: Vec<Method>,
    pub(crate) files: Files,
}

/// One cell of the grid.
pub(crate) struct Job {
    pub(crate) task: usize,
    pub(crate) method: usize,
    pub(crate) seed: u64,
    pub(crate) shots: usize,
    pub(crate) draw: usize,
    /// Number of the permutation of the source's labels, for the audit.
    pub(crate) permutation: Option<u64>,
    pub(crate) ready: Ready,
    /// Everything that determines the result.
    pub(crate) key: Value,
    /// Its hash, which names the file.
    pub(crate) hash: String,
}

impl Plan {
    /// Of an experiment and the registry's methods.
    ///
    /// # Errors
    /// When a method cannot be built.
    pub fn new(experiment: Experiment) -> Result<Self> {
        let methods = experiment.methods.iter().map(Method::registered).collect::<Result<_>>()?;
        Ok(Self { files: Files::new(&experiment.data), experiment, methods })
    }

    /// With one more method, which need not be in the registry.
    ///
    /// # Errors
    /// When its label is taken, it has no number of shots, or one larger than the pool.
    pub fn with_method(mut self, method: Method) -> Result<Self> {
        let what = format!("method {}", method.label);
        if self.methods.iter().any(|m| m.label == method.label) {
            return Err(CompareError::invalid(
                what,
                "there is another one of this name",
                "choose another label",
            ));
        }
        let most = method.shots.iter().max().copied();
        if most.is_none_or(|n| n > self.experiment.pool) {
            let pool = self.experiment.pool;
            let problem = format!("shots {:?} with a pool of {pool} labelled cells a class", method.shots);
            return Err(CompareError::invalid(what, problem, "set `pool` in the experiment"));
        }
        self.methods.push(method);
        Ok(self)
    }

    /// The methods, controls first.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// How many fits `folder` holds of this experiment, and how many are missing.
    ///
    /// # Errors
    /// When the files of a task cannot be read.
    pub fn progress(&self, folder: &Path) -> Result<(usize, usize)> {
        let hashes: BTreeSet<String> = self.jobs()?.into_iter().map(|j| j.hash).collect();
        let there = |hash: &&String| folder.join("cells").join(format!("{hash}.json")).is_file();
        let n = hashes.iter().filter(there).count();
        Ok((n, hashes.len() - n))
    }

    /// Deletes what `folder` holds of a method, so that it is made anew: a fit is known by its settings and the version of the
    /// library, not by the code of the method. Says how many fits are gone.
    ///
    /// # Errors
    /// When there is no such method, or a file cannot be deleted.
    pub fn forget(&self, folder: &Path, label: &str) -> Result<usize> {
        let Some(method) = self.methods.iter().position(|m| m.label == label) else {
            let known: Vec<&str> = self.methods.iter().map(|m| m.label.as_str()).collect();
            let hint = format!("use one of {}", known.join(", "));
            return Err(CompareError::invalid(format!("method {label}"), "there is none of this name", hint));
        };
        let store = Store::open(folder)?;
        let mut gone = 0;
        for job in self.jobs()?.iter().filter(|j| j.method == method) {
            gone += usize::from(store.remove(&job.hash)?);
        }
        Ok(gone)
    }

    /// All jobs, seed by seed so that a run cut short leaves whole tables, then those of the audit.
    pub(crate) fn jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let e = &self.experiment;
        let mut task_keys = Vec::new();
        for task in &e.tasks {
            // Without labelled cells and folds, no hidden label takes part in a fit.
            let design = task.fields.folds.is_some() || task.fields.subsample.is_some();
            let keys = [false, true].map(|labels| determinants(&task.fields, &self.files, labels || design));
            let [without, with] = keys;
            task_keys.push([without?, with?]);
        }
        for &seed in &e.seeds {
            let ready = self.methods.iter().map(|m| m.ready(seed)).collect::<Result<Vec<_>>>()?;
            for (task, keys) in task_keys.iter().enumerate() {
                for (method, m) in self.methods.iter().enumerate() {
                    for &shots in &m.shots {
                        for (draw, ready) in ready[method].iter().enumerate() {
                            let key = &keys[usize::from(shots > 0)];
                            jobs.push(self.job(task, method, seed, shots, draw, None, ready.clone(), key));
                        }
                    }
                }
            }
        }
        let audited = |m: &Method| m.is_own() || e.audit.methods.contains(&m.label);
        for (method, m) in self.methods.iter().enumerate().filter(|(_, m)| audited(m)) {
            let shots = m.shots.iter().min().copied().unwrap_or(0);
            // The first seed of all, whichever seeds are asked for.
            let Some(ready) = m.ready(0)?.into_iter().next() else { continue };
            for (task, keys) in task_keys.iter().enumerate() {
                for number in 0..e.audit.permutations as u64 {
                    let key = &keys[usize::from(shots > 0)];
                    jobs.push(self.job(task, method, 0, shots, 0, Some(number), ready.clone(), key));
                }
            }
        }
        Ok(jobs)
    }

    #[allow(clippy::too_many_arguments)] // the coordinates of a cell of the grid
    fn job(
        &self,
        task: usize,
        method: usize,
        seed: u64,
        shots: usize,
        draw: usize,
        permutation: Option<u64>,
        ready: Ready,
        task_key: &Value,
    ) -> Job {
        let m = &self.methods[method];
        let mut key = json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "task": task_key,
            "strategy": m.strategy,
            "settings": ready.1,
            "scaling": m.scaling,
            "device": self.experiment.device,
            "seed": seed,
            "shots": shots,
        });
        if shots > 0 {
            key["pool"] = json!(self.experiment.pool);
        }
        if m.draws > 1 {
            key["selection_scores"] = json!(true);
        }
        if let Some(number) = permutation {
            key["permutation"] = json!(number);
        }
        let hash = hex(&Sha256::digest(key.to_string().as_bytes()));
        Job { task, method, seed, shots, draw, permutation, ready, key, hash: hash[..32].to_owned() }
    }
}
