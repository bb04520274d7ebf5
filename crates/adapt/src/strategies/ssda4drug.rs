//! `ssda4drug`: a denoising autoencoder with a cosine classifier, whose class vectors raise the entropy of unlabelled
//! cells while the features lower it (Huang and Liu 2025, after Saito et al. 2019; `docs/methods/ssda4drug.md`).

use crate::prelude::*;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    HIDDEN,
    LATENT,
    width("head", "32", "width of the features that the classifier compares"),
    DROPOUT,
    share("mask", "0.2", "share of inputs masked in training"),
    positive("temperature", "0.05", "divisor of the similarities"),
    flag("cosine_weights", "false", "normalise the class vectors too"),
    weight("entropy_weight", "0.1", "weight of the entropy"),
    choice("perturbation", &["gradient", "none", "second_pass", "virtual"], "second view")
        .published("second_pass"),
    weight("perturbation_size", "1", "length of the step in the space of the inputs"),
    count("power_iterations", "1", "of the virtual perturbation"),
    flag("reconstruct_unlabelled", "true", "reconstruct unlabelled cells too").published("false"),
    count("epochs", "30", "passes over the longer domain").published("50"),
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
    SELECT,
];

/// The strategy, from its settings.
#[derive(Debug, Clone)]
pub struct Ssda4drug(pub Checked);

/// Autoencoder, the layer before the classifier, and the cosine classifier.
#[derive(Debug, Clone)]
pub struct Networks {
    encoder: FeedForward,
    decoder: FeedForward,
    predictor: FeedForward,
    classifier: FeedForward,
}

parts!(Networks { encoder, decoder, predictor, classifier });

impl Networks {
    /// Embedding and logits, with the gradient of the latter reversed before the classifier if asked.
    fn forward(&mut self, x: Tensor<2>, reversed: bool, mut pass: Pass) -> (Tensor<2>, Tensor<2>) {
        let z = self.encoder.forward(x, pass.again());
        let f = self.predictor.forward(z.clone(), pass.again());
        let f = if reversed { reverse_gradient(f, 1.0) } else { f };
        (z, self.classifier.forward(f, pass))
    }

    /// Classification and reconstruction from a view of the labelled rows, the source's first.
    fn supervised(&mut self, view: Tensor<2>, batch: &Batch, mut pass: Pass) -> Result<Tensor<1>> {
        let (x, targets) = batch.labelled()?;
        let (n, all) = (batch.source()?.x.dims()[0], x.dims()[0]);
        let (z, logits) = self.forward(view, false, pass.again());
        let squared = (self.decoder.forward(z, pass) - x).square();
        let source = squared.clone().slice_dim(0, 0..n).mean();
        let both = if all > n { source + squared.slice_dim(0, n..all).mean() } else { source };
        Ok(cross_entropy(logits, targets) + both)
    }
}

impl Ssda4drug {
    /// The loss of a second view of the labelled rows, or of unlabelled cells.
    fn perturbed(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Option<Tensor<1>>> {
        let ((x, targets), size) = (batch.labelled()?, self.0.float("perturbation_size")?);
        let kind = self.0.choice("perturbation")?;
        let Some(noise) = pass.noise().filter(|_| kind != "none") else { return Ok(None) };
        if kind == "second_pass" {
            let view = x.clone() * noise.mask(x.dims(), self.0.float("mask")?, 1.0, &x.device());
            return nets.supervised(view, batch, pass).map(Some);
        }
        // A copy that learns nothing gives the gradient for the input at half the cost and leaves statistics alone.
        let mut fixed = nets.clone();
        track(&mut fixed, &[] as &[&str]);
        let mut logits = |x| fixed.forward(x, false, Pass::Evaluate).1;
        if kind == "gradient" {
            let step = gradient_step(x.clone(), size, |x| Ok(cross_entropy(logits(x), targets.clone())))?;
            return Ok(Some(cross_entropy(nets.forward(x + step, false, pass).1, targets)));
        }
        let u = batch.target()?.x.clone();
        let start = noise.normal(u.dims(), &u.device());
        // ξ 1: a cosine classifier hardly moves for smaller steps in single precision.
        let found = virtual_direction(u.clone(), start, 1.0, self.0.integer("power_iterations")?, logits)?;
        let moved = nets.forward(u + found.direction * size, false, pass).1;
        Ok(Some(kl_from(found.p, moved)))
    }
}

impl Strategy for Ssda4drug {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let (latent, width, dropout) =
            (self.0.integer("latent")?, self.0.integer("head")?, self.0.float("dropout")?);
        let blocks = AutoencoderConfig::new(task.n_genes(), &self.0.widths("hidden")?, latent);
        let Autoencoder { encoder, decoder } =
            AutoencoderConfig { dropout, ..blocks }.init(init, "autoencoder", self.0.float("mask")?)?;
        let predictor = MlpConfig { outputs: None, dropout, ..MlpConfig::new(latent, &[width], 1) };
        let classifier = LayerShape::Cosine {
            inputs: width,
            classes: 2,
            temperature: self.0.float("temperature")?,
            normalize_weight: self.0.flag("cosine_weights")?,
        };
        Ok(Networks {
            encoder,
            decoder,
            predictor: MlpConfig { normalization: Normalization::None, ..predictor }
                .init(init, "predictor")?,
            classifier: init.network("classifier", &[classifier])?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        Ok(vec![Stage {
            target: true,
            pace: Pace::Longest,
            updates: vec![Update::new("supervised", &[""]), Update::new("entropy", &[""])],
            optimizer: Optimizer::Adagrad,
            ..Stage::from_settings("train", &[""], &self.0, "epochs")?
        }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if batch.update == "supervised" {
            let (x, _) = batch.labelled()?;
            let losses = Losses::new().add("supervised", nets.supervised(x, batch, pass.again())?);
            let second = self.perturbed(nets, batch, pass)?;
            return Ok(second.into_iter().fold(losses, |losses, loss| losses.add("perturbation", loss)));
        }
        let u = batch.target()?.x.clone();
        let (z, logits) = nets.forward(u.clone(), true, pass.again());
        let published = self.0.flag("faithful")?;
        let h = if published { entropy_with_offset(logits, 1e-5) } else { entropy(logits) };
        let losses = Losses::new().add("negative_entropy", h * -self.0.float("entropy_weight")?);
        if !self.0.flag("reconstruct_unlabelled")? {
            return Ok(losses);
        }
        Ok(losses.add("reconstruction", mean_squared_error(nets.decoder.forward(z, pass), u)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { encoder, predictor, classifier, .. } = networks.clone();
        Ok(Assembled::new(encoder, predictor.then(classifier)?, Output::Softmax))
    }
}
