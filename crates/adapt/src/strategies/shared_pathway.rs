//! `shared_pathway`: a shared code whose axes are gene sets, beside private ones, reconstructed by a dense and a sparse
//! decoder (He et al. 2025; `docs/methods/shared_pathway.md`).

use burn::tensor::{Tensor, activation};
use sensitome_core_models::*;
use sensitome_data::TransferTask;

use crate::hyper::{Checked, FAITHFUL, Hyper, Range};
use crate::hypers::*;
use crate::losses::{cross_entropy, mean_squared_error, orthogonality};
use crate::strategy::{Assembled, Batch, Clip, Keep, Losses, Sampling, Stage, Strategy};
use crate::{AdaptError, Result};

const COUNT: Range = Range::Integer { low: 0, high: 100_000 };

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    Hyper::new("hidden", "512", Range::Widths(&["512", "256"]), "widths of the encoders' blocks"),
    Hyper::new("head", "128,32", Range::Widths(&["128,32", "64,32"]), "widths of the classifier's blocks"),
    DROPOUT.default("0.4"),
    Hyper::new("pathway_min", "4", COUNT, "a gene set must have more than so many of the genes"),
    Hyper::new("pathway_max", "1000", COUNT, "and at most so many in all"),
    Hyper::new("free_columns", "5", COUNT, "axes that are no gene set"),
    Hyper::new(
        "weights",
        "paper",
        Range::Choice(&["paper", "code"]),
        "dense 1 and sparse 0.1, or the reverse",
    )
    .published("code"),
    Hyper::new(
        "sparse_relu",
        "false",
        Range::Flag,
        "sparse reconstruction cut at 0 (paper; for values above 0)",
    ),
    Hyper::new("noise", "0.1", RATE, "relative noise on the cells in training"),
    Hyper::new("orthogonality_weight", "0.1", WEIGHT, "weight of the difference of shared and private codes"),
    Hyper::new("autoencoder_weight", "0.1", WEIGHT, "weight of the reconstruction beside the classification"),
    Hyper::new("pretrain_epochs", "20", EPOCHS, "epochs of reconstruction alone").published("0"),
    Hyper::new("epochs", "50", EPOCHS, "epochs of both together").published("300"),
    BATCH_SIZE.published("256"),
    LEARNING_RATE,
    SAMPLING.published("none"),
    SELECT,
];

const CODES: [&str; 5] = ["private_source", "private_target", "shared", "decoder", "sparse"];

/// See the module.
#[derive(Debug, Clone)]
pub struct SharedPathway {
    settings: Checked,
}

/// Encoders, both decoders and the classifier.
#[derive(Debug, Clone)]
pub struct Networks {
    private_source: FeedForward,
    private_target: FeedForward,
    shared: FeedForward,
    decoder: FeedForward,
    sparse: PathwayDecoder,
    head: FeedForward,
    axes: Vec<String>,
}

parts!(Networks { private_source, private_target, shared, decoder, sparse, head });

impl SharedPathway {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self { settings: settings.clone() })
    }

    /// Weighted reconstruction and orthogonality of one domain.
    fn domain(&self, nets: &mut Networks, x: Tensor<2>, source: bool, mut pass: Pass) -> Result<Tensor<1>> {
        let s = &self.settings;
        let seen = match pass.noise().filter(|_| !source) {
            Some(noise) => {
                let factor = noise.normal(x.dims(), &x.device()) * s.float("noise")? + 1.0;
                x.clone() * factor
            }
            None => x.clone(),
        };
        let private = if source { &mut nets.private_source } else { &mut nets.private_target };
        let p = private.forward(seen.clone(), pass.again());
        let z = nets.shared.forward(seen, pass.again());
        let dense = nets.decoder.forward(Tensor::cat(vec![p.clone(), z.clone()], 1), pass);
        let sparse = nets.sparse.forward(z.clone());
        let sparse = if s.flag("sparse_relu")? { activation::relu(sparse) } else { sparse };
        let (a, b) = if s.choice("weights")? == "paper" { (1.0, 0.1) } else { (0.1, 1.0) };
        let back = mean_squared_error(dense, x.clone()) * a + mean_squared_error(sparse, x) * b;
        Ok(back + orthogonality(z, p, false) * s.float("orthogonality_weight")?)
    }
}

impl Strategy for SharedPathway {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let s = &self.settings;
        let Some(sets) = &task.gene_sets else {
            return Err(AdaptError::invalid(
                "shared_pathway",
                "the task has no gene sets",
                "pass a GMT file (--gene-sets, or gene_sets of the target input)",
            ));
        };
        let [smallest, largest, free] = ["pathway_min", "pathway_max", "free_columns"].map(|n| s.integer(n));
        let mask = PathwayMask::new(sets, &task.genes, smallest?, largest?, free?)?;
        let (genes, axes, hidden) = (task.n_genes(), mask.axes.len(), s.widths("hidden")?);
        let mlp = |inputs, outputs| -> Result<MlpConfig> {
            Ok(MlpConfig {
                normalization: Normalization::AfterActivation,
                dropout: s.float("dropout")?,
                ..MlpConfig::new(inputs, &hidden, outputs)
            })
        };
        let encoder = |name: &str| -> Result<FeedForward> { Ok(mlp(genes, axes)?.init(init, name)?) };
        let head = MlpConfig {
            normalization: Normalization::None,
            dropout: s.float("dropout")?,
            ..MlpConfig::new(axes, &s.widths("head")?, 2)
        };
        // The classifier drops units of its first block only.
        let mut head = head.shapes()?;
        let mut kept = 0;
        head.retain(|l| !matches!(l, LayerShape::Dropout { .. }) || std::mem::replace(&mut kept, 1) == 0);
        Ok(Networks {
            private_source: encoder("private_source")?,
            private_target: encoder("private_target")?,
            shared: encoder("shared")?,
            decoder: mlp(2 * axes, genes)?.init(init, "decoder")?,
            sparse: PathwayDecoder::new(&mask, init, "sparse")?,
            head: init.network("head", &head)?,
            axes: mask.axes,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let s = &self.settings;
        let stage = |name, epochs, learn: &[&str], clipped: &[&str], norm| -> Result<Stage> {
            Ok(Stage {
                epochs: s.integer(epochs)?,
                batch_size: s.integer("batch_size")?,
                learning_rate: s.float("learning_rate")?,
                target: true,
                clip: Some(Clip { paths: clipped.iter().map(|&p| p.to_owned()).collect(), norm }),
                ..Stage::new(name, learn)
            })
        };
        let mut joint = stage("joint", "epochs", &[""], &["head"], 1.0)?;
        joint.source = Some(Sampling::from_choice(s.choice("sampling")?));
        joint.keep = Keep::from_choice(s.choice("select")?);
        Ok(vec![stage("pretrain", "pretrain_epochs", &CODES, &CODES, 3.0)?, joint])
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let weight = if stage.name == "joint" { self.settings.float("autoencoder_weight")? } else { 1.0 };
        let source = self.domain(nets, batch.source()?.x.clone(), true, pass.again())?;
        let target = self.domain(nets, batch.target()?.x.clone(), false, pass.again())?;
        let losses = Losses::new().add("source", source * weight).add("target", target * weight);
        if stage.name != "joint" {
            return Ok(losses);
        }
        let (x, targets) = batch.labelled()?;
        let z = nets.shared.forward(x, pass.again());
        Ok(losses.add("classification", cross_entropy(nets.head.forward(z, pass), targets)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { shared, head, axes, .. } = networks.clone();
        Ok(Assembled { encoder: shared, head, output: Output::Softmax, axes })
    }
}
