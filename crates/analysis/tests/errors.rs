//! Bad input is a typed error that says what to do, never a panic.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, array};
use sensitome_analysis::differential::{Reference, Test};
use sensitome_analysis::enrichment::{
    GsvaOptions, OverRepresentationOptions, PrerankOptions, SizeLimits, SsgseaOptions, gsva,
    over_representation, prerank, ssgsea,
};
use sensitome_analysis::gene_score::{ScoreOptions, score_against, score_genes};
use sensitome_analysis::{
    AnalysisError as E, Comparison, Correction, Groups, SparseView, p_adjust, rank_genes_groups,
};
use sensitome_data::Column;
use sensitome_data::read::{GeneSet, GeneSets};

fn x() -> Array2<f64> {
    array![[1.0, 0.0, 3.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0], [4.0, 2.0, 2.0], [1.0, 1.0, 1.5]]
}

fn sets(genes: &[&str]) -> GeneSets {
    let genes = genes.iter().map(|g| (*g).to_owned()).collect();
    [("s".to_owned(), GeneSet { description: String::new(), genes })].into_iter().collect()
}

#[test]
fn differential() {
    let good = Groups::new(["a", "a", "b", "b", "b"]);
    let how = Comparison::default();
    let rank = |groups: &Groups, how: &Comparison| rank_genes_groups(&x(), groups, how).unwrap_err();
    let mut nan = x();
    nan[[3, 1]] = f64::NAN;
    nan[[4, 2]] = f64::INFINITY;
    let error = rank_genes_groups(&nan, &good, &how).unwrap_err();
    assert_eq!(error, E::NonFinite { cell: 3, gene: 1 });
    assert!(error.to_string().contains("fill or remove"));
    assert!(matches!(rank(&Groups::new(["a", "b"]), &how), E::LengthMismatch { got: 2, expected: 5, .. }));
    let single = rank(&Groups::new(["a", "b", "b", "b", "b"]), &how);
    assert!(matches!(&single, E::TooFew { got: 1, needed: 2, .. }) && single.to_string().contains("group a"));
    // One group: nothing to compare it with. No group at all: nothing to compare.
    assert!(matches!(rank(&Groups::new(["a"; 5]), &how), E::TooFew { got: 0, .. }));
    assert!(matches!(rank(&Groups::from_optional([None::<&str>; 5]), &how), E::Empty { .. }));
    let reference = |name: &str| Comparison { reference: Reference::Group(name.into()), ..how.clone() };
    let unknown = rank(&good, &reference("c"));
    assert_eq!(unknown.to_string(), "no group is named c; there are a, b");
    assert!(matches!(rank(&Groups::new(["a"; 5]), &reference("a")), E::Empty { .. }));
    let chosen = |names: &[&str]| Comparison {
        groups: Some(names.iter().map(|n| (*n).to_owned()).collect()),
        ..reference("b")
    };
    assert!(matches!(rank(&good, &chosen(&["c"])), E::UnknownGroup { .. }));
    assert!(matches!(rank(&good, &chosen(&["b"])), E::Invalid { .. }));
    assert!(matches!(rank(&good, &chosen(&["a", "a"])), E::Duplicate { .. }));
    assert!(matches!(rank(&good, &chosen(&[])), E::Empty { .. }));
    for log_base in [f64::NAN, 1.0, 0.0, f64::INFINITY] {
        assert!(matches!(rank(&good, &Comparison { log_base, ..how.clone() }), E::Invalid { .. }));
    }
    let empty_group = Groups::from_codes(vec![Some(0); 5], vec!["a".into(), "empty".into()]).unwrap();
    assert!(matches!(rank(&empty_group, &how), E::TooFew { .. }));
    let none = Array2::<f32>::zeros((0, 3));
    assert!(rank_genes_groups(&none, &Groups::new::<&str>([]), &how).is_err());
    assert!(matches!(rank_genes_groups(&Array2::<f32>::zeros((5, 0)), &good, &how), Err(E::Empty { .. })));
    assert!(matches!(Groups::from_codes(vec![Some(2)], vec!["a".into()]), Err(E::Invalid { .. })));
    assert!(matches!(Groups::from_codes(vec![], vec!["a".into(), "a".into()]), Err(E::Duplicate { .. })));
    let result = rank_genes_groups(&x(), &good, &how).unwrap();
    assert!(matches!(result.group("z"), Err(E::UnknownGroup { .. })));
    let a = result.group("a").unwrap();
    assert!(matches!(a.table(&["g"], &[0]), Err(E::LengthMismatch { .. })));
    assert!(matches!(a.table(&["g", "h", "i"], &[3]), Err(E::Invalid { .. })));
    assert_eq!(a.table(&["g", "h", "i"], &[2, 0]).unwrap()[0].gene, "i");
}

