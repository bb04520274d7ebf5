//! Whether bulk bears out the axis that the cells suggest: a test without labels.

use ndarray::Array1;

use super::cells::Cells;
use super::correlation;

/// Share of the concordance that must survive sharpening: nothing is trusted below the first, everything above the second.
const RETAINED: (f64, f64) = (0.70, 0.85);
/// Agreement on the cells of ridge by one half of the lines with ridge by the other: below the first, sharpening may do all it
/// can; above the second there is no noise for it to take off, and it could only bias.
const STEADY: (f64, f64) = (0.60, 0.75);
/// Correlation of unseen lines with their response below which nothing is to be learned from bulk.
const LEAST_LEARNED: f64 = 0.1;

/// Lines that were learned from: with as few as the first, the error of a gene's correlation with the response (0.1) is as
/// large as what the test compares, and nothing is trusted; from the second on, all that the test says.
const LINES: (f64, f64) = (100.0, 200.0);

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust {
    /// From 0 (leave the cells' axes alone) to 1.
    pub(crate) share: f64,
    /// Correlation over genes between their loading on the start's scores in the cells and on the response in bulk.
    pub(crate) before: f64,
    /// How much of it is left after sharpening twice.
    pub(crate) retained: f64,
    /// Correlation of unseen lines with their response.
    pub(crate) learned: f64,
    /// Correlation of the cells' scores by ridge on one half of the lines with those on the other.
    pub(crate) steady: f64,
    /// Lines that were learned from.
    pub(crate) lines: usize,
}

impl Trust {
    /// Sharpens `start` twice and looks at how far genes go on moving in the cells as `bulk` (their correlation with the
    /// response there, over so many lines) says. `company` weighs the genes.
    pub(crate) fn test(
        cells: &Cells,
        start: &Array1<f64>,
        company: &Array1<f64>,
        (bulk, lines): (&Array1<f64>, usize),
        learned: f64,
        steady: f64,
    ) -> Self {
        let root = company.mapv(f64::sqrt);
        let concordance = |weight: &Array1<f64>| {
            let loadings = cells.loadings(&cells.scores(weight));
            correlation((loadings * &root).view(), (bulk * &root).view())
        };
        let twice = cells.sharpened(&cells.sharpened(start, company), company);
        let (before, after) = (concordance(start), concordance(&twice));
        let retained = if before > 0.0 { after / before } else { 0.0 };
        let rise = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let borne_out = rise(retained, RETAINED) * (1.0 - rise(steady, STEADY));
        let share = if learned < LEAST_LEARNED { 0.0 } else { borne_out * rise(lines as f64, LINES) };
        Self { share, before, retained, learned, steady, lines }
    }

    /// In words, for the model card.
    pub(crate) fn note(self) -> &'static str {
        if self.learned < LEAST_LEARNED {
            "sensitome: the lines' response cannot be told from their expression; do not use these scores"
        } else if self.steady >= STEADY.1 {
            "sensitome: ridge is steady on these cells; kept as it is"
        } else if self.lines as f64 <= LINES.0 {
            "sensitome: too few lines to test the cells' main axes against; fell back to ridge"
        } else if self.share <= 0.0 {
            "sensitome: bulk does not bear out the cells' main axes; fell back to ridge"
        } else if self.share < 1.0 {
            "sensitome: bulk bears out the cells' main axes in part; mixed with ridge"
        } else {
            "sensitome: bulk bears out the cells' main axes; sharpened along them"
        }
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
        let mut share = |turned: usize, learned: f64, steady: f64, lines: usize| {
            let x = Array2::from_shape_fn((60, 40), |(i, j)| {
                let side = (i % 2) as f32 - 0.5;
                let moves = if j < turned { -1.0 } else { f32::from(u8::from(j < 12)) };
                3.0 * side * moves + rng.random_range(-1.0f32..1.0)
            });
            Trust::test(&Cells::new(x.view()), &bulk, &Array1::ones(40), (&bulk, lines), learned, steady)
        };
        assert_eq!(share(0, 0.5, 0.3, 200).share, 1.0);
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
