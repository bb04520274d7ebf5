//! Quality control: what is in a cell, what is in a gene, and which of them to keep.

use super::Rows;

/// Quality measures, as scanpy's `calculate_qc_metrics` defines them. Shares are in percent, NaN for a cell without
/// counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Qc {
    /// Genes with a count, a cell.
    pub genes_per_cell: Vec<usize>,
    /// Sum of the counts, a cell.
    pub total: Vec<f64>,
    /// Percent of the counts in the n most frequent genes of the cell, for each n asked for.
    pub percent_in_top: Vec<Vec<f64>>,
    /// Sum of the mitochondrial counts, a cell.
    pub mitochondrial: Vec<f64>,
    /// Percent of the counts that is mitochondrial, a cell.
    pub percent_mitochondrial: Vec<f64>,
    /// Cells with a count, a gene.
    pub cells_per_gene: Vec<usize>,
    /// Sum of the counts, a gene.
    pub gene_total: Vec<f64>,
    /// Mean of the counts, a gene.
    pub gene_mean: Vec<f64>,
    /// Percent of the cells without a count, a gene.
    pub percent_dropout: Vec<f64>,
}

/// Computes the measures. `mitochondrial` marks genes (those whose symbol begins with `MT-` in human data); `top` lists
/// how many most frequent genes to look at.
pub fn quality_control(x: &impl Rows, mitochondrial: &[bool], top: &[usize]) -> Qc {
    let (n, p) = x.shape();
    let mut qc = Qc {
        genes_per_cell: vec![0; n],
        total: vec![0.0; n],
        percent_in_top: vec![Vec::with_capacity(n); top.len()],
        mitochondrial: vec![0.0; n],
        percent_mitochondrial: Vec::with_capacity(n),
        cells_per_gene: vec![0; p],
        gene_total: vec![0.0; p],
        gene_mean: Vec::with_capacity(p),
        percent_dropout: Vec::with_capacity(p),
    };
    let mut counts = Vec::new();
    for i in 0..n {
        counts.clear();
        x.row(i, &mut |j, v| {
            if v != 0.0 {
                qc.genes_per_cell[i] += 1;
                qc.cells_per_gene[j] += 1;
                counts.push(v);
            }
            qc.total[i] += v;
            qc.gene_total[j] += v;
            if mitochondrial.get(j) == Some(&true) {
                qc.mitochondrial[i] += v;
            }
        });
        counts.sort_by(|a, b| b.total_cmp(a));
        for (share, &k) in qc.percent_in_top.iter_mut().zip(top) {
            share.push(100.0 * counts.iter().take(k).sum::<f64>() / qc.total[i]);
        }
        qc.percent_mitochondrial.push(100.0 * qc.mitochondrial[i] / qc.total[i]);
    }
    for j in 0..p {
        qc.gene_mean.push(qc.gene_total[j] / n as f64);
        qc.percent_dropout.push(100.0 * (1.0 - qc.cells_per_gene[j] as f64 / n as f64));
    }
    qc
}

/// Bounds on a cell; each bound is allowed itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellFilter {
    /// Least number of genes with a count.
    pub min_genes: usize,
    /// Greatest number of genes with a count.
    pub max_genes: usize,
    /// Least sum of counts.
    pub min_counts: f64,
    /// Greatest percentage of mitochondrial counts.
    pub max_percent_mitochondrial: f64,
}

impl Default for CellFilter {
    fn default() -> Self {
        Self { min_genes: 0, max_genes: usize::MAX, min_counts: 0.0, max_percent_mitochondrial: 100.0 }
    }
}

/// Whether each cell is within the bounds.
pub fn filter_cells(qc: &Qc, filter: &CellFilter) -> Vec<bool> {
    (0..qc.total.len())
        .map(|i| {
            (filter.min_genes..=filter.max_genes).contains(&qc.genes_per_cell[i])
                && qc.total[i] >= filter.min_counts
                // NaN, a cell without counts, is no reason by itself.
                && (qc.percent_mitochondrial[i].is_nan()
                    || qc.percent_mitochondrial[i] <= filter.max_percent_mitochondrial)
        })
        .collect()
}

/// Whether each gene is seen in at least `min_cells` of the cells.
pub fn filter_genes(qc: &Qc, min_cells: usize) -> Vec<bool> {
    qc.cells_per_gene.iter().map(|&n| n >= min_cells).collect()
}