#[test]
fn what_looks_bad_and_is_not() {
    // Cells without a group are left out, so their values change nothing, unless they are read as a group.
    let labels = [Some("a"), Some("a"), None, Some("b"), Some("b")];
    let mut other = x();
    let how = Comparison { test: Test::Welch, ..Comparison::default() };
    let before = rank_genes_groups(&other, &Groups::from_optional(labels), &how).unwrap();
    other.row_mut(2).fill(1e3);
    assert_eq!(rank_genes_groups(&other, &Groups::from_optional(labels), &how).unwrap(), before);
    let column = Column::Text(labels.iter().map(|l| l.map(str::to_owned)).collect());
    assert_eq!(Groups::from_column(&column), Groups::from_optional(labels));
    // Constant genes differ infinitely, or not at all.
    let constant = array![[1.0, 0.1], [1.0, 0.1], [2.0, 0.1], [2.0, 0.1], [2.0, 0.1]];
    let result = rank_genes_groups(&constant, &Groups::new(["a", "a", "b", "b", "b"]), &how).unwrap();
    assert_eq!(result.groups[0].scores, [f64::NEG_INFINITY, 0.0]);
    assert_eq!(result.groups[0].p_values, [0.0, 1.0]);
}

#[test]
fn p_values_and_matrices() {
    for bad in [f64::NAN, -0.1, 1.1] {
        let error = p_adjust(&[0.5, bad], Correction::Holm).unwrap_err();
        assert!(matches!(error, E::OutOfRange { index: 1, .. }));
    }
    assert!(p_adjust(&[], Correction::default()).unwrap().is_empty());
    let bad: [(&[usize], &[u32], &[f32]); 6] = [
        (&[], &[], &[]),
        (&[0, 2], &[0], &[1.0]),
        (&[0, 1], &[3], &[1.0]),
        (&[0, 2], &[1, 1], &[1.0, 1.0]),
        (&[0, 2, 1, 2], &[0, 1], &[1.0, 1.0]),
        (&[0, 9, 1], &[0], &[1.0]),
    ];
    for (indptr, indices, data) in bad {
        assert!(SparseView::new(3, indptr, indices, data).is_err(), "{indptr:?}");
    }
}

#[test]
fn scores() {
    let names = ["A", "B", "C"];
    let options = ScoreOptions { n_bins: 2, ..ScoreOptions::default() };
    let score = |names: &[&str], list: &[&str], options: &ScoreOptions| {
        score_genes(&x(), names, list, options).unwrap_err()
    };
    assert!(matches!(score(&["A"], &["A"], &options), E::LengthMismatch { .. }));
    assert!(matches!(score(&["A", "A", "C"], &["A"], &options), E::Duplicate { .. }));
    assert!(matches!(score(&names, &["Z"], &options), E::UnknownGenes { count: 1, .. }));
    assert!(matches!(score(&names, &[], &options), E::Empty { .. }));
    assert!(matches!(score(&names, &["A", "B", "C"], &options), E::Invalid { what: "controls", .. }));
    for n_bins in [0, 1, 100, usize::MAX] {
        let options = ScoreOptions { n_bins, ..options.clone() };
        assert!(matches!(score(&names, &["A"], &options), E::Invalid { what: "n_bins", .. }));
    }
    let pool = ScoreOptions { gene_pool: Some(vec!["B".into(), "C".into()]), ..options.clone() };
    assert!(matches!(score(&names, &["A"], &pool), E::UnknownGenes { place: "the gene pool", .. }));
    let nan = array![[1.0, f64::NAN, 0.0]];
    assert!(matches!(score_genes(&nan, &names, &["A"], &options), Err(E::NonFinite { cell: 0, gene: 1 })));
    let none = Array2::<f32>::zeros((0, 3));
    assert!(matches!(score_genes(&none, &names, &["A"], &options), Err(E::Empty { .. })));
    assert!(matches!(score_against(&x(), &[], &[1]), Err(E::Empty { .. })));
    assert!(matches!(score_against(&x(), &[0], &[3]), Err(E::Invalid { .. })));
    assert!(matches!(score_against(&x(), &[0, 0], &[1]), Err(E::Duplicate { .. })));
}

