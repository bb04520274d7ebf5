//! `sensitome preprocess`

use std::path::PathBuf;

use sensitome_data::detect::{self, Scale};
use sensitome_data::preprocess::{HvgFlavor, Pipeline, PipelineFit};
use sensitome_data::read::{self, CellBlocks};
use sensitome_data::{Duplicates, ExpressionMatrix, write};
use serde_json::json;

use super::train::writable;
use crate::inputs::{duplicates, layer};
use crate::output::{Output, Result, fail};

/// Bring counts to what methods learn from: filter, normalise, choose genes; for files larger than memory
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Counts of single cells
    #[arg(long, value_name = "FILE.h5ad")]
    cells: PathBuf,
    /// Where to write, with the mean and SD of each gene in var
    #[arg(long, value_name = "FILE.h5ad")]
    out: PathBuf,
    /// Leave out cells with fewer genes that have a count
    #[arg(long, default_value_t = 0)]
    min_genes: usize,
    /// Leave out genes with a count in fewer cells
    #[arg(long, default_value_t = 0)]
    min_cells: usize,
    /// Total that every cell is brought to; the median where not given
    #[arg(long)]
    target_sum: Option<f64>,
    /// Take no logarithms
    #[arg(long)]
    no_log1p: bool,
    /// Keep this many of the most variable genes
    #[arg(long, value_name = "N")]
    top_genes: Option<usize>,
    /// How variability is measured: seurat, cell_ranger or seurat_v3
    #[arg(long, value_parser = flavor, default_value = "seurat", requires = "top_genes")]
    flavor: HvgFlavor,
    /// Write z-scores: dense, so all of it must fit in memory
    #[arg(long)]
    scale: bool,
    /// Cut z-scores at plus and minus this
    #[arg(long, requires = "scale")]
    max_value: Option<f64>,
    /// Compress, from 1 (fast) to 9 (small); not at all where not given. z-scores always are
    #[arg(long, value_name = "LEVEL")]
    compression: Option<u32>,
    /// Cells in memory at a time; the result is the same
    #[arg(long, default_value_t = 8192)]
    block_cells: usize,
    /// A named layer, or "raw", instead of X
    #[arg(long)]
    layer: Option<String>,
    /// Genes that share a name: refuse, sum, mean or first
    #[arg(long, value_parser = duplicates, default_value = "refuse")]
    duplicates: Duplicates,
}

fn flavor(s: &str) -> std::result::Result<HvgFlavor, String> {
    match s {
        "seurat" => Ok(HvgFlavor::Seurat),
        "cell_ranger" => Ok(HvgFlavor::CellRanger),
        "seurat_v3" => Ok(HvgFlavor::SeuratV3),
        _ => Err("use seurat, cell_ranger or seurat_v3".into()),
    }
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    if args.out.extension().is_none_or(|e| e != "h5ad") {
        return fail(format!("{}: is written as .h5ad; end the name so", args.out.display()));
    }
    writable(&args.out)?;
    let pipeline = Pipeline {
        min_genes: args.min_genes,
        min_cells: args.min_cells,
        target_sum: args.target_sum,
        log1p: !args.no_log1p,
        top_genes: args.top_genes.map(|n| (n, args.flavor)),
        scale: args.scale,
        max_value: args.max_value,
    };
    let layer = layer(args.layer.as_deref());
    let (fit, genes) = if args.scale {
        let cells = read::h5ad_with(&args.cells, &layer, args.duplicates)?;
        check_counts(args, &cells)?;
        let (scaled, fit) = pipeline.run(&cells)?;
        write::h5ad(&args.out, &scaled, &[])?;
        (fit, cells.n_genes())
    } else {
        let mut blocks = CellBlocks::open(&args.cells, &layer, args.duplicates, args.block_cells)?;
        if let Some(first) = blocks.next() {
            check_counts(args, &first?)?;
        }
        let genes = blocks.genes().len();
        (pipeline.run_blocks(blocks, &args.out, args.compression)?, genes)
    };
    report(args, &fit, genes, out);
    Ok(())
}

/// Counts need not be whole numbers: tools that take off ambient RNA leave fractions.
fn check_counts(args: &Args, cells: &ExpressionMatrix) -> Result<()> {
    let found = detect::scale(cells.values());
    if !matches!(found.scale, Scale::LogNormalised | Scale::ZScored | Scale::MinMax) {
        return Ok(());
    }
    fail(format!(
        "{}: holds {} values ({}), not counts; choose the matrix of counts with --layer NAME or --layer raw",
        args.cells.display(),
        found.scale,
        found.evidence
    ))
}

fn report(args: &Args, fit: &PipelineFit, genes: usize, out: &Output) {
    let path = args.out.display().to_string();
    let (cells, kept) = (fit.cells.len(), fit.cells.iter().filter(|k| **k).count());
    out.result(
        &json!({
            "out": path, "cells": cells, "cells_kept": kept, "genes": genes, "genes_seen": fit.seen.len(),
            "genes_kept": fit.genes.len(), "target_sum": fit.target_sum,
        }),
        || {
            format!(
                "{path}: {kept} of {cells} cells, {} of {genes} genes ({} in enough cells), brought to a total of {}",
                fit.genes.len(),
                fit.seen.len(),
                fit.target_sum
            )
        },
    );
}
