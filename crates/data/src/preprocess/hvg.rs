//! Highly variable genes, in the three definitions that scanpy offers.

use super::{Rows, column_moments, loess};
use crate::{DataError, Result};

/// Number of bins of mean expression.
const BINS: usize = 20;
/// Share of the genes in each local regression.
const SPAN: f64 = 0.3;
/// Φ⁻¹(3/4): the median absolute deviation of a standard normal.
const NORMAL_MAD: f64 = 0.674_489_750_196_081_7;

/// Which definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HvgFlavor {
    /// Dispersion within 20 bins of equal width (Satija et al. 2015), on log-normalised values.
    Seurat,
    /// Dispersion within bins of percentiles (Zheng et al. 2017), on log-normalised values.
    CellRanger,
    /// Variance of standardised counts (Stuart et al. 2019), on raw counts.
    SeuratV3,
}

/// Bounds of the older way of choosing; all strict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HvgCutoffs {
    /// Least mean.
    pub min_mean: f64,
    /// Greatest mean.
    pub max_mean: f64,
    /// Least normalised dispersion.
    pub min_dispersion: f64,
}

impl Default for HvgCutoffs {
    fn default() -> Self {
        Self { min_mean: 0.0125, max_mean: 3.0, min_dispersion: 0.5 }
    }
}

/// Genes and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Hvg {
    /// Mean of each gene: of ln(1 + mean) for `Seurat`, plain otherwise.
    pub means: Vec<f64>,
    /// Dispersion (for `Seurat` its logarithm), or the variance for `SeuratV3`.
    pub dispersions: Vec<f64>,
    /// What genes are compared by; NaN where a gene has none.
    pub normalized: Vec<f64>,
    /// The chosen genes. Ties at the last place are all chosen, except for `SeuratV3`.
    pub highly_variable: Vec<bool>,
}

/// The `n_top` most variable genes of cells × genes.
///
/// # Errors
/// When there are fewer than 2 cells or `n_top` is 0.
pub fn highly_variable_genes(x: &impl Rows, flavor: HvgFlavor, n_top: usize) -> Result<Hvg> {
    check(x.shape().0, n_top)?;
    let mut hvg = measure(x, flavor)?;
    choose(&mut hvg, flavor, n_top);
    Ok(hvg)
}

pub(super) fn check(cells: usize, n_top: usize) -> Result<()> {
    let (problem, hint) = match (cells, n_top) {
        (_, 0) => ("0 genes asked for".to_owned(), "ask for at least 1"),
        (n @ (0 | 1), _) => (format!("{n} cells"), "pass at least 2"),
        _ => return Ok(()),
    };
    Err(DataError::invalid("highly variable genes", problem, hint))
}

/// Marks the `n_top` (at least 1) first genes.
pub(super) fn choose(hvg: &mut Hvg, flavor: HvgFlavor, n_top: usize) {
    if flavor == HvgFlavor::SeuratV3 {
        let mut order: Vec<usize> = (0..hvg.normalized.len()).collect();
        order.sort_by(|&a, &b| hvg.normalized[b].total_cmp(&hvg.normalized[a]));
        order.into_iter().take(n_top).for_each(|j| hvg.highly_variable[j] = true);
        return;
    }
    let mut known: Vec<f64> = hvg.normalized.iter().copied().filter(|v| !v.is_nan()).collect();
    known.sort_by(|a, b| b.total_cmp(a));
    let threshold = known.get(n_top - 1).or(known.last()).copied().unwrap_or(f64::INFINITY);
    // A missing value counts as 0 in the comparison.
    let zero = |v: f64| if v.is_nan() { 0.0 } else { v };
    hvg.highly_variable = hvg.normalized.iter().map(|&v| zero(v) >= threshold).collect();
}

/// Genes within the bounds, for the two definitions by dispersion.
///
/// # Errors
/// When there are fewer than 2 cells, or for [`HvgFlavor::SeuratV3`], which has no bounds.
pub fn highly_variable_genes_by_cutoffs(
    x: &impl Rows,
    flavor: HvgFlavor,
    cutoffs: &HvgCutoffs,
) -> Result<Hvg> {
    if flavor == HvgFlavor::SeuratV3 {
        return Err(DataError::invalid(
            "highly variable genes",
            "seurat_v3 has no cutoffs",
            "ask for a number of genes",
        ));
    }
    let mut hvg = measure(x, flavor)?;
    hvg.highly_variable = (0..hvg.means.len())
        .map(|j| {
            let dispersion = if hvg.normalized[j].is_nan() { 0.0 } else { hvg.normalized[j] };
            hvg.means[j] > cutoffs.min_mean
                && hvg.means[j] < cutoffs.max_mean
                && dispersion > cutoffs.min_dispersion
                && dispersion < f64::INFINITY
        })
        .collect();
    Ok(hvg)
}

fn measure(x: &impl Rows, flavor: HvgFlavor) -> Result<Hvg> {
    check(x.shape().0, 1)?;
    if flavor == HvgFlavor::SeuratV3 {
        return Ok(standardized_variance(x));
    }
    // Seurat undoes the logarithm first.
    let seurat = flavor == HvgFlavor::Seurat;
    let (means, variances) = column_moments(x, 1, |v| if seurat { v.exp_m1() } else { v });
    Ok(by_dispersion(means, &variances, flavor))
}

