//! The bootstrap, over samples or over the groups they come from.

use crate::random::{below, rng};
use crate::special::{normal_cdf, normal_quantile};
use crate::{Metric, Undefined, input, label};
use rayon::prelude::*;

/// What is drawn with replacement.
#[derive(Debug, Clone, Copy)]
pub enum Design<'a> {
    /// This many samples, each by itself.
    Simple(usize),
    /// Samples within each class, so that every replicate has the same class sizes.
    Stratified(&'a [u8]),
    /// Whole groups (cell lines, donors, plates), one number per sample: cells of one group are not independent, and
    /// drawing them singly makes intervals too narrow.
    Grouped(&'a [i64]),
}

/// How replicates become an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Quantiles of the replicates.
    Percentile,
    /// Bias-corrected and accelerated (Efron 1987). Acceleration by the jackknife: leaving out each unit, or each of
    /// 1000 blocks when there are more units.
    Bca,
}

/// Settings of [`bootstrap`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Replicates, at least 2.
    pub resamples: usize,
    /// Coverage, as 0.95.
    pub level: f64,
    /// Percentile or BCa.
    pub method: Method,
    /// Same seed, same interval, on any number of threads.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 2000, level: 0.95, method: Method::Bca, seed: 0 }
    }
}

/// An estimate with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// The metric on all samples.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The coverage asked for.
    pub level: f64,
    /// The replicates behind it, in the order drawn; undefined ones left out.
    pub replicates: Vec<f64>,
    /// Replicates on which the metric was undefined (no sensitive cell drawn, say).
    pub undefined: usize,
}

/// Units that are drawn together, by stratum: `strata[s][u]` holds the samples of unit u.
type Strata = Vec<Vec<Vec<usize>>>;

/// Interval of any metric of samples numbered from 0: `statistic` gets sample numbers, repeated as drawn.
///
/// # Errors
/// What `statistic` says of all samples; [`Undefined`] for settings out of range, fewer than 2 units, more than one
/// replicate in 20 undefined, and for BCa when the replicates all lie on one side of the estimate.
pub fn bootstrap(
    design: Design<'_>,
    options: Bootstrap,
    statistic: impl Fn(&[usize]) -> Metric + Sync,
) -> Metric<Interval> {
    input::open_unit("level", options.level)?;
    input::at_least("resamples", options.resamples, 2)?;
    let strata = strata(design)?;
    let units: usize = strata.iter().map(Vec::len).sum();
    input::at_least("units to draw", units, 2)?;
    let everything: Vec<usize> = strata.iter().flatten().flatten().copied().collect();
    let estimate = statistic(&sorted(everything))?;

    let replicate = |b: usize| {
        let mut generator = rng(options.seed, b as u64);
        let mut drawn = Vec::new();
        for stratum in &strata {
            for _ in 0..stratum.len() {
                drawn.extend(&stratum[below(stratum.len(), &mut generator)]);
            }
        }
        statistic(&drawn)
    };
    let all: Vec<Metric> = (0..options.resamples).into_par_iter().map(replicate).collect();
    let replicates: Vec<f64> = all.iter().filter_map(|r| r.as_ref().ok().copied()).collect();
    input::finite("replicates", &replicates)?;
    let undefined = all.len() - replicates.len();
    if undefined * 20 > all.len() {
        return Err(all.into_iter().find_map(Result::err).unwrap_or(Undefined::Empty { what: "replicates" }));
    }
    let (low, high) = match options.method {
        Method::Percentile => percentile_interval(&replicates, options.level)?,
        Method::Bca => bca_interval(estimate, &replicates, &jackknife(&strata, &statistic), options.level)?,
    };
    Ok(Interval { estimate, low, high, level: options.level, replicates, undefined })
}

fn sorted(mut samples: Vec<usize>) -> Vec<usize> {
    samples.sort_unstable();
    samples
}

fn strata(design: Design<'_>) -> Metric<Strata> {
    let gather = |codes: label::Indexed| {
        let mut members = vec![Vec::new(); codes.values.len()];
        codes.of.iter().enumerate().for_each(|(i, &c)| members[c as usize].push(i));
        members
    };
    Ok(match design {
        Design::Simple(n) => vec![(0..n).map(|i| vec![i]).collect()],
        Design::Stratified(labels) => {
            input::binary("labels", labels)?;
            let classes = gather(label::index(labels.iter().map(|l| i64::from(*l))));
            classes.into_iter().map(|class| class.into_iter().map(|i| vec![i]).collect()).collect()
        }
        Design::Grouped(groups) => vec![gather(label::index(groups.iter().copied()))],
    })
}

