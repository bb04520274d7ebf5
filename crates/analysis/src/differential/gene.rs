//! The statistics of one gene: moments and rank sums of every group, from its sorted non-zero values.

use crate::matrix::Real;

/// Number, mean and squared deviations of some values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    pub(super) non_zero: f64,
}

impl Moments {
    /// Variance with n − 1.
    pub(super) fn variance(&self) -> f64 {
        self.squares / (self.n - 1.0)
    }

    /// Both together (Chan, Golub and LeVeque 1983), without the cancellation of total minus part.
    fn merge(self, other: Self) -> Self {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
        }
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + delta * (other.n / n),
            squares: self.squares + other.squares + delta * delta * (self.n * other.n / n),
            non_zero: self.non_zero + other.non_zero,
        }
    }
}

/// Rank statistics of one group against its reference.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RankSum {
    /// Pairs in which the group's value is larger, ties counting half: the Mann-Whitney U.
    pub(super) u: f64,
    /// Sum over ties of t³ − t, t being how many values share one.
    pub(super) ties: f64,
}

/// Works through one gene after another; holds the buffers.
pub(super) struct GeneStatistics {
    sizes: Vec<f64>,
    /// `None`: each group against all others.
    reference: Option<usize>,
    ranked: bool,
    pub(super) moments: Vec<Moments>,
    pub(super) ranks: Vec<RankSum>,
    below: Vec<f64>,
    below_all: f64,
    run: Vec<(usize, f64)>,
}

impl GeneStatistics {
    pub(super) fn new(sizes: &[usize], reference: Option<usize>, ranked: bool) -> Self {
        Self {
            sizes: sizes.iter().map(|&n| n as f64).collect(),
            reference,
            ranked,
            moments: vec![Moments::default(); sizes.len()],
            ranks: vec![RankSum::default(); sizes.len()],
            below: vec![0.0; sizes.len()],
            below_all: 0.0,
            run: Vec::new(),
        }
    }

    /// Takes in a gene: its packed non-zero values, ascending.
    pub(super) fn load<T: Real>(&mut self, sorted: &[T::Packed]) {
        self.load_moments::<T>(sorted);
        if self.ranked {
            self.load_ranks::<T>(sorted);
        }
    }

    /// Moments of the cells that `group` is compared with.
    pub(super) fn reference_moments(&self, group: usize) -> Moments {
        match self.reference {
            Some(r) => self.moments[r],
            None => {
                let others = self.moments.iter().enumerate().filter(|(g, _)| *g != group);
                others.fold(Moments::default(), |sum, (_, m)| sum.merge(*m))
            }
        }
    }

    fn load_moments<T: Real>(&mut self, sorted: &[T::Packed]) {
        self.moments.fill(Moments::default());
        self.run.clear();
        // Smallest and largest value of each group, to tell a constant from rounding.
        let mut range = vec![(f64::INFINITY, f64::NEG_INFINITY); self.sizes.len()];
        for &packed in sorted {
            let (g, value) = (T::group(packed) as usize, T::value(packed));
            let m = &mut self.moments[g];
            m.mean += value;
            m.non_zero += 1.0;
            range[g].0 = range[g].0.min(value);
            range[g].1 = range[g].1.max(value);
        }
        for ((m, &n), range) in self.moments.iter_mut().zip(&self.sizes).zip(&mut range) {
            m.n = n;
            m.mean = if n > 0.0 { m.mean / n } else { 0.0 };
            if m.non_zero < n {
                *range = (range.0.min(0.0), range.1.max(0.0));
            }
            if range.0 == range.1 {
                m.mean = range.0;
            }
            m.squares = (n - m.non_zero) * m.mean * m.mean;
        }
        for &packed in sorted {
            let m = &mut self.moments[T::group(packed) as usize];
            let deviation = T::value(packed) - m.mean;
            m.squares += deviation * deviation;
        }
    }

    fn load_ranks<T: Real>(&mut self, sorted: &[T::Packed]) {
        self.ranks.fill(RankSum::default());
        self.below.fill(0.0);
        self.below_all = 0.0;
        let mut zeros_done = false;
        for tied in sorted.chunk_by(|&a, &b| T::same_value(a, b)) {
            if !zeros_done && T::value(tied[0]) > 0.0 {
                zeros_done = true;
                self.zeros();
            }
            self.run.clear();
            for same in tied.chunk_by(|&a, &b| T::group(a) == T::group(b)) {
                self.run.push((T::group(same[0]) as usize, same.len() as f64));
            }
            self.tie();
        }
        if !zeros_done {
            self.zeros();
        }
    }

    /// All zeros are one tie.
    fn zeros(&mut self) {
        self.run.clear();
        let counts = self.sizes.iter().zip(&self.moments).map(|(n, m)| n - m.non_zero).enumerate();
        self.run.extend(counts.filter(|(_, n)| *n > 0.0));
        self.tie();
    }

    /// Takes in the values of `run` (groups and counts), which are equal and larger than all before.
    fn tie(&mut self) {
        let cubes = |t: f64| t * (t * t - 1.0);
        match self.reference {
            None => {
                let all: f64 = self.run.iter().map(|(_, n)| n).sum();
                for &(g, n) in &self.run {
                    // Larger than the others below, half for the others tied.
                    let others_below = self.below_all - self.below[g];
                    self.ranks[g].u += n * (others_below + (all - n) / 2.0);
                    self.below[g] += n;
                }
                self.below_all += all;
                // The same for every group: kept with the first, see `ties`.
                self.ranks[0].ties += cubes(all);
            }
            Some(r) => {
                let tied = self.run.iter().find(|(g, _)| *g == r).map_or(0.0, |(_, n)| *n);
                for &(g, n) in self.run.iter().filter(|(g, _)| *g != r) {
                    self.ranks[g].u += n * (self.below[r] + tied / 2.0);
                    self.ranks[g].ties += cubes(n + tied) - cubes(tied);
                }
                self.below[r] += tied;
                self.ranks[r].ties += cubes(tied);
            }
        }
    }

    /// Sum of t³ − t over the ties among a group and its reference.
    pub(super) fn ties(&self, group: usize) -> f64 {
        match self.reference {
            None => self.ranks[0].ties,
            Some(r) => self.ranks[group].ties + self.ranks[r].ties,
        }
    }
}
