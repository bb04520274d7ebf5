//! `sensitome train`

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sensitome_adapt::{Checkpointing, FitOptions, Search, Settings, find, random_search};
use sensitome_core_models::{ResponseModel, parse_device};
use sensitome_data::detect::Scale;
use sensitome_data::labels::LabelRule;
use sensitome_data::read::{self, LabelTable, Measure};
use sensitome_data::{PrepareOptions, ResponseTable, Scaling, SourceInput, TargetInput, prepare};
use sensitome_eval::selection::SelectionScore;
use serde_json::json;

use crate::inputs::{GeneArgs, ReadArgs, names, scale};
use crate::output::{Output, Result, fail};

/// Train a model from bulk lines, their response and unlabelled cells
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Bulk expression (text, .h5ad, 10x); repeat for several sources
    #[arg(long, required = true, value_name = "EXPR")]
    source: Vec<PathBuf>,
    /// Drug response, long format: expression_id or cell_line, drug, dataset, auc, ln_ic50
    #[arg(long, value_name = "TABLE")]
    response: PathBuf,
    /// The drug
    #[arg(long)]
    drug: String,
    /// Which screen, where the table holds several (GDSC1, GDSC2)
    #[arg(long)]
    dataset: Option<String>,
    /// Which measure of response [auc, ln_ic50]
    #[arg(long, default_value = "auc", value_parser = measure)]
    measure: Measure,
    /// From response to labels: waterfall, mean, zscore, extreme:0.3, or table:FILE
    #[arg(long, default_value = "waterfall")]
    labels: String,
    /// Bulk samples to leave out: names separated by commas, a file, or FILE:COLUMN
    #[arg(long)]
    exclude: Option<String>,
    /// Single cells (text, .h5ad, 10x .h5, MTX); their labels are never read
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Table of a few labelled cells (name, 0 or 1) that the strategy may use
    #[arg(long, value_name = "TABLE")]
    few_shot: Option<PathBuf>,
    /// Gene sets (GMT) for strategies whose embedding speaks in pathways
    #[arg(long, value_name = "GMT")]
    gene_sets: Option<PathBuf>,
    /// Annotation column of the cells that holds clusters
    #[arg(long)]
    cluster_column: Option<String>,
    #[command(flatten)]
    genes: GeneArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// The method (see `sensitome strategies`)
    #[arg(long)]
    strategy: String,
    /// A setting of the method, name=value; repeat for several
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Try so many settings by random search, the first of which are the defaults; those of --set stay
    #[arg(long, default_value_t = 1, value_name = "DRAWS")]
    search: usize,
    /// What the search chooses by; no rule sees a label of a cell [source_validation, entropy, info_max,
    /// soft_neighbourhood_density, deep_embedded_validation, batch_nuclear_norm, ridge_agreement]
    #[arg(long, default_value = "source_validation", value_name = "RULE")]
    select: String,
    /// How genes are put on one scale [zscore, zscore_joint, minmax, none]
    #[arg(long, default_value = "zscore", value_parser = scaling)]
    scaling: Scaling,
    /// The bulk's scale, where it cannot be detected [counts, log-normalised, z-scored, min-max]
    #[arg(long, value_parser = scale)]
    source_scale: Option<Scale>,
    /// The cells' scale, where it cannot be detected
    #[arg(long, value_parser = scale)]
    cells_scale: Option<Scale>,
    /// Keep only this many highly variable genes
    #[arg(long)]
    hvg: Option<usize>,
    /// Genes must be seen in more than this share of the cells (counts)
    #[arg(long, default_value_t = PrepareOptions::default().min_cell_share)]
    min_cell_share: f64,
    /// Cells with fewer detected genes are not trained on (counts)
    #[arg(long, default_value_t = 0)]
    min_genes: usize,
    /// Cells with a greater share of mitochondrial counts are not trained on
    #[arg(long, default_value_t = 1.0)]
    max_mito_share: f64,
    /// Least share of the smaller gene list that must be shared
    #[arg(long, default_value_t = PrepareOptions::default().min_overlap)]
    min_overlap: f64,
    /// Share of the labelled bulk samples held out for selection
    #[arg(long, default_value_t = PrepareOptions::default().validation)]
    validation: f64,
    /// Annotation of the bulk samples (.h5ad) that names their patient or line: no group is split between training and
    /// validation
    #[arg(long, value_name = "COLUMN")]
    source_groups: Option<String>,
    /// Seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to compute: flex, ndarray, cuda or wgpu (cuda:1 is the second card)
    #[arg(long, default_value = "flex")]
    device: String,
    /// File for unfinished work; the same command goes on from it [default: OUT.checkpoint]
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Seconds between two checkpoints; 0 saves after every epoch
    #[arg(long, default_value_t = 20.0)]
    checkpoint_every: f64,
    /// The model file to write
    #[arg(long, value_name = "MODEL")]
    out: PathBuf,
}

fn measure(s: &str) -> std::result::Result<Measure, String> {
    match s {
        "auc" => Ok(Measure::Auc),
        "ln_ic50" => Ok(Measure::LnIc50),
        _ => Err("use auc or ln_ic50".into()),
    }
}

