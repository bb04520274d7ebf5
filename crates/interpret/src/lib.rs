//! Exact, self-checking attributions: which genes a prediction rests on.
//!
//! A model is an explicit list of layers, so every number here can be had twice: from an own evaluator on
//! plain arrays ([`Network`], the fast path) and from Burn's automatic differentiation (the plain path). They
//! check each other, and attributions that do not add up to what they explain are an error, never a warning.

mod attribution;
mod critical;
mod deep_shap;
mod error;
mod explain;
mod gradients;
mod integrated_gradients;
mod network;
mod options;
mod passes;
mod pathways;
mod plain;
pub mod plots;
mod quadrature;
mod real;
mod rows;
mod sampled;
pub mod sanity;
mod sparse;
mod stream;
mod target;

pub use attribution::{Attribution, RankedGene};
pub use critical::{CriticalGene, CriticalGenes, CriticalOptions, Stability, critical_genes, stability};
pub use deep_shap::{DeepShap, ShapOptions, SoftmaxRule};
pub use error::{InterpretError, Result};
pub use explain::Explainer;
pub use gradients::{Gradients, Reading};
pub use integrated_gradients::{IntegratedGradients, PathOptions};
pub use network::Network;
pub use options::{Baseline, ExplainOptions, Level, Method};
pub use passes::Trace;
pub use pathways::{PathwayRow, by_pathway, pathway_table, write_pathways};
pub use plain::Autodiff;
pub use quadrature::Rule;
pub use real::Real;
pub use rows::{Explain, Rows};
pub use sampled::{Estimate, Sampled};
pub use sensitome_core_models::FoldedStep;
pub use stream::{RunOptions, stream};
pub use target::{Explained, Target};
