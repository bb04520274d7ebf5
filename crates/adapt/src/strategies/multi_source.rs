//! `multi_source`: as `mmd`, but every source is aligned on its own and counts the more the closer it is to the cells, in
//! the spirit of scAdaDrug (Liu et al. 2024; `docs/methods/multi_source.md`). With one source it is `mmd`, to the bit.

use burn::tensor::{Int, TensorData};

use crate::classifier::*;
use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = classifier_hypers![
    weight("mmd_weight", "0.5", "weight of the discrepancy"),
    positive("sharpness", "2", "how much closer sources count more"),
];

/// Rows of each source, those without rows left out.
fn groups(source: &[usize]) -> Vec<Vec<usize>> {
    let most = source.iter().max().map_or(0, |&k| k + 1);
    let rows = |k| (0..source.len()).filter(|&i| source[i] == k).collect::<Vec<_>>();
    (0..most).map(rows).filter(|rows| !rows.is_empty()).collect()
}

/// Weights with sum 1 that fall with the discrepancy, which is measured in its mean: softmax(−sharpness · d / mean d).
fn source_weights(discrepancies: &[f64], sharpness: f64) -> Vec<f64> {
    let mean = discrepancies.iter().sum::<f64>() / discrepancies.len().max(1) as f64;
    let least = discrepancies.iter().copied().fold(f64::INFINITY, f64::min);
    let raw: Vec<f64> =
        discrepancies.iter().map(|d| (sharpness * (least - d) / mean.max(1e-12)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|w| w / sum).collect()
}

/// Cross-entropy, and the discrepancies of the sources, by their weights.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, batch: &Batch) -> Result<Losses> {
    let (device, groups) = (step.all.device().inner(), groups(&batch.source()?.source));
    let [source, target] = &step.z;
    let mut discrepancies = Vec::new();
    for rows in &groups {
        let rows: Vec<i64> = rows.iter().map(|&i| i as i64).collect();
        let rows: Tensor<1, Int> = Tensor::from_data(rows.as_slice(), &device);
        let z = source.clone().select(0, rows);
        discrepancies.push(multi_kernel_mmd(z, target.clone(), MultiKernel::default()).0);
    }
    let values = discrepancies
        .iter()
        .map(|d| d.clone().detach().inner().try_into_scalar::<f32>().map_or(f64::NAN, f64::from));
    let weights = source_weights(&values.collect::<Vec<_>>(), settings.float("sharpness")?);
    // A row's weight is its source's, in mean 1 over the rows; the few labelled cells count as a source of weight 1.
    let mean: f64 =
        groups.iter().zip(&weights).map(|(g, w)| g.len() as f64 * w).sum::<f64>() / source.dims()[0] as f64;
    let mut each = vec![1.0f32; step.targets.dims()[0]];
    for (rows, weight) in groups.iter().zip(&weights) {
        rows.iter().for_each(|&i| each[i] = (weight / mean) as f32);
    }
    let rows = each.len();
    let each: Tensor<2> = Tensor::from_data(TensorData::new(each, [rows, 1]), &device);
    let classification = cross_entropy(step.labelled.clone(), step.targets.clone() * each);
    let weighted = discrepancies.into_iter().zip(&weights).map(|(d, &w)| d * w).reduce(|a, b| a + b);
    let losses = Losses::new().add("classification", classification);
    let strength = settings.float("mmd_weight")?;
    Ok(weighted.into_iter().fold(losses, |losses, mmd| losses.add("mmd", mmd * strength)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_source_counts_less_and_sources_are_told_apart() {
        assert_eq!(groups(&[0, 2, 0]), [vec![0, 2], vec![1]]);
        assert_eq!(source_weights(&[0.7], 2.0), [1.0]);
        // The mean is 2, so that the sources are one mean apart.
        let weights = source_weights(&[3.0, 1.0], 2.0);
        assert!((weights[0] / weights[1] - (-2.0f64).exp()).abs() < 1e-12);
        assert!((weights[0] + weights[1] - 1.0).abs() < 1e-12);
        assert_eq!(source_weights(&[30.0, 10.0], 2.0), weights);
        assert_eq!(source_weights(&[0.0, 0.0], 2.0), [0.5, 0.5]);
    }
}