/// The two definitions by dispersion, from the moments of the genes; for `Seurat` those without the logarithm.
pub(super) fn by_dispersion(mut means: Vec<f64>, variances: &[f64], flavor: HvgFlavor) -> Hvg {
    let (p, seurat) = (means.len(), flavor == HvgFlavor::Seurat);
    let mut dispersions = Vec::with_capacity(p);
    for (m, v) in means.iter_mut().zip(variances) {
        *m = if *m == 0.0 { 1e-12 } else { *m };
        let d = v / *m;
        dispersions.push(match (seurat, d == 0.0) {
            (true, true) => f64::NAN,
            (true, false) => d.ln(),
            _ => d,
        });
        *m = if seurat { m.ln_1p() } else { *m };
    }
    let edges = if seurat { equal_width_edges(&means) } else { percentile_edges(&means) };
    let mut bins: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (j, m) in means.iter().enumerate() {
        // Right-closed: the first edge that is not below the mean.
        bins[edges.partition_point(|e| e < m).min(edges.len() - 1)].push(j);
    }
    let mut normalized = vec![f64::NAN; p];
    for bin in &bins {
        let mut known: Vec<f64> = bin.iter().map(|&j| dispersions[j]).filter(|d| !d.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        let (centre, spread) = if seurat { mean_and_sd(&known) } else { median_and_mad(&known) };
        bin.iter().for_each(|&j| normalized[j] = (dispersions[j] - centre) / spread);
    }
    Hvg { means, dispersions, normalized, highly_variable: vec![false; p] }
}

/// A bin of one gene gives it the value 1: no mean, and itself as the deviation.
fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() == 1 {
        return (0.0, mean);
    }
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

fn median_and_mad(sorted: &[f64]) -> (f64, f64) {
    let median = median_of_sorted(sorted).unwrap_or(f64::NAN);
    let mut away: Vec<f64> = sorted.iter().map(|v| (v - median).abs()).collect();
    away.sort_by(f64::total_cmp);
    (median, median_of_sorted(&away).unwrap_or(f64::NAN) / NORMAL_MAD)
}

pub(super) fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    let upper = *sorted.get(n / 2)?;
    if n % 2 == 1 { Some(upper) } else { Some(0.5 * (sorted.get(n / 2 - 1)? + upper)) }
}

/// Upper edges of 20 bins over the range of the means, as `pandas.cut` makes them.
fn equal_width_edges(means: &[f64]) -> Vec<f64> {
    let (mut low, mut high) =
        means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &m| (l.min(m), h.max(m)));
    if low == high {
        let widen = if low == 0.0 { 0.001 } else { 0.001 * low.abs() };
        (low, high) = (low - widen, high + widen);
    }
    (1..=BINS).map(|k| if k == BINS { high } else { low + (high - low) * k as f64 / BINS as f64 }).collect()
}

/// The 10th to 100th percentiles in steps of 5, and infinity.
fn percentile_edges(means: &[f64]) -> Vec<f64> {
    let mut sorted = means.to_vec();
    sorted.sort_by(f64::total_cmp);
    let percentile = |q: f64| {
        let at = q / 100.0 * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        below + (above - below) * at.fract()
    };
    let mut edges: Vec<f64> = (2..=20).map(|k| percentile(5.0 * f64::from(k))).collect();
    edges.dedup();
    edges.push(f64::INFINITY);
    edges
}

/// Seurat v3: the expected deviation of a gene's counts from a local regression of log variance on log mean, and the
/// variance of the counts standardised by it, cut at √n deviations.
fn standardized_variance(x: &impl Rows) -> Hvg {
    let (n, p) = x.shape();
    let (means, variances) = column_moments(x, 1, |v| v);
    let expected = Expected::new(n, &means, &variances);
    let (mut sum, mut squares) = (vec![0.0; p], vec![0.0; p]);
    for i in 0..n {
        x.row(i, &mut |j, v| {
            let v = v.min(expected.limit[j]);
            sum[j] += v;
            squares[j] += v * v;
        });
    }
    expected.hvg(n, means, variances, &sum, &squares)
}

/// What Seurat v3 expects of the counts of each gene.
pub(super) struct Expected {
    sd: Vec<f64>,
    /// Where counts are cut.
    pub(super) limit: Vec<f64>,
}

impl Expected {
    pub(super) fn new(n: usize, means: &[f64], variances: &[f64]) -> Self {
        let p = means.len();
        let varying: Vec<usize> = (0..p).filter(|&j| variances[j] > 0.0).collect();
        let log = |v: &[f64]| varying.iter().map(|&j| v[j].log10()).collect::<Vec<f64>>();
        let fit = loess(&log(means), &log(variances), SPAN);
        let mut sd = vec![1.0; p];
        varying.iter().zip(fit).for_each(|(&j, f)| sd[j] = 10f64.powf(f).sqrt());
        let limit = (0..p).map(|j| sd[j] * (n as f64).sqrt() + means[j]).collect();
        Self { sd, limit }
    }

    /// From the sums of the cut counts of `n` cells and of their squares.
    pub(super) fn hvg(
        &self,
        n: usize,
        means: Vec<f64>,
        variances: Vec<f64>,
        sum: &[f64],
        squares: &[f64],
    ) -> Hvg {
        let p = means.len();
        let normalized = (0..p)
            .map(|j| {
                let (m, sd) = (means[j], self.sd[j]);
                (n as f64 * m * m + squares[j] - 2.0 * sum[j] * m) / ((n as f64 - 1.0) * sd * sd)
            })
            .collect();
        Hvg { means, dispersions: variances, normalized, highly_variable: vec![false; p] }
    }
}
