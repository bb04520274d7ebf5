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

/// Sum, mean and sum of squared differences from it, of numbers added one by one (Welford 1962). The sum of counts is exact,
/// so that genes of one mean have one mean to the bit, whatever the order: a local regression on them depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) sum: f64,
    mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    /// Adds a number to others; `share` is 1 over how many they are with it.
    pub(super) fn push(&mut self, x: f64, share: f64) {
        self.sum += x;
        let away = x - self.mean;
        self.mean += away * share;
        self.squares += away * (x - self.mean);
    }

    /// The moments of `n` numbers with these and `m` numbers with those of `other` (Chan et al. 1979).
    pub(super) fn join(self, n: f64, other: Self, m: f64) -> Self {
        if m == 0.0 {
            return self;
        }
        let away = other.mean - self.mean;
        Self {
            sum: self.sum + other.sum,
            mean: self.mean + away * (m / (n + m)),
            squares: self.squares + other.squares + away * away * (n * m / (n + m)),
        }
    }
}
