//! Cells whose label the method was given are not evaluated.

use std::collections::HashSet;

use super::{AuditInput, Check, Finding, Verdict, first};
use crate::{CompareError, Result};

/// Rows that are given against rows that are evaluated, and the labelled cells inside the task against both, by name. A
/// copy of a labelled cell under another name is not seen.
pub(super) fn check(input: &AuditInput<'_>) -> Result<Finding> {
    let names = input.target.expression.samples();
    let name_all = |what: &str, rows: &[usize]| -> Result<Vec<&str>> {
        let name = |&i: &usize| {
            names.get(i).map(String::as_str).ok_or_else(|| {
                CompareError::invalid(
                    "leak audit",
                    format!("{what} row {i} is not among the {} cells", names.len()),
                    "pass rows of the cells' file, from 0",
                )
            })
        };
        rows.iter().map(name).collect()
    };
    let evaluated: HashSet<&str> = name_all("evaluated", input.evaluated)?.into_iter().collect();
    let mut given = name_all("few-shot", input.few_shot)?;
    let declared: HashSet<&str> = given.iter().copied().collect();
    let cells = &input.task.target.cells;
    let few = input.task.few_shot.iter().flat_map(|f| &f.rows);
    let inside: Vec<&str> = few.filter_map(|&i| cells.get(i)).map(String::as_str).collect();
    let undeclared: Vec<&str> = inside.iter().copied().filter(|n| !declared.contains(n)).collect();
    given.extend(&undeclared);
    let mut seen = HashSet::new();
    let both: Vec<&str> = given.into_iter().filter(|n| seen.insert(*n) && evaluated.contains(n)).collect();
    let mut leaks = Vec::new();
    if !both.is_empty() {
        leaks.push(format!("{} cells with a given label are evaluated ({})", both.len(), first(&both)));
    }
    if !undeclared.is_empty() {
        leaks.push(format!(
            "the task holds labels of {} cells that are not said to be given ({})",
            undeclared.len(),
            first(&undeclared)
        ));
    }
    let counts = format!("{} cells with a given label, {} evaluated", seen.len(), evaluated.len());
    let (verdict, detail) = if !leaks.is_empty() {
        (Verdict::Leak, format!("{}; {counts}", leaks.join("; ")))
    } else if seen.is_empty() {
        (Verdict::NotApplicable, "the method was given no label of a cell".to_owned())
    } else {
        (Verdict::Passed, format!("{counts}: none is both; a copy of a cell under another name is not seen"))
    };
    Ok(Finding::new(Check::FewShotExcluded, verdict, detail))
}
