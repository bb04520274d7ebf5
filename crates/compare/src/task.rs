//! A task from its files or from the simulator: what methods may see, and, apart from it, the hidden labels.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rand::seq::SliceRandom;
use sensitome_core_models::rng_for;
use sensitome_data::read::{LabelTable, Measure, Table};
use sensitome_data::simulate::simulate;
use sensitome_data::{
    ExpressionMatrix, FewShot, PrepareOptions, ResponseTable, SourceInput, TargetInput, TransferTask, prepare,
};
use serde_json::{Value, json};

use crate::experiment::{Names, OneOrMany, TaskFields, TaskSpec, Truth};
use crate::files::Files;
use crate::{CompareError, HiddenLabels, Result};

/// A task of one data set: for files the same for every seed, for simulations one a seed.
#[derive(Debug)]
pub(crate) struct LoadedTask {
    pub(crate) sources: Vec<SourceInput>,
    pub(crate) target: TargetInput,
    pub(crate) hidden: HiddenLabels,
    /// Other cells on which models are evaluated.
    pub(crate) test: Option<(ExpressionMatrix, HiddenLabels)>,
    pub(crate) options: PrepareOptions,
    /// Lines that the cells come from, as far as known.
    pub(crate) lines: Vec<String>,
    folds: Option<usize>,
    subsample: Option<f64>,
}

/// Which cells a repeat is about.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    /// Rows that are adapted to; `None`: all.
    pub(crate) adapted: Option<Vec<usize>>,
    /// Rows that are evaluated, without the labelled cells that methods are given. Rows of the test cells where there are any.
    pub(crate) evaluated: Vec<usize>,
    /// Cells that may be given with their label, in the order in which shots take them.
    pub(crate) pool: Vec<(usize, u8)>,
}

impl LoadedTask {
    pub(crate) fn load(spec: &TaskSpec, files: &Files, seed: u64) -> Result<Self> {
        let f = &spec.fields;
        let in_task = |e: CompareError| match e {
            CompareError::Data(e) => CompareError::invalid(
                format!("task {} (line {})", spec.name, spec.line),
                e.to_string(),
                "mend the task or its files",
            ),
            e => e,
        };
        let options = options(f)?;
        match &f.simulate {
            Some(_) => simulated(f, seed, options),
            None => from_files(f, files, options),
        }
        .map_err(in_task)
    }

    /// The cells to evaluate on and their labels.
    pub(crate) fn evaluated_on(&self) -> (&ExpressionMatrix, &HiddenLabels) {
        self.test.as_ref().map_or((&self.target.expression, &self.hidden), |(m, h)| (m, h))
    }

    /// The design of one repeat: which cells are adapted to, shown with their label, evaluated.
    pub(crate) fn cells(&self, seed: u64, pool: usize) -> Result<Cells> {
        let (adapted, known) = match (self.folds, self.subsample) {
            (Some(folds), _) => {
                let (rest, held) = self.hidden.fold(folds, seed)?;
                (Some(rest), held)
            }
            (None, Some(share)) => {
                let rows = self.hidden.subsample(share, seed)?;
                (Some(rows.clone()), rows)
            }
            (None, None) => (None, self.hidden.labelled()),
        };
        // Shown cells are among those that are adapted to.
        let shown_from =
            if self.folds.is_some() { adapted.clone().unwrap_or_default() } else { known.clone() };
        let pool = self.hidden.pool(&shown_from, pool, seed)?;
        let evaluated = match &self.test {
            Some((_, hidden)) => hidden.labelled(),
            None => known.into_iter().filter(|i| !pool.iter().any(|(row, _)| row == i)).collect(),
        };
        Ok(Cells { adapted, evaluated, pool })
    }

    /// The task that methods see, without labelled cells; with the source's labels permuted for the audit's control where asked.
    pub(crate) fn prepare(
        &self,
        cells: &Cells,
        seed: u64,
        scaling: Option<sensitome_data::Scaling>,
        permutation: Option<u64>,
    ) -> Result<TransferTask> {
        let (mut sources, mut target) = (self.sources.clone(), self.target.clone());
        if let Some(number) = permutation {
            sources.iter_mut().for_each(|source| permute(source, seed, number));
        }
        if let Some(rows) = &cells.adapted {
            target.expression = target.expression.select_samples(rows)?;
        }
        let options =
            PrepareOptions { seed, scaling: scaling.unwrap_or(self.options.scaling), ..self.options.clone() };
        Ok(prepare(sources, target, &options)?)
    }

    /// The task with the first `shots` labelled cells of each class. Cells that the preparation left out cannot be shown.
    pub(crate) fn with_shots(
        &self,
        task: &TransferTask,
        cells: &Cells,
        shots: usize,
    ) -> Result<TransferTask> {
        let row_of: HashMap<&str, usize> =
            task.target.cells.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
        let mut few = FewShot { rows: Vec::new(), labels: Vec::new() };
        for (row, label) in cells.pool.iter().take(2 * shots) {
            if let Some(&i) = row_of.get(self.target.expression.samples()[*row].as_str()) {
                few.rows.push(i);
                few.labels.push(*label);
            }
        }
        let mut parts = (**task).clone();
        parts.few_shot = Some(few);
        Ok(TransferTask::new(parts)?)
    }
}

