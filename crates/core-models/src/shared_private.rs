//! [`SharedPrivate`]: two domains with a code in common and one each of their own.

use burn::tensor::Tensor;

use crate::feed_forward::FeedForward;
use crate::layer::Pass;
use crate::parts;

/// Which side of a transfer a batch comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Labelled bulk.
    Source,
    /// Unlabelled cells.
    Target,
}

/// A domain-separation autoencoder (Bousmalis et al. 2016): a private encoder a domain, a shared encoder, and one decoder of
/// private and shared code side by side.
#[derive(Debug, Clone)]
pub struct SharedPrivate {
    /// Genes to the shared code.
    pub shared: FeedForward,
    /// Genes of source rows to their private code.
    pub private_source: FeedForward,
    /// Genes of cells to their private code.
    pub private_target: FeedForward,
    /// Private and shared code, in this order, to genes.
    pub decoder: FeedForward,
}

parts!(SharedPrivate { shared, private_source, private_target, decoder });

/// What a [`SharedPrivate`] gives for a batch.
#[derive(Debug, Clone)]
pub struct Codes {
    /// The shared code, rows × latent.
    pub shared: Tensor<2>,
    /// The private code, rows × latent.
    pub private: Tensor<2>,
    /// Both side by side, private first: what the decoder sees.
    pub both: Tensor<2>,
    /// The reconstruction, rows × genes.
    pub reconstruction: Tensor<2>,
}

impl SharedPrivate {
    /// Private and shared code, in this order, of rows of one domain, rows × genes.
    pub fn encode(&mut self, x: Tensor<2>, domain: Domain, mut pass: Pass) -> [Tensor<2>; 2] {
        let encoder = match domain {
            Domain::Source => &mut self.private_source,
            Domain::Target => &mut self.private_target,
        };
        let private = encoder.forward(x.clone(), pass.again());
        [private, self.shared.forward(x, pass)]
    }

    /// Codes and reconstruction of rows of one domain, rows × genes.
    pub fn forward(&mut self, x: Tensor<2>, domain: Domain, mut pass: Pass) -> Codes {
        let [private, shared] = self.encode(x, domain, pass.again());
        let both = Tensor::cat(vec![private.clone(), shared.clone()], 1);
        let reconstruction = self.decoder.forward(both.clone(), pass);
        Codes { shared, private, both, reconstruction }
    }
}
