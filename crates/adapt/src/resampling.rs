//! Balancing the classes of the training rows, once a stage.

use ndarray::Axis;
use sensitome_data::resample::{Balance, random_over, random_under, smote};

use crate::Result;
use crate::batches::LabelledRows;
use crate::strategy::Sampling;

/// Neighbours of SMOTE, as everybody has it.
const NEIGHBOURS: usize = 5;

pub(crate) fn resample(rows: LabelledRows, sampling: Sampling, seed: u64) -> Result<LabelledRows> {
    // numpy's generators take 32 bits.
    let seed = seed & 0xffff_ffff;
    let chosen = match sampling {
        Sampling::Shuffle | Sampling::Weighted => return Ok(rows),
        Sampling::Over => random_over(&rows.labels, Balance::Equal, seed)?,
        Sampling::Under => random_under(&rows.labels, Balance::Equal, seed)?,
        Sampling::Smote => {
            let (x, labels) = smote(rows.x.view(), &rows.labels, NEIGHBOURS, Balance::Equal, seed)?;
            let mut source = rows.source;
            source.resize(labels.len(), 0);
            return Ok(LabelledRows { x, labels, source });
        }
    };
    Ok(LabelledRows {
        x: rows.x.select(Axis(0), &chosen),
        labels: chosen.iter().map(|&i| rows.labels[i]).collect(),
        source: chosen.iter().map(|&i| rows.source[i]).collect(),
    })
}
