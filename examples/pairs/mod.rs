//! The real pairs of bulk screen and single cells that the tables of the docs are made of.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use sensitome::data::genes::{Aliases, IdMap, to_symbols};
use sensitome::data::read::{DrugResponse, Measure, ReadOptions, Table};
use sensitome::data::{Duplicates, FewShot, ResponseTable, SourceInput, TargetInput};
use sensitome::prelude::*;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What a pair is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `sensitome` was developed on it.
    Development,
    /// `sensitome` met it once, when everything was fixed.
    HeldOut,
    /// The labels contradict the drug's biology: nothing should do well here.
    NegativeControl,
}

/// Cells, the drug that they are scored for, and the screen that is learned from.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cells: &'static str,
    pub(crate) drug: Cow<'static, str>,
    dataset: Cow<'static, str>,
    pub(crate) role: Role,
    /// Whether it is among the six of `docs/methods/index.md`.
    #[allow(dead_code)] // not every example asks
    pub(crate) in_index: bool,
}

const fn pair(
    cells: &'static str,
    drug: &'static str,
    dataset: &'static str,
    role: Role,
    in_index: bool,
) -> Pair {
    Pair { cells, drug: Cow::Borrowed(drug), dataset: Cow::Borrowed(dataset), role, in_index }
}

pub(crate) static PAIRS: [Pair; 16] = [
    pair("A375", "PLX-4720", "GDSC1", Role::Development, true),
    pair("JHU006", "Vorinostat", "GDSC1", Role::Development, false),
    pair("SCC47", "Afatinib", "GDSC1", Role::Development, true),
    pair("SCC47", "Sorafenib", "GDSC2", Role::Development, true),
    pair("breast", "Cisplatin", "GDSC1", Role::Development, true),
    pair("breast", "Lapatinib", "GDSC2", Role::Development, false),
    pair("lung", "Afatinib", "GDSC2", Role::Development, true),
    pair("JHU006", "Gefitinib", "GDSC1", Role::HeldOut, true),
    pair("JHU006", "AR-42", "GDSC1", Role::HeldOut, false),
    pair("SCC47", "Cetuximab", "GDSC1", Role::HeldOut, false),
    pair("breast", "Trametinib", "GDSC1", Role::HeldOut, false),
    pair("breast", "Afatinib", "GDSC1", Role::HeldOut, false),
    pair("breast", "Bortezomib", "GDSC2", Role::HeldOut, false),
    pair("breast", "Erlotinib", "GDSC2", Role::HeldOut, false),
    pair("lung", "Gefitinib", "GDSC2", Role::HeldOut, false),
    pair("SCC47", "NVP-TAE684", "GDSC1", Role::NegativeControl, false),
];

impl Pair {
    pub(crate) fn name(&self) -> String {
        format!("{}, {}", self.drug, self.cells)
    }
}

/// Every drug that at least four of the breast lines respond to and four do not, drugs of [`PAIRS`] left out.
#[allow(dead_code)] // not every example asks
pub(crate) fn other_breast_drugs(data: &Data) -> Result<Vec<Pair>> {
    let t = Table::read(data.folder.join("sc_brca_atlas.line_response.csv.gz").as_path())?;
    let mut lines: std::collections::BTreeMap<(&str, &str), [usize; 2]> = std::collections::BTreeMap::new();
    for ((drug, dataset), label) in t.column("drug")?.iter().zip(t.column("dataset")?).zip(t.column("label")?)
    {
        if let Ok(class) = label.parse::<usize>() {
            lines.entry((drug, dataset)).or_default()[class] += 1;
        }
    }
    let known = |drug: &str| PAIRS.iter().any(|p| p.drug == drug);
    let new = lines.iter().filter(|((drug, _), n)| n.iter().all(|&n| n >= 4) && !known(drug));
    let owned = |s: &str| Cow::Owned(s.to_owned());
    Ok(new
        .map(|((drug, dataset), _)| Pair {
            cells: "breast",
            drug: owned(drug),
            dataset: owned(dataset),
            role: Role::HeldOut,
            in_index: false,
        })
        .collect())
}

