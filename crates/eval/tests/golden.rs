//! The golden cases of group `metrics`, computed by scikit-learn and scipy.
//!
//! Where the reference answers with NaN or an infinity, this crate answers `Undefined`. Where it answers with a
//! conventional number that the set's README names (average precision, trapezoid and recall without positives;
//! MCC of a constant labeling; log loss of one class), the convention is applied here, not in the library.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, ArrayD, Ix2};
use sensitome_eval::calibration::{Bins, ece, mce, top_label};
use sensitome_eval::classification as hard;
use sensitome_eval::embedding::{Distance, silhouette, silhouette_samples, trustworthiness};
use sensitome_eval::{
    Average, Metric, Ranking, Undefined, ZeroDivision, clustering, correlation, probability, ranking,
};
use sensitome_testkit::{Case, golden, golden_prefixes};

/// Undefined is NaN, where the reference too has nothing to say.
fn check(case: &Case, name: &str, got: Metric) {
    match got {
        Ok(v) => case.check(name, v),
        Err(_) if case.expects_error(name) => case.check_result(name, got),
        // The adjusted score of one class divides by zero, which numpy calls -infinity.
        Err(Undefined::OneClass { .. }) if case.expected_scalar(name) == "-Infinity" => {
            case.check(name, f64::NEG_INFINITY);
        }
        Err(_) => case.check(name, f64::NAN),
    }
}

/// The convention `value` where the metric is undefined for the reason the README names.
fn check_or(case: &Case, name: &str, got: Metric, reason: fn(&Undefined) -> bool, value: f64) {
    match got {
        Err(e) if reason(&e) => case.check(name, value),
        other => check(case, name, other),
    }
}

fn no_positives(e: &Undefined) -> bool {
    *e == Undefined::NoPositives
}

fn f64s(case: &Case, name: &str) -> Vec<f64> {
    case.f64s(name).into_iter().collect()
}

fn binary(case: &Case, name: &str) -> Vec<u8> {
    case.i64s(name).into_iter().map(|l| l as u8).collect()
}

fn labels(case: &Case) {
    let (truth, predicted) = (case.i64s("y_true"), case.i64s("y_pred"));
    let matrix = hard::confusion_matrix(&truth, &predicted).unwrap();
    check(case, "accuracy", hard::accuracy(&truth, &predicted));
    check(case, "balanced_accuracy", hard::balanced_accuracy(&truth, &predicted));
    check(case, "balanced_accuracy_adjusted", hard::balanced_accuracy_adjusted(&truth, &predicted));
    for (average, word) in [
        (Average::Binary, "binary"),
        (Average::Macro, "macro"),
        (Average::Micro, "micro"),
        (Average::Weighted, "weighted"),
    ] {
        for (zero, suffix) in [
            (ZeroDivision::Value(0.0), "zero0"),
            (ZeroDivision::Value(1.0), "zero1"),
            (ZeroDivision::Skip, "zeronan"),
        ] {
            let name = |metric: &str| format!("{metric}_{word}_{suffix}");
            if case.has_output(&name("precision")) {
                check(case, &name("precision"), hard::precision(&truth, &predicted, average, zero));
                check(case, &name("recall"), hard::recall(&truth, &predicted, average, zero));
                check(case, &name("f1"), hard::f1(&truth, &predicted, average, zero));
            } else {
                // The reference lists no binary average for more than two classes; here it is refused.
                assert_eq!(average, Average::Binary);
                assert!(hard::precision(&truth, &predicted, average, zero).is_err());
            }
        }
    }
    let constant = |e: &Undefined| matches!(e, Undefined::Constant { .. });
    check_or(case, "matthews_corrcoef", hard::mcc(&truth, &predicted), constant, 0.0);
    check(case, "cohen_kappa", hard::cohen_kappa(&truth, &predicted));
    if case.has_output("specificity") {
        let zero = ZeroDivision::Value(0.0);
        check(case, "specificity", hard::specificity(&truth, &predicted, zero));
    }
    // The reference matrix may list classes that do not occur (0 and 1 always).
    let classes = case.expected_array("labels");
    let mut counts = Array2::zeros((classes.len(), classes.len()));
    let found = matrix.to_array().unwrap();
    let place = |c: f64| matrix.classes().iter().position(|k| *k as f64 == c);
    for (i, &a) in classes.iter().enumerate() {
        for (j, &b) in classes.iter().enumerate() {
            if let (Some(a), Some(b)) = (place(a), place(b)) {
                counts[[i, j]] = found[[a, b]];
            }
        }
    }
    assert_eq!(counts.sum(), truth.len() as f64, "a class is missing from the reference's list");
    case.used(&["labels"]);
    case.check("confusion_matrix", counts);
}

