//! Prediction from sparse values is that of the dense path; in blocks it is the same to the bit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use burn::tensor::{DType, Tensor, TensorData};
use indexmap::IndexMap;
use ndarray::Array2;
use proptest::prelude::*;
use rand::RngExt;
use sensitome_core_models::*;
use sensitome_data::detect::Scale;
use sensitome_data::preprocess::Scaler;
use sensitome_data::{Column, CsrMatrix, DataError, ExpressionMatrix, FittedPreprocessing, Missing, Values};

const GENES: usize = 12;

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

fn row(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &parse_device("flex").unwrap())
}

/// Counts of 0 to 9, most of them 0, of cells over the genes `names`.
fn counts(cells: usize, names: Vec<String>, seed: u64) -> ExpressionMatrix {
    let mut rng = rng_for(seed, "counts");
    let x = Array2::from_shape_fn((cells, names.len()), |_| {
        if rng.random::<f32>() < 0.3 { rng.random_range(1..10) as f32 } else { 0.0 }
    });
    ExpressionMatrix::new(Values::Sparse(CsrMatrix::from_dense(&x)), self::names("c", cells), names).unwrap()
}

fn dense(cells: &ExpressionMatrix) -> ExpressionMatrix {
    cells.with_values(Values::Dense(cells.values().to_dense())).unwrap()
}

fn scaler(kind: usize, seed: u64) -> Scaler {
    let mut rng = rng_for(seed, "scaler");
    let mut draw = |low: f64, high: f64| -> Vec<f64> {
        (0..GENES).map(|_| low + (high - low) * rng.random::<f64>()).collect()
    };
    match kind {
        0 => Scaler::Identity,
        1..=3 => Scaler::ZScore {
            mean: draw(0.0, 3.0),
            sd: draw(0.1, 2.0),
            center: kind != 2,
            max_value: (kind == 3).then_some(1.0),
        },
        _ => {
            Scaler::MinMax { min: draw(0.0, 0.5), max: draw(1.0, 6.0), low: -1.0, high: 2.0, clip: kind == 5 }
        }
    }
}

/// The layers of a network of `inputs`, each chosen by a number.
fn network(kinds: &[usize], mut inputs: usize, outputs: usize, seed: u64) -> FeedForward {
    let device = parse_device("flex").unwrap();
    let mut rng = rng_for(seed, "network");
    let mut layers = Vec::new();
    for (i, kind) in kinds.iter().enumerate() {
        let width = [3, 64, 70][i % 3];
        let linear =
            LayerShape::Linear { inputs, outputs: width, bias: kind % 2 == 0 }.init(&mut rng, &device);
        let mut draw = |low: f32| -> Vec<f32> { (0..inputs).map(|_| low + rng.random::<f32>()).collect() };
        layers.push(match kind {
            0..=3 => {
                inputs = width;
                linear
            }
            4 | 5 => Layer::BatchNorm {
                gamma: row(&draw(0.5)),
                beta: row(&draw(-0.5)),
                mean: row(&draw(-0.5)),
                variance: row(&draw(0.2)),
            },
            6 => Layer::Activation(Activation::Relu),
            7 => Layer::Activation(Activation::LEAKY_RELU),
            8 => Layer::Activation(Activation::Selu),
            9 => Layer::Activation(Activation::Sigmoid),
            10 => Layer::Activation(Activation::Tanh),
            11 => Layer::Dropout { rate: 0.5 },
            12 => Layer::Mask { rate: 0.5 },
            13 => Layer::Normalize,
            _ => Layer::Softmax,
        });
    }
    let last = match kinds.len() % 3 {
        0 => LayerShape::Cosine { inputs, classes: outputs, temperature: 0.2, normalize_weight: true },
        _ => LayerShape::Linear { inputs, outputs, bias: true },
    };
    layers.push(last.init(&mut rng, &device));
    FeedForward::new(layers).unwrap()
}

fn preparation(scaler: Scaler) -> FittedPreprocessing {
    FittedPreprocessing {
        target_sum: Some(50.0),
        log1p: true,
        renamed: IndexMap::from([("OLD1".to_owned(), "G1".to_owned()), ("OLD2".to_owned(), "G2".to_owned())]),
        scaler,
        ..FittedPreprocessing::identity(names("G", GENES), Scale::Counts)
    }
}

fn model(scaler: Scaler, encoder: FeedForward, head: FeedForward, output: Output) -> ResponseModel {
    let device = parse_device("flex").unwrap();
    ResponseModel::new(preparation(scaler), encoder, head, output, 0.5, ModelCard::default(), device).unwrap()
}

fn options() -> PredictOptions {
    PredictOptions { missing: Missing::Fill { min_overlap: 0.1 }, ..PredictOptions::default() }
}

