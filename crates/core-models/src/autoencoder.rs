//! Autoencoders: plain, denoising and variational.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::feed_forward::{FeedForward, Init, MlpConfig, Normalization};
use crate::layer::{Activation, Pass};
use crate::{Result, parts};

/// The shape of an autoencoder: the decoder mirrors the encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoencoderConfig {
    /// Number of genes.
    pub genes: usize,
    /// Widths of the encoder's blocks; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// Width of the embedding.
    pub latent: usize,
    /// Where batch normalisation stands.
    pub normalization: Normalization,
    /// The function of each block; `None` leaves them affine.
    pub activation: Option<Activation>,
    /// Probability of a zero in each block.
    pub dropout: f64,
    /// Applied to the reconstruction: a sigmoid fits inputs in 0..1, nothing fits z-scores.
    pub output: Option<Activation>,
}

impl AutoencoderConfig {
    /// ReLU blocks with batch normalisation and a linear reconstruction.
    pub fn new(genes: usize, hidden: &[usize], latent: usize) -> Self {
        Self {
            genes,
            hidden: hidden.to_vec(),
            latent,
            normalization: Normalization::BeforeActivation,
            activation: Some(Activation::Relu),
            dropout: 0.0,
            output: None,
        }
    }

    fn mlp(&self, inputs: usize, hidden: &[usize], outputs: Option<usize>) -> MlpConfig {
        MlpConfig {
            inputs,
            hidden: hidden.to_vec(),
            outputs,
            normalization: self.normalization,
            activation: self.activation,
            dropout: self.dropout,
            mask: 0.0,
            output_activation: None,
        }
    }

    fn decoder(&self, init: &Init, name: &str) -> Result<FeedForward> {
        // Mirrored as published: first a plain layer back to the last hidden width, then the other blocks.
        let mut reversed: Vec<usize> = self.hidden.iter().rev().copied().collect();
        let mut rest =
            MlpConfig { output_activation: self.output, ..self.mlp(self.latent, &[], Some(self.genes)) };
        if !reversed.is_empty() {
            let first = reversed.remove(0);
            let start = self.mlp(self.latent, &[], Some(first));
            rest.inputs = first;
            rest.hidden = reversed;
            let shapes = [start.shapes()?, rest.shapes()?].concat();
            return init.network(name, &shapes);
        }
        rest.init(init, name)
    }

    /// An autoencoder; `mask` > 0 makes it a denoising one.
    ///
    /// # Errors
    /// When a width is zero or a rate is outside 0 ≤ rate < 1.
    pub fn init(&self, init: &Init, name: &str, mask: f64) -> Result<Autoencoder> {
        let encoder = MlpConfig { mask, ..self.mlp(self.genes, &self.hidden, Some(self.latent)) };
        Ok(Autoencoder {
            encoder: encoder.init(init, &format!("{name}.encoder"))?,
            decoder: self.decoder(init, &format!("{name}.decoder"))?,
        })
    }

    /// A variational autoencoder.
    ///
    /// # Errors
    /// When a width is zero or a rate is outside 0 ≤ rate < 1.
    pub fn init_variational(&self, init: &Init, name: &str) -> Result<VariationalAutoencoder> {
        let last = self.hidden.last().copied().unwrap_or(self.genes);
        let to_latent = self.mlp(last, &[], Some(self.latent));
        let body = self.mlp(self.genes, &self.hidden, None);
        Ok(VariationalAutoencoder {
            body: body.init(init, &format!("{name}.body"))?,
            mean: to_latent.init(init, &format!("{name}.mean"))?,
            log_variance: to_latent.init(init, &format!("{name}.log_variance"))?,
            decoder: self.decoder(init, &format!("{name}.decoder"))?,
        })
    }
}

/// An encoder and a decoder trained to give the input back. A denoising autoencoder is one whose encoder begins with
/// a [`Mask`](crate::Layer::Mask): the target stays clean, and in evaluation nothing is masked.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    /// Genes to embedding.
    pub encoder: FeedForward,
    /// Embedding to genes.
    pub decoder: FeedForward,
}

