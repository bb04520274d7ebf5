//! Group `enrichment`: over-representation, ssGSEA and GSVA.

use ndarray::Ix2;
use sensitome_analysis::enrichment::{
    GsvaOptions, OverRepresentationOptions, SizeLimits, SsgseaOptions, gsva, over_representation, ssgsea,
};
use sensitome_analysis::{Correction, p_adjust};
use sensitome_data::read::{GeneSet, GeneSets};
use sensitome_testkit::{Case, golden};

#[test]
fn enrichment() {
    golden("enrichment", |case| match case.prefix() {
        "ora" => ora(case),
        "ssgsea" => single_sample(case, true),
        "gsva" => single_sample(case, false),
        other => case.fail(format!("no test knows {other}")),
    });
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|j| format!("G{j:05}")).collect()
}

fn sets(members: Vec<Vec<usize>>, genes: &[String]) -> GeneSets {
    let set = |m: &Vec<usize>| GeneSet {
        description: String::new(),
        genes: m.iter().map(|&j| genes[j].clone()).collect(),
    };
    members.iter().enumerate().map(|(i, m)| (format!("S{i}"), set(m))).collect()
}

fn ora(case: &Case) {
    let background = names(case.count("N"));
    let indices = |name: &str| -> Vec<usize> { case.i64s(name).into_iter().map(|v| v as usize).collect() };
    let hits: Vec<&String> = indices("hits").iter().map(|&j| &background[j]).collect();
    assert_eq!(hits.len(), case.count("n"));
    let members = indices("members");
    let sets =
        sets(indices("offsets").windows(2).map(|w| members[w[0]..w[1]].to_vec()).collect(), &background);
    let options =
        OverRepresentationOptions { limits: SizeLimits::ANY, correction: Correction::BenjaminiHochberg };
    let result = over_representation(&hits, &background, &sets, &options).unwrap();
    assert!(result.skipped.is_empty());
    let rows = &result.sets;
    let p: Vec<f64> = rows.iter().map(|r| r.p_value).collect();
    case.check("overlap", rows.iter().map(|r| r.genes.len() as i64).collect::<Vec<_>>());
    case.check("set_size", rows.iter().map(|r| r.size as i64).collect::<Vec<_>>());
    case.check("pvals_bh", rows.iter().map(|r| r.p_adjusted).collect::<Vec<_>>());
    case.check("pvals_by", p_adjust(&p, Correction::BenjaminiYekutieli).unwrap());
    case.check("fold_enrichment", rows.iter().map(|r| r.fold_enrichment).collect::<Vec<_>>());
    case.check("pvals", p);
}

/// The fixtures are genes × samples, and sets × samples.
fn single_sample(case: &Case, rank_based: bool) {
    let x = case.f64s("X").into_dimensionality::<Ix2>().unwrap();
    let genes = names(x.nrows());
    let membership = case.f64s("membership").into_dimensionality::<Ix2>().unwrap();
    let members = membership.rows().into_iter().map(|r| (0..r.len()).filter(|&j| r[j] == 1.0).collect());
    let sets = sets(members.collect(), &genes);
    let result = if rank_based {
        let options = SsgseaOptions { weight: case.number("weight"), ..SsgseaOptions::default() };
        let result = ssgsea(x.t(), &genes, &sets, &options).unwrap();
        case.check("nes", result.normalized().unwrap().reversed_axes().as_standard_layout().into_owned());
        result
    } else {
        let options = GsvaOptions { tau: case.number("tau"), ..GsvaOptions::default() };
        gsva(x.t(), &genes, &sets, &options).unwrap()
    };
    let scores = result.scores.reversed_axes().as_standard_layout().into_owned();
    case.check("es", &scores);
    case.check("own_formula", &scores);
}
