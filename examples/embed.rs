//! Load a model file and predict: all that a program needs to embed a trained model.
//!
//!     cargo run --release --example embed -- model.safetensors cells.h5ad

#![allow(clippy::print_stdout)] // examples print

use std::path::PathBuf;

use sensitome::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [model, cells] = files.as_slice() else {
        return Err("usage: embed MODEL CELLS".into());
    };
    let model = ResponseModel::load(model, &parse_device("flex")?)?;
    let (cells, _) = read::expression(cells, &Default::default())?;
    let predictions = model.predict(&cells, &PredictOptions::default())?;
    for (i, cell) in predictions.cells.iter().enumerate().take(5) {
        println!("{cell}  {:.3}  {}", predictions.scores[i], predictions.class_name(i));
    }
    println!("{} cells in all", predictions.cells.len());
    Ok(())
}