/// What tensors make of scaled values.
fn plainly(model: &ResponseModel, cells: &ExpressionMatrix) -> Predictions {
    let (x, genes) = model.preprocessing().transform(cells, options().missing).unwrap();
    model.predict_prepared(x.view(), cells.samples(), genes, 1000).unwrap()
}

/// The same in double precision: scores and embedding.
fn exactly(model: &ResponseModel, cells: &ExpressionMatrix) -> (Vec<f64>, Vec<f64>) {
    let preparation = model.preprocessing();
    let unscaled = FittedPreprocessing { scaler: Scaler::Identity, ..preparation.clone() };
    let (x, report) = unscaled.transform(cells, options().missing).unwrap();
    let mut x = preparation.scaler.transform(x.mapv(f64::from)).unwrap();
    for (j, gene) in preparation.genes.iter().enumerate() {
        if report.missing.contains(gene) {
            x.column_mut(j).fill(0.0);
        }
    }
    let wide = |network: &FeedForward| {
        let mut network = network.clone();
        network.visit(&mut |_, parameter| match parameter {
            Parameter::Matrix(t) => *t = t.clone().cast(DType::F64),
            Parameter::Vector(t) | Parameter::Statistic(t) => *t = t.clone().cast(DType::F64),
        });
        network
    };
    let data = TensorData::new(x.iter().copied().collect::<Vec<f64>>(), [x.nrows(), x.ncols()]);
    let z =
        wide(model.encoder()).evaluate(Tensor::from_data(data, (&parse_device("flex").unwrap(), DType::F64)));
    let scores = model.output().score(wide(model.head()).evaluate(z.clone()));
    let embedding =
        if model.encoder().layers().is_empty() { Vec::new() } else { z.try_into_vec_as().unwrap() };
    (scores.try_into_vec_as().unwrap(), embedding)
}

/// The greatest error, of numbers above 1 as a share of them.
fn error(found: impl IntoIterator<Item = f64>, exact: &[f64]) -> f64 {
    let errors = found.into_iter().zip(exact).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    errors.fold(0.0, f64::max)
}

fn in_blocks(model: &ResponseModel, cells: &ExpressionMatrix, size: usize) -> Vec<Predictions> {
    let starts: Vec<usize> = (0..cells.n_samples()).step_by(size).collect();
    let blocks = starts.into_iter().map(|start| {
        let rows: Vec<usize> = (start..(start + size).min(cells.n_samples())).collect();
        cells.select_samples(&rows)
    });
    let mut all = Vec::new();
    model
        .predict_blocks(blocks, &options(), &mut |cells, predictions| {
            assert_eq!(cells.samples(), predictions.cells);
            all.push(predictions.clone());
            Ok(())
        })
        .unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_network_predicts_what_tensors_predict(
        layers in prop::option::of(prop::collection::vec(0usize..15, 0..6)),
        head_layers in prop::collection::vec(0usize..15, 0..4),
        kind in 0usize..6,
        output in 0usize..4,
        known in prop::collection::vec(0usize..16, 4..16),
        size in 1usize..300,
        seed: u64,
    ) {
        let output = [Output::Softmax, Output::Sigmoid, Output::Linear, Output::Second][output];
        let latent = if layers.is_some() { 5 } else { GENES };
        let encoder =
            layers.as_ref().map_or_else(FeedForward::default, |kinds| network(kinds, GENES, latent, seed));
        let head = network(&head_layers, latent, output.width(), seed ^ 1);
        let model = model(scaler(kind, seed), encoder, head, output);
        // Some of the model's genes, some under two names, and others besides.
        let mut genes: Vec<String> = known
            .iter()
            .map(|&g| match g {
                0..12 => format!("G{g}"),
                12 | 13 => format!("OLD{}", g - 11),
                other => format!("X{other}"),
            })
            .collect();
        genes.sort();
        genes.dedup();
        prop_assume!(genes.iter().filter(|g| !g.starts_with('X')).count() > 2);
        let cells = counts(300, genes, seed);
        let (sparse, plain) = (model.predict(&cells, &options()).unwrap(), plainly(&model, &cells));
        prop_assert_eq!(&sparse.genes, &plain.genes);
        // 1e-5, but where layers lose digits (the direction of a short vector, say): there what tensors lose, times the size
        // of what folding takes apart: x / sd and mean / sd round each on its own, gene by gene.
        let (_, addends) = model.preprocessing().scaler.affine(GENES).unwrap_or_default();
        let halves = 1.0 + addends.iter().map(|a| a.abs()).sum::<f64>();
        let (scores, embedding) = exactly(&model, &cells);
        prop_assert_eq!((sparse.scores.len(), sparse.embedding.len()), (scores.len(), embedding.len()));
        let of = |p: &Predictions| {
            let embedding = error(p.embedding.iter().copied().map(f64::from), &embedding);
            [error(p.scores.iter().copied(), &scores), embedding]
        };
        for (ours, tensors) in of(&sparse).into_iter().zip(of(&plain)) {
            prop_assert!(ours <= 1e-5 + 4.0 * halves * tensors, "off by {ours}, tensors by {tensors}");
        }
        // Folded, it is the same to the bit: written out with its zeros, block by block, and on one thread. Tensors
        // may round otherwise at the edge of a block.
        let first = |kinds: &[usize]| kinds.iter().copied().find(|k| !matches!(k, 11 | 12));
        let linear = |network: &[usize]| first(network).map_or(!network.len().is_multiple_of(3), |k| k < 4);
        let folded = !matches!(kind, 3 | 5) && linear(layers.as_deref().unwrap_or(&head_layers));
        let same = |a: &[f64], b: &[f64]| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a == b || !folded && (a - b).abs() <= 1e-5 * b.abs().max(1.0))
        };
        let flat = |p: &Predictions| -> Vec<f64> {
            p.scores.iter().copied().chain(p.embedding.iter().copied().map(f64::from)).collect()
        };
        prop_assert!(same(&flat(&model.predict(&dense(&cells), &options()).unwrap()), &flat(&sparse)));
        let blocks = in_blocks(&model, &cells, size);
        let scores: Vec<f64> = blocks.iter().flat_map(|b| b.scores.clone()).collect();
        let embedding = blocks.iter().flat_map(|b| b.embedding.iter().copied().map(f64::from));
        let joined: Vec<f64> = scores.into_iter().chain(embedding).collect();
        prop_assert!(same(&joined, &flat(&sparse)));
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        prop_assert!(same(&flat(&one.install(|| model.predict(&cells, &options()).unwrap())), &flat(&sparse)));
    }
}

