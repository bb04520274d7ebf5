//! The generators against numbers that numpy and Python give.

use proptest::prelude::*;
use sensitome_data::rng::{NumpyRng, PythonRng};

#[test]
fn numpy_permutation() {
    let expected = [0, 17, 15, 1, 8, 5, 11, 3, 18, 16, 13, 2, 9, 19, 4, 12, 7, 10, 14, 6];
    assert_eq!(NumpyRng::new(42).permutation(20), expected);
}

#[test]
fn python_samples() {
    let mut p = PythonRng::new(5);
    assert_eq!(p.sample(66, 3), [32, 45, 3]);
    assert_eq!(p.sample(58, 3), [53, 29, 49]);
    assert_eq!(PythonRng::new(0).sample(100, 10), [49, 97, 53, 5, 33, 65, 62, 51, 38, 61]);
}

proptest! {
    #[test]
    fn draws_stay_in_range(seed: u64, max in 0_usize..1_000_000) {
        let mut n = NumpyRng::new(seed);
        prop_assert!(n.up_to(max) <= max);
        let u = n.uniform();
        prop_assert!((0.0..1.0).contains(&u));
        prop_assert!(PythonRng::new(seed).below(max + 1) <= max);
    }

    #[test]
    fn permutations_and_samples_hold_every_item_at_most_once(seed: u64, n in 0_usize..200, k in 0_usize..250) {
        let mut order = NumpyRng::new(seed).permutation(n);
        order.sort_unstable();
        prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        let mut sample = PythonRng::new(seed).sample(n, k);
        sample.sort_unstable();
        sample.dedup();
        prop_assert_eq!(sample.len(), k.min(n));
        prop_assert!(sample.iter().all(|&i| i < n));
    }
}
