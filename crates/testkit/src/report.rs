//! Collects what is wrong over all cases of a group, and fails once, with everything.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::case::{Case, cases};
use crate::compare::Got;

/// The failures of one golden test.
#[derive(Debug, Default)]
pub struct Report {
    failures: Vec<String>,
    checked: BTreeSet<(String, String)>,
    /// Every check allows for single precision.
    single: bool,
}

/// Runs every case of a group through `run` and panics at the end with all that differs, all that
/// was never checked and all cases that panicked. Without the fixtures: a `SKIPPED` line.
///
/// # Panics
/// If anything differs.
pub fn run_group(group: &str, run: impl Fn(&Case, &mut Report)) {
    run_cases(&cases(group), run);
}

/// As [`run_group`], for code that computes on the [`device`](crate::device) of the tests: where that has no double
/// precision, every check allows for it.
///
/// # Panics
/// If anything differs.
pub fn run_group_on_device(group: &str, run: impl Fn(&Case, &mut Report)) {
    let report = Report { single: !crate::device::has_doubles(), ..Report::default() };
    report.run_all(&cases(group), run);
}

pub(crate) fn run_cases(cases: &[Case], run: impl Fn(&Case, &mut Report)) {
    Report::default().run_all(cases, run);
}

impl Report {
    fn run_all(mut self, cases: &[Case], run: impl Fn(&Case, &mut Self)) {
        for case in cases {
            self.run(case, &run);
        }
        self.finish();
    }

    /// Runs one case, and demands that all its outputs were checked.
    pub fn run(&mut self, case: &Case, run: impl Fn(&Case, &mut Self)) {
        let before = self.failures.len();
        let panicked = catch_unwind(AssertUnwindSafe(|| run(case, self))).is_err();
        if panicked {
            self.fail(case, "panicked; see the message above");
        }
        if self.failures.len() > before {
            return;
        }
        for name in case.output_names() {
            let key = (case.name.clone(), name.to_owned());
            if !case.do_not_compare(name) && !self.checked.contains(&key) {
                self.fail(case, &format!("output {name} was never checked"));
            }
        }
    }

    /// Holds `got` against an output at the tolerance of the fixture.
    pub fn check(&mut self, case: &Case, name: &str, got: impl Into<Got>) {
        self.hold(case, name, &got.into(), false);
    }

    /// The same for code that computes in float32: within 1e-5 where the fixture is stricter.
    pub fn check_f32(&mut self, case: &Case, name: &str, got: impl Into<Got>) {
        self.hold(case, name, &got.into(), true);
    }

    /// Holds the outcome of a call against an expected error: only `Err` passes.
    pub fn check_error<T, E: std::fmt::Display>(&mut self, case: &Case, name: &str, got: &Result<T, E>) {
        let got = match got {
            Ok(_) => Got::Numbers { shape: None, data: Vec::new() },
            Err(error) => Got::Error(error.to_string()),
        };
        self.hold(case, name, &got, false);
    }

    /// Notes that an output was checked by other means: an invariant, or as an input of the check.
    pub fn used(&mut self, case: &Case, name: &str) {
        assert!(case.has_output(name), "{}: no output {name}", case.name);
        self.checked.insert((case.name.clone(), name.to_owned()));
    }

    /// A condition that must hold for a case.
    pub fn require(&mut self, case: &Case, holds: bool, what: &str) {
        if !holds {
            self.fail(case, &format!("does not hold: {what}"));
        }
    }

    /// A case that no code is written for: fails.
    pub fn unknown(&mut self, case: &Case) {
        self.fail(case, &format!("no test knows the prefix {}", case.prefix()));
    }

    /// Ends the test.
    ///
    /// # Panics
    /// With the list of failures, if there is one.
    pub fn finish(self) {
        assert!(self.failures.is_empty(), "{} failures\n{}", self.failures.len(), self.failures.join("\n"));
    }

    pub(crate) fn fail(&mut self, case: &Case, what: &str) {
        self.failures.push(format!("{}/{}: {what}", case.group, case.name));
    }

    pub(crate) fn hold(&mut self, case: &Case, name: &str, got: &Got, f32_arithmetic: bool) {
        self.used(case, name);
        if case.do_not_compare(name) {
            return;
        }
        if let Err(problem) = compare(case, name, got, f32_arithmetic || self.single) {
            self.fail(case, &format!("{name}: {problem}"));
        }
    }
}

fn compare(case: &Case, name: &str, got: &Got, f32_arithmetic: bool) -> Result<(), String> {
    let tolerance = case.tolerance(name);
    let tolerance = if f32_arithmetic { tolerance.for_f32() } else { tolerance };
    if case.expects_error(name) {
        return match got {
            Got::Error(_) => Ok(()),
            _ => Err(format!("no error, expected one: {}", case.expected_scalar(name)["message"])),
        };
    }
    match case.kind_of(name) {
        "npy" | "csr" => {
            let expected = case.expected_array(name);
            tolerance.arrays(&got.shaped(expected.shape())?, &expected)
        }
        "scalar" => {
            let expected = case.expected_array_or_scalar(name);
            let got = match got {
                // An array without axes is a number too.
                Got::Numbers { data, .. } => Got::Numbers { shape: None, data: data.clone() },
                other => other.clone(),
            };
            tolerance.arrays(&got.shaped(&[1])?, &expected)
        }
        "json" => {
            let expected = case.expected_words(name);
            match got {
                Got::Words(words) if *words == expected => Ok(()),
                other => Err(format!("got {other:?}, expected {expected:?}")),
            }
        }
        kind => Err(format!("cannot compare outputs of kind {kind}")),
    }
}
