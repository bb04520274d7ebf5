//! `multi_source`: as `mmd`, but every source is aligned on its own and counts the more the closer it is to the cells, in
//! the spirit of scAdaDrug (Liu et al. 2024; `docs/methods/multi_source.md`). With one source it is `mmd`, to the bit.

use burn::tensor::Int;

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
fn source_weights(discrepancies: Tensor<1>, sharpness: f64) -> Tensor<1> {
    let mean = discrepancies.clone().mean().clamp_min(1e-12);
    activation::softmax(discrepancies / mean * -sharpness, 0)
}

/// Cross-entropy, and the discrepancies of the sources, by their weights.
///
/// # Errors
/// When the table lacks a setting.
pub fn losses(settings: &Checked, step: Step, batch: &Batch) -> Result<Losses> {
    let (device, groups) = (step.all.device().inner(), groups(&batch.source()?.source));
    let [source, target] = &step.z;
    let mut discrepancies = Vec::new();
    let mut of_row = vec![0i64; source.dims()[0]];
    for (k, rows) in groups.iter().enumerate() {
        rows.iter().for_each(|&i| of_row[i] = k as i64);
        let rows: Vec<i64> = rows.iter().map(|&i| i as i64).collect();
        let rows: Tensor<1, Int> = Tensor::from_data(rows.as_slice(), &device);
        let z = source.clone().select(0, rows);
        discrepancies.push(multi_kernel_mmd(z, target.clone(), MultiKernel::default()).0);
    }
    let discrepancies = Tensor::cat(discrepancies, 0);
    let weights = source_weights(discrepancies.clone().detach(), settings.float("sharpness")?);
    // A row's weight is its source's, in mean 1 over the rows; the few labelled cells count as a source of weight 1.
    let of_row: Tensor<1, Int> = Tensor::from_data(of_row.as_slice(), &device);
    let rows = weights.clone().select(0, of_row);
    let mean = total(rows.clone()) / source.dims()[0] as f64;
    let (few, mut each) = (step.targets.dims()[0] - source.dims()[0], rows / mean);
    if few > 0 {
        let few = Tensor::ones([few], &each.device()); // shaders know no tensor of no values
        each = Tensor::cat(vec![each, few], 0);
    }
    let each = each.unsqueeze_dim::<2>(1);
    let mmd = total(discrepancies * weights) * settings.float("mmd_weight")?;
    let classification = cross_entropy(step.labelled.clone(), step.targets.clone() * each);
    Ok(Losses::new().add("classification", classification).add("mmd", mmd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_source_counts_less_and_sources_are_told_apart() {
        assert_eq!(groups(&[0, 2, 0]), [vec![0, 2], vec![1]]);
        let weights = |discrepancies: &[f32]| {
            let d = Tensor::from_data(discrepancies, &parse_device(available_devices()[0]).unwrap());
            source_weights(d, 2.0).try_into_vec_as::<f64>().unwrap()
        };
        assert_eq!(weights(&[0.7]), [1.0]);
        // The mean is 2, so that the sources are one mean apart.
        let [far, near] = weights(&[3.0, 1.0])[..] else { panic!("two weights") };
        assert!((far / near - (-2.0f64).exp()).abs() < 1e-6);
        assert!((far + near - 1.0).abs() < 1e-6);
        assert_eq!(weights(&[30.0, 10.0]), [far, near]);
        assert_eq!(weights(&[0.0, 0.0]), [0.5, 0.5]);
    }
}
