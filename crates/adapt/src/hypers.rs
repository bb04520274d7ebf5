//! Hyper-parameters that many strategies have, with their ranges; a strategy sets its own default and published value.

use crate::hyper::{Hyper, Range};
use crate::strategy::Sampling;

/// Counts of epochs.
pub const EPOCHS: Range = Range::Integer { low: 0, high: 10_000 };
/// Shares below one: dropout, masks.
pub const RATE: Range = Range::Float { low: 0.0, high: 0.9, log: false };
/// Weights of losses.
pub const WEIGHT: Range = Range::Float { low: 0.0, high: 1e6, log: false };
/// Widths of one layer.
pub const WIDTH: Range = Range::Integer { low: 2, high: 4096 };

/// Rows a step.
pub const BATCH_SIZE: Hyper =
    Hyper::new("batch_size", "64", Range::Integer { low: 2, high: 65_536 }, "rows a step");
/// Share of units dropped.
pub const DROPOUT: Hyper = Hyper::new("dropout", "0.3", RATE, "share of units dropped");
/// Step size.
pub const LEARNING_RATE: Hyper = Hyper::new(
    "learning_rate",
    "0.001",
    Range::Float { low: 1e-6, high: 1.0, log: true },
    "step size of the optimizer",
);
/// Width of the embedding.
pub const LATENT: Hyper = Hyper::new("latent", "128", WIDTH, "width of the embedding");
/// Widths of the encoder's blocks.
pub const HIDDEN: Hyper =
    Hyper::new("hidden", "512,256", Range::Widths(&["512,256", "256,128"]), "widths of the encoder's blocks");
/// How the classes of the source are balanced.
pub const SAMPLING: Hyper =
    Hyper::new("sampling", "weighted", Range::Choice(Sampling::CHOICES), "how the classes are balanced");
/// Which weights to end with.
pub const SELECT: Hyper = Hyper::new(
    "select",
    "last",
    Range::Choice(&["last", "source_auroc"]),
    "weights of the last epoch, or of the best AUROC on held-out source rows",
);
