//! All methods by name.

use crate::hyper::{Checked, Hyper, Settings};
use crate::strategies::{code_ae, ridge, scad, scdeal, shared_pathway, source_only, ssda4drug};
use crate::strategy::{Fit, Strategy, Trained};
use crate::{AdaptError, Result};

/// A method that can be chosen by name.
pub struct Entry {
    /// Its name in the CLI, in config files, in `docs/methods/` and in the code.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Its hyper-parameters.
    pub hypers: &'static [Hyper],
    build: fn(Checked) -> Result<Box<dyn Fit>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Entry {
    /// The method with checked settings, ready to fit.
    ///
    /// # Errors
    /// Names the setting that is unknown or out of range.
    pub fn build(&self, settings: &Settings) -> Result<Box<dyn Fit>> {
        (self.build)(settings.check(self.hypers)?)
    }
}

fn trained<S: Strategy + 'static>(
    name: &'static str,
    strategy: S,
    settings: Checked,
) -> Result<Box<dyn Fit>> {
    Ok(Box::new(Trained { strategy, name, settings }))
}

/// Every method, controls first.
pub const REGISTRY: &[Entry] = &[
    Entry {
        name: "ridge",
        summary: "linear regression of the response, applied to cells as it is; no adaptation",
        paper: "Hoerl and Kennard 1970",
        hypers: ridge::HYPERS,
        build: |s| Ok(Box::new(ridge::Ridge::new(&s)?)),
    },
    Entry {
        name: "source_only",
        summary: "neural classifier on bulk, applied to cells as it is; no adaptation",
        paper: "control",
        hypers: source_only::HYPERS,
        build: |s| trained("source_only", source_only::SourceOnly(s.clone()), s),
    },
    Entry {
        name: "scdeal",
        summary: "an autoencoder a domain, embeddings matched by maximum mean discrepancy",
        paper: "Chen et al., Nature Communications 13, 6494 (2022)",
        hypers: scdeal::HYPERS,
        build: |s| trained("scdeal", scdeal::Scdeal(s.clone()), s),
    },
    Entry {
        name: "scad",
        summary: "one extractor that a domain discriminator behind gradient reversal cannot tell domains by",
        paper: "Zheng et al., Advanced Science 10, 2204113 (2023)",
        hypers: scad::HYPERS,
        build: |s| trained("scad", scad::Scad(s.clone()), s),
    },
    Entry {
        name: "code_ae",
        summary: "shared and private codes, aligned by a Wasserstein critic, then fine-tuned layer by layer",
        paper: "He et al., Nature Machine Intelligence 4, 879-892 (2022)",
        hypers: code_ae::HYPERS,
        build: |s| trained("code_ae", code_ae::CodeAe(s.clone()), s),
    },
    Entry {
        name: "ssda4drug",
        summary: "denoising autoencoder with minimax entropy on a cosine classifier; uses a few labelled cells",
        paper: "Huang and Liu, Communications Biology 8 (2025)",
        hypers: ssda4drug::HYPERS,
        build: |s| trained("ssda4drug", ssda4drug::Ssda4drug(s.clone()), s),
    },
    Entry {
        name: "shared_pathway",
        summary: "shared and private encoders with a decoder in which every axis is a gene set (--gene-sets)",
        paper: "He et al., International Journal of Molecular Sciences 26, 4365 (2025)",
        hypers: shared_pathway::HYPERS,
        build: |s| trained("shared_pathway", shared_pathway::SharedPathway(s.clone()), s),
    },
];

/// The method called `name`.
///
/// # Errors
/// Lists the names when there is none.
pub fn find(name: &str) -> Result<&'static Entry> {
    REGISTRY.iter().find(|e| e.name == name).ok_or_else(|| {
        let names: Vec<&str> = REGISTRY.iter().map(|e| e.name).collect();
        AdaptError::invalid(
            format!("strategy {name}"),
            "there is none of this name",
            format!("use one of {}", names.join(", ")),
        )
    })
}