/// The statistic without each unit (or block of units), by stratum; undefined ones left out.
fn jackknife(strata: &Strata, statistic: &(impl Fn(&[usize]) -> Metric + Sync)) -> Vec<Vec<f64>> {
    const MOST: usize = 1000;
    let units: usize = strata.iter().map(Vec::len).sum();
    let without = |s: usize, blocks: usize, block: usize| {
        let kept = strata.iter().enumerate().flat_map(|(t, stratum)| {
            stratum
                .iter()
                .enumerate()
                .filter(move |(u, _)| t != s || u % blocks != block)
                .flat_map(|(_, m)| m)
        });
        statistic(&sorted(kept.copied().collect())).ok()
    };
    (0..strata.len())
        .map(|s| {
            let size = strata[s].len();
            let blocks = if units <= MOST { size } else { (MOST * size).div_ceil(units).min(size) };
            let values: Vec<Option<f64>> =
                (0..blocks).into_par_iter().map(|block| without(s, blocks, block)).collect();
            values.into_iter().flatten().collect()
        })
        .collect()
}

/// Quantiles of bootstrap replicates, interpolated linearly.
///
/// # Errors
/// [`Undefined`] for no replicates, values that are not finite, and a level outside (0, 1).
pub fn percentile_interval(replicates: &[f64], level: f64) -> Metric<(f64, f64)> {
    input::open_unit("level", level)?;
    input::not_empty("replicates", replicates.len())?;
    input::finite("replicates", replicates)?;
    let sorted = ascending(replicates);
    Ok((quantile(&sorted, (1.0 - level) / 2.0), quantile(&sorted, (1.0 + level) / 2.0)))
}

/// Bias-corrected and accelerated interval from replicates and jackknife values (one list per stratum; a single list
/// for an unstratified bootstrap), after Efron and Tibshirani 1993, chapters 14 and 22.
///
/// # Errors
/// As [`percentile_interval`]; [`Undefined::Singular`] when all replicates lie on one side of the estimate, or when the
/// correction leaves the range of probabilities.
pub fn bca_interval(
    estimate: f64,
    replicates: &[f64],
    jackknife: &[Vec<f64>],
    level: f64,
) -> Metric<(f64, f64)> {
    input::open_unit("level", level)?;
    input::not_empty("replicates", replicates.len())?;
    input::finite("estimate", &[estimate])?;
    input::finite("replicates", replicates)?;
    for stratum in jackknife {
        input::finite("jackknife values", stratum)?;
    }
    let one_sided = Undefined::Singular {
        what: "the BCa interval",
        reason: "the replicates lie on one side of the estimate; use Method::Percentile or more samples",
    };
    let below = replicates.iter().filter(|r| **r < estimate).count() as f64;
    let equal = replicates.iter().filter(|r| **r == estimate).count() as f64;
    let share = (below + equal / 2.0) / replicates.len() as f64;
    if share <= 0.0 || share >= 1.0 {
        return Err(one_sided);
    }
    let (mut cubes, mut squares) = (0.0, 0.0);
    for stratum in jackknife.iter().filter(|s| s.len() > 1) {
        let n = stratum.len() as f64;
        let mean = stratum.iter().sum::<f64>() / n;
        for value in stratum {
            let u = (n - 1.0) * (mean - value) / n;
            cubes += u * u * u;
            squares += u * u;
        }
    }
    let squares = input::representable("the jackknife variance", squares)?;
    let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
    let bias = normal_quantile(share);
    let adjusted = |p: f64| {
        let z = bias + normal_quantile(p);
        let stretch = 1.0 - acceleration * z;
        if stretch > 0.0 { Ok(normal_cdf(bias + z / stretch)) } else { Err(one_sided.clone()) }
    };
    let (low, high) = (adjusted((1.0 - level) / 2.0)?, adjusted((1.0 + level) / 2.0)?);
    let sorted = ascending(replicates);
    Ok((quantile(&sorted, low), quantile(&sorted, high)))
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Linear interpolation between order statistics; `sorted` is not empty.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    // Not low + (high − low) t, whose difference may overflow.
    low * (1.0 - at.fract()) + high * at.fract()
}
