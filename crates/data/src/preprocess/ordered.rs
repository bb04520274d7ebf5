//! Sums over rows in an order that depends on the rows alone: not on the threads, nor on how the rows come in.

use std::ops::Range;

use rayon::prelude::*;

/// Rows that are summed up one after the other; chunks are then put together from the first to the last.
const CHUNK: usize = 1024;
/// Chunks that lie in memory at the same time.
const WAVE: usize = 64;

/// What is summed up.
pub(super) trait Tally: Send {
    /// Adds what was found in the rows that follow.
    fn merge(&mut self, later: Self);
}

/// The sum over all rows so far.
pub(super) struct Ordered<T> {
    total: T,
    /// A chunk whose last rows are still to come.
    open: Option<T>,
}

impl<T: Tally> Ordered<T> {
    pub(super) fn new(empty: T) -> Self {
        Self { total: empty, open: None }
    }

    /// Adds `rows`, which follow those added before: `one` takes a row into a tally made by `empty`.
    pub(super) fn add(
        &mut self,
        rows: Range<usize>,
        empty: impl Fn() -> T,
        one: impl Fn(&mut T, usize) + Sync,
    ) {
        let mut start = rows.start;
        while start < rows.end {
            let mut wave = Vec::new();
            while wave.len() < WAVE && start < rows.end {
                let end = (start + 1).next_multiple_of(CHUNK).min(rows.end);
                wave.push((start..end, self.open.take().unwrap_or_else(&empty)));
                start = end;
            }
            let add = |(rows, mut tally): (Range<usize>, T)| {
                let end = rows.end;
                rows.for_each(|i| one(&mut tally, i));
                (end, tally)
            };
            let done: Vec<(usize, T)> = wave.into_par_iter().map(add).collect();
            for (end, tally) in done {
                if end % CHUNK == 0 {
                    self.total.merge(tally);
                } else {
                    self.open = Some(tally);
                }
            }
        }
    }

    /// The sum.
    pub(super) fn finish(mut self) -> T {
        if let Some(open) = self.open.take() {
            self.total.merge(open);
        }
        self.total
    }
}

/// Sums of numbers and of their squares, counted from one of the numbers, the origin. No number is further from the mean than
/// the root of the sum of squared differences from it, so that nothing is lost in subtracting; equal numbers have a variance
/// of exactly 0; and the sum of counts is exact, so that genes of one mean have one mean to the bit, whatever the order: a
/// local regression on them depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    origin: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// Of no number yet; `x` is to be one of them.
    pub(super) fn from(x: f64) -> Self {
        Self { origin: x, ..Self::default() }
    }

    /// Adds a number to others.
    #[inline]
    pub(super) fn push(&mut self, x: f64) {
        let away = x - self.origin;
        self.sum += away;
        self.squares += away * away;
    }

    /// The moments of `n` numbers with these and `m` numbers with those of `other`.
    pub(super) fn join(self, n: f64, other: Self, m: f64) -> Self {
        if n == 0.0 {
            return other;
        }
        let away = other.origin - self.origin;
        Self {
            origin: self.origin,
            sum: self.sum + other.sum + m * away,
            squares: self.squares + other.squares + away * (2.0 * other.sum + m * away),
        }
    }

    /// The mean of `n` numbers with these moments, and their variance over n - 1.
    pub(super) fn mean_and_variance(self, n: f64) -> (f64, f64) {
        let squares = (self.squares - self.sum * self.sum / n).max(0.0);
        ((self.sum + n * self.origin) / n, squares / (n - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::from(values.first().copied().unwrap_or_default());
        values.iter().for_each(|&x| moments.push(x));
        moments
    }

    proptest! {
        #[test]
        fn moments_of_parts_are_those_of_two_passes_far_from_0_too(
            values in prop::collection::vec(-1.0..1.0f64, 3..300),
            (level, outlier) in (prop::sample::select(vec![0.0, 1.0, 1e6]), prop::sample::select(vec![0.0, 1e4])),
            (zeros, cut) in (0usize..50, any::<prop::sample::Index>()),
        ) {
            let mut values: Vec<f64> = values.iter().map(|v| level + v).collect();
            values[0] += outlier;
            let (before, after) = values.split_at(cut.index(values.len()));
            let (n, m) = (before.len() as f64, after.len() as f64);
            let zeros_too = of(before).join(n, of(after), m).join(n + m, Moments::default(), zeros as f64);
            let n = n + m + zeros as f64;
            let (mean, variance) = zeros_too.mean_and_variance(n);

            values.extend(vec![0.0; zeros]);
            let expected = values.iter().sum::<f64>() / n;
            let squares: f64 = values.iter().map(|v| (v - expected).powi(2)).sum();
            prop_assert!((mean - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{mean} {expected}");
            let expected = squares / (n - 1.0);
            prop_assert!((variance - expected).abs() <= 1e-9 * expected, "{variance} {expected}");
        }

        #[test]
        fn equal_numbers_do_not_vary(x in -1e6..1e6f64, n in 2usize..2000) {
            let parts = of(&vec![x; n]).join(n as f64, of(&[x; 7]), 7.0);
            let (mean, variance) = parts.mean_and_variance(n as f64 + 7.0);
            prop_assert!((mean - x).abs() <= 1e-15 * x.abs() && variance == 0.0, "{mean} {variance}");
        }
    }
}
