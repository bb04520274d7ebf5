//! Resampling against imbalanced-learn's draws, and what holds for every draw.

use ndarray::{Array2, array};
use proptest::prelude::*;
use sensitome_data::resample::{Balance, class_weights, nearest_others, random_over, random_under, smote};

#[test]
fn draws_of_imbalanced_learn() {
    let labels: Vec<u8> = (0..10).map(|i| u8::from(i >= 7)).collect();
    let over = random_over(&labels, Balance::Equal, 42).unwrap();
    assert_eq!(over, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 7, 9, 9]);
    let under = random_under(&labels, Balance::Equal, 42).unwrap();
    assert_eq!(under, [0, 1, 5, 7, 8, 9]);
    let x = Array2::from_shape_fn((10, 1), |(i, _)| (i * i) as f64);
    let (rows, made) = smote(x.view(), &labels, 2, Balance::Equal, 42).unwrap();
    assert_eq!(made[10..], [1, 1, 1, 1]);
    let expected = [74.14645269, 73.42084320, 62.50037626, 73.19276884];
    for (got, expected) in rows.column(0).iter().skip(10).zip(expected) {
        approx::assert_abs_diff_eq!(*got, expected, epsilon = 5e-9);
    }
}

#[test]
fn nearest_others_are_in_order_and_leave_out_the_row_itself() {
    let x = array![[0.0f32], [3.0], [1.0], [10.0]];
    assert_eq!(nearest_others(x.view(), 2), array![[2, 1], [2, 0], [0, 1], [1, 2]]);
    // More neighbours than there are other rows.
    assert_eq!(nearest_others(x.view(), 9).ncols(), 3);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let labels = [0, 0, 0, 0, 1, 1];
    let x = Array2::<f32>::zeros((6, 2));
    assert!(random_over(&[1, 1, 1], Balance::Equal, 0).is_err());
    assert!(random_over(&[], Balance::Equal, 0).is_err());
    assert!(random_over(&labels, Balance::Ratio(0.2), 0).is_err());
    assert!(random_under(&labels, Balance::Ratio(f64::NAN), 0).is_err());
    assert!(smote(x.view(), &labels, 2, Balance::Equal, 0).is_err());
    assert!(smote(x.view(), &labels, 0, Balance::Equal, 0).is_err());
    assert!(smote(x.view(), &labels[..5], 1, Balance::Equal, 0).is_err());
    assert!(class_weights(&[]).is_err());
}

fn count(labels: &[u8], rows: &[usize], class: u8) -> usize {
    rows.iter().filter(|&&i| labels[i] == class).count()
}

proptest! {
    #[test]
    fn classes_end_as_large_as_each_other(labels in prop::collection::vec(0_u8..2, 2..60), seed: u64) {
        prop_assume!(labels.contains(&0) && labels.contains(&1));
        let over = random_over(&labels, Balance::Equal, seed).unwrap();
        prop_assert_eq!(count(&labels, &over, 0), count(&labels, &over, 1));
        let under = random_under(&labels, Balance::Equal, seed).unwrap();
        prop_assert_eq!(count(&labels, &under, 0), count(&labels, &under, 1));
        let weights = class_weights(&labels).unwrap();
        let sum: f64 = labels.iter().map(|y| weights[y]).sum();
        prop_assert!((sum - labels.len() as f64).abs() < 1e-9);
    }

    #[test]
    fn synthetic_rows_lie_within_their_class(seed: u64, n in 4_usize..12) {
        let labels: Vec<u8> = (0..3 * n).map(|i| u8::from(i < n)).collect();
        let x = Array2::from_shape_fn((3 * n, 3), |(i, j)| ((i * 7 + j * 5) % 13) as f32);
        let (rows, made) = smote(x.view(), &labels, 3, Balance::Equal, seed).unwrap();
        prop_assert_eq!(made.iter().filter(|y| **y == 1).count(), 2 * n);
        for j in 0..3 {
            let own = || (0..n).map(|i| x[[i, j]]);
            let (low, high) = (own().fold(f32::MAX, f32::min), own().fold(f32::MIN, f32::max));
            prop_assert!((3 * n..made.len()).all(|i| (low..=high).contains(&rows[[i, j]])));
        }
    }
}
