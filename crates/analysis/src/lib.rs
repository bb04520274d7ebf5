//! Differential expression, gene scores and enrichment.
