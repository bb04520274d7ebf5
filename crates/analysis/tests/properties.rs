//! What must hold for any input.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use sensitome_analysis::differential::{GroupGenes, RankedGenes, Reference, Test};
use sensitome_analysis::{Comparison, Correction, Groups, rank_genes_groups};
use sensitome_data::CsrMatrix;

const TESTS: [Test; 4] = [
    Test::Wilcoxon { tie_correct: false },
    Test::Wilcoxon { tie_correct: true },
    Test::Welch,
    Test::OverestimatedVariance,
];

/// Cells in groups `a`, `b`, `c` (two of each at least) or none, and values with ties, zeros (of both signs) and
/// negatives.
fn cells() -> impl Strategy<Value = (Array2<f32>, Vec<Option<u8>>)> {
    (6_usize..40, 1_usize..6).prop_flat_map(|(n, genes)| {
        let value = prop_oneof![
            4 => Just(0.0_f32),
            1 => Just(-0.0_f32),
            3 => (-3_i8..4).prop_map(f32::from),
            2 => -2.0_f32..5.0,
        ];
        let labels = proptest::collection::vec(proptest::option::weighted(0.9, 0_u8..3), n);
        (proptest::collection::vec(value, n * genes), labels).prop_map(move |(values, mut labels)| {
            for (i, label) in labels.iter_mut().take(6).enumerate() {
                *label = Some((i / 2) as u8);
            }
            (Array2::from_shape_vec((n, genes), values).unwrap(), labels)
        })
    })
}

fn groups(labels: &[Option<u8>]) -> Groups {
    Groups::from_optional(labels.iter().map(|l| l.map(|l| ["a", "b", "c"][usize::from(l)])))
}

fn how(test: Test, reference: Option<&str>) -> Comparison {
    let reference = reference.map_or(Reference::Rest, |r| Reference::Group(r.into()));
    Comparison { test, reference, ..Comparison::default() }
}

/// As text, in which NaN equals NaN and other bits differ.
fn text(result: &RankedGenes) -> String {
    format!("{result:?}")
}

fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    sensitome_data::rng::NumpyRng::new(seed).permutation(n)
}

/// U, and the sum of t³ − t, by comparing all pairs.
fn by_pairs(x: &Array2<f32>, gene: usize, own: &[usize], other: &[usize]) -> (f64, f64) {
    let value = |&i: &usize| x[[i, gene]];
    let mut u = 0.0;
    for a in own.iter().map(value) {
        for b in other.iter().map(value) {
            u += if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
        }
    }
    let all: Vec<f32> = own.iter().chain(other).map(value).collect();
    let ties = all.iter().map(|a| all.iter().filter(|b| *b == a).count().pow(2) as f64 - 1.0).sum();
    (u, ties)
}

fn check_by_pairs(x: &Array2<f32>, labels: &[Option<u8>], result: &GroupGenes, reference: Option<u8>) {
    let code = result.name.as_bytes()[0] - b'a';
    let rows = |f: &dyn Fn(u8) -> bool| -> Vec<usize> {
        (0..labels.len()).filter(|&i| labels[i].is_some_and(f)).collect()
    };
    let own = rows(&|l| l == code);
    let other = rows(&|l| reference.map_or(l != code, |r| l == r));
    let (n, m) = (own.len() as f64, other.len() as f64);
    for gene in 0..x.ncols() {
        let (u, ties) = by_pairs(x, gene, &own, &other);
        let cubes = (n + m).powi(3) - (n + m);
        let deviation = ((1.0 - ties / cubes) * n * m * (n + m + 1.0) / 12.0).sqrt();
        let z = if deviation > 0.0 { (u - n * m / 2.0) / deviation } else { 0.0 };
        assert!((z - result.scores[gene]).abs() < 1e-9, "{z} {}", result.scores[gene]);
    }
}

