//! From a model and cells: levels, baselines, critical genes, pathways, sanity checks.
//!
//! Mutations tried: `weight_randomisation` explaining the true network at every stage
//! (`chance_weights_are_told_apart`); the group of `critical_genes` swapped
//! (`critical_genes_of_a_known_model`); the encoder left out at the bottleneck
//! (`the_bottleneck_is_explained_by_the_head`).

#![allow(clippy::unwrap_used)]

use burn::tensor::{Tensor, TensorData};
use indexmap::IndexMap;
use ndarray::{Array2, Axis, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_core_models::*;
use sensitome_data::detect::Scale;
use sensitome_data::read::GeneSet;
use sensitome_data::{ExpressionMatrix, FittedPreprocessing, Values};
use sensitome_interpret::*;

fn genes() -> Vec<String> {
    (0..12).map(|j| format!("G{j}")).collect()
}

/// 12 genes, 4 latent axes; G0 and G1 drive the margin up, G2 down, through the first axes.
fn model(head: HeadConfig) -> ResponseModel {
    let device = parse_device(&sensitome_testkit::device()).unwrap();
    let mut weight = Array2::<f32>::zeros((12, 4));
    weight[[0, 0]] = 2.0;
    weight[[1, 0]] = 1.0;
    weight[[2, 1]] = 2.0;
    weight[[3, 2]] = 0.01;
    let tensor = |a: &Array2<f32>| -> Tensor<2> {
        Tensor::from_data(
            TensorData::new(a.iter().copied().collect::<Vec<_>>(), [a.nrows(), a.ncols()]),
            &device,
        )
    };
    let encoder = vec![
        Layer::Linear { weight: tensor(&weight), bias: None },
        Layer::Activation(Activation::LEAKY_RELU),
    ];
    let (head, output) = match head {
        HeadConfig::Softmax(_) => {
            let weight = tensor(&array![[-0.5f32, 0.5], [0.5, -0.5], [0.0, 0.0], [0.0, 0.0]]);
            (FeedForward::new(vec![Layer::Linear { weight, bias: None }]).unwrap(), Output::Softmax)
        }
        other => other.init(&Init::new(1, device.clone()), "head").unwrap(),
    };
    let preprocessing = FittedPreprocessing::identity(genes(), Scale::LogNormalised);
    let encoder = FeedForward::new(encoder).unwrap();
    ResponseModel::new(preprocessing, encoder, head, output, 0.5, ModelCard::default(), device).unwrap()
}

fn softmax() -> HeadConfig {
    HeadConfig::Softmax(MlpConfig::new(4, &[], 2))
}

fn cells(n: usize) -> ExpressionMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let values = Array2::from_shape_simple_fn((n, 12), || {
        if rng.random::<f64>() < 0.3 { 0.0 } else { rng.random_range(0.0f32..3.0) }
    });
    let names = (0..n).map(|i| format!("c{i}")).collect();
    ExpressionMatrix::new(Values::Dense(values), names, genes()).unwrap()
}

fn explain(options: ExplainOptions) -> Attribution {
    let (model, cells) = (model(softmax()), cells(40));
    Explainer::new(&model, &cells, options).unwrap().explain(&cells, &mut |_, _| {}).unwrap()
}

#[test]
fn every_method_finds_the_genes_of_a_known_model() {
    for name in ["ig", "shap", "expected-gradients", "shapley", "saliency", "gradient-x-input", "smoothgrad"]
    {
        let a =
            explain(ExplainOptions { method: Method::named(name, 1).unwrap(), ..ExplainOptions::default() });
        assert_eq!((a.method.as_str(), a.target.as_str()), (name, "log-odds of sensitive"));
        let top: Vec<String> = a.top_genes(3).into_iter().map(|g| g.gene).collect();
        assert!(["G0", "G1", "G2"].iter().all(|g| top.iter().any(|t| t == g)), "{name}: {top:?}");
        if let Some(gap) = a.worst_gap() {
            let allowed = if name == "expected-gradients" { 0.5 } else { 1e-5 };
            assert!(gap < allowed, "{name}: {gap}");
        }
    }
    assert!(matches!(Method::named("lime", 1), Err(InterpretError::Invalid { .. })));
}

#[test]
fn outputs_and_expected_values_are_the_models() {
    let a = explain(ExplainOptions { target: Target::Probability(1), ..ExplainOptions::default() });
    let scores = model(softmax()).predict(&cells(40), &PredictOptions::default()).unwrap().scores;
    assert!(a.output.iter().zip(&scores).all(|(o, s)| (o - s).abs() < 1e-6));
    assert!((a.expected[0] - 0.5).abs() < 1e-6, "without expression and bias both classes are alike");
}

