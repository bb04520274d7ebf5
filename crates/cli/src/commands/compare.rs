//! `sensitome compare`

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use sensitome_compare::{Experiment, Plan, Report, RunOptions, merge};
use sensitome_core_models::parse_device;
use serde_json::json;

use crate::output::{Output, Result, fail};

/// Compare strategies on many tasks and seeds, as an experiment's file says
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The experiment (docs/compare.md; ready-made ones are in experiments/)
    #[arg(value_name = "EXPERIMENT.toml")]
    experiment: PathBuf,
    /// Folder for all results; the same command goes on from what is there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Folder of the data, instead of the one that the experiment names
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// So many seeds from 0, instead of those of the experiment
    #[arg(long)]
    seeds: Option<u64>,
    /// Fits at once, instead of what the experiment says
    #[arg(long)]
    threads: Option<usize>,
    /// Where to compute, instead of where the experiment says: flex, ndarray, cuda or wgpu
    #[arg(long)]
    device: Option<String>,
    /// Make only part I of N (from 0) of the fits, for several machines
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Take over the fits of another folder first; repeat for several
    #[arg(long = "merge", value_name = "FOLDER")]
    merge: Vec<PathBuf>,
    /// Make the fits of this method anew, after a change of its code; repeat for several
    #[arg(long, value_name = "METHOD")]
    redo: Vec<String>,
    /// Only say what there is to do
    #[arg(long)]
    dry_run: bool,
}

fn shard(s: &str) -> std::result::Result<(usize, usize), String> {
    let parts = s.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parts.filter(|(i, n)| i < n).ok_or_else(|| "write I/N with I from 0 to N-1, such as 0/4".to_owned())
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let mut experiment = Experiment::read(&args.experiment, args.data.as_deref())?;
    if let Some(n) = args.seeds {
        if n == 0 {
            return fail("--seeds 0: there is nothing to do; use 1 or more");
        }
        experiment.seeds = (0..n).collect();
    }
    if let Some(threads) = args.threads {
        experiment.resources.threads = threads;
    }
    if let Some(device) = &args.device {
        parse_device(device)?;
        experiment.device.clone_from(device);
    }
    let plan = Plan::new(experiment)?;
    if args.dry_run {
        let (there, missing) = plan.progress(&args.out)?;
        out.result(&json!({"there": there, "missing": missing}), || {
            format!("{there} fits are there, {missing} are missing")
        });
        return Ok(());
    }
    std::fs::create_dir_all(&args.out).map_err(|e| sensitome_data::DataError::io(&args.out, "make", e))?;
    if !args.merge.is_empty() {
        let new = merge(&args.out, &args.merge)?;
        out.note(&format!("{new} fits taken over"));
    }
    for method in &args.redo {
        let gone = plan.forget(&args.out, method)?;
        out.note(&format!("{gone} fits of {method} will be made anew"));
    }
    let audits = plan.audit(&args.out)?;
    for a in audits.iter().filter(|a| a.leaks()) {
        out.note(&format!("LEAK in {}: see audit.json and results.md", a.task));
    }
    let stop = AtomicBool::new(false);
    let watch = |p: &sensitome_compare::Progress| {
        let end =
            p.failed.as_ref().map_or_else(|| format!("{:.1} s", p.seconds), |why| format!("failed: {why}"));
        out.note(&format!("{}/{} {}, {}, seed {}: {end}", p.done, p.total, p.task, p.method, p.seed));
    };
    let done = plan.run(&args.out, &RunOptions { shard: args.shard, watch: &watch, stop: &stop })?;
    out.note(&format!(
        "{} fits made, {} were there, {} left to other shards",
        done.made, done.kept, done.left
    ));
    if done.left > 0 {
        out.result(&json!({"made": done.made, "kept": done.kept, "left": done.left}), || {
            "this shard is done; put all together with --merge".to_owned()
        });
        return Ok(());
    }
    let comparison = plan.collect(&args.out, audits)?;
    let report = Report::new(&comparison)?;
    let files = report.write(&args.out)?;
    plan.write_seconds(&args.out, &args.out.join("costs.csv"))?;
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    let leaks = comparison.audits.iter().filter(|a| a.leaks()).count();
    out.result(&json!({"made": done.made, "kept": done.kept, "leaks": leaks, "files": names}), || {
        format!("{}\n\nwritten: {}", report.summary(), names.join(", "))
    });
    Ok(())
}
