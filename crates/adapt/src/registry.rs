//! All methods by name.

use crate::classifier::{Aligned, StepLosses};
use crate::hyper::{Checked, Hyper, Settings};
use crate::strategies::*;
use crate::strategy::{Fit, Strategy, Trained};
use crate::{AdaptError, Result};

/// What a method learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// Bulk alone: the cells are predicted as they are, which is no adaptation.
    Bulk,
    /// Bulk and the unlabelled cells (and a few labelled ones, where there are any).
    BulkAndCells,
    /// The few labelled cells alone; without them it can do nothing.
    LabelledCells,
}

/// A method that can be chosen by name.
pub struct Entry {
    /// Its name in the CLI, in config files, in `docs/methods/` and in the code.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// What it learns from.
    pub uses: Uses,
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

fn aligned(name: &'static str, losses: StepLosses, settings: Checked) -> Result<Box<dyn Fit>> {
    trained(name, Aligned { settings: settings.clone(), losses }, settings)
}

/// Every method: the controls, the published methods of the field, their relatives from domain adaptation, and ours.
pub const REGISTRY: &[Entry] = &[
    Entry {
        name: "constant",
        uses: Uses::Bulk,
        summary: "the share of sensitive bulk samples for every cell",
        paper: "control",
        hypers: constant::HYPERS,
        build: |s| Ok(Box::new(constant::Constant(s))),
    },
    Entry {
        name: "ridge",
        uses: Uses::Bulk,
        summary: "linear regression of the response, applied to cells as it is; no adaptation",
        paper: "Hoerl and Kennard 1970",
        hypers: ridge::HYPERS,
        build: |s| Ok(Box::new(ridge::Ridge(s))),
    },
    Entry {
        name: "elastic_net",
        uses: Uses::Bulk,
        summary: "sparse linear regression of the response; no adaptation",
        paper: "Zou and Hastie 2005",
        hypers: elastic_net::HYPERS,
        build: |s| Ok(Box::new(elastic_net::ElasticNet(s))),
    },
    Entry {
        name: "logistic",
        uses: Uses::Bulk,
        summary: "logistic regression of the labels; no adaptation",
        paper: "Cox 1958",
        hypers: logistic::HYPERS,
        build: |s| Ok(Box::new(logistic::Logistic(s))),
    },
    Entry {
        name: "svm",
        uses: Uses::Bulk,
        summary: "linear support vector machine on the labels; no adaptation",
        paper: "Cortes and Vapnik 1995",
        hypers: svm::HYPERS,
        build: |s| Ok(Box::new(svm::Svm(s))),
    },
    Entry {
        name: "random_forest",
        uses: Uses::Bulk,
        summary: "trees on bootstrap samples of bulk; no adaptation",
        paper: "Breiman 2001",
        hypers: random_forest::HYPERS,
        build: |s| Ok(Box::new(random_forest::RandomForest(s))),
    },
    Entry {
        name: "gradient_boosting",
        uses: Uses::Bulk,
        summary: "small trees one after another; no adaptation",
        paper: "Friedman 2001; Chen and Guestrin 2016",
        hypers: gradient_boosting::HYPERS,
        build: |s| Ok(Box::new(gradient_boosting::GradientBoosting(s))),
    },
    Entry {
        name: "nearest_centroid",
        uses: Uses::LabelledCells,
        summary: "nearer mean of the few labelled cells alone (--few-shot); bulk is not used",
        paper: "control",
        hypers: nearest_centroid::HYPERS,
        build: |s| Ok(Box::new(nearest_centroid::NearestCentroid(s))),
    },
    Entry {
        name: "source_only",
        uses: Uses::Bulk,
        summary: "neural classifier on bulk, applied to cells as it is; no adaptation",
        paper: "control",
        hypers: source_only::HYPERS,
        build: |s| trained("source_only", source_only::SourceOnly(s.clone()), s),
    },
    Entry {
        name: "autoencoder",
        uses: Uses::BulkAndCells,
        summary: "denoising autoencoder of bulk and cells, then a classifier on its embedding",
        paper: "control",
        hypers: autoencoder::HYPERS,
        build: |s| trained("autoencoder", autoencoder::AutoencoderClassifier(s.clone()), s),
    },
    Entry {
        name: "scdeal",
        uses: Uses::BulkAndCells,
        summary: "an autoencoder a domain, embeddings matched by maximum mean discrepancy",
        paper: "Chen et al., Nature Communications 13, 6494 (2022)",
        hypers: scdeal::HYPERS,
        build: |s| trained("scdeal", scdeal::Scdeal(s.clone()), s),
    },
    Entry {
        name: "scad",
        uses: Uses::BulkAndCells,
        summary: "one extractor that a domain discriminator behind gradient reversal cannot tell domains by",
        paper: "Zheng et al., Advanced Science 10, 2204113 (2023)",
        hypers: scad::HYPERS,
        build: |s| trained("scad", scad::Scad(s.clone()), s),
    },
    Entry {
        name: "code_ae",
        uses: Uses::BulkAndCells,
        summary: "shared and private codes, aligned by a Wasserstein critic, then fine-tuned layer by layer",
        paper: "He et al., Nature Machine Intelligence 4, 879-892 (2022)",
        hypers: code_ae::HYPERS,
        build: |s| trained("code_ae", code_ae::CodeAe(s.clone()), s),
    },
    Entry {
        name: "ssda4drug",
        uses: Uses::BulkAndCells,
        summary: "denoising autoencoder with minimax entropy on a cosine classifier; uses a few labelled cells",
        paper: "Huang and Liu, Communications Biology 8 (2025)",
        hypers: ssda4drug::HYPERS,
        build: |s| trained("ssda4drug", ssda4drug::Ssda4drug(s.clone()), s),
    },
    Entry {
        name: "shared_pathway",
        uses: Uses::BulkAndCells,
        summary: "shared and private encoders with a decoder in which every axis is a gene set (--gene-sets)",
        paper: "He et al., International Journal of Molecular Sciences 26, 4365 (2025)",
        hypers: shared_pathway::HYPERS,
        build: |s| trained("shared_pathway", shared_pathway::SharedPathway(s.clone()), s),
    },
    Entry {
        name: "coral",
        uses: Uses::BulkAndCells,
        summary: "covariances of the embeddings made equal",
        paper: "Sun and Saenko, ECCV Workshops (2016)",
        hypers: coral::HYPERS,
        build: |s| aligned("coral", coral::losses, s),
    },
    Entry {
        name: "mmd",
        uses: Uses::BulkAndCells,
        summary: "embeddings matched by maximum mean discrepancy under several kernels",
        paper: "Long et al., ICML (2015)",
        hypers: mmd::HYPERS,
        build: |s| aligned("mmd", mmd::losses, s),
    },
    Entry {
        name: "jan",
        uses: Uses::BulkAndCells,
        summary: "joint distribution of embedding and prediction matched by maximum mean discrepancy",
        paper: "Long et al., ICML (2017)",
        hypers: jan::HYPERS,
        build: |s| aligned("jan", jan::losses, s),
    },
    Entry {
        name: "optimal_transport",
        uses: Uses::BulkAndCells,
        summary: "embeddings matched by the entropic cost of moving one onto the other",
        paper: "Cuturi, NeurIPS (2013); Feydy et al., AISTATS (2019)",
        hypers: optimal_transport::HYPERS,
        build: |s| aligned("optimal_transport", optimal_transport::losses, s),
    },
    Entry {
        name: "dann",
        uses: Uses::BulkAndCells,
        summary: "a domain discriminator behind gradient reversal on the embedding",
        paper: "Ganin et al., JMLR 17 (2016)",
        hypers: dann::HYPERS,
        build: |s| trained("dann", dann::Dann(s.clone()), s),
    },
    Entry {
        name: "cdan",
        uses: Uses::BulkAndCells,
        summary: "a domain discriminator on the product of embedding and prediction",
        paper: "Long et al., NeurIPS (2018)",
        hypers: cdan::HYPERS,
        build: |s| trained("cdan", cdan::Cdan(s.clone()), s),
    },
    Entry {
        name: "mcd",
        uses: Uses::BulkAndCells,
        summary: "two heads driven apart on the cells, the encoder driven to where they agree",
        paper: "Saito et al., CVPR (2018)",
        hypers: mcd::HYPERS,
        build: |s| trained("mcd", mcd::Mcd(s.clone()), s),
    },
    Entry {
        name: "adabn",
        uses: Uses::BulkAndCells,
        summary: "source_only with the cells' statistics in batch normalisation",
        paper: "Li et al., ICLR Workshops (2017)",
        hypers: adabn::HYPERS,
        build: |s| trained("adabn", adabn::AdaBn(s.clone()), s),
    },
    Entry {
        name: "mme",
        uses: Uses::BulkAndCells,
        summary: "minimax entropy on a cosine classifier; uses a few labelled cells",
        paper: "Saito et al., ICCV (2019)",
        hypers: mme::HYPERS,
        build: |s| trained("mme", mme::Mme(s.clone()), s),
    },
    Entry {
        name: "pseudo_label",
        uses: Uses::BulkAndCells,
        summary: "learns from cells that it predicts with confidence",
        paper: "Lee, ICML Workshops (2013)",
        hypers: pseudo_label::HYPERS,
        build: |s| aligned("pseudo_label", pseudo_label::losses, s),
    },
    Entry {
        name: "multi_source",
        uses: Uses::BulkAndCells,
        summary: "mmd with sources that count the more the closer they are to the cells",
        paper: "in the spirit of scAdaDrug, Liu et al., arXiv 2403.05260 (2024)",
        hypers: multi_source::HYPERS,
        build: |s| aligned("multi_source", multi_source::losses, s),
    },
    Entry {
        name: "sensitome",
        uses: Uses::BulkAndCells,
        summary: "linear starts from the whole screen, averaged over like cells where tests allow it, else ridge",
        paper: "this library, docs/methods/sensitome.md",
        hypers: sensitome::HYPERS,
        build: |s| Ok(Box::new(sensitome::Sensitome::new(&s)?)),
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
