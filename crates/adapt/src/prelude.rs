//! What the file of a strategy needs: `use sensitome_adapt::prelude::*`.

pub use burn::tensor::{Device, Tensor, activation};
pub use sensitome_core_models::*;
pub use sensitome_data::TransferTask;

pub use crate::clusters::cluster_loss;
pub use crate::error::{AdaptError, Result};
pub use crate::hyper::{Checked, FAITHFUL, Hyper, Range, Settings};
pub use crate::hypers::*;
pub use crate::losses::*;
pub use crate::optimizer::{Optimizer, track};
pub use crate::strategy::*;
