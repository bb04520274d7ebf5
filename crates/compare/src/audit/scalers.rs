//! The source's scaling was fitted on its training rows only.

use ndarray::Array2;
use sensitome_data::{Scaling, SourceDomain};

use super::{AuditInput, Check, Finding, Verdict, first};

/// How far a mean, SD, least or greatest value may be off: well above the rounding of `f32`, well below what one
/// sample more in a thousand moves.
const WITHIN: f64 = 1e-5;

/// Some rows of some matrices over the same genes.
type Parts<'a> = Vec<(&'a Array2<f32>, Vec<usize>)>;

/// What a scaling may have been fitted on.
struct Suspect<'a> {
    words: String,
    /// Whether it holds rows that nothing may be fitted on.
    leak: bool,
    parts: Parts<'a>,
}

/// What a scaling was fitted on shows in what it made: those rows, and in general no others, have mean 0 and SD 1
/// (z-score) or the range 0 to 1 (min-max) in every gene; genes that are constant there are 0. Where that is so on
/// rows that include validation rows and not on the training rows, or nowhere, it is a leak. Not seen: a min-max range
/// whose ends are all in training rows (it is the same scaling then), and choices made before scaling, such as genes.
pub(super) fn check(input: &AuditInput<'_>) -> Finding {
    let finding = |verdict, detail: String| Finding::new(Check::ScalersOnTrainingRows, verdict, detail);
    let task = input.task;
    let minmax = match input.options.scaling {
        Scaling::None => {
            let why = "values are taken as they are: no scaling was fitted";
            return finding(Verdict::NotApplicable, why.to_owned());
        }
        Scaling::Minmax => true,
        Scaling::Zscore | Scaling::ZscoreJoint => false,
    };
    let joint = input.options.scaling == Scaling::ZscoreJoint;
    let kind = if minmax { "the range 0 to 1" } else { "mean 0 and SD 1" };
    let domains: Vec<&SourceDomain> = task.sources.iter().collect();
    let cells = &task.target.expression;
    let groups: Vec<Vec<&SourceDomain>> =
        if joint { vec![domains.clone()] } else { domains.iter().map(|d| vec![*d]).collect() };
    let mut leaks = Vec::new();
    let mut notes = Vec::new();
    for group in groups {
        let who =
            if joint { "all sources".to_owned() } else { group.iter().map(|d| d.name.as_str()).collect() };
        let suspects = suspects(&group, &domains, cells, joint);
        let off: Vec<usize> = suspects.iter().map(|s| misfit(&s.parts, minmax)).collect();
        match suspects.iter().zip(&off).find(|(_, off)| **off == 0).map(|(s, _)| s) {
            Some(s) if s.leak => leaks.push(format!(
                "{who}: fitted on {}, which have {kind} in all {} genes; on the {} {} genes are off",
                s.words,
                task.n_genes(),
                suspects[0].words,
                off[0]
            )),
            Some(s) => notes.push(format!("{who}: {kind} in all {} genes on the {}", task.n_genes(), s.words)),
            None => leaks.push(format!(
                "{who}: {} of {} genes do not have {kind} on the {}, nor on any other rows that were tried: what the \
                 scaling was fitted on cannot be told, but not on those alone",
                off[0],
                task.n_genes(),
                suspects[0].words
            )),
        }
    }
    if !leaks.is_empty() {
        return finding(Verdict::Leak, first(&leaks));
    }
    let target = if joint {
        String::new()
    } else {
        match genes_off(&[(cells, (0..cells.nrows()).collect())], minmax) {
            0 => format!(
                "; the cells' own scaling was fitted on all {} cells, without labels (transductive)",
                cells.nrows()
            ),
            off => format!(
                "; the cells were scaled otherwise than by their own values ({off} genes are off), which is no leak"
            ),
        }
    };
    finding(Verdict::Passed, format!("{}{target}", notes.join("; ")))
}

