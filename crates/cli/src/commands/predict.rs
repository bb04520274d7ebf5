//! `sensitome predict`

use std::path::PathBuf;

use sensitome_core_models::{PredictOptions, ResponseModel, parse_device};
use sensitome_data::Missing;
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
    /// Single cells (text, .h5ad, 10x .h5, MTX)
    #[arg(long, value_name = "FILE")]
    cells: PathBuf,
    /// Where to write: .csv, or .h5ad (scores in obs, embedding in obsm)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Least share of the model's genes that the cells must have; the others are taken as average
    #[arg(long, default_value_t = 0.8)]
    min_overlap: f64,
    /// Cells a batch
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
    let model = ResponseModel::load(&args.model, &parse_device(&args.device)?)?;
    let cells = args.read.read(&args.cells, out)?;
    // A model knows the names that its training cells had; tables are for cells that are named otherwise.
    let named = if args.genes.any() {
        args.genes.symbols(&args.cells.display().to_string(), &cells, out)?.0
    } else {
        cells.clone()
    };
    let missing = Missing::Fill { min_overlap: args.min_overlap };
    let options = PredictOptions { missing, batch_size: args.batch_size };
    let predictions = model.predict(&named, &options)?;
    let genes = &predictions.genes;
    if !genes.missing.is_empty() {
        out.note(&format!(
            "{} of the model's {} genes are missing and taken as average",
            genes.missing.len(),
            genes.wanted
        ));
    }
    if h5ad {
        predictions.write_h5ad(&args.out, &cells)?;
    } else {
        predictions.write_csv(&args.out, &cells)?;
    }
    let sensitive = predictions.classes.iter().filter(|&&c| c == 1).count();
    out.result(
        &json!({
            "out": args.out.display().to_string(), "cells": predictions.cells.len(), "sensitive": sensitive,
            "threshold": model.threshold(), "genes": genes,
        }),
        || {
            format!(
                "{}: {} cells, {sensitive} predicted sensitive to {} (score at least {:.3}); {} of {} genes found",
                args.out.display(),
                predictions.cells.len(),
                model.card().drug.as_deref().unwrap_or("the drug"),
                model.threshold(),
                genes.found,
                genes.wanted
            )
        },
    );
    Ok(())
}
