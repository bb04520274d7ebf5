//! Gene scores and enrichment: against definitions, against gseapy, and under permutation.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use sensitome_analysis::enrichment::{
    GsvaOptions, OverRepresentationOptions, Prerank, PrerankOptions, SizeLimits, SsgseaOptions, gsva,
    over_representation, prerank, ssgsea,
};
use sensitome_analysis::gene_score::{ScoreOptions, score_genes};
use sensitome_data::CsrMatrix;
use sensitome_data::read::{GeneSet, GeneSets};

fn names(n: usize) -> Vec<String> {
    (0..n).map(|j| format!("G{j:03}")).collect()
}

fn sets(members: &[(&str, Vec<usize>)]) -> GeneSets {
    let set = |m: &Vec<usize>| GeneSet {
        description: String::new(),
        genes: m.iter().map(|j| format!("G{j:03}")).collect(),
    };
    members.iter().map(|(name, m)| ((*name).to_owned(), set(m))).collect()
}

/// The list that gseapy 1.3.1 was given.
fn ranked_list() -> (Vec<f64>, GeneSets) {
    let scores: Vec<f64> = (0..300)
        .map(|j| 3.0 * (0.7 * f64::from(j) + 0.1 * f64::from(j % 7)).sin() + 0.01 * f64::from(j))
        .collect();
    let mut down: Vec<usize> = (0..300).collect();
    down.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let up = down[..90].iter().copied().step_by(4).collect();
    down.reverse();
    let down = down[5..100].iter().copied().step_by(5).collect();
    let sevenths = (3..300).step_by(7).collect();
    let mixed = (0..60).step_by(2).collect();
    (scores, sets(&[("up", up), ("down", down), ("every_seventh", sevenths), ("mixed", mixed)]))
}

fn run(scores: &[f64], sets: &GeneSets, weight: f64, permutations: usize) -> Prerank {
    let options = PrerankOptions { limits: SizeLimits::ANY, weight, permutations, seed: 1 };
    prerank(&names(scores.len()), scores, sets, &options).unwrap()
}

#[test]
fn prerank_is_gseapys() {
    // ES, genes of the leading edge (exact); NES, p, q of gseapy with 400,000 permutations of its
    // own. One in fifty of ours is negative: they tell p within 0.005 or so.
    let expected = [
        (1.0, 0.761732851985559, 23, 2.0818, 0.0, 0.0),
        (1.0, -0.7555558496473702, 16, -3.3024, 0.0, 0.0),
        (1.0, 0.34593842663125013, 19, 1.0139, 0.4830, 0.4832),
        (1.0, -0.25925925925925924, 30, -1.3403, 0.0604, 0.0732),
        (0.0, 0.7617328519855593, 23, 4.2219, 0.0, 0.0),
        (0.0, -0.7259786476868327, 19, -3.6965, 0.0, 0.0),
        (0.0, 0.05664645733417789, 19, 0.4096, 0.9991, 0.9992),
        (0.0, -0.25925925925925924, 30, -1.6196, 0.0448, 0.0418),
    ];
    let (scores, sets) = ranked_list();
    let found = [1.0, 0.0].map(|weight| run(&scores, &sets, weight, 100_000).sets);
    for (row, (weight, es, edge, nes, p, q)) in found.iter().flatten().zip(expected) {
        let what = format!("{} {weight}", row.name);
        assert!((row.es - es).abs() < 1e-12, "{what}: ES {} not {es}", row.es);
        assert_eq!(row.leading_edge.len(), edge, "{what}");
        assert!((row.nes / nes - 1.0).abs() < 0.02, "{what}: NES {} not {nes}", row.nes);
        assert!((row.p_value - p).abs() < 0.02, "{what}: p {} not {p}", row.p_value);
        assert!((row.q_value - q).abs() < 0.02, "{what}: q {} not {q}", row.q_value);
    }
}

#[test]
fn prerank_repeats_itself() {
    let (scores, sets) = ranked_list();
    let here = run(&scores, &sets, 1.0, 200);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| run(&scores, &sets, 1.0, 200)), here);
    // The order of the input is of no matter, ties included.
    let tied: Vec<f64> = scores.iter().map(|s| s.round()).collect();
    let options = PrerankOptions { limits: SizeLimits::ANY, permutations: 50, ..PrerankOptions::default() };
    let before = prerank(&names(300), &tied, &sets, &options).unwrap();
    let (reversed, values): (Vec<String>, Vec<f64>) = names(300).into_iter().zip(tied).rev().unzip();
    // As text: the NES of a sign that no permutation has is NaN.
    let after = prerank(&reversed, &values, &sets, &options).unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