#[test]
fn baselines() {
    let options = |baseline| ExplainOptions { baseline, ..ExplainOptions::default() };
    let cell = explain(options(Baseline::Cell("c7".into())));
    assert!(cell.values.row(7).iter().all(|v| *v == 0.0) && cell.values.row(8).iter().any(|v| *v != 0.0));
    let mean = explain(options(Baseline::Mean));
    let all = cells(40).values().to_dense().mean_axis(Axis(0)).unwrap();
    assert!(mean.baseline.iter().zip(&all).all(|(a, b)| (a - b).abs() < 1e-5));
    let several = explain(options(Baseline::Background));
    assert!(several.worst_gap().unwrap() < 1e-5);
    let (model, cells) = (model(softmax()), cells(5));
    assert!(Explainer::new(&model, &cells, options(Baseline::Cell("nobody".into()))).is_err());
}

#[test]
fn the_bottleneck_is_explained_by_the_head() {
    let axes = ["up", "down", "idle", "none"].map(str::to_owned).to_vec();
    let level = Level::Bottleneck;
    let a = explain(ExplainOptions { level, axes: Some(axes.clone()), ..ExplainOptions::default() });
    assert_eq!(a.genes, axes);
    let z = model(softmax()).predict(&cells(40), &PredictOptions::default()).unwrap().embedding;
    for i in 0..40 {
        assert!((a.values[[i, 0]] - z[[i, 0]]).abs() < 1e-5 && (a.values[[i, 1]] + z[[i, 1]]).abs() < 1e-5);
    }
    let wrong = ExplainOptions { level, axes: Some(axes[..2].to_vec()), ..ExplainOptions::default() };
    assert!(Explainer::new(&model(softmax()), &cells(5), wrong).is_err());
    let unnamed = explain(ExplainOptions { level, ..ExplainOptions::default() });
    assert_eq!(unnamed.genes[3], "axis 4");
}

#[test]
fn streaming_gives_the_same_and_little_memory_is_refused() {
    let (model, cells) = (model(softmax()), cells(40));
    let run = RunOptions { max_rows: 3, ..RunOptions::default() };
    let explainer =
        Explainer::new(&model, &cells, ExplainOptions { run, ..ExplainOptions::default() }).unwrap();
    let whole = explain(ExplainOptions::default());
    let mut next = 0;
    explainer
        .stream(&cells, &mut |_, _| {}, &mut |range, rows| {
            assert_eq!(range.start, next);
            next = range.end;
            let part = whole.values.slice(ndarray::s![range, ..]);
            assert!((&rows.values - &part).iter().all(|d| d.abs() < 1e-6));
            Ok(())
        })
        .unwrap();
    assert_eq!(next, 40);
    let run = RunOptions { max_bytes: 100, max_rows: 3 };
    let explainer =
        Explainer::new(&model, &cells, ExplainOptions { run, ..ExplainOptions::default() }).unwrap();
    assert!(explainer.explain(&cells, &mut |_, _| {}).is_err());
}

#[test]
fn critical_genes_of_a_known_model() {
    let (model, many) = (model(softmax()), cells(400));
    let explainer = Explainer::new(&model, &many, ExplainOptions::default()).unwrap();
    let a = explainer.explain(&many, &mut |_, _| {}).unwrap();
    let classes: Vec<u8> = a.output.iter().map(|&o| u8::from(o > 0.0)).collect();
    let signed =
        CriticalOptions { absolute: false, log_fold_change: f64::NEG_INFINITY, ..CriticalOptions::default() };
    let critical = critical_genes(&a, &classes, &signed).unwrap();
    assert_eq!(critical.sensitive[0].gene, "G0");
    assert!(critical.sensitive[0].mean > critical.sensitive[0].mean_outside);
    assert!(critical.sensitive.iter().all(|g| g.p_adjusted < 0.05 && g.score > 0.0));
    let folds = critical_genes(&a, &classes, &CriticalOptions { log_fold_change: 0.2, ..Default::default() })
        .unwrap();
    assert!(folds.resistant.iter().any(|g| g.gene == "G2"), "{folds:?}");
    assert!(folds.sensitive.iter().all(|g| g.log_fold_change >= 0.2));
    assert!(critical_genes(&a, &classes[1..], &signed).is_err());
    assert!(critical_genes(&a, &[1; 400], &signed).is_err());
}

