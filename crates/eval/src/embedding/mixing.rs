//! Are domains (batches, bulk against cells) mixed, and classes not?

use super::{Distance, nearest_neighbours};
use crate::linear::Logistic;
use crate::random::{self, rng};
use crate::special::chi_square_tail;
use crate::{Label, Metric, Undefined, input, label};
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// Outcome of [`kbet`].
#[derive(Debug, Clone, PartialEq)]
pub struct Kbet {
    /// Share of neighbourhoods whose domain composition differs from the whole's: 0 mixed, 1 separate.
    pub rejection_rate: f64,
    /// Chi-square p-value of every point's neighbourhood.
    pub p_values: Vec<f64>,
}

/// Local test of mixing: are the domains among the k nearest points as frequent as in all (chi-square at `alpha`)?
/// After Büttner et al. 2019, over all points instead of a sample.
///
/// # Errors
/// [`Undefined`] for malformed input, a single domain, `k` outside 1..n and `alpha` outside (0, 1).
pub fn kbet<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    domains: &[L],
    k: usize,
    alpha: f64,
) -> Metric<Kbet> {
    input::open_unit("alpha", alpha)?;
    let (of, counts) = domains_of(domains, points.nrows())?;
    let found = nearest_neighbours(points, k, Distance::Euclidean)?;
    let n = of.len() as f64;
    let p_value = |neighbours: &Vec<usize>| {
        let mut seen = vec![0.0; counts.len()];
        neighbours.iter().for_each(|&j| seen[of[j] as usize] += 1.0);
        let statistic: f64 = seen
            .iter()
            .zip(&counts)
            .map(|(o, c)| {
                let e = k as f64 * c / n;
                (o - e) * (o - e) / e
            })
            .sum();
        chi_square_tail(statistic, counts.len() as f64 - 1.0)
    };
    let p_values: Vec<f64> = found.indices.iter().map(p_value).collect();
    let rejected = p_values.iter().filter(|p| **p < alpha).count();
    Ok(Kbet { rejection_rate: rejected as f64 / n, p_values })
}

fn domains_of<L: Label>(domains: &[L], n: usize) -> Metric<(Vec<u32>, Vec<f64>)> {
    input::not_empty("domains", domains.len())?;
    input::same_len("domains", domains.len(), n)?;
    let indexed = label::index(domains.iter().map(|d| d.code()));
    if indexed.values.len() < 2 {
        return Err(Undefined::OneClass { what: "domains" });
    }
    let mut counts = vec![0.0; indexed.values.len()];
    indexed.of.iter().for_each(|&d| counts[d as usize] += 1.0);
    Ok((indexed.of, counts))
}

/// Local inverse Simpson index of every point: the effective number of classes in its neighbourhood, from 1 to the
/// number of classes. Neighbours (three times the perplexity) are weighted by a Gaussian of that perplexity
/// (Korsunsky et al. 2019, who use 30).
///
/// # Errors
/// [`Undefined`] for malformed input, a single class, a perplexity below 1 or 3 × perplexity >= n.
pub fn lisi<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    labels: &[L],
    perplexity: f64,
) -> Metric<Vec<f64>> {
    let (of, counts) = domains_of(labels, points.nrows())?;
    if !(perplexity >= 1.0 && perplexity * 3.0 < of.len() as f64) {
        let n = of.len();
        return Err(Undefined::setting(
            "perplexity",
            format!("is {perplexity} with {n} points; pass at least 1 and less than a third of the points"),
        ));
    }
    let k = (perplexity * 3.0) as usize;
    let found = nearest_neighbours(points, k, Distance::Euclidean)?;
    let index = |(neighbours, distances): (&Vec<usize>, &Vec<f64>)| {
        let mut share = vec![0.0; counts.len()];
        for (&j, w) in neighbours.iter().zip(gaussian_weights(distances, perplexity.ln())) {
            share[of[j] as usize] += w;
        }
        1.0 / share.iter().map(|s| s * s).sum::<f64>()
    };
    Ok(found.indices.par_iter().zip(&found.distances).map(index).collect())
}

