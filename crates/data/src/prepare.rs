//! From expression matrices and responses to a [`TransferTask`]: everything is fitted here, on training data only.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::detect::{self, Scale};
use crate::genes::align;
use crate::labels::LabelRule;
use crate::pipeline::{FittedPreprocessing, Missing};
use crate::preprocess::{self, HvgFlavor, Scaler};
use crate::read::GeneSets;
use crate::split::Split;
use crate::task::{FewShot, ResponseTable, SourceDomain, TargetDomain, TaskParts, TransferTask};
use crate::{DataError, ExpressionMatrix, Result, Values};

/// How genes are put on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// z-score of each gene within each domain (SCAD, SSDA4Drug; the default).
    Zscore,
    /// One z-score over both domains.
    ZscoreJoint,
    /// Each gene to 0..1 within each domain (scDEAL).
    Minmax,
    /// The values as they are.
    None,
}

impl std::str::FromStr for Scaling {
    type Err = DataError;

    fn from_str(s: &str) -> Result<Self> {
        match s {
            "zscore" => Ok(Self::Zscore),
            "zscore_joint" => Ok(Self::ZscoreJoint),
            "minmax" => Ok(Self::Minmax),
            "none" => Ok(Self::None),
            _ => Err(DataError::invalid(
                "scaling",
                format!("{s:?} is not known"),
                "use zscore, zscore_joint, minmax or none",
            )),
        }
    }
}

/// Labelled bulk samples before they are aligned.
#[derive(Debug, Clone)]
pub struct SourceInput {
    /// Where it comes from, for reports.
    pub name: String,
    /// Samples × genes.
    pub expression: ExpressionMatrix,
    /// Response by sample name, lower is more sensitive.
    pub response: Vec<(String, f64)>,
    /// Binary labels by sample name, where a table of labels replaces the rule.
    pub labels: Option<HashMap<String, u8>>,
    /// The whole screen, with the sample name of each row.
    pub table: Option<(Vec<String>, ResponseTable)>,
}

/// Target cells before they are aligned.
#[derive(Debug, Clone)]
pub struct TargetInput {
    /// Cells × genes.
    pub expression: ExpressionMatrix,
    /// The names that the file had for genes that were renamed, to their new name.
    pub renamed: IndexMap<String, String>,
    /// Annotation column that holds clusters, where the strategy should know them.
    pub cluster_column: Option<String>,
    /// Labels of a few cells by name.
    pub few_shot: Vec<(String, u8)>,
    /// Gene sets, for strategies whose embedding speaks in pathways.
    pub gene_sets: Option<GeneSets>,
}

/// What to do on the way to a task.
#[derive(Debug, Clone)]
pub struct PrepareOptions {
    /// From response to labels.
    pub label_rule: LabelRule,
    /// How genes are put on one scale.
    pub scaling: Scaling,
    /// The source's scale; detected where not given.
    pub source_scale: Option<Scale>,
    /// The cells' scale; detected where not given.
    pub target_scale: Option<Scale>,
    /// Counts are normalised to this total a cell; to the median total where not given.
    pub target_sum: Option<f64>,
    /// Genes must be seen in more than this share of the cells (counts only).
    pub min_cell_share: f64,
    /// Cells with fewer detected genes are left out of training (counts only).
    pub min_genes: usize,
    /// Cells with a greater share of mitochondrial counts are left out of training (counts only).
    pub max_mito_share: f64,
    /// Keep this many highly variable genes of the cells (Seurat's dispersion) among the shared ones.
    pub hvg: Option<usize>,
    /// Least share of the smaller gene list that must be shared.
    pub min_overlap: f64,
    /// Source samples to leave out: the lines that the cells come from, for one.
    pub exclude: Vec<String>,
    /// Share of the labelled source samples held out for selection.
    pub validation: f64,
    /// Annotation of the source's samples that says which patient or line each is of: no group is split between training
    /// and validation. Without it the split is stratified by label.
    pub source_groups: Option<String>,
    /// Seed of the split.
    pub seed: u64,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self {
            label_rule: LabelRule::default(),
            scaling: Scaling::Zscore,
            source_scale: None,
            target_scale: None,
            target_sum: Some(1e4),
            min_cell_share: 0.05,
            min_genes: 0,
            max_mito_share: 1.0,
            hvg: None,
            min_overlap: 0.1,
            exclude: Vec::new(),
            validation: 0.2,
            source_groups: None,
            seed: 0,
        }
    }
}

