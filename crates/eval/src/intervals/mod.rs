//! How far a metric could be off: bootstrap intervals for any metric, DeLong for the AUROC.

mod bootstrap;
mod delong;

pub(crate) use bootstrap::quantile;
pub use bootstrap::{Bootstrap, Design, Interval, Method, bca_interval, bootstrap, percentile_interval};
pub use delong::{AurocDifference, AurocInterval, delong, delong_paired};