/// [`Autoencoder`] with a masking encoder (Vincent et al. 2008), built with `mask > 0`.
pub type DenoisingAutoencoder = Autoencoder;

parts!(Autoencoder { encoder, decoder });

impl Autoencoder {
    /// Embedding (rows × latent) and reconstruction (rows × genes).
    pub fn forward(&mut self, x: Tensor<2>, mut pass: Pass) -> (Tensor<2>, Tensor<2>) {
        let z = self.encoder.forward(x, pass.again());
        (z.clone(), self.decoder.forward(z, pass))
    }
}

/// What a [`VariationalAutoencoder`] gives for a batch.
#[derive(Debug)]
pub struct Variational {
    /// Mean of the posterior, rows × latent.
    pub mean: Tensor<2>,
    /// Log variance of the posterior, rows × latent.
    pub log_variance: Tensor<2>,
    /// The drawn embedding in training, the mean in evaluation.
    pub sample: Tensor<2>,
    /// Reconstruction, rows × genes.
    pub reconstruction: Tensor<2>,
}

/// A variational autoencoder (Kingma and Welling 2014) with a Gaussian posterior.
#[derive(Debug, Clone)]
pub struct VariationalAutoencoder {
    /// Genes to the last hidden layer.
    pub body: FeedForward,
    /// Hidden layer to the mean.
    pub mean: FeedForward,
    /// Hidden layer to the log variance.
    pub log_variance: FeedForward,
    /// Embedding to genes.
    pub decoder: FeedForward,
}

parts!(VariationalAutoencoder { body, mean, log_variance, decoder });

impl VariationalAutoencoder {
    fn posterior(&mut self, x: Tensor<2>, mut pass: Pass) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let h = self.body.forward(x, pass.again());
        let mean = self.mean.forward(h.clone(), pass.again());
        let log_variance = self.log_variance.forward(h, pass.again());
        let sample = match pass {
            Pass::Evaluate => mean.clone(),
            Pass::Train(noise) => {
                let epsilon = noise.normal(mean.dims(), &mean.device().inner());
                mean.clone() + (log_variance.clone() * 0.5).exp() * epsilon
            }
        };
        (mean, log_variance, sample)
    }

    /// Posterior, sample and reconstruction.
    pub fn forward(&mut self, x: Tensor<2>, mut pass: Pass) -> Variational {
        let (mean, log_variance, sample) = self.posterior(x, pass.again());
        let reconstruction = self.decoder.forward(sample.clone(), pass);
        Variational { mean, log_variance, sample, reconstruction }
    }

    /// Genes to the mean of the posterior: the deterministic encoder for prediction.
    ///
    /// # Errors
    /// Never for a network made by [`AutoencoderConfig::init_variational`].
    pub fn encoder(&self) -> Result<FeedForward> {
        self.body.clone().then(self.mean.clone())
    }
}

/// Either kind of autoencoder, for methods that offer both.
#[derive(Debug, Clone)]
pub enum Coder {
    /// Plain or denoising.
    Plain(Autoencoder),
    /// Variational.
    Variational(VariationalAutoencoder),
}

impl crate::Parts for Coder {
    fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut FeedForward)) {
        match self {
            Self::Plain(a) => a.networks(path, f),
            Self::Variational(v) => v.networks(path, f),
        }
    }
}

impl Coder {
    /// The embedding alone, rows × latent: the sample of a variational one in training, its mean in evaluation.
    pub fn embed(&mut self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        match self {
            Self::Plain(a) => a.encoder.forward(x, pass),
            Self::Variational(v) => v.posterior(x, pass).2,
        }
    }

    /// The embedding without the noise of a variational one: its mean.
    pub fn embed_mean(&mut self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        match self {
            Self::Plain(a) => a.encoder.forward(x, pass),
            Self::Variational(v) => v.posterior(x, pass).0,
        }
    }

    /// The encoder for prediction.
    ///
    /// # Errors
    /// When the parts of a variational one do not fit each other.
    pub fn encoder(&self) -> Result<FeedForward> {
        match self {
            Self::Plain(a) => Ok(a.encoder.clone()),
            Self::Variational(v) => v.encoder(),
        }
    }
}
