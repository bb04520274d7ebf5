//! Splits against the draws of numpy, scikit-learn and Python, and what holds for every split.

use proptest::prelude::*;
use sensitome_data::split::{Split, stratified_folds};

fn sizes(s: &Split) -> [usize; 3] {
    [s.test().len(), s.validation().len(), s.train().len()]
}

#[test]
fn two_stage_split_of_scdeal() {
    let s = Split::unstratified(20, 0.2, 0.2, 42).unwrap();
    assert_eq!(s.test(), [0, 17, 15, 1]);
    assert_eq!(s.validation(), [8, 5, 16, 14]);
    assert_eq!(s.train(), [10, 12, 9, 19, 11, 6, 18, 2, 4, 7, 3, 13]);

    let s = Split::unstratified(805, 0.2, 0.2, 42).unwrap();
    assert_eq!(sizes(&s), [161, 129, 515]);
    assert_eq!(s.test()[..5], [192, 718, 168, 522, 536]);
    assert_eq!(s.validation()[..5], [458, 273, 243, 305, 291]);
    assert_eq!(s.train()[..5], [217, 694, 353, 80, 400]);

    let s = Split::unstratified(1419, 0.2, 0.2, 42).unwrap();
    assert_eq!(sizes(&s), [284, 227, 908]);
    assert_eq!(s.test()[..5], [51, 289, 677, 1005, 367]);
    assert_eq!(s.validation()[..5], [876, 207, 808, 731, 217]);
    assert_eq!(s.train()[..5], [744, 97, 1127, 1350, 1300]);

    let s = Split::unstratified(155, 0.0, 0.2, 5).unwrap();
    assert_eq!(s.test()[..8], [149, 21, 48, 39, 140, 123, 1, 98]);
    assert_eq!(s.train()[..4], [71, 69, 57, 81]);
}

#[test]
fn shuffled_folds_of_scikit_learn() {
    let labels: Vec<u8> = (0..20).map(|i| u8::from(i >= 12)).collect();
    let expected = [[2, 5, 6, 12], [4, 8, 10, 15], [9, 11, 14, 18], [1, 3, 16, 17], [0, 7, 13, 19]];
    let folds = Split::folds(&labels, 5, Some(42)).unwrap();
    assert_eq!(folds.len(), 5);
    for (fold, test) in folds.iter().zip(expected) {
        assert_eq!(fold.test(), test);
        assert_eq!(fold.train().len(), 16);
        assert!(fold.train().iter().all(|i| !test.contains(i)));
        assert!(fold.validation().is_empty());
    }
}

/// The draws of SSDA4Drug for seed 5: 66 rows of class 0 and 58 of class 1 in the order of a split, of which Python's
/// `sample` takes positions 32, 45, 3, then 53, 29, 49.
#[test]
fn few_shot_draws_of_python() {
    let labels: Vec<u8> = (0..155).map(|i| u8::from(i % 2 == 0)).collect();
    let of_class =
        |class: u8, n: usize| (0..155).rev().filter(|&i| labels[i] == class).take(n).collect::<Vec<_>>();
    let (zeros, ones) = (of_class(0, 66), of_class(1, 58));
    let rows = [&ones[..30], &zeros[..], &ones[30..]].concat();
    let s = Split::few_shot(&labels, &rows, 3, 5).unwrap();
    assert_eq!(s.train(), [zeros[32], zeros[45], zeros[3], ones[53], ones[29], ones[49]]);
    assert_eq!((s.test().len(), s.validation().len()), (149, 0));
    let error = Split::few_shot(&labels, &rows, 59, 5).unwrap_err().to_string();
    assert!(error.contains("59 of class 1 asked for, and there are 58"), "{error}");
    assert!(Split::few_shot(&labels, &[155], 1, 5).is_err());
    assert!(Split::few_shot(&labels, &[4, 4], 1, 5).is_err());
}

#[test]
fn a_saved_split_is_loaded_and_a_changed_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("split.json");
    let split = Split::stratified(&[0, 1, 0, 1, 0, 1, 0, 0, 1, 0], 0.2, 0.2, 7).unwrap();
    split.save(&path).unwrap();
    let loaded = Split::load(&path).unwrap();
    assert_eq!(loaded, split);
    assert_eq!((loaded.rows(), loaded.seed(), loaded.hash().len()), (10, 7, 64));

    let text = std::fs::read_to_string(&path).unwrap();
    let refused = |changed: String, why: &str| {
        assert_ne!(changed, text);
        std::fs::write(&path, changed).unwrap();
        let error = Split::load(&path).unwrap_err().to_string();
        assert!(error.contains("split.json") && error.contains(why), "{error}");
    };
    refused(text.replace("\"seed\": 7", "\"seed\": 8"), "was changed");
    refused(text.replace(split.hash(), &"0".repeat(64)), "was changed");
    refused(text[..text.len() / 2].to_owned(), "is no split");
    assert!(Split::load(dir.path().join("none.json")).is_err());
}

