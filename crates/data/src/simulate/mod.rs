//! A simulator: bulk lines with drug response, and single cells that share their response programmes.
//!
//! Both domains come from the same twelve pathways. Four drive the response to the first drug in lines and cells
//! alike. Four others go along with the response in lines, while in cells they only mark clusters: a classifier that
//! knows bulk alone is misled by them, one that looks at the cells need not be. Between the platforms lie an offset
//! and a gain of every gene, a floor of intensity in bulk, and molecules, library size and dropout in cells; and some
//! genes follow their programme in bulk only. [`SimulationConfig::difficulty`] turns all of this from harmless to
//! hopeless.

mod bulk;
mod cells;
mod config;
mod pathways;
mod truth;
mod world;

use std::path::Path;

pub use config::SimulationConfig;
pub use truth::{DriverGene, PathwayTruth, Role, Truth};

use crate::read::{DrugResponse, GeneSet, GeneSets};
use crate::write::H5adBlocks;
use crate::{Columns, DataError, ExpressionMatrix, Result, write as write_file};
use cells::Cells;
use pathways::PATHWAYS;
use world::World;

/// Simulated data and the truth about them.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Bulk lines × genes, log2 intensities.
    pub bulk: ExpressionMatrix,
    /// Response of the lines to every drug.
    pub response: DrugResponse,
    /// Cells × genes, counts.
    pub cells: ExpressionMatrix,
    /// The pathways.
    pub pathways: GeneSets,
    /// What a method is to find out.
    pub truth: Truth,
}

/// Simulates as `config` says; the same configuration gives the same bits.
///
/// # Errors
/// When a setting is out of range.
pub fn simulate(config: &SimulationConfig) -> Result<Simulation> {
    config.check()?;
    let world = World::new(config);
    let (bulk, response) = bulk::bulk(config, &world)?;
    let mut cells = Cells::new(config, &world)?;
    let none = || DataError::invalid("simulation setting n_cells", "no cells", "ask for at least 20");
    let (expression, sensitivity) = cells.take(config.n_cells)?.ok_or_else(none)?;
    let truth = truth(&world, cells, sensitivity);
    Ok(Simulation { bulk, response, cells: expression, pathways: gene_sets(), truth })
}

/// Simulates and writes the files of [`Simulation::write`] without ever holding more than some thousand cells: what to
/// use for a million. The numbers are those of [`simulate`].
///
/// # Errors
/// When a setting is out of range or a file cannot be written.
pub fn write(config: &SimulationConfig, folder: impl AsRef<Path>) -> Result<Truth> {
    config.check()?;
    let folder = folder.as_ref();
    std::fs::create_dir_all(folder).map_err(|e| DataError::io(folder, "write", e))?;
    let world = World::new(config);
    let (bulk, response) = bulk::bulk(config, &world)?;
    let genes: Vec<String> = world.genes.iter().map(|g| g.name.clone()).collect();
    let mut file = H5adBlocks::create(folder.join(CELLS), &genes, &Columns::new(), Some(DEFLATE))?;
    let mut cells = Cells::new(config, &world)?;
    let mut sensitivity = Vec::with_capacity(config.n_cells);
    while let Some((block, values)) = cells.take(CELLS_AT_A_TIME)? {
        file.append(&block)?;
        sensitivity.extend(values);
    }
    file.finish()?;
    let truth = truth(&world, cells, sensitivity);
    write_beside(folder, &bulk, &response, &gene_sets(), &truth)?;
    Ok(truth)
}

/// The file of the cells.
const CELLS: &str = "cells.h5ad";
const CELLS_AT_A_TIME: usize = 4096;
/// Counts are small numbers: more effort saves little.
const DEFLATE: u32 = 1;

fn truth(world: &World, cells: Cells, sensitivity: Vec<f64>) -> Truth {
    Truth {
        drug: bulk::drug_name(0),
        labels: cells.labels,
        sensitivity,
        clusters: cells.clusters,
        pathways: pathway_truth(world),
        drivers: drivers(world),
    }
}

/// Everything but the cells.
fn write_beside(
    folder: &Path,
    bulk: &ExpressionMatrix,
    response: &DrugResponse,
    pathways: &GeneSets,
    truth: &Truth,
) -> Result<()> {
    write_file::expression_csv(folder.join("bulk_expression.csv.gz"), bulk, "cell_line")?;
    let header = ["expression_id", "cell_line", "drug", "dataset", "auc", "ln_ic50"].map(str::to_owned);
    let rows = response
        .rows()
        .map(|r| [r.expression_id, r.cell_line, r.drug, r.dataset, r.auc.to_string(), r.ln_ic50.to_string()]);
    write_file::csv(folder.join("bulk_response.csv.gz"), header, rows)?;
    let labels = truth.labels.iter().enumerate().map(|(i, l)| [cells::name(i), l.to_string()]);
    write_file::csv(folder.join("cells_labels.csv"), ["cell".to_owned(), truth.drug.clone()], labels)?;
    write_file::gmt(folder.join("pathways.gmt"), pathways)?;
    let path = folder.join("truth.json");
    write_file::atomic(&path, |out| {
        serde_json::to_writer_pretty(out, truth).map_err(|e| DataError::io(&path, "write", e.into()))
    })
}

fn gene_sets() -> GeneSets {
    let set = |genes: &[&str]| GeneSet {
        description: "pathway of the simulator".to_owned(),
        genes: genes.iter().map(|g| (*g).to_owned()).collect(),
    };
    PATHWAYS.iter().map(|(name, genes)| ((*name).to_owned(), set(genes))).collect()
}

fn pathway_truth(world: &World) -> Vec<PathwayTruth> {
    let weights = world.drugs.first().map(Vec::as_slice).unwrap_or_default();
    let parts = PATHWAYS.iter().zip(&world.roles).zip(weights);
    parts.map(|((p, &role), &weight)| PathwayTruth { name: p.0.to_owned(), role, weight }).collect()
}

fn drivers(world: &World) -> Vec<DriverGene> {
    let pathways = pathway_truth(world);
    let mut out: Vec<DriverGene> = world
        .genes
        .iter()
        .filter_map(|g| {
            let pathway = pathways.get(g.factor)?;
            matches!(pathway.role, Role::Sensitising | Role::Protective).then(|| DriverGene {
                gene: g.name.clone(),
                pathway: pathway.name.clone(),
                weight: pathway.weight * g.loading,
                in_cells: g.kept,
            })
        })
        .collect();
    out.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()).then_with(|| a.gene.cmp(&b.gene)));
    out
}

impl Simulation {
    /// Writes the data as a person would have them, into `folder` (made if missing): `bulk_expression.csv.gz`,
    /// `bulk_response.csv.gz` (columns as in [`read::response`](crate::read::response)), `cells.h5ad`,
    /// `cells_labels.csv`, `pathways.gmt`, and `truth.json`. The cells' file holds no label.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|e| DataError::io(folder, "write", e))?;
        write_file::h5ad(folder.join(CELLS), &self.cells, &[])?;
        write_beside(folder, &self.bulk, &self.response, &self.pathways, &self.truth)
    }
}
