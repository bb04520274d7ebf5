//! The lines that the cells come from are not among the samples of the source.

use std::collections::{HashMap, HashSet};

use super::{AuditInput, Check, Finding, Source, Verdict, first};

/// A name in capitals, letters and digits only: `NCI-H1975` and `nci_h1975` are one line. So are `T-T` and `TT`, which
/// are two: where it matters, the finding shows both spellings.
fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The forms under which a sample is known: its name, and for names as CCLE writes them (`A375_SKIN`) the part before
/// the tissue.
fn forms(name: &str) -> Vec<String> {
    let mut out = vec![normal(name)];
    if let Some((line, tissue)) = name.split_once('_')
        && !tissue.is_empty()
        && tissue.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    {
        out.push(normal(line));
    }
    out.retain(|f| !f.is_empty());
    out
}

/// The names of `target_lines` and of `exclude` against every sample that is in the prepared sources, labelled or not,
/// and against its group. Lines are known by name only: a line under an identifier or another name is not seen here,
/// and what lines the cells' own names speak of is not guessed.
pub(super) fn check(input: &AuditInput<'_>, sources: &[Source<'_>]) -> Finding {
    let mut samples: HashMap<String, Vec<String>> = HashMap::new();
    for s in sources {
        for (i, name) in s.domain.samples.iter().enumerate() {
            let group = s.groups.as_ref().and_then(|g| g.get(i)?.as_deref());
            let mut keys: HashSet<String> = forms(name).into_iter().collect();
            keys.extend(group.map(forms).unwrap_or_default());
            let words = match group {
                Some(group) if group != name => format!("{name} of {} (group {group})", s.domain.name),
                _ => format!("{name} of {}", s.domain.name),
            };
            for key in keys {
                samples.entry(key).or_default().push(words.clone());
            }
        }
    }
    let mut seen = HashSet::new();
    let still_there = |names: &[String], seen: &mut HashSet<String>| -> Vec<String> {
        let fresh = names.iter().filter(|n| seen.insert(normal(n)));
        fresh
            .flat_map(|n| samples.get(&normal(n)).into_iter().flatten().map(move |s| format!("{n}: {s}")))
            .collect()
    };
    let lines = still_there(input.target_lines, &mut seen);
    let n_lines = seen.iter().filter(|s| !s.is_empty()).count();
    let excluded = still_there(&input.options.exclude, &mut seen);
    let mut leaks = Vec::new();
    if !lines.is_empty() {
        leaks.push(format!(
            "{} samples of the source are lines of the cells ({})",
            lines.len(),
            first(&lines)
        ));
    }
    if !excluded.is_empty() {
        leaks.push(format!(
            "{} samples of the source are named by `exclude`, in another spelling or put back ({})",
            excluded.len(),
            first(&excluded)
        ));
    }
    let n_samples: usize = sources.iter().map(|s| s.domain.samples.len()).sum();
    if !leaks.is_empty() {
        let detail =
            format!("{}; {n_samples} samples, names compared by capitals and digits", leaks.join("; "));
        return Finding::new(Check::TargetLinesAbsent, Verdict::Leak, detail);
    }
    if n_lines == 0 {
        let exclude = match input.options.exclude.len() {
            0 => String::new(),
            n => format!(
                "; the {n} names of `exclude` are gone, but whether the cells come from them is not said"
            ),
        };
        let why = format!("no line that the cells come from is known{exclude}");
        return Finding::new(Check::TargetLinesAbsent, Verdict::NotApplicable, why);
    }
    let before: HashSet<String> =
        sources.iter().flat_map(|s| s.raw.expression.samples()).flat_map(|n| forms(n)).collect();
    let lines: HashSet<String> = input.target_lines.iter().map(|n| normal(n)).collect();
    let left_out = lines.iter().filter(|n| before.contains(*n)).count();
    let detail = format!(
        "none of {n_lines} lines is among the {n_samples} samples of the source, compared by capitals and digits \
         ({left_out} were in its file and left out, {} never were there under such a name); a line under an identifier \
         or another name is not seen",
        n_lines - left_out
    );
    Finding::new(Check::TargetLinesAbsent, Verdict::Passed, detail)
}
