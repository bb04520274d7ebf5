//! The short form: checks are noted in the case itself, so that a test passes around one value.

use crate::case::{Case, cases};
use crate::compare::Got;
use crate::paths::skipped;
use crate::report::{Report, run_cases, run_group};

/// What a test said about its case.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Check { name: String, got: Got, f32_arithmetic: bool },
    Used(String),
    Failed(String),
}

/// As [`run_group`], for tests that note their checks in the [`Case`] instead of a [`Report`].
///
/// # Panics
/// If anything differs or was never checked.
pub fn golden(group: &str, test: impl Fn(&Case)) {
    run_group(group, |case, report| collect(case, report, &test));
}

/// As [`golden`], on the cases with these prefixes only: for a group that several crates share.
///
/// # Panics
/// If anything differs or was never checked, or if a prefix has no case.
pub fn golden_prefixes(group: &str, prefixes: &[&str], test: impl Fn(&Case)) {
    let mut cases = cases(group);
    if cases.is_empty() {
        return;
    }
    for prefix in prefixes {
        assert!(cases.iter().any(|c| c.prefix() == *prefix), "group {group} has no case {prefix}__*");
    }
    cases.retain(|c| prefixes.contains(&c.prefix()));
    run_cases(&cases, |case, report| collect(case, report, &test));
}

fn collect(case: &Case, report: &mut Report, test: &impl Fn(&Case)) {
    test(case);
    for note in case.notes.take() {
        match note {
            Note::Check { name, got, f32_arithmetic } => report.hold(case, &name, &got, f32_arithmetic),
            Note::Used(name) => report.used(case, &name),
            Note::Failed(what) => report.fail(case, &what),
        }
    }
}

impl Case {
    /// Holds `got` against an output, as [`Report::check`]. For tests run by [`golden`].
    pub fn check(&self, name: &str, got: impl Into<Got>) {
        self.note(Note::Check { name: name.to_owned(), got: got.into(), f32_arithmetic: false });
    }

    /// The same for code that computes in float32, as [`Report::check_f32`].
    pub fn check_f32(&self, name: &str, got: impl Into<Got>) {
        self.note(Note::Check { name: name.to_owned(), got: got.into(), f32_arithmetic: true });
    }

    /// The same for a result: an `Err` is right only where the reference raised.
    pub fn check_result<T: Into<Got>, E: std::fmt::Display>(&self, name: &str, got: Result<T, E>) {
        self.check(name, got);
    }

    /// Notes outputs that were checked by other means, or are inputs of the check (given draws).
    pub fn used(&self, names: &[&str]) {
        names.iter().for_each(|name| self.note(Note::Used((*name).to_owned())));
    }

    /// Notes outputs that the test leaves out, and says why on stderr.
    pub fn leave_out(&self, names: &[&str], why: &str) {
        skipped(&format!("{}/{}, output {}: {why}", self.group, self.name, names.join(", ")));
        self.used(names);
    }

    /// Notes that the case fails; its other checks still count.
    pub fn fail(&self, what: impl Into<String>) {
        self.note(Note::Failed(what.into()));
    }

    fn note(&self, note: Note) {
        self.notes.borrow_mut().push(note);
    }
}
