//! Every number in files that other programs read: CSV, and Parquet for the runs. The same input gives the same bytes.

use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use sensitome_data::{DataError, write};
use sensitome_eval::Metric;
use sensitome_eval::comparison::Summary;

use crate::interval::Estimate;
use crate::numbers::exact;
use crate::{CompareError, Comparison, Diagnosis, Leaderboard, Regret, Result, Role, Standing};

/// One metric of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// The task.
    pub task: String,
    /// What the task is for.
    pub role: Role,
    /// The method's label.
    pub method: String,
    /// The strategy's name.
    pub strategy: String,
    /// Labelled cells of each class.
    pub shots: usize,
    /// The seed.
    pub seed: u64,
    /// The draw.
    pub draw: usize,
    /// The metric. A run that failed has one row, of the primary metric.
    pub metric: String,
    /// Its value; none where it is undefined.
    pub value: Option<f64>,
    /// Why there is no value.
    pub reason: Option<String>,
}

impl Role {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Development => "development",
            Self::HeldOut => "held_out",
            Self::NegativeControl => "negative_control",
        }
    }
}

/// All runs in long form: by task and method in the experiment's order, shots, seed, draw and metric.
///
/// # Errors
/// When a run's task or method is not listed.
pub fn runs(comparison: &Comparison) -> Result<Vec<RunRow>> {
    let mut order = Vec::with_capacity(comparison.runs.len());
    for run in &comparison.runs {
        let task = comparison.tasks.iter().position(|t| t.name == run.task);
        let method = comparison.methods.iter().position(|m| m.label == run.method);
        let Some((task, method)) = task.zip(method) else {
            let what = format!("run of {} on {}", run.method, run.task);
            return Err(CompareError::invalid(
                what,
                "its task or method is not listed",
                "list it with the others",
            ));
        };
        order.push(((task, method, run.shots, run.seed, run.draw), run));
    }
    order.sort_by_key(|(key, _)| *key);
    let mut rows = Vec::new();
    for ((task, method, ..), run) in order {
        let row = |metric: &str, value: std::result::Result<f64, String>| RunRow {
            task: run.task.clone(),
            role: comparison.tasks[task].role,
            method: run.method.clone(),
            strategy: comparison.methods[method].strategy.clone(),
            shots: run.shots,
            seed: run.seed,
            draw: run.draw,
            metric: metric.to_owned(),
            value: value.as_ref().ok().copied(),
            reason: value.err(),
        };
        match &run.outcome {
            Err(why) => rows.push(row(&comparison.primary, Err(why.clone()))),
            Ok(measured) => {
                for (metric, value) in &measured.metrics {
                    rows.push(row(metric, finite(value)));
                }
            }
        }
    }
    Ok(rows)
}

fn finite(value: &Metric) -> std::result::Result<f64, String> {
    match value {
        Ok(v) if v.is_finite() => Ok(*v),
        Ok(v) => Err(format!("the value is {v}")),
        Err(e) => Err(e.to_string()),
    }
}

/// Writes [`runs`] as CSV.
///
/// # Errors
/// When it cannot be written.
pub fn runs_csv(path: &Path, rows: &[RunRow]) -> Result<()> {
    let header = ["task", "role", "method", "strategy", "shots", "seed", "draw", "metric", "value", "reason"];
    let line = |r: &RunRow| {
        [
            r.task.clone(),
            r.role.name().to_owned(),
            r.method.clone(),
            r.strategy.clone(),
            r.shots.to_string(),
            r.seed.to_string(),
            r.draw.to_string(),
            r.metric.clone(),
            exact(r.value),
            r.reason.clone().unwrap_or_default(),
        ]
    };
    Ok(write::csv(path, header.map(str::to_owned), rows.iter().map(line))?)
}

const SCHEMA: &str = "message runs {
    required binary task (STRING);
    required binary role (STRING);
    required binary method (STRING);
    required binary strategy (STRING);
    required int64 shots;
    required int64 seed (INTEGER(64, false));
    required int64 draw;
    required binary metric (STRING);
    optional double value;
    optional binary reason (STRING);
}";

/// Rows of one row group.
const GROUP: usize = 1 << 17;

/// Writes [`runs`] as Parquet, uncompressed.
///
/// # Errors
/// When it cannot be written.
pub fn runs_parquet(path: &Path, rows: &[RunRow]) -> Result<()> {
    let bytes = parquet_bytes(rows).map_err(|e| {
        CompareError::invalid(
            path.display().to_string(),
            format!("not written: {e}"),
            "please report this defect",
        )
    })?;
    save(path, &bytes)
}

/// Writes bytes; the file appears whole or not at all.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(write::atomic(path, |file| file.write_all(bytes).map_err(|e| DataError::io(path, "write", e)))?)
}