#[test]
fn enrichment() {
    let (names, set) = (["A", "B", "C"], sets(&["A", "B"]));
    let ora = |hits: &[&str], background: &[&str], sets: &GeneSets| {
        over_representation(hits, background, sets, &OverRepresentationOptions::default()).unwrap_err()
    };
    assert!(matches!(ora(&[], &names, &set), E::Empty { .. }));
    assert!(matches!(ora(&["A", "A"], &names, &set), E::Duplicate { .. }));
    assert!(matches!(ora(&["A"], &["A", "A"], &set), E::Duplicate { .. }));
    assert!(matches!(ora(&["Z"], &names, &set), E::UnknownGenes { place: "the background", .. }));
    assert!(matches!(ora(&["A"], &names, &sets(&["Z"])), E::UnknownGenes { .. }));
    assert!(matches!(ora(&["A"], &names, &GeneSets::new()), E::Empty { .. }));

    let options = PrerankOptions { limits: SizeLimits::ANY, permutations: 10, ..PrerankOptions::default() };
    let gsea = |scores: &[f64], sets: &GeneSets, options: &PrerankOptions| {
        prerank(&names, scores, sets, options).unwrap_err()
    };
    assert!(matches!(gsea(&[1.0], &set, &options), E::LengthMismatch { .. }));
    assert!(matches!(gsea(&[1.0, f64::NAN, 2.0], &set, &options), E::OutOfRange { index: 1, .. }));
    assert!(matches!(gsea(&[1.0; 3], &set, &PrerankOptions { permutations: 0, ..options }), E::Empty { .. }));
    assert!(matches!(gsea(&[1.0; 3], &set, &PrerankOptions { weight: -1.0, ..options }), E::Invalid { .. }));
    assert!(matches!(gsea(&[1.0; 3], &set, &PrerankOptions::default()), E::Invalid { what: "limits", .. }));
    // A set of all genes has nothing outside to be compared with.
    assert!(matches!(gsea(&[1.0; 3], &sets(&names), &options), E::Invalid { what: "limits", .. }));
    assert!(prerank(&names, &[0.0, 0.0, -0.0], &set, &options).is_ok());

    let (by_rank, by_kernel) = (SsgseaOptions::default(), GsvaOptions::default());
    assert!(matches!(ssgsea(&x(), &["A"], &set, &by_rank), Err(E::LengthMismatch { .. })));
    assert!(matches!(gsva(&x(), &["A"], &set, &by_kernel), Err(E::LengthMismatch { .. })));
    let nan = array![[1.0, 2.0, f64::NAN], [0.0, 1.0, 2.0]];
    assert!(matches!(ssgsea(&nan, &names, &set, &by_rank), Err(E::NonFinite { cell: 0, gene: 2 })));
    assert!(matches!(gsva(&nan, &names, &set, &by_kernel), Err(E::NonFinite { cell: 0, gene: 2 })));
    let one = array![[1.0, 2.0, 0.0]];
    assert!(matches!(gsva(&one, &names, &set, &by_kernel), Err(E::TooFew { got: 1, .. })));
    assert!(matches!(gsva(&Array2::<f32>::zeros((4, 3)), &names, &set, &by_kernel), Err(E::Invalid { .. })));
    let none = Array2::<f32>::zeros((0, 3));
    assert!(matches!(ssgsea(&none, &names, &set, &by_rank), Err(E::Empty { .. })));
    for bad in [f64::NAN, -1.0] {
        assert!(ssgsea(&x(), &names, &set, &SsgseaOptions { weight: bad, ..by_rank }).is_err());
        assert!(gsva(&x(), &names, &set, &GsvaOptions { tau: bad, ..by_kernel }).is_err());
    }
    let result = ssgsea(&one, &names, &sets(&["A"]), &by_rank).unwrap();
    assert_eq!(result.normalized(), None); // one score has no range
}
