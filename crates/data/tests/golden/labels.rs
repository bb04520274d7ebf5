//! From response to labels.

use sensitome_data::labels::{ChordDistance, LabelRule, Labelling, Waterfall};
use sensitome_testkit::{Case, Report};

fn signed(labelling: &Labelling) -> Vec<f64> {
    labelling.labels.iter().map(|l| l.map_or(-1.0, f64::from)).collect()
}

pub(crate) fn run(case: &Case, report: &mut Report) {
    let values: Vec<f64> = case.f64s("values").iter().copied().collect();
    match case.prefix() {
        "mean_threshold" => {
            let found = LabelRule::MeanThreshold.apply(&values);
            if case.is_error() {
                return report.check_error(case, "error", &found);
            }
            let found = found.unwrap();
            report.check(case, "cut", found.cut.unwrap());
            report.check(case, "labels", signed(&found));
        }
        "waterfall" => waterfall(case, report, &values),
        prefix if prefix.starts_with("extremes_") => {
            let found = LabelRule::ExtremeCount { k: case.count("k") }.apply(&values);
            if case.is_error() {
                return report.check_error(case, "error", &found);
            }
            report.check(case, "labels", signed(&found.unwrap()));
        }
        _ => report.unknown(case),
    }
}

fn waterfall(case: &Case, report: &mut Report, values: &[f64]) {
    let threshold = case.number("corr_threshold");
    let curve = Waterfall::new(values, threshold, ChordDistance::Perpendicular);
    if case.is_error() {
        return report.check_error(case, "error", &curve);
    }
    let curve = curve.unwrap();
    let rule = |inclusive| {
        let rule = LabelRule::Waterfall { threshold, distance: ChordDistance::Perpendicular, inclusive };
        signed(&rule.apply(values).unwrap())
    };
    for name in case.output_names() {
        match name {
            "sorted_index" => {
                report.check(case, name, curve.order.iter().map(|&i| i as f64).collect::<Vec<_>>())
            }
            "correlation" => report.check(case, name, curve.correlation.unwrap_or(f64::NAN)),
            "is_linear" => report.check(case, name, f64::from(u8::from(curve.is_linear))),
            "distance" => report.check(case, name, curve.distance.clone()),
            "cut_index" => report.check(case, name, curve.cut_index.map_or(-1.0, |i| i as f64)),
            "cut" => report.check(case, name, curve.cut),
            "labels_strict" => report.check(case, name, rule(false)),
            "labels_inclusive" => report.check(case, name, rule(true)),
            _ => report.unknown(case),
        }
    }
}
