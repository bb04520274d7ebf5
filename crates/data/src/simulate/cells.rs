//! Simulated single cells: counts of molecules with library size, overdispersion and dropout.

use ndarray::Array2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, Poisson};

use super::config::SimulationConfig;
use super::truth::Role;
use super::world::{Gene, World, normal, rng};
use crate::{CsrMatrix, DataError, ExpressionMatrix, Result, Values};

/// Shape of the gamma distribution around a gene's mean: counts vary as a negative binomial of this size.
const SHAPE: f64 = 5.0;

/// Cells one after the other. What is drawn for a cell does not depend on how many are taken at a time.
pub(super) struct Cells<'a> {
    config: &'a SimulationConfig,
    world: &'a World,
    /// 1 sensitive, 0 resistant, for all cells.
    pub(super) labels: Vec<u8>,
    /// From 0, for all cells.
    pub(super) clusters: Vec<usize>,
    /// How far each factor moves in each cluster.
    marks: Array2<f64>,
    /// Offset and gain of every gene on this platform, in natural logarithms.
    platform: Vec<(f64, f64)>,
    gamma: Gamma<f64>,
    draws: Draws,
    next: usize,
}

/// A generator for each thing that is drawn cell by cell.
struct Draws {
    activity: ChaCha8Rng,
    size: ChaCha8Rng,
    molecules: ChaCha8Rng,
    missed: ChaCha8Rng,
}

/// The name of the cell after `i` others.
pub(super) fn name(i: usize) -> String {
    format!("cell_{:05}", i + 1)
}

impl<'a> Cells<'a> {
    pub(super) fn new(config: &'a SimulationConfig, world: &'a World) -> Result<Self> {
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
        let mut draw = rng(config.seed, "cluster programmes");
        let marks =
            Array2::from_shape_simple_fn((config.n_clusters, World::n_factors()), || normal(&mut draw));
        Ok(Self {
            config,
            world,
            labels,
            clusters,
            marks,
            platform: platform(config, world),
            gamma: Gamma::new(SHAPE, 1.0 / SHAPE).map_err(|e| impossible(&e))?,
            draws: Draws {
                activity: rng(config.seed, "activity in cells"),
                size: rng(config.seed, "library size"),
                molecules: rng(config.seed, "molecules"),
                missed: rng(config.seed, "dropout"),
            },
            next: 0,
        })
    }

    /// The next `n` cells, or those that are left, and how sensitive each is by its driving programmes; `None` when
    /// there are no more.
    pub(super) fn take(&mut self, n: usize) -> Result<Option<(ExpressionMatrix, Vec<f64>)>> {
        let cells = self.next..self.next.saturating_add(n).min(self.config.n_cells);
        if cells.is_empty() {
            return Ok(None);
        }
        self.next = cells.end;
        let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
        let mut sensitivity = Vec::with_capacity(cells.len());
        for cell in cells.clone() {
            let activity = self.activity(cell);
            sensitivity.push(self.sensitivity(&activity));
            self.counts(&activity, &mut indices, &mut data)?;
            indptr.push(data.len());
        }
        let matrix = CsrMatrix::new(self.world.genes.len(), indptr, indices, data)?;
        let genes = self.world.genes.iter().map(|g| g.name.clone()).collect();
        let matrix = ExpressionMatrix::new(Values::Sparse(matrix), cells.map(name).collect(), genes)?;
        Ok(Some((matrix, sensitivity)))
    }

    /// Activity of every factor in a cell.
    fn activity(&mut self, cell: usize) -> Vec<f64> {
        let (config, effects) = (self.config, &self.world.effects);
        let side = f64::from(self.labels[cell]) - 0.5;
        let marks = self.marks.row(self.clusters[cell]);
        let mut out = Vec::with_capacity(marks.len());
        for (f, mark) in marks.iter().enumerate() {
            let (mean, spread) = match self.world.roles.get(f) {
                Some(Role::Sensitising) => (effects.response_in_cells * side, 0.5),
                Some(Role::Protective) => (-effects.response_in_cells * side, 0.5),
                Some(Role::Confounder) => {
                    let along = config.confounder_alignment;
                    let direction = self.world.drugs.first().map_or(0.0, |d| d[f].signum());
                    let mark = (1.0 - along.abs()) * mark + 2.0 * along * direction * side;
                    (effects.clusters * mark, 0.3)
                }
                Some(Role::Neutral) | None => (0.5 * mark, 0.5),
            };
            out.push(mean + spread * normal(&mut self.draws.activity));
        }
        out
    }

    /// What a cell's driving programmes add up to, as they would in bulk.
    fn sensitivity(&self, activity: &[f64]) -> f64 {
        let weights = self.world.drugs.first().map(Vec::as_slice).unwrap_or_default();
        let drives = |f: usize| matches!(self.world.roles.get(f), Some(Role::Sensitising | Role::Protective));
        let parts = weights.iter().zip(activity).enumerate().filter(|(f, _)| drives(*f));
        parts.map(|(_, (w, a))| w * a).sum()
    }

    /// Draws the molecules of one cell.
    fn counts(&mut self, activity: &[f64], indices: &mut Vec<u32>, data: &mut Vec<f32>) -> Result<()> {
        let means: Vec<f64> = self
            .platform
            .iter()
            .zip(&self.world.genes)
            .map(|((base, slope), gene)| (base + slope * activity[gene.factor]).clamp(-20.0, 20.0).exp())
            .collect();
        let total: f64 = means.iter().sum();
        let Draws { size, molecules, missed, .. } = &mut self.draws;
        let library = self.config.median_counts * (0.35 * normal(size)).exp();
        for (j, mean) in means.iter().enumerate() {
            let mean = library * mean / total;
            let rate = mean * self.gamma.sample(molecules);
            // A rate that underflows to zero yields no molecule.
            let count = if rate > 0.0 {
                Poisson::new(rate).map_err(|e| impossible(&e))?.sample(molecules)
            } else {
                0.0
            };
            let lost = missed.random::<f64>() < self.world.effects.dropout * (-mean / 4.0).exp();
            if count > 0.0 && !lost {
                indices.push(j as u32);
                data.push(count as f32);
            }
        }
        Ok(())
    }
}

fn platform(config: &SimulationConfig, world: &World) -> Vec<(f64, f64)> {
    let effects = &world.effects;
    let mut draw = rng(config.seed, "platform");
    let gene = |g: &Gene| {
        let (offset, gain) = (effects.offset * normal(&mut draw), (effects.gain * normal(&mut draw)).exp());
        let ln2 = std::f64::consts::LN_2;
        (0.6 * ln2 * (g.base - 7.0) + offset, if g.kept { ln2 * gain * g.loading } else { 0.0 })
    };
    world.genes.iter().map(gene).collect()
}

fn impossible(error: &dyn std::fmt::Display) -> DataError {
    DataError::invalid(
        "simulation of counts",
        error.to_string(),
        "choose fewer counts a cell (median_counts)",
    )
}
