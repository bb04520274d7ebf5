//! Predicts the cells of a file block by block; `predict_side_by_side.sh` times it beside PyTorch.
//!
//!     cargo bench --features ndarray --bench predict -- generate FOLDER CELLS   # the file and the model
//!     cargo bench --features ndarray --bench predict -- predict FOLDER          # and write scores.f64
//!     cargo bench --features ndarray --bench predict -- read FOLDER             # only read the blocks
//!
//! The last two print seconds, CPU seconds and peak memory in MB.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // a bench is a test
#![allow(missing_docs)]

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Tensor, TensorData};
use indexmap::IndexMap;
use rand::RngExt;
use sensitome_core_models::*;
use sensitome_data::detect::Scale;
use sensitome_data::preprocess::Scaler;
use sensitome_data::read::{CellBlocks, H5adLayer, read_ahead};
use sensitome_data::write::H5adBlocks;
use sensitome_data::{
    Columns, CsrMatrix, Duplicates, ExpressionMatrix, FittedPreprocessing, Missing, Values,
};
use sensitome_testkit::{cpu_seconds, peak_megabytes};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GENES: usize = 3_000;
const DENSITY: f32 = 0.05;
const BLOCK: usize = 4096;

fn names(prefix: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| format!("{prefix}{i}")).collect()
}

/// Counts of which 5 % are not zero, and the fewer the higher.
fn cells(first: usize, last: usize, rng: &mut rand_chacha::ChaCha8Rng) -> ExpressionMatrix {
    let (mut indptr, mut indices, mut data) = (vec![0], Vec::new(), Vec::new());
    for _ in first..last {
        for gene in 0..GENES as u32 {
            if rng.random::<f32>() < DENSITY {
                indices.push(gene);
                data.push((1.0 - rng.random::<f32>()).ln().mul_add(-1.5, 1.0).floor());
            }
        }
        indptr.push(data.len());
    }
    let values = Values::Sparse(CsrMatrix::new(GENES, indptr, indices, data).unwrap());
    ExpressionMatrix::new(values, names("cell", first..last), names("G", 0..GENES)).unwrap()
}

/// 3000-512-128-2 with batch normalisation and ReLU, and z-scores fitted on some cells; weights in the order PyTorch
/// visits them, into `net.f32`.
fn model(some: &ExpressionMatrix, folder: &Path) -> ResponseModel {
    let device = parse_device("flex").unwrap();
    let mut prepared = FittedPreprocessing {
        input: Scale::Counts,
        target_sum: Some(1e4),
        log1p: true,
        genes: some.genes().to_vec(),
        renamed: IndexMap::new(),
        scaler: Scaler::Identity,
    };
    let (x, _) = prepared.transform(some, Missing::Refuse).unwrap();
    prepared.scaler = Scaler::fit_zscore(x.view(), 0).unwrap();
    let init = Init::new(1, device.clone());
    let mut rng = rng_for(2, "statistics");
    let mut encoder = MlpConfig { outputs: None, ..MlpConfig::new(GENES, &[512, 128], 128) }
        .init(&init, "encoder")
        .unwrap();
    let (mut head, output) = HeadConfig::Softmax(MlpConfig::new(128, &[], 2)).init(&init, "head").unwrap();
    let mut weights: Vec<f32> = Vec::new();
    for network in [&mut encoder, &mut head] {
        network.visit(&mut |name, parameter| {
            let tensor: Vec<f32> = match parameter {
                Parameter::Matrix(t) => t.clone().try_into_vec_as().unwrap(),
                Parameter::Vector(t) | Parameter::Statistic(t) => {
                    if !name.ends_with("bias") {
                        let n = t.dims()[0];
                        let low =
                            if name.ends_with("gamma") || name.ends_with("variance") { 0.5 } else { -0.5 };
                        let values: Vec<f32> = (0..n).map(|_| low + rng.random::<f32>()).collect();
                        *t = Tensor::from_data(TensorData::new(values, [n]), &device);
                    }
                    t.clone().try_into_vec_as().unwrap()
                }
            };
            weights.extend(tensor);
        });
    }
    if let Scaler::ZScore { mean, sd, .. } = &prepared.scaler {
        weights.extend(mean.iter().chain(sd).map(|v| *v as f32));
    }
    let bytes: Vec<u8> = weights.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(folder.join("net.f32"), bytes).unwrap();
    ResponseModel::new(prepared, encoder, head, output, 0.5, ModelCard::default(), device).unwrap()
}

fn generate(folder: &Path, n: usize) {
    let mut rng = rng_for(3, "cells");
    let mut file =
        H5adBlocks::create(folder.join("cells.h5ad"), &names("G", 0..GENES), &Columns::new(), None).unwrap();
    for first in (0..n).step_by(BLOCK) {
        let block = cells(first, n.min(first + BLOCK), &mut rng);
        if first == 0 {
            model(&block, folder).save(&folder.join("model.safetensors")).unwrap();
        }
        file.append(&block).unwrap();
    }
    file.finish().unwrap();
}

fn blocks(folder: &Path) -> CellBlocks {
    CellBlocks::open(folder.join("cells.h5ad").as_path(), &H5adLayer::X, Duplicates::Refuse, BLOCK).unwrap()
}

fn predict(folder: &Path) -> usize {
    let model =
        ResponseModel::load(&folder.join("model.safetensors"), &parse_device("flex").unwrap()).unwrap();
    let mut scores: Vec<f64> = Vec::new();
    model
        .predict_blocks(read_ahead(blocks(folder), 1), &PredictOptions::default(), &mut |_, p| {
            scores.extend(&p.scores);
            Ok(())
        })
        .unwrap();
    let bytes: Vec<u8> = scores.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(folder.join("scores.f64"), bytes).unwrap();
    scores.len()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let start = Instant::now();
    let cells = match args[..] {
        ["generate", folder, n] => return generate(Path::new(folder), n.parse().unwrap()),
        ["predict", folder] => predict(Path::new(folder)),
        ["read", folder] => blocks(Path::new(folder)).map(|b| b.unwrap().n_samples()).sum(),
        _ => return println!("say generate FOLDER CELLS, predict FOLDER or read FOLDER"),
    };
    let seconds = start.elapsed().as_secs_f64();
    println!("{}\t{cells}\t{seconds:.4}\t{:.2}\t{:.0}", args[0], cpu_seconds(), peak_megabytes());
}
