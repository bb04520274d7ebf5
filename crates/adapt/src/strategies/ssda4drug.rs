//! `ssda4drug`: a denoising autoencoder with a cosine classifier, whose class vectors raise the entropy of unlabelled
//! cells while the features lower it (Huang and Liu 2025, after Saito et al. 2019; `docs/methods/ssda4drug.md`).

use burn::tensor::Tensor;
use sensitome_core_models::*;
use sensitome_data::TransferTask;

use crate::Result;
use crate::hyper::{Checked, FAITHFUL, Hyper, Range};
use crate::hypers::*;
use crate::losses::*;
use crate::optimizer::{Optimizer, track};
use crate::strategy::{Assembled, Batch, Keep, Losses, Pace, Sampling, Stage, Strategy, Update};

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    FAITHFUL,
    HIDDEN,
    LATENT,
    Hyper::new("head", "32", WIDTH, "width of the features that the classifier compares"),
    DROPOUT,
    Hyper::new("mask", "0.2", RATE, "share of inputs masked in training"),
    Hyper::new(
        "temperature",
        "0.05",
        Range::Float { low: 1e-3, high: 10.0, log: true },
        "divisor of the similarities",
    ),
    Hyper::new("cosine_weights", "false", Range::Flag, "normalise the class vectors too"),
    Hyper::new("entropy_weight", "0.1", WEIGHT, "weight of the entropy"),
    Hyper::new(
        "perturbation",
        "gradient",
        Range::Choice(&["none", "second_pass", "gradient", "virtual"]),
        "no second view, one more mask, one gradient step, or power iterations on unlabelled cells",
    )
    .published("second_pass"),
    Hyper::new("perturbation_size", "1", WEIGHT, "length of the step in the space of the inputs"),
    Hyper::new("power_iterations", "1", Range::Integer { low: 1, high: 20 }, "of the virtual perturbation"),
    Hyper::new("reconstruct_unlabelled", "true", Range::Flag, "reconstruct unlabelled cells too")
        .published("false"),
    Hyper::new("epochs", "50", EPOCHS, "passes over the longer domain"),
    BATCH_SIZE.default("32"),
    LEARNING_RATE,
    SAMPLING,
    SELECT,
];

const ALL: [&str; 4] = ["encoder", "decoder", "predictor", "classifier"];

/// See the module.
#[derive(Debug, Clone)]
pub struct Ssda4drug {
    settings: Checked,
    faithful: bool,
    perturbation: String,
}

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
    fn logits(&mut self, x: Tensor<2>, mut pass: Pass) -> Tensor<2> {
        let z = self.encoder.forward(x, pass.again());
        let f = self.predictor.forward(z, pass.again());
        self.classifier.forward(f, pass)
    }
}

impl Ssda4drug {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        let perturbation = settings.choice("perturbation")?.to_owned();
        Ok(Self { faithful: settings.flag("faithful")?, perturbation, settings: settings.clone() })
    }

    /// Classification and reconstruction of labelled rows, of which the first `n` are the source's.
    fn supervised(
        &self,
        nets: &mut Networks,
        view: Tensor<2>,
        batch: &Batch,
        mut pass: Pass,
    ) -> Result<[Tensor<1>; 2]> {
        let (x, targets) = batch.labelled()?;
        let (n, all) = (batch.source()?.x.dims()[0], x.dims()[0]);
        let z = nets.encoder.forward(view, pass.again());
        let back = nets.decoder.forward(z.clone(), pass.again());
        let f = nets.predictor.forward(z, pass.again());
        let classification = cross_entropy(nets.classifier.forward(f, pass), targets);
        let error = |a: usize, b: usize| {
            mean_squared_error(back.clone().slice_dim(0, a..b), x.clone().slice_dim(0, a..b))
        };
        let reconstruction = if all > n { error(0, n) + error(n, all) } else { error(0, n) };
        Ok([classification, reconstruction])
    }

    /// The second view of the labelled rows, or of unlabelled cells.
    fn perturbed(&self, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Option<Tensor<1>>> {
        let size = self.settings.float("perturbation_size")?;
        let (x, targets) = batch.labelled()?;
        // A copy that learns nothing gives the gradient for the input at half the cost and leaves statistics alone.
        let mut fixed = nets.clone();
        track(&mut fixed, &[] as &[&str]);
        Ok(match (self.perturbation.as_str(), pass.noise()) {
            (_, None) | ("none", _) => None,
            ("second_pass", Some(noise)) => {
                let mask = noise.mask(x.dims(), self.settings.float("mask")?, 1.0, &x.device());
                let [classification, reconstruction] = self.supervised(nets, x * mask, batch, pass)?;
                Some(classification + reconstruction)
            }
            ("gradient", _) => {
                let step = gradient_step(x.clone(), size, |x| {
                    Ok(cross_entropy(fixed.logits(x, Pass::Evaluate), targets.clone()))
                })?;
                Some(cross_entropy(nets.logits(x + step, pass), targets))
            }
            (_, Some(noise)) => {
                let u = batch.target()?.x.clone();
                let start = noise.normal(u.dims(), &u.device());
                let rounds = self.settings.integer("power_iterations")?;
                // ξ 1: the predictions of a cosine classifier hardly move for smaller steps in single precision.
                let found =
                    virtual_direction(u.clone(), start, 1.0, rounds, |x| fixed.logits(x, Pass::Evaluate))?;
                Some(kl_from(found.p, nets.logits(u + found.direction * size, pass)))
            }
        })
    }
}