/// Two genes, one linear layer: (ln(1 + 50·x/total) − mean) / sd · W + b by hand.
#[test]
fn the_number_is_that_of_the_formula() {
    let mut prepared = preparation(Scaler::ZScore {
        mean: vec![1.0, 2.0, 5.0],
        sd: vec![0.5, 4.0, 3.0],
        center: true,
        max_value: None,
    });
    prepared.genes = names("G", 3);
    let device = parse_device("flex").unwrap();
    let weight = Tensor::from_data(TensorData::new(vec![0.25f32, -2.0, 7.0], [3, 1]), &device);
    let head = FeedForward::new(vec![Layer::Linear { weight, bias: Some(row(&[0.125])) }]).unwrap();
    let card = ModelCard::default();
    let model = ResponseModel::new(prepared, FeedForward::default(), head, Output::Linear, 0.0, card, device)
        .unwrap();
    // The third gene is missing: average, so without a say. `X` counts for the total.
    let x = Array2::from_shape_vec((2, 3), vec![3.0, 0.0, 1.0, 0.0, 2.0, 6.0]).unwrap();
    let values = Values::Sparse(CsrMatrix::from_dense(&x));
    let genes = ["G1", "X", "G0"].map(str::to_owned).to_vec();
    let cells = ExpressionMatrix::new(values, names("c", 2), genes).unwrap();
    let predictions = model.predict(&cells, &options()).unwrap();
    let by_hand = |g0: f64, g1: f64| (g0 - 1.0) / 0.5 * 0.25 + (g1 - 2.0) / 4.0 * -2.0 + 0.125;
    let expected = [by_hand(12.5f64.ln_1p(), 37.5f64.ln_1p()), by_hand(37.5f64.ln_1p(), 0.0)];
    for (a, b) in predictions.scores.iter().zip(expected) {
        assert!((a - b).abs() < 1e-6, "{a} instead of {b}");
    }
    assert_eq!(predictions.embedding.dim(), (2, 0));
    assert_eq!(predictions.genes.missing, ["G2"]);
}

#[test]
fn a_fraction_among_counts_is_refused_in_whichever_block() {
    let model = model(Scaler::Identity, FeedForward::default(), network(&[0], GENES, 1, 0), Output::Sigmoid);
    let mut x = counts(10, names("G", GENES), 1).values().to_dense();
    x[[9, 3]] = 0.5;
    let cells = ExpressionMatrix::new(Values::Dense(x), names("c", 10), names("G", GENES)).unwrap();
    let blocks = (0..5).map(|b| cells.select_samples(&[2 * b, 2 * b + 1]));
    let mut seen = 0;
    let failed = model.predict_blocks(blocks, &options(), &mut |_, p| {
        seen += p.cells.len();
        Ok(())
    });
    let error = failed.unwrap_err().to_string();
    assert!(error.contains("counts was declared"), "{error}");
    assert_eq!(seen, 8);
    assert_eq!(
        error,
        model.predict(&cells.select_samples(&[8, 9]).unwrap(), &options()).unwrap_err().to_string()
    );
}

