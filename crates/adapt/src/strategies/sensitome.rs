//! `sensitome`: several linear starts from the whole screen, averaged over neighbouring cells or sharpened along the cells'
//! axes where tests without labels allow it, else ridge; a few labelled cells are used when there (`docs/methods/sensitome.md`).

use ndarray::Array1;
use sensitome_core_models::{Output, ResponseModel};
use sensitome_data::TransferTask;

use crate::Result;
use crate::hyper::{Checked, Hyper, Range};
use crate::linear::labelled::{log_odds, mixed, with_labels};
use crate::linear::neighbours::Neighbours;
use crate::linear::regression::{model, require_rows, shuffled};
use crate::linear::{
    cells::Cells, company::company, correlation, responses::Lines, starts::Starts, trust::Trust,
    trust::Witness, trust::agreement_of_halves,
};
use crate::strategy::Fit;
use crate::trainer::FitOptions;

/// Its hyper-parameters.
pub const HYPERS: &[Hyper] = &[
    Hyper::new(
        "folds",
        "5",
        Range::Integer { low: 2, high: 20 },
        "folds of the cross-validation on the lines",
    ),
    Hyper::new(
        "genes",
        "both",
        Range::Choice(&["both", "equal", "company"]),
        "starts on genes as they are, weighted by how they keep their company across domains, or on both",
    ),
    Hyper::new(
        "screen",
        "kin",
        Range::Choice(&["kin", "general", "none"]),
        "starts without general sensitivity, and by the drugs most like this one too; without it alone; neither",
    ),
    Hyper::new(
        "noise",
        "1.0",
        Range::Float { low: 0.0, high: 100.0, log: false },
        "noise taken off the scores, in mean variances of the cells along an axis; 0 takes none off",
    ),
    Hyper::new(
        "trust",
        "auto",
        Range::Choice(&["auto", "always", "never"]),
        "take off noise and sharpen as far as bulk bears it out, always, or never",
    ),
    Hyper::new(
        "neighbours",
        "auto",
        Range::Choice(&["auto", "always", "never"]),
        "average scores over neighbouring cells where that takes off noise alone, always, or never",
    ),
    Hyper::new(
        "share",
        "2.0",
        Range::Float { low: 0.0, high: 10.0, log: false },
        "weight of what is known without labels beside a few labelled cells",
    ),
];

/// See the module.
#[derive(Debug, Clone)]
pub struct Sensitome {
    folds: usize,
    genes: String,
    screen: String,
    noise: f64,
    trust: String,
    neighbours: String,
    share: f64,
    settings: Checked,
}

impl Sensitome {
    /// From checked settings.
    ///
    /// # Errors
    /// When they were checked against another table.
    pub fn new(settings: &Checked) -> Result<Self> {
        Ok(Self {
            folds: settings.integer("folds")?,
            genes: settings.choice("genes")?.to_owned(),
            screen: settings.choice("screen")?.to_owned(),
            noise: settings.float("noise")?,
            trust: settings.choice("trust")?.to_owned(),
            neighbours: settings.choice("neighbours")?.to_owned(),
            share: settings.float("share")?,
            settings: settings.clone(),
        })
    }
}

impl Fit for Sensitome {
    fn fit(&self, task: &TransferTask, options: &mut FitOptions) -> Result<ResponseModel> {
        let lines = Lines::of(task)?;
        require_rows("sensitome", lines.labels.len(), self.folds)?;
        let cells = Cells::new(task.target.expression.view()).with_noise(self.noise);
        let unit = |weight: &Array1<f64>| cells.quiet(weight).map(|w| cells.unit(&w));
        let company = company(lines.x.view(), task.target.expression.view());
        // The folds of `ridge`, so that falling back to it gives its very penalty.
        let order = shuffled(lines.labels.len(), options.seed, "ridge");
        let views = (self.genes.as_str(), self.screen.as_str());
        let Starts { ridge, own, kin } = Starts::of(&lines, &company, &order, self.folds, views)?;
        let unseen = ridge.unseen;
        let (ridge, quiet) = (cells.unit(&ridge.weight), unit(&ridge.weight)?);
        let starts = own.iter().chain(&kin).map(unit).collect::<Result<Vec<_>>>()?;
        let start = starts.iter().fold(Array1::zeros(task.n_genes()), |sum, s| sum + s);
        let learned = correlation(unseen.view(), lines.y.column(0));
        let steady = agreement_of_halves(&cells, &lines, options.seed)?;
        let witness = Witness::new(&cells, &company, &lines);
        let trust =
            Trust::test(&witness, (&ridge, &quiet), &starts[..own.len()], learned, steady).or(&self.trust);
        let near = if self.neighbours == "never" { None } else { Neighbours::of(&cells)? };
        let (tests, always) = (trust, self.neighbours == "always");
        let kept = |w: &Array1<f64>| near.as_ref().map_or(0.0, |near| near.kept(w));
        let around = |kept: f64| near.as_ref().filter(|_| always || tests.allows(kept));
        let sharp = cells.sharpened(&start, &company);
        let calm = cells.unit(&(ridge * (1.0 - trust.calm) + quiet * trust.calm));
        let trust = trust.averaging(around(kept(&calm)).is_some());
        // Ridge is what can be trusted; the starts together are better still once averages have taken off their noise.
        let together = Some(cells.unit(&start)).filter(|w| trust.together() && around(kept(w)).is_some());
        let few = task.few_shot.as_ref();
        let free = together.unwrap_or_else(|| mixed(&cells, few, (&calm, &sharp), trust.share));
        let near_free = around(kept(&free));
        let found = with_labels(&cells, few, free, self.share, near_free);
        let (slope, intercept, prevalence) = log_odds(&unseen, &lines.labels);
        // Where few lines are sensitive hardly a cell has one half: it counts as sensitive if likelier so than a line.
        let (intercept, cut) = found.support.map_or((intercept, prevalence), |_| (0.0, 0.5));
        let bias = intercept - slope * (cells.means().dot(&found.weight) + found.middle);
        let own = ("sensitome", &self.settings);
        let linear = model(&(&found.weight * slope), bias, Output::Sigmoid, own, task, options)?;
        let (kept, mut model) = (kept(&found.weight), linear.with_threshold(cut)?);
        if let Some(near) = near_free.or_else(|| around(kept)) {
            model = near.instead_of(&model, &found, (&cells, few), options, (slope, intercept))?;
            model.card_mut().notes.push("sensitome: scores are averages over neighbouring cells".to_owned());
        }
        let card = model.card_mut();
        card.metrics.extend(trust.metrics());
        card.metrics.insert("agreement_of_starts".to_owned(), cells.agreement(&starts));
        card.metrics.insert("kept_by_neighbours".to_owned(), kept);
        card.metrics.extend(found.support.map(|v| ("label_support".to_owned(), v)));
        card.notes.push(trust.note());
        Ok(model)
    }
}
