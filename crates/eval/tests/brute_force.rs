//! Rank metrics against their definitions, pair by pair.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // helpers of tests are tests

use proptest::prelude::*;
use sensitome_eval::comparison::cliffs_delta;
use sensitome_eval::correlation::kendall;
use sensitome_eval::embedding::{Distance, nearest_neighbours, silhouette_samples};
use sensitome_eval::ranking::{Ranking, auroc, average_precision, partial_auroc, pr_curve, roc_curve};

type Weighted = (Vec<u8>, Vec<f64>, Option<Vec<f64>>);

/// Labels of both classes, scores with ties, maybe weights.
fn weighted() -> impl Strategy<Value = Weighted> {
    (2..60usize).prop_flat_map(|n| {
        let scores = prop_oneof![
            prop::collection::vec((-3..4i32).prop_map(f64::from), n),
            prop::collection::vec(-1e3..1e3f64, n),
            prop::collection::vec(prop::sample::select(vec![-0.0, 0.0, 1e-300, -1e-300, 1e300, -1e300]), n),
        ];
        let labels = prop::collection::vec(0..2u8, n).prop_map(|mut l| {
            (l[0], l[1]) = (0, 1);
            l
        });
        let mut some_weights =
            prop::collection::vec(prop_oneof![1 => Just(0.0), 4 => 0.01..5.0f64], n).boxed();
        some_weights = some_weights
            .prop_map(|mut w| {
                w[0] += 0.1;
                w[1] += 0.1;
                w
            })
            .boxed();
        (labels, scores, prop::option::of(some_weights))
    })
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * (1.0 + a.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn auroc_is_the_share_of_ordered_pairs((labels, scores, weights) in weighted()) {
        let w = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
        let (mut won, mut all) = (0.0, 0.0);
        for i in 0..labels.len() {
            for j in 0..labels.len() {
                if labels[i] == 1 && labels[j] == 0 {
                    let pair = w(i) * w(j);
                    all += pair;
                    won += if scores[i] > scores[j] { pair } else if scores[i] == scores[j] { pair / 2.0 } else { 0.0 };
                }
            }
        }
        let got = auroc(&labels, &scores, weights.as_deref()).unwrap();
        prop_assert!(close(got, won / all), "{got} against {}", won / all);
    }

    #[test]
    fn average_precision_is_the_step_sum((labels, scores, weights) in weighted()) {
        let w = |i: usize| weights.as_ref().map_or(1.0, |w| w[i]);
        let positives: f64 = (0..labels.len()).filter(|&i| labels[i] == 1).map(w).sum();
        // Precision at the cut of each positive, weighted: the same sum, cell by cell.
        let mut sum = 0.0;
        for i in (0..labels.len()).filter(|&i| labels[i] == 1) {
            let above = |class: Option<u8>| -> f64 {
                let kept = |j: &usize| scores[*j] >= scores[i] && class.is_none_or(|c| labels[*j] == c);
                (0..labels.len()).filter(kept).map(w).sum()
            };
            if w(i) > 0.0 {
                sum += w(i) / positives * (above(Some(1)) / above(None));
            }
        }
        let got = average_precision(&labels, &scores, weights.as_deref()).unwrap();
        prop_assert!(close(got, sum), "{got} against {sum}");
    }

    #[test]
    fn curves_agree_with_their_areas((labels, scores, weights) in weighted()) {
        let w = weights.as_deref();
        let area = auroc(&labels, &scores, w).unwrap();
        for drop in [true, false] {
            let c = roc_curve(&labels, &scores, w, drop).unwrap();
            let (x, y) = (&c.false_positive_rate, &c.true_positive_rate);
            prop_assert!(x.windows(2).all(|p| p[0] <= p[1]) && y.windows(2).all(|p| p[0] <= p[1]));
            prop_assert!(c.thresholds.windows(2).all(|p| p[0] > p[1]));
            prop_assert_eq!((x[0], y[0], x[x.len() - 1], y[y.len() - 1]), (0.0, 0.0, 1.0, 1.0));
            let sum: f64 = (1..x.len()).map(|i| (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2.0).sum();
            prop_assert!(close(sum, area), "{sum} against {area}");
        }
        let p = pr_curve(&labels, &scores, w).unwrap();
        let sum: f64 = (1..p.recall.len()).map(|i| (p.recall[i - 1] - p.recall[i]) * p.precision[i - 1]).sum();
        prop_assert!(close(sum, average_precision(&labels, &scores, w).unwrap()));
        prop_assert!(close(partial_auroc(&labels, &scores, w, 1.0).unwrap(), area));
        // One step per distinct score.
        let ranking = Ranking::new(&labels, &scores, w).unwrap();
        prop_assert!(ranking.steps().windows(2).all(|s| s[0].threshold > s[1].threshold));
    }

    #[test]
    fn kendall_counts_pairs((_, x, _) in weighted(), seed in any::<u64>()) {
        let y: Vec<f64> = (0..x.len()).map(|i| ((seed >> (i % 60)) & 3) as f64).collect();
        let (mut excess, mut untied_x, mut untied_y) = (0.0, 0.0, 0.0);
        for i in 0..x.len() {
            for j in 0..i {
                let sign = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).signum() };
                let (a, b) = (sign(x[i], x[j]), sign(y[i], y[j]));
                excess += a * b;
                untied_x += a * a;
                untied_y += b * b;
            }
        }
        match kendall(&x, &y) {
            Ok(k) => prop_assert!(close(k.coefficient, excess / f64::sqrt(untied_x * untied_y))),
            Err(_) => prop_assert!(untied_x == 0.0 || untied_y == 0.0),
        }
    }

    #[test]
    fn cliffs_delta_counts_pairs((_, a, _) in weighted(), (_, b, _) in weighted()) {
        let lead: f64 = a.iter().flat_map(|x| b.iter().map(move |y| f64::from(i8::from(x > y) - i8::from(x < y)))).sum();
        prop_assert!(close(cliffs_delta(&a, &b).unwrap(), lead / (a.len() * b.len()) as f64));
    }

    /// More points than one block holds, offsets that cancel, duplicates.
    #[test]
    fn blocked_distances_are_exact(n in 60..150usize, d in 1..9usize, offset in prop_oneof![Just(0.0), Just(1e5)], seed in any::<u32>()) {
        let value = |i: usize, j: usize| offset + f64::from((seed ^ (i / 2 * 31 + j * 17) as u32).wrapping_mul(2654435761) >> 16) / 6e4;
        let x = ndarray::Array2::from_shape_fn((n, d), |(i, j)| value(i, j));
        let labels: Vec<usize> = (0..n).map(|i| (i * i + 1) % 3).collect();
        let distance = |i: usize, j: usize| (&x.row(i) - &x.row(j)).mapv(|v| v * v).sum().sqrt();
        let found = nearest_neighbours(x.view(), 4, Distance::Euclidean).unwrap();
        let got = silhouette_samples(x.view(), &labels, Distance::Euclidean).unwrap();
        for i in 0..n {
            let mut all: Vec<f64> = (0..n).filter(|j| *j != i).map(|j| distance(i, j)).collect();
            all.sort_by(f64::total_cmp);
            for (k, got) in found.distances[i].iter().enumerate() {
                prop_assert!((got - all[k]).abs() <= 1e-6 * all[k] + 1e-12, "{got} against {}", all[k]);
            }
            let mean = |c: usize| {
                let members: Vec<usize> = (0..n).filter(|&j| labels[j] == c && j != i).collect();
                members.iter().map(|&j| distance(i, j)).sum::<f64>() / members.len() as f64
            };
            let a = mean(labels[i]);
            let b = (0..3).filter(|&c| c != labels[i] && labels.contains(&c)).map(mean).fold(f64::INFINITY, f64::min);
            let expected = if labels.iter().filter(|l| **l == labels[i]).count() == 1 || a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) };
            prop_assert!((got[i] - expected).abs() < 1e-6, "{} against {expected}", got[i]);
        }
    }
}
