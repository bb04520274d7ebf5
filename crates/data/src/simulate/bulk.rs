//! Simulated bulk lines: log-scale intensities as RMA gives them, and their drug response.

use ndarray::Array2;

use super::config::SimulationConfig;
use super::world::{World, normal, rng};
use crate::read::{DrugResponse, ResponseRow};
use crate::{ExpressionMatrix, Result, Values};

/// Background of the scanner, in log2: lower expression is not seen.
const FLOOR: f64 = 4.0;

pub(super) fn bulk(config: &SimulationConfig, world: &World) -> Result<(ExpressionMatrix, DrugResponse)> {
    let lines: Vec<String> = (1..=config.n_lines).map(|i| format!("LINE{i:04}")).collect();
    let mut draw = rng(config.seed, "activity in lines");
    let activity = Array2::from_shape_simple_fn((lines.len(), World::n_factors()), || normal(&mut draw));
    let mut draw = rng(config.seed, "noise of arrays");
    let mut values = Array2::<f32>::zeros((lines.len(), world.genes.len()));
    for (mut row, factors) in values.rows_mut().into_iter().zip(activity.rows()) {
        for (value, gene) in row.iter_mut().zip(&world.genes) {
            let log2 = gene.base + gene.loading * factors[gene.factor] + 0.4 * normal(&mut draw);
            *value = (FLOOR + (log2 - FLOOR).exp().ln_1p()) as f32;
        }
    }
    let genes = world.genes.iter().map(|g| g.name.clone()).collect();
    let expression = ExpressionMatrix::new(Values::Dense(values), lines.clone(), genes)?;
    Ok((expression, response(config, world, &lines, &activity)))
}

fn response(
    config: &SimulationConfig,
    world: &World,
    lines: &[String],
    activity: &Array2<f64>,
) -> DrugResponse {
    let mut draw = rng(config.seed, "unexplained response");
    let mut rows = Vec::with_capacity(lines.len() * world.drugs.len());
    for (k, weights) in world.drugs.iter().enumerate() {
        let size = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        for (line, factors) in lines.iter().zip(activity.rows()) {
            let explained: f64 = weights.iter().zip(factors).map(|(w, a)| w * a).sum();
            let score = explained / size.max(1e-12) + world.effects.unexplained * normal(&mut draw);
            // Most lines do not respond: AUC has its bulk near 1 and a tail of sensitive lines.
            let auc = 1.0 / (1.0 + (1.1 * score - 1.8).exp());
            let ln_ic50 = 2.5 - 1.5 * score + 0.3 * normal(&mut draw);
            rows.push(ResponseRow {
                expression_id: line.clone(),
                cell_line: line.clone(),
                drug: drug_name(k),
                dataset: "SIM".to_owned(),
                auc: round(auc),
                ln_ic50: round(ln_ic50),
            });
        }
    }
    DrugResponse::from_rows("simulated response", rows)
}

/// Six decimals, as the public tables give.
fn round(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

pub(super) fn drug_name(k: usize) -> String {
    format!("SIM-{:03}", k + 1)
}
