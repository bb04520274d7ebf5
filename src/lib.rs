//! Predicts which single cells of a tumour resist a cancer drug, learning from bulk cell lines where the response is
//! measured, and transferring that to single cells where it is not.
//!
//! The data flows one way:
//!
//! 1. [`data`] reads expression and response files and prepares a [`TransferTask`](data::TransferTask);
//! 2. [`adapt`] fits a strategy to it and gives a [`ResponseModel`](models::ResponseModel);
//! 3. [`models`] saves, loads and applies that model;
//! 4. [`eval`] measures the predictions, with labels that nothing upstream has seen;
//! 5. [`compare`] does all that for many strategies, tasks and seeds, and says which one to trust.
//!
//! ```
//! use sensitome::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let simulation = simulate(&SimulationConfig { n_lines: 60, n_cells: 40, n_genes: 300, ..Default::default() })?;
//! let task = simulation.task(&PrepareOptions::default())?;
//! let method = find("ridge")?.build(&Settings::new())?;
//! let model = method.fit(&task, &mut FitOptions::new(0, parse_device("flex")?))?;
//! let predictions = model.predict(&simulation.cells, &PredictOptions::default())?;
//! assert_eq!(predictions.scores.len(), 40);
//! # Ok(())
//! # }
//! ```

pub use sensitome_adapt as adapt;
pub use sensitome_analysis as analysis;
pub use sensitome_compare as compare;
pub use sensitome_core_models as models;
pub use sensitome_data as data;
pub use sensitome_eval as eval;
pub use sensitome_interpret as interpret;

/// What most programs need.
pub mod prelude {
    pub use sensitome_adapt::{FitOptions, REGISTRY, Settings, find};
    pub use sensitome_core_models::{PredictOptions, Predictions, ResponseModel, parse_device};
    pub use sensitome_data::simulate::{SimulationConfig, simulate};
    pub use sensitome_data::{ExpressionMatrix, PrepareOptions, TransferTask, prepare, read};
    pub use sensitome_eval::{auroc, average_precision};
}
