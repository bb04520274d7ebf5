//! Rules that turn a continuous drug response into sensitive (1) and resistant (0).
//!
//! For every rule a lower value means a more sensitive sample (IC50, AUC of the dose-response curve).
//! NaN is a missing value: it takes no part and gets no label.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{DataError, Result};

/// Which distance from the chord the waterfall rule maximises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChordDistance {
    /// The perpendicular distance, on either side (CCLE study, Barretina et al. 2012; scDEAL).
    #[default]
    Perpendicular,
    /// Only points above the chord count, and a correlation equal to the threshold is a line
    /// (published code of He et al. 2025). A curve below its chord is cut at one of its ends.
    Signed,
}

/// How a continuous response becomes a label.
///
/// Written on a command line, and by `Display`, as `waterfall`, `waterfall:0.9:signed:inclusive`, `mean`, `zscore`,
/// `zscore:-0.5`, `extreme:0.3`, `extreme-count:10`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelRule {
    /// The waterfall rule: see [`Waterfall::new`]. Sensitive below the cut.
    Waterfall {
        /// Correlation with a line above which the cut is the median (0.95).
        threshold: f64,
        /// The distance that is maximised.
        distance: ChordDistance,
        /// Whether a value at the cut is sensitive.
        inclusive: bool,
    },
    /// Sensitive below the mean (paper of SSDA4Drug).
    MeanThreshold,
    /// Sensitive where (value - mean) / standard deviation (n - 1) is below the threshold.
    ZScore {
        /// In standard deviations.
        threshold: f64,
    },
    /// Sensitive below the quantile `fraction`, resistant from the quantile 1 - `fraction` on (linear
    /// interpolation), the middle left out (He et al. 2025).
    ExtremeFraction {
        /// Above 0 and at most 0.5.
        fraction: f64,
    },
    /// The `k` lowest are sensitive, the `k` highest resistant, the rest left out; ties in the order given.
    ExtremeCount {
        /// At least 1, and at most half of the values.
        k: usize,
    },
}

impl Default for LabelRule {
    fn default() -> Self {
        Self::Waterfall { threshold: 0.95, distance: ChordDistance::default(), inclusive: false }
    }
}

/// Labels, and where they were cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelling {
    /// 1 sensitive, 0 resistant, `None` missing or left out; one for each value.
    pub labels: Vec<Option<u8>>,
    /// Sensitive lies below this value (or at it, for an inclusive rule); none for [`LabelRule::ExtremeCount`].
    pub cut: Option<f64>,
    /// Resistant starts here, where that is another value than [`Self::cut`].
    pub upper_cut: Option<f64>,
    /// Waterfall only: correlation of the sorted values with their ranks, where it is defined.
    pub correlation: Option<f64>,
}

impl Labelling {
    /// How many are sensitive.
    pub fn n_sensitive(&self) -> usize {
        self.labels.iter().filter(|l| **l == Some(1)).count()
    }

    /// How many are resistant.
    pub fn n_resistant(&self) -> usize {
        self.labels.iter().filter(|l| **l == Some(0)).count()
    }

    /// How many have no label: missing values, and those between the extremes.
    pub fn n_unlabelled(&self) -> usize {
        self.labels.iter().filter(|l| l.is_none()).count()
    }
}

impl LabelRule {
    /// Labels `values`, NaN being missing.
    ///
    /// # Errors
    /// No value that is not missing, an infinite value, a setting out of range, fewer values than the rule needs,
    /// or values without spread for the z-score.
    pub fn apply(&self, values: &[f64]) -> Result<Labelling> {
        self.check()?;
        let present = present(values)?;
        let split = |cut: f64, upper: f64, inclusive: bool| -> Vec<Option<u8>> {
            let label = |v: f64| {
                let below = v < cut || (inclusive && v == cut);
                if below { Some(1) } else { (v >= upper).then_some(0) }
            };
            values.iter().map(|&v| label(v)).collect()
        };
        let at = |cut: f64, inclusive: bool| Labelling {
            labels: split(cut, cut, inclusive),
            cut: Some(cut),
            upper_cut: None,
            correlation: None,
        };
        match *self {
            Self::Waterfall { threshold, distance, inclusive } => {
                let curve = Waterfall::new(values, threshold, distance)?;
                Ok(Labelling { correlation: curve.correlation, ..at(curve.cut, inclusive) })
            }
            Self::MeanThreshold => Ok(at(mean(&present), false)),
            Self::ZScore { threshold } => {
                let m = mean(&present);
                let squares: f64 = present.iter().map(|v| (v - m) * (v - m)).sum();
                let sd = (squares / (present.len() as f64 - 1.0)).sqrt();
                // Also false for the NaN that a single value gives.
                if sd > 0.0 {
                    return Ok(at(m + threshold * sd, false));
                }
                Err(invalid("all values are equal, so there is no z-score", "use another rule"))
            }
            Self::ExtremeFraction { fraction } => {
                let mut sorted = present;
                sorted.sort_by(f64::total_cmp);
                let (cut, upper) = (quantile(&sorted, fraction), quantile(&sorted, 1.0 - fraction));
                let labels = split(cut, upper, false);
                Ok(Labelling { labels, cut: Some(cut), upper_cut: Some(upper), correlation: None })
            }
            Self::ExtremeCount { k } => {
                let order = order(values);
                if k > order.len() / 2 {
                    return Err(invalid(
                        format!("{k} of each extreme asked for, but there are only {} values", order.len()),
                        "use a smaller count, or extreme:FRACTION",
                    ));
                }
                let mut labels = vec![None; values.len()];
                for (&low, &high) in order.iter().zip(order.iter().rev()).take(k) {
                    labels[low] = Some(1);
                    labels[high] = Some(0);
                }
                Ok(Labelling { labels, cut: None, upper_cut: None, correlation: None })
            }
        }
    }