impl Strategy for Ssda4drug {
    type Networks = Networks;

    fn networks(&self, task: &TransferTask, init: &Init) -> Result<Networks> {
        let s = &self.settings;
        let (latent, width, dropout) = (s.integer("latent")?, s.integer("head")?, s.float("dropout")?);
        let autoencoder = AutoencoderConfig {
            dropout,
            ..AutoencoderConfig::new(task.n_genes(), &s.widths("hidden")?, latent)
        };
        let Autoencoder { encoder, decoder } = autoencoder.init(init, "autoencoder", s.float("mask")?)?;
        let predictor = MlpConfig {
            outputs: None,
            normalization: Normalization::None,
            dropout,
            ..MlpConfig::new(latent, &[width], 1)
        };
        let classifier = LayerShape::Cosine {
            inputs: width,
            classes: 2,
            temperature: s.float("temperature")?,
            normalize_weight: s.flag("cosine_weights")?,
        };
        Ok(Networks {
            encoder,
            decoder,
            predictor: predictor.init(init, "predictor")?,
            classifier: init.network("classifier", &[classifier])?,
        })
    }

    fn stages(&self, _task: &TransferTask) -> Result<Vec<Stage>> {
        let s = &self.settings;
        Ok(vec![Stage {
            epochs: s.integer("epochs")?,
            batch_size: s.integer("batch_size")?,
            learning_rate: s.float("learning_rate")?,
            source: Some(Sampling::from_choice(s.choice("sampling")?)),
            target: true,
            pace: Pace::Longest,
            updates: vec![Update::new("supervised", &ALL), Update::new("entropy", &ALL)],
            optimizer: Optimizer::Adagrad,
            keep: Keep::from_choice(s.choice("select")?),
            ..Stage::new("train", &ALL)
        }])
    }

    fn losses(&self, _: &Stage, nets: &mut Networks, batch: &Batch, mut pass: Pass) -> Result<Losses> {
        if batch.update == "supervised" {
            let (x, _) = batch.labelled()?;
            let [classification, reconstruction] = self.supervised(nets, x, batch, pass.again())?;
            let losses =
                Losses::new().add("classification", classification).add("reconstruction", reconstruction);
            return Ok(match self.perturbed(nets, batch, pass)? {
                Some(loss) => losses.add("perturbation", loss),
                None => losses,
            });
        }
        let u = batch.target()?.x.clone();
        let z = nets.encoder.forward(u.clone(), pass.again());
        let f = reverse_gradient(nets.predictor.forward(z.clone(), pass.again()), 1.0);
        let logits = nets.classifier.forward(f, pass.again());
        let h = if self.faithful { entropy_with_offset(logits, 1e-5) } else { entropy(logits) };
        let losses = Losses::new().add("negative_entropy", h * -self.settings.float("entropy_weight")?);
        if !self.settings.flag("reconstruct_unlabelled")? {
            return Ok(losses);
        }
        let back = nets.decoder.forward(z, pass);
        Ok(losses.add("reconstruction_unlabelled", mean_squared_error(back, u)))
    }

    fn assemble(&self, networks: &Networks) -> Result<Assembled> {
        let Networks { encoder, predictor, classifier, .. } = networks.clone();
        Ok(Assembled::new(encoder, predictor.then(classifier)?, Output::Softmax))
    }
}
