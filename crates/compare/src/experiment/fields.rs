//! What the file of an experiment may say, field by field. Every field has its default in one place: `[defaults]` for tasks,
//! the documentation here for the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sensitome_data::Scaling;
use sensitome_data::detect::Scale;
use sensitome_data::simulate::SimulationConfig;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::Role;

/// One value or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T: Clone> OneOrMany<T> {
    /// As a list.
    pub fn list(&self) -> Vec<T> {
        match self {
            Self::One(x) => vec![x.clone()],
            Self::Many(x) => x.clone(),
        }
    }
}

/// Names: in the file itself, or a column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Names {
    /// As they are.
    List(Vec<String>),
    /// In a table.
    Column {
        /// The table.
        file: PathBuf,
        /// Its column.
        column: String,
    },
}

/// The hidden labels of a task's cells: a table, joined by cell name or by an annotation of the cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The table.
    pub file: PathBuf,
    /// Annotation of the cells that the key is matched with (`cell_line`, say); the cell's name where not given.
    pub by: Option<String>,
    /// Column of the names; `by` where the table has it, else the first.
    pub key: Option<String>,
    /// Column of the labels; `label`, or the second of two, where not given.
    pub column: Option<String>,
    /// Label 1 where the label column has this value, 0 elsewhere.
    pub positive: Option<String>,
    /// Only rows that have these values, by column.
    #[serde(default, rename = "where")]
    pub filters: BTreeMap<String, String>,
}

/// Other cells on which a model is evaluated as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The cells.
    pub cells: PathBuf,
    /// Their labels.
    pub truth: Truth,
}

macro_rules! task_fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// A task, or the defaults of all tasks. Files are relative to the experiment's `data`.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct TaskFields {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl TaskFields {
            /// What is not said here is taken from `defaults`.
            #[must_use]
            pub fn or(self, defaults: &Self) -> Self {
                Self { $($name: self.$name.or_else(|| defaults.$name.clone()),)* }
            }
        }
    };
}

task_fields! {
    /// Its name in tables.
    name: String,
    /// task (default), development, held_out or negative_control.
    role: Role,
    /// Simulated data instead of files; every seed is a data set of its own.
    simulate: SimulationConfig,
    /// Bulk expression, one file or several.
    source: OneOrMany<PathBuf>,
    /// Drug response in long format.
    response: PathBuf,
    /// The drug.
    drug: String,
    /// Which screen, where the table holds several.
    dataset: String,
    /// auc (default) or ln_ic50.
    measure: String,
    /// From response to labels, as for `sensitome train`: waterfall (default), mean, zscore:-0.5, extreme:0.3.
    labels: String,
    /// Bulk samples to leave out: the lines that the cells come from.
    exclude: Names,
    /// Annotation of the bulk samples that says which patient or line they are of: no group is split.
    source_groups: String,
    /// The cells.
    cells: PathBuf,
    /// Annotation of the cells that names the line they come from, for the audit.
    line_column: String,
    /// Annotation of the cells that holds clusters.
    cluster_column: String,
    /// Gene sets (GMT).
    gene_sets: PathBuf,
    /// Table of gene identifiers.
    gene_ids: PathBuf,
    /// Table of gene aliases.
    gene_aliases: PathBuf,
    /// The hidden labels.
    truth: Truth,
    /// Other cells to evaluate on.
    test: Test,
    /// zscore (default), zscore_joint, minmax or none.
    scaling: Scaling,
    /// The bulk's scale, where it cannot be detected.
    source_scale: Scale,
    /// The cells' scale, where it cannot be detected.
    cells_scale: Scale,
    /// Keep so many highly variable genes.
    hvg: usize,
    /// Genes must be seen in more than this share of the cells (counts).
    min_cell_share: f64,
    /// Cells with fewer detected genes are not trained on (counts).
    min_genes: usize,
    /// Cells with a greater share of mitochondrial counts are not trained on.
    max_mito_share: f64,
    /// Least share of the smaller gene list that must be shared.
    min_overlap: f64,
    /// Share of the labelled bulk samples held out for selection.
    validation: f64,
    /// Evaluate on one of so many stratified folds of the cells and adapt to the others; the seed numbers the folds.
    folds: usize,
    /// Use this share of the cells of each class, drawn anew by each seed.
    subsample: f64,
}

/// A method of the experiment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MethodFields {
    /// Name of the strategy.
    pub(crate) name: String,
    /// Name in the tables; the strategy's where not given.
    pub(crate) label: Option<String>,
    /// Settings that differ from the defaults.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, toml::Value>,
    /// Labelled cells of each class; the experiment's where not given.
    pub(crate) shots: Option<OneOrMany<usize>>,
    /// Draws of a random search, the first of which is the settings as given (1).
    pub(crate) draws: Option<usize>,
    /// What the search varies and where; everything, near its default, where not given.
    #[serde(default)]
    pub(crate) search: BTreeMap<String, Space>,
    /// Scaling, where it differs from the task's.
    pub(crate) scaling: Option<Scaling>,
}

/// Where a setting is drawn from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Space {
    /// One of these, each as likely.
    OneOf(Vec<toml::Value>),
    /// A number between two, on a logarithmic scale where both are above 0; whole where both are.
    Between {
        /// Least value.
        from: toml::Value,
        /// Greatest value.
        to: toml::Value,
    },
}

/// Seeds: so many from 0, or these.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Seeds {
    /// From 0.
    Number(u64),
    /// These.
    List(Vec<u64>),
}

/// What the runs may use.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Fits at once; the machine's threads where 0.
    pub threads: usize,
    /// Memory for all fits together, in GB; fits wait until theirs is free.
    pub memory_gb: f64,
}

impl Default for Resources {
    fn default() -> Self {
        Self { threads: 0, memory_gb: 8.0 }
    }
}

/// What to do about a leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLeak {
    /// Stop before any fit.
    Refuse,
    /// Go on and mark it in every table.
    Report,
}

/// The leak audit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFields {
    /// Fits with permuted source labels for each audited method and task; 0 for none.
    pub permutations: usize,
    /// Labels of the methods that are audited so; methods of one's own always are.
    pub methods: Vec<String>,
    /// refuse (default) or report.
    pub on_leak: OnLeak,
}

impl Default for AuditFields {
    fn default() -> Self {
        Self { permutations: 10, methods: vec!["ridge".to_owned()], on_leak: OnLeak::Refuse }
    }
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: Option<String>,
    /// Folder of the data, relative to the experiment's file.
    pub(crate) data: Option<PathBuf>,
    pub(crate) seeds: Option<Seeds>,
    pub(crate) shots: Option<OneOrMany<usize>>,
    /// Labelled cells of each class that no run with any number of shots is evaluated on; the most shots where not given.
    pub(crate) pool: Option<usize>,
    pub(crate) primary: Option<Spanned<String>>,
    pub(crate) metrics: Option<Spanned<Vec<String>>>,
    pub(crate) rules: Option<Spanned<Vec<String>>>,
    pub(crate) device: Option<String>,
    /// Strategies with their defaults, or "all".
    pub(crate) strategies: Option<Spanned<OneOrMany<String>>>,
    #[serde(default)]
    pub(crate) resources: Resources,
    #[serde(default)]
    pub(crate) audit: AuditFields,
    #[serde(default)]
    pub(crate) defaults: TaskFields,
    #[serde(default)]
    pub(crate) task: Vec<Spanned<TaskFields>>,
    #[serde(default)]
    pub(crate) strategy: Vec<Spanned<MethodFields>>,
}