#[test]
fn stability_of_rankings() {
    let (ig, saliency) = (
        explain(ExplainOptions::default()),
        explain(ExplainOptions { method: Method::named("shap", 1).unwrap(), ..ExplainOptions::default() }),
    );
    let stable = stability(&[&ig, &saliency], 3).unwrap();
    assert_eq!(stable.always.len(), 3);
    assert_eq!(stable.means().1, 1.0);
    assert!(stable.means().0 > 0.9);
    assert!(stability(&[&ig], 13).is_err() && stability(&[], 1).is_err());
}

#[test]
fn pathways_are_sums_of_genes() {
    let a = explain(ExplainOptions::default());
    let set = |genes: &[&str]| GeneSet {
        description: String::new(),
        genes: genes.iter().map(|g| (*g).to_owned()).collect(),
    };
    let sets = IndexMap::from([
        ("UP".to_owned(), set(&["G0", "G1", "UNKNOWN"])),
        ("SMALL".to_owned(), set(&["G2"])),
        ("NONE".to_owned(), set(&["X", "Y", "Z"])),
    ]);
    let sums = by_pathway(&a, &sets, 2, 10).unwrap();
    assert_eq!((sums.genes.as_slice(), sums.values.dim()), (&["UP".to_owned()][..], (40, 1)));
    assert!((sums.values[[3, 0]] - a.values[[3, 0]] - a.values[[3, 1]]).abs() < 1e-5);
    assert!(by_pathway(&a, &sets, 5, 10).is_err());
    let table = pathway_table(&a, &sets, 2, 10, 200, 1).unwrap();
    assert_eq!((table.len(), table[0].genes, table[0].pathway.as_str()), (1, 2, "UP"));
    assert!(table[0].per_gene > 2.0 && table[0].nes > 1.0, "{table:?}");
    assert_eq!(table[0].leading_edge, ["G0", "G1"]);
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("pathways.csv");
    write_pathways(&path, &table).unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("\nUP,2,"));
}

#[test]
fn chance_weights_are_told_apart() {
    let (model, cells) = (model(HeadConfig::Softmax(MlpConfig::new(4, &[], 2))), cells(40));
    let report = Explainer::new(&model, &cells, ExplainOptions::default())
        .unwrap()
        .weight_randomisation(&cells, 0.5)
        .unwrap();
    assert_eq!(report.stages.len(), 2);
    assert!(report.to_string().contains("weight randomisation"));
    assert!(report.stages.iter().all(|s| s.likeness.signed < 0.9), "{report}");
    // An explanation that ignores the model must fail: the cell itself.
    struct Ignorant;
    impl Explain<f32> for Ignorant {
        fn explain(&self, x: ndarray::ArrayView2<f32>, _: usize) -> sensitome_interpret::Result<Rows<f32>> {
            let n = x.nrows();
            Ok(Rows { values: x.to_owned(), output: vec![0.0; n], expected: vec![0.0; n], gap: None })
        }
        fn inputs(&self) -> usize {
            12
        }
        fn baseline(&self) -> Vec<f32> {
            vec![]
        }
        fn bytes_per_row(&self) -> usize {
            1
        }
        fn bytes_fixed(&self) -> usize {
            0
        }
    }
    let whole = model.encoder().clone().then(model.head().clone()).unwrap();
    let x = cells.values().to_dense();
    let make = |_| Ok(Box::new(Ignorant) as Box<dyn Explain<f32>>);
    let report =
        sanity::weight_randomisation(&whole, Output::Softmax, Target::Margin, &make, x.view(), 1, 0.5)
            .unwrap();
    assert!(!report.passed && report.stages.iter().all(|s| s.likeness.signed > 0.999));
}

#[test]
fn shuffled_labels_are_told_apart() {
    let truth = explain(ExplainOptions::default());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let chance = |rng: &mut ChaCha8Rng| {
        let values = truth.values.mapv(|_| rng.random_range(-1.0f32..1.0));
        Attribution { values, ..truth.clone() }
    };
    let shuffled = [chance(&mut rng), chance(&mut rng)];
    assert!(sanity::label_randomisation(&truth, &shuffled, 0.3).unwrap().passed);
    assert!(!sanity::label_randomisation(&truth, std::slice::from_ref(&truth), 0.3).unwrap().passed);
    assert!(sanity::label_randomisation(&truth, &[], 0.3).is_err());
}
