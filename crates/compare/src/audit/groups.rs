//! Training and validation rows of the sources are different samples of different groups.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;

use super::{Check, Finding, Source, Verdict, first};

/// Two rows are one sample where they differ by less than this, in SD of a gene (root mean square over genes): what
/// rounding to two decimals leaves. Of GDSC's 975 lines the two nearest are .32 apart (FLO1 and LB771HNC), the next .55,
/// the median pair 1.4.
const ALIKE: f64 = 0.02;
/// On fewer genes that vary, two samples may agree by chance.
const LEAST_GENES: usize = 10;

/// Names and groups are compared over all sources, since all training rows are learned from together and all validation
/// rows are selected on; names exactly as they are written. Expression is compared within a source, which has one
/// scaling; it finds copies under another name, not replicates or rescaled copies.
pub(super) fn check(sources: &[Source<'_>]) -> Finding {
    let rows = |pick: fn(&Source<'_>) -> usize| sources.iter().map(pick).sum::<usize>();
    let (train, validation) = (rows(|s| s.domain.train.len()), rows(|s| s.domain.validation.len()));
    if validation == 0 {
        let why = format!("there are no validation rows beside the {train} training rows");
        return Finding::new(Check::GroupsDisjoint, Verdict::NotApplicable, why);
    }
    let names = shared(sources, "sample", |s, i| s.domain.samples.get(i).map(String::as_str));
    let groups = shared(sources, "group", |s, i| s.groups.as_ref()?.get(i)?.as_deref());
    let mut compared = Vec::new();
    let mut copies = Vec::new();
    for source in sources {
        let (genes, found) = duplicates(source);
        compared.push(genes);
        copies.extend(found);
    }
    let mut leaks = Vec::new();
    for (what, found) in [
        ("share a sample name", &names),
        ("share a group", &groups),
        ("have the same expression to rounding", &copies),
    ] {
        if !found.is_empty() {
            leaks.push(format!("{} pairs {what} ({})", found.len(), first(found)));
        }
    }
    let grouped = if sources.iter().any(|s| s.groups.is_some()) {
        let of_source = |s: &Source<'_>| {
            let used = s.domain.train.iter().chain(&s.domain.validation);
            used.filter(|&&i| s.groups.as_ref().is_some_and(|g| g.get(i).is_none_or(Option::is_none))).count()
        };
        format!("groups are known for all but {}", sources.iter().map(of_source).sum::<usize>())
    } else {
        "no group column is given, so that samples of one patient or line under different names cannot be seen"
            .to_owned()
    };
    let looked = if compared.iter().all(|&g| g >= LEAST_GENES) {
        "expression compared within each source".to_owned()
    } else {
        format!("expression not compared where fewer than {LEAST_GENES} genes vary")
    };
    let base = format!("{train} training and {validation} validation rows; {grouped}; {looked}");
    if leaks.is_empty() {
        let detail = format!("{base}: none share a name, group or expression");
        return Finding::new(Check::GroupsDisjoint, Verdict::Passed, detail);
    }
    let detail = format!("of training and validation rows {}; {base}", leaks.join(", "));
    Finding::new(Check::GroupsDisjoint, Verdict::Leak, detail)
}

/// Validation rows whose key a training row has, in words.
fn shared<'a>(
    sources: &'a [Source<'a>],
    what: &str,
    key: impl Fn(&'a Source<'a>, usize) -> Option<&'a str>,
) -> Vec<String> {
    let mut trained: HashMap<&str, (&Source<'_>, usize)> = HashMap::new();
    for s in sources {
        for &i in &s.domain.train {
            if let Some(k) = key(s, i) {
                trained.entry(k).or_insert((s, i));
            }
        }
    }
    let mut out = Vec::new();
    for s in sources {
        for &i in &s.domain.validation {
            if let Some(k) = key(s, i)
                && let Some((other, j)) = trained.get(k)
            {
                let of = if other.domain.name == s.domain.name {
                    String::new()
                } else {
                    format!(" of {} and {}", other.domain.name, s.domain.name)
                };
                let (a, b) = (&other.domain.samples[*j], &s.domain.samples[i]);
                let who = if a == b { String::new() } else { format!(": {a} and {b}") };
                out.push(format!("{what} {k}{of}{who}"));
            }
        }
    }
    out
}

/// Genes that vary, and pairs of a training and a validation row that are one sample.
fn duplicates(source: &Source<'_>) -> (usize, Vec<String>) {
    let d = source.domain;
    let used: Vec<usize> = d.train.iter().chain(&d.validation).copied().collect();
    let n = used.len() as f64;
    let mut kept: Vec<(usize, f32)> = Vec::new();
    for (j, column) in d.expression.columns().into_iter().enumerate() {
        let mean = used.iter().map(|&i| f64::from(column[i])).sum::<f64>() / n;
        let variance = used.iter().map(|&i| (f64::from(column[i]) - mean).powi(2)).sum::<f64>() / n;
        // A gene that is constant up to rounding tells nothing.
        if variance.sqrt() > 1e-6 * (1.0 + mean.abs()) {
            kept.push((j, (1.0 / variance.sqrt()) as f32));
        }
    }
    if kept.len() < LEAST_GENES {
        return (kept.len(), Vec::new());
    }
    let in_sd = |rows: &[usize]| {
        Array2::from_shape_fn((rows.len(), kept.len()), |(r, k)| {
            let (j, per_sd) = kept[k];
            d.expression[[rows[r], j]] * per_sd
        })
    };
    let (train, validation) = (in_sd(&d.train), in_sd(&d.validation));
    let bound = (ALIKE * ALIKE * kept.len() as f64) as f32;
    let found: Vec<Vec<String>> = (0..validation.nrows())
        .into_par_iter()
        .map(|v| {
            let same = |t: &usize| alike(train.row(*t), validation.row(v), bound);
            let words = |t| format!("{} and {}", d.samples[d.train[t]], d.samples[d.validation[v]]);
            (0..train.nrows()).filter(same).map(words).collect()
        })
        .collect();
    (kept.len(), found.into_iter().flatten().collect())
}

/// Whether the squared distance is within the bound; stops as soon as it is not, after a few genes for most pairs.
fn alike(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>, bound: f32) -> bool {
    let mut sum = 0.0;
    for (x, y) in a.iter().zip(b) {
        sum += (x - y) * (x - y);
        if sum > bound {
            return false;
        }
    }
    true
}
