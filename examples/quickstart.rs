//! Bulk cell lines with a known drug response, single cells without one: train three methods on simulated data and
//! compare their predictions with the truth that none of them saw.
//!
//!     cargo run --release --example quickstart

#![allow(clippy::print_stdout)] // examples print

use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SimulationConfig::default();
    println!("simulated: {} bulk lines, {} cells, {} genes", config.n_lines, config.n_cells, config.n_genes);
    println!("difficulty {}, 3 seeds; mean ± SD on the cells\n", config.difficulty);
    println!("{:<12} {:>15} {:>19} {:>12}", "method", "AUROC", "average precision", "seconds");
    for name in ["source_only", "ridge", "scdeal"] {
        let (mut aurocs, mut precisions, start) = (Vec::new(), Vec::new(), std::time::Instant::now());
        for seed in 0..3 {
            let simulation = simulate(&SimulationConfig { seed, ..config.clone() })?;
            let task = simulation.task(&PrepareOptions { seed, ..PrepareOptions::default() })?;
            let method = find(name)?.build(&Settings::new())?;
            let model = method.fit(&task, &mut FitOptions::new(seed, parse_device("flex")?))?;
            let predictions = model.predict(&simulation.cells, &PredictOptions::default())?;
            aurocs.push(auroc(&simulation.truth.labels, &predictions.scores, None)?);
            precisions.push(average_precision(&simulation.truth.labels, &predictions.scores, None)?);
        }
        let (auroc, precision) = (summary(&aurocs), summary(&precisions));
        println!("{name:<12} {auroc:>15} {precision:>19} {:>12.1}", start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn summary(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    format!("{mean:.3} ± {:.3}", variance.sqrt())
}