/// Builds the task. The split of the source is stratified by label; scalers are fitted on its training rows and on the
/// unlabelled cells; what was done is in the task's notes.
///
/// # Errors
/// When too few genes or samples are shared, a scale is unknown or contradicted, or one class is missing.
pub fn prepare(
    sources: Vec<SourceInput>,
    target: TargetInput,
    options: &PrepareOptions,
) -> Result<TransferTask> {
    let mut notes = Vec::new();
    let cells = filter_cells(&target.expression, options, &mut notes)?;
    let target_scale = known_scale("cells", "--cells-scale", &cells, options.target_scale)?;
    let mut raw = FittedPreprocessing::identity(cells.genes().to_vec(), target_scale);
    raw.log1p = target_scale == Scale::Counts;
    raw.target_sum = raw.log1p.then(|| options.target_sum.unwrap_or_else(|| median_total(cells.values())));

    let candidates = candidate_genes(&cells, &raw, options, &mut notes)?;
    let mut genes = candidates;
    for s in &sources {
        let alignment = align(s.expression.genes(), &genes, options.min_overlap).map_err(|e| match e {
            DataError::Invalid { what, problem, hint } => {
                DataError::invalid(format!("{} and the cells: {what}", s.name), problem, hint)
            }
            other => other,
        })?;
        notes.push(format!("genes shared with {}: {}", s.name, alignment.report));
        genes = alignment.genes;
    }
    let mut fitted = FittedPreprocessing { genes: genes.clone(), ..raw };
    fitted.renamed = target.renamed.into_iter().filter(|(_, new)| genes.binary_search(new).is_ok()).collect();
    let (mut x_target, _) = fitted.transform(&cells, Missing::Refuse)?;

    let mut domains = Vec::new();
    for s in sources {
        domains.push(source_domain(s, &genes, options, &mut notes)?);
    }
    fitted.scaler = scale(&mut domains, &mut x_target, options.scaling)?;
    let clusters = target.cluster_column.as_deref().map(|c| clusters(&cells, c)).transpose()?;
    let few_shot = few_shot(&cells, &target.few_shot)?;
    TransferTask::new(TaskParts {
        genes,
        sources: domains,
        target: TargetDomain { expression: x_target, cells: cells.samples().to_vec(), clusters },
        few_shot,
        gene_sets: target.gene_sets,
        preprocessing: fitted,
        notes,
    })
}

fn known_scale(what: &str, flag: &str, m: &ExpressionMatrix, declared: Option<Scale>) -> Result<Scale> {
    let report = detect::scale(m.values());
    if let Some(declared) = declared {
        detect::check(declared, &report)?;
        return Ok(declared);
    }
    if report.scale == Scale::Unknown {
        return Err(DataError::invalid(
            format!("scale of the {what}"),
            format!("cannot be told ({})", report.evidence),
            format!("pass {flag} counts, log-normalised, z-scored or min-max"),
        ));
    }
    Ok(report.scale)
}

