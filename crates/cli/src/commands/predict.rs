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
    /// Single cells (text, .h5ad, 10x .h5, MTX); an .h5ad passes through in blocks, whatever its length
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Where to write: .csv, or .h5ad (scores in obs, embedding in obsm; of an .h5ad a copy with all it holds, for
    /// which the scores, the embedding and mostly the compressed file are held in memory)
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
    let summary = if streamed {
        in_blocks(args, &model, &options, h5ad, out)?
    } else {
        at_once(args, &model, &options, h5ad, out)?
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
fn in_blocks(
    args: &Args,
    model: &ResponseModel,
    options: &PredictOptions,
    h5ad: bool,
    out: &Output,
) -> Result<Summary> {
    let tables = if args.genes.any() { Some(args.genes.tables()?) } else { None };
    let (total, blocks) = args.read.blocks(&args.cells, args.batch_size, out)?;
    if total == 0 {
        return fail(format!("{}: holds no cells; pass a file with at least one", args.cells.display()));
    }
    let mut rule = None;
    let named = blocks.map(|block| {
        let block = block?;
        let Some(tables) = &tables else { return Ok(block) };
        let first = rule.is_none();
        // All blocks by the rule of the first: their genes must be the same.
        let rule = *rule.get_or_insert_with(|| Duplicates::fitting(&block));
        let (named, report) = tables.symbols(&block, rule)?;
        if first && !report.renamed.is_empty() {
            out.note(&format!("{}: {report}", args.cells.display()));
        }
        Ok(named)
    });
    // A table grows on the disk; a copy of the file gets its columns whole.
    let mut table = if h5ad { None } else { Some(CsvPredictions::new(&args.out)?) };
    let mut kept: Option<Predictions> = None;
    let mut summary: Option<Summary> = None;
    let bar = out.cells(total);
    model.predict_blocks(named, options, &mut |cells, predictions| {
        match (&mut table, &mut kept) {
            (Some(table), _) => table.append(predictions, cells)?,
            (None, Some(kept)) => kept.extend(predictions)?,
            (None, None) => kept = Some(predictions.clone()),
        }
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
    if let Some(table) = table {
        table.finish()?;
    }
    if let Some(predictions) = kept {
        predictions.add_to_h5ad(&args.cells, &args.out)?;
    }
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
