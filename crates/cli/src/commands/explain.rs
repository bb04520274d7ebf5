//! `sensitome explain`

use std::fs;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array2;
use sensitome_core_models::{PredictOptions, ResponseModel, parse_device};
use sensitome_data::{ExpressionMatrix, Missing, read};
use sensitome_interpret::{
    Attribution, Baseline, CriticalOptions, ExplainOptions, Explainer, Level, Method, RunOptions, Target,
    by_pathway, critical_genes, pathway_table, plots, write_pathways,
};
use serde_json::json;

use crate::inputs::{GeneArgs, ReadArgs};
use crate::output::{CliError, Output, Result, fail};

/// Tell which genes (and pathways) a model's predictions rest on
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A model file written by `sensitome train`
    #[arg(long)]
    model: PathBuf,
    /// Single cells (text, .h5ad, 10x .h5, MTX)
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Folder for tables (made if need be): genes.csv, critical_genes.csv, pathways.csv, ...
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// ig, shap, expected-gradients, shapley, saliency, gradient-x-input or smoothgrad
    #[arg(long, default_value = "ig")]
    method: String,
    /// What is explained: margin (log-odds), probability or logit of sensitive, or output; without, the
    /// log-odds, and the output of a regression
    #[arg(long, value_parser = target)]
    target: Option<Target>,
    /// Where integrated gradients start: zero, mean, background, or cell:NAME
    #[arg(long, default_value = "zero", value_parser = baseline)]
    baseline: Baseline,
    /// Cells that baseline and background are taken from, instead of the explained ones
    #[arg(long, value_name = "FILE")]
    background: Option<PathBuf>,
    /// Most cells drawn as a background
    #[arg(long, default_value_t = 100)]
    background_size: usize,
    /// Draws the background and whatever the method draws
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Explain the axes of the embedding instead of the genes
    #[arg(long)]
    bottleneck: bool,
    /// Also write every cell × gene: attributions.h5ad
    #[arg(long)]
    by_gene: bool,
    /// Gene sets (.gmt): adds pathways.csv, sums of the attributions over each set
    #[arg(long, value_name = "GMT")]
    by_pathway: Option<PathBuf>,
    /// Folder for plots (SVG)
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Genes or pathways a plot shows
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// Megabytes that the work may take besides model, cells and result
    #[arg(long, default_value_t = 1024)]
    max_mb: usize,
    /// Least share of the model's genes that the cells must have; the others are taken as average
    #[arg(long, default_value_t = 0.8)]
    min_overlap: f64,
    #[command(flatten)]
    genes: GeneArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Where to predict; attributions are computed on the CPU
    #[arg(long, default_value = "flex")]
    device: String,
}

fn target(s: &str) -> std::result::Result<Target, String> {
    match s {
        "margin" => Ok(Target::Margin),
        "probability" => Ok(Target::Probability(1)),
        "logit" => Ok(Target::Logit(1)),
        "output" => Ok(Target::Output(0)),
        _ => Err("use margin, probability, logit or output".into()),
    }
}

