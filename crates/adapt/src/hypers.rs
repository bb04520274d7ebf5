//! Short ways to write a table of hyper-parameters, and those that many strategies have; a strategy sets its own default
//! and published value.

use crate::hyper::{Hyper, Range};
use crate::strategy::Sampling;

/// Weight of a loss.
pub const fn weight(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Float { low: 0.0, high: 1e6, log: false }, help)
}

/// A share below one: dropout, a mask.
pub const fn share(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Float { low: 0.0, high: 0.9, log: false }, help)
}

/// A positive number, drawn on a logarithmic scale.
pub const fn positive(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Float { low: 1e-6, high: 1e9, log: true }, help)
}

/// A count that may be 0: epochs, say.
pub const fn count(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Integer { low: 0, high: 100_000 }, help)
}

/// The width of a layer.
pub const fn width(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Integer { low: 2, high: 4096 }, help)
}

/// Yes or no.
pub const fn flag(name: &'static str, default: &'static str, help: &'static str) -> Hyper {
    Hyper::new(name, default, Range::Flag, help)
}

/// One of some words, the first of which is the default.
pub const fn choice(name: &'static str, words: &'static [&'static str], help: &'static str) -> Hyper {
    Hyper::new(name, words[0], Range::Choice(words), help)
}

/// Widths of several layers, the first of which is the default.
pub const fn widths(name: &'static str, drawn: &'static [&'static str], help: &'static str) -> Hyper {
    Hyper::new(name, drawn[0], Range::Widths(drawn), help)
}

/// Rows a step.
pub const BATCH_SIZE: Hyper =
    Hyper::new("batch_size", "64", Range::Integer { low: 2, high: 65_536 }, "rows a step");
/// Step size.
pub const LEARNING_RATE: Hyper = Hyper::new(
    "learning_rate",
    "0.001",
    Range::Float { low: 1e-6, high: 1.0, log: true },
    "step size of the optimizer",
);
/// Share of units dropped.
pub const DROPOUT: Hyper = share("dropout", "0.3", "share of units dropped");
/// Width of the embedding.
pub const LATENT: Hyper = width("latent", "128", "width of the embedding");
/// Widths of the encoder's blocks.
pub const HIDDEN: Hyper = widths("hidden", &["512,256", "256,128"], "widths of the encoder's blocks");
/// Widths of the head.
pub const HEAD: Hyper = widths("head", &["32", "64", "128,64"], "widths of the head's blocks");
/// Width of a domain discriminator.
pub const DISCRIMINATOR: Hyper = width("discriminator", "64", "width of the discriminator's two layers");
/// Weight of what a discriminator sends back to the encoder.
pub const ADVERSARIAL: Hyper =
    weight("adversarial_weight", "1", "weight of the reversed gradient at the end");
/// Passes over the source. Cells are drawn anew in each, so that the time does not grow with them.
pub const EPOCHS: Hyper = count("epochs", "50", "passes over the source");
/// How the classes of the source are balanced.
pub const SAMPLING: Hyper =
    Hyper::new("sampling", "weighted", Range::Choice(Sampling::CHOICES), "how the classes are balanced");
/// Epochs without improvement after which a stage ends.
pub const PATIENCE: Hyper = Hyper::new(
    "patience",
    "10",
    Range::Integer { low: 1, high: 10_000 },
    "epochs without a better validation",
);
/// Which weights to end with.
pub const SELECT: Hyper = choice(
    "select",
    &["last", "source_auroc"],
    "weights of the last epoch, or of the best source validation AUROC",
);
