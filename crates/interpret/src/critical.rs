//! Critical genes, as the papers find them: the genes whose attributions differ between predicted groups.

use ndarray::Array2;
use sensitome_analysis::differential::Test;
use sensitome_analysis::{Comparison, Correction, Groups, rank_genes_groups};
use serde::{Deserialize, Serialize};

use crate::{Attribution, InterpretError, Result};

/// Added to means before their logarithm, so that a gene without attribution has one.
const LITTLE: f64 = 1e-9;

/// What is compared, and from where on a gene is critical.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CriticalOptions {
    /// Whether absolute attributions are compared (how much a gene matters) or signed ones (which way it
    /// pushes).
    pub absolute: bool,
    /// Whether the rank sum accounts for ties. Genes that are not expressed have attribution 0: ties are
    /// many.
    pub tie_correct: bool,
    /// How p-values are adjusted over the genes.
    pub correction: Correction,
    /// Adjusted p must be below this.
    pub p_adjusted: f64,
    /// log2 fold change must be at least this.
    pub log_fold_change: f64,
    /// Whether the fold change is scanpy's, which takes the attributions for log expression; else
    /// log2(mean |a| in the group + 1e-9) − log2(mean |a| outside + 1e-9).
    pub faithful_fold_change: bool,
}

impl Default for CriticalOptions {
    fn default() -> Self {
        Self {
            absolute: true,
            tie_correct: true,
            correction: Correction::BenjaminiHochberg,
            p_adjusted: 0.05,
            log_fold_change: 1.0,
            faithful_fold_change: false,
        }
    }
}

impl CriticalOptions {
    /// The thresholds of scDEAL's paper: Bonferroni below 0.05, log fold change above 1, no tie correction.
    pub fn scdeal_paper() -> Self {
        Self { correction: Correction::Bonferroni, ..Self::scdeal_code() }
    }

    /// Those of its published code: Benjamini-Hochberg below 0.05, scanpy's fold change at least 1.
    pub fn scdeal_code() -> Self {
        Self { tie_correct: false, faithful_fold_change: true, ..Self::default() }
    }
}

/// One critical gene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CriticalGene {
    /// Its name.
    pub gene: String,
    /// z of the rank sum.
    pub score: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Adjusted over the genes.
    pub p_adjusted: f64,
    /// log2 fold change, as the options say.
    pub log_fold_change: f64,
    /// Mean (signed) attribution in the group.
    pub mean: f64,
    /// Mean (signed) attribution outside.
    pub mean_outside: f64,
}

/// The two lists, each by descending score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CriticalGenes {
    /// Genes that matter more in cells predicted sensitive.
    pub sensitive: Vec<CriticalGene>,
    /// Genes that matter more in cells predicted resistant.
    pub resistant: Vec<CriticalGene>,
    /// The settings they come from.
    pub options: CriticalOptions,
}

/// Compares attributions between cells predicted sensitive (1) and resistant (0).
///
/// The p-values rank genes; they do not say that a gene causes anything: the groups are the model's own
/// predictions, which were made of these very attributions, so that differences must exist (a circular test).
///
/// # Errors
/// When there is not one class a cell, or a class has fewer than two cells.
pub fn critical_genes(
    attribution: &Attribution,
    classes: &[u8],
    options: &CriticalOptions,
) -> Result<CriticalGenes> {
    if classes.len() != attribution.cells.len() || classes.iter().any(|c| *c > 1) {
        return Err(InterpretError::invalid(
            "classes",
            format!("{} for {} cells, or other than 0 and 1", classes.len(), attribution.cells.len()),
            "pass the predicted class of every cell",
        ));
    }
    let names: Vec<String> =
        classes.iter().map(|&c| if c == 1 { "sensitive" } else { "resistant" }.to_owned()).collect();
    let tested =
        if options.absolute { attribution.values.mapv(f32::abs) } else { attribution.values.clone() };
    let comparison = Comparison {
        test: Test::Wilcoxon { tie_correct: options.tie_correct },
        correction: options.correction,
        ..Comparison::default()
    };
    let ranked = rank_genes_groups(tested.view(), &Groups::new(&names), &comparison)?;
    let (order, means) = attribution.by_group(&names)?;
    let absolute = Attribution { values: attribution.values.mapv(f32::abs), ..attribution.clone() };
    let (_, sizes) = absolute.by_group(&names)?;
    let list = |name: &str| -> Result<Vec<CriticalGene>> {
        let group = ranked.group(name)?;
        let own = usize::from(order.first().is_some_and(|first| first != name));
        let fold = |j: usize| {
            if options.faithful_fold_change {
                group.log_fold_changes[j]
            } else {
                (sizes[[own, j]] + LITTLE).log2() - (sizes[[1 - own, j]] + LITTLE).log2()
            }
        };
        let critical = |j: &usize| {
            let significant = group.p_adjusted[*j] < options.p_adjusted && group.scores[*j] > 0.0;
            significant && fold(*j) >= options.log_fold_change
        };
        let gene = |j: usize| CriticalGene {
            gene: attribution.genes[j].clone(),
            score: group.scores[j],
            p_value: group.p_values[j],
            p_adjusted: group.p_adjusted[j],
            log_fold_change: fold(j),
            mean: means[[own, j]],
            mean_outside: means[[1 - own, j]],
        };
        Ok(group.ranking().into_iter().filter(critical).map(gene).collect())
    };
    Ok(CriticalGenes { sensitive: list("sensitive")?, resistant: list("resistant")?, options: *options })
}