fn baseline(s: &str) -> std::result::Result<Baseline, String> {
    match s {
        "zero" => Ok(Baseline::Zero),
        "mean" => Ok(Baseline::Mean),
        "background" => Ok(Baseline::Background),
        _ => match s.strip_prefix("cell:") {
            Some(name) if !name.is_empty() => Ok(Baseline::Cell(name.to_owned())),
            _ => Err("use zero, mean, background or cell:NAME".into()),
        },
    }
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let method = Method::named(&args.method, args.seed).map_err(message)?;
    if args.bottleneck && args.by_pathway.is_some() {
        return fail("--by-pathway adds up genes; leave out --bottleneck");
    }
    let sets = args.by_pathway.as_deref().map(read::gmt).transpose()?;
    let model = ResponseModel::load(&args.model, &parse_device(&args.device)?)?;
    let load = |path: &Path| -> Result<ExpressionMatrix> {
        let cells = args.read.read(path, out)?;
        if !args.genes.any() {
            return Ok(cells);
        }
        Ok(args.genes.symbols(&path.display().to_string(), &cells, out)?.0)
    };
    let cells = load(&args.cells)?;
    let background = args.background.as_deref().map(load).transpose()?;
    let missing = Missing::Fill { min_overlap: args.min_overlap };
    let options = ExplainOptions {
        method,
        target: args.target.unwrap_or(match model.output() {
            sensitome_core_models::Output::Linear => Target::Output(0),
            _ => Target::Margin,
        }),
        level: if args.bottleneck { Level::Bottleneck } else { Level::Genes },
        axes: None,
        baseline: args.baseline.clone(),
        background: args.background_size,
        seed: args.seed,
        missing,
        run: RunOptions { max_bytes: args.max_mb.saturating_mul(1 << 20), ..RunOptions::default() },
    };
    let predictions = model.predict(&cells, &PredictOptions { missing, ..PredictOptions::default() })?;
    let explainer =
        Explainer::new(&model, background.as_ref().unwrap_or(&cells), options).map_err(message)?;
    let bar = progress(*out, cells.n_samples());
    let attribution =
        explainer.explain(&cells, &mut |done, _| bar.set_position(done as u64)).map_err(message)?;
    bar.finish_and_clear();

    let make = |folder: &Path| {
        fs::create_dir_all(folder).map_err(|e| sensitome_data::DataError::io(folder, "make", e))
    };
    make(&args.out)?;
    let mut written = Vec::new();
    let mut file = |folder: &Path, name: &str| {
        let path = folder.join(name);
        written.push(path.display().to_string());
        path
    };
    let table = if args.bottleneck { "axes.csv" } else { "genes.csv" };
    attribution.write_ranking(&file(&args.out, table)).map_err(message)?;
    if args.by_gene {
        attribution.write_h5ad(&file(&args.out, "attributions.h5ad")).map_err(message)?;
    }
    // An attribution that chance weights give too says nothing: checked each time, as it costs little.
    let sanity = explainer.weight_randomisation(&cells, 0.3).map_err(message)?;
    let path = file(&args.out, "sanity.txt");
    fs::write(&path, sanity.to_string()).map_err(|e| sensitome_data::DataError::io(&path, "write", e))?;
    if !sanity.passed {
        out.note(
            "warning: the attributions resemble those of random weights; do not interpret them (sanity.txt)",
        );
    }
    let critical = critical_table(&attribution, &predictions.classes, &args.out, &mut file, out)?;
    let pathways = match &sets {
        None => None,
        Some(sets) => {
            let sums = by_pathway(&attribution, sets, 3, 500).map_err(message)?;
            let rows = pathway_table(&attribution, sets, 3, 500, 1000, args.seed).map_err(message)?;
            write_pathways(&file(&args.out, "pathways.csv"), &rows).map_err(message)?;
            Some(sums)
        }
    };
    if let Some(folder) = &args.plots {
        make(folder)?;
        let classes: Vec<String> =
            (0..cells.n_samples()).map(|i| predictions.class_name(i).to_owned()).collect();
        for (name, svg) in draw(&attribution, pathways.as_ref(), &model, &cells, missing, &classes, args)? {
            plots::save(&file(folder, &name), &svg).map_err(message)?;
        }
    }
    let top = attribution.top_genes(10);
    let names: Vec<&str> = top.iter().map(|g| g.gene.as_str()).collect();
    out.result(
        &json!({
            "files": written, "cells": attribution.cells.len(), "genes": attribution.genes.len(),
            "method": attribution.method, "target": attribution.target, "top": names,
            "worst_gap": attribution.worst_gap(), "sanity": sanity, "critical_sensitive": critical.map(|c| c.0),
            "critical_resistant": critical.map(|c| c.1),
        }),
        || {
            let gap = match attribution.worst_gap() {
                Some(gap) => format!("attributions sum to what they explain within {gap:.1e}"),
                None => format!("{} promises no sum", attribution.method),
            };
            format!(
                "{} cells, {} of the {}: {gap}\ntop: {}\n{}",
                attribution.cells.len(),
                attribution.method,
                attribution.target,
                names.join(", "),
                written.join("\n")
            )
        },
    );
    Ok(())
}