/// Gives every sample the response (and label, and row of the screen) of another one.
fn permute(source: &mut SourceInput, seed: u64, number: u64) {
    let names: Vec<String> = source.response.iter().map(|(name, _)| name.clone()).collect();
    let mut shuffled = names.clone();
    shuffled.shuffle(&mut rng_for(seed, &format!("permuted labels {number} of {}", source.name)));
    let new: HashMap<String, String> = names.into_iter().zip(shuffled).collect();
    let renamed = |name: &String| new.get(name).unwrap_or(name).clone();
    for (name, _) in &mut source.response {
        *name = renamed(name);
    }
    source.labels = source.labels.take().map(|l| l.into_iter().map(|(n, y)| (renamed(&n), y)).collect());
    if let Some((lines, _)) = &mut source.table {
        lines.iter_mut().for_each(|line| *line = renamed(line));
    }
}

fn simulated(f: &TaskFields, seed: u64, options: PrepareOptions) -> Result<LoadedTask> {
    let mut config = f.simulate.clone().unwrap_or_default();
    config.seed = seed;
    let s = simulate(&config)?;
    let measure = measure(f);
    let screen = s.response.matrix(None, measure)?;
    let source = SourceInput {
        name: "simulated bulk".to_owned(),
        response: s.response.select(&s.truth.drug, None, measure)?,
        expression: s.bulk,
        labels: None,
        table: Some((screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values })),
    };
    let target = TargetInput {
        expression: s.cells,
        renamed: Default::default(),
        cluster_column: f.cluster_column.clone(),
        few_shot: Vec::new(),
        gene_sets: Some(s.pathways),
    };
    Ok(LoadedTask {
        sources: vec![source],
        target,
        hidden: HiddenLabels::new(s.truth.labels.into_iter().map(Some).collect()),
        test: None,
        options,
        lines: Vec::new(),
        folds: f.folds,
        subsample: f.subsample,
    })
}

fn from_files(f: &TaskFields, files: &Files, mut options: PrepareOptions) -> Result<LoadedTask> {
    let needed = |what: &str| CompareError::invalid("task", format!("does not say {what}"), "write it");
    let drug = f.drug.as_deref().ok_or_else(|| needed("drug"))?;
    let response = files.response(f.response.as_deref().ok_or_else(|| needed("response"))?)?;
    let selected = response.selection(drug, f.dataset.as_deref(), measure(f))?;
    let dataset = Some(selected.dataset.as_str()).filter(|d| !d.is_empty());
    let screen = response.matrix(dataset, measure(f))?;
    let screen = (screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values });
    let (ids, aliases) = (f.gene_ids.as_deref(), f.gene_aliases.as_deref());
    let mut sources = Vec::new();
    for path in f.source.as_ref().map(OneOrMany::list).unwrap_or_default() {
        let found = files.expression(&path, ids, aliases)?;
        sources.push(SourceInput {
            name: path.file_name().map_or_else(|| "source".into(), |n| n.to_string_lossy().into_owned()),
            expression: found.matrix.clone(),
            response: selected.values.clone(),
            labels: None,
            table: Some(screen.clone()),
        });
    }
    options.exclude = match &f.exclude {
        None => Vec::new(),
        Some(Names::List(names)) => names.clone(),
        Some(Names::Column { file, column }) => {
            let table = Table::read(files.path(file).as_path())?;
            let mut names = table.column(column)?.to_vec();
            names.retain(|n| !n.is_empty());
            names.sort();
            names.dedup();
            names
        }
    };
    let cells = files.expression(f.cells.as_deref().ok_or_else(|| needed("cells"))?, ids, aliases)?;
    let truth = f.truth.as_ref().ok_or_else(|| needed("truth"))?;
    let hidden = hidden(truth, &cells.matrix, files)?;
    let test = match &f.test {
        None => None,
        Some(test) => {
            let cells = files.expression(&test.cells, ids, aliases)?;
            Some((cells.matrix.clone(), self::hidden(&test.truth, &cells.matrix, files)?))
        }
    };
    let mut lines = options.exclude.clone();
    if let Some(column) = &f.line_column {
        let names = annotation(&cells.matrix, column)?;
        lines.extend(names.into_iter().flatten());
        lines.sort();
        lines.dedup();
    }
    let gene_sets = f.gene_sets.as_deref().map(|p| files.gene_sets(p)).transpose()?;
    Ok(LoadedTask {
        sources,
        target: TargetInput {
            expression: cells.matrix.clone(),
            renamed: cells.renamed.clone(),
            cluster_column: f.cluster_column.clone(),
            few_shot: Vec::new(),
            gene_sets: gene_sets.map(Arc::unwrap_or_clone),
        },
        hidden,
        test,
        options,
        lines,
        folds: f.folds,
        subsample: f.subsample,
    })
}