fn parquet_bytes(rows: &[RunRow]) -> std::result::Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    // Named, so that the file does not change with the library's version.
    let properties = WriterProperties::builder().set_created_by("sensitome".to_owned()).build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for rows in rows.chunks(GROUP) {
        let mut group = file.next_row_group()?;
        texts(&mut group, rows, |r| &r.task)?;
        texts(&mut group, rows, |r| r.role.name())?;
        texts(&mut group, rows, |r| &r.method)?;
        texts(&mut group, rows, |r| &r.strategy)?;
        // Parquet keeps unsigned numbers in the bits of signed ones.
        numbers(&mut group, rows, |r| r.shots as i64)?;
        numbers(&mut group, rows, |r| r.seed as i64)?;
        numbers(&mut group, rows, |r| r.draw as i64)?;
        texts(&mut group, rows, |r| &r.metric)?;
        column::<DoubleType>(
            &mut group,
            &rows.iter().filter_map(|r| r.value).collect::<Vec<_>>(),
            Some(&rows.iter().map(|r| i16::from(r.value.is_some())).collect::<Vec<_>>()),
        )?;
        optional_texts(&mut group, rows, |r| r.reason.as_deref())?;
        group.close()?;
    }
    file.into_inner()
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn column<T: parquet::data_type::DataType>(
    group: &mut Group,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> std::result::Result<(), ParquetError> {
    let missing = || ParquetError::General("more columns than the schema has".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn texts<'r>(
    group: &mut Group,
    rows: &'r [RunRow],
    of: impl Fn(&'r RunRow) -> &'r str,
) -> std::result::Result<(), ParquetError> {
    column::<ByteArrayType>(group, &rows.iter().map(|r| ByteArray::from(of(r))).collect::<Vec<_>>(), None)
}

fn optional_texts<'r>(
    group: &mut Group,
    rows: &'r [RunRow],
    of: impl Fn(&'r RunRow) -> Option<&'r str>,
) -> std::result::Result<(), ParquetError> {
    let values: Vec<ByteArray> = rows.iter().filter_map(|r| of(r).map(ByteArray::from)).collect();
    let levels: Vec<i16> = rows.iter().map(|r| i16::from(of(r).is_some())).collect();
    column::<ByteArrayType>(group, &values, Some(&levels))
}

fn numbers(
    group: &mut Group,
    rows: &[RunRow],
    of: impl Fn(&RunRow) -> i64,
) -> std::result::Result<(), ParquetError> {
    column::<Int64Type>(group, &rows.iter().map(of).collect::<Vec<_>>(), None)
}

/// Writes one line an entry: means, intervals, ranks, difference to ridge, tests. Entries that are not ranked are there
/// with the reason.
///
/// # Errors
/// When it cannot be written.
pub fn leaderboard_csv(path: &Path, boards: &[Leaderboard]) -> Result<()> {
    let header = "shots,entry,method,strategy,choice,status,mean_rank,tasks,fewest_seeds,most_seeds,mean,low,high,\
        between_tasks,within_tasks,development,held_out,to_ridge,to_ridge_low,to_ridge_high,wins,ties,losses,\
        p_against_best,p_holm,reason";
    let columns = header.split(',').count();
    let mut lines = Vec::new();
    for board in boards {
        lines.extend(board.all().map(|s| standing(board, s)));
        for (name, why) in &board.left_out {
            let Some(entry) =
                board.tasks.iter().flat_map(|t| &t.rows).map(|r| &r.entry).find(|e| e.name == *name)
            else {
                continue;
            };
            let mut line = vec![String::new(); columns];
            let known = [&board.shots.to_string(), name, &entry.method, &entry.strategy, entry.choice.name()];
            line.iter_mut().zip(known.map(str::to_owned)).for_each(|(to, from)| *to = from);
            line[5] = "not_ranked".to_owned();
            line[columns - 1].clone_from(why);
            lines.push(line);
        }
    }
    Ok(write::csv(path, header.split(',').map(str::to_owned), lines)?)
}

fn standing(board: &Leaderboard, s: &Standing) -> Vec<String> {
    let interval =
        |i: &Metric<(f64, f64)>| [i.as_ref().ok().map(|i| i.0), i.as_ref().ok().map(|i| i.1)].map(exact);
    let mean = |s: &Option<Summary>| exact(s.as_ref().map(|s| s.mean));
    let [low, high] = interval(&s.summary.interval);
    let [ridge_low, ridge_high] = s.to_ridge.as_ref().map(|c| interval(&c.interval)).unwrap_or_default();
    let tally =
        s.to_ridge.as_ref().map(|c| [c.tally.wins, c.tally.ties, c.tally.losses].map(|n| n.to_string()));
    let [wins, ties, losses] = tally.unwrap_or_default();
    vec![
        board.shots.to_string(),
        s.entry.name.clone(),
        s.entry.method.clone(),
        s.entry.strategy.clone(),
        s.entry.choice.name().to_owned(),
        if s.rank.is_some() { "ranked" } else { "oracle" }.to_owned(),
        exact(s.rank),
        s.summary.tasks.to_string(),
        s.summary.seeds.0.to_string(),
        s.summary.seeds.1.to_string(),
        exact(Some(s.summary.mean)),
        low,
        high,
        exact(s.summary.between_tasks.as_ref().ok().copied()),
        exact(s.summary.within_tasks.as_ref().ok().copied()),
        mean(&s.development),
        mean(&s.held_out),
        exact(s.to_ridge.as_ref().map(|c| c.difference)),
        ridge_low,
        ridge_high,
        wins,
        ties,
        losses,
        exact(s.against_best.map(|p| p[0])),
        exact(s.against_best.map(|p| p[1])),
        String::new(),
    ]
}

/// Writes one line a task and entry.
///
/// # Errors
/// When it cannot be written.
pub fn tasks_csv(path: &Path, boards: &[Leaderboard]) -> Result<()> {
    let header =
        "shots,task,role,entry,method,strategy,choice,rank,seeds,mean,deviation,low,high,failed,reason";
    let mut lines = Vec::new();
    for board in boards {
        for task in &board.tasks {
            for row in &task.rows {
                let of = |f: &dyn Fn(&Estimate) -> f64| exact(row.interval.as_ref().ok().map(f));
                lines.push(vec![
                    board.shots.to_string(),
                    task.task.name.clone(),
                    task.task.role.name().to_owned(),
                    row.entry.name.clone(),
                    row.entry.method.clone(),
                    row.entry.strategy.clone(),
                    row.entry.choice.name().to_owned(),
                    exact(row.rank),
                    row.seeds.to_string(),
                    exact(row.mean),
                    exact(row.deviation),
                    of(&|e| e.low),
                    of(&|e| e.high),
                    row.failures.len().to_string(),
                    row.failures.first().map(|f| f.1.clone()).unwrap_or_default(),
                ]);
            }
        }
    }
    Ok(write::csv(path, header.split(',').map(str::to_owned), lines)?)
}

/// Writes one line a method, rule, task and seed.
///
/// # Errors
/// When it cannot be written.
pub fn regret_csv(path: &Path, regret: &Regret) -> Result<()> {
    let header = "shots,task,method,seed,rule,draw,value,oracle_draw,oracle,default,regret,reason";
    let lines = regret.chosen.iter().map(|c| {
        vec![
            c.shots.to_string(),
            c.task.clone(),
            c.method.clone(),
            c.seed.to_string(),
            c.rule.name().to_owned(),
            c.draw.as_ref().map(usize::to_string).unwrap_or_default(),
            exact(c.value),
            c.oracle.map(|o| o.0.to_string()).unwrap_or_default(),
            exact(c.oracle.map(|o| o.1)),
            exact(c.default),
            exact(c.regret),
            c.draw.as_ref().err().cloned().unwrap_or_default(),
        ]
    });
    Ok(write::csv(path, header.split(',').map(str::to_owned), lines)?)
}

/// Writes one line a task and method.
///
/// # Errors
/// When it cannot be written.
pub fn diagnosis_csv(path: &Path, diagnoses: &[Diagnosis]) -> Result<()> {
    let header = "shots,task,role,method,strategy,value,low,high,to_ridge,to_ridge_low,to_ridge_high,to_source_only,\
        to_source_only_low,to_source_only_high,separability_before,separability_after,source_share,estimated_share,\
        true_share,recall_drift_resistant,recall_drift_sensitive,collapsed,sentence";
    let lines = diagnoses.iter().map(|d| {
        let mut line = vec![
            d.shots.to_string(),
            d.task.clone(),
            d.role.name().to_owned(),
            d.method.clone(),
            d.strategy.clone(),
        ];
        for e in [Some(&d.value), d.to_ridge.as_ref(), d.to_source_only.as_ref()] {
            let e = e.and_then(|e| e.as_ref().ok());
            line.extend([e.map(|e| e.value), e.map(|e| e.low), e.map(|e| e.high)].map(exact));
        }
        line.extend(d.separability.map(exact));
        line.extend(
            [d.label_shift.map(|s| s.source), d.label_shift.map(|s| s.target), d.true_share].map(exact),
        );
        line.extend(d.recall_drift.map(exact));
        line.push(d.collapsed.map(|c| c.to_string()).unwrap_or_default());
        line.push(d.sentence.clone());
        line
    });
    Ok(write::csv(path, header.split(',').map(str::to_owned), lines)?)
}
