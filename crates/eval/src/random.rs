//! Seeded randomness, one independent stream per replicate.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// The generator of replicate `stream`; replicates can run on any thread in any order.
pub(crate) fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

pub(crate) fn shuffle<T>(values: &mut [T], generator: &mut ChaCha8Rng) {
    values.shuffle(generator);
}

/// A number below `n` (0 for n = 0). Drawn as u64, so that 32-bit machines get the same.
pub(crate) fn below(n: usize, generator: &mut ChaCha8Rng) -> usize {
    if n == 0 { 0 } else { generator.random_range(0..n as u64) as usize }
}
