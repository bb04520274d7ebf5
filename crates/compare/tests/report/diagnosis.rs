//! Sentences.

use sensitome_compare::{Comparison, Grid, LabelShiftEstimate, Measured, diagnose};

use crate::synthetic::{Spec, remeasured, runs_of};
use crate::{measured, sentence};

#[test]
fn every_verdict_and_remark_has_its_sentence() {
    let mut spec =
        Spec::new(1, &["constant", "ridge", "source_only", "scad", "logistic", "mmd", "winner", "twin"]);
    spec.cells = 200;
    let mut c = spec.make(|run| match run.method.as_str() {
        "mmd" => 1.4,
        "source_only" | "logistic" => 0.6,
        "twin" => 2.2,
        "ridge" => 2.2,
        "winner" => 4.0,
        "scad" => 0.3,
        _ => 0.0,
    });
    let says = |c: &Comparison, method: &str| {
        let d = diagnose(&Grid::new(c).unwrap());
        sentence(&d, method, "task 0").sentence.clone()
    };
    let scad = says(&c, "scad");
    assert!(
        scad.starts_with("adaptation hurt here: 0.") && scad.ends_with("] below ridge; use ridge"),
        "{scad}"
    );
    assert!(says(&c, "mmd").starts_with("adaptation helped by 0."), "{}", says(&c, "mmd"));
    assert!(says(&c, "logistic").starts_with("below ridge by 0."));
    assert!(says(&c, "twin").starts_with("no different from ridge ("), "{}", says(&c, "twin"));
    assert!(says(&c, "winner").starts_with("better than ridge by 0."));
    assert!(says(&c, "ridge").starts_with("the reference (auroc 0."));
    let d = diagnose(&Grid::new(&c).unwrap());
    let d = sentence(&d, "scad", "task 0");
    assert_eq!((d.true_share, d.collapsed), (Some(0.4), None));
    assert!(d.separability.iter().zip([1.9, 0.7]).all(|(s, by_hand)| (s.unwrap() - by_hand).abs() < 1e-12));
    let m = c.runs.iter().filter(|r| r.method == "scad").map(|r| r.outcome.as_ref().unwrap());
    let recall = |m: &Measured| {
        let of = |m: &Measured, class| {
            m.labels.iter().zip(&m.classes).filter(|(l, c)| **l == 1 && **c == class).count()
        };
        of(m, 1) as f64 / (of(m, 0) + of(m, 1)) as f64 - 0.7
    };
    let drift = m.map(recall).sum::<f64>() / 3.0;
    assert!((d.recall_drift[1].unwrap() - drift).abs() < 1e-12);

    runs_of(&mut c, "twin").for_each(|r| measured(r).classes.fill(0));
    assert!(says(&c, "twin").ends_with("; collapsed: calls every cell resistant"));
    runs_of(&mut c, "twin").for_each(|r| {
        let m = measured(r);
        m.scores.iter_mut().for_each(|s| *s = -*s);
        *m = remeasured(m.clone());
    });
    assert!(says(&c, "twin").contains("; its sign is flipped: sensitive cells score low (AUROC 0."));
    runs_of(&mut c, "winner").for_each(|r| {
        measured(r).fitted.label_shift = Some(LabelShiftEstimate { source: 0.8, target: 0.55 });
    });
    let shift =
        "strong label shift: 0.80 of the source is sensitive, 0.40 of the cells, 0.55 by its estimate";
    assert!(says(&c, "winner").ends_with(shift), "{}", says(&c, "winner"));
    runs_of(&mut c, "scad").for_each(|r| r.outcome = Err("out of memory".into()));
    assert_eq!(says(&c, "scad"), "no result: out of memory");
    c.runs.retain(|r| r.method != "ridge");
    assert!(says(&c, "mmd").contains("above source_only (0.") && says(&c, "mmd").ends_with("no ridge"));
}
