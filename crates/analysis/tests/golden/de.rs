//! Group `de`: every test twice, on the sparse matrix and on the same one with its zeros; both must be bit for bit equal.

use ndarray::{Array2, Ix2};
use sensitome_analysis::differential::{Reference, Test};
use sensitome_analysis::{Comparison, Correction, Groups, SparseView, p_adjust, rank_genes_groups};
use sensitome_testkit::{Case, golden};

const TESTS: [(&str, Test); 4] = [
    ("wilcoxon_tie0", Test::Wilcoxon { tie_correct: false }),
    ("wilcoxon_tie1", Test::Wilcoxon { tie_correct: true }),
    ("ttest", Test::Welch),
    ("ttest_over", Test::OverestimatedVariance),
];

#[test]
fn de() {
    golden("de", |case| match case.prefix() {
        "p_adjust" => adjust(case),
        "rank_genes_groups" => groups(case),
        other => case.fail(format!("no test knows {other}")),
    });
}

fn adjust(case: &Case) {
    let p: Vec<f64> = case.f64s("pvals").into_iter().collect();
    for (name, correction) in [
        ("bh", Correction::BenjaminiHochberg),
        ("by", Correction::BenjaminiYekutieli),
        ("bonferroni", Correction::Bonferroni),
        ("holm", Correction::Holm),
    ] {
        case.check(name, p_adjust(&p, correction).unwrap());
    }
}

/// Results as groups × genes; `None` (NaN) for the reference.
struct Tables {
    scores: Array2<f64>,
    p_values: Array2<f64>,
    p_adjusted: Array2<f64>,
    log_fold_changes: Array2<f64>,
    fractions: Array2<f64>,
    reference_fractions: Array2<f64>,
}

fn run(case: &Case, test: Test, reference: Reference, correction: Correction) -> Tables {
    let names: Vec<String> = group_names(case);
    let codes = case.i64s("group").into_iter().map(|c| u32::try_from(c).ok()).collect();
    let groups = Groups::from_codes(codes, names.clone()).unwrap();
    let base = case.params["log1p_base"].as_f64().unwrap_or(std::f64::consts::E);
    let how = Comparison { test, reference, correction, log_base: base, groups: None };
    let csr = case.csr("X");
    let indices: Vec<u32> = csr.indices.iter().map(|&c| c as u32).collect();
    let view = SparseView::new(csr.shape.1, &csr.indptr, &indices, &csr.data).unwrap();
    let result = rank_genes_groups(view, &groups, &how).unwrap();
    let dense = csr.to_dense().into_dimensionality::<Ix2>().unwrap();
    let of_dense = rank_genes_groups(&dense, &groups, &how).unwrap();
    // Through text, as a NaN is not equal to itself.
    assert_eq!(format!("{result:?}"), format!("{of_dense:?}"), "{}: sparse and dense differ", case.name);
    let table = |f: fn(&sensitome_analysis::differential::GroupGenes) -> &Vec<f64>| {
        Array2::from_shape_fn((names.len(), csr.shape.1), |(g, j)| {
            result.group(&names[g]).map_or(f64::NAN, |group| f(group)[j])
        })
    };
    Tables {
        scores: table(|g| &g.scores),
        p_values: table(|g| &g.p_values),
        p_adjusted: table(|g| &g.p_adjusted),
        log_fold_changes: table(|g| &g.log_fold_changes),
        fractions: table(|g| &g.fractions),
        reference_fractions: table(|g| &g.reference_fractions),
    }
}

fn group_names(case: &Case) -> Vec<String> {
    let names = case.params["groups"].as_array().unwrap();
    names.iter().map(|n| n.as_str().unwrap().to_owned()).collect()
}

fn groups(case: &Case) {
    for (name, test) in TESTS {
        let bonferroni = run(case, test, Reference::Rest, Correction::Bonferroni);
        let bh = run(case, test, Reference::Rest, Correction::BenjaminiHochberg);
        case.check(&format!("{name}_scores"), &bh.scores);
        case.check(&format!("{name}_pvals"), &bh.p_values);
        case.check(&format!("{name}_pvals_adj_bh"), &bh.p_adjusted);
        case.check(&format!("{name}_pvals_adj_bonferroni"), &bonferroni.p_adjusted);
        if name == "wilcoxon_tie1" {
            // scipy's test corrects for ties. Where all values are equal it says NaN or 1, here it is 1.
            case.check("scipy_mannwhitney_pvals", &bh.p_values);
            case.check("logfoldchanges", &bh.log_fold_changes);
            case.check("pts", &bh.fractions);
            case.check("pts_rest", &bh.reference_fractions);
        }
    }
    let reference = || Reference::Group(group_names(case)[0].clone());
    let (name, test) = TESTS[0];
    let bh = run(case, test, reference(), Correction::BenjaminiHochberg);
    let bonferroni = run(case, test, reference(), Correction::Bonferroni);
    case.check(&format!("vs_g0_{name}_scores"), &bh.scores);
    case.check(&format!("vs_g0_{name}_pvals"), &bh.p_values);
    case.check(&format!("vs_g0_{name}_pvals_adj_bh"), &bh.p_adjusted);
    case.check(&format!("vs_g0_{name}_pvals_adj_bonferroni"), &bonferroni.p_adjusted);
    case.check("vs_g0_logfoldchanges", &bh.log_fold_changes);
}
