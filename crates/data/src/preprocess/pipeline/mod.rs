//! The usual steps from counts to what a method learns from, taken together.
//!
//! The numbers are those of the single steps ([`filter_cells`](super::filter_cells),
//! [`filter_genes`](super::filter_genes), [`normalize_total`](super::normalize_total), [`log1p`](super::log1p),
//! [`highly_variable_genes`](super::highly_variable_genes), [`Scaler`]) without their matrices in between: cells are
//! gone over several times instead, in parallel, and lie in memory or in a file. Only sums over cells are taken in another
//! order, which moves the last digits of moments: of genes that tie for the last place another may be chosen.

mod apply;
mod fit;

pub(crate) use fit::OUT;

use std::path::Path;

use super::{Hvg, HvgFlavor, Scaler, hvg, normalize};
use crate::read::{CellBlocks, each_ahead};
use crate::write::H5adBlocks;
use crate::{Columns, DataError, ExpressionMatrix, Result};

/// What is done with counts, in this order. The default normalises to the median and takes logarithms, nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Cells with fewer genes that have a count are left out.
    pub min_genes: usize,
    /// Genes with a count in fewer of the cells left are left out.
    pub min_cells: usize,
    /// The total that every cell is brought to; the median of the totals where not given.
    pub target_sum: Option<f64>,
    /// Whether values become ln(1 + x).
    pub log1p: bool,
    /// How many of the most variable genes are kept, and by which definition; all where not given.
    pub top_genes: Option<(usize, HvgFlavor)>,
    /// Whether values become z-scores, which are dense.
    pub scale: bool,
    /// Where z-scores are cut, above and below.
    pub max_value: Option<f64>,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            min_genes: 0,
            min_cells: 0,
            target_sum: None,
            log1p: true,
            top_genes: None,
            scale: false,
            max_value: None,
        }
    }
}

/// What was found in the cells, and is needed to treat other cells alike.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineFit {
    /// Whether each cell was kept.
    pub cells: Vec<bool>,
    /// The genes seen in enough cells, by their place among all.
    pub seen: Vec<usize>,
    /// The genes of the result, by their place among all.
    pub genes: Vec<usize>,
    /// The total that cells were brought to.
    pub target_sum: f64,
    /// Variability of the genes in [`seen`](Self::seen), where genes were chosen by it.
    pub hvg: Option<Hvg>,
    /// z-scores of the genes of the result after the steps before, with variances over n - 1.
    pub scaler: Scaler,
    /// What each cell is multiplied by.
    factors: Vec<f64>,
}

impl Pipeline {
    /// Takes the steps on cells in memory. Returns the cells and genes that are left, with the mean and the standard
    /// deviation of each gene before scaling in the gene columns `mean` and `sd`: sparse if `cells` is, dense when
    /// scaled. The same bits whatever the number of threads.
    ///
    /// # Errors
    /// When a setting contradicts another or is out of range, a value is negative, no cell or gene is left, or there are
    /// fewer than 2 cells to choose genes by.
    pub fn run(&self, cells: &ExpressionMatrix) -> Result<(ExpressionMatrix, PipelineFit)> {
        self.check()?;
        let fit = fit::fit(self, &mut &*cells)?;
        Ok((apply::block(self, &fit, 0, cells)?, fit))
    }

    /// As [`run`](Self::run) on a file larger than memory: goes over the blocks three times, four when genes are left
    /// out for being rare and once more for [`HvgFlavor::SeuratV3`], and writes the cells to `out`, an `.h5ad`,
    /// compressed with deflate where a level from 1 to 9 is given. The same bits as in memory, whatever the size of the
    /// blocks.
    ///
    /// # Errors
    /// As for [`run`](Self::run); when reading or writing fails; and for `scale`, as z-scores are dense: the columns
    /// `mean` and `sd` hold what is needed to scale what is read of the file.
    pub fn run_blocks(
        &self,
        mut cells: CellBlocks,
        out: impl AsRef<Path>,
        compression: Option<u32>,
    ) -> Result<PipelineFit> {
        self.check()?;
        if self.scale {
            return Err(DataError::invalid(
                "scaling",
                "z-scores are dense and not written block by block",
                "leave it out and scale what you read by the gene columns mean and sd, or run in memory",
            ));
        }
        let fit = fit::fit(self, &mut cells)?;
        let names: Vec<String> = fit.genes.iter().filter_map(|&j| cells.genes().get(j).cloned()).collect();
        let mut columns: Columns =
            cells.gene_columns().iter().map(|(k, c)| (k.clone(), c.select(&fit.genes))).collect();
        columns.extend(apply::moments(&fit));
        let mut file = H5adBlocks::create(out, &names, &columns, compression)?;
        each_ahead(&mut cells, |first, block| file.append(&apply::block(self, &fit, first, &block)?))?;
        file.finish()?;
        Ok(fit)
    }

    fn check(&self) -> Result<()> {
        normalize::check_target(self.target_sum)?;
        match (self.top_genes, self.max_value) {
            (Some((_, HvgFlavor::Seurat | HvgFlavor::CellRanger)), _) if !self.log1p => {
                Err(DataError::invalid(
                    "highly variable genes",
                    "this flavor is defined on logarithms, which are left out",
                    "take logarithms, or choose seurat_v3, which looks at counts",
                ))
            }
            (_, Some(_)) if !self.scale => {
                Err(DataError::invalid("greatest z-score", "nothing is scaled", "scale too, or leave it out"))
            }
            (_, Some(limit)) if !(limit > 0.0 && limit.is_finite()) => {
                Err(DataError::invalid("greatest z-score", format!("{limit} is not positive"), "use 10, say"))
            }
            (Some((n, _)), _) => hvg::check(2, n),
            _ => Ok(()),
        }
    }

    /// A count as it is before scaling.
    fn value(&self, count: f32, factor: f64) -> f32 {
        let scaled = normalize::scaled(count, factor);
        if self.log1p { normalize::logged(scaled) } else { scaled }
    }
}
