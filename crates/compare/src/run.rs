//! Runs what is missing of a plan, within a budget of threads and memory. A result depends on its job alone, so that neither
//! the number of threads nor an interruption changes a byte.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use sensitome_core_models::parse_device;
use sensitome_data::Scaling;

use crate::fit::Context;
use crate::plan::{Job, Plan};
use crate::store::{Outcome, Store};
use crate::task::LoadedTask;
use crate::{CompareError, Result};

/// How to run.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// Part `i` of `n` of the grid, for several machines; the parts are put together by [`merge`].
    pub shard: Option<(usize, usize)>,
    /// Called after every finished fit.
    pub watch: &'a (dyn Fn(&Progress) + Sync),
    /// Set it to end after the fits that are running.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for RunOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions").field("shard", &self.shard).finish_non_exhaustive()
    }
}

/// One more fit is finished.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Finished so far in this run.
    pub done: usize,
    /// To do in this run.
    pub total: usize,
    /// The task.
    pub task: String,
    /// The method.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// Wall time of the fit.
    pub seconds: f64,
    /// Why it failed, where it did.
    pub failed: Option<String>,
}

/// How much there was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Fits made now.
    pub made: usize,
    /// Fits that were there.
    pub kept: usize,
    /// Fits that other shards have to make.
    pub left: usize,
}

/// Puts the finished cells of other folders into one; says how many were new.
///
/// # Errors
/// When a folder holds no comparison or cannot be read.
pub fn merge(folder: &Path, others: &[impl AsRef<Path>]) -> Result<usize> {
    let store = Store::open(folder)?;
    let mut new = 0;
    for other in others {
        new += store.merge(other.as_ref())?;
    }
    Ok(new)
}

/// Jobs of one task, seed and preparation, which share what is prepared; made when the first of them begins.
struct Group {
    context: OnceLock<std::result::Result<Context, String>>,
}

struct Queued {
    job: Job,
    group: Arc<Group>,
}

/// Task, seed, permutation and scaling.
type GroupKey = (usize, u64, Option<u64>, String);

impl Plan {
    /// Fits everything that `folder` lacks.
    ///
    /// # Errors
    /// When a task cannot be loaded, a result cannot be written, a fit panicked, or `stop` was set. What is finished stays.
    pub fn run(&self, folder: &Path, options: &RunOptions<'_>) -> Result<Done> {
        let store = Store::open(folder)?;
        let jobs = self.jobs()?;
        let mine = |hash: &str| options.shard.is_none_or(|(i, n)| shard_of(hash, n) == i);
        let (mut queue, mut seen) = (Vec::new(), HashSet::new());
        let mut groups: BTreeMap<GroupKey, Arc<Group>> = BTreeMap::new();
        let (mut kept, mut left) = (0, 0);
        for job in jobs {
            if store.load(&job.hash).is_some() {
                kept += 1;
            } else if !mine(&job.hash) {
                left += 1;
            } else if seen.insert(job.hash.clone()) {
                let key = (
                    job.task,
                    job.seed,
                    job.permutation,
                    format!("{:?}", self.methods()[job.method].scaling),
                );
                let group = groups.entry(key).or_insert_with(|| Arc::new(Group { context: OnceLock::new() }));
                queue.push(Queued { job, group: Arc::clone(group) });
            }
        }
        drop(groups);
        let total = queue.len();
        // The jobs of a group one after another, so that few groups are in memory at once.
        queue.sort_by_key(|q| (q.job.permutation.is_some(), q.job.seed, q.job.task, q.job.permutation));
        let runner = Runner {
            plan: self,
            store: &store,
            options,
            total,
            queue: Mutex::new(VecDeque::from(queue)),
            loaded: Mutex::new(BTreeMap::new()),
            memory: (Mutex::new((0.0, 0)), Condvar::new()),
            done: AtomicUsize::new(0),
            error: Mutex::new(None),
        };
        let machine = std::thread::available_parallelism().map_or(1, |n| n.get());
        let at_once = match self.experiment.resources.threads {
            0 => machine,
            n => n,
        }
        .min(total);
        // A pool for each: with a shared one, fits stand still while their products wait for it.
        let pool = |k: usize| {
            let threads = machine / at_once + usize::from(k < machine % at_once);
            rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build()
        };
        std::thread::scope(|scope| {
            for k in 0..at_once {
                let (pool, runner) = (&pool, &runner);
                scope.spawn(move || match pool(k) {
                    Ok(pool) => pool.install(|| runner.work()),
                    Err(_) => runner.work(), // slower, and the same to the byte
                });
            }
        });
        if let Some(error) = runner.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let made = runner.done.load(Ordering::SeqCst);
        if made < total {
            return Err(CompareError::Interrupted);
        }
        Ok(Done { made, kept, left })
    }
}

