//! Is one strategy better than another, over tasks and seeds?
//!
//! The unit of evidence is the task (data set). Seeds of one task share its cells: average them first
//! ([`Results`] does), or 50 seeds will look like 50 data sets.

mod effect;
mod friedman;
mod multiple;
mod results;
mod wilcoxon;

pub use effect::{WinTieLoss, cliffs_delta, cohens_d_paired, rank_biserial, win_tie_loss};
pub use friedman::{
    Friedman, Nemenyi, PairwiseWilcoxon, critical_difference_groups, friedman, mean_ranks, nemenyi,
    pairwise_wilcoxon,
};
pub use multiple::{benjamini_hochberg, bonferroni, holm};
pub use results::{Contrast, Results, Run, Summary};
pub use wilcoxon::{Alternative, SignedRank, Zeros, wilcoxon_signed_rank};
