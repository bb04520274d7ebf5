//! The results as a page that people read.

use std::collections::BTreeMap;
use std::fmt::Write;

use sensitome_eval::Metric;
use sensitome_eval::comparison::Summary;

use crate::audit::{Check, Verdict};
use crate::interval::{CELLS_DRAWN_FOR, Estimate, LEVEL, REPLICATES};
use crate::numbers::{p_value, plain, rank, short, short_estimate, short_interval};
use crate::{Choice, Diagnosis, Leaderboard, Regret, Report, Role, Standing, TaskBoard};

/// The whole page: tasks, leaderboards with ranks and critical differences, tasks one by one with a sentence on every
/// method, regret of the selection rules, and what failed.
pub fn markdown(report: &Report) -> String {
    let comparison = report.comparison;
    let mut page = Page::default();
    page.line(&format!("# {}", text(&comparison.name)));
    page.paragraph(&how_to_read(report));
    tasks(&mut page, report);
    leaks(&mut page, report);
    for board in &report.boards {
        leaderboard(&mut page, report, board);
    }
    regret(&mut page, &report.regret, report.boards.len() > 1);
    for board in &report.boards {
        for task in &board.tasks {
            one_task(&mut page, report, board, task);
        }
    }
    failures(&mut page, report);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn paragraph(&mut self, words: &str) {
        if !words.is_empty() {
            self.line("");
            self.line(words);
        }
    }

    fn heading(&mut self, words: &str) {
        self.paragraph(&format!("## {words}"));
    }

    fn table(&mut self, header: &[String], rows: &[Vec<String>]) {
        if rows.is_empty() {
            return;
        }
        self.line("");
        self.row(header);
        self.line(&format!("|{}", " --- |".repeat(header.len())));
        rows.iter().for_each(|row| self.row(row));
    }

    fn row(&mut self, cells: &[String]) {
        let mut line = "|".to_owned();
        for cell in cells {
            let _ = write!(line, " {} |", text(cell));
        }
        self.line(&line);
    }
}

/// One line, nothing in it that Markdown would take for a table or a tag.
fn text(words: &str) -> String {
    let one_line: Vec<&str> = words.split_whitespace().collect();
    one_line.join(" ").replace('|', "\\|").replace('<', "&lt;")
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// "1 run", "2 runs".
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn how_to_read(report: &Report) -> String {
    let metric = &report.comparison.primary;
    let drawn = if metric == CELLS_DRAWN_FOR { "seeds and cells" } else { "seeds" };
    let percent = plain(LEVEL * 100.0, 0);
    let mut words = format!(
        "Numbers are {metric}, larger is better, with {percent} % intervals in brackets: per task from {REPLICATES} \
         bootstrap replicates over {drawn}, over tasks by Student's t over task means. Seeds are averaged first; the task is \
         the unit of evidence. Cells of one line resemble each other: a task's interval speaks of other cells of the same \
         lines. Negative controls are shown and not counted. An oracle looks at the labels; it is a reference and not ranked."
    );
    let has = |name: &&&str| report.comparison.methods.iter().any(|m| m.strategy == ***name);
    let missing: Vec<&str> = crate::grid::CONTROLS.iter().filter(|c| !has(c)).copied().collect();
    if !missing.is_empty() {
        let _ = write!(words, " This experiment has no {}: read it with care.", missing.join(", no "));
    }
    words
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Task => "counts",
        Role::Development => "counts; methods were developed on it",
        Role::HeldOut => "counts; held out",
        Role::NegativeControl => "**negative control**",
    }
}

fn tasks(page: &mut Page, report: &Report) {
    page.heading("Tasks");
    let rows = report.comparison.tasks.iter().map(|t| {
        let share = (t.labelled > 0).then(|| short(t.sensitive as f64 / t.labelled as f64, 2));
        vec![
            t.name.clone(),
            role(t.role).to_owned(),
            t.cells.to_string(),
            t.labelled.to_string(),
            format!("{} ({})", t.sensitive, share.unwrap_or_default()),
        ]
    });
    page.table(&strings(&["task", "role", "cells", "labelled", "sensitive"]), &rows.collect::<Vec<_>>());
}