/// Everything that is read once.
pub(crate) struct Data {
    folder: PathBuf,
    bulk: ExpressionMatrix,
    responses: DrugResponse,
    cells: HashMap<&'static str, TargetInput>,
}

impl Data {
    /// Reads `../shared/data` or the folder that `SENSITOME_DATA` names; says so and gives nothing where it is not there.
    pub(crate) fn read() -> Result<Option<Self>> {
        let folder =
            std::env::var_os("SENSITOME_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
        if !folder.is_dir() {
            println!("SKIPPED: {} is not there; name the data with SENSITOME_DATA", folder.display());
            return Ok(None);
        }
        let aliases = Aliases::read(folder.join("gene_aliases.tsv.gz").as_path())?;
        let ids = IdMap::read(folder.join("gene_ids.tsv.gz").as_path())?;
        let bulk = read::expression(folder.join("gdsc_expression.csv.gz"), &ReadOptions::default())?.0;
        let (bulk, _) = to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean)?;
        let responses = read::response(folder.join("gdsc_response.csv.gz").as_path())?;
        let gene_sets = read::gmt(folder.join("genesets_hallmark_v6.2.gmt.gz").as_path())?;
        let mut cells = HashMap::new();
        for (name, file) in [
            ("A375", "sc_melanoma_a375_expression.csv.gz"),
            ("JHU006", "sc_hnscc_jhu006_expression.csv.gz"),
            ("SCC47", "sc_hnscc_scc47_expression.csv.gz"),
            ("breast", "sc_brca_atlas.h5ad"),
            ("lung", "sc_lung_celseq2_5cl.counts.csv.gz"),
        ] {
            let found = read::expression(folder.join(file), &ReadOptions::default())?.0;
            let (expression, report) = to_symbols(&found, Some(&ids), None, Duplicates::fitting(&found))?;
            let input = TargetInput {
                expression,
                renamed: report.renamed,
                cluster_column: None,
                few_shot: Vec::new(),
                gene_sets: Some(gene_sets.clone()),
            };
            cells.insert(name, input);
        }
        Ok(Some(Self { folder, bulk, responses, cells }))
    }

    /// The task of a pair, lines that the cells come from left out, and the cells' labels.
    pub(crate) fn task(
        &self,
        pair: &Pair,
        options: &PrepareOptions,
    ) -> Result<(TransferTask, Vec<Option<u8>>)> {
        let target = self.cells.get(pair.cells).ok_or("no such cells")?;
        Ok((self.scoring(pair, target, options)?, self.labels(pair, &target.expression)?))
    }

    /// The same task with the lines that the breast cells come from, in bulk, in place of the cells: nothing has to be
    /// transferred.
    #[allow(dead_code)] // not every example asks
    pub(crate) fn task_in_bulk(&self, pair: &Pair) -> Result<(TransferTask, Vec<Option<u8>>)> {
        let path = self.folder.join("sc_brca_atlas.line_response.csv.gz");
        let by_line = labels_by(&path, "expression_id", pair)?;
        let cells = self.cells.get(pair.cells).ok_or("no such cells")?;
        let samples = self.bulk.samples();
        let own: Vec<usize> = (0..samples.len()).filter(|&i| by_line.contains_key(&samples[i])).collect();
        let target = TargetInput { expression: self.bulk.select_samples(&own)?, ..cells.clone() };
        let truth = own.iter().map(|&i| by_line[&samples[i]].parse().ok()).collect();
        Ok((self.scoring(pair, &target, &PrepareOptions::default())?, truth))
    }