fn ranks(case: &Case) {
    let (labels, scores) = (binary(case, "y_true"), f64s(case, "y_score"));
    let sorted = Ranking::new(&labels, &scores, None).unwrap();
    check(case, "roc_auc", ranking::auroc(&labels, &scores, None));
    let ap = ranking::average_precision(&labels, &scores, None);
    check_or(case, "average_precision", ap, no_positives, 0.0);
    let trapezoid = ranking::aupr_trapezoid(&labels, &scores, None);
    check_or(case, "aupr_trapezoid", trapezoid, no_positives, 0.5);
    if !case.has_output("roc_drop_fpr") {
        return;
    }
    for (drop, name) in [(true, "drop"), (false, "all")] {
        let output = |part: &str| format!("roc_{name}_{part}");
        match ranking::roc_curve(&labels, &scores, None, drop) {
            Ok(curve) => {
                case.check(&output("fpr"), curve.false_positive_rate);
                case.check(&output("tpr"), curve.true_positive_rate);
                case.check(&output("thresholds"), curve.thresholds);
            }
            // The reference draws the half that exists: the rate of the class that is there, beside NaN.
            Err(e) => {
                assert_eq!(e, Undefined::OneClass { what: "labels" });
                let points = case.expected_array(&output("thresholds")).len();
                let rate = |r: Metric<Vec<f64>>| match r {
                    Ok(r) if drop => vec![0.0, r[0], r[r.len() - 1]],
                    Ok(r) => [0.0].into_iter().chain(r).collect(),
                    Err(_) => vec![f64::NAN; points],
                };
                let steps: Vec<f64> = sorted.steps().iter().map(|s| s.threshold).collect();
                let ends = vec![steps[0], steps[steps.len() - 1]];
                let mut fpr = rate(sorted.false_positive_rate());
                let mut tpr = rate(sorted.true_positive_rate());
                let kept = if drop { ends } else { steps };
                let mut thresholds: Vec<f64> = [f64::INFINITY].into_iter().chain(kept).collect();
                fpr.truncate(points);
                tpr.truncate(points);
                thresholds.truncate(points);
                case.check(&output("fpr"), fpr);
                case.check(&output("tpr"), tpr);
                case.check(&output("thresholds"), thresholds);
            }
        }
    }
    match ranking::pr_curve(&labels, &scores, None) {
        Ok(curve) => {
            case.check("pr_precision", curve.precision);
            case.check("pr_recall", curve.recall);
            case.check("pr_thresholds", curve.thresholds);
        }
        // Without positives the reference sets recall to 1: hence the README's trapezoid of 0.5.
        Err(e) => {
            assert!(no_positives(&e));
            let thresholds: Vec<f64> = sorted.steps().iter().rev().map(|s| s.threshold).collect();
            let then = |value: f64, end: f64| {
                let mut v = vec![value; thresholds.len()];
                v.push(end);
                v
            };
            case.check("pr_precision", then(0.0, 1.0));
            case.check("pr_recall", then(1.0, 0.0));
            case.check("pr_thresholds", thresholds);
        }
    }
}

