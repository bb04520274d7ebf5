//! From finished cells of the grid to measured runs: here the evaluator opens the labels.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use sensitome_data::write;

use crate::evaluate::measure;
use crate::plan::{Job, Plan};
use crate::store::Store;
use crate::{CompareError, Comparison, MethodSummary, Result, Role, Run, TaskAudit, TaskSummary};

impl Plan {
    /// Measures everything that `folder` holds of this experiment. `audits` is what [`audit`](Self::audit) found; the control
    /// with permuted labels is added to it.
    ///
    /// # Errors
    /// When fits are missing, the tasks' files cannot be read, or a method leaks and the experiment does not allow it.
    pub fn collect(&self, folder: &Path, mut audits: Vec<TaskAudit>) -> Result<Comparison> {
        let store = Store::open(folder)?;
        let jobs = self.jobs()?;
        let jobs: Vec<&Job> = jobs.iter().filter(|j| j.permutation.is_none()).collect();
        let missing = jobs.iter().filter(|j| !store.has(&j.hash)).count();
        if missing > 0 {
            return Err(CompareError::invalid(
                folder.display().to_string(),
                format!("{missing} of {} fits are missing", jobs.len()),
                "run the comparison to its end, or merge the shards first",
            ));
        }
        let mut runs = Vec::with_capacity(jobs.len());
        let mut tasks = Vec::new();
        for (index, spec) in self.experiment.tasks.iter().enumerate() {
            let cache = Mutex::new(BTreeMap::new());
            let first = self.experiment.seeds.first().copied().unwrap_or(0);
            let loaded = self.loaded(index, first, &cache)?;
            let (_, hidden) = loaded.evaluated_on();
            let (labelled, sensitive) = hidden.counts();
            let role = spec.fields.role.unwrap_or(Role::Task);
            tasks.push(TaskSummary {
                name: spec.name.clone(),
                role,
                cells: hidden.n_cells(),
                labelled,
                sensitive,
            });
            for &seed in &self.experiment.seeds {
                let loaded = self.loaded(index, seed, &cache)?;
                let cells = loaded.cells(seed, self.experiment.pool)?;
                for job in jobs.iter().filter(|j| j.task == index && j.seed == seed) {
                    let stored = store.load(&job.hash).ok_or_else(|| {
                        CompareError::invalid(
                            format!("{}, cell {}", folder.display(), job.hash),
                            "is damaged",
                            "run the comparison again: it makes this fit anew",
                        )
                    })?;
                    let (_, hidden) = loaded.evaluated_on();
                    if stored.as_ref().is_ok_and(|f| f.scores.len() != hidden.n_cells()) {
                        return Err(CompareError::invalid(
                            format!("{}, cell {}", folder.display(), job.hash),
                            "is for another number of cells",
                            "delete it and run the comparison again",
                        ));
                    }
                    runs.push(Run {
                        task: spec.name.clone(),
                        method: self.methods()[job.method].label.clone(),
                        shots: job.shots,
                        seed,
                        draw: job.draw,
                        settings: job.ready.1.clone(),
                        outcome: stored.map(|fitted| {
                            let mut measured = measure(hidden, &cells.evaluated, fitted);
                            measured.metrics.retain(|name, _| self.experiment.metrics.contains(name));
                            if spec.fields.simulate.is_some() {
                                let before = seed as usize * hidden.n_cells();
                                measured.rows.iter_mut().for_each(|row| *row += before);
                            }
                            measured
                        }),
                    });
                }
            }
        }
        self.audit_permutations(folder, &mut audits)?;
        let order = |label: &str| self.methods().iter().position(|m| m.label == label);
        let place = |task: &str| self.experiment.tasks.iter().position(|t| t.name == task);
        runs.sort_by_key(|r| (place(&r.task), order(&r.method), r.shots, r.seed, r.draw));
        let methods = self.methods().iter().map(|m| MethodSummary {
            label: m.label.clone(),
            strategy: m.strategy.clone(),
            draws: m.draws,
        });
        Ok(Comparison {
            name: self.experiment.name.clone(),
            primary: self.experiment.primary.clone(),
            tasks,
            methods: methods.collect(),
            rules: self.experiment.rules.clone(),
            runs,
            audits,
        })
    }

    /// Writes the seconds of every finished fit, the one result that differs from run to run: task, method, shots, seed, draw,
    /// seconds.
    ///
    /// # Errors
    /// When the folder cannot be read or the file cannot be written.
    pub fn write_seconds(&self, folder: &Path, file: &Path) -> Result<()> {
        let store = Store::open(folder)?;
        let row = |j: &Job| {
            let (task, method) = (&self.experiment.tasks[j.task].name, &self.methods()[j.method].label);
            let numbers = [j.shots.to_string(), j.seed.to_string(), j.draw.to_string()];
            let [shots, seed, draw] = numbers;
            Some([task.clone(), method.clone(), shots, seed, draw, store.seconds(&j.hash)?.to_string()])
        };
        let header = ["task", "method", "shots", "seed", "draw", "seconds"].map(str::to_owned);
        let jobs = self.jobs()?;
        write::csv(file, header, jobs.iter().filter(|j| j.permutation.is_none()).filter_map(row))?;
        Ok(())
    }
}