/// Which of `n` shards makes a cell: by its hash, so that it stays there whatever else the experiment holds.
pub(crate) fn shard_of(hash: &str, n: usize) -> usize {
    let number = u64::from_str_radix(hash.get(..12).unwrap_or(hash), 16).unwrap_or(0);
    (number % n.max(1) as u64) as usize
}

struct Runner<'a> {
    plan: &'a Plan,
    store: &'a Store,
    options: &'a RunOptions<'a>,
    total: usize,
    queue: Mutex<VecDeque<Queued>>,
    /// Loaded tasks by task and, where the data depend on it, seed.
    loaded: Mutex<BTreeMap<(usize, u64), Arc<LoadedTask>>>,
    /// Bytes and fits that are running.
    memory: (Mutex<(f64, usize)>, Condvar),
    done: AtomicUsize,
    error: Mutex<Option<CompareError>>,
}

impl Runner<'_> {
    fn work(&self) {
        loop {
            if self.options.stop.load(Ordering::SeqCst) || lock(&self.error).is_some() {
                return;
            }
            let Some(next) = lock(&self.queue).pop_front() else { return };
            if let Err(e) = self.one(&next) {
                lock(&self.error).get_or_insert(e);
            }
        }
    }

    fn one(&self, next: &Queued) -> Result<()> {
        let job = &next.job;
        let method = &self.plan.methods()[job.method];
        let start = Instant::now();
        let context = next.group.context.get_or_init(|| self.context(job).map_err(|e| e.to_string()));
        let context = context.as_ref().map_err(|problem| {
            let what = format!("task {}, seed {}", self.plan.experiment.tasks[job.task].name, job.seed);
            CompareError::invalid(what, problem.clone(), "mend the task")
        })?;
        let bytes = context.bytes();
        self.reserve(bytes);
        let result = catch_unwind(AssertUnwindSafe(|| context.run(job, method.draws > 1)));
        self.release(bytes);
        let seconds = start.elapsed().as_secs_f64();
        let outcome: Outcome = result.map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            let what = format!("{} on {}", method.label, self.plan.experiment.tasks[job.task].name);
            CompareError::invalid(what, format!("panicked: {text}"), "this is a defect; please report it")
        })?;
        self.store.save(&job.hash, &job.key, &outcome, seconds)?;
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        (self.options.watch)(&Progress {
            done,
            total: self.total,
            task: self.plan.experiment.tasks[job.task].name.clone(),
            method: method.label.clone(),
            seed: job.seed,
            seconds,
            failed: outcome.err(),
        });
        Ok(())
    }

    fn context(&self, job: &Job) -> Result<Context> {
        let e = &self.plan.experiment;
        let loaded = self.plan.loaded(job.task, job.seed, &self.loaded)?;
        let scaling: Option<Scaling> = self.plan.methods()[job.method].scaling;
        let pool = e.pool;
        Context::new(loaded, job.seed, pool, scaling, job.permutation, parse_device(&e.device)?)
    }

    /// Waits until the fit's memory is free; one fit may always run.
    fn reserve(&self, bytes: f64) {
        let budget = self.plan.experiment.resources.memory_gb * 1e9;
        let mut used = lock(&self.memory.0);
        while used.1 > 0 && used.0 + bytes > budget {
            used = self.memory.1.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used = (used.0 + bytes, used.1 + 1);
    }

    fn release(&self, bytes: f64) {
        let mut used = lock(&self.memory.0);
        *used = (used.0 - bytes, used.1 - 1);
        self.memory.1.notify_all();
    }
}

impl Plan {
    /// A task from the cache, or loaded.
    pub(crate) fn loaded(
        &self,
        task: usize,
        seed: u64,
        cache: &Mutex<BTreeMap<(usize, u64), Arc<LoadedTask>>>,
    ) -> Result<Arc<LoadedTask>> {
        let spec = &self.experiment.tasks[task];
        // Files are the same for every seed.
        let seed = if spec.fields.simulate.is_some() { seed } else { 0 };
        if let Some(found) = lock(cache).get(&(task, seed)) {
            return Ok(Arc::clone(found));
        }
        let loaded = Arc::new(LoadedTask::load(spec, &self.files, seed)?);
        Ok(Arc::clone(lock(cache).entry((task, seed)).or_insert(loaded)))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
