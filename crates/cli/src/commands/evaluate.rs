//! `sensitome evaluate`

use std::collections::HashMap;
use std::path::PathBuf;

use sensitome_data::read::{self, LabelTable, ReadOptions, Table};
use sensitome_eval as eval;
use serde_json::{Value, json};

use crate::output::{Output, Result, fail};

/// Compare predictions with known labels
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `sensitome predict` wrote (.csv or .h5ad)
    #[arg(long, value_name = "FILE")]
    predictions: PathBuf,
    /// Table of labels: 1 or sensitive, 0 or resistant
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Column of the table that holds the label [default: label, or the only one]
    #[arg(long)]
    label_column: Option<String>,
    /// Join the table to the cells by this annotation (cell_line, say) instead of the cell's name
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Column of the table to join on [default: the column of --by, or the first]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// Use only rows of the table with this value, column=value; repeat for several
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    filters: Vec<String>,
    /// Label 1 where the label column has this value, 0 elsewhere
    #[arg(long, value_name = "VALUE")]
    positive: Option<String>,
    /// Labelled cells that were given to `train`: left out, since the model has seen them
    #[arg(long, value_name = "FILE")]
    few_shot: Option<PathBuf>,
}

/// Scores of cells with their annotation columns.
struct Predicted {
    cells: Vec<String>,
    scores: Vec<f64>,
    classes: Vec<u8>,
    key: Option<Vec<String>>,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let predicted = read_predictions(args)?;
    let labels = read_labels(args)?;
    let seen =
        args.few_shot.as_ref().map_or_else(|| Ok(HashMap::new()), |path| LabelTable::new(path).read())?;
    if let Some(path) =
        args.few_shot.as_ref().filter(|_| !predicted.cells.iter().any(|c| seen.contains_key(c)))
    {
        return fail(format!(
            "{}: none of its {} cells is among the predicted ones; pass the file that was given to train",
            path.display(),
            seen.len()
        ));
    }
    let keys = predicted.key.as_ref().unwrap_or(&predicted.cells);
    let (mut y, mut scores, mut classes) = (Vec::new(), Vec::new(), Vec::new());
    for (i, key) in keys.iter().enumerate() {
        if let Some(&label) = labels.get(key).filter(|_| !seen.contains_key(&predicted.cells[i])) {
            y.push(label);
            scores.push(predicted.scores[i]);
            classes.push(predicted.classes[i]);
        }
    }
    if y.is_empty() {
        let example =
            |v: Vec<&String>| v.into_iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut names: Vec<&String> = labels.keys().collect();
        names.sort();
        return fail(format!(
            "{}: none of its {} labels belongs to a predicted cell (labels are for {}; predictions are for {}); join them by \
             an annotation with --by COLUMN, or name the table's key with --key",
            args.labels.display(),
            labels.len(),
            example(names),
            example(keys.iter().collect()),
        ));
    }
    let metrics = metrics(&y, &scores, &classes);
    let positives = y.iter().filter(|&&v| v == 1).count();
    let count =
        |truth: u8, said: u8| y.iter().zip(&classes).filter(|(t, p)| (**t, **p) == (truth, said)).count();
    let mut result = json!({
        "cells": predicted.cells.len(), "labelled": y.len(), "sensitive": positives,
        "prevalence": positives as f64 / y.len() as f64,
        "confusion_matrix": {
            "true_negative": count(0, 0), "false_positive": count(0, 1),
            "false_negative": count(1, 0), "true_positive": count(1, 1),
        },
    });
    for (name, value) in &metrics {
        result[*name] = match value {
            Ok(v) => json!(v),
            Err(reason) => json!({"undefined": reason.to_string()}),
        };
    }
    out.result(&result, || text(&result, &metrics, y.len(), predicted.cells.len(), positives));
    Ok(())
}

