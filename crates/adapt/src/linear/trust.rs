//! Whether bulk bears out the axis that the cells suggest: a test without labels.

use ndarray::{Array1, Axis};

use super::cells::Cells;
use super::responses::Lines;
use super::{correlation, dual, regression::shuffled};
use crate::Result;

/// Share of the concordance that must survive the taking off of noise: below the first it stays, above the second it goes.
const CALMED: (f64, f64) = (0.94, 0.98);
/// Share of the concordance that must survive sharpening: nothing is trusted below the first, everything above the second.
const RETAINED: (f64, f64) = (0.70, 0.85);
/// Agreement on the cells of ridge by one half of the lines with ridge by the other: below the first, sharpening may do all it
/// can; above the second there is no noise for it to take off, and it could only bias.
const SHAKY: (f64, f64) = (0.55, 0.65);
/// Correlation of unseen lines with their response below which nothing is to be learned from bulk.
const LEAST_LEARNED: f64 = 0.1;
/// The same agreement, from which averages over neighbours must begin to keep more than the first of [`KEPT`], and from which
/// they must keep the second and are of ridge alone: the less noise there is to take off, the more must be kept.
const STEADY: (f64, f64) = (0.50, 0.80);
/// Share of what halves of the genes agree on that averages over neighbours must keep.
const KEPT: (f64, f64) = (0.45, 0.8);

/// Lines that were learned from: with as few as the first, the error of a gene's correlation with the response (0.1) is as
/// large as what the test compares, and nothing is trusted; from the second on, all that the test says.
const LINES: (f64, f64) = (100.0, 200.0);

/// Ways to halve the lines.
const WAYS: usize = 8;

/// Agreement on the cells of ridge by one half of the lines with ridge by the other: how little of it is chance.
pub(crate) fn agreement_of_halves(cells: &Cells, lines: &Lines, seed: u64) -> Result<f64> {
    let ways: Vec<_> =
        (0..WAYS).map(|way| shuffled(lines.labels.len(), seed, &format!("half {way}"))).collect();
    let halves = dual::by_halves(lines.x.view(), lines.y.column(0), &ways, lines.x.ncols() as f64)?;
    Ok(halves.iter().map(|pair| cells.agreement(pair)).sum::<f64>() / WAYS as f64)
}

/// What bulk says of the cells' axes.
#[derive(Debug)]
pub(crate) struct Witness<'a> {
    cells: &'a Cells<'a>,
    /// Weight of every gene.
    company: &'a Array1<f64>,
    /// Correlation of every gene with the response in bulk.
    bulk: Array1<f64>,
    /// Lines that were learned from.
    lines: usize,
}

impl<'a> Witness<'a> {
    /// `company` weighs the genes.
    pub(crate) fn new(cells: &'a Cells<'a>, company: &'a Array1<f64>, lines: &Lines) -> Self {
        let genes = lines.x.axis_iter(Axis(1));
        let bulk = genes.map(|gene| correlation(gene, lines.y.column(0))).collect();
        Self { cells, company, bulk, lines: lines.labels.len() }
    }

    /// How far genes move in the cells, along the scores by a weight, as they go with the response in bulk.
    fn concordance(&self, weight: &Array1<f64>) -> f64 {
        let root = self.company.mapv(f64::sqrt);
        let loadings = self.cells.loadings(&self.cells.scores(weight));
        correlation((loadings * &root).view(), (&self.bulk * &root).view())
    }
}

/// How much of a concordance is left.
fn retained(before: f64, after: f64) -> f64 {
    if before > 0.0 { after / before } else { 0.0 }
}

