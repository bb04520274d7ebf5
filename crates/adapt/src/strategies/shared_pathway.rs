//! `shared_pathway`: a shared code whose axes are gene sets, beside private ones, reconstructed by a dense and a sparse
//! decoder (He et al. 2025; `docs/methods/shared_pathway.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    widths("hidden", &["512", "256"], "widths of the encoders' blocks"),
    widths("head", &["128,32", "64,32"], "widths of the classifier's blocks"),
    DROPOUT.default("0.1").published("0.4"),
    count("pathway_min", "4", "a gene set must have more than so many of the genes"),
    count("pathway_max", "1000", "and at most so many in all"),
    count("free_columns", "5", "axes that are no gene set"),
    choice("weights", &["paper", "code"], "dense 1 and sparse 0.1, or the reverse").published("code"),
    flag("sparse_relu", "false", "cut the sparse reconstruction at 0 (paper; for values above 0)"),
    share("noise", "0", "relative noise on the cells in training").published("0.1"),
    weight("orthogonality_weight", "0.01", "weight of the likeness of both codes").published("0.1"),
    weight("autoencoder_weight", "0.1", "weight of the reconstruction beside the classification"),
    count("pretrain_epochs", "0", "epochs of reconstruction alone"),
    count("epochs", "40", "epochs of both together").published("300"),
    BATCH_SIZE.published("256"),
    LEARNING_RATE,
    SAMPLING.published("none"),
    SELECT.default("source_auroc").published("last"),
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct SharedPathway(pub Checked);

/// Encoders, both decoders and the classifier; the names of the shared code's axes.
#[derive(Debug, Clone)]
pub struct Networks {
    codes: SharedPrivate,
    sparse: PathwayDecoder,
    head: FeedForward,
    axes: Vec<String>,
}

parts!(Networks { codes, sparse, head });

impl SharedPathway {
    /// Weighted reconstruction and orthogonality of one domain.
    fn domain(&self, nets: &mut Networks, x: Tensor<2>, domain: Domain, mut pass: Pass) -> Result<Tensor<1>> {
        let noise = self.0.float("noise")?;
        let seen = match pass.noise().filter(|_| domain == Domain::Target) {
            Some(n) => x.clone() * (n.normal(x.dims(), &x.device()) * noise + 1.0),
            None => x.clone(),
        };
        let c = nets.codes.forward(seen, domain, pass);
        let sparse = nets.sparse.forward(c.shared.clone());
        let sparse = if self.0.flag("sparse_relu")? { activation::relu(sparse) } else { sparse };
        let (a, b) = if self.0.choice("weights")? == "paper" { (1.0, 0.1) } else { (0.1, 1.0) };
        let back = mean_squared_error(c.reconstruction, x.clone()) * a + mean_squared_error(sparse, x) * b;
        Ok(back + orthogonality(c.shared, c.private, false) * self.0.float("orthogonality_weight")?)
    }
}

impl Strategy for SharedPathway {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let Some(sets) = &task.gene_sets else {
            return Err(AdaptError::invalid(
                "shared_pathway",
                "the task has no gene sets",
                "pass a GMT file (--gene-sets, or gene_sets of the target input)",
            ));
        };
        let [smallest, largest, free] =
            ["pathway_min", "pathway_max", "free_columns"].map(|n| self.0.integer(n));
        let mask = PathwayMask::new(sets, &task.genes, smallest?, largest?, free?)?;
        let (genes, axes, hidden) = (task.n_genes(), mask.axes.len(), self.0.widths("hidden")?);
        let dropout = self.0.float("dropout")?;
        let mlp = |name: &str, inputs, outputs| {
            let blocks = MlpConfig::new(inputs, &hidden, outputs);
            MlpConfig { normalization: Normalization::AfterActivation, dropout, ..blocks }.init(init, name)
        };
        let codes = SharedPrivate {
            shared: mlp("shared", genes, axes)?,
            private_source: mlp("private_source", genes, axes)?,
            private_target: mlp("private_target", genes, axes)?,
            decoder: mlp("decoder", 2 * axes, genes)?,
        };
        let head = MlpConfig::new(axes, &self.0.widths("head")?, 2);
        let mut head = MlpConfig { normalization: Normalization::None, ..head }.shapes()?;
        head.insert(2, LayerShape::Dropout { rate: dropout }); // behind the first block only
        let sparse = PathwayDecoder::new(&mask, init, "sparse")?;
        Ok(Networks { codes, sparse, head: init.network("head", &head)?, axes: mask.axes })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let stage = |name, epochs, learn: &[&str], clipped: &[&str], norm| -> Result<Stage> {
            let paths = clipped.iter().map(|&p| p.to_owned()).collect();
            let clip = Some(Clip { paths, norm });
            Ok(Stage { target: true, clip, ..Stage::from_settings(name, learn, &self.0, epochs)? })
        };
        let codes = ["codes", "sparse"];
        let pretrain = stage("pretrain", "pretrain_epochs", &codes, &codes, 3.0)?;
        Ok(vec![
            Stage { source: Some(Sampling::Shuffle), keep: Keep::Last, ..pretrain },
            stage("joint", "epochs", &[""], &["head"], 1.0)?,
        ])
    }

    fn losses(&self, stage: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        let joint = stage.name == "joint";
        let weight = if joint { self.0.float("autoencoder_weight")? } else { 1.0 };
        let source = self.domain(nets, batch.source()?.x.clone(), Domain::Source, pass.again())?;
        let target = self.domain(nets, batch.target()?.x.clone(), Domain::Target, pass.again())?;
        let losses = Losses::new().add("source", source * weight).add("target", target * weight);
        if !joint {
            return Ok(losses);
        }
        let (x, targets) = batch.labelled()?;
        let z = nets.codes.shared.forward(x, pass.again());
        Ok(losses.add("classification", cross_entropy(nets.head.forward(z, pass), targets)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { codes, head, axes, .. } = networks.clone();
        Ok(Assembled { encoder: codes.shared, head, output: Output::Softmax, axes })
    }
}
