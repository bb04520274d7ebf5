//! Runs a group of cases and reports all failures at once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::{Case, golden_dir};

/// All cases of a group, in the order of the index; none, with a `SKIPPED` line, where the set is absent.
pub fn cases(group: &str) -> Vec<Case> {
    let Some(root) = golden_dir() else { return Vec::new() };
    let path = root.join("index.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let index: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let all = index["cases"].as_array().unwrap_or_else(|| panic!("{}: no list of cases", path.display()));
    let found: Vec<Case> = all.iter().filter(|c| c["group"] == group).map(|c| Case::new(&root, c)).collect();
    assert!(!found.is_empty(), "{} has no cases of group {group}", path.display());
    found
}

/// Runs `test` on every case of a group.
///
/// # Panics
/// At the end, with every failure: outputs that differ, outputs nobody checked, and panics inside `test`.
pub fn golden(group: &str, test: impl Fn(&Case)) {
    run(group, cases(group), test);
}

/// As [`golden`], on the cases whose prefix is among `prefixes` only (their number is printed): for a group that
/// several crates share.
pub fn golden_prefixes(group: &str, prefixes: &[&str], test: impl Fn(&Case)) {
    let all = cases(group);
    if all.is_empty() {
        return;
    }
    for prefix in prefixes {
        assert!(all.iter().any(|c| c.prefix() == *prefix), "group {group} has no case {prefix}__*");
    }
    let n = all.len();
    let chosen: Vec<Case> = all.into_iter().filter(|c| prefixes.contains(&c.prefix())).collect();
    eprintln!("{group}: {} of {n} cases are this crate's", chosen.len());
    run(group, chosen, test);
}

fn run(group: &str, cases: Vec<Case>, test: impl Fn(&Case)) {
    let n = cases.len();
    let mut failures = Vec::new();
    for case in cases {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| test(&case))) {
            let said = cause
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| cause.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            case.fail(format!("panicked: {said}"));
        }
        failures.extend(case.into_failures());
    }
    let shown = failures.iter().take(40).map(|f| format!("\n  {f}")).collect::<String>();
    assert!(failures.is_empty(), "golden group {group}, {n} cases: {} failures{shown}", failures.len());
    eprintln!("{group}: {n} golden cases agree");
}
