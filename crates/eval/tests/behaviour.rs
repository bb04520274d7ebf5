//! What users rely on beyond single numbers: promises of coverage, recovery of known truths, independence of threads.

use approx::assert_relative_eq;
use ndarray::{Array2, arr2};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sensitome_eval::calibration::*;
use sensitome_eval::classification::Validation;
use sensitome_eval::comparison::{Results, Run};
use sensitome_eval::embedding::*;
use sensitome_eval::intervals::{Bootstrap, Design, Method, bootstrap};
use sensitome_eval::selection::{Evidence, SelectionScore};
use sensitome_eval::stability::{rank_agreement, stability, stratified_subsample};
use sensitome_eval::{Undefined, auroc};

fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn noise(g: &mut ChaCha8Rng) -> f64 {
    g.random_range(-1.0..1.0) + g.random_range(-1.0..1.0)
}

fn cloud(seed: u64, n: usize, d: usize, shift: impl Fn(usize) -> f64) -> Array2<f64> {
    let mut g = generator(seed);
    Array2::from_shape_fn((n, d), |(i, _)| noise(&mut g) + shift(i))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let x = cloud(1, 700, 5, |i| (i % 3) as f64);
    let labels: Vec<usize> = (0..700).map(|i| i % 3).collect();
    let y: Vec<u8> = (0..700).map(|i| u8::from(i % 3 == 0)).collect();
    let scores = x.column(0).to_vec();
    let all = || {
        let pick = |rows: &[usize]| {
            let (a, b): (Vec<u8>, Vec<f64>) = rows.iter().map(|&i| (y[i], scores[i])).unzip();
            auroc(&a, &b, None)
        };
        let options = Bootstrap { resamples: 50, ..Bootstrap::default() };
        let mut all = silhouette_samples(x.view(), &labels, Distance::Euclidean).unwrap();
        all.extend(lisi(x.view(), &labels, 10.0).unwrap());
        let interval = bootstrap(Design::Stratified(&y), options, pick).unwrap();
        all.extend([interval.low, interval.high]);
        all.extend(stability(&y, 0.8, 20, 3, pick).unwrap().values);
        all
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (one, five) = (pool(1).install(all), pool(5).install(all));
    // The same bits, not only close.
    assert!(one.iter().zip(&five).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert_eq!(one.len(), five.len());
}

/// So many classes that their sums are not all kept, and so few that each distance is computed once: both agree with the
/// definition.
#[test]
fn silhouette_of_few_and_of_many_classes() {
    let n = 2600;
    let x = cloud(2, n, 2, |i| (i % 7) as f64);
    for k in [7, 1800] {
        let labels: Vec<usize> = (0..n).map(|i| i % k).collect();
        let got = silhouette_samples(x.view(), &labels, Distance::Euclidean).unwrap();
        for i in (0..n).step_by(371) {
            let mut sums = vec![0.0; k];
            for j in 0..n {
                sums[labels[j]] += (&x.row(i) - &x.row(j)).mapv(|v| v * v).sum().sqrt();
            }
            let size = |c: usize| ((n - c - 1) / k + 1) as f64;
            let own = labels[i];
            let b = (0..k).filter(|c| *c != own).map(|c| sums[c] / size(c)).fold(f64::INFINITY, f64::min);
            let a = sums[own] / (size(own) - 1.0);
            let expected = if size(own) == 1.0 { 0.0 } else { (b - a) / a.max(b) };
            assert_relative_eq!(got[i], expected, epsilon = 1e-9);
        }
    }
}

#[test]
fn single_precision_points_are_accepted() {
    let x = cloud(3, 80, 3, |i| (i % 2) as f64).mapv(|v| v as f32);
    let labels: Vec<bool> = (0..80).map(|i| i % 2 == 0).collect();
    let single = silhouette(x.view(), &labels, Distance::Cosine).unwrap();
    let double = silhouette(x.mapv(f64::from).view(), &labels, Distance::Cosine).unwrap();
    assert_eq!(single, double);
}

#[test]
fn mixed_and_separate_domains() {
    let domains: Vec<u8> = (0..400).map(|i| (i % 2) as u8).collect();
    let mixed = cloud(4, 400, 4, |_| 0.0);
    let apart = cloud(4, 400, 4, |i| 9.0 * (i % 2) as f64);
    assert!(kbet(mixed.view(), &domains, 25, 0.05).unwrap().rejection_rate < 0.2);
    assert_eq!(kbet(apart.view(), &domains, 25, 0.05).unwrap().rejection_rate, 1.0);
    assert!(ilisi(mixed.view(), &domains, 30.0).unwrap() > 0.8);
    assert!(ilisi(apart.view(), &domains, 30.0).unwrap() < 1e-9);
    assert_relative_eq!(clisi(apart.view(), &domains, 30.0).unwrap(), 1.0, epsilon = 1e-9);
    assert!(proxy_a_distance(mixed.view(), &domains, 0).unwrap().abs() < 0.4);
    assert!(proxy_a_distance(apart.view(), &domains, 0).unwrap() > 1.95);
}

/// From the centre of a ring every neighbour is equally far, so the weights are uniform, whatever the rounding.
#[test]
fn lisi_of_equal_distances_counts_classes() {
    let corner = |i: usize| if i < 13 { std::f64::consts::TAU * i as f64 / 13.0 } else { 0.0 };
    let ring = Array2::from_shape_fn((14, 2), |(i, j)| match (i, j) {
        (13, _) => 0.0,
        (_, 0) => corner(i).cos(),
        _ => corner(i).sin(),
    });
    let labels: Vec<usize> = (0..14).map(|i| i % 2).collect();
    // The centre sees 12 of 13 points of the ring, about half of each class.
    let centre = lisi(ring.view(), &labels, 4.0).unwrap()[13];
    assert!((1.9..2.0 + 1e-9).contains(&centre), "{centre}");
}

#[test]
fn conformal_sets_cover_each_class() {
    let (mut covered, mut cells) = ([0.0; 2], [0.0; 2]);
    for round in 0..300 {
        let mut g = generator(round);
        let mut draw = |n: usize| -> (Vec<u8>, Vec<f64>) {
            (0..n)
                .map(|_| {
                    let y = u8::from(g.random_bool(0.15));
                    // Scores that are no calibrated probabilities: the promise holds all the same.
                    (y, (0.3 + 0.2 * f64::from(y) + 0.15 * noise(&mut g)).clamp(0.0, 1.0))
                })
                .unzip()
        };
        let ((labels, scores), (new, p)) = (draw(300), draw(300));
        let sets = Conformal::fit(Validation { labels: &labels, scores: &scores, weights: None }, 0.2, true)
            .unwrap();
        for (y, p) in new.iter().zip(&p) {
            cells[usize::from(*y)] += 1.0;
            covered[usize::from(*y)] += f64::from(u8::from(sets.predict(*p).unwrap().contains(*y)));
        }
    }
    for class in 0..2 {
        let share: f64 = covered[class] / cells[class];
        // At least 0.8 on average over calibrations; ties and small classes only add.
        assert!((0.785..0.86).contains(&share), "class {class}: {share}");
    }
}

#[test]
fn significant_cells_keep_the_false_discovery_rate() {
    let (mut shares, mut found) = (0.0, 0);
    for round in 0..60 {
        let mut g = generator(500 + round);
        let calibration: Vec<f64> = (0..400).map(|_| noise(&mut g)).collect();
        // 150 cells like the resistant ones, 50 clearly above.
        let cells: Vec<f64> = (0..200).map(|i| noise(&mut g) + if i < 150 { 0.0 } else { 3.0 }).collect();
        let validation = Validation { labels: &[0; 400], scores: &calibration, weights: None };
        let result = significantly_sensitive(validation, &cells, 0.1).unwrap();
        let wrong = result.significant[..150].iter().filter(|s| **s).count();
        let all = result.significant.iter().filter(|s| **s).count();
        shares += wrong as f64 / all.max(1) as f64 / 60.0;
        found += all - wrong;
    }
    assert!(shares < 0.1, "false discoveries {shares}");
    assert!(found > 60 * 40, "only {found} found");
}

#[test]
fn temperature_undoes_overconfidence() {
    let mut g = generator(9);
    let truth: Vec<f64> = (0..6000).map(|_| 2.0 * noise(&mut g)).collect();
    let labels: Vec<u8> = truth.iter().map(|z| u8::from(g.random_bool(1.0 / (1.0 + (-z).exp())))).collect();
    let loud: Vec<f64> = truth.iter().map(|z| 3.0 * z).collect();
    let fitted = Temperature::fit(&labels, &loud, None).unwrap();
    assert_relative_eq!(fitted.temperature, 3.0, max_relative = 0.1);
    let ece_of = |p: Vec<f64>| ece(&labels, &p, None, Bins::EqualMass(15)).unwrap();
    let before = ece_of(loud.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect());
    let after = ece_of(loud.iter().map(|z| fitted.probability(*z)).collect());
    assert!(after < before / 3.0, "{before} to {after}");
}

#[test]
fn label_shift_is_recovered() {
    // Source half sensitive; the classifier finds 80 % of the sensitive and 90 % of the resistant.
    let labels: Vec<u8> = (0..200).map(|i| u8::from(i < 100)).collect();
    let predicted: Vec<u8> = (0..200).map(|i| u8::from(!(80..190).contains(&i))).collect();
    // Target of 1000 with 30 % sensitive: 300 × 0.8 + 700 × 0.1 = 310 predicted sensitive.
    let target: Vec<u8> = (0..1000).map(|i| u8::from(i < 310)).collect();
    let shift = label_shift_bbse(&labels, &predicted, &target).unwrap();
    assert_relative_eq!(shift.target[1], 0.3, epsilon = 1e-12);
    assert_relative_eq!(shift.weights()[1], 0.6, epsilon = 1e-12);
    // The same classifier as probabilities under the source's frequencies: 0.8 to 0.1 where it predicts sensitive, 0.2 to
    // 0.9 where not. The likelihood is largest where the same equation holds.
    let (high, low) = (0.8 / 0.9, 0.2 / 1.1);
    let p = Array2::from_shape_fn((1000, 2), |(i, j)| {
        let sensitive = if i < 310 { high } else { low };
        if j == 1 { sensitive } else { 1.0 - sensitive }
    });
    let shift = label_shift_em(&labels, p.view()).unwrap();
    assert_relative_eq!(shift.target[1], 0.3, epsilon = 1e-6);
    // Corrected by Bayes' rule with the target's frequencies.
    let corrected = correct_for_shift(p.view(), &shift).unwrap();
    assert_relative_eq!(corrected[[0, 1]], 0.3 * 0.8 / (0.3 * 0.8 + 0.7 * 0.1), epsilon = 1e-6);
    // A classifier that answers at random tells nothing.
    let random: Vec<u8> = (0..200).map(|i| (i % 2) as u8).collect();
    assert!(matches!(label_shift_bbse(&labels, &random, &target), Err(Undefined::Singular { .. })));
}

#[test]
fn selection_scores_of_known_predictions() {
    let score = |p: &Array2<f64>, s: SelectionScore| {
        s.score(&Evidence { target_probabilities: Some(p.view()), ..Evidence::default() }).unwrap()
    };
    let ln2 = std::f64::consts::LN_2;
    let unsure = Array2::from_elem((6, 2), 0.5);
    let sure = Array2::from_shape_fn((6, 2), |(i, j)| f64::from(u8::from(i % 2 == j)));
    let collapsed = Array2::from_shape_fn((6, 2), |(_, j)| j as f64);
    assert_relative_eq!(score(&unsure, SelectionScore::Entropy), ln2, epsilon = 1e-12);
    assert_eq!(score(&sure, SelectionScore::Entropy), 0.0);
    // Entropy is fooled by a collapse to one class, the others are not.
    assert_eq!(score(&collapsed, SelectionScore::Entropy), 0.0);
    assert_relative_eq!(score(&sure, SelectionScore::InfoMax), ln2, epsilon = 1e-12);
    assert_relative_eq!(score(&collapsed, SelectionScore::InfoMax), 0.0, epsilon = 1e-12);
    assert_relative_eq!(score(&sure, SelectionScore::BatchNuclearNorm), 1.0, epsilon = 1e-12);
    assert_relative_eq!(score(&collapsed, SelectionScore::BatchNuclearNorm), 0.5f64.sqrt(), epsilon = 1e-12);
    // All alike: every other cell is as near, ln 5; two groups of three: the two of one's own group.
    assert_relative_eq!(score(&unsure, SelectionScore::SoftNeighbourhoodDensity), 5f64.ln(), epsilon = 1e-12);
    assert_relative_eq!(score(&sure, SelectionScore::SoftNeighbourhoodDensity), ln2, epsilon = 1e-6);
    let flipped = arr2(&[[0.1, 0.9], [0.5, 0.5], [0.9, 0.1]]);
    let evidence = Evidence {
        target_probabilities: Some(flipped.view()),
        ridge_scores: Some(&[-1.0, 0.0, 1.0]),
        target_labels: Some(&[0, 0, 1]),
        ..Evidence::default()
    };
    assert_relative_eq!(SelectionScore::RidgeAgreement.score(&evidence).unwrap(), -1.0, epsilon = 1e-12);
    assert_eq!(SelectionScore::Oracle.score(&evidence).unwrap(), 0.0);
    for s in SelectionScore::ALL {
        assert_eq!(SelectionScore::from_name(s.name()), Some(s));
        assert!(matches!(s.score(&Evidence::default()), Err(Undefined::MissingEvidence { .. })));
    }
}

/// The loss grows along one feature, and the target lies at its bad end: weighting must see that.
#[test]
fn deep_embedded_validation_looks_at_the_target() {
    let source = cloud(11, 400, 2, |_| 0.0);
    let training = cloud(12, 400, 2, |_| 0.0);
    let labels: Vec<u8> = (0..400).map(|i| (i % 2) as u8).collect();
    let p: Vec<f64> = (0..400)
        .map(|i| {
            let right = 0.95 - 0.2 * (source[[i, 0]] + 2.0);
            if labels[i] == 1 { right } else { 1.0 - right }
        })
        .collect();
    let score = |shift: f64| {
        let target = cloud(13, 400, 2, |_| shift);
        let evidence = Evidence {
            source_labels: Some(&labels),
            source_probabilities: Some(&p),
            source_features: Some(source.view()),
            training_features: Some(training.view()),
            target_features: Some(target.view()),
            ..Evidence::default()
        };
        SelectionScore::DeepEmbeddedValidation.score(&evidence).unwrap()
    };
    let plain = sensitome_eval::probability::log_loss(&labels, &p, None).unwrap();
    assert_relative_eq!(score(0.0), plain, max_relative = 0.1);
    assert!(score(0.6) > 1.1 * score(0.0));
    assert!(score(-0.6) < 0.9 * score(0.0));
}

#[test]
fn subsamples_keep_class_shares() {
    let labels: Vec<u8> = (0..200).map(|i| u8::from(i % 10 == 0)).collect();
    let first = stratified_subsample(&labels, 0.8, 7, 0).unwrap();
    assert_eq!(first.iter().filter(|&&i| labels[i] == 1).count(), 16);
    assert_eq!(first.len(), 160);
    assert!(first.windows(2).all(|w| w[0] < w[1]), "without replacement, ascending");
    assert_eq!(first, stratified_subsample(&labels, 0.8, 7, 0).unwrap());
    assert_ne!(first, stratified_subsample(&labels, 0.8, 7, 1).unwrap());
    assert_ne!(first, stratified_subsample(&labels, 0.8, 8, 0).unwrap());
}

#[test]
fn agreement_of_seeds() {
    let run: Vec<f64> = (0..20).map(|i| (f64::from(i) * 1.7).sin()).collect();
    let stack = |signs: &[f64]| Array2::from_shape_fn((signs.len(), 20), |(r, c)| signs[r] * run[c]);
    let same = rank_agreement(stack(&[1.0, 2.0, 0.5]).view()).unwrap();
    assert_relative_eq!(same.kendall_w, 1.0, epsilon = 1e-12);
    assert_relative_eq!(same.mean_spearman, 1.0, epsilon = 1e-12);
    // One flipped run of three: two of three pairs disagree entirely.
    let flipped = rank_agreement(stack(&[1.0, 1.0, -1.0]).view()).unwrap();
    assert_relative_eq!(flipped.worst_spearman, -1.0, epsilon = 1e-12);
    assert_relative_eq!(flipped.mean_spearman, -1.0 / 3.0, epsilon = 1e-12);
    // W = (mean Spearman × (m − 1) + 1) / m.
    assert_relative_eq!(flipped.kendall_w, 1.0 / 9.0, epsilon = 1e-12);
}

#[test]
fn many_seeds_of_one_task_do_not_outweigh_others() {
    let run = |strategy: &str, task: &str, seed: u64, value: f64| Run {
        strategy: strategy.into(),
        task: task.into(),
        seed,
        value,
    };
    let mut runs: Vec<Run> = (0..50).map(|s| run("a", "big", s, 0.9)).collect();
    runs.extend([run("a", "small", 0, 0.5), run("b", "big", 0, 0.8), run("b", "small", 0, 0.7)]);
    let results = Results::new(runs).unwrap();
    assert_relative_eq!(results.summary("a", 0.95).unwrap().mean, 0.7, epsilon = 1e-12);
    let contrast = results.contrast("a", "b", 0.95, 1).unwrap();
    assert_relative_eq!(contrast.difference, -0.05, epsilon = 1e-12);
    assert_eq!((contrast.tally.wins, contrast.tally.losses, contrast.tasks), (1, 1, 2));
    assert_eq!(contrast, results.contrast("a", "b", 0.95, 1).unwrap());
    assert!(results.summary("c", 0.95).unwrap_err().to_string().contains("a, b"));
    assert!(Results::new([run("a", "t", 1, 0.1), run("a", "t", 1, 0.2)]).is_err());
}

/// The mean of a known distribution: intervals hold it about as often as they say.
#[test]
fn bootstrap_intervals_cover() {
    let (mut simple, mut grouped) = (0, 0);
    for round in 0..200 {
        let mut g = generator(1000 + round);
        // 20 donors of 6 cells: the donor's level dominates.
        let level: Vec<f64> = (0..20).map(|_| noise(&mut g)).collect();
        let values: Vec<f64> = (0..120).map(|i| level[i / 6] + 0.2 * noise(&mut g)).collect();
        let donors: Vec<i64> = (0..120).map(|i| i / 6).collect();
        let mean = |rows: &[usize]| Ok(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64);
        let options = Bootstrap { resamples: 300, level: 0.9, method: Method::Bca, seed: round };
        let holds = |design| {
            let i = bootstrap(design, options, mean).unwrap();
            i32::from(i.low <= 0.0 && 0.0 <= i.high)
        };
        grouped += holds(Design::Grouped(&donors));
        simple += holds(Design::Simple(120));
    }
    assert!((166..=192).contains(&grouped), "donors drawn: {grouped} of 200 at 0.9");
    assert!(simple < 140, "cells drawn singly are not independent, yet {simple} of 200");
}

#[test]
fn reasons_say_what_to_do() {
    let one_class = auroc(&[1, 1], &[0.1, 0.2], None).unwrap_err().to_string();
    assert!(one_class.contains("pooled"), "{one_class}");
    let nan = auroc(&[1, 0], &[0.1, f64::NAN], None).unwrap_err();
    assert_eq!(nan, Undefined::NonFinite { what: "scores", index: 1 });
    assert!(nan.to_string().contains("position 1"));
    let short = auroc(&[1, 0], &[0.1], None).unwrap_err();
    assert_eq!(short, Undefined::LengthMismatch { what: "scores", got: 1, expected: 2 });
}