/// What the leak audit found: leaks first, then how far it could look.
fn leaks(page: &mut Page, report: &Report) {
    let audits = &report.comparison.audits;
    if audits.is_empty() {
        return;
    }
    page.heading("Leak audit");
    let leaks = audits.iter().flat_map(|a| a.findings.iter().filter(|f| f.is_leak()).map(move |f| (a, f)));
    let leaks: Vec<String> = leaks
        .map(|(a, f)| format!("- **LEAK** in {}: {}: {}", text(&a.task), f.check, text(&f.detail)))
        .collect();
    if leaks.is_empty() {
        page.paragraph("Every check that could be made was passed: no leak was found.");
    } else {
        page.paragraph(&leaks.join("\n"));
    }
    let header = strings(&["check", "passed", "leak", "could not look"]);
    let rows = Check::ALL.map(|check| {
        let of = |verdict: Verdict| {
            let found =
                audits.iter().flat_map(|a| &a.findings).filter(|f| f.check == check && f.verdict == verdict);
            found.count().to_string()
        };
        vec![check.claim().to_owned(), of(Verdict::Passed), of(Verdict::Leak), of(Verdict::NotApplicable)]
    });
    page.table(&header, &rows);
    page.paragraph(
        "Counts are of tasks (and methods, for permuted labels); `audit.json` has the details of each.",
    );
}

fn shots(board: &Leaderboard, report: &Report) -> String {
    match board.shots {
        0 if report.boards.len() == 1 => String::new(),
        0 => ", no labelled cells".to_owned(),
        1 => ", 1 labelled cell of each class".to_owned(),
        n => format!(", {n} labelled cells of each class"),
    }
}

fn interval(i: &Metric<(f64, f64)>) -> Option<(f64, f64)> {
    i.as_ref().ok().copied()
}

/// Mean and interval over tasks, cut to what an AUROC can be; no interval from two tasks, which would say nothing.
fn over_tasks(board: &Leaderboard, summary: &Summary) -> String {
    let cut = |v: f64| if board.metric == CELLS_DRAWN_FOR { v.clamp(0.0, 1.0) } else { v };
    let interval = interval(&summary.interval).filter(|_| summary.tasks > 2);
    short_interval(summary.mean, interval.map(|(low, high)| (cut(low), cut(high))))
}

fn name(entry: &crate::Entry) -> String {
    match (entry.choice, crate::grid::CONTROLS.contains(&entry.method.as_str())) {
        (Choice::Oracle, _) => format!("*{}*", entry.name),
        (Choice::Given, true) => format!("**{}**", entry.name),
        _ => entry.name.clone(),
    }
}

