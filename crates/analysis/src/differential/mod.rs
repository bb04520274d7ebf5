//! Genes that differ between groups of cells: Wilcoxon rank-sum and t-tests, with scanpy's definitions.
//!
//! ```
//! use ndarray::array;
//! use sensitome_analysis::differential::{Comparison, Groups, Test, rank_genes_groups};
//!
//! let cells = array![[0.0, 2.0], [0.1, 0.0], [0.0, 1.0], [3.0, 0.0], [2.5, 2.2], [2.9, 0.0_f32]];
//! let groups = Groups::new(["resistant", "resistant", "resistant", "sensitive", "sensitive", "sensitive"]);
//! let how = Comparison { test: Test::Wilcoxon { tie_correct: true }, ..Comparison::default() };
//! let result = rank_genes_groups(&cells, &groups, &how)?;
//! let sensitive = result.group("sensitive")?;
//! assert_eq!(sensitive.ranking()[0], 0); // the first gene is the one that is higher in sensitive cells
//! assert!(sensitive.scores[0] > 1.9 && sensitive.log_fold_changes[0] > 0.0);
//! # Ok::<(), sensitome_analysis::AnalysisError>(())
//! ```

mod gene;
mod groups;
mod table;
mod tester;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use groups::Groups;
pub use table::{GeneRow, GroupGenes, RankedGenes};

use crate::error::same_length;
use crate::{AnalysisError, Correction, Matrix, Real, Result, p_adjust};
use gene::GeneStatistics;
use tester::{GeneResult, Tester};

/// The test of a gene between two groups of cells; p-values are two-sided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Rank sum (Wilcoxon 1945; Mann and Whitney 1947), normal approximation without continuity correction.
    Wilcoxon {
        /// Whether the variance accounts for ties. `false` is scanpy's default, and on sparse data far too
        /// cautious; `true` is the textbook test.
        tie_correct: bool,
    },
    /// Student's t with unequal variances (Welch 1947).
    Welch,
    /// As Welch, but the reference counted as if it were no larger than the group (scanpy's
    /// `t-test_overestim_var`).
    OverestimatedVariance,
}

/// What a group of cells is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// All cells of all other groups. (Cells without a group are left out; scanpy counts them in.)
    #[default]
    Rest,
    /// The cells of one group.
    Group(String),
}

/// Settings of [`rank_genes_groups`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The test; Wilcoxon with tie correction by default.
    pub test: Test,
    /// What each group is compared with; the rest by default.
    pub reference: Reference,
    /// How p-values are adjusted over the genes, each group by itself; Benjamini-Hochberg by default.
    pub correction: Correction,
    /// Base of the logarithm the values are on, `log(1 + x)`, for the fold changes; e by default.
    pub log_base: f64,
    /// The groups to test, in this order; all (but the reference) by default.
    pub groups: Option<Vec<String>>,
}

impl Default for Comparison {
    fn default() -> Self {
        Self {
            test: Test::Wilcoxon { tie_correct: true },
            reference: Reference::Rest,
            correction: Correction::default(),
            log_base: std::f64::consts::E,
            groups: None,
        }
    }
}

/// Non-zero values that a block of genes should hold at most, so that memory is bounded: about 16 MB a thread.
const BLOCK_VALUES: usize = 1 << 20;

/// Tests every gene between groups of cells, as scanpy's `rank_genes_groups`.
///
/// `matrix` is cells × genes, usually log-normalised expression or attributions; `groups` has one entry per cell.
/// Only non-zero values are sorted, zeros are one tie, so sparse input costs what it stores. Memory stays bounded:
/// genes are worked through in blocks, in parallel. The order of cells does not change a bit of the result.
///
/// Fold changes are log2((base^m − 1 + 1e-9) / (base^r − 1 + 1e-9)) of the means m and r of the *logged* values, as
/// scanpy has them; NaN where a mean is negative (attributions, scaled values): there use the difference of means.
///
/// # Errors
/// When lengths differ, a value is not finite, a group does not exist or has fewer than two cells, nothing is
/// left to compare, or the base of the logarithm is not above 1.
pub fn rank_genes_groups<'a, T: Real + 'a>(
    matrix: impl Into<Matrix<'a, T>>,
    groups: &Groups,
    how: &Comparison,
) -> Result<RankedGenes> {
    let matrix: Matrix<'a, T> = matrix.into();
    let plan = Plan::new(matrix.n_cells(), groups, how)?;
    if matrix.n_genes() == 0 {
        return Err(AnalysisError::Empty { what: "genes" });
    }
    let width = block_width(&matrix);
    let starts: Vec<usize> = (0..matrix.n_genes()).step_by(width).collect();
    let blocks: Vec<Result<Vec<GeneResult>>> = starts
        .into_par_iter()
        .map(|start| test_block(&matrix, start..(start + width).min(matrix.n_genes()), groups, &plan, how))
        .collect();
    // Collected before the first error is taken: the one reported is then always the same.
    let mut genes = Vec::with_capacity(matrix.n_genes() * plan.tested.len());
    for block in blocks {
        genes.extend(block?);
    }
    let pick = |k: usize, f: fn(&GeneResult) -> f64| -> Vec<f64> {
        genes.iter().skip(k).step_by(plan.tested.len()).map(f).collect()
    };
    let results = plan.tested.iter().enumerate().map(|(k, &code)| {
        let p_values = pick(k, |g| g.p_value);
        Ok(GroupGenes {
            name: groups.names()[code as usize].clone(),
            n_cells: plan.sizes[code as usize],
            n_reference: plan.reference_size(code),
            scores: pick(k, |g| g.score),
            p_adjusted: p_adjust(&p_values, how.correction)?,
            p_values,
            log_fold_changes: pick(k, |g| g.log_fold_change),
            means: pick(k, |g| g.mean),
            reference_means: pick(k, |g| g.reference_mean),
            fractions: pick(k, |g| g.fraction),
            reference_fractions: pick(k, |g| g.reference_fraction),
        })
    });
    Ok(RankedGenes { groups: results.collect::<Result<_>>()?, settings: how.clone() })
}