type Named = (&'static str, eval::Metric);

fn metrics(y: &[u8], scores: &[f64], classes: &[u8]) -> Vec<Named> {
    use eval::Average;
    let undefined = eval::ZeroDivision::Undefined;
    vec![
        ("auroc", eval::auroc(y, scores, None)),
        ("average_precision", eval::average_precision(y, scores, None)),
        ("accuracy", eval::accuracy(y, classes)),
        ("balanced_accuracy", eval::balanced_accuracy(y, classes)),
        ("precision", eval::precision(y, classes, Average::Binary, undefined)),
        ("recall", eval::recall(y, classes, Average::Binary, undefined)),
        ("f1", eval::f1(y, classes, Average::Binary, undefined)),
        ("f1_macro", eval::f1(y, classes, Average::Macro, undefined)),
        ("f1_weighted", eval::f1(y, classes, Average::Weighted, undefined)),
        ("mcc", eval::mcc(y, classes)),
    ]
}

fn text(result: &Value, metrics: &[Named], labelled: usize, cells: usize, positives: usize) -> String {
    let mut text = format!("{labelled} of {cells} cells have a label, {positives} sensitive\n");
    for (name, value) in metrics {
        match value {
            Ok(v) => text += &format!("{name:<18} {v:.4}\n"),
            Err(reason) => text += &format!("{name:<18} undefined: {reason}\n"),
        }
    }
    let c = &result["confusion_matrix"];
    text + &format!(
        "true sensitive {}, false sensitive {}, true resistant {}, false resistant {}",
        c["true_positive"], c["false_positive"], c["true_negative"], c["false_negative"]
    )
}

fn read_predictions(args: &Args) -> Result<Predicted> {
    let path = &args.predictions;
    let number = |text: &str, row: usize| {
        text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
            crate::output::CliError::Message(format!(
                "{}, row {row}: {text:?} is no score; pass the file that `sensitome predict` wrote",
                path.display()
            ))
        })
    };
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("h5ad")) {
        let (cells, _) = read::expression(path, &ReadOptions::default())?;
        let column = |name: &str| {
            cells.sample_columns().get(name).ok_or_else(|| {
                let known: Vec<&str> = cells.sample_columns().keys().map(String::as_str).collect();
                crate::output::CliError::Message(format!(
                    "{}: has no annotation {name}; it has {}",
                    path.display(),
                    known.join(", ")
                ))
            })
        };
        let (score, class) = (column("sensitome_score")?, column("sensitome_class")?);
        let n = cells.n_samples();
        let scores =
            (0..n).map(|i| number(&score.get(i).unwrap_or_default(), i + 1)).collect::<Result<_>>()?;
        let classes = (0..n).map(|i| u8::from(class.get(i).as_deref() == Some("sensitive"))).collect();
        let key = match &args.by {
            None => None,
            Some(by) => {
                let column = column(by)?;
                Some((0..n).map(|i| column.get(i).unwrap_or_default()).collect())
            }
        };
        return Ok(Predicted { cells: cells.samples().to_vec(), scores, classes, key });
    }
    let table = Table::read(path.as_path())?;
    let scores =
        table.column("score")?.iter().enumerate().map(|(i, v)| number(v, i + 2)).collect::<Result<_>>()?;
    let classes = table.column("class")?.iter().map(|v| u8::from(v == "1")).collect();
    let key = args.by.as_deref().map(|by| table.column(by).map(<[String]>::to_vec)).transpose()?;
    Ok(Predicted { cells: table.column("cell")?.to_vec(), scores, classes, key })
}

fn read_labels(args: &Args) -> Result<HashMap<String, u8>> {
    // Joined by an annotation, the table's column of that name is the key where it has one.
    let has = |column: &String| -> Result<bool> {
        Ok(args.key.is_none() && Table::read(args.labels.as_path())?.header().contains(column))
    };
    let by = match &args.by {
        Some(by) if has(by)? => Some(by.clone()),
        _ => None,
    };
    let filters = args.filters.iter().map(|f| match f.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => fail(format!("--where {f}: has no =; write column=value")),
    });
    let table = LabelTable {
        file: args.labels.clone(),
        key: args.key.clone().or(by),
        column: args.label_column.clone(),
        positive: args.positive.clone(),
        filters: filters.collect::<Result<_>>()?,
    };
    Ok(table.read()?)
}
