//! `sensitome inspect`

use std::path::{Path, PathBuf};

use sensitome_core_models::{ResponseModel, parse_device};
use sensitome_data::genes::{align, detect_ids};
use sensitome_data::read::{self, Table};
use sensitome_data::{Column, ExpressionMatrix, detect};
use serde_json::{Value, json};

use crate::inputs::{GeneArgs, ReadArgs};
use crate::output::{Output, Result};

/// Tell what a file is: format, shape, scale, gene names, annotations, overlap with another file or a model
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An expression file, a drug-response table, gene sets (.gmt) or a model
    file: PathBuf,
    /// A model or an expression file whose genes are compared
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    genes: GeneArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<()> {
    let value = describe(args, out)?;
    out.result(&value, || lines(&value, 0));
    Ok(())
}

fn describe(args: &Args, out: &Output) -> Result<Value> {
    let path = args.file.as_path();
    if is_model(path) {
        return model(path);
    }
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if name.ends_with(".gmt") || name.ends_with(".gmt.gz") {
        let sets = read::gmt(path)?;
        let sizes: Vec<usize> = sets.iter().map(|(_, s)| s.genes.len()).collect();
        return Ok(
            json!({"kind": "gene sets", "sets": sizes.len(), "smallest": sizes.iter().min(), "largest": sizes.iter().max()}),
        );
    }
    let text = [".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"].iter().any(|e| name.ends_with(e));
    if text && let Some(header) = header(path) {
        let has = |column: &str| header.iter().any(|h| h == column);
        if has("drug") && (has("auc") || has("ln_ic50")) {
            let r = read::response(path)?;
            return Ok(json!({"kind": "drug response", "rows": r.len(), "drugs": r.drugs().len(),
                "datasets": r.datasets().collect::<Vec<_>>(), "first_drugs": r.drugs().take(5).collect::<Vec<_>>()}));
        }
        if header.len() <= 12 && !numeric_rest(path) {
            return table(path);
        }
    }
    let matrix = args.read.read(path, out)?;
    let (named, renamed) = args.genes.symbols(&path.display().to_string(), &matrix, out)?;
    let mut value = expression(&matrix);
    if !renamed.is_empty() {
        value["genes_renamed"] = json!(renamed.len());
    }
    if let Some(against) = &args.against {
        let other = if is_model(against) {
            ResponseModel::load(against, &device()?)?.genes().to_vec()
        } else {
            let (m, _) =
                args.genes.symbols(&against.display().to_string(), &args.read.read(against, out)?, out)?;
            m.genes().to_vec()
        };
        let alignment = align(named.genes(), &other, 0.0)?;
        value["overlap"] = json!({"against": against.display().to_string(), "shared": alignment.genes.len(),
            "of_this": named.n_genes(), "of_other": other.len()});
    }
    Ok(value)
}

fn device() -> Result<sensitome_core_models::Device> {
    let name = sensitome_core_models::available_devices().first().copied().unwrap_or("flex");
    Ok(parse_device(name)?)
}

/// A safetensors file begins with the length of its header and a brace.
fn is_model(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0u8; 9];
    std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut start)).is_ok()
        && start[8] == b'{'
        && start[5..8] == [0; 3]
}

fn header(path: &Path) -> Option<Vec<String>> {
    use std::io::{BufRead, BufReader};
    let mut line = String::new();
    BufReader::new(sensitome_data::Input::from(path).reader().ok()?).read_line(&mut line).ok()?;
    let separator = if line.contains('\t') { '\t' } else { ',' };
    Some(line.trim_end().split(separator).map(|h| h.trim_matches('"').to_owned()).collect())
}

/// Whether every column but the first holds numbers: then a narrow table is a small expression file.
fn numeric_rest(path: &Path) -> bool {
    let Ok(table) = Table::read(path) else { return false };
    table.n_rows() > 0
        && table
            .header()
            .iter()
            .skip(1)
            .all(|h| table.column(h).is_ok_and(|c| c.iter().take(50).all(|v| v.parse::<f64>().is_ok())))
        && table.header().len() > 6
}

fn table(path: &Path) -> Result<Value> {
    let table = Table::read(path)?;
    let mut columns = serde_json::Map::new();
    for name in table.header() {
        let column = Column::category(table.column(name)?);
        columns.insert(name.clone(), summary(&column));
    }
    Ok(json!({"kind": "table", "rows": table.n_rows(), "columns": columns}))
}

fn model(path: &Path) -> Result<Value> {
    let m = ResponseModel::load(path, &device()?)?;
    Ok(json!({
        "kind": "model", "genes": m.genes().len(), "first_genes": &m.genes()[..m.genes().len().min(5)],
        "embedding": m.encoder().outputs(), "threshold": m.threshold(), "classes": m.class_names(),
        "cells_must_be": m.preprocessing().input.to_string(), "axes": m.axes(), "card": m.card(),
    }))
}

fn expression(m: &ExpressionMatrix) -> Value {
    let scale = detect::scale(m.values());
    let ids = detect_ids(m.genes());
    let sparse = matches!(m.values(), sensitome_data::Values::Sparse(_));
    let stored = m.values().stored().filter(|v| *v != 0.0).count() as f64;
    let columns: serde_json::Map<String, Value> =
        m.sample_columns().iter().map(|(k, c)| (k.clone(), summary(c))).collect();
    json!({
        "kind": "expression", "samples": m.n_samples(), "genes": m.n_genes(),
        "storage": if sparse { "sparse" } else { "dense" },
        "non_zero_share": stored / (m.n_samples() as f64 * m.n_genes() as f64).max(1.0),
        "scale": scale.scale.to_string(), "scale_evidence": scale.evidence,
        "gene_names": ids.to_string(),
        "first_samples": &m.samples()[..m.n_samples().min(3)], "first_genes": &m.genes()[..m.n_genes().min(3)],
        "sample_annotations": columns, "gene_annotations": m.gene_columns().keys().collect::<Vec<_>>(),
    })
}

fn summary(column: &Column) -> Value {
    match column {
        Column::Number(v) => {
            let known: Vec<f64> = v.iter().copied().filter(|x| !x.is_nan()).collect();
            let (low, high) =
                known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
            if known.is_empty() {
                json!("no numbers")
            } else {
                json!(format!("numbers from {low} to {high}"))
            }
        }
        _ => {
            let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
            (0..column.len())
                .for_each(|i| *counts.entry(column.get(i).unwrap_or_default()).or_insert(0) += 1);
            if counts.len() > 12 {
                json!(format!("{} different values", counts.len()))
            } else {
                json!(counts.iter().map(|(k, n)| format!("{k} ({n})")).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// JSON as indented lines for people.
fn lines(value: &Value, indent: usize) -> String {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| match v {
                Value::Object(inner) if inner.is_empty() => String::new(),
                Value::Object(_) => format!("{pad}{}:\n{}", k.replace('_', " "), lines(v, indent + 1)),
                _ => format!("{pad}{}: {}\n", k.replace('_', " "), lines(v, 0)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(|v| lines(v, 0)).collect::<Vec<_>>().join(", "),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}
