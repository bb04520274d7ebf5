//! `random_forest`: trees on bootstrap samples of bulk, each split chosen among a few genes; applied to the cells as it is
//! (Breiman 2001; `docs/methods/random_forest.md`).

use rand::RngExt;

use crate::finish;
use crate::linear::regression::{require_rows, rows};
use crate::prelude::*;
use crate::trainer::FitOptions;
use crate::trees::{DEPTH, Grower, LEAST_ROWS, TREES, network};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[TREES, DEPTH, LEAST_ROWS];

/// The method, from its settings.
#[derive(Debug, Clone)]
pub struct RandomForest(pub Checked);

impl Fit for RandomForest {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let (x, y) = rows(task, "label");
        require_rows("random_forest", y.len(), 2)?;
        let y = y.to_vec();
        let of = |class: f64| (0..y.len()).filter(|&i| y[i] == class).collect::<Vec<_>>();
        let classes = [of(0.0), of(1.0)];
        let grower = Grower {
            x: &x,
            slope: &y,
            curvature: &vec![1.0; y.len()],
            ridge: 0.0,
            depth: self.0.integer("depth")?,
            least_rows: self.0.integer("least_rows")?,
            tried: (x.ncols() as f64).sqrt().ceil() as usize,
        };
        let trees = self.0.integer("trees")?;
        let grown: Vec<_> = (0..trees)
            .map(|k| {
                let mut rng = rng_for(options.seed, &format!("random forest tree {k}"));
                // Classes equally likely (Chen et al. 2004), so that a half is the cut.
                let drawn: Vec<usize> = (0..y.len())
                    .filter_map(|_| {
                        let class = &classes[rng.random_range(0..2)];
                        class.get(rng.random_range(0..class.len().max(1))).copied()
                    })
                    .collect();
                grower.grow(&drawn, &mut rng)
            })
            .collect();
        let share = 1.0 / trees as f64;
        let device = options.device.clone().inner();
        // 1 − p and p, the mean of the leaves.
        let head = network(&grown, x.ncols(), &[-share, share], &[1.0, 0.0], &device)?;
        let parts = Assembled::new(FeedForward::default(), head, Output::Second);
        finish::model(parts, "random_forest", &self.0, task, options)
    }
}
