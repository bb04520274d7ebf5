//! Group `score_genes`: bins, candidates, the very genes drawn, and the scores.

use ndarray::Ix2;
use sensitome_analysis::gene_score::{ControlPlan, ScoreOptions, score_against, score_genes};
use sensitome_analysis::{AnalysisError, Matrix, SparseView};
use sensitome_testkit::{Case, golden};

#[test]
fn scores() {
    golden("score_genes", |case| {
        if !case.is_csr("X") {
            let x = case.f64s("X").into_dimensionality::<Ix2>().unwrap();
            return check(case, Matrix::from(&x));
        }
        let csr = case.csr("X");
        let indices: Vec<u32> = csr.indices.iter().map(|&c| c as u32).collect();
        check(case, SparseView::new(csr.shape.1, &csr.indptr, &indices, &csr.data).unwrap().into());
        let x = csr.to_dense().into_dimensionality::<Ix2>().unwrap();
        check(case, Matrix::from(&x));
    });
}

fn check(case: &Case, x: Matrix<'_, f64>) {
    let (genes, list) = (case.words("genes"), case.words("gene_list"));
    let flag = |name: &str| case.params[name].as_bool().unwrap();
    let options = ScoreOptions {
        control_size: case.count("ctrl_size"),
        n_bins: case.count("n_bins"),
        draw_listed: flag("ctrl_as_ref"),
        gene_pool: case.has_input("gene_pool").then(|| case.words("gene_pool")),
        seed: case.count("random_state") as u64,
    };
    let result = score_genes(x, &genes, &list, &options);
    if case.is_error() {
        assert!(matches!(result, Err(AnalysisError::UnknownGenes { place: "the gene pool", .. })));
        return case.check_result("error", result.map(|r| r.scores));
    }
    let result = result.unwrap();
    let plan = ControlPlan::new(x, &genes, &list, &options).unwrap();
    case.check("list_index", integers(&plan.listed));
    case.check("pool_index", integers(&plan.pool));
    case.check("gene_mean", &plan.gene_mean);
    case.check("n_items", plan.genes_per_bin as f64);
    case.check("gene_bin", integers(&plan.gene_bin));
    case.check("bins_used", integers(&plan.bins_used));
    case.check("candidates_per_bin", integers(&plan.candidates.iter().map(Vec::len).collect::<Vec<_>>()));
    let few = plan.candidates.iter().all(|c| c.len() <= options.control_size);
    case.check("deterministic_controls", f64::from(u8::from(few)));
    // Not promised by the fixture, but the draw is scanpy's own to the last gene.
    let mut names: Vec<String> = result.controls.iter().map(|&j| genes[j].clone()).collect();
    names.sort();
    case.check("controls", names);
    // In the order of the names in the fixture.
    let mut given = case.expected_integers("control_index");
    given.sort_unstable();
    assert_eq!(integers(&result.controls), given);
    case.used(&["control_index"]);
    case.check("score", &result.scores);
    let given: Vec<usize> = given.iter().map(|&j| j as usize).collect();
    assert_eq!(score_against(x, &plan.listed, &given).unwrap(), result.scores);
}

fn integers(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&v| v as i64).collect()
}