/// Weights exp(−d β), summing to 1, whose entropy is `target`; uniform where distances do not allow it.
fn gaussian_weights(distances: &[f64], target: f64) -> Vec<f64> {
    let nearest = distances.first().copied().unwrap_or(0.0);
    let scale = distances.iter().map(|d| d - nearest).sum::<f64>() / distances.len() as f64;
    let weights = |beta: f64| {
        let w: Vec<f64> = distances.iter().map(|d| (-(d - nearest) * beta).exp()).collect();
        let sum: f64 = w.iter().sum();
        w.into_iter().map(|w| w / sum).collect::<Vec<_>>()
    };
    // Differences of rounding size are no structure.
    if scale <= 1e-10 * nearest || scale == 0.0 {
        return weights(0.0);
    }
    let entropy = |w: &[f64]| w.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>();
    // Entropy falls with beta: bisect on its logarithm.
    let (mut low, mut high) = (1e-6 / scale, 1e6 / scale);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if entropy(&weights(middle)) > target { low = middle } else { high = middle }
    }
    weights((low * high).sqrt())
}

fn scaled_median<L: Label>(mut values: Vec<f64>, labels: &[L]) -> f64 {
    let classes = label::index(labels.iter().map(|l| l.code())).values.len() as f64;
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let median = (values[(n - 1) / 2] + values[n / 2]) / 2.0;
    (median - 1.0) / (classes - 1.0)
}

/// Integration: median [`lisi`] of the domains scaled to 0 (separate) .. 1 (mixed) (Luecken et al. 2022).
///
/// # Errors
/// As [`lisi`].
pub fn ilisi<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    domains: &[L],
    perplexity: f64,
) -> Metric {
    Ok(scaled_median(lisi(points, domains, perplexity)?, domains))
}

/// Conservation: median [`lisi`] of the classes scaled to 1 (each neighbourhood one class) .. 0 (classes mixed).
///
/// # Errors
/// As [`lisi`].
pub fn clisi<T: Copy + Into<f64>, L: Label>(
    points: ArrayView2<'_, T>,
    classes: &[L],
    perplexity: f64,
) -> Metric {
    Ok(1.0 - scaled_median(lisi(points, classes, perplexity)?, classes))
}

/// Proxy A-distance 2 (1 − 2ε), ε the balanced error of a linear domain classifier on points it was not trained on
/// (Ben-David et al. 2007): about 0 when domains cannot be told apart, 2 when they can. Slightly negative by chance.
///
/// The classifier is a ridge-penalised logistic regression, cross-fitted on two halves drawn with `seed`.
///
/// # Errors
/// [`Undefined`] for malformed input and fewer than 4 points in either domain.
pub fn proxy_a_distance<T: Copy + Into<f64>>(points: ArrayView2<'_, T>, domains: &[u8], seed: u64) -> Metric {
    let x = input::matrix("points", points)?;
    input::same_len("domains", domains.len(), x.nrows())?;
    input::binary("domains", domains)?;
    let mut halves = [Vec::new(), Vec::new()];
    let mut generator = rng(seed, 0);
    for domain in 0..2 {
        let mut members: Vec<usize> = (0..domains.len()).filter(|&i| domains[i] == domain).collect();
        input::at_least("points of each domain", members.len(), 4)?;
        random::shuffle(&mut members, &mut generator);
        for (position, i) in members.into_iter().enumerate() {
            halves[position % 2].push(i);
        }
    }
    let (mut wrong, mut total) = ([0.0; 2], [0.0; 2]);
    for (train, test) in [(&halves[0], &halves[1]), (&halves[1], &halves[0])] {
        let labels: Vec<u8> = train.iter().map(|&i| domains[i]).collect();
        let model = Logistic::fit(&x.select(Axis(0), train), &labels, None, 1.0)?;
        for &i in test {
            let domain = usize::from(domains[i]);
            total[domain] += 1.0;
            let p = model.probability(x.row(i));
            // A coin toss counts half.
            wrong[domain] += if p == 0.5 { 0.5 } else { f64::from(u8::from((p > 0.5) != (domain == 1))) };
        }
    }
    let error = (wrong[0] / total[0] + wrong[1] / total[1]) / 2.0;
    Ok(2.0 * (1.0 - 2.0 * error))
}
