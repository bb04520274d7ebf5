//! The golden cases of groups `de`, `score_genes` and `enrichment`, computed by scanpy, scipy, statsmodels, gseapy.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[path = "golden/de.rs"]
mod de;
#[path = "golden/enrichment.rs"]
mod enrichment;
#[path = "golden/scores.rs"]
mod scores;
