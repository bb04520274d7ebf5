//! `gradient_boosting`: small trees one after another, each a Newton step of the logistic loss; applied to the cells as it
//! is (Friedman 2001; Chen and Guestrin 2016; `docs/methods/gradient_boosting.md`).

use ndarray::Axis;
use rand::seq::index;

use crate::finish;
use crate::linear::regression::{require_rows, rows};
use crate::prelude::*;
use crate::trainer::FitOptions;
use crate::trees::{DEPTH, Grower, LEAST_ROWS, TREES, Tree, network};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    TREES,
    DEPTH.default("2"),
    LEAST_ROWS.default("5"),
    Hyper::new("shrinkage", "0.1", SHARE, "share of a step taken"),
    Hyper::new("genes", "0.1", SHARE, "share of the genes that a split tries"),
    Hyper::new("rows", "0.5", SHARE, "share of the rows that a tree sees"),
];

/// From a thousandth to all.
const SHARE: Range = Range::Float { low: 1e-3, high: 1.0, log: true };

/// Added to the curvature of a leaf.
const RIDGE: f64 = 1.0;

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct GradientBoosting(pub Checked);

impl Fit for GradientBoosting {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (x, y) = rows(task, "label");
        require_rows("gradient_boosting", y.len(), 2)?;
        let shrinkage = self.0.float("shrinkage")?;
        let (n, positives) = (y.len(), y.sum());
        // Classes of equal weight, so that a half is the cut.
        let weight =
            |y: f64| 0.5 * n as f64 / (if y > 0.5 { positives } else { n as f64 - positives }).max(1.0);
        let rows = ((self.0.float("rows")? * n as f64).ceil() as usize).clamp(1, n);
        let mut logits = vec![0.0; n];
        let mut trees: Vec<Tree> = Vec::new();
        for k in 0..self.0.integer("trees")? {
            let mut rng = rng_for(options.seed, &format!("gradient boosting tree {k}"));
            let p: Vec<f64> = logits.iter().map(|l: &f64| 1.0 / (1.0 + (-l).exp())).collect();
            let slope: Vec<f64> = (0..n).map(|i| weight(y[i]) * (y[i] - p[i])).collect();
            let curvature: Vec<f64> = (0..n).map(|i| weight(y[i]) * p[i] * (1.0 - p[i])).collect();
            let grower = Grower {
                x: &x,
                slope: &slope,
                curvature: &curvature,
                ridge: RIDGE,
                depth: self.0.integer("depth")?,
                least_rows: self.0.integer("least_rows")?,
                tried: (self.0.float("genes")? * x.ncols() as f64).ceil() as usize,
            };
            let tree = grower.grow(&index::sample(&mut rng, n, rows).into_vec(), &mut rng);
            for (logit, row) in logits.iter_mut().zip(x.axis_iter(Axis(0))) {
                *logit += shrinkage * tree.value(row);
            }
            trees.push(tree);
        }
        let device = options.device.clone().inner();
        let head = network(&trees, x.ncols(), &[shrinkage], &[0.0], &device)?;
        let parts = Assembled::new(FeedForward::default(), head, Output::Sigmoid);
        finish::model(parts, "gradient_boosting", &self.0, task, options)
    }
}