    /// Whether the settings are in range.
    ///
    /// # Errors
    /// If they are not, naming the setting and its range.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::Waterfall { threshold, .. } if !(-1.0..=1.0).contains(&threshold) => Err(invalid(
                format!("{threshold} is no correlation"),
                "use a threshold from -1 to 1, usually 0.95",
            )),
            Self::ZScore { threshold } if !threshold.is_finite() => {
                Err(invalid(format!("{threshold} is no threshold"), "use a finite number, usually 0"))
            }
            Self::ExtremeFraction { fraction } if !(fraction > 0.0 && fraction <= 0.5) => Err(invalid(
                format!("{fraction} of the values cannot be at either end"),
                "use a fraction above 0 and at most 0.5, usually 0.3",
            )),
            Self::ExtremeCount { k: 0 } => {
                Err(invalid("none of each extreme asked for", "use a count of at least 1"))
            }
            _ => Ok(()),
        }
    }
}

/// The sorted curve behind a waterfall cut: what a waterfall plot shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Waterfall {
    /// Positions of the values that are not missing, by ascending value; ties in the order given.
    pub order: Vec<usize>,
    /// Pearson correlation of the sorted values with their ranks; `None` where undefined.
    pub correlation: Option<f64>,
    /// Whether the curve is near a line, so that the cut is the median.
    pub is_linear: bool,
    /// Distance of each sorted value from the chord through the first and the last one.
    pub distance: Vec<f64>,
    /// Position in [`Self::order`] of the cut, unless it is the median.
    pub cut_index: Option<usize>,
    /// The cut.
    pub cut: f64,
}

impl Waterfall {
    /// Sorts the values and cuts them: at the median if they are near a line (correlation above `threshold`), else at
    /// the value farthest from the chord through the lowest and the highest (Barretina et al. 2012).
    ///
    /// # Errors
    /// If no value is left without the missing ones, or one is infinite.
    pub fn new(values: &[f64], threshold: f64, distance: ChordDistance) -> Result<Self> {
        present(values)?;
        let order = order(values);
        let sorted: Vec<f64> = order.iter().map(|&i| values[i]).collect();
        let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else { return Err(no_values()) };
        let correlation = correlation_with_rank(&sorted);
        let is_linear = correlation.is_some_and(|r| match distance {
            ChordDistance::Perpendicular => r > threshold,
            ChordDistance::Signed => r >= threshold,
        });
        let steps = (sorted.len() - 1) as f64;
        let length = steps.hypot(last - first);
        let height = |(i, &v): (usize, &f64)| {
            let d = ((v - first) * steps - i as f64 * (last - first)) / length;
            match distance {
                _ if length == 0.0 => 0.0,
                ChordDistance::Perpendicular => d.abs(),
                ChordDistance::Signed => d,
            }
        };
        let distances: Vec<f64> = sorted.iter().enumerate().map(height).collect();
        // Of equal distances the first: from the low end, or, as that code sorts, from the high end.
        let farthest = |best: usize, i: usize| if distances[i] > distances[best] { i } else { best };
        let index = match distance {
            ChordDistance::Perpendicular => (0..sorted.len()).fold(0, farthest),
            ChordDistance::Signed => (0..sorted.len()).rev().fold(sorted.len() - 1, farthest),
        };
        let cut = if is_linear { quantile(&sorted, 0.5) } else { sorted[index] };
        Ok(Self {
            order,
            correlation,
            is_linear,
            distance: distances,
            cut_index: (!is_linear).then_some(index),
            cut,
        })
    }
}

