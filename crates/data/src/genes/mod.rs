//! Gene identifiers: recognised, mapped to symbols, and two gene lists aligned with each other.

mod align;
mod ids;
mod known;
mod map;
mod rename;

pub use align::{AlignReport, Alignment, align};
pub use ids::{IdKind, IdReport, detect_ids};
pub use map::{Aliases, IdMap};
pub use rename::{RenameReport, RenameSource, to_symbols};

pub(crate) use ids::{AxisEvidence, is_known_symbol};