fn annotation(cells: &ExpressionMatrix, column: &str) -> Result<Vec<Option<String>>> {
    let found = cells.sample_columns().get(column).ok_or_else(|| {
        let known: Vec<&str> = cells.sample_columns().keys().map(String::as_str).collect();
        CompareError::invalid(
            "cells",
            format!("have no annotation {column}"),
            format!("they have: {}", known.join(", ")),
        )
    })?;
    Ok((0..found.len()).map(|i| found.get(i)).collect())
}

/// The label of every cell, by its name or by an annotation.
fn hidden(truth: &Truth, cells: &ExpressionMatrix, files: &Files) -> Result<HiddenLabels> {
    let file = files.path(&truth.file);
    let by = match &truth.by {
        Some(by) if truth.key.is_none() && Table::read(file.as_path())?.header().contains(by) => {
            Some(by.clone())
        }
        _ => None,
    };
    let table = LabelTable {
        file: file.clone(),
        key: truth.key.clone().or(by),
        column: truth.column.clone(),
        positive: truth.positive.clone(),
        filters: truth.filters.clone(),
    };
    let labels = table.read()?;
    let keys: Vec<Option<String>> = match &truth.by {
        Some(column) => annotation(cells, column)?,
        None => cells.samples().iter().cloned().map(Some).collect(),
    };
    let found: Vec<Option<u8>> =
        keys.iter().map(|k| k.as_ref().and_then(|k| labels.get(k)).copied()).collect();
    if found.iter().all(Option::is_none) {
        return Err(CompareError::invalid(
            file.display().to_string(),
            format!("none of its {} labels belongs to a cell", labels.len()),
            "join them by an annotation of the cells (truth.by), or name the table's key (truth.key)",
        ));
    }
    Ok(HiddenLabels::new(found))
}

fn measure(f: &TaskFields) -> Measure {
    if f.measure.as_deref() == Some("ln_ic50") { Measure::LnIc50 } else { Measure::Auc }
}

fn options(f: &TaskFields) -> Result<PrepareOptions> {
    let d = PrepareOptions::default();
    Ok(PrepareOptions {
        label_rule: f.labels.as_deref().map(str::parse).transpose()?.unwrap_or(d.label_rule),
        scaling: f.scaling.unwrap_or(d.scaling),
        source_scale: f.source_scale,
        target_scale: f.cells_scale,
        min_cell_share: f.min_cell_share.unwrap_or(d.min_cell_share),
        min_genes: f.min_genes.unwrap_or(d.min_genes),
        max_mito_share: f.max_mito_share.unwrap_or(d.max_mito_share),
        hvg: f.hvg,
        min_overlap: f.min_overlap.unwrap_or(d.min_overlap),
        validation: f.validation.unwrap_or(d.validation),
        source_groups: f.source_groups.clone(),
        ..d
    })
}

/// What of a task determines a fit, with the content of files in place of their names; names and roles are left out, so that
/// renaming a task reruns nothing. `labels` says whether the hidden labels take part in the design.
pub(crate) fn determinants(f: &TaskFields, files: &Files, labels: bool) -> Result<Value> {
    let mut plain = f.clone();
    (plain.name, plain.role, plain.line_column) = (None, None, None);
    (plain.source, plain.response, plain.cells, plain.exclude) = (None, None, None, None);
    (plain.gene_sets, plain.gene_ids, plain.gene_aliases) = (None, None, None);
    (plain.truth, plain.test) = (None, None);
    let mut value = json!({ "fields": plain });
    let mut put = |key: &str, path: &Path| -> Result<()> {
        value[key] = json!(files.digest(path)?);
        Ok(())
    };
    for (i, path) in f.source.as_ref().map(OneOrMany::list).unwrap_or_default().iter().enumerate() {
        put(&format!("source {i}"), path)?;
    }
    for (key, path) in [
        ("response", &f.response),
        ("cells", &f.cells),
        ("gene_sets", &f.gene_sets),
        ("gene_ids", &f.gene_ids),
        ("gene_aliases", &f.gene_aliases),
    ] {
        if let Some(path) = path {
            put(key, path)?;
        }
    }
    if let Some(Names::Column { file, .. }) = &f.exclude {
        put("exclude file", file)?;
    }
    if let Some(test) = &f.test {
        put("test cells", &test.cells)?;
    }
    let truth = f.truth.as_ref().filter(|_| labels);
    if let Some(truth) = truth {
        put("truth file", &truth.file)?;
    }
    let unnamed = |t: &Truth| Truth { file: Default::default(), ..t.clone() };
    value["truth"] = json!(truth.map(unnamed));
    value["exclude"] = match &f.exclude {
        Some(Names::Column { column, .. }) => json!(column),
        other => json!(other),
    };
    Ok(value)
}
