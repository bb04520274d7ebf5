//! The table of `docs/real-data.md`: four pairs of bulk screen and single cells, three methods, five seeds. Reads
//! `../shared/data` or the folder that `SENSITOME_DATA` names.
//!
//!     cargo run --release --example real_pairs [SEEDS]

#![allow(clippy::print_stdout)] // examples print

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use sensitome::data::genes::{Aliases, IdMap, to_symbols};
use sensitome::data::read::{Measure, ReadOptions, Table};
use sensitome::data::{Duplicates, ResponseTable, SourceInput, TargetInput};
use sensitome::prelude::*;

// Training allocates and frees the same few megabytes at every step; this allocator keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A drug, the screen it is learned from, the cells it is predicted for, and the source lines that are left out.
struct Pair {
    name: &'static str,
    drug: &'static str,
    dataset: &'static str,
    cells: &'static str,
    exclude: Exclude,
}

enum Exclude {
    Names(&'static [&'static str]),
    /// The `expression_id` column of a table.
    Table(&'static str),
}

const PAIRS: [Pair; 4] = [
    Pair {
        name: "PLX-4720, A375",
        drug: "PLX-4720",
        dataset: "GDSC1",
        cells: "sc_melanoma_a375_expression.csv.gz",
        exclude: Exclude::Names(&["A375"]),
    },
    Pair {
        name: "Gefitinib, JHU006",
        drug: "Gefitinib",
        dataset: "GDSC1",
        cells: "sc_hnscc_jhu006_expression.csv.gz",
        exclude: Exclude::Names(&[]),
    },
    Pair {
        name: "Cisplatin, breast atlas",
        drug: "Cisplatin",
        dataset: "GDSC1",
        cells: "sc_brca_atlas.h5ad",
        exclude: Exclude::Table("sc_brca_atlas.line_response.csv.gz"),
    },
    Pair {
        name: "Afatinib, lung lines",
        drug: "Afatinib",
        dataset: "GDSC2",
        cells: "sc_lung_celseq2_5cl.counts.csv.gz",
        exclude: Exclude::Table("sc_lung.line_response.csv.gz"),
    },
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(5), |s| s.parse())?;
    let folder =
        std::env::var_os("SENSITOME_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    if !folder.is_dir() {
        println!("SKIPPED: {} is not there; name the data with SENSITOME_DATA", folder.display());
        return Ok(());
    }
    let aliases = Aliases::read(folder.join("gene_aliases.tsv.gz").as_path())?;
    let ids = IdMap::read(folder.join("gene_ids.tsv.gz").as_path())?;
    let bulk = read::expression(folder.join("gdsc_expression.csv.gz"), &ReadOptions::default())?.0;
    let (bulk, _) = to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean)?;
    let responses = read::response(folder.join("gdsc_response.csv.gz").as_path())?;
    println!("| pair | genes | lines | cells (sensitive) | method | AUROC | AP | seconds a fit |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for pair in PAIRS {
        let cells = read::expression(folder.join(pair.cells), &ReadOptions::default())?.0;
        let whole = cells.values().stored().take(1000).all(|v| v.fract() == 0.0);
        let rule = if whole { Duplicates::Sum } else { Duplicates::Mean };
        let (expression, report) = to_symbols(&cells, Some(&ids), None, rule)?;
        let truth = labels(&pair, &folder, &expression)?;
        let exclude = match pair.exclude {
            Exclude::Names(names) => names.iter().map(|n| (*n).to_owned()).collect(),
            Exclude::Table(file) => {
                Table::read(folder.join(file).as_path())?.column("expression_id")?.to_vec()
            }
        };
        let screen = responses.matrix(Some(pair.dataset), Measure::Auc)?;
        for method in ["ridge", "source_only", "scdeal"] {
            let (mut aurocs, mut precisions, mut about) = (Vec::new(), Vec::new(), String::new());
            let start = std::time::Instant::now();
            for seed in 0..seeds {
                let source = SourceInput {
                    name: "GDSC".to_owned(),
                    expression: bulk.clone(),
                    response: responses.select(pair.drug, Some(pair.dataset), Measure::Auc)?,
                    labels: None,
                    table: Some((
                        screen.lines.clone(),
                        ResponseTable { drugs: screen.drugs.clone(), values: screen.values.clone() },
                    )),
                };
                let target = TargetInput {
                    expression: expression.clone(),
                    renamed: report.renamed.clone(),
                    cluster_column: None,
                    few_shot: Vec::new(),
                    gene_sets: None,
                };
                let options = PrepareOptions { exclude: exclude.clone(), seed, ..PrepareOptions::default() };
                let task = prepare(vec![source], target, &options)?;
                let fit = find(method)?.build(&Settings::new())?;
                let model = fit.fit(&task, &mut FitOptions::new(seed, parse_device("flex")?))?;
                let predicted = model.predict(&expression, &PredictOptions::default())?;
                let known: Vec<usize> = (0..truth.len()).filter(|&i| truth[i].is_some()).collect();
                let y: Vec<u8> = known.iter().filter_map(|&i| truth[i]).collect();
                let scores: Vec<f64> = known.iter().map(|&i| predicted.scores[i]).collect();
                aurocs.push(auroc(&y, &scores, None)?);
                precisions.push(average_precision(&y, &scores, None)?);
                let positives = y.iter().filter(|&&v| v == 1).count();
                let lines = task.sources[0].samples.len();
                about = format!("{} | {lines} | {} ({positives})", task.genes.len(), y.len());
            }
            let seconds = start.elapsed().as_secs_f64() / seeds as f64;
            let (a, p) = (summary(&aurocs), summary(&precisions));
            println!("| {} | {about} | {method} | {a} | {p} | {seconds:.1} |", pair.name);
        }
    }
    Ok(())
}