#[test]
fn the_hash_tells_splits_apart() {
    let labels: Vec<u8> = (0..40).map(|i| u8::from(i % 3 == 0)).collect();
    let make = |validation: f64, seed: u64| Split::stratified(&labels, validation, 0.2, seed).unwrap();
    assert_eq!(make(0.2, 1).hash(), make(0.2, 1).hash());
    assert_ne!(make(0.2, 1).hash(), make(0.2, 2).hash());
    assert_ne!(make(0.2, 1).hash(), make(0.1, 1).hash());
}

#[test]
fn impossible_splits_are_refused() {
    assert!(Split::unstratified(10, 0.5, 0.5, 0).is_err());
    assert!(Split::unstratified(10, f64::NAN, 0.2, 0).is_err());
    assert!(Split::unstratified(10, -0.1, 0.2, 0).is_err());
    assert!(Split::unstratified(0, 0.2, 0.2, 0).is_err());
    assert!(Split::stratified(&[], 0.2, 0.2, 0).is_err());
    let one_line = vec!["HCC827".to_owned(); 12];
    assert!(Split::grouped(&one_line, 0.2, 0.2, 0).is_err());
    assert!(stratified_folds(&[0, 0, 1, 1], 1, None).is_err());
    assert!(stratified_folds(&[0, 0, 1, 1], 3, None).is_err());
}

/// Disjoint, existing rows; all of them where the parts should cover the whole.
fn is_partition(s: &Split, rows: usize) -> bool {
    let mut all: Vec<usize> = [s.train(), s.validation(), s.test()].concat();
    all.sort_unstable();
    all == (0..rows).collect::<Vec<_>>()
}

proptest! {
    #[test]
    fn every_row_is_in_one_part(
        labels in prop::collection::vec(0_u8..3, 1..120),
        validation in 0.0..0.45,
        test in 0.0..0.45,
        seed: u64,
    ) {
        let n = labels.len();
        let s = Split::stratified(&labels, validation, test, seed).unwrap();
        prop_assert!(is_partition(&s, n));
        prop_assert_eq!(&s, &Split::stratified(&labels, validation, test, seed).unwrap());
        // Training never loses a class.
        for &y in &labels {
            prop_assert!(s.train().iter().any(|&i| labels[i] == y));
        }
        if let Ok(s) = Split::unstratified(n, validation, test, seed) {
            prop_assert!(is_partition(&s, n));
        }
    }

    #[test]
    fn no_group_is_in_two_parts(
        codes in prop::collection::vec(0_u8..9, 1..80),
        validation in 0.0..0.45,
        test in 0.0..0.45,
        seed: u64,
    ) {
        let groups: Vec<String> = codes.iter().map(|c| format!("line {c}")).collect();
        if let Ok(s) = Split::grouped(&groups, validation, test, seed) {
            prop_assert!(is_partition(&s, groups.len()));
            let lines = |part: &[usize]| part.iter().map(|&i| codes[i]).collect::<std::collections::BTreeSet<_>>();
            let parts = [lines(s.train()), lines(s.validation()), lines(s.test())];
            prop_assert!(parts[0].is_disjoint(&parts[1]));
            prop_assert!(parts[0].is_disjoint(&parts[2]));
            prop_assert!(parts[1].is_disjoint(&parts[2]));
        }
    }

    #[test]
    fn folds_differ_by_at_most_one_member_of_a_class(
        labels in prop::collection::vec(0_u8..2, 10..90),
        k in 2_usize..5,
        seed in prop::option::of(any::<u64>()),
    ) {
        if let Ok(folds) = stratified_folds(&labels, k, seed) {
            for class in 0..2 {
                let count = |f: usize| {
                    folds.iter().zip(&labels).filter(|(g, y)| (**g, **y) == (f, class)).count()
                };
                let counts: Vec<usize> = (0..k).map(count).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
            }
        }
    }
}