/// Leaves poor cells out of the fit; they can be predicted all the same.
fn filter_cells(
    cells: &ExpressionMatrix,
    o: &PrepareOptions,
    notes: &mut Vec<String>,
) -> Result<ExpressionMatrix> {
    if o.min_genes == 0 && o.max_mito_share >= 1.0 {
        return Ok(cells.clone());
    }
    let symbols: Vec<String> = match cells.gene_columns().get("symbol") {
        Some(c) => (0..c.len()).map(|j| c.get(j).unwrap_or_default()).collect(),
        None => cells.genes().to_vec(),
    };
    let mito: Vec<bool> = symbols.iter().map(|g| g.to_ascii_uppercase().starts_with("MT-")).collect();
    let rows: Vec<usize> = (0..cells.n_samples())
        .filter(|&i| {
            let (mut detected, mut total, mut mt) = (0usize, 0.0, 0.0);
            let mut see = |j: usize, v: f32| {
                if v != 0.0 {
                    detected += 1;
                    total += f64::from(v);
                    mt += if mito[j] { f64::from(v) } else { 0.0 };
                }
            };
            match cells.values() {
                Values::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &v)| see(j, v)),
                Values::Sparse(m) => {
                    let (c, v) = m.row(i);
                    c.iter().zip(v).for_each(|(&j, &v)| see(j as usize, v));
                }
            }
            detected >= o.min_genes && (total <= 0.0 || mt / total <= o.max_mito_share)
        })
        .collect();
    notes.push(format!(
        "{} of {} cells pass the quality filter and are trained on",
        rows.len(),
        cells.n_samples()
    ));
    cells.select_samples(&rows)
}