/// Writes the critical genes; `None`, with a note, where a predicted class has fewer than two cells.
fn critical_table(
    attribution: &Attribution,
    classes: &[u8],
    folder: &Path,
    file: &mut dyn FnMut(&Path, &str) -> PathBuf,
    out: &Output,
) -> Result<Option<(usize, usize)>> {
    if [0, 1].iter().any(|class| classes.iter().filter(|c| *c == class).count() < 2) {
        out.note("no critical genes: fewer than two cells are predicted sensitive, or resistant");
        return Ok(None);
    }
    let critical = critical_genes(attribution, classes, &CriticalOptions::default()).map_err(message)?;
    let lists = [("sensitive", &critical.sensitive), ("resistant", &critical.resistant)];
    let rows = lists.iter().flat_map(|(class, genes)| {
        genes.iter().map(|g| {
            let numbers = [g.score, g.p_value, g.p_adjusted, g.log_fold_change, g.mean, g.mean_outside];
            let names = [(*class).to_owned(), g.gene.clone()];
            names.into_iter().chain(numbers.map(|v| v.to_string())).collect::<Vec<_>>()
        })
    });
    let header =
        ["class", "gene", "score", "p_value", "p_adjusted", "log2_fold_change", "mean", "mean_outside"];
    let header = header.map(str::to_owned).to_vec();
    sensitome_data::write::csv(file(folder, "critical_genes.csv"), header, rows)?;
    Ok(Some((critical.sensitive.len(), critical.resistant.len())))
}

fn draw(
    attribution: &Attribution,
    pathways: Option<&Attribution>,
    model: &ResponseModel,
    cells: &ExpressionMatrix,
    missing: Missing,
    classes: &[String],
    args: &Args,
) -> Result<Vec<(String, String)>> {
    let top = args.top.max(1);
    let mut all = vec![
        ("heatmap.svg".to_owned(), plots::heatmap(attribution, None, top).map_err(message)?),
        ("groups.svg".to_owned(), plots::heatmap(attribution, Some(classes), top).map_err(message)?),
    ];
    if args.bottleneck {
        all.push(("bar.svg".to_owned(), plots::bar(attribution, None, top).map_err(message)?));
    } else {
        let expression: Array2<f32> = model.preprocessing().transform(cells, missing)?.0;
        let bar = plots::bar(attribution, Some(expression.view()), top).map_err(message)?;
        all.push(("bar.svg".to_owned(), bar));
        all.push((
            "beeswarm.svg".to_owned(),
            plots::beeswarm(attribution, expression.view(), top).map_err(message)?,
        ));
        if let Some(gene) = attribution.top_genes(1).first() {
            let values = expression.column(gene.column).to_vec();
            let svg =
                plots::scatter(attribution, &values, gene.column, "as the model sees it").map_err(message)?;
            all.push(("scatter.svg".to_owned(), svg));
        }
    }
    // The cells at both ends.
    let order = |a: &usize, b: &usize| attribution.output[*a].total_cmp(&attribution.output[*b]);
    let ends = [(0..attribution.cells.len()).max_by(order), (0..attribution.cells.len()).min_by(order)];
    for (name, cell) in ["waterfall_highest.svg", "waterfall_lowest.svg"].into_iter().zip(ends) {
        if let Some(cell) = cell {
            all.push((name.to_owned(), plots::waterfall(attribution, cell, top).map_err(message)?));
        }
    }
    if let Some(pathways) = pathways {
        all.push(("pathways.svg".to_owned(), plots::bar(pathways, None, top).map_err(message)?));
    }
    Ok(all)
}

fn progress(out: Output, cells: usize) -> ProgressBar {
    if out.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(cells as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} cells");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// An error of the library in the words of this layer.
fn message(e: sensitome_interpret::InterpretError) -> CliError {
    CliError::Message(e.to_string())
}
