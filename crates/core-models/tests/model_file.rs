//! The model file: exact round trip, and no damage that gets through or panics.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use ndarray::Array2;
use proptest::prelude::*;
use sensitome_core_models::*;
use sensitome_data::{ExpressionMatrix, FittedPreprocessing, Missing, Values, detect::Scale};

fn model() -> ResponseModel {
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    let init = Init::new(1, device.clone());
    let genes: Vec<String> = (0..6).map(|i| format!("G{i}")).collect();
    let encoder = MlpConfig { outputs: None, ..MlpConfig::new(6, &[4], 4) }.init(&init, "encoder").unwrap();
    let (head, output) = HeadConfig::Softmax(MlpConfig::new(4, &[3], 2)).init(&init, "head").unwrap();
    let prepared = FittedPreprocessing::identity(genes, Scale::Unknown);
    ResponseModel::new(prepared, encoder, head, output, 0.5, ModelCard::default(), device).unwrap()
}

fn cells(genes: &[&str]) -> ExpressionMatrix {
    let x = Array2::from_shape_fn((5, genes.len()), |(i, j)| (i * 7 + j) as f32 / 3.0 - 2.0);
    let names = (0..5).map(|i| format!("c{i}")).collect();
    ExpressionMatrix::new(Values::Dense(x), names, genes.iter().map(|g| (*g).to_owned()).collect()).unwrap()
}

#[test]
fn the_file_gives_the_model_back() {
    let model = model();
    let bytes = model.to_bytes().unwrap();
    let read =
        ResponseModel::from_bytes(&bytes, "<bytes>", &parse_device(&sensitome_testkit::device()).unwrap())
            .unwrap();
    assert!(read.to_bytes().unwrap() == bytes);
    let cells = cells(&["G0", "G1", "G2", "G3", "G4", "G5"]);
    let predict = |m: &ResponseModel| m.predict(&cells, &PredictOptions::default()).unwrap();
    assert_eq!(predict(&model), predict(&read));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = model().to_bytes().unwrap();
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    for n in (0..bytes.len()).step_by(7) {
        let error = ResponseModel::from_bytes(&bytes[..n], "cut.model", &device).unwrap_err().to_string();
        assert!(error.starts_with("cut.model: ") && error.contains("complete file"), "{n}: {error}");
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let bytes = model().to_bytes().unwrap();
    let key = br#"\"format\":1"#;
    let at = bytes.windows(key.len()).position(|w| w == key).unwrap();
    let mut newer = bytes;
    newer[at + key.len() - 1] = b'9';
    let error = ResponseModel::from_bytes(&newer, "m", &parse_device(&sensitome_testkit::device()).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("version 9"), "{error}");
}

#[test]
fn the_batch_size_does_not_matter() {
    let model = model();
    let cells = cells(&["G0", "G1", "G2", "G3", "G4", "G5"]);
    let scores = |batch_size| {
        let options = PredictOptions { batch_size, ..PredictOptions::default() };
        model.predict(&cells, &options).unwrap().scores
    };
    for (a, b) in scores(2).iter().zip(scores(1000)) {
        assert!((a - b).abs() < 1e-6);
    }
}

#[test]
fn missing_genes_are_filled_or_refused_as_told() {
    let model = model();
    let cells = cells(&["G5", "X", "G0", "G2", "G3", "G4"]);
    let predict = |missing| model.predict(&cells, &PredictOptions { missing, ..PredictOptions::default() });
    let filled = predict(Missing::Fill { min_overlap: 0.8 }).unwrap();
    assert_eq!(filled.genes.missing, ["G1"]);
    let error = predict(Missing::Refuse).unwrap_err().to_string();
    assert!(error.contains("5 of the model's 6 genes"), "{error}");
    assert!(predict(Missing::Fill { min_overlap: 0.9 }).is_err());
}

proptest! {
    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = model().to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = ResponseModel::from_bytes(&bytes, "damaged", &parse_device(&sensitome_testkit::device()).unwrap());
    }
}
