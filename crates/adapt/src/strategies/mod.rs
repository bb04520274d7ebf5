//! One file a method; `common` and `linear` hold what several share.

pub mod adabn;
pub mod autoencoder;
pub mod cdan;
pub mod code_ae;
pub mod common;
pub mod constant;
pub mod coral;
pub mod dann;
pub mod elastic_net;
pub mod jan;
pub mod linear;
pub mod logistic;
pub mod mcd;
pub mod mmd;
pub mod mme;
pub mod multi_source;
pub mod nearest_centroid;
pub mod optimal_transport;
pub mod pseudo_label;
pub mod ridge;
pub mod scad;
pub mod scdeal;
pub mod shared_pathway;
pub mod source_only;
pub mod ssda4drug;
pub mod svm;
