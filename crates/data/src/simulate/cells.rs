//! Simulated single cells: counts of molecules with library size, overdispersion and dropout.

use ndarray::Array2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, Gamma, Poisson};

use super::config::SimulationConfig;
use super::truth::Role;
use super::world::{World, normal, rng};
use crate::{CsrMatrix, DataError, ExpressionMatrix, Result, Values};

/// Shape of the gamma distribution around a gene's mean: counts vary as a negative binomial of this size.
const SHAPE: f64 = 5.0;

pub(super) struct Cells {
    pub(super) expression: ExpressionMatrix,
    pub(super) labels: Vec<u8>,
    pub(super) clusters: Vec<usize>,
    pub(super) sensitivity: Vec<f64>,
}

pub(super) fn cells(config: &SimulationConfig, world: &World) -> Result<Cells> {
    let n = config.n_cells;
    // Both classes are there unless one is asked for.
    let one_class = config.sensitive_share <= 0.0 || config.sensitive_share >= 1.0;
    let (least, most) = if one_class { (0, n) } else { (1, n - 1) };
    let sensitive = ((config.sensitive_share * n as f64).round() as usize).clamp(least, most);
    let mut labels: Vec<u8> = (0..n).map(|i| u8::from(i < sensitive)).collect();
    labels.shuffle(&mut rng(config.seed, "labels of cells"));
    // Clusters of unequal size, drawn without a look at the labels.
    let mut draw = rng(config.seed, "clusters of cells");
    let clusters: Vec<usize> =
        (0..n).map(|_| (config.n_clusters as f64 * draw.random::<f64>().powf(1.3)) as usize).collect();
    let activity = activity(config, world, &labels, &clusters);
    let expression = counts(config, world, &activity)?;
    Ok(Cells { expression, labels, clusters, sensitivity: sensitivity(world, &activity) })
}

/// Activity of every factor in every cell.
fn activity(config: &SimulationConfig, world: &World, labels: &[u8], clusters: &[usize]) -> Array2<f64> {
    let mut draw = rng(config.seed, "cluster programmes");
    let n_factors = World::n_factors();
    let marks = Array2::from_shape_simple_fn((config.n_clusters, n_factors), || normal(&mut draw));
    let mut draw = rng(config.seed, "activity in cells");
    let mut out = Array2::zeros((labels.len(), n_factors));
    for ((mut row, &label), &cluster) in out.rows_mut().into_iter().zip(labels).zip(clusters) {
        let side = f64::from(label) - 0.5;
        for (f, value) in row.iter_mut().enumerate() {
            let (mean, spread) = match world.roles.get(f) {
                Some(Role::Sensitising) => (world.effects.response_in_cells * side, 0.5),
                Some(Role::Protective) => (-world.effects.response_in_cells * side, 0.5),
                Some(Role::Confounder) => {
                    let along = config.confounder_alignment;
                    let direction = world.drugs.first().map_or(0.0, |d| d[f].signum());
                    let mark = (1.0 - along.abs()) * marks[[cluster, f]] + 2.0 * along * direction * side;
                    (world.effects.clusters * mark, 0.3)
                }
                Some(Role::Neutral) | None => (0.5 * marks[[cluster, f]], 0.5),
            };
            *value = mean + spread * normal(&mut draw);
        }
    }
    out
}

/// What the cells' driving programmes add up to, as they would in bulk.
fn sensitivity(world: &World, activity: &Array2<f64>) -> Vec<f64> {
    let weights = world.drugs.first().map(Vec::as_slice).unwrap_or_default();
    let drives = |f: usize| matches!(world.roles.get(f), Some(Role::Sensitising | Role::Protective));
    let parts = |row: ndarray::ArrayView1<f64>| -> f64 {
        weights.iter().zip(row).enumerate().filter(|(f, _)| drives(*f)).map(|(_, (w, a))| w * a).sum()
    };
    activity.rows().into_iter().map(parts).collect()
}

fn counts(config: &SimulationConfig, world: &World, activity: &Array2<f64>) -> Result<ExpressionMatrix> {
    let effects = world.effects;
    let mut draw = rng(config.seed, "platform");
    // Offset and gain of every gene on this platform, in natural logarithms.
    let platform: Vec<(f64, f64)> = world
        .genes
        .iter()
        .map(|g| {
            let (offset, gain) =
                (effects.offset * normal(&mut draw), (effects.gain * normal(&mut draw)).exp());
            let ln2 = std::f64::consts::LN_2;
            (0.6 * ln2 * (g.base - 7.0) + offset, if g.kept { ln2 * gain * g.loading } else { 0.0 })
        })
        .collect();
    let mut size = rng(config.seed, "library size");
    let mut molecules = rng(config.seed, "molecules");
    let mut missed = rng(config.seed, "dropout");
    let gamma = Gamma::new(SHAPE, 1.0 / SHAPE).map_err(|e| impossible(&e))?;
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for factors in activity.rows() {
        let means: Vec<f64> = platform
            .iter()
            .zip(&world.genes)
            .map(|((base, slope), gene)| (base + slope * factors[gene.factor]).clamp(-20.0, 20.0).exp())
            .collect();
        let total: f64 = means.iter().sum();
        let library = config.median_counts * (0.35 * normal(&mut size)).exp();
        for (j, mean) in means.iter().enumerate() {
            let mean = library * mean / total;
            let rate = mean * gamma.sample(&mut molecules);
            // A rate that underflows to zero yields no molecule.
            let count = if rate > 0.0 {
                Poisson::new(rate).map_err(|e| impossible(&e))?.sample(&mut molecules)
            } else {
                0.0
            };
            let lost = missed.random::<f64>() < effects.dropout * (-mean / 4.0).exp();
            if count > 0.0 && !lost {
                indices.push(j as u32);
                data.push(count as f32);
            }
        }
        indptr.push(data.len());
    }
    let matrix = CsrMatrix::new(world.genes.len(), indptr, indices, data)?;
    let names = (1..=activity.nrows()).map(|i| format!("cell_{i:05}")).collect();
    let genes = world.genes.iter().map(|g| g.name.clone()).collect();
    ExpressionMatrix::new(Values::Sparse(matrix), names, genes)
}

fn impossible(error: &dyn std::fmt::Display) -> DataError {
    DataError::invalid(
        "simulation of counts",
        error.to_string(),
        "choose fewer counts a cell (median_counts)",
    )
}
