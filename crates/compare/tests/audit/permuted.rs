//! AUROCs of fits to permuted labels.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sensitome_compare::audit::{Check, Verdict, label_permutation};

#[test]
fn permuted_fits_that_stay_good_are_caught() {
    let leak = label_permutation("seer", &[0.92, 0.85, 0.97, 0.71, 0.9, 0.88, 0.95, 0.9]);
    assert_eq!((leak.check, leak.verdict), (Check::LabelPermutation, Verdict::Leak), "{leak}");
    let passed = |aurocs: &[f64]| {
        let f = label_permutation("method", aurocs);
        assert_eq!(f.verdict, Verdict::Passed, "{f}");
        f.detail
    };
    assert!(passed(&[0.95, 0.04, 0.96, 0.97, 0.03, 0.95, 0.02, 0.06]).contains("along one axis"));
    assert!(passed(&[0.1, 0.2, 0.15, 0.1, 0.12, 0.2, 0.1, 0.15]).contains("below chance"));
    passed(&[0.5; 10]);
    passed(&[0.53, 0.54, 0.53, 0.54, 0.53, 0.54, 0.53, 0.54]);
    let few = label_permutation("method", &[0.9, 0.9, 0.9, 0.9, 0.9, f64::NAN, f64::NAN, f64::NAN]);
    assert!(few.verdict == Verdict::NotApplicable && few.detail.contains("3 undefined"), "{few}");
}

/// Cells that differ along one axis, scored along it, the sign as a coin falls; and a method that adds the label.
#[test]
fn a_dominant_axis_raises_no_alarm_and_a_leak_does() {
    let mut draw = StdRng::seed_from_u64(7);
    let mut uniform = move || draw.random::<f64>();
    for (n, spread) in [(8, 0.0), (8, 0.2), (10, 0.0), (12, 0.5), (20, 0.0), (30, 1.0)] {
        let (mut alarms, mut caught) = (0, 0);
        for _ in 0..1000 {
            let labels: Vec<u8> = (0..40).map(|i| u8::from(i % 2 == 0)).collect();
            let axis: Vec<f64> = labels.iter().map(|&y| f64::from(y) + 0.9 * (uniform() - 0.5)).collect();
            let mut fits = |leak: f64| -> Vec<f64> {
                let fit = |_| {
                    let sign = if uniform() < 0.5 { -1.0 } else { 1.0 };
                    let mut score =
                        |(x, &y): (&f64, &u8)| sign * x + spread * uniform() + leak * f64::from(y);
                    let scores: Vec<f64> = axis.iter().zip(&labels).map(&mut score).collect();
                    sensitome_eval::auroc(&labels, &scores, None).unwrap()
                };
                (0..n).map(fit).collect()
            };
            alarms += usize::from(label_permutation("fair", &fits(0.0)).is_leak());
            caught += usize::from(label_permutation("seer", &fits(4.0)).is_leak());
        }
        assert!(alarms <= 10, "{n} permutations, spread {spread}: {alarms} of 1000 are false alarms");
        assert_eq!(caught, 1000, "{n} permutations, spread {spread}");
    }
}