#[test]
fn errors_of_reader_and_writer_come_out_and_end_the_run() {
    let model = model(Scaler::Identity, FeedForward::default(), network(&[0], GENES, 1, 0), Output::Sigmoid);
    let cells = counts(4, names("G", GENES), 1);
    let damaged = || Err(DataError::invalid("block 2", "is damaged", "read another"));
    let blocks = [Ok(cells.clone()), damaged(), Ok(cells.clone())];
    let mut seen = 0;
    let failed = model.predict_blocks(blocks.into_iter(), &options(), &mut |_, _| {
        seen += 1;
        Ok(())
    });
    assert!(failed.unwrap_err().to_string().contains("block 2"));
    assert_eq!(seen, 1);
    let full = || Err(ModelError::invalid("disk", "is full", "delete something"));
    let endless = std::iter::repeat_with(|| Ok(cells.clone()));
    let failed = model.predict_blocks(endless, &options(), &mut |_, _| full());
    assert!(failed.unwrap_err().to_string().contains("disk"));
}

#[test]
fn a_block_of_other_genes_is_matched_anew() {
    let model = model(scaler(1, 7), FeedForward::default(), network(&[0], GENES, 1, 0), Output::Sigmoid);
    let (first, second) = (counts(3, names("G", GENES), 1), counts(3, names("G", 8), 2));
    let mut scores = Vec::new();
    let blocks = [Ok(first.clone()), Ok(second.clone())].into_iter();
    model
        .predict_blocks(blocks, &options(), &mut |_, p| {
            scores.push(p.clone());
            Ok(())
        })
        .unwrap();
    for (cells, found) in [first, second].iter().zip(&scores) {
        assert_eq!(found, &model.predict(cells, &options()).unwrap());
    }
}

#[test]
fn values_too_large_for_the_network_are_an_error() {
    let wide = Layer::Linear {
        weight: Tensor::from_data(
            TensorData::new(vec![1e38f32; GENES * 2], [GENES, 2]),
            &parse_device("flex").unwrap(),
        ),
        bias: None,
    };
    // inf − inf behind the relu: no number, which the relu must not hide.
    let opposite =
        Tensor::from_data(TensorData::new(vec![1.0f32, -1.0], [2, 1]), &parse_device("flex").unwrap());
    let layers = vec![
        wide,
        Layer::Linear { weight: opposite, bias: None },
        Layer::Activation(Activation::Relu),
        Layer::Activation(Activation::Tanh),
    ];
    let mut layers = layers;
    layers.insert(1, Layer::Activation(Activation::Relu));
    let head = FeedForward::new(layers).unwrap();
    let model = model(Scaler::Identity, FeedForward::default(), head, Output::Linear);
    let error = model.predict(&counts(20, names("G", GENES), 3), &options()).unwrap_err().to_string();
    assert!(error.contains("is not a finite number"), "{error}");
}

#[test]
fn a_table_that_grows_is_the_table_written_at_once() {
    let model = model(Scaler::Identity, FeedForward::default(), network(&[0], GENES, 1, 0), Output::Sigmoid);
    let mut cells = counts(7, names("G", GENES), 1);
    cells.set_sample_column("batch", Column::category(["a", "b", "a", "b", "a", "b", "a"])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (whole, grown) = (folder.path().join("whole.csv"), folder.path().join("grown.csv"));
    model.predict(&cells, &options()).unwrap().write_csv(&whole, &cells).unwrap();
    let mut table = CsvPredictions::new(&grown).unwrap();
    for rows in [0..3, 3..7] {
        let block = cells.select_samples(&rows.collect::<Vec<_>>()).unwrap();
        table.append(&model.predict(&block, &options()).unwrap(), &block).unwrap();
    }
    assert!(!grown.exists());
    table.finish().unwrap();
    assert_eq!(std::fs::read_to_string(&whole).unwrap(), std::fs::read_to_string(&grown).unwrap());
    let mut table = CsvPredictions::new(&grown).unwrap();
    table.append(&model.predict(&cells, &options()).unwrap(), &cells).unwrap();
    let mut other = counts(7, names("G", GENES), 1);
    other.set_sample_column("plate", Column::Number(vec![1.0; 7])).unwrap();
    let error = table.append(&model.predict(&other, &options()).unwrap(), &other).unwrap_err().to_string();
    assert!(error.contains("annotation"), "{error}");
    drop(table);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
