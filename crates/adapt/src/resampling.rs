//! Balancing the classes of the training rows.
use crate::Result;
use crate::batches::LabelledRows;
use crate::strategy::Sampling;
pub(crate) fn resample(rows: LabelledRows, _: Sampling, _: u64) -> Result<LabelledRows> { Ok(rows) }
