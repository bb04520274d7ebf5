//! Scaling of each gene, fitted once and applied to any cells.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::Real;
use crate::{DataError, Result};

/// A fitted scaling of each gene (column).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scaler {
    /// Values as they are.
    Identity,
    /// (x − mean) / sd, then cut at ± `max_value`; without centring x / sd, cut from above only (as scanpy does).
    ZScore {
        /// Mean of each gene.
        mean: Vec<f64>,
        /// Standard deviation of each gene; 1 where it is constant.
        sd: Vec<f64>,
        /// Whether the mean is taken off.
        center: bool,
        /// Greatest value.
        max_value: Option<f64>,
    },
    /// Each gene's range to `low`..`high`.
    MinMax {
        /// Least value of each gene.
        min: Vec<f64>,
        /// Greatest value of each gene.
        max: Vec<f64>,
        /// Where the least goes.
        low: f64,
        /// Where the greatest goes; a constant gene goes to `low`.
        high: f64,
        /// Whether values outside the fitted range are cut to it.
        clip: bool,
    },
}

impl Scaler {
    /// Fits a z-score with variances over n − `ddof` (0 as scikit-learn, 1 as scanpy). NaN are left out. Constant genes
    /// are divided by 1; with `ddof` 0 also those whose variance is within rounding of their mean.
    ///
    /// # Errors
    /// When there is no row.
    pub fn fit_zscore<T: Real>(x: ArrayView2<T>, ddof: usize) -> Result<Self> {
        let (mean, variance) = moments(x, ddof)?;
        let n = x.nrows() as f64;
        let sd = mean
            .iter()
            .zip(&variance)
            .map(|(&m, &v)| {
                let rounding =
                    if ddof == 0 { n * f64::EPSILON * v + (n * m * f64::EPSILON).powi(2) } else { 0.0 };
                if v <= rounding || !v.is_finite() { 1.0 } else { v.sqrt() }
            })
            .collect();
        Ok(Self::ZScore { mean, sd, center: true, max_value: None })
    }

