//! The scale that values are on: counts, log-normalised, z-scored or min-max. Detected and checked, never guessed on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::matrix::stretches;
use crate::{DataError, Result, Values};

/// The scale of expression values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Raw counts: whole numbers from 0.
    Counts,
    /// Logarithms, not negative: log1p of normalised counts, log2 microarray intensities, log TPM.
    LogNormalised,
    /// Mean 0 and standard deviation 1, of each gene or of each sample.
    ZScored,
    /// Each gene from 0 to 1.
    MinMax,
    /// None of these, or not to be told.
    Unknown,
}

const NAMES: [(Scale, &str); 5] = [
    (Scale::Counts, "counts"),
    (Scale::LogNormalised, "log-normalised"),
    (Scale::ZScored, "z-scored"),
    (Scale::MinMax, "min-max"),
    (Scale::Unknown, "unknown"),
];

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|n| n.0 == *self).map_or("unknown", |n| n.1))
    }
}

impl FromStr for Scale {
    type Err = DataError;

    fn from_str(s: &str) -> Result<Self> {
        let wanted = s.to_lowercase().replace('_', "-");
        NAMES.iter().find(|n| n.1 == wanted).map(|n| n.0).ok_or_else(|| {
            DataError::invalid(
                "scale",
                format!("{s} is unknown"),
                "write counts, log-normalised, z-scored, min-max or unknown",
            )
        })
    }
}

/// The scale found by [`scale`], and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleReport {
    /// The scale.
    pub scale: Scale,
    /// The reason in words.
    pub evidence: String,
    /// Smallest value; NaN without values.
    pub min: f64,
    /// Largest value; NaN without values.
    pub max: f64,
    /// Share of values that are whole numbers, zeros included.
    pub share_integer: f64,
    /// Share of values below 0.
    pub share_negative: f64,
    /// Share of values that are 0.
    pub share_zero: f64,
}

/// A larger value is no logarithm: log2 of a 16-bit intensity ends at 16, log2 of a count in a bulk sample near 30.
const LARGEST_LOG: f64 = 32.0;
/// Genes and samples looked at for means and standard deviations, evenly spaced.
const AT_MOST: usize = 400;
/// How far from 0 and 1 mean and SD may lie: subsets of what was scaled (one class, some genes) drift.
const MEAN_WITHIN: f64 = 0.25;
const SD_WITHIN: (f64, f64) = (0.6, 1.4);

/// Recognises the scale of `values` (samples × genes). Range and shares are taken over all values; means and
/// standard deviations over at most 400 genes and 400 samples, evenly spaced. The same values give the same answer.
pub fn scale(values: &Values) -> ScaleReport {
    let (rows, cols) = values.shape();
    let total = rows as f64 * cols as f64;
    let (mut seen, mut stored) = (Seen::default(), 0);
    for stretch in stretches(values) {
        stored += stretch.len();
        seen.add(&stretch);
    }
    let Seen { low, high, whole, negative, zero, strange } = seen;
    let (mut min, mut max) = (f64::from(low), f64::from(high));
    let implicit = rows.saturating_mul(cols).saturating_sub(stored);
    if implicit > 0 {
        (min, max) = (min.min(0.0), max.max(0.0));
    }
    let share = |count: usize| if total > 0.0 { count as f64 / total } else { 0.0 };
    let mut report = ScaleReport {
        scale: Scale::Unknown,
        evidence: String::new(),
        min: if min.is_finite() { min } else { f64::NAN },
        max: if max.is_finite() { max } else { f64::NAN },
        share_integer: share(whole + implicit),
        share_negative: share(negative),
        share_zero: share(zero + implicit),
    };
    (report.scale, report.evidence) = if total == 0.0 {
        (Scale::Unknown, "there are no values".to_owned())
    } else if strange > 0 {
        (Scale::Unknown, format!("{strange} values are not finite"))
    } else {
        decide(values, &report, whole + implicit == rows * cols)
    };
    report
}

/// What all values together show.
struct Seen {
    low: f32,
    high: f32,
    whole: usize,
    negative: usize,
    zero: usize,
    strange: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { low: f32::INFINITY, high: f32::NEG_INFINITY, whole: 0, negative: 0, zero: 0, strange: 0 }
    }
}

impl Seen {
    /// Every value of every file comes by here: eight side by side, without branches and calls, are single instructions.
    fn add(&mut self, stretch: &[f32]) {
        const SIDE: usize = 8;
        let (mut low, mut high, mut counts) = ([self.low; SIDE], [self.high; SIDE], [[0u32; SIDE]; 4]);
        let mut see = |k: usize, v: f32| {
            low[k] = if v < low[k] { v } else { low[k] };
            high[k] = if v > high[k] { v } else { high[k] };
            counts[0][k] += u32::from(is_whole(v));
            counts[1][k] += u32::from(v < 0.0);
            counts[2][k] += u32::from(v == 0.0);
            counts[3][k] += u32::from(!v.is_finite());
        };
        let (eights, rest) = stretch.as_chunks::<SIDE>();
        for eight in eights {
            for (k, v) in eight.iter().enumerate() {
                see(k, *v);
            }
        }
        rest.iter().for_each(|v| see(0, *v));
        self.low = low.into_iter().fold(self.low, f32::min);
        self.high = high.into_iter().fold(self.high, f32::max);
        let [whole, negative, zero, strange] = counts.map(|n| n.iter().map(|n| *n as usize).sum::<usize>());
        self.whole += whole;
        self.negative += negative;
        self.zero += zero;
        self.strange += strange;
    }
}

