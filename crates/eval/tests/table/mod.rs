//! Every public metric with the properties it promises; `properties.rs` and `no_panic.rs` run over it.

#![allow(dead_code, unused_imports)] // each test that shares the table uses its own part of it

mod entries;
mod sample;

pub(crate) use entries::entries;
pub(crate) use sample::{Field, Sample, sample};

use sensitome_eval::Metric;

pub(crate) type Run = fn(&Sample) -> Metric<Vec<f64>>;

/// What reordering the samples does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Order {
    /// Nothing.
    Free,
    /// It reorders the result alike.
    PerSample,
    /// The function draws at random or returns sample numbers: no promise.
    Drawn,
}

/// Which changes of the scores (or points) leave the result alone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Scale {
    /// Any strictly increasing function.
    Monotone,
    /// Positive factor and shift.
    Affine,
    /// Positive factor.
    Factor,
    No,
}

/// What exchanging the classes does to the result.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Swap {
    Same,
    OneMinus,
    Negated,
    No,
}

/// A value, or that there is none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Expect {
    Is(f64),
    Undefined,
    /// The share of sensitive samples.
    Prevalence,
    /// Defined, whatever the value.
    Defined,
    No,
}

pub(crate) struct Entry {
    /// The public functions this entry stands for, as `function` or `Type::method`.
    pub(crate) names: &'static [&'static str],
    pub(crate) run: Run,
    pub(crate) reads: &'static [Field],
    pub(crate) order: Order,
    pub(crate) weighted: bool,
    pub(crate) scale: Scale,
    /// Labels alone exchanged.
    pub(crate) swap_labels: Swap,
    /// Labels exchanged, predictions with them, scores negated, probabilities 1 − p.
    pub(crate) swap_all: Swap,
    pub(crate) one_class: Expect,
    /// All scores equal.
    pub(crate) tied: Expect,
    pub(crate) perfect: Expect,
    pub(crate) inverted: Expect,
}

impl Entry {
    pub(crate) fn new(names: &'static [&'static str], reads: &'static [Field], run: Run) -> Self {
        Self {
            names,
            run,
            reads,
            order: Order::Free,
            weighted: false,
            scale: Scale::No,
            swap_labels: Swap::No,
            swap_all: Swap::No,
            one_class: Expect::No,
            tied: Expect::No,
            perfect: Expect::No,
            inverted: Expect::No,
        }
    }

    pub(crate) fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    pub(crate) fn weighted(mut self) -> Self {
        self.weighted = true;
        self
    }

    pub(crate) fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    pub(crate) fn swap(mut self, labels: Swap, all: Swap) -> Self {
        self.swap_labels = labels;
        self.swap_all = all;
        self
    }

    pub(crate) fn one_class(mut self, expect: Expect) -> Self {
        self.one_class = expect;
        self
    }

    pub(crate) fn tied(mut self, expect: Expect) -> Self {
        self.tied = expect;
        self
    }

    pub(crate) fn ends(mut self, perfect: Expect, inverted: Expect) -> Self {
        self.perfect = perfect;
        self.inverted = inverted;
        self
    }
}