/// The labels that the table of the pair gives to its cells; only the evaluation sees them.
fn labels(pair: &Pair, folder: &Path, cells: &ExpressionMatrix) -> Result<Vec<Option<u8>>> {
    let binary = |t: &Table, column: &str| -> Result<HashMap<String, u8>> {
        let names = t.column("cell")?.iter().cloned();
        Ok(names.zip(t.column(column)?).filter_map(|(n, v)| Some((n, v.parse().ok()?))).collect())
    };
    let found: HashMap<String, u8> = if pair.cells.contains("a375") {
        binary(&Table::read(folder.join("sc_melanoma_a375_labels.csv").as_path())?, pair.drug)?
    } else if pair.cells.contains("jhu006") {
        binary(&Table::read(folder.join("sc_hnscc_jhu006_labels.csv").as_path())?, pair.drug)?
    } else if pair.cells.contains("lung") {
        // HCC827, the line with the activating EGFR deletion, against the rest.
        let t = Table::read(folder.join("sc_lung_celseq2_5cl.cells.csv").as_path())?;
        let names = t.column("cell")?.iter().cloned();
        names.zip(t.column("cell_line")?).map(|(n, l)| (n, u8::from(l == "HCC827"))).collect()
    } else {
        let t = Table::read(folder.join("sc_brca_atlas.line_response.csv.gz").as_path())?;
        let (line, drug, dataset) = (t.column("cell_line")?, t.column("drug")?, t.column("dataset")?);
        let label = t.column("label")?;
        let rows = (0..t.n_rows()).filter(|&i| drug[i] == pair.drug && dataset[i] == pair.dataset);
        let by_line: HashMap<&str, u8> =
            rows.filter_map(|i| Some((line[i].as_str(), label[i].parse().ok()?))).collect();
        let column = cells.sample_columns().get("cell_line").ok_or("no cell_line")?;
        let of = |i: usize| Some((cells.samples()[i].clone(), *by_line.get(column.get(i)?.as_str())?));
        (0..cells.n_samples()).filter_map(of).collect()
    };
    Ok(cells.samples().iter().map(|c| found.get(c).copied()).collect())
}

fn summary(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    format!("{mean:.3} ± {:.3}", variance.sqrt())
}
