//! How much do results depend on which cells, and which seed, were used?

use crate::correlation::spearman;
use crate::intervals::quantile;
use crate::random::{rng, shuffle};
use crate::ranks::midranks;
use crate::{Metric, Undefined, input};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// A metric over repeated subsamples.
#[derive(Debug, Clone, PartialEq)]
pub struct Stability {
    /// Values in the order drawn; undefined ones left out.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (n − 1).
    pub sd: f64,
    /// Smallest, median and largest.
    pub range: (f64, f64, f64),
    /// Draws on which the metric was undefined.
    pub undefined: usize,
}

/// Agreement of several rankings of the same cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankAgreement {
    /// Kendall's coefficient of concordance W in [0, 1], corrected for ties.
    pub kendall_w: f64,
    /// Mean Spearman correlation over all pairs of runs.
    pub mean_spearman: f64,
    /// The lowest of those: 50 runs may agree but for one whose sign is flipped.
    pub worst_spearman: f64,
}

/// Cell numbers, ascending, of a draw without replacement of the share `share` of each class, as the field's papers do
/// with 0.8. `draw` numbers the draws of one seed.
///
/// # Errors
/// [`Undefined`] for no labels, labels other than 0 and 1, and a share outside (0, 1].
pub fn stratified_subsample(labels: &[u8], share: f64, seed: u64, draw: u64) -> Metric<Vec<usize>> {
    input::not_empty("labels", labels.len())?;
    input::binary("labels", labels)?;
    if !(share > 0.0 && share <= 1.0) {
        return Err(Undefined::setting("share", format!("is {share}; pass a number in (0, 1]")));
    }
    let mut generator = rng(seed, draw);
    let mut chosen = Vec::new();
    for class in 0..2 {
        let mut members: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
        shuffle(&mut members, &mut generator);
        // At least one of each class that exists.
        let keep = (members.len() as f64 * share).round().max(1.0) as usize;
        chosen.extend(members.into_iter().take(keep));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// Scores fixed predictions on repeated [`stratified_subsample`]s. This measures the choice of cells only; retraining
/// on each draw is another question.
///
/// # Errors
/// As [`stratified_subsample`]; [`Undefined`] for fewer than 2 draws, and when `metric` is undefined on
/// more than one draw in 20 (what it said there).
pub fn stability(
    labels: &[u8],
    share: f64,
    draws: usize,
    seed: u64,
    metric: impl Fn(&[usize]) -> Metric + Sync,
) -> Metric<Stability> {
    input::at_least("draws", draws, 2)?;
    stratified_subsample(labels, share, seed, 0)?;
    let all: Vec<Metric> = (0..draws as u64)
        .into_par_iter()
        .map(|draw| metric(&stratified_subsample(labels, share, seed, draw)?))
        .collect();
    let values: Vec<f64> = all.iter().filter_map(|v| v.as_ref().ok().copied()).collect();
    let undefined = all.len() - values.len();
    if values.len() < 2 || undefined * 20 > draws {
        return Err(all.into_iter().find_map(Result::err).unwrap_or(Undefined::Empty { what: "draws" }));
    }
    input::finite("the metric", &values)?;
    let n = values.len() as f64;
    let mean = input::representable("the mean", values.iter().sum::<f64>() / n)?;
    let sd = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let range = (sorted[0], quantile(&sorted, 0.5), sorted[sorted.len() - 1]);
    Ok(Stability { values, mean, sd, range, undefined })
}

/// Do runs with different seeds rank the cells alike? `scores` is runs × cells.
///
/// # Errors
/// [`Undefined`] for fewer than 2 runs or cells, scores that are not finite, and a run that scores all cells the same.
pub fn rank_agreement(scores: ArrayView2<'_, f64>) -> Metric<RankAgreement> {
    let scores = input::matrix("scores", scores)?;
    let (m, n) = scores.dim();
    input::at_least("runs", m, 2)?;
    input::at_least("cells", n, 2)?;
    let mut totals = vec![0.0; n];
    let mut ties = 0.0;
    let runs: Vec<Vec<f64>> = scores.rows().into_iter().map(|r| r.to_vec()).collect();
    for run in &runs {
        let (ranks, groups) = midranks(run);
        if groups.len() == 1 {
            return Err(Undefined::Constant { what: "a run" });
        }
        totals.iter_mut().zip(ranks).for_each(|(t, r)| *t += r);
        ties += groups.iter().map(|&t| (t as f64).powi(3) - t as f64).sum::<f64>();
    }
    let (m, n) = (m as f64, n as f64);
    let centre = m * (n + 1.0) / 2.0;
    let spread: f64 = totals.iter().map(|t| (t - centre) * (t - centre)).sum();
    let kendall_w = (12.0 * spread / (m * m * (n * n * n - n) - m * ties)).clamp(0.0, 1.0);

    let pairs: Vec<(usize, usize)> =
        (0..runs.len()).flat_map(|i| (i + 1..runs.len()).map(move |j| (i, j))).collect();
    let correlations: Vec<f64> = pairs
        .par_iter()
        .map(|&(i, j)| spearman(&runs[i], &runs[j]).map(|c| c.coefficient))
        .collect::<Metric<_>>()?;
    Ok(RankAgreement {
        kendall_w,
        mean_spearman: correlations.iter().sum::<f64>() / correlations.len() as f64,
        worst_spearman: correlations.iter().copied().fold(1.0, f64::min),
    })
}