/// What should have been fitted on first, then what could have been, the harmless before the others.
fn suspects<'a>(
    group: &[&'a SourceDomain],
    all: &[&'a SourceDomain],
    cells: &'a Array2<f32>,
    joint: bool,
) -> Vec<Suspect<'a>> {
    let train = |d: &SourceDomain| d.train.clone();
    let labelled = |d: &SourceDomain| d.train.iter().chain(&d.validation).copied().collect::<Vec<_>>();
    let every = |d: &SourceDomain| (0..d.samples.len()).collect::<Vec<_>>();
    let rows = |of: &[&'a SourceDomain], pick: &dyn Fn(&SourceDomain) -> Vec<usize>, with_cells: bool| {
        let mut parts: Parts<'a> = of.iter().map(|d| (&d.expression, pick(d))).collect();
        if with_cells {
            parts.push((cells, (0..cells.nrows()).collect()));
        }
        parts
    };
    let suspect = |what: &str, leak: bool, with_cells: bool, parts: Parts<'a>| {
        let n: usize = parts.iter().map(|p| p.1.len()).sum();
        let cells = if with_cells { " and cells" } else { "" };
        Suspect { words: format!("{n} {what}{cells}"), leak, parts }
    };
    let mut out = Vec::new();
    for with_cells in [joint, !joint] {
        let parts = rows(group, &train, with_cells);
        out.push(suspect("training rows", false, with_cells, parts));
        if all.len() > group.len() {
            let parts = rows(all, &train, with_cells);
            out.push(suspect("training rows of all sources", false, with_cells, parts));
        }
    }
    for with_cells in [joint, !joint] {
        for (of, whose) in [(group, ""), (all, " of all sources")] {
            if whose.is_empty() || all.len() > group.len() {
                let parts = rows(of, &labelled, with_cells);
                out.push(suspect(&format!("training and validation rows{whose}"), true, with_cells, parts));
                let parts = rows(of, &every, with_cells);
                out.push(suspect(&format!("rows of any kind{whose}"), true, with_cells, parts));
            }
        }
    }
    out
}

/// Number of genes that tell against one scaling for all parts, or one for each. Parts that fit alone beside parts that
/// do not were not scaled together, whatever all of them look like: cells from 0 to 1 hide any range inside.
fn misfit(parts: &Parts<'_>, minmax: bool) -> usize {
    let together = genes_off(parts, minmax);
    let alone: Vec<usize> = parts.iter().map(|p| genes_off(std::slice::from_ref(p), minmax)).collect();
    let most = alone.iter().copied().max().unwrap_or(0);
    match alone.iter().filter(|off| **off == 0).count() {
        0 => together,
        _ => most,
    }
}

/// Number of genes that a scaling fitted on these rows would not have left so.
fn genes_off(parts: &[(&Array2<f32>, Vec<usize>)], minmax: bool) -> usize {
    let Some(genes) = parts.first().map(|p| p.0.ncols()) else { return 0 };
    let n: usize = parts.iter().map(|p| p.1.len()).sum();
    if n == 0 {
        return 0;
    }
    let each = |f: &mut dyn FnMut(usize, f64)| {
        for (x, rows) in parts {
            for &i in rows {
                x.row(i).iter().enumerate().for_each(|(j, &v)| f(j, f64::from(v)));
            }
        }
    };
    if minmax {
        let mut range = vec![(f64::INFINITY, f64::NEG_INFINITY); genes];
        each(&mut |j, v| range[j] = (range[j].0.min(v), range[j].1.max(v)));
        let fits = |&&(low, high): &&(f64, f64)| {
            low.abs() <= WITHIN && ((high - 1.0).abs() <= WITHIN || high.abs() <= 1e-6)
        };
        return genes - range.iter().filter(fits).count();
    }
    let mut mean = vec![0.0; genes];
    each(&mut |j, v| mean[j] += v / n as f64);
    let mut variance = vec![0.0; genes];
    each(&mut |j, v| variance[j] += (v - mean[j]).powi(2) / n as f64);
    let fits = |(m, v): &(&f64, &f64)| {
        let sd = v.sqrt();
        m.abs() <= WITHIN && ((sd - 1.0).abs() <= WITHIN || sd <= 1e-6)
    };
    genes - mean.iter().zip(&variance).filter(fits).count()
}