fn leaderboard(page: &mut Page, report: &Report, board: &Leaderboard) {
    page.heading(&format!("Leaderboard{}", shots(board, report)));
    page.paragraph(&match board.counted.len() {
        1 => "Over the one task that counts.".to_owned(),
        n => format!("Over {n} tasks that count."),
    });
    let (development, held_out) = (board.has(Role::Development), board.has(Role::HeldOut));
    let mut header = strings(&["", "method", &board.metric, "mean rank"]);
    header.extend(development.then(|| "development".to_owned()));
    header.extend(held_out.then(|| "held out".to_owned()));
    header.extend(strings(&["to ridge", "wins / ties / losses to ridge", "p (Holm) against the best"]));
    let row = |(at, s): (Option<usize>, &Standing)| {
        let mut row = vec![
            at.map(|at| (at + 1).to_string()).unwrap_or_default(),
            name(&s.entry),
            over_tasks(board, &s.summary),
            s.rank.map_or_else(|| "not ranked".to_owned(), |r| plain(r, 2)),
        ];
        for (has, part) in [(development, &s.development), (held_out, &s.held_out)] {
            let words = part.as_ref().map(|p| over_tasks(board, p));
            row.extend(has.then(|| words.unwrap_or_default()));
        }
        let contrast = s.to_ridge.as_ref();
        row.push(contrast.map(|c| short_interval(c.difference, interval(&c.interval))).unwrap_or_default());
        let tally = contrast.map(|c| format!("{} / {} / {}", c.tally.wins, c.tally.ties, c.tally.losses));
        row.push(tally.unwrap_or_default());
        row.push(s.against_best.map(|p| p_value(p[1])).unwrap_or_default());
        row
    };
    let ranked = board.standings.iter().enumerate().map(|(at, s)| (Some(at), s));
    let rows: Vec<_> = ranked.chain(board.oracles.iter().map(|s| (None, s))).map(row).collect();
    page.table(&header, &rows);
    if !board.carried.is_empty() {
        page.paragraph(&format!(
            "{}: run without labelled cells, evaluated on the same cells.",
            text(&board.carried.join(", "))
        ));
    }
    page.paragraph(&significance(board));
    if !board.left_out.is_empty() {
        page.paragraph("Not ranked, for a mean over the runs that worked would flatter:");
        page.line("");
        for (entry, why) in &board.left_out {
            page.line(&format!("- {}: {}", text(entry), text(why)));
        }
    }
    for (task, why) in &board.set_aside {
        page.paragraph(&format!("{} is set aside: no method has a value there ({}).", text(task), text(why)));
    }
    means(page, report, board);
}

fn significance(board: &Leaderboard) -> String {
    let mut words = String::new();
    if let Ok(test) = &board.friedman {
        let p = match &test.f_test {
            Ok((_, p)) => format!("Iman and Davenport's p {}", p_value(*p)),
            Err(_) => format!("Friedman's p {}", p_value(test.p_value)),
        };
        let _ =
            write!(words, "Do the methods differ at all? {p} (chi-square {}). ", plain(test.chi_square, 1));
    }
    if let Ok(critical) = &board.critical {
        let _ = write!(
            words,
            "Mean ranks further apart than {} differ (Nemenyi, 0.05). ",
            plain(critical.difference, 2)
        );
        let groups: Vec<String> = critical
            .groups
            .iter()
            .map(|g| match (g.first(), g.last()) {
                (Some(first), Some(last)) => format!("{first} to {last} ({})", g.len()),
                _ => String::new(),
            })
            .collect();
        if groups.is_empty() {
            words.push_str("All can be told apart.");
        } else {
            let _ = write!(words, "Not told apart: {}.", text(&groups.join("; ")));
        }
    }
    words.trim_end().to_owned()
}

/// Entries × tasks, means only.
fn means(page: &mut Page, report: &Report, board: &Leaderboard) {
    let mut header = strings(&["method"]);
    header.extend(board.tasks.iter().map(|t| match t.task.role {
        Role::NegativeControl => format!("{} (negative control)", t.task.name),
        _ => t.task.name.clone(),
    }));
    let mut order: Vec<&crate::Entry> = board.all().map(|s| &s.entry).collect();
    let rest = report.grid.present(board.shots).into_iter().map(|at| &report.grid.entries()[at]);
    order.extend(rest.filter(|e| !board.all().any(|s| s.entry == **e)));
    let rows: Vec<Vec<String>> = order
        .into_iter()
        .map(|entry| {
            let of_task = |t: &TaskBoard| {
                let mean = t.rows.iter().find(|r| r.entry == *entry).and_then(|r| r.mean);
                mean.map_or_else(|| "failed".to_owned(), |m| short(m, 3))
            };
            std::iter::once(name(entry)).chain(board.tasks.iter().map(of_task)).collect()
        })
        .collect();
    page.paragraph(&format!("Means over seeds{}:", shots(board, report)));
    page.table(&header, &rows);
}