/// Whether a number is finite and has no fraction; from 2²³ on, none has, and what is below loses its fraction when 2²³
/// is added (which takes no call, and works on several at once).
fn is_whole(v: f32) -> bool {
    const NO_FRACTION: f32 = 8_388_608.0;
    let size = v.abs();
    ((size + NO_FRACTION) - NO_FRACTION == size) | (NO_FRACTION..=f32::MAX).contains(&size)
}

fn decide(values: &Values, r: &ScaleReport, all_integer: bool) -> (Scale, String) {
    let range = format!("{} to {}", r.min, r.max);
    if r.min == r.max {
        return (Scale::Unknown, format!("every value is {}", r.min));
    }
    if r.share_negative > 0.0 {
        let (mean, sd) = typical(values, Axis::Genes);
        if mean <= MEAN_WITHIN && (SD_WITHIN.0..=SD_WITHIN.1).contains(&sd) {
            return (
                Scale::ZScored,
                format!(
                    "from {range}; the typical gene has a mean {mean:.2} away from 0 and a standard deviation of {sd:.2}"
                ),
            );
        }
        let (row_mean, row_sd) = typical(values, Axis::Samples);
        if row_mean <= 0.05 && (0.9..=1.1).contains(&row_sd) {
            return (
                Scale::ZScored,
                format!(
                    "from {range}; the typical sample has mean 0 and a standard deviation of {row_sd:.2} over its genes"
                ),
            );
        }
        let why = format!(
            "{:.1} % of the values are negative ({range}), but the typical gene has a mean {mean:.2} away from 0 and a \
             standard deviation of {sd:.2}",
            100.0 * r.share_negative
        );
        return (Scale::Unknown, why);
    }
    if all_integer && r.max > 1.0 {
        return (Scale::Counts, format!("whole numbers from {range}"));
    }
    if r.max <= 1.0 {
        return if r.min == 0.0 && r.max == 1.0 && !all_integer && full_range(values) {
            (Scale::MinMax, "the typical gene ranges from 0 to 1".to_owned())
        } else {
            (Scale::Unknown, format!("values from {range}, but the typical gene does not range from 0 to 1"))
        };
    }
    if r.max <= LARGEST_LOG {
        return (Scale::LogNormalised, format!("fractions from {range}, none negative"));
    }
    let what =
        format!("fractions up to {}: too large for logarithms, no counts; perhaps TPM, FPKM or CPM", r.max);
    (Scale::Unknown, what)
}

#[derive(Clone, Copy, PartialEq)]
enum Axis {
    Genes,
    Samples,
}

/// The values of evenly spaced genes or samples, complete with zeros.
fn slices(values: &Values, axis: Axis) -> Vec<Vec<f32>> {
    let (rows, cols) = values.shape();
    let n = if axis == Axis::Genes { cols } else { rows };
    let step = n.div_ceil(AT_MOST).max(1);
    match (values, axis) {
        (Values::Dense(a), Axis::Genes) => {
            a.columns().into_iter().step_by(step).map(|c| c.to_vec()).collect()
        }
        (Values::Dense(a), Axis::Samples) => a.rows().into_iter().step_by(step).map(|c| c.to_vec()).collect(),
        (Values::Sparse(m), Axis::Genes) => {
            let columns: Vec<usize> = (0..cols).step_by(step).collect();
            m.select_cols(&columns).to_dense().columns().into_iter().map(|c| c.to_vec()).collect()
        }
        (Values::Sparse(m), Axis::Samples) => {
            let rows: Vec<usize> = (0..rows).step_by(step).collect();
            m.select_rows(&rows).to_dense().rows().into_iter().map(|r| r.to_vec()).collect()
        }
    }
}

/// Medians of |mean| and of the standard deviation over the genes (or samples) that are not constant.
fn typical(values: &Values, axis: Axis) -> (f64, f64) {
    let (mut means, mut sds) = (Vec::new(), Vec::new());
    for slice in slices(values, axis) {
        let n = slice.len() as f64;
        let mean = slice.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = slice.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        if variance > 0.0 {
            means.push(mean.abs());
            sds.push(variance.sqrt());
        }
    }
    (median(means), median(sds))
}

fn full_range(values: &Values) -> bool {
    let genes = slices(values, Axis::Genes);
    let full = genes.iter().filter(|g| {
        let (min, max) = g.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        min == 0.0 && max == 1.0
    });
    2 * full.count() >= genes.len()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Compares a scale that a person declared with what the values look like. [`Scale::Unknown`] declares nothing; and
/// values whose scale was not recognised pass as long as their range allows what was declared.
///
/// # Errors
/// When the values cannot be on the declared scale.
pub fn check(declared: Scale, report: &ScaleReport) -> Result<()> {
    let r = report;
    let contradicted = match declared {
        Scale::Unknown => false,
        Scale::Counts => r.share_negative > 0.0 || r.share_integer < 1.0,
        Scale::LogNormalised => {
            matches!(r.scale, Scale::Counts | Scale::ZScored | Scale::MinMax) || r.max > LARGEST_LOG
        }
        Scale::ZScored => r.share_negative == 0.0,
        Scale::MinMax => r.min < 0.0 || r.max > 1.0,
    };
    if !contradicted {
        return Ok(());
    }
    let found = match r.scale {
        Scale::Unknown => r.evidence.clone(),
        found => format!("the values look {found} ({})", r.evidence),
    };
    Err(DataError::invalid(
        "scale",
        format!("{declared} was declared, but {found}"),
        "pass the right file or layer, or declare the scale the values are on",
    ))
}