/// Positions of the values that are not missing, by ascending value.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
    // Not `total_cmp`, for which -0 comes before 0 although they are equal.
    order.sort_by(|&a, &b| values[a].partial_cmp(&values[b]).unwrap_or(std::cmp::Ordering::Equal));
    order
}

fn present(values: &[f64]) -> Result<Vec<f64>> {
    if let Some(i) = values.iter().position(|v| v.is_infinite()) {
        return Err(invalid(
            format!("value {} of {} is infinite", i + 1, values.len()),
            "remove it, or mark it as missing (NaN)",
        ));
    }
    let present: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if present.is_empty() { Err(no_values()) } else { Ok(present) }
}

/// The mean, about the first value, so that equal values have exactly that mean.
fn mean(values: &[f64]) -> f64 {
    let origin = values.first().copied().unwrap_or(f64::NAN);
    origin + values.iter().map(|v| v - origin).sum::<f64>() / values.len() as f64
}

/// Quantile of sorted values by linear interpolation, as numpy's default.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() as f64 - 1.0);
    let below = position.floor();
    let at = |i: f64| sorted.get(i as usize).or(sorted.last()).copied().unwrap_or(f64::NAN);
    let (low, high, t) = (at(below), at(below + 1.0), position - below);
    // From the nearer end, so that t = 1/2 of equal values and both ends are exact.
    if t < 0.5 { low + (high - low) * t } else { high - (high - low) * (1.0 - t) }
}

fn correlation_with_rank(sorted: &[f64]) -> Option<f64> {
    let centre = (sorted.len() as f64 - 1.0) / 2.0;
    let m = mean(sorted);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (i, v) in sorted.iter().enumerate() {
        let (dx, dy) = (i as f64 - centre, v - m);
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    let r = xy / (xx.sqrt() * yy.sqrt());
    (!r.is_nan()).then_some(r.clamp(-1.0, 1.0))
}

fn invalid(problem: impl Into<String>, hint: &str) -> DataError {
    DataError::invalid("labels from drug response", problem, hint)
}

fn no_values() -> DataError {
    invalid("no value that is not missing", "check the drug's name and the response column")
}

impl fmt::Display for LabelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Waterfall { threshold, distance, inclusive } => {
                f.write_str("waterfall")?;
                if threshold != 0.95 {
                    write!(f, ":{threshold}")?;
                }
                if distance == ChordDistance::Signed {
                    f.write_str(":signed")?;
                }
                if inclusive {
                    f.write_str(":inclusive")?;
                }
                Ok(())
            }
            Self::MeanThreshold => f.write_str("mean"),
            Self::ZScore { threshold: 0.0 } => f.write_str("zscore"),
            Self::ZScore { threshold } => write!(f, "zscore:{threshold}"),
            Self::ExtremeFraction { fraction } => write!(f, "extreme:{fraction}"),
            Self::ExtremeCount { k } => write!(f, "extreme-count:{k}"),
        }
    }
}

impl FromStr for LabelRule {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            DataError::invalid(
                format!("label rule `{text}`"),
                "no such rule",
                "use waterfall[:THRESHOLD][:signed][:inclusive], mean, zscore[:THRESHOLD], extreme:FRACTION or \
                 extreme-count:K, for example extreme:0.3",
            )
        };
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        let rule = match (name, rest.as_slice()) {
            ("waterfall", options) => waterfall_from(options).ok_or_else(unknown)?,
            ("mean", []) => Self::MeanThreshold,
            ("zscore", []) => Self::ZScore { threshold: 0.0 },
            ("zscore", [t]) => Self::ZScore { threshold: t.parse().map_err(|_| unknown())? },
            ("extreme", [q]) => Self::ExtremeFraction { fraction: q.parse().map_err(|_| unknown())? },
            ("extreme-count", [k]) => Self::ExtremeCount { k: k.parse().map_err(|_| unknown())? },
            _ => return Err(unknown()),
        };
        rule.check()?;
        Ok(rule)
    }
}

fn waterfall_from(options: &[&str]) -> Option<LabelRule> {
    let (mut threshold, mut distance, mut inclusive) = (0.95, ChordDistance::Perpendicular, false);
    for (i, option) in options.iter().enumerate() {
        match *option {
            "signed" => distance = ChordDistance::Signed,
            "inclusive" => inclusive = true,
            number if i == 0 => threshold = number.parse().ok()?,
            _ => return None,
        }
    }
    Some(LabelRule::Waterfall { threshold, distance, inclusive })
}