/// What is compared with what, checked.
struct Plan {
    /// Cells per group.
    sizes: Vec<usize>,
    reference: Option<u32>,
    tested: Vec<u32>,
}

impl Plan {
    fn new(n_cells: usize, groups: &Groups, how: &Comparison) -> Result<Self> {
        same_length("groups (one per cell)", groups.n_cells(), n_cells)?;
        if !(how.log_base.is_finite() && how.log_base > 1.0) {
            let problem = format!("{} is no base of a logarithm", how.log_base);
            return Err(AnalysisError::invalid("log_base", problem, "pass e (the default), 2 or 10"));
        }
        let reference = match &how.reference {
            Reference::Rest => None,
            Reference::Group(name) => Some(groups.code(name)?),
        };
        let tested: Vec<u32> = match &how.groups {
            Some(names) => names.iter().map(|name| groups.code(name)).collect::<Result<_>>()?,
            None => (0..groups.names().len() as u32).filter(|&c| Some(c) != reference).collect(),
        };
        if tested.is_empty() {
            return Err(AnalysisError::Empty { what: "groups to compare" });
        }
        if let Some(&code) = tested.iter().find(|&&c| Some(c) == reference) {
            let problem = format!("{} would be compared with itself", groups.names()[code as usize]);
            return Err(AnalysisError::invalid("groups", problem, "leave the reference out of the list"));
        }
        if let Some(i) = (1..tested.len()).find(|&i| tested[..i].contains(&tested[i])) {
            let name = groups.names()[tested[i] as usize].clone();
            return Err(AnalysisError::Duplicate { what: "groups", name });
        }
        let plan = Self { sizes: groups.sizes(), reference, tested };
        for &code in plan.tested.iter().chain(&plan.reference) {
            too_few(plan.sizes[code as usize], || {
                format!("cells of group {}", groups.names()[code as usize])
            })?;
        }
        for &code in &plan.tested {
            let name = &groups.names()[code as usize];
            too_few(plan.reference_size(code), || format!("cells to compare group {name} with"))?;
        }
        Ok(plan)
    }

    fn reference_size(&self, code: u32) -> usize {
        match self.reference {
            Some(r) => self.sizes[r as usize],
            None => self.sizes.iter().sum::<usize>() - self.sizes[code as usize],
        }
    }
}

/// A variance needs two.
fn too_few(got: usize, what: impl FnOnce() -> String) -> Result<()> {
    if got >= 2 { Ok(()) } else { Err(AnalysisError::TooFew { what: what(), got, needed: 2 }) }
}

fn block_width<T: Real>(matrix: &Matrix<'_, T>) -> usize {
    let genes = matrix.n_genes();
    let bounded = BLOCK_VALUES.saturating_mul(genes) / matrix.stored().max(1);
    let shared = genes.div_ceil(8 * rayon::current_num_threads());
    bounded.min(shared).max(1)
}

/// Results of the genes of a block, gene by gene, each for all tested groups.
fn test_block<T: Real>(
    matrix: &Matrix<'_, T>,
    genes: std::ops::Range<usize>,
    groups: &Groups,
    plan: &Plan,
    how: &Comparison,
) -> Result<Vec<GeneResult>> {
    let packed = Block::<T>::gather(matrix, genes.clone(), groups)?;
    let ranked = matches!(how.test, Test::Wilcoxon { .. });
    let mut statistics = GeneStatistics::new(&plan.sizes, plan.reference.map(|r| r as usize), ranked);
    let tester = Tester::new(how);
    let Block { mut values, starts } = packed;
    let mut results = Vec::with_capacity(genes.len() * plan.tested.len());
    for w in starts.windows(2) {
        let gene = &mut values[w[0]..w[1]];
        gene.sort_unstable();
        statistics.load::<T>(gene);
        results.extend(plan.tested.iter().map(|&code| tester.test(&statistics, code as usize)));
    }
    Ok(results)
}

/// Non-zero values of some genes, gene after gene, packed with the group of their cell.
struct Block<T: Real> {
    values: Vec<T::Packed>,
    /// Where each gene starts, and the end.
    starts: Vec<usize>,
}

impl<T: Real> Block<T> {
    fn gather(matrix: &Matrix<'_, T>, genes: std::ops::Range<usize>, groups: &Groups) -> Result<Self> {
        let mut starts = vec![0usize; genes.len() + 1];
        let used = || groups.codes().iter().enumerate().filter_map(|(i, code)| Some((i, (*code)?)));
        for (cell, _) in used() {
            matrix.non_zero(cell, genes.clone(), |gene, _| starts[gene - genes.start + 1] += 1)?;
        }
        for j in 0..genes.len() {
            starts[j + 1] += starts[j];
        }
        let mut next = starts.clone();
        let mut values = vec![T::Packed::default(); starts[genes.len()]];
        for (cell, code) in used() {
            matrix.non_zero(cell, genes.clone(), |gene, value| {
                let place = &mut next[gene - genes.start];
                values[*place] = value.pack(code);
                *place += 1;
            })?;
        }
        Ok(Self { values, starts })
    }
}
