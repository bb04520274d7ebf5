//! [`Attribution`]: what every method gives and everything else starts from.

use std::path::Path;

use indexmap::IndexMap;
use ndarray::{Array1, Array2, Axis};
use sensitome_data::{Column, ExpressionMatrix, Values, write};

use crate::{InterpretError, Result};

/// Attributions of cells to genes (or latent axes).
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// The method, in a word (`ig`, `shap`, ...).
    pub method: String,
    /// What is explained, in words (`log-odds of sensitive`, ...).
    pub target: String,
    /// Cells × genes, in units of the target; positive raises it.
    pub values: Array2<f32>,
    /// The baseline in the units of the network's input, one a gene; empty for methods without one.
    pub baseline: Vec<f32>,
    /// What the attributions of a cell are counted from, one a cell.
    pub expected: Vec<f64>,
    /// The explained number, one a cell.
    pub output: Vec<f64>,
    /// Completeness: sum of the attributions − (output − expected), one a cell; `None` where no sum is
    /// promised.
    pub gap: Option<Vec<f64>>,
    /// Cell names.
    pub cells: Vec<String>,
    /// Gene (or axis) names.
    pub genes: Vec<String>,
}

/// A gene among the top.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedGene {
    /// Its name.
    pub gene: String,
    /// Its column.
    pub column: usize,
    /// Mean attribution: the direction.
    pub mean: f64,
    /// Mean absolute attribution: the weight.
    pub mean_absolute: f64,
}

