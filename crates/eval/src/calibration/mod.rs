//! Do probabilities mean what they say, and what can be promised about single cells?
//!
//! Everything fitted here is fitted on labelled data held out from training ([`Validation`](crate::classification::Validation)
//! or its labels and scores), never on the data that results are reported on.

mod conformal;
mod reliability;
mod scaling;
mod shift;

pub use conformal::{Conformal, PredictionSet, SensitiveCells, conformal_p_values, significantly_sensitive};
pub use reliability::{Bin, Bins, ece, mce, reliability_curve, top_label};
pub use scaling::{Isotonic, Platt, Temperature};
pub(crate) use shift::rows_of_probabilities;
pub use shift::{LabelShift, correct_for_shift, label_shift_bbse, label_shift_em};