fn one_task(page: &mut Page, report: &Report, board: &Leaderboard, task: &TaskBoard) {
    let mark = if task.task.role == Role::NegativeControl { " (negative control)" } else { "" };
    page.heading(&format!("{}{mark}{}", text(&task.task.name), shots(board, report)));
    let said: BTreeMap<&str, &Diagnosis> = report
        .diagnoses
        .iter()
        .filter(|d| d.shots == board.shots && d.task == task.task.name)
        .map(|d| (d.method.as_str(), d))
        .collect();
    let gap = |gap: Option<&Metric<Estimate>>| match gap {
        Some(Ok(e)) => short_estimate(e),
        _ => String::new(),
    };
    let rows: Vec<Vec<String>> = task
        .rows
        .iter()
        .map(|row| {
            let diagnosis = said.get(row.entry.name.as_str());
            let value = row.mean.map(|m| match &row.interval {
                Ok(e) => short_estimate(e),
                Err(_) => short(m, 3),
            });
            let failed = row.failures.first().map(|f| format!("no result: {}", f.1));
            vec![
                row.rank.map(rank).unwrap_or_default(),
                name(&row.entry),
                value.unwrap_or_else(|| "failed".to_owned()),
                row.deviation.map(|d| short(d, 3)).unwrap_or_default(),
                gap(diagnosis.and_then(|d| d.to_ridge.as_ref())),
                gap(diagnosis.and_then(|d| d.to_source_only.as_ref())),
                diagnosis.map(|d| d.sentence.clone()).or(failed).unwrap_or_default(),
            ]
        })
        .collect();
    let header =
        ["rank", "method", &board.metric, "SD over seeds", "to ridge", "to source_only", "what this says"];
    page.table(&strings(&header), &rows);
}

fn regret(page: &mut Page, regret: &Regret, many: bool) {
    if regret.is_empty() {
        return;
    }
    page.heading("Regret of the selection rules");
    page.paragraph(
        "The best draw of a random search minus the draw that a rule without labels chose; means over tasks, seeds averaged \
         first. `default` is no search: the settings as given. The best draw is the oracle's, out of reach without labels.",
    );
    let mut header = strings(&["method", "rule", "chosen", "default", "*oracle*", "regret", "missing"]);
    if many {
        header.insert(1, "shots".to_owned());
    }
    let value = |v: Option<f64>| v.map(|v| short(v, 3)).unwrap_or_default();
    // Of two tasks the t interval is wider than the scale.
    let shown = |s: &Summary| interval(&s.interval).filter(|_| s.tasks > 2);
    let rows = regret.rules.iter().map(|r| {
        let mut row = vec![
            r.method.clone(),
            r.rule.name().to_owned(),
            value(r.value),
            value(r.default),
            value(r.oracle),
            r.regret.as_ref().map(|s| short_interval(s.mean, shown(s))).unwrap_or_default(),
            if r.missing > 0 { r.missing.to_string() } else { String::new() },
        ];
        if many {
            row.insert(1, r.shots.to_string());
        }
        row
    });
    page.table(&header, &rows.collect::<Vec<_>>());
}

/// Failed runs, by method and reason.
fn failures(page: &mut Page, report: &Report) {
    let mut reasons: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for run in &report.comparison.runs {
        if let Err(why) = &run.outcome {
            let at = format!("{} (shots {}, seed {}, draw {})", run.task, run.shots, run.seed, run.draw);
            reasons.entry((&run.method, why)).or_default().push(at);
        }
    }
    if reasons.is_empty() {
        return;
    }
    const SHOWN: usize = 3;
    page.heading("Failed runs");
    page.line("");
    for ((method, why), runs) in reasons {
        let more = runs.len().saturating_sub(SHOWN);
        let mut shown = runs.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if more > 0 {
            let _ = write!(shown, " and {more} more");
        }
        page.line(&format!(
            "- {}, {}: {}: {}",
            text(method),
            count(runs.len(), "run"),
            text(why),
            text(&shown)
        ));
    }
}
