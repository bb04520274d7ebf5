//! The harness itself: it passes what is right and fails what is wrong, forgotten or unknown.

use ndarray::{ArrayD, Axis};
use sensitome_testkit::{Case, Report, cases, golden, golden_prefixes};

/// Whether one case passes.
fn passes(case: &Case, run: impl Fn(&Case, &mut Report)) -> bool {
    let mut report = Report::default();
    report.run(case, run);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| report.finish())).is_ok()
}

/// Whether the expected outputs themselves pass once `change` was applied to each.
fn passes_changed(case: &Case, change: impl Fn(&str, &mut ArrayD<f64>)) -> bool {
    passes(case, |case, report| {
        for name in case.output_names() {
            let mut got = case.expected_array_or_scalar(name);
            change(name, &mut got);
            report.check(case, name, got);
        }
    })
}

fn find(group: &str, name: &str) -> Option<Case> {
    let cases = cases(group);
    if cases.is_empty() {
        return None;
    }
    let found = cases.into_iter().find(|c| c.name == name);
    assert!(found.is_some(), "no case {name} in group {group}");
    found
}

#[test]
fn values_within_the_tolerance_pass_and_others_fail() {
    let Some(case) = find("sampling", "class_weight__ordinary") else { return };
    let scale = |factor: f64| {
        move |name: &str, got: &mut ArrayD<f64>| {
            if name == "weights" {
                *got *= factor;
            }
        }
    };
    assert!(passes_changed(&case, |_, _| {}));
    assert!(passes_changed(&case, scale(1.0 + 1e-10)));
    assert!(!passes_changed(&case, scale(1.0 + 1e-7)));
    assert!(!passes_changed(&case, scale(f64::NAN)));
    // The integers beside them allow nothing.
    assert!(!passes_changed(&case, |name, got| {
        if name == "classes" {
            *got += 1e-10;
        }
    }));
}

#[test]
fn forgotten_unknown_and_panicking_cases_fail() {
    let Some(case) = find("sampling", "class_weight__ordinary") else { return };
    assert!(!passes(&case, |_, _| {}));
    assert!(!passes(&case, |case, report| report.unknown(case)));
    assert!(!passes(&case, |case, _| drop(case.f64s("no such input"))));
}

#[test]
fn errors_pass_only_where_they_are_expected() {
    let Some(case) = find("labels", "mean_threshold__all_nan") else { return };
    assert!(passes(&case, |c, r| r.check_error(c, "error", &Err::<(), _>("no values"))));
    assert!(!passes(&case, |c, r| r.check_error(c, "error", &Ok::<(), &str>(()))));
    let Some(case) = find("labels", "mean_threshold__small") else { return };
    assert!(!passes(&case, |c, r| {
        r.check(c, "cut", Err::<f64, _>("no values"));
        r.check(c, "labels", c.expected_array("labels"));
    }));
}

#[test]
fn signs_flip_by_vector_not_by_element() {
    let Some(case) = find("preprocessing", "pca__ordinary") else { return };
    let flip = |axis: usize| {
        move |name: &str, got: &mut ArrayD<f64>| {
            if name == "components" {
                got.index_axis_mut(Axis(axis), 1).mapv_inplace(|v| -v);
            }
        }
    };
    assert!(passes_changed(&case, flip(0)));
    assert!(!passes_changed(&case, flip(1)));
}

#[test]
fn a_mask_needs_the_stated_share_of_its_ones() {
    let Some(case) = find("preprocessing", "hvg__large") else { return };
    let drop_ones = |share: f64| {
        let case = case.clone();
        move |name: &str, got: &mut ArrayD<f64>| {
            if name == "seurat_v3_highly_variable" {
                let ones = case.expected_array(name).sum();
                let mut left = (ones * share) as usize;
                for v in got.iter_mut().filter(|v| **v == 1.0) {
                    if left > 0 {
                        *v = 0.0;
                        left -= 1;
                    }
                }
            }
        }
    };
    assert!(passes_changed(&case, drop_ones(0.05)));
    assert!(!passes_changed(&case, drop_ones(0.15)));
}

#[test]
fn infinities_equal_only_themselves() {
    let Some(case) = find("metrics", "labels__only_positives") else { return };
    let replace = |by: f64| {
        move |_: &str, got: &mut ArrayD<f64>| {
            got.mapv_inplace(|v| if v == f64::NEG_INFINITY { by } else { v });
        }
    };
    // Outputs that are errors are another test's.
    let case_has_numbers_only = case.output_names().iter().all(|n| !case.expects_error(n));
    assert!(case_has_numbers_only);
    assert!(passes_changed(&case, |_, _| {}));
    assert!(!passes_changed(&case, replace(f64::INFINITY)));
    assert!(!passes_changed(&case, replace(0.0)));
}

/// Whether a test in the short form passes.
fn golden_passes(test: impl Fn(&Case)) -> bool {
    let run = || golden_prefixes("sampling", &["class_weight"], &test);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok()
}

#[test]
fn the_short_form_passes_and_fails_like_the_long_one() {
    if cases("sampling").is_empty() {
        return;
    }
    let right = |case: &Case| {
        for name in case.output_names() {
            case.check(name, case.expected_array_or_scalar(name));
        }
    };
    assert!(golden_passes(right));
    // A shared case is run twice: nothing is left over from the first run.
    assert!(golden_passes(right));
    assert!(!golden_passes(|case| case.check("weights", case.expected_array("weights"))));
    assert!(!golden_passes(|case| {
        right(case);
        case.fail("for another reason");
    }));
    assert!(!golden_passes(|case| {
        right(case);
        case.check_result("weights", Err::<f64, _>("no weights"));
    }));
    let forgotten = std::panic::catch_unwind(|| golden("sampling", |_| {}));
    assert!(forgotten.is_err());
    let unknown = std::panic::catch_unwind(|| golden_prefixes("sampling", &["nothing"], |_| {}));
    assert!(unknown.is_err());
}

#[test]
fn a_mask_of_ones_does_not_overlap() {
    let Some(case) = find("preprocessing", "hvg__ordinary") else { return };
    assert!(passes_changed(&case, |_, _| {}));
    assert!(!passes_changed(&case, |name, got| {
        if name == "seurat_v3_highly_variable" {
            got.fill(1.0);
        }
    }));
    assert!(!passes_changed(&case, |name, got| {
        if name == "seurat_v3_highly_variable" {
            got.fill(0.0);
        }
    }));
}
