//! What the scaling was fitted on, with one source and with two.

use ndarray::Axis;
use sensitome_compare::audit::{Check, Verdict};
use sensitome_data::preprocess::Scaler;
use sensitome_data::{Column, ExpressionMatrix, Scaling};

use super::{Setup, clean, only, verdict};

#[test]
fn scaling_fitted_on_more_than_training_rows_is_caught() {
    for seed in 0..3 {
        for (scaling, with_cells) in
            [(Scaling::Zscore, false), (Scaling::Minmax, false), (Scaling::ZscoreJoint, true)]
        {
            for all in [false, true] {
                let s = clean(seed, scaling).by_hand(|parts| {
                    let d = &mut parts.sources[0];
                    let labelled = d.train.iter().chain(&d.validation).copied();
                    let rows: Vec<usize> =
                        if all { (0..d.samples.len()).collect() } else { labelled.collect() };
                    let mut seen = d.expression.select(Axis(0), &rows);
                    if with_cells {
                        seen.append(Axis(0), parts.target.expression.view()).unwrap();
                    }
                    let fit = match scaling {
                        Scaling::Minmax => Scaler::fit_minmax(seen.view()),
                        _ => Scaler::fit_zscore(seen.view(), 0),
                    };
                    let fit = fit.unwrap();
                    d.expression = fit.transform(d.expression.clone()).unwrap();
                    if with_cells {
                        parts.target.expression = fit.transform(parts.target.expression.clone()).unwrap();
                    }
                });
                only(&s.audit(), Check::ScalersOnTrainingRows, &["fitted on"]);
            }
        }
    }
    // On rows that cannot be told: the last validation row is left out of the fit.
    let s = clean(0, Scaling::Zscore).by_hand(|parts| {
        let d = &mut parts.sources[0];
        let rows: Vec<usize> = d.train.iter().chain(&d.validation[1..]).copied().collect();
        let fit = Scaler::fit_zscore(d.expression.select(Axis(0), &rows).view(), 0).unwrap();
        d.expression = fit.transform(d.expression.clone()).unwrap();
    });
    only(&s.audit(), Check::ScalersOnTrainingRows, &["cannot be told"]);
    // Jointly where each was asked for: another scaling, but no leak.
    let mut s = clean(0, Scaling::ZscoreJoint);
    s.options.scaling = Scaling::Zscore;
    let findings = s.audit();
    let (found, detail) = verdict(&findings, Check::ScalersOnTrainingRows);
    assert!(found == Verdict::Passed && detail.contains("training rows and cells"), "{detail}");
}

/// The task of seed 0 with a second source, whose samples have names of their own.
fn two_sources(scaling: Scaling) -> Setup {
    let mut s = clean(0, scaling);
    let mut other = clean(9, scaling).sources.remove(0);
    let m = &other.expression;
    let names = m.samples().iter().map(|n| n.replace("LINE", "OTHER")).collect();
    let mut renamed = ExpressionMatrix::new(m.values().clone(), names, m.genes().to_vec()).unwrap();
    let patients = (0..renamed.n_samples()).map(|i| format!("other patient {i}"));
    renamed.set_sample_column("patient", Column::text(patients)).unwrap();
    other.expression = renamed;
    other.name = "other bulk".to_owned();
    other.response.iter_mut().for_each(|r| r.0 = r.0.replace("LINE", "OTHER"));
    s.sources.push(other);
    s.again()
}

#[test]
fn two_sources_are_one_for_names_and_each_its_own_for_scaling() {
    for scaling in [Scaling::Zscore, Scaling::ZscoreJoint, Scaling::Minmax] {
        let s = two_sources(scaling);
        for f in s.audit() {
            assert_eq!(f.verdict, Verdict::Passed, "{scaling:?}: {f}");
        }
        // A training line of one source is a validation line of the other.
        let s = s.by_hand(|parts| {
            let name = parts.sources[0].samples[parts.sources[0].train[3]].clone();
            let row = parts.sources[1].validation[2];
            parts.sources[1].samples[row] = name;
        });
        only(&s.audit(), Check::GroupsDisjoint, &["1 pairs share a sample name", "of bulk and other bulk"]);
    }
    // The well-scaled cells and the well-scaled other source do not hide the leak of one.
    for scaling in [Scaling::Zscore, Scaling::Minmax] {
        let s = two_sources(scaling).by_hand(|parts| {
            let d = &mut parts.sources[1];
            let rows: Vec<usize> = d.train.iter().chain(&d.validation).copied().collect();
            let seen = d.expression.select(Axis(0), &rows);
            let fit = match scaling {
                Scaling::Minmax => Scaler::fit_minmax(seen.view()),
                _ => Scaler::fit_zscore(seen.view(), 0),
            };
            d.expression = fit.unwrap().transform(d.expression.clone()).unwrap();
        });
        only(
            &s.audit(),
            Check::ScalersOnTrainingRows,
            &["other bulk: fitted on 120 training and validation rows"],
        );
    }
}