    /// Fits each gene's range, to be brought to 0..1. NaN are left out.
    ///
    /// # Errors
    /// When there is no row.
    pub fn fit_minmax<T: Real>(x: ArrayView2<T>) -> Result<Self> {
        not_empty(x)?;
        let fold = |start: f64, pick: fn(f64, f64) -> f64| -> Vec<f64> {
            x.columns().into_iter().map(|c| c.iter().map(|v| v.wide()).fold(start, pick)).collect()
        };
        // f64::min and max pass over NaN.
        let (min, max) = (fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max));
        Ok(Self::MinMax { min, max, low: 0.0, high: 1.0, clip: false })
    }

    /// Number of genes, where the scaling has one for each.
    pub fn genes(&self) -> Option<usize> {
        match self {
            Self::Identity => None,
            Self::ZScore { mean, .. } => Some(mean.len()),
            Self::MinMax { min, .. } => Some(min.len()),
        }
    }

    /// Scales samples × genes.
    ///
    /// # Errors
    /// When the number of genes is another than fitted.
    pub fn transform<T: Real>(&self, mut x: Array2<T>) -> Result<Array2<T>> {
        if let Some(genes) = self.genes()
            && genes != x.ncols()
        {
            return Err(DataError::invalid(
                "scaling",
                format!("fitted on {genes} genes, applied to {}", x.ncols()),
                "select the fitted genes first",
            ));
        }
        match self {
            Self::Identity => {}
            Self::ZScore { mean, sd, center, max_value } => {
                for mut row in x.rows_mut() {
                    for ((v, m), s) in row.iter_mut().zip(mean).zip(sd) {
                        let z = (v.wide() - if *center { *m } else { 0.0 }) / s;
                        *v = T::narrow(cut(z, *center, *max_value));
                    }
                }
            }
            Self::MinMax { min, max, low, high, clip } => {
                let factors: Vec<f64> =
                    min.iter().zip(max).map(|(a, b)| (high - low) / range(*a, *b)).collect();
                for mut row in x.rows_mut() {
                    for ((v, a), f) in row.iter_mut().zip(min).zip(&factors) {
                        let y = v.wide() * f + (low - a * f);
                        *v = T::narrow(if *clip { y.clamp(*low, *high) } else { y });
                    }
                }
            }
        }
        Ok(x)
    }

    /// Factor and addend of each gene, where the scaling is that and nothing more: nothing is cut.
    pub fn affine(&self, genes: usize) -> Option<(Vec<f64>, Vec<f64>)> {
        match self {
            Self::Identity => Some((vec![1.0; genes], vec![0.0; genes])),
            Self::ZScore { mean, sd, center, max_value: None } => {
                let addend = |(m, s): (&f64, &f64)| if *center { -m / s } else { 0.0 };
                Some((sd.iter().map(|s| 1.0 / s).collect(), mean.iter().zip(sd).map(addend).collect()))
            }
            Self::MinMax { min, max, low, high, clip: false } => {
                let factors = min.iter().zip(max).map(|(a, b)| (high - low) / range(*a, *b));
                let addends = min.iter().zip(factors.clone()).map(|(a, f)| low - a * f).collect();
                Some((factors.collect(), addends))
            }
            Self::ZScore { .. } | Self::MinMax { .. } => None,
        }
    }

    /// Undoes [`transform`](Self::transform), where nothing was cut.
    ///
    /// # Errors
    /// When the number of genes is another than fitted.
    pub fn inverse<T: Real>(&self, x: Array2<T>) -> Result<Array2<T>> {
        let back = match self {
            Self::Identity => Self::Identity,
            Self::ZScore { mean, sd, center, .. } => Self::ZScore {
                mean: mean.iter().zip(sd).map(|(m, s)| if *center { -m / s } else { 0.0 }).collect(),
                sd: sd.iter().map(|s| 1.0 / s).collect(),
                center: true,
                max_value: None,
            },
            Self::MinMax { min, max, low, high, .. } => Self::ZScore {
                mean: min.iter().zip(max).map(|(a, b)| low - a * (high - low) / range(*a, *b)).collect(),
                sd: min.iter().zip(max).map(|(a, b)| (high - low) / range(*a, *b)).collect(),
                center: true,
                max_value: None,
            },
        };
        back.transform(x)
    }
}

/// A z-score cut at ± the limit, one without centring from above only.
pub(super) fn cut(z: f64, center: bool, max_value: Option<f64>) -> f64 {
    match max_value {
        None => z,
        Some(limit) if center => z.min(limit).max(-limit),
        Some(limit) => z.min(limit),
    }
}

/// The range of a gene; 1 where it is constant.
fn range(min: f64, max: f64) -> f64 {
    let range = max - min;
    if range.is_finite() && range >= 10.0 * f64::EPSILON { range } else { 1.0 }
}

fn not_empty<T>(x: ArrayView2<T>) -> Result<()> {
    if x.nrows() == 0 {
        return Err(DataError::invalid("scaling", "there is no row to fit on", "pass at least one sample"));
    }
    Ok(())
}

fn moments<T: Real>(x: ArrayView2<T>, ddof: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    not_empty(x)?;
    let known =
        |c: ndarray::ArrayView1<T>| c.iter().map(|v| v.wide()).filter(|v| !v.is_nan()).collect::<Vec<f64>>();
    let mut out = (Vec::with_capacity(x.ncols()), Vec::with_capacity(x.ncols()));
    for column in x.columns() {
        let values = known(column);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        // The second sum takes off what rounding left in the mean.
        let (squares, rest) =
            values.iter().fold((0.0, 0.0), |(s, r), v| (s + (v - mean).powi(2), r + (v - mean)));
        out.0.push(mean);
        out.1.push((squares - rest * rest / n) / (n - ddof as f64));
    }
    Ok(out)
}
