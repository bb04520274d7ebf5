//! Labels from drug response: the published variants that the golden cases do not hold, and the command-line forms.

use proptest::prelude::*;
use sensitome_data::labels::{ChordDistance, LabelRule, Waterfall};

const ALL: [LabelRule; 6] = [
    LabelRule::Waterfall { threshold: 0.95, distance: ChordDistance::Perpendicular, inclusive: false },
    LabelRule::Waterfall { threshold: 0.8, distance: ChordDistance::Signed, inclusive: true },
    LabelRule::MeanThreshold,
    LabelRule::ZScore { threshold: -0.5 },
    LabelRule::ExtremeFraction { fraction: 0.3 },
    LabelRule::ExtremeCount { k: 2 },
];

#[test]
fn signed_distance_counts_points_above_the_chord_only() {
    // One point far below the chord, one a little above it.
    let values = [0.0, -0.0, 0.1, 4.5, 5.0, 6.0];
    let cut = |distance| Waterfall::new(&values, 0.999, distance).unwrap().cut;
    assert_eq!(cut(ChordDistance::Perpendicular), 0.1);
    assert_eq!(cut(ChordDistance::Signed), 4.5);
    // A convex curve lies wholly below its chord: the signed rule cuts at an end.
    let convex = [0.0, 0.1, 0.3, 1.0, 4.0];
    let curve = Waterfall::new(&convex, 0.999, ChordDistance::Signed).unwrap();
    assert!(curve.cut == 0.0 || curve.cut == 4.0);
}

#[test]
fn extreme_fractions_by_interpolated_quantiles() {
    // Quantiles 0.3 and 0.7 of 0..=10 are 3 and 7: below the one, from the other on.
    let values: Vec<f64> = (0..=10).rev().map(f64::from).collect();
    let found = LabelRule::ExtremeFraction { fraction: 0.3 }.apply(&values).unwrap();
    let expected: Vec<Option<u8>> =
        values.iter().map(|&v| if v < 3.0 { Some(1) } else { (v >= 7.0).then_some(0) }).collect();
    assert_eq!(found.labels, expected);
    approx::assert_abs_diff_eq!(found.cut.unwrap(), 3.0, epsilon = 1e-12);
    approx::assert_abs_diff_eq!(found.upper_cut.unwrap(), 7.0, epsilon = 1e-12);
    assert_eq!((found.n_sensitive(), found.n_resistant(), found.n_unlabelled()), (3, 4, 4));
}

#[test]
fn z_score_uses_the_sample_deviation() {
    // Mean 3, deviation with n - 1 is sqrt(2.5) = 1.58: a threshold of -1 cuts at 1.42.
    let found = LabelRule::ZScore { threshold: -1.0 }.apply(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    approx::assert_abs_diff_eq!(found.cut.unwrap(), 3.0 - 2.5f64.sqrt(), epsilon = 1e-12);
    assert_eq!(found.labels, [Some(1), Some(0), Some(0), Some(0), Some(0)]);
    assert!(LabelRule::ZScore { threshold: 0.0 }.apply(&[2.0, 2.0]).is_err());
    assert!(LabelRule::ZScore { threshold: 0.0 }.apply(&[2.0]).is_err());
}

#[test]
fn every_rule_reads_what_it_writes() {
    for rule in ALL {
        assert_eq!(rule.to_string().parse::<LabelRule>().unwrap(), rule);
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<LabelRule>(&json).unwrap(), rule);
    }
    assert_eq!("waterfall".parse::<LabelRule>().unwrap(), LabelRule::default());
}

#[test]
fn unknown_forms_are_refused_with_the_known_ones() {
    for text in ["", "median", "extreme", "extreme:0.7", "extreme:x", "zscore:nan", "waterfall:2", "mean:1"] {
        let error = text.parse::<LabelRule>().unwrap_err().to_string();
        assert!(error.contains("extreme") || error.contains("use a"), "{text}: {error}");
    }
    let error = "median".parse::<LabelRule>().unwrap_err().to_string();
    for form in ["waterfall", "mean", "zscore", "extreme:"] {
        assert!(error.contains(form), "{error}");
    }
}

#[test]
fn unusable_values_are_refused() {
    for rule in ALL {
        assert!(rule.apply(&[]).is_err(), "{rule}");
        assert!(rule.apply(&[f64::NAN; 3]).is_err(), "{rule}");
        let error = rule.apply(&[1.0, f64::INFINITY, 2.0, 3.0, 4.0]).unwrap_err().to_string();
        assert!(error.contains("value 2 of 5"), "{error}");
    }
}

proptest! {
    #[test]
    fn sensitive_values_are_never_above_resistant_ones(
        values in prop::collection::vec(prop_oneof![9 => -5.0..5.0, 1 => Just(f64::NAN)], 4..60),
    ) {
        for rule in ALL {
            let Ok(found) = rule.apply(&values) else { continue };
            prop_assert_eq!(found.labels.len(), values.len());
            let of = |class: u8| {
                values.iter().zip(&found.labels).filter(move |(_, l)| **l == Some(class)).map(|(v, _)| *v)
            };
            let (highest, lowest) = (of(1).fold(f64::MIN, f64::max), of(0).fold(f64::MAX, f64::min));
            prop_assert!(highest <= lowest, "{}: {} {}", rule, highest, lowest);
            // Missing values have no label.
            prop_assert!(values.iter().zip(&found.labels).all(|(v, l)| !v.is_nan() || l.is_none()));
        }
    }

    #[test]
    fn the_order_of_the_cell_lines_does_not_matter(
        values in prop::collection::vec(-5.0..5.0, 4..40),
        turn in 0_usize..40,
    ) {
        let turn = turn % values.len();
        let mut turned = values.clone();
        turned.rotate_left(turn);
        for rule in ALL {
            let (Ok(a), Ok(b)) = (rule.apply(&values), rule.apply(&turned)) else { continue };
            let mut a = a.labels;
            a.rotate_left(turn);
            prop_assert_eq!(a, b.labels, "{}", rule);
        }
    }
}