fn scaling(s: &str) -> std::result::Result<Scaling, String> {
    s.parse().map_err(|e: sensitome_data::DataError| e.to_string())
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    // Everything that can be wrong without reading a big file is checked first.
    let device = parse_device(&args.device)?;
    let entry = find(&args.strategy)?;
    let settings = args.settings.iter().try_fold(Settings::new(), |s, pair| s.set_pair(pair))?;
    let method = entry.build(&settings)?;
    let rule = rule(&args.select)?;
    writable(&args.out)?;
    if !args.checkpoint_every.is_finite() || args.checkpoint_every < 0.0 {
        return fail(format!(
            "--checkpoint-every {}: not a number of seconds; use 0 or more",
            args.checkpoint_every
        ));
    }
    let (label_rule, given) = match args.labels.strip_prefix("table:") {
        Some(file) => (LabelRule::default(), Some(given_labels(Path::new(file), &args.drug)?)),
        None => (args.labels.parse::<LabelRule>()?, None),
    };
    let options = PrepareOptions {
        label_rule,
        scaling: args.scaling,
        source_scale: args.source_scale,
        target_scale: args.cells_scale,
        min_cell_share: args.min_cell_share,
        min_genes: args.min_genes,
        max_mito_share: args.max_mito_share,
        hvg: args.hvg,
        min_overlap: args.min_overlap,
        exclude: args.exclude.as_deref().map(names).transpose()?.unwrap_or_default(),
        validation: args.validation,
        source_groups: args.source_groups.clone(),
        seed: args.seed,
        ..PrepareOptions::default()
    };
    let responses = read::response(args.response.as_path())?;
    let selected = responses.selection(&args.drug, args.dataset.as_deref(), args.measure)?;
    out.note(&format!(
        "{}: {} lines for {} in {}",
        args.response.display(),
        selected.values.len(),
        selected.drug,
        selected.dataset
    ));
    // The whole screen: what strategies that use all drugs learn from.
    let screen = responses.matrix(Some(selected.dataset.as_str()).filter(|d| !d.is_empty()), args.measure)?;
    let screen = (screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values });
    let mut sources = Vec::new();
    for path in &args.source {
        let matrix = args.read.read_bulk(path, out)?;
        let (expression, _) = args.genes.symbols(&path.display().to_string(), &matrix, out)?;
        sources.push(SourceInput {
            name: path.file_name().map_or_else(|| "source".into(), |n| n.to_string_lossy().into_owned()),
            expression,
            response: selected.values.clone(),
            labels: given.clone(),
            table: Some(screen.clone()),
        });
    }
    let matrix = args.read.read(&args.cells, out)?;
    let (expression, renamed) = args.genes.symbols(&args.cells.display().to_string(), &matrix, out)?;
    let few_shot = match &args.few_shot {
        None => Vec::new(),
        Some(path) => {
            let mut few: Vec<(String, u8)> = LabelTable::new(path).read()?.into_iter().collect();
            few.sort();
            few
        }
    };
    let cluster_column = args.cluster_column.clone();
    let gene_sets = args.gene_sets.as_deref().map(read::gmt).transpose()?;
    let target = TargetInput { expression, renamed, cluster_column, few_shot, gene_sets };
    let task = prepare(sources, target, &options)?;
    task.notes.iter().for_each(|n| out.note(n));

    // In the pool of threads: a product shared out there wakes one thread less than one handed in from outside.
    let mut model = rayon::scope(|_| -> Result<ResponseModel> {
        if args.search > 1 {
            let search = Search { draws: args.search, fixed: settings, rule, seed: args.seed, device };
            let (model, _) = random_search(entry, &task, &search, |k, draw| match &draw.score {
                Ok(score) => out.note(&format!("draw {}: {} {score:.4}", k + 1, rule.name())),
                Err(reason) => out.note(&format!("draw {}: {reason}", k + 1)),
            })?;
            return Ok(model);
        }
        let mut checkpoint = args.out.clone().into_os_string();
        checkpoint.push(".checkpoint");
        let mut fit = FitOptions::new(args.seed, device);
        fit.checkpoint = Some(Checkpointing {
            path: args.checkpoint.clone().unwrap_or_else(|| checkpoint.into()),
            every: Duration::from_secs_f64(args.checkpoint_every.min(1e9)),
        });
        fit.observer = out.progress();
        Ok(method.fit(&task, &mut fit)?)
    })?;
    model.card_mut().drug = Some(args.drug.clone());
    model.save(&args.out)?;
    let card = model.card();
    out.result(
        &json!({
            "model": args.out.display().to_string(), "strategy": card.strategy, "drug": card.drug,
            "genes": model.genes().len(), "source_rows": card.source_rows, "cells": card.target_cells,
            "metrics": card.metrics, "notes": card.notes,
        }),
        || {
            let metrics: Vec<String> = card.metrics.iter().map(|(k, v)| format!("{k} {v:.3}")).collect();
            format!(
                "{}: {} for {}, {} genes, {} + {} bulk samples, {} cells; {}",
                args.out.display(),
                card.strategy,
                args.drug,
                model.genes().len(),
                card.source_rows.0,
                card.source_rows.1,
                card.target_cells,
                metrics.join(", ")
            )
        },
    );
    Ok(())
}

/// A rule that chooses without labels of cells.
fn rule(name: &str) -> Result<SelectionScore> {
    match SelectionScore::from_name(name).filter(|r| !r.is_oracle()) {
        Some(rule) => Ok(rule),
        None => {
            let label_free = SelectionScore::ALL.into_iter().filter(|r| !r.is_oracle());
            let names: Vec<&str> = label_free.map(SelectionScore::name).collect();
            fail(format!("--select {name}: is no label-free rule; use one of {}", names.join(", ")))
        }
    }
}

/// Whether the folder of a file to be written is there, before hours of work go into it.
pub(crate) fn writable(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return fail(format!("{}: is a folder; name a file", path.display()));
    }
    if !folder.is_dir() {
        return fail(format!("{}: its folder does not exist; make it first", path.display()));
    }
    Ok(())
}

/// Labels from a table: one column for the drug among many, or simply two columns.
fn given_labels(path: &Path, drug: &str) -> Result<HashMap<String, u8>> {
    let wide = read::binary_labels(path)?;
    Ok(wide.labels(drug)?.into_iter().collect())
}