fn rise(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust {
    /// From 0 (leave the cells' noise in ridge) to 1.
    pub(crate) calm: f64,
    /// From 0 (leave the cells' axes alone) to 1.
    pub(crate) share: f64,
    /// Correlation over genes between their loading on a start's scores in the cells and on the response in bulk, for the start of
    /// which sharpening leaves least.
    pub(crate) before: f64,
    /// How much of it is left after sharpening twice.
    pub(crate) retained: f64,
    /// Correlation of unseen lines with their response.
    pub(crate) learned: f64,
    /// Correlation of the cells' scores by ridge on one half of the lines with those on the other.
    pub(crate) steady: f64,
    /// Whether averages over neighbours, of ridge or of all starts, take the place of sharpening.
    local: bool,
    by_hand: bool,
    lines: usize,
}

impl Trust {
    /// Takes the noise off `ridge`, sharpens every one of `starts` twice, and looks at how far genes go on moving in the cells as
    /// in bulk: by the start of which least is left.
    pub(crate) fn test(
        witness: &Witness,
        (ridge, quiet): (&Array1<f64>, &Array1<f64>),
        starts: &[Array1<f64>],
        learned: f64,
        steady: f64,
    ) -> Self {
        let sharp = |weight: &Array1<f64>| witness.cells.sharpened(weight, witness.company);
        let tested = starts.iter().map(|start| {
            let before = witness.concordance(start);
            (before, retained(before, witness.concordance(&sharp(&sharp(start)))))
        });
        let (before, retained_sharp) = tested.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let retained_calm = retained(witness.concordance(ridge), witness.concordance(quiet));
        let borne_out = rise(retained_sharp, RETAINED) * (1.0 - rise(steady, SHAKY));
        let known = if learned < LEAST_LEARNED { 0.0 } else { 1.0 };
        Self {
            calm: known * rise(retained_calm, CALMED),
            share: known * borne_out * rise(witness.lines as f64, LINES),
            before,
            retained: retained_sharp,
            learned,
            steady,
            local: false,
            by_hand: false,
            lines: witness.lines,
        }
    }

    /// Whether scores may be averaged over neighbours: the lines say enough to go beyond ridge, and averages keep enough of what
    /// halves of the genes agree on.
    pub(crate) fn allows(&self, kept: f64) -> bool {
        let needed = KEPT.0 + (KEPT.1 - KEPT.0) * rise(self.steady, STEADY);
        self.learned >= LEAST_LEARNED && rise(self.lines as f64, LINES) >= 0.5 && kept >= needed
    }

    /// What is set by hand ("always", "never") instead of what was found ("auto").
    pub(crate) fn or(self, choice: &str) -> Self {
        match choice {
            "always" => Self { calm: 1.0, share: 1.0, by_hand: true, ..self },
            "never" => Self { calm: 0.0, share: 0.0, by_hand: true, ..self },
            _ => self,
        }
    }

    /// Averages over neighbours take the place of sharpening, where the latter is not set by hand.
    pub(crate) fn averaging(self, local: bool) -> Self {
        if local && !self.by_hand { Self { local, share: 0.0, ..self } } else { self }
    }

    /// Whether all starts are averaged together in place of ridge: not where lines agree so well that the others could only bias.
    pub(crate) fn together(&self) -> bool {
        self.local && self.steady < STEADY.1
    }

    /// In figures, for the model card.
    pub(crate) fn metrics(self) -> impl Iterator<Item = (String, f64)> {
        let metrics = [
            ("trust", self.share),
            ("noise_taken_off", self.calm),
            ("concordance_with_bulk", self.before),
            ("concordance_retained", self.retained),
            ("unseen_lines_correlation", self.learned),
            ("agreement_of_halves", self.steady),
        ];
        metrics.into_iter().map(|(name, value)| (name.to_owned(), value))
    }

    /// In words, for the model card.
    pub(crate) fn note(self) -> String {
        if self.by_hand {
            return "sensitome: trust was set by hand".to_owned();
        }
        let ridge = if self.calm > 0.0 { "ridge without the noise of single cells" } else { "ridge" };
        let found = if self.learned < LEAST_LEARNED {
            "the lines' response cannot be told from their expression; do not use these scores".to_owned()
        } else if self.local {
            "neighbouring cells keep what was learned; averaged it over them".to_owned()
        } else if self.steady >= SHAKY.1 {
            format!("the lines agree on these cells; kept {ridge}")
        } else if self.lines as f64 <= LINES.0 {
            format!("too few lines to test the cells' main axes against; fell back to {ridge}")
        } else if self.share <= 0.0 {
            format!("bulk does not bear out the cells' main axes; fell back to {ridge}")
        } else if self.share < 1.0 {
            format!("bulk bears out the cells' main axes in part; mixed with {ridge}")
        } else {
            "bulk bears out the cells' main axes; sharpened along them".to_owned()
        };
        format!("sensitome: {found}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::RngExt;
    use sensitome_core_models::rng_for;

    /// Twelve genes respond; in the cells a strong axis moves either all of them as bulk says, or half of them the wrong way.
    #[test]
    fn an_axis_is_trusted_when_its_genes_move_as_in_bulk() {
        let mut rng = rng_for(6, "trust");
        let bulk = Array1::from_shape_fn(40, |j| if j < 12 { 0.5 } else { 0.0 });
        let mut share_of = |turned: usize, learned: f64, steady: f64, lines: usize, starts: &[f64]| {
            let x = Array2::from_shape_fn((60, 40), |(i, j)| {
                let side = (i % 2) as f32 - 0.5;
                let moves = if j < turned { -1.0 } else { f32::from(u8::from(j < 12)) };
                3.0 * side * moves + rng.random_range(-1.0f32..1.0)
            });
            let (cells, company) = (Cells::new(x.view()), Array1::ones(40));
            let witness = Witness { cells: &cells, company: &company, bulk: bulk.clone(), lines };
            let starts: Vec<_> = starts.iter().map(|&sign| sign * &bulk).collect();
            Trust::test(&witness, (&bulk, &-&bulk), &starts, learned, steady)
        };
        assert_eq!(share_of(0, 0.5, 0.3, 200, &[1.0, -1.0]).share, 0.0, "one start that goes against bulk");
        let mut share = |turned, learned, steady, lines| share_of(turned, learned, steady, lines, &[1.0]);
        assert_eq!(share(0, 0.5, 0.3, 200).share, 1.0);
        assert_eq!(share(0, 0.5, 0.3, 200).calm, 0.0, "the other way round");
        assert!(share(0, 0.5, 0.3, 200).note().contains("sharpened"));
        assert!(share(0, 0.5, 0.9, 200).share == 0.0 && share(0, 0.5, 0.9, 200).note().contains("kept"));
        assert!(share(5, 0.5, 0.3, 200).share < 1.0);
        assert!(
            share(0, 0.5, 0.3, 100).share == 0.0 && share(0, 0.5, 0.3, 100).note().contains("too few lines")
        );
        assert_eq!(share(0, 0.5, 0.3, 150).share, 0.5);
        assert_eq!(share(0, 0.0, 0.3, 200).share, 0.0);
        assert!(share(0, 0.0, 0.3, 200).note().contains("do not use"));
    }
}