impl Attribution {
    /// Refuses parts whose sizes do not fit, and values that are not finite.
    ///
    /// # Errors
    /// Says which.
    pub fn checked(self) -> Result<Self> {
        let (cells, genes) = self.values.dim();
        let fits = |n: usize| n == cells;
        if !(fits(self.cells.len()) && fits(self.expected.len()) && fits(self.output.len()))
            || self.gap.as_ref().is_some_and(|g| !fits(g.len()))
            || self.genes.len() != genes
            || !(self.baseline.is_empty() || self.baseline.len() == genes)
        {
            return Err(InterpretError::invalid(
                "attribution",
                format!("{cells} × {genes} values do not fit the names, outputs or baseline"),
                "pass one name and one output a cell, one name a gene",
            ));
        }
        match self.values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(self),
            Some(((i, j), _)) => Err(InterpretError::invalid(
                "attribution",
                format!("that of gene {} in cell {} is not a finite number", self.genes[j], self.cells[i]),
                "check the scale of the cells: their values are far outside what the model was trained on",
            )),
        }
    }

    /// The given cells in the given order.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn select_cells(&self, rows: &[usize]) -> Result<Self> {
        within(rows, self.cells.len(), "cell")?;
        let pick = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
        Ok(Self {
            values: self.values.select(Axis(0), rows),
            expected: pick(&self.expected),
            output: pick(&self.output),
            gap: self.gap.as_deref().map(pick),
            cells: rows.iter().map(|&i| self.cells[i].clone()).collect(),
            ..self.without_values()
        })
    }

    /// The given genes in the given order. The gaps are dropped: part of the genes sums to part of the
    /// difference.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn select_genes(&self, columns: &[usize]) -> Result<Self> {
        within(columns, self.genes.len(), "gene")?;
        let baseline = if self.baseline.is_empty() { &[][..] } else { columns };
        Ok(Self {
            values: self.values.select(Axis(1), columns),
            baseline: baseline.iter().map(|&j| self.baseline[j]).collect(),
            genes: columns.iter().map(|&j| self.genes[j].clone()).collect(),
            gap: None,
            ..self.without_values()
        })
    }

    /// Everything but the values, which may be large.
    fn without_values(&self) -> Self {
        Self {
            method: self.method.clone(),
            target: self.target.clone(),
            values: Array2::zeros((0, 0)),
            baseline: self.baseline.clone(),
            expected: self.expected.clone(),
            output: self.output.clone(),
            gap: self.gap.clone(),
            cells: self.cells.clone(),
            genes: self.genes.clone(),
        }
    }

    /// Mean attribution of each gene; zeros without cells.
    pub fn mean(&self) -> Array1<f64> {
        self.column_means(f64::from)
    }

    /// Mean absolute attribution of each gene: its global weight. Zeros without cells.
    pub fn mean_absolute(&self) -> Array1<f64> {
        self.column_means(|v| f64::from(v).abs())
    }

    fn column_means(&self, f: impl Fn(f32) -> f64) -> Array1<f64> {
        let mut sums = Array1::zeros(self.genes.len());
        for row in self.values.rows() {
            ndarray::Zip::from(&mut sums).and(&row).for_each(|s, &v| *s += f(v));
        }
        sums / self.cells.len().max(1) as f64
    }

    /// Mean attribution of each gene in each group (groups by first appearance, groups × genes).
    ///
    /// # Errors
    /// When there is not one label a cell.
    pub fn by_group(&self, labels: &[String]) -> Result<(Vec<String>, Array2<f64>)> {
        if labels.len() != self.cells.len() {
            return Err(InterpretError::invalid(
                "groups",
                format!("{} labels for {} cells", labels.len(), self.cells.len()),
                "pass one a cell",
            ));
        }
        let mut groups: IndexMap<&str, Vec<usize>> = IndexMap::new();
        for (i, label) in labels.iter().enumerate() {
            groups.entry(label).or_default().push(i);
        }
        let mut means = Array2::zeros((groups.len(), self.genes.len()));
        for (mut mean, rows) in means.rows_mut().into_iter().zip(groups.values()) {
            for &i in rows {
                ndarray::Zip::from(&mut mean).and(&self.values.row(i)).for_each(|m, &v| *m += f64::from(v));
            }
            mean /= rows.len() as f64;
        }
        Ok((groups.into_keys().map(str::to_owned).collect(), means))
    }

    /// All genes by descending mean absolute attribution; ties in the order of the genes.
    pub fn ranking(&self) -> Vec<RankedGene> {
        let (mean, weight) = (self.mean(), self.mean_absolute());
        let mut order: Vec<usize> = (0..self.genes.len()).collect();
        order.sort_by(|&a, &b| weight[b].total_cmp(&weight[a]));
        let gene = |column: usize| RankedGene {
            gene: self.genes[column].clone(),
            column,
            mean: mean[column],
            mean_absolute: weight[column],
        };
        order.into_iter().map(gene).collect()
    }

    /// The first `n` of the [`ranking`](Self::ranking).
    pub fn top_genes(&self, n: usize) -> Vec<RankedGene> {
        let mut ranking = self.ranking();
        ranking.truncate(n);
        ranking
    }

    /// The largest gap relative to max(1, |output|, |expected|) of its cell; `None` where no sum is promised.
    pub fn worst_gap(&self) -> Option<f64> {
        let scale = |i: usize| self.output[i].abs().max(self.expected[i].abs()).max(1.0);
        let gaps = self.gap.as_ref()?;
        Some(gaps.iter().enumerate().map(|(i, g)| g.abs() / scale(i)).fold(0.0, f64::max))
    }

    /// Writes cells × genes, with a first column `cell`.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is left half-written.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let matrix = self.matrix()?;
        Ok(write::expression_csv(path, &matrix, "cell")?)
    }

    /// Writes the ranking: `rank,gene,mean,mean_absolute`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_ranking(&self, path: &Path) -> Result<()> {
        let rows = self
            .ranking()
            .into_iter()
            .enumerate()
            .map(|(i, g)| [(i + 1).to_string(), g.gene, g.mean.to_string(), g.mean_absolute.to_string()]);
        let header = ["rank", "gene", "mean", "mean_absolute"].map(str::to_owned);
        Ok(write::csv(path, header, rows)?)
    }

    /// Writes an AnnData file: the attributions as `X`, `output`, `expected` and `gap` of each cell in `obs`,
    /// `mean`, `mean_absolute` and `baseline` of each gene in `var`. In Python,
    /// `adata.layers["attribution"] = anndata.read_h5ad(file)[adata.obs_names, adata.var_names].X` puts them
    /// beside the expression.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_h5ad(&self, path: &Path) -> Result<()> {
        let mut matrix = self.matrix()?;
        matrix.set_sample_column("output", Column::Number(self.output.clone()))?;
        matrix.set_sample_column("expected", Column::Number(self.expected.clone()))?;
        if let Some(gap) = &self.gap {
            matrix.set_sample_column("gap", Column::Number(gap.clone()))?;
        }
        matrix.set_gene_column("mean", Column::Number(self.mean().to_vec()))?;
        matrix.set_gene_column("mean_absolute", Column::Number(self.mean_absolute().to_vec()))?;
        if !self.baseline.is_empty() {
            let baseline = self.baseline.iter().map(|&b| f64::from(b)).collect();
            matrix.set_gene_column("baseline", Column::Number(baseline))?;
        }
        Ok(write::h5ad(path, &matrix, &[])?)
    }

    fn matrix(&self) -> Result<ExpressionMatrix> {
        let values = Values::Dense(self.values.clone());
        Ok(ExpressionMatrix::new(values, self.cells.clone(), self.genes.clone())?)
    }
}

fn within(given: &[usize], n: usize, what: &str) -> Result<()> {
    match given.iter().find(|&&i| i >= n) {
        None => Ok(()),
        Some(i) => Err(InterpretError::invalid(
            what,
            format!("number {i} of {n}"),
            "count from 0, below their number",
        )),
    }
}
