//! Losses as free functions: each takes tensors and gives one number, and can be used without the training loop.

mod adversarial;
mod basic;
mod cluster;
mod coral;
mod distances;
mod entropy;
mod kl;
mod mmd;
mod optimal_transport;
mod orthogonality;
mod perturbation;
mod reconstruction;

pub use adversarial::{
    domain_loss, gradient_penalty, input_gradient, reversal_schedule, reverse_gradient, wasserstein_critic,
};
pub use basic::{binary_cross_entropy, cross_entropy, mean_squared_error, one_hot, weighted_cross_entropy};
pub use cluster::{cluster_dissimilarity, pairs_dissimilarity};
pub use coral::coral;
pub use distances::squared_distances;
pub use entropy::{entropy, entropy_with_offset};
pub use kl::{Reduction, gaussian_kl};
pub use mmd::{Bandwidth, Estimator, MultiKernel, joint_mmd, multi_kernel_mmd, rbf_mmd, rbf_mmd_cut};
pub use optimal_transport::{entropic_transport, sinkhorn_divergence, sinkhorn_plan};
pub use orthogonality::{cosine_orthogonality, frobenius_orthogonality, orthogonality};
pub use perturbation::{VirtualPerturbation, gradient_step, kl_from, virtual_direction};
pub use reconstruction::reconstruction;
