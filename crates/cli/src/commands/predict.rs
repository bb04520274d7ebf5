//! `sensitome predict`

use std::path::PathBuf;

use sensitome_core_models::{
    CsvPredictions, GeneReport, PredictOptions, Predictions, ResponseModel, parse_device,
};
use sensitome_data::{Duplicates, Missing};
use serde_json::json;

use super::train::writable;
use crate::inputs::{GeneArgs, ReadArgs};
use crate::output::{Output, Result, fail};

/// Predict every cell of a file with a model
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A model file written by `sensitome train`
    #[arg(long)]
    model: PathBuf,
    /// Single cells (text, .h5ad, 10x .h5, MTX); an .h5ad is read in blocks, whatever its length, when --out is .csv
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Where to write: .csv, or .h5ad (scores in obs, embedding in obsm)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Least share of the model's genes that the cells must have; the others are taken as average
    #[arg(long, default_value_t = 0.8)]
    min_overlap: f64,
    /// Cells read and predicted at a time
    #[arg(long, default_value_t = 1024)]
    batch_size: usize,
    #[command(flatten)]
    genes: GeneArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Where to compute: flex, ndarray, cuda or wgpu (cuda:1 is the second card)
    #[arg(long, default_value = "flex")]
    device: String,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let extension = args.out.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let h5ad = match extension.as_deref() {
        Some("csv") => false,
        Some("h5ad") => true,
        _ => {
            return fail(format!(
                "{}: cannot tell what to write; end the name in .csv or .h5ad",
                args.out.display()
            ));
        }
    };
    writable(&args.out)?;
    if args.batch_size == 0 {
        return fail("--batch-size 0: no cell at a time; use 1 or more");
    }
    let model = ResponseModel::load(&args.model, &parse_device(&args.device)?)?;
    let missing = Missing::Fill { min_overlap: args.min_overlap };
    let options = PredictOptions { missing, batch_size: args.batch_size };
    let streamed = args.cells.extension().is_some_and(|e| e.eq_ignore_ascii_case("h5ad"));
    let summary = match (streamed, h5ad) {
        (true, false) => in_blocks(args, &model, &options, out)?,
        _ => at_once(args, &model, &options, h5ad, out)?,
    };
    let Summary { cells, sensitive, genes } = summary;
    out.result(
        &json!({
            "out": args.out.display().to_string(), "cells": cells, "sensitive": sensitive,
            "threshold": model.threshold(), "genes": genes,
        }),
        || {
            format!(
                "{}: {cells} cells, {sensitive} predicted sensitive to {} (score at least {:.3}); {} of {} genes found",
                args.out.display(),
                model.card().drug.as_deref().unwrap_or("the drug"),
                model.threshold(),
                genes.found,
                genes.wanted
            )
        },
    );
    Ok(())
}

/// What the last line says.
struct Summary {
    cells: usize,
    sensitive: usize,
    genes: GeneReport,
}

impl Summary {
    fn of(predictions: &Predictions) -> Self {
        let sensitive = predictions.classes.iter().filter(|&&c| c == 1).count();
        Self { cells: predictions.cells.len(), sensitive, genes: predictions.genes.clone() }
    }

    fn note_missing(&self, out: &Output) {
        if !self.genes.missing.is_empty() {
            out.note(&format!(
                "{} of the model's {} genes are missing and taken as average",
                self.genes.missing.len(),
                self.genes.wanted
            ));
        }
    }
}

/// Reads, predicts and writes a block of cells after the other, so that a file of any length passes through.
fn in_blocks(args: &Args, model: &ResponseModel, options: &PredictOptions, out: &Output) -> Result<Summary> {
    let tables = if args.genes.any() { Some(args.genes.tables()?) } else { None };
    let (total, blocks) = args.read.blocks(&args.cells, args.batch_size, out)?;
    if total == 0 {
        return fail(format!("{}: holds no cells; pass a file with at least one", args.cells.display()));
    }
    let mut rule = None;
    let named = blocks.map(|block| {
        let (block, Some(tables)) = (block?, &tables) else { return block };
        let first = rule.is_none();
        // All blocks by the rule of the first: their genes must be the same.
        let rule = *rule.get_or_insert_with(|| Duplicates::fitting(&block));
        let (named, report) = tables.symbols(&block, rule)?;
        if first && !report.renamed.is_empty() {
            out.note(&format!("{}: {report}", args.cells.display()));
        }
        Ok(named)
    });
    let mut table = CsvPredictions::new(&args.out)?;
    let mut summary: Option<Summary> = None;
    let bar = out.cells(total);
    model.predict_blocks(named, options, &mut |cells, predictions| {
        table.append(predictions, cells)?;
        bar.inc(predictions.cells.len() as u64);
        let block = Summary::of(predictions);
        match &mut summary {
            Some(s) => (s.cells, s.sensitive) = (s.cells + block.cells, s.sensitive + block.sensitive),
            None => {
                block.note_missing(out);
                summary = Some(block);
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    table.finish()?;
    summary.map_or_else(|| fail("no cell was read; report this as a bug"), Ok)
}

/// Reads all cells, predicts and writes them.
fn at_once(
    args: &Args,
    model: &ResponseModel,
    options: &PredictOptions,
    h5ad: bool,
    out: &Output,
) -> Result<Summary> {
    let cells = args.read.read(&args.cells, out)?;
    // A model knows the names that its training cells had; tables are for cells that are named otherwise.
    let named = if args.genes.any() {
        args.genes.symbols(&args.cells.display().to_string(), &cells, out)?.0
    } else {
        cells.clone()
    };
    let predictions = model.predict(&named, options)?;
    let summary = Summary::of(&predictions);
    summary.note_missing(out);
    if h5ad {
        predictions.write_h5ad(&args.out, &cells)?;
    } else {
        predictions.write_csv(&args.out, &cells)?;
    }
    Ok(summary)
}
