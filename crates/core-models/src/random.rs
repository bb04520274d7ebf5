//! Named seeds and the generators that every random number of a fit comes from.
//!
//! Burn's own generator is global to the process, so that two runs disturb each other; nothing here uses it.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use sha2::{Digest, Sha256};

/// The seed for one purpose, so that adding a purpose shifts no other's numbers.
pub fn seed_for(seed: u64, purpose: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(purpose.as_bytes()).finalize();
    digest.iter().take(8).fold(0, |acc, b| acc << 8 | u64::from(*b))
}

/// A generator for one purpose: initial weights, shuffles, draws of rows.
pub fn rng_for(seed: u64, purpose: &str) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed_for(seed, purpose))
}

/// Fast noise for one training step after another: masks and normal deviates, drawn on the host and uploaded.
#[derive(Debug, Clone)]
pub struct Noise(Xoshiro256PlusPlus);

impl Noise {
    /// Noise for one purpose.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed_for(seed, purpose)))
    }

    /// A mask of `shape` whose entries are 0 with probability `rate` and else `kept`.
    pub fn mask(&mut self, shape: [usize; 2], rate: f64, kept: f32, device: &Device) -> Tensor<2> {
        let threshold = (rate.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        let n = shape[0] * shape[1];
        let mut values = Vec::with_capacity(n);
        let mut block = [0.0f32; 64]; // filled in registers, then copied at once
        while values.len() < n {
            for pair in block.chunks_exact_mut(2).take((n - values.len()).div_ceil(2)) {
                let bits = self.0.next_u64();
                pair[0] = if (bits as u32) < threshold { 0.0 } else { kept };
                pair[1] = if ((bits >> 32) as u32) < threshold { 0.0 } else { kept };
            }
            values.extend_from_slice(&block[..block.len().min(n - values.len())]);
        }
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Independent numbers of `shape`, uniform in 0..1.
    pub fn uniform(&mut self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| self.0.random()).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Independent standard normal deviates of `shape` (Box–Muller).
    pub fn normal(&mut self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let n = shape[0] * shape[1];
        let mut values = Vec::with_capacity(n + 1);
        while values.len() < n {
            let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
            let (sin, cos) = (std::f64::consts::TAU * self.0.random::<f64>()).sin_cos();
            values.extend([(radius * cos) as f32, (radius * sin) as f32]);
        }
        values.truncate(n);
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}
