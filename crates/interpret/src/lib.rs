//! Exact, self-checking attributions.