fn probabilities(case: &Case) {
    let (labels, p) = (binary(case, "y_true"), f64s(case, "y_proba"));
    if case.has_output("log_loss") {
        let mut columns = Array2::zeros((p.len(), 2));
        for (mut row, &p) in columns.rows_mut().into_iter().zip(&p) {
            row[0] = 1.0 - p;
            row[1] = p;
        }
        // Classes taken from the labels: with one class that is refused, as in the reference.
        let inferred = probability::log_loss_multiclass(&labels, columns.view(), None, None);
        check(case, "log_loss", inferred);
        check(case, "log_loss_labels01", probability::log_loss(&labels, &p, None));
        check(case, "brier", probability::brier_score(&labels, &p, None));
    }
    let bins = Bins::EqualWidth(10);
    check(case, "ece_positive_10_bins", ece(&labels, &p, None, bins));
    check(case, "mce_positive_10_bins", mce(&labels, &p, None, bins));
    let (correct, confidence) = top_label(&labels, &p).unwrap();
    check(case, "ece_top_label_10_bins", ece(&correct, &confidence, None, bins));
    check(case, "mce_top_label_10_bins", mce(&correct, &confidence, None, bins));
}

fn clusters(case: &Case) {
    let (a, b) = (case.i64s("labels_true"), case.i64s("labels_pred"));
    check(case, "ami_arithmetic", clustering::ami(&a, &b));
    check(case, "ari", clustering::ari(&a, &b));
    check(case, "nmi_arithmetic", clustering::nmi(&a, &b));
    check(case, "mutual_info_nats", clustering::mutual_information(&a, &b));
    check(case, "expected_mutual_info", clustering::expected_mutual_information(&a, &b));
    check(case, "homogeneity", clustering::homogeneity(&a, &b));
    check(case, "completeness", clustering::completeness(&a, &b));
    check(case, "v_measure", clustering::v_measure(&a, &b));
}

fn points(case: &Case, name: &str) -> Array2<f64> {
    let x: ArrayD<f64> = case.f64s(name);
    x.into_dimensionality::<Ix2>().unwrap()
}

fn silhouettes(case: &Case) {
    let (x, labels) = (points(case, "X"), case.i64s("labels"));
    for (distance, word) in [(Distance::Euclidean, "euclidean"), (Distance::Cosine, "cosine")] {
        check(case, &format!("silhouette_{word}"), silhouette(x.view(), &labels, distance));
        let samples = silhouette_samples(x.view(), &labels, distance);
        case.check_result(&format!("silhouette_samples_{word}"), samples);
    }
}

fn correlations(case: &Case) {
    let (x, y) = (f64s(case, "x"), f64s(case, "y"));
    for (name, got) in
        [("pearson", correlation::pearson(&x, &y)), ("spearman", correlation::spearman(&x, &y))]
    {
        check(case, &format!("{name}_r"), got.clone().map(|c| c.coefficient));
        check(case, &format!("{name}_p"), got.and_then(|c| c.p_value));
    }
}

#[test]
fn metrics() {
    golden("metrics", |case| match case.prefix() {
        "labels" => labels(case),
        "ranking" => ranks(case),
        "probability" => probabilities(case),
        "clustering" => clusters(case),
        "silhouette" => silhouettes(case),
        "correlation" => correlations(case),
        other => case.fail(format!("no test for {other}")),
    });
}

/// The part of group `graph` that this crate answers.
#[test]
fn graph_trustworthiness() {
    golden_prefixes("graph", &["trustworthiness"], |case| {
        let k = case.number("n_neighbors") as usize;
        let (x, embedded) = (points(case, "X"), points(case, "embedding"));
        if case.name == "trustworthiness__duplicates" {
            // Duplicated rows tie in every ranking: numpy's unstable argsort gives 0.898936, its stable one 0.897872.
            case.leave_out(&["trustworthiness"], "depends on how an unstable sort orders equal distances");
            return;
        }
        check(case, "trustworthiness", trustworthiness(x.view(), embedded.view(), k));
    });
}
