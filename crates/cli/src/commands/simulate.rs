//! `sensitome simulate`

use std::path::PathBuf;

use sensitome_data::simulate::{self, SimulationConfig};
use serde_json::json;

use crate::output::{Output, Result};

/// Make a data set with a known answer: bulk lines, their response, single cells, gene sets
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder to write to
    #[arg(long)]
    out: PathBuf,
    /// From 0 (trivial) to 1 (impossible)
    #[arg(long, default_value_t = SimulationConfig::default().difficulty)]
    difficulty: f64,
    /// Number of bulk lines
    #[arg(long, default_value_t = SimulationConfig::default().n_lines)]
    lines: usize,
    /// Number of cells
    #[arg(long, default_value_t = SimulationConfig::default().n_cells)]
    cells: usize,
    /// Number of genes
    #[arg(long, default_value_t = SimulationConfig::default().n_genes)]
    genes: usize,
    /// Median counts of a cell: fewer make sparser cells
    #[arg(long, default_value_t = SimulationConfig::default().median_counts)]
    counts: f64,
    /// Seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let config = SimulationConfig {
        difficulty: args.difficulty,
        n_lines: args.lines,
        n_cells: args.cells,
        n_genes: args.genes,
        median_counts: args.counts,
        seed: args.seed,
        ..SimulationConfig::default()
    };
    let truth = simulate::write(&config, &args.out)?;
    let folder = args.out.display().to_string();
    out.result(
        &json!({"folder": folder, "lines": args.lines, "cells": args.cells, "genes": args.genes, "seed": args.seed}),
        || {
            format!(
                "{folder}: {} lines, {} cells, {} genes\nnext: sensitome train --source {folder}/bulk_expression.csv.gz \
                 --response {folder}/bulk_response.csv.gz --drug {} --cells {folder}/cells.h5ad --strategy scdeal \
                 --out model.safetensors",
                args.lines, args.cells, args.genes, truth.drug
            )
        },
    );
    Ok(())
}
