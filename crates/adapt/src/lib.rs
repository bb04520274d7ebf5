//! Losses, strategies and the one training loop.
//!
//! A method is one file in [`strategies`] and one line in [`REGISTRY`]. It says which networks it has, in which stages
//! they learn and what the losses of a batch are; the loop gives it batching, validation, early stopping, named seeds,
//! checkpoints, resume and the model file.

mod batches;
mod checkpoint;
mod clusters;
mod error;
mod evidence;
mod finish;
mod hyper;
mod linear;
mod louvain;
mod observer;
mod one_pass;
mod optimizer;
mod real;
mod registry;
mod resampling;
mod search;
mod strategy;
mod tensor_steps;
mod trainer;
mod trees;

pub mod classifier;
pub mod hypers;
pub mod losses;
pub mod prelude;
pub mod strategies;

pub use clusters::{batch_clusters, cluster_loss, published_clusters};
pub use error::{AdaptError, Result};
pub use evidence::ModelEvidence;
pub use hyper::{Checked, FAITHFUL, Hyper, Range, Settings};
pub use observer::{EpochReport, History, Observer, Silent};
pub use optimizer::{Optimizer, OptimizerState, track};
pub use registry::{Entry, REGISTRY, Uses, find};
pub use search::{Draw, Search, random_search};
pub use strategy::{
    Assembled, Batch, Clip, Fit, Keep, Losses, Pace, Sampling, Schedule, SourceBatch, Stage, Strategy,
    TargetBatch, Trained, Update, require_unit_range,
};
pub use trainer::{Checkpointing, FitOptions, fit_strategy};
