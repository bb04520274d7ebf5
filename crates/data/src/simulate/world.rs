//! What bulk lines and single cells have in common: genes, programmes and how they drive the response.

use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

use super::config::{Effects, SimulationConfig};
use super::pathways::PATHWAYS;
use super::truth::Role;

/// Factors that move genes outside the pathways: tissue, culture, batch.
pub(super) const NUISANCE: usize = 6;

/// A generator of its own for each purpose, so that a change to one part leaves the draws of all others alone.
pub(super) fn rng(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(b"sensitome simulation/");
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    let mut key = [0u8; 32];
    key.copy_from_slice(&hash.finalize());
    ChaCha8Rng::from_seed(key)
}

pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// One gene.
#[derive(Debug, Clone)]
pub(super) struct Gene {
    pub(super) name: String,
    /// Its pathway, or its nuisance factor shifted by the number of pathways.
    pub(super) factor: usize,
    /// How strongly it follows its factor in bulk, in log2 units an SD of the factor.
    pub(super) loading: f64,
    /// Whether it follows its factor in cells as well.
    pub(super) kept: bool,
    /// Mean log2 expression in bulk.
    pub(super) base: f64,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) effects: Effects,
    pub(super) genes: Vec<Gene>,
    pub(super) roles: Vec<Role>,
    /// Weight of each pathway in the response to each drug: positive makes sensitive.
    pub(super) drugs: Vec<Vec<f64>>,
}

impl World {
    pub(super) fn new(config: &SimulationConfig) -> Self {
        let effects = Effects::at(config.difficulty);
        let roles = roles(config.seed);
        Self { effects, genes: genes(config, &effects), drugs: drugs(config, &effects, &roles), roles }
    }

    pub(super) fn n_factors() -> usize {
        PATHWAYS.len() + NUISANCE
    }
}

/// Four pathways drive the response, two each way; four mislead; four have no part in it.
fn roles(seed: u64) -> Vec<Role> {
    let mut roles = [
        [Role::Sensitising; 2].as_slice(),
        &[Role::Protective; 2],
        &[Role::Confounder; 4],
        &[Role::Neutral; 4],
    ]
    .concat();
    roles.shuffle(&mut rng(seed, "roles of pathways"));
    roles
}

fn genes(config: &SimulationConfig, effects: &Effects) -> Vec<Gene> {
    let mut draw = rng(config.seed, "genes");
    let in_pathways =
        PATHWAYS.iter().enumerate().flat_map(|(p, (_, genes))| genes.iter().map(move |g| (p, *g)));
    let named = in_pathways.map(|(p, g)| (Some(p), g.to_owned()));
    let background = (1usize..).map(|k| (None, format!("BG{k:04}")));
    let mut genes: Vec<Gene> = named
        .chain(background)
        .take(config.n_genes)
        .map(|(pathway, name)| {
            let (strength, nuisance): (f64, usize) = (draw.random(), draw.random_range(0..NUISANCE));
            let (luck, height): (f64, f64) = (draw.random(), normal(&mut draw));
            Gene {
                name,
                factor: pathway.unwrap_or(PATHWAYS.len() + nuisance),
                loading: if pathway.is_some() { 0.6 + 0.6 * strength } else { 1.2 * (strength - 0.5) },
                kept: pathway.is_none() || luck >= effects.lost_genes,
                base: 7.0 + 1.5 * height,
            }
        })
        .collect();
    genes.sort_by(|a, b| a.name.cmp(&b.name));
    genes
}

/// The first drug follows its roles; those that share its programmes follow them too, but are confounded in their own
/// way; the others share part of everything and have a part of their own.
fn drugs(config: &SimulationConfig, effects: &Effects, roles: &[Role]) -> Vec<Vec<f64>> {
    let mut draw = rng(config.seed, "drug programmes");
    let sizes: Vec<f64> = roles.iter().map(|_| draw.random_range(0.8..1.2)).collect();
    let flips: Vec<bool> = roles.iter().map(|_| draw.random()).collect();
    let first: Vec<f64> = roles
        .iter()
        .zip(sizes.iter().zip(flips))
        .map(|(role, (size, flip))| match role {
            Role::Sensitising => 0.5 * size,
            Role::Protective => -0.5 * size,
            Role::Confounder => 0.5 * size * effects.confounding * if flip { -1.0 } else { 1.0 },
            Role::Neutral => 0.0,
        })
        .collect();
    let mut drugs = vec![first.clone()];
    for k in 1..config.n_drugs {
        let own: Vec<f64> = roles.iter().map(|_| 0.35 * normal(&mut draw)).collect();
        let shared = 0.8 / k as f64;
        drugs.push(if k <= config.n_sharing {
            let drives = |role: &Role| f64::from(u8::from(*role != Role::Confounder));
            let parts = first.iter().zip(roles).zip(&own);
            parts.map(|((w, role), own)| drives(role) * w + own).collect()
        } else {
            first.iter().zip(&own).map(|(w, own)| shared * w + own).collect()
        });
    }
    drugs
}