    /// The task of scoring `target` for the drug of a pair, from the lines that its cells do not come from.
    fn scoring(&self, pair: &Pair, target: &TargetInput, options: &PrepareOptions) -> Result<TransferTask> {
        let lines = |file: &str| -> Result<Vec<String>> {
            Ok(Table::read(self.folder.join(file).as_path())?.column("expression_id")?.to_vec())
        };
        let exclude = match pair.cells {
            "A375" => vec!["A375".to_owned()],
            "breast" => lines("sc_brca_atlas.line_response.csv.gz")?,
            "lung" => lines("sc_lung.line_response.csv.gz")?,
            _ => Vec::new(), // the head-and-neck lines are not in GDSC
        };
        let screen = self.responses.matrix(Some(&pair.dataset), Measure::Auc)?;
        let source = SourceInput {
            name: "GDSC".to_owned(),
            expression: self.bulk.clone(),
            response: self.responses.select(&pair.drug, Some(&pair.dataset), Measure::Auc)?,
            labels: None,
            table: Some((screen.lines, ResponseTable { drugs: screen.drugs, values: screen.values })),
        };
        let options = PrepareOptions { exclude, ..options.clone() };
        Ok(prepare(vec![source], target.clone(), &options)?)
    }

    /// Labels of the cells; only the evaluation, and the draw of a few labelled cells, see them.
    fn labels(&self, pair: &Pair, m: &ExpressionMatrix) -> Result<Vec<Option<u8>>> {
        let pairs = |file: &str, column: &str| -> Result<HashMap<String, String>> {
            let t = Table::read(self.folder.join(file).as_path())?;
            Ok(t.column("cell")?.iter().cloned().zip(t.column(column)?.iter().cloned()).collect())
        };
        let found: HashMap<String, String> = match pair.cells {
            "A375" => pairs("sc_melanoma_a375_labels.csv", &pair.drug)?,
            "JHU006" => pairs("sc_hnscc_jhu006_labels.csv", &pair.drug)?,
            "SCC47" => pairs("sc_hnscc_scc47_labels.csv", &pair.drug)?,
            // HCC827, the line with the activating EGFR deletion, against the rest.
            "lung" => {
                let by_line = pairs("sc_lung_celseq2_5cl.cells.csv", "cell_line")?;
                by_line.into_iter().map(|(c, l)| (c, u8::from(l == "HCC827").to_string())).collect()
            }
            _ => by_line(&self.folder.join("sc_brca_atlas.line_response.csv.gz"), pair, m)?,
        };
        Ok(m.samples().iter().map(|c| found.get(c)?.parse().ok()).collect())
    }
}

/// Every cell the label of its line.
fn by_line(path: &Path, pair: &Pair, m: &ExpressionMatrix) -> Result<HashMap<String, String>> {
    let by_line = labels_by(path, "cell_line", pair)?;
    let column = m.sample_columns().get("cell_line").ok_or("no cell_line")?;
    let of = |i: usize| Some((m.samples()[i].clone(), by_line.get(&column.get(i)?)?.clone()));
    Ok((0..m.n_samples()).filter_map(of).collect())
}

/// The label of every line, which may be empty, by one of the columns that name it.
fn labels_by(path: &Path, name: &str, pair: &Pair) -> Result<HashMap<String, String>> {
    let t = Table::read(path)?;
    let (line, drugs, datasets) = (t.column(name)?, t.column("drug")?, t.column("dataset")?);
    let label = t.column("label")?;
    let rows = (0..t.n_rows()).filter(|&i| drugs[i] == pair.drug && datasets[i] == pair.dataset);
    Ok(rows.map(|i| (line[i].clone(), label[i].clone())).collect())
}

/// Labels and scores of the cells that have a label and are not among the few labelled ones.
pub(crate) fn unseen(truth: &[Option<u8>], scores: &[f64], few: Option<&FewShot>) -> (Vec<u8>, Vec<f64>) {
    let seen = |i: &usize| few.is_some_and(|f| f.rows.contains(i));
    let unseen = truth.iter().zip(scores).enumerate().filter(|(i, _)| !seen(i));
    unseen.filter_map(|(_, (label, score))| Some(((*label)?, *score))).unzip()
}