/// One cell's ssGSEA by walking down the list, as the paper has it.
fn ssgsea_by_walking(values: &[f64], set: &[usize], weight: f64) -> f64 {
    let n = values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let rank = |position: usize| ((n - position) as f64).powf(weight);
    let hit: Vec<bool> = order.iter().map(|j| set.contains(j)).collect();
    let total: f64 = (0..n).filter(|&p| hit[p]).map(rank).sum();
    let (mut sum, mut score) = (0.0, 0.0);
    for (p, &hit) in hit.iter().enumerate() {
        sum += if hit { rank(p) / total } else { -1.0 / (n - set.len()) as f64 };
        score += sum;
    }
    score
}

fn expression() -> impl Strategy<Value = Array2<f32>> {
    (2_usize..8, 12_usize..40).prop_flat_map(|(n, genes)| {
        let value = prop_oneof![2 => Just(0.0_f32), 3 => -1.0_f32..5.0];
        proptest::collection::vec(value, n * genes)
            .prop_map(move |v| Array2::from_shape_vec((n, genes), v).unwrap())
    })
}

fn close(a: &Array2<f64>, b: &Array2<f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + a.abs()))
}

proptest! {
    #[test]
    fn ssgsea_is_the_walk(values in proptest::collection::hash_set(-1000_i32..1000, 10..50), weight in 0.0_f64..2.0) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let x = Array2::from_shape_vec((1, values.len()), values.clone()).unwrap();
        let set = vec![0, 3, 4, 8];
        let options = SsgseaOptions { weight, ..SsgseaOptions::default() };
        let found = ssgsea(&x, &names(values.len()), &sets(&[("s", set.clone())]), &options).unwrap();
        let walked = ssgsea_by_walking(&values, &set, weight);
        prop_assert!((found.scores[[0, 0]] - walked).abs() < 1e-9 * values.len() as f64);
    }

    #[test]
    fn set_scores_are_of_the_genes_not_of_their_order(x in expression(), seed in 0_u64..1000) {
        let genes = names(x.ncols());
        let order = sensitome_data::rng::NumpyRng::new(seed).permutation(x.ncols());
        let moved: Vec<String> = order.iter().map(|&j| genes[j].clone()).collect();
        let (y, sparse) = (x.select(Axis(1), &order), CsrMatrix::from_dense(&x));
        let sets = sets(&[("a", vec![0, 1, 2, 5]), ("b", vec![3, 7, 9])]);
        let options = SsgseaOptions::default();
        let before = ssgsea(&x, &genes, &sets, &options).unwrap();
        prop_assert_eq!(&before, &ssgsea(&sparse, &genes, &sets, &options).unwrap());
        prop_assert!(close(&before.scores, &ssgsea(&y, &moved, &sets, &options).unwrap().scores));
        let options = GsvaOptions::default();
        if let Ok(before) = gsva(&x, &genes, &sets, &options) {
            prop_assert!(before.scores.iter().all(|s| s.abs() <= 1.0 + 1e-12));
            prop_assert_eq!(&before, &gsva(&sparse, &genes, &sets, &options).unwrap());
            prop_assert!(close(&before.scores, &gsva(&y, &moved, &sets, &options).unwrap().scores));
        }
    }

    #[test]
    fn gene_scores_scale_with_the_values(x in expression(), seed in 0_u64..1000) {
        let options = ScoreOptions { n_bins: 4, control_size: 3, seed, ..ScoreOptions::default() };
        let (genes, list) = (names(x.ncols()), ["G001", "G004"]);
        let Ok(before) = score_genes(&x, &genes, &list, &options) else { return Ok(()) };
        prop_assert_eq!(&before, &score_genes(&CsrMatrix::from_dense(&x), &genes, &list, &options).unwrap());
        // Powers of two, so that the bins stay.
        let moved = score_genes(&x.mapv(|v| f64::from(v) * 2.0), &genes, &list, &options).unwrap();
        for (a, b) in before.scores.iter().zip(&moved.scores) {
            prop_assert!((2.0 * a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn over_representation_counts_choices(total in 5_usize..30, set in 1_usize..30, drawn in 1_usize..30, shift in 0_usize..30) {
        let (set, drawn) = (set.min(total), drawn.min(total));
        let choose = |n: usize, k: usize| -> f64 {
            if k > n { 0.0 } else { (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product() }
        };
        let background = names(total);
        let hits: Vec<&String> = (0..drawn).map(|i| &background[(i + shift) % total]).collect();
        let sets = sets(&[("s", (0..set).collect())]);
        let found = over_representation(&hits, &background, &sets, &OverRepresentationOptions::default()).unwrap();
        let k = found.sets[0].genes.len();
        let ways: f64 = (k..=set.min(drawn)).map(|x| choose(set, x) * choose(total - set, drawn.saturating_sub(x))).sum();
        let p = ways / choose(total, drawn);
        prop_assert!((found.sets[0].p_value - p).abs() < 1e-10 * (1.0 + p), "{} {}", found.sets[0].p_value, p);
    }
}
