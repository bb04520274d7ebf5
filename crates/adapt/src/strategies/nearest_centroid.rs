//! `nearest_centroid`: which mean of the few labelled cells is nearer; bulk is not used. What a method that sees labelled
//! cells must beat (`docs/methods/nearest_centroid.md`).

use ndarray::Array1;

use crate::linear::regression::model;
use crate::prelude::*;
use crate::trainer::FitOptions;

/// It has no hyper-parameter.
pub const HYPERS: &[Hyper] = &[];

/// The logit at the mean of the sensitive cells; at that of the resistant ones it is the negative.
const LOGIT: f64 = 2.0;

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct NearestCentroid(pub Checked);

/// Mean of the labelled cells of a class.
fn centroid(task: &TransferTask, class: u8) -> Result<Array1<f64>> {
    let few = task.few_shot.iter().flat_map(|f| f.rows.iter().zip(&f.labels));
    let rows: Vec<usize> = few.filter(|(_, y)| **y == class).map(|(&i, _)| i).collect();
    let x = task.target.expression.select(ndarray::Axis(0), &rows).mapv(f64::from);
    x.mean_axis(ndarray::Axis(0)).ok_or_else(|| {
        let word = if class == 1 { "sensitive" } else { "resistant" };
        AdaptError::invalid(
            "nearest_centroid",
            format!("no labelled {word} cell"),
            "pass a few labelled cells of both classes (--few-shot)",
        )
    })
}

impl Fit for NearestCentroid {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (resistant, sensitive) = (centroid(task, 0)?, centroid(task, 1)?);
        // ‖x − r‖² − ‖x − s‖² is linear in x; over ‖s − r‖² it runs from −1 at r to 1 at s.
        let axis = &sensitive - &resistant;
        let scale = 2.0 * LOGIT / axis.dot(&axis).max(1e-12);
        let middle = (&sensitive + &resistant) * 0.5;
        let weight = &axis * scale;
        let bias = -weight.dot(&middle);
        model(&weight, bias, Output::Sigmoid, ("nearest_centroid", &self.0), task, options)
    }
}