/// Target genes worth aligning: seen in enough cells, and variable where asked.
fn candidate_genes(
    cells: &ExpressionMatrix,
    raw: &FittedPreprocessing,
    o: &PrepareOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<String>> {
    let n = cells.n_samples() as f64;
    let seen = seen_in(cells.values());
    let counts = raw.input == Scale::Counts;
    let mut kept: Vec<usize> =
        (0..cells.n_genes()).filter(|&j| !counts || seen[j] as f64 > o.min_cell_share * n).collect();
    if counts {
        notes.push(format!(
            "{} of {} genes are seen in more than {} of the cells",
            kept.len(),
            cells.n_genes(),
            o.min_cell_share
        ));
    }
    if let Some(top) = o.hvg {
        let subset = cells.select_genes(&kept)?;
        let same = FittedPreprocessing { genes: subset.genes().to_vec(), ..raw.clone() };
        let (logged, _) = same.transform(&subset, Missing::Refuse)?;
        let found = preprocess::highly_variable_genes(&Values::Dense(logged), HvgFlavor::Seurat, top)?;
        kept = kept.into_iter().zip(&found.highly_variable).filter(|(_, v)| **v).map(|(j, _)| j).collect();
        notes.push(format!("{} highly variable genes of the cells are kept", kept.len()));
    }
    Ok(kept.into_iter().map(|j| cells.genes()[j].clone()).collect())
}

fn seen_in(values: &Values) -> Vec<usize> {
    let mut seen = vec![0usize; values.shape().1];
    match values {
        Values::Dense(a) => {
            for row in a.rows() {
                row.iter().enumerate().filter(|(_, v)| **v != 0.0).for_each(|(j, _)| seen[j] += 1);
            }
        }
        Values::Sparse(m) => {
            let (_, indices, data) = m.parts();
            indices.iter().zip(data).filter(|(_, v)| **v != 0.0).for_each(|(&j, _)| seen[j as usize] += 1);
        }
    }
    seen
}

fn median_total(values: &Values) -> f64 {
    let mut totals: Vec<f64> = match values {
        Values::Dense(a) => a.rows().into_iter().map(|r| r.iter().map(|&v| f64::from(v)).sum()).collect(),
        Values::Sparse(m) => {
            (0..m.n_rows()).map(|i| m.row(i).1.iter().map(|&v| f64::from(v)).sum()).collect()
        }
    };
    totals.retain(|t| *t > 0.0);
    totals.sort_by(f64::total_cmp);
    let n = totals.len();
    match n {
        0 => 1.0,
        _ if n % 2 == 1 => totals[n / 2],
        _ => 0.5 * (totals[n / 2 - 1] + totals[n / 2]),
    }
}

fn source_domain(
    s: SourceInput,
    genes: &[String],
    o: &PrepareOptions,
    notes: &mut Vec<String>,
) -> Result<SourceDomain> {
    let excluded: HashSet<&str> = o.exclude.iter().map(String::as_str).collect();
    let response: HashMap<&str, f64> = s.response.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let given = s.labels.as_ref();
    let known = |name: &str| response.contains_key(name) || given.is_some_and(|l| l.contains_key(name));
    let rows: Vec<usize> = (0..s.expression.n_samples())
        .filter(|&i| {
            let name = s.expression.samples()[i].as_str();
            known(name) && !excluded.contains(name)
        })
        .collect();
    let left_out = s.expression.samples().iter().filter(|n| excluded.contains(n.as_str())).count();
    if rows.len() < 4 {
        return Err(DataError::invalid(
            format!("source {}", s.name),
            format!(
                "only {} of its {} samples have a response; the samples are {}, the responses are for {}",
                rows.len(),
                s.expression.n_samples(),
                first(s.expression.samples().iter()),
                first(s.response.iter().map(|r| &r.0)),
            ),
            "make the sample names of both files agree",
        ));
    }
    notes.push(format!(
        "{}: {} of {} samples have a response, {left_out} left out by name",
        s.name,
        rows.len(),
        s.expression.n_samples()
    ));
    let expression = s.expression.select_samples(&rows)?;
    let scale = known_scale("source", "--source-scale", &expression, o.source_scale)?;
    let mut raw = FittedPreprocessing::identity(genes.to_vec(), scale);
    raw.log1p = scale == Scale::Counts;
    raw.target_sum = raw.log1p.then(|| o.target_sum.unwrap_or_else(|| median_total(expression.values())));
    let (x, _) = raw.transform(&expression, Missing::Refuse)?;
    let names = expression.samples().to_vec();
    let responses: Vec<Option<f64>> = names.iter().map(|n| response.get(n.as_str()).copied()).collect();
    let labels: Vec<Option<u8>> = match given {
        Some(table) => names.iter().map(|n| table.get(n).copied()).collect(),
        None => {
            let values: Vec<f64> = responses.iter().map(|r| r.unwrap_or(f64::NAN)).collect();
            let labelling = o.label_rule.apply(&values)?;
            notes.push(format!("{}: labels by {}", s.name, o.label_rule));
            labelling.labels
        }
    };
    let rows: Vec<usize> = (0..names.len()).filter(|&i| labels[i].is_some()).collect();
    let classes: Vec<u8> = rows.iter().filter_map(|&i| labels[i]).collect();
    let sensitive = classes.iter().filter(|&&y| y == 1).count();
    notes.push(format!("{}: {sensitive} sensitive, {} resistant", s.name, classes.len() - sensitive));
    if sensitive == 0 || sensitive == classes.len() {
        return Err(DataError::invalid(
            format!("source {}", s.name),
            format!("all {} labelled samples are of one class", classes.len()),
            "choose another label rule (--labels), measure or drug",
        ));
    }
    let split = match &o.source_groups {
        None => Split::stratified(&classes, o.validation, 0.0, o.seed)?,
        Some(column) => {
            let groups = annotation("source", &expression, column)?;
            // A sample without a group is one of its own.
            let of = |&i: &usize| groups[i].clone().unwrap_or_else(|| names[i].clone());
            Split::grouped(&rows.iter().map(of).collect::<Vec<_>>(), o.validation, 0.0, o.seed)?
        }
    };
    let part = |p: &[usize]| p.iter().map(|&k| rows[k]).collect::<Vec<_>>();
    let table = s.table.map(|(lines, table)| {
        let index: HashMap<&str, usize> = lines.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
        let values = Array2::from_shape_fn((names.len(), table.drugs.len()), |(i, d)| {
            index.get(names[i].as_str()).map_or(f64::NAN, |&r| table.values[[r, d]])
        });
        ResponseTable { drugs: table.drugs, values }
    });
    Ok(SourceDomain {
        name: s.name,
        expression: x,
        train: part(split.train()),
        validation: part(split.validation()),
        samples: names,
        labels,
        response: responses,
        table,
    })
}

fn first<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Fits on training rows and cells, scales both in place, and returns the cells' scaler.
fn scale(domains: &mut [SourceDomain], target: &mut Array2<f32>, scaling: Scaling) -> Result<Scaler> {
    let fit = |x: &Array2<f32>| match scaling {
        Scaling::None => Ok(Scaler::Identity),
        Scaling::Minmax => Scaler::fit_minmax(x.view()),
        Scaling::Zscore | Scaling::ZscoreJoint => Scaler::fit_zscore(x.view(), 0),
    };
    let training = |d: &SourceDomain| d.expression.select(Axis(0), &d.train);
    let mut scaler = fit(target)?;
    if scaling == Scaling::ZscoreJoint {
        let mut all: Vec<Array2<f32>> = domains.iter().map(training).collect();
        all.push(target.clone());
        let views: Vec<_> = all.iter().map(|x| x.view()).collect();
        let joint = ndarray::concatenate(Axis(0), &views)
            .map_err(|e| DataError::invalid("scaling", e.to_string(), "align the domains first"))?;
        scaler = fit(&joint)?;
    }
    for d in domains {
        let own = if scaling == Scaling::ZscoreJoint { scaler.clone() } else { fit(&training(d))? };
        d.expression = own.transform(std::mem::take(&mut d.expression))?;
    }
    *target = scaler.transform(std::mem::take(target))?;
    Ok(scaler)
}

fn clusters(cells: &ExpressionMatrix, name: &str) -> Result<Vec<usize>> {
    let mut ids: IndexMap<String, ()> = IndexMap::new();
    let names = annotation("cells", cells, name)?;
    Ok(names.into_iter().map(|n| ids.insert_full(n.unwrap_or_default(), ()).0).collect())
}

/// What a column says of each sample.
fn annotation(what: &str, matrix: &ExpressionMatrix, name: &str) -> Result<Vec<Option<String>>> {
    let column = matrix.sample_columns().get(name).ok_or_else(|| {
        let known: Vec<&str> = matrix.sample_columns().keys().map(String::as_str).collect();
        DataError::invalid(
            what,
            format!("there is no annotation {name}"),
            if known.is_empty() {
                "there is none at all".to_owned()
            } else {
                format!("use one of: {}", known.join(", "))
            },
        )
    })?;
    Ok((0..column.len()).map(|i| column.get(i)).collect())
}

fn few_shot(cells: &ExpressionMatrix, given: &[(String, u8)]) -> Result<Option<FewShot>> {
    if given.is_empty() {
        return Ok(None);
    }
    let index = cells.sample_index();
    let mut out = FewShot { rows: Vec::new(), labels: Vec::new() };
    for (name, label) in given {
        let Some(&row) = index.get(name.as_str()) else {
            return Err(DataError::invalid(
                "few labelled cells",
                format!("there is no cell {name}"),
                "use the names of the cells' file",
            ));
        };
        out.rows.push(row);
        out.labels.push(*label);
    }
    Ok(Some(out))
}

impl crate::simulate::Simulation {
    /// The task of predicting the cells' response to the simulated drug, labels by the rule in `options`.
    ///
    /// # Errors
    /// As [`prepare`].
    pub fn task(&self, options: &PrepareOptions) -> Result<TransferTask> {
        let measure = crate::read::Measure::Auc;
        let screen = self.response.matrix(None, measure)?;
        let source = SourceInput {
            name: "simulated bulk".to_owned(),
            expression: self.bulk.clone(),
            response: self.response.select(&self.truth.drug, None, measure)?,
            labels: None,
            table: Some((screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values })),
        };
        let target = TargetInput {
            expression: self.cells.clone(),
            renamed: IndexMap::new(),
            cluster_column: None,
            few_shot: Vec::new(),
            gene_sets: Some(self.pathways.clone()),
        };
        prepare(vec![source], target, options)
    }
}
