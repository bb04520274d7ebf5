//! `ridge`: linear regression of the continuous response with an L2 penalty, in closed form, applied to the cells as it
//! is (`docs/methods/ridge.md`). Strong in this field: it stands beside every other method.

use burn::tensor::TensorData;
use ndarray::{Array1, Array2};
use rand::seq::SliceRandom;

use crate::dual_ridge::{DualRidge, percentiles};
use crate::finish;
use crate::prelude::*;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    weight("penalty", "0", "L2 penalty times the number of genes; 0 chooses it by cross-validation"),
    Hyper::new("folds", "5", Range::Integer { low: 2, high: 20 }, "folds of the cross-validation"),
    choice("response", &["rank", "value", "label"], "regress the response's rank, the response or the label"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Ridge(pub Checked);

impl Ridge {
    /// Rows with a response and what to regress, the higher the more sensitive.
    fn rows(&self, task: &TransferTask) -> Result<(Array2<f64>, Array1<f64>)> {
        let response = self.0.choice("response")?;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for s in &task.sources {
            let known: Vec<(usize, f64)> = match response {
                "label" => {
                    s.labels.iter().enumerate().filter_map(|(i, l)| Some((i, -f64::from((*l)?)))).collect()
                }
                _ => s.response.iter().enumerate().filter_map(|(i, r)| Some((i, (*r)?))).collect(),
            };
            let values: Vec<f64> = known.iter().map(|k| k.1).collect();
            let values = if response == "rank" { percentiles(&values) } else { values };
            for ((i, _), v) in known.iter().zip(values) {
                x.extend(s.expression.row(*i).iter().map(|&v| f64::from(v)));
                y.push(-v);
            }
        }
        Ok((Array2::from_shape_vec((y.len(), task.n_genes()), x).unwrap_or_default(), Array1::from_vec(y)))
    }
}

impl Fit for Ridge {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let ((x, y), folds) = (self.rows(task)?, self.0.integer("folds")?);
        if y.len() < 2 * folds {
            return Err(AdaptError::invalid(
                "ridge",
                format!("{} samples with a response", y.len()),
                format!("at least {} are needed for {} folds", 2 * folds, folds),
            ));
        }
        let genes = x.ncols() as f64;
        let penalty = match self.0.float("penalty")? {
            0.0 => {
                let mut order: Vec<usize> = (0..y.len()).collect();
                order.shuffle(&mut rng_for(options.seed, "ridge folds"));
                DualRidge::cross_validated(&x, &y, &order, folds)?
            }
            given => given,
        };
        let (weight, bias) = DualRidge::new(&x, &y)?.solve(penalty * genes);
        let device = options.device.clone().inner();
        let values: Vec<f32> = weight.iter().map(|&w| w as f32).collect();
        let layer = Layer::Linear {
            weight: Tensor::from_data(TensorData::new(values, [x.ncols(), 1]), &device),
            bias: Some(Tensor::from_data(TensorData::new(vec![bias as f32], [1]), &device)),
        };
        let parts = Assembled::new(FeedForward::default(), FeedForward::new(vec![layer])?, Output::Linear);
        let mut model = finish::model(parts, "ridge", &self.0, task, options)?;
        model.card_mut().metrics.insert("penalty".to_owned(), penalty);
        Ok(model)
    }
}