proptest! {
    #[test]
    fn dense_sparse_and_double_are_equal((x, labels) in cells()) {
        let (sparse, double) = (CsrMatrix::from_dense(&x), x.mapv(f64::from));
        for test in TESTS {
            for reference in [None, Some("b")] {
                let how = how(test, reference);
                let dense = text(&rank_genes_groups(&x, &groups(&labels), &how).unwrap());
                prop_assert_eq!(&dense, &text(&rank_genes_groups(&sparse, &groups(&labels), &how).unwrap()));
                prop_assert_eq!(&dense, &text(&rank_genes_groups(&double, &groups(&labels), &how).unwrap()));
            }
        }
    }

    #[test]
    fn order_of_cells_is_of_no_matter((x, labels) in cells(), seed in 0_u64..1000) {
        let order = shuffled(labels.len(), seed);
        let moved: Vec<_> = order.iter().map(|&i| labels[i]).collect();
        for test in TESTS {
            let before = rank_genes_groups(&x, &groups(&labels), &how(test, None)).unwrap();
            let x = x.select(Axis(0), &order);
            let after = rank_genes_groups(&x, &groups(&moved), &how(test, None)).unwrap();
            prop_assert_eq!(text(&before), text(&after));
        }
    }

    #[test]
    fn genes_are_tested_by_themselves((x, labels) in cells(), seed in 0_u64..1000) {
        let order = shuffled(x.ncols(), seed);
        for test in TESTS {
            let how = Comparison { correction: Correction::Bonferroni, ..how(test, None) };
            let before = rank_genes_groups(&x, &groups(&labels), &how).unwrap();
            let after = rank_genes_groups(&x.select(Axis(1), &order), &groups(&labels), &how).unwrap();
            for (b, a) in before.groups.iter().zip(&after.groups) {
                for (to, &from) in order.iter().enumerate() {
                    prop_assert_eq!(b.scores[from], a.scores[to]);
                    prop_assert_eq!(b.p_adjusted[from], a.p_adjusted[to]);
                    prop_assert_eq!(b.fractions[from], a.fractions[to]);
                }
            }
        }
    }

    #[test]
    fn swapping_the_groups_flips_the_sign((x, labels) in cells()) {
        let two: Vec<_> = labels.iter().map(|l| l.filter(|l| *l < 2)).collect();
        for test in &TESTS[..3] {
            let result = rank_genes_groups(&x, &groups(&two), &how(*test, None)).unwrap();
            let against = rank_genes_groups(&x, &groups(&two), &how(*test, Some("b"))).unwrap();
            let (a, b) = (result.group("a").unwrap(), result.group("b").unwrap());
            prop_assert_eq!(&a.scores, &against.group("a").unwrap().scores);
            for j in 0..x.ncols() {
                // Two constant groups with different means: t is infinite, and opposite infinities have no sum.
                let (t, back) = (a.scores[j], -b.scores[j]);
                prop_assert!(t == back || (t - back).abs() <= 1e-9 * t.abs().max(1.0), "{t} {back}");
                prop_assert!((a.p_values[j] - b.p_values[j]).abs() <= 1e-9);
                let (up, down) = (a.log_fold_changes[j], b.log_fold_changes[j]);
                prop_assert!(up.is_nan() && down.is_nan() || (up + down).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn wilcoxon_is_the_count_of_pairs((x, labels) in cells()) {
        for reference in [None, Some(1_u8)] {
            let how = how(Test::Wilcoxon { tie_correct: true }, reference.map(|_| "b"));
            let result = rank_genes_groups(&x, &groups(&labels), &how).unwrap();
            for group in &result.groups {
                check_by_pairs(&x, &labels, group, reference);
            }
        }
    }

    #[test]
    fn wilcoxon_knows_only_the_order((x, labels) in cells()) {
        let how = how(Test::Wilcoxon { tie_correct: true }, None);
        let before = rank_genes_groups(&x, &groups(&labels), &how).unwrap();
        // No value is zero any more: the zeros are ranked as what they are.
        let after = rank_genes_groups(&x.mapv(|v| f64::from(v).exp()), &groups(&labels), &how).unwrap();
        for (b, a) in before.groups.iter().zip(&after.groups) {
            prop_assert_eq!(&b.scores, &a.scores);
        }
    }

    #[test]
    fn p_values_are_probabilities((x, labels) in cells()) {
        for test in TESTS {
            for group in rank_genes_groups(&x, &groups(&labels), &how(test, None)).unwrap().groups {
                for (p, q) in group.p_values.iter().zip(&group.p_adjusted) {
                    prop_assert!((0.0..=1.0).contains(p) && (*p..=1.0).contains(q), "{} {}", p, q);
                }
            }
        }
    }
}