/// How alike several rankings of the same genes are: over seeds, over methods, or against the ridge baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// Spearman correlation of the mean absolute attributions, every pair.
    pub rank_correlation: Array2<f64>,
    /// Share of the `top` genes that both have, every pair.
    pub overlap: Array2<f64>,
    /// Genes among the `top` of every one, by their mean rank in all.
    pub always: Vec<String>,
    /// Number of genes that counts as the top.
    pub top: usize,
}

impl Stability {
    /// Mean off the diagonal: of the rank correlations, of the overlaps. 1 for a single ranking.
    pub fn means(&self) -> (f64, f64) {
        let n = self.overlap.nrows();
        let mean = |m: &Array2<f64>| match n {
            0 | 1 => 1.0,
            _ => (m.sum() - m.diag().sum()) / (n * (n - 1)) as f64,
        };
        (mean(&self.rank_correlation), mean(&self.overlap))
    }
}

/// Compares the gene rankings of several attributions. For the agreement with a ridge model explain it like
/// the others (attributions of a linear model are weight × difference) and pass both.
///
/// # Errors
/// When there are none, their genes differ, or `top` is 0 or more than the genes.
pub fn stability(attributions: &[&Attribution], top: usize) -> Result<Stability> {
    let Some(first) = attributions.first() else {
        return Err(InterpretError::invalid("attributions", "none", "pass at least one"));
    };
    if attributions.iter().any(|a| a.genes != first.genes) || top == 0 || top > first.genes.len() {
        return Err(InterpretError::invalid(
            "attributions",
            format!("of different genes, or top {top} of {}", first.genes.len()),
            "explain models of the same genes, and choose top from 1 to their number",
        ));
    }
    let weights: Vec<Vec<f64>> = attributions.iter().map(|a| a.mean_absolute().to_vec()).collect();
    let tops: Vec<Vec<usize>> =
        attributions.iter().map(|a| a.top_genes(top).into_iter().map(|g| g.column).collect()).collect();
    let n = attributions.len();
    let rank_correlation = Array2::from_shape_fn((n, n), |(a, b)| {
        // Constant weights have no order: they agree with nothing but themselves.
        let same = if a == b { 1.0 } else { 0.0 };
        sensitome_eval::correlation::spearman(&weights[a], &weights[b]).map_or(same, |c| c.coefficient)
    });
    let overlap = Array2::from_shape_fn((n, n), |(a, b)| {
        tops[a].iter().filter(|j| tops[b].contains(j)).count() as f64 / top as f64
    });
    let rank = |j: &usize| tops.iter().filter_map(|t| t.iter().position(|k| k == j)).sum::<usize>();
    let mut always: Vec<usize> =
        tops[0].iter().copied().filter(|j| tops.iter().all(|t| t.contains(j))).collect();
    always.sort_by_key(rank);
    let always = always.into_iter().map(|j| first.genes[j].clone()).collect();
    Ok(Stability { rank_correlation, overlap, always, top })
}
