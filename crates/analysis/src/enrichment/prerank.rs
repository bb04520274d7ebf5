//! Gene set enrichment analysis of a ranked list.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sensitome_data::read::GeneSets;
use serde::{Deserialize, Serialize};

use super::{Kept, SizeLimits, by_name, columns, running_sum};
use crate::{AnalysisError, Result};

/// Settings of [`prerank`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrerankOptions {
    /// Sets by number of ranked genes.
    pub limits: SizeLimits,
    /// Exponent of |score| in the weights of the set's genes: 1 is usual, 0 gives the Kolmogorov-Smirnov statistic.
    pub weight: f64,
    /// Number of permutations of the gene labels; the smallest possible p-value is about 2 / this.
    pub permutations: usize,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for PrerankOptions {
    fn default() -> Self {
        Self { limits: SizeLimits::GSEA, weight: 1.0, permutations: 1000, seed: 0 }
    }
}

/// All tested sets, in the order given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prerank {
    /// One entry per tested set.
    pub sets: Vec<SetEnrichment>,
    /// Sets left out for their size.
    pub skipped: Vec<String>,
}

/// One set in a ranked list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetEnrichment {
    /// The set.
    pub name: String,
    /// Number of its genes in the list.
    pub size: usize,
    /// Enrichment score, −1 to 1: the deviation of the running sum farthest from zero. Positive: at the top.
    pub es: f64,
    /// `es` divided by the mean size of permuted scores of the same sign; NaN when there is none of this sign.
    pub nes: f64,
    /// (b + 1) / (m + 1), b of m permuted scores of the same sign being at least as far from zero; never 0.
    pub p_value: f64,
    /// False discovery rate of Subramanian et al.: the share of permuted NES (all sets, same sign) at least as far
    /// from zero, divided by that share of observed NES; at most 1. NaN where `nes` is.
    pub q_value: f64,
    /// The genes that make the score: from the top down to the peak, or from the trough down to the bottom.
    pub leading_edge: Vec<String>,
}

/// Tests whether gene sets lie at one end of a ranked list (GSEA pre-ranked; Subramanian et al. 2005), against
/// permutations of the gene labels.
///
/// `scores` has one value per gene, larger ranking first, equal ones by name; the order of the input is of no
/// matter to the scores. Gene labels are permuted, so genes count as independent: sets of co-expressed genes come out
/// too significant.
///
/// # Errors
/// When lengths differ, a name occurs twice, a score is not finite, the weight is negative, there are no
/// permutations, or no set is left.
pub fn prerank<G: AsRef<str>>(
    genes: &[G],
    scores: &[f64],
    sets: &GeneSets,
    options: &PrerankOptions,
) -> Result<Prerank> {
    let index = columns(genes, scores.len())?;
    if let Some(i) = scores.iter().position(|s| !s.is_finite()) {
        let range = "leave out genes that have no score";
        return Err(AnalysisError::OutOfRange { what: "score", index: i, value: scores[i], range });
    }
    if !(options.weight.is_finite() && options.weight >= 0.0) {
        let problem = format!("{} is no exponent of scores", options.weight);
        return Err(AnalysisError::invalid("weight", problem, "pass 0 or more; 1 is usual"));
    }
    if options.permutations == 0 {
        return Err(AnalysisError::Empty { what: "permutations" });
    }
    let kept = Kept::new(&index, sets, options.limits, false)?;
    let mut order = by_name(genes);
    // + 0.0 makes −0 and 0 equal.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    let mut place = vec![0_u32; genes.len()];
    for (position, &j) in (0..).zip(&order) {
        place[j] = position;
    }
    let weights: Vec<f64> = order.iter().map(|&j| scores[j].abs().powf(options.weight)).collect();
    let n = genes.len();
    let weight = |p: u32| weights[p as usize];
    let sets: Vec<Vec<u32>> = kept.sets.iter().map(|s| sorted(s.genes.iter().map(|&j| place[j]))).collect();
    // A stream for each permutation: the same numbers on any number of threads.
    let permuted: Vec<Vec<f64>> = (0..options.permutations)
        .into_par_iter()
        .map(|b| {
            let shuffled = permutation(n, options.seed, b as u64);
            let moved = |set: &Vec<u32>| sorted(set.iter().map(|&p| shuffled[p as usize]));
            sets.iter().map(|set| running_sum(&moved(set), n, weight).extreme()).collect()
        })
        .collect();
    let rows = kept.sets.iter().zip(&sets).map(|(set, positions)| {
        let found = running_sum(positions, n, weight);
        let es = found.extreme();
        let edge = if es > 0.0 { &positions[..found.hits_at_high] } else { &positions[found.hits_at_low..] };
        SetEnrichment {
            name: set.name.to_owned(),
            size: positions.len(),
            es,
            nes: f64::NAN,
            p_value: f64::NAN,
            q_value: f64::NAN,
            leading_edge: edge.iter().map(|&p| genes[order[p as usize]].as_ref().to_owned()).collect(),
        }
    });
    let mut rows: Vec<SetEnrichment> = rows.collect();
    judge(&mut rows, permuted);
    Ok(Prerank { sets: rows, skipped: kept.skipped })
}

fn sorted(positions: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut positions: Vec<u32> = positions.collect();
    positions.sort_unstable();
    positions
}

fn permutation(n: usize, seed: u64, stream: u64) -> Vec<u32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for i in (1..n).rev() {
        order.swap(i, generator.random_range(0..=i as u64) as usize);
    }
    order
}

/// Fills in NES, p and q from the scores of the permutations (permutations × sets).
fn judge(rows: &mut [SetEnrichment], mut permuted: Vec<Vec<f64>>) {
    for (s, row) in rows.iter_mut().enumerate() {
        // Sums and counts of permuted scores: positive, negative.
        let mut sides = [(0.0, 0_usize); 2];
        let mut as_far = 0_usize;
        for es in permuted.iter().map(|p| p[s]) {
            let side = &mut sides[usize::from(es < 0.0)];
            *side = (side.0 + es.abs(), side.1 + 1);
            as_far += usize::from((es < 0.0) == (row.es < 0.0) && es.abs() >= row.es.abs());
        }
        let scale = sides.map(|(sum, count)| sum / count as f64);
        let own = usize::from(row.es < 0.0);
        row.nes = if scale[own] > 0.0 { row.es / scale[own] } else { f64::NAN };
        row.p_value = (as_far + 1) as f64 / (sides[own].1 + 1) as f64;
        for es in permuted.iter_mut().map(|p| &mut p[s]) {
            *es /= scale[usize::from(*es < 0.0)];
        }
    }
    for negative in [false, true] {
        let on_side = |x: &f64| !x.is_nan() && (*x < 0.0) == negative;
        let sizes = |values: &mut dyn Iterator<Item = f64>| {
            let mut sizes: Vec<f64> = values.filter(on_side).map(f64::abs).collect();
            sizes.sort_unstable_by(f64::total_cmp);
            sizes
        };
        let by_chance = sizes(&mut permuted.iter().flatten().copied());
        let observed = sizes(&mut rows.iter().map(|r| r.nes));
        let share =
            |all: &[f64], x: f64| (all.len() - all.partition_point(|v| *v < x)) as f64 / all.len() as f64;
        for row in rows.iter_mut().filter(|r| on_side(&r.nes)) {
            let size = row.nes.abs();
            row.q_value = (share(&by_chance, size) / share(&observed, size)).min(1.0);
        }
    }
}
