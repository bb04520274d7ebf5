//! Any input gives a value or a reason, never a panic and never NaN.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // helpers of tests are tests

mod table;

use ndarray::Array2;
use proptest::prelude::*;
use sensitome_eval::calibration::{Bins, Conformal, Isotonic, Platt, Temperature, ece};
use sensitome_eval::classification::{Validation, confusion_matrix};
use sensitome_eval::clustering::ami;
use sensitome_eval::comparison::{Results, Run, critical_difference_groups, win_tie_loss};
use sensitome_eval::embedding::{Distance, kbet, lisi, nearest_neighbours, silhouette, trustworthiness};
use sensitome_eval::intervals::{Bootstrap, Design, Method, bca_interval, bootstrap, delong};
use sensitome_eval::ranking::partial_auroc;
use sensitome_eval::selection::{Evidence, SelectionScore};
use sensitome_eval::stability::stratified_subsample;
use sensitome_eval::{Metric, Undefined};
use table::{Sample, entries};

/// Ordinary, huge, tiny, not finite: often equal to each other.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -3.0..3.0f64,
        6 => (-4..5i32).prop_map(f64::from),
        4 => (0..5i32).prop_map(|v| f64::from(v) / 4.0),
        1 => prop::num::f64::ANY,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, -0.0, 1e-320]),
    ]
}

/// Lists of lengths that often agree, and sometimes hold nothing but good values.
fn numbers() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(number(), 0..24),
        prop::collection::vec(0.0..1.0f64, 12),
        prop::collection::vec((0..4i32).prop_map(|v| f64::from(v) / 3.0), 12),
        prop::collection::vec(prop_oneof![Just(1e308), Just(-1e308), Just(1e-308), Just(0.0)], 12),
    ]
}

fn labels(most: u8) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(0..=most, 0..24), prop::collection::vec(0..2u8, 12)]
}

fn classes() -> impl Strategy<Value = Vec<i64>> {
    prop_oneof![
        prop::collection::vec(any::<i64>(), 0..24),
        prop::collection::vec(-1..3i64, 12),
        prop::collection::vec(prop::sample::select(vec![i64::MIN, i64::MAX, 0]), 12),
    ]
}

fn points() -> impl Strategy<Value = Array2<f64>> {
    (0..16usize, 0..4usize).prop_flat_map(|(n, d)| {
        let values = prop_oneof![
            prop::collection::vec(number(), n * d),
            prop::collection::vec(-1.0..1.0f64, n * d),
            prop::collection::vec((0..2i32).prop_map(f64::from), n * d),
        ];
        values.prop_map(move |v| Array2::from_shape_vec((n, d), v).unwrap())
    })
}

prop_compose! {
    fn anything()(
        labels in labels(2),
        predicted in labels(3),
        classes in classes(),
        clusters in classes(),
        scores in numbers(),
        other in numbers(),
        probabilities in numbers(),
        points in points(),
        weights in prop::option::of(numbers()),
    ) -> Sample {
        Sample { labels, predicted, classes, clusters, scores, other, probabilities, points, weights }
    }
}

fn no_nan(what: &str, got: Metric<Vec<f64>>) -> Result<(), TestCaseError> {
    if let Ok(values) = got {
        prop_assert!(values.iter().all(|v| !v.is_nan()), "{what}: {values:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_registered_metrics(s in anything()) {
        for entry in entries() {
            no_nan(entry.names[0], (entry.run)(&s))?;
        }
    }

    /// The registered calls have fixed settings; here the settings are arbitrary.
    #[test]
    fn arbitrary_settings(s in anything(), k in prop_oneof![0..20usize, Just(usize::MAX)], a in number(), seed in any::<u64>()) {
        let (x, y, v) = (s.points.view(), &s.labels, &s.scores);
        let validation = Validation { labels: y, scores: &s.probabilities, weights: s.weights.as_deref() };
        let one = |m: Metric| m.map(|v| vec![v]);
        no_nan("partial_auroc", one(partial_auroc(y, v, None, a)))?;
        for bins in [Bins::EqualMass(k), Bins::EqualWidth(k)] {
            no_nan("ece", one(ece(y, &s.probabilities, None, bins)))?;
        }
        no_nan("kbet", kbet(x, &s.classes, k, a).map(|k| k.p_values))?;
        no_nan("lisi", lisi(x, &s.classes, a))?;
        no_nan("trustworthiness", one(trustworthiness(x, x, k)))?;
        for distance in [Distance::Euclidean, Distance::Cosine] {
            no_nan("neighbours", nearest_neighbours(x, k, distance).map(|n| n.distances.concat()))?;
            no_nan("silhouette", one(silhouette(x, &s.classes, distance)))?;
        }
        no_nan("delong", delong(y, v, a).map(|d| vec![d.low, d.high, d.standard_error]))?;
        no_nan("bca", bca_interval(a, v, &[s.other.clone(), s.probabilities.clone()], 0.9).map(|i| vec![i.0, i.1]))?;
        no_nan("ami", one(ami(&s.classes, &s.clusters)))?;
        no_nan("win_tie_loss", win_tie_loss(v, &s.other, a).map(|w| vec![w.wins as f64]))?;
        no_nan("groups", critical_difference_groups(v, a).map(|_| vec![]))?;
        no_nan("subsample", stratified_subsample(y, a, seed, 3).map(|_| vec![]))?;
        no_nan("confusion", confusion_matrix(&s.classes, &s.clusters).and_then(|m| m.mcc()).map(|v| vec![v]))?;
        if let Ok(conformal) = Conformal::fit(validation, a, seed % 2 == 0) {
            let _ = conformal.predict(a);
        }
        if let Ok(m) = Temperature::fit(y, v, s.weights.as_deref()) {
            prop_assert!((0.0..=1.0).contains(&m.probability(0.3)), "{m:?}");
        }
        if let Ok(m) = Platt::fit(y, v, s.weights.as_deref()) {
            prop_assert!((0.0..=1.0).contains(&m.probability(0.3)), "{m:?}");
        }
        if let Ok(m) = Isotonic::fit(y, v, s.weights.as_deref()) {
            prop_assert!((0.0..=1.0).contains(&m.probability(0.3)), "{m:?}");
            prop_assert_eq!(a.is_nan(), m.probability(a).is_nan());
        }
        let groups = Design::Grouped(&s.clusters);
        for method in [Method::Bca, Method::Percentile] {
            let options = Bootstrap { resamples: k.min(20), level: a, method, seed };
            let mean = |rows: &[usize]| match rows.len() {
                0 => Err(Undefined::Empty { what: "rows" }),
                n => Ok(rows.iter().sum::<usize>() as f64 / n as f64),
            };
            no_nan("bootstrap", bootstrap(groups, options, mean).map(|i| vec![i.low, i.high]))?;
        }
        for score in SelectionScore::ALL {
            let evidence = Evidence { target_probabilities: Some(x), target_labels: Some(y), ridge_scores: Some(v), ..Evidence::default() };
            no_nan(score.name(), one(score.score(&evidence)))?;
        }
        let run = |i: usize, v: &f64| Run { strategy: format!("s{}", i % 2), task: format!("t{}", i % 3), seed: seed ^ i as u64, value: *v };
        if let Ok(results) = Results::new(v.iter().enumerate().map(|(i, v)| run(i, v))) {
            no_nan("summary", results.summary("s0", a).map(|s| vec![s.mean]))?;
            no_nan("contrast", results.contrast("s0", "s1", a, seed).map(|c| vec![c.difference]))?;
            no_nan("task_means", results.task_means().map(|m| m.iter().copied().collect()))?;
        }
    }
}
