//! The gradient at the first hidden layer, averaged over the path.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use crate::Real;
use crate::passes::{lower_slope, pull_back, trace};
use crate::target::Readout;
use sensitome_core_models::FoldedStep;

/// Numbers that the points of one chunk of cells may hold in the second hidden layer: they stay in the cache.
const CHUNK: usize = 1 << 17;

/// The part of a network behind its first affine step, and the points of the path.
pub(super) struct Path<'a, F> {
    pub(super) rest: &'a [FoldedStep<F>],
    pub(super) readout: Readout,
    pub(super) at: &'a [F],
    pub(super) weights: &'a [F],
}

/// About how many numbers are held at a time, whatever the number of cells.
pub(super) fn bytes<F>(steps: &[FoldedStep<F>], points: usize) -> usize {
    let width = |step: &FoldedStep<F>| match step {
        FoldedStep::Affine { weight, .. } => weight.ncols(),
        FoldedStep::Scale { .. }
        | FoldedStep::Activation(_)
        | FoldedStep::Normalize
        | FoldedStep::Softmax => 0,
    };
    let widest = steps.iter().map(width).max().unwrap_or(1);
    // Every step keeps one matrix of the chunk, whose size is set by the narrowest choice of `chunk`.
    (steps.len() + 4) * CHUNK.max(points * widest)
}

impl<F: Real> Path<'_, F> {
    /// Σ_k w_k ∇g(from + α_k · difference) for every row of `difference` (cells × hidden).
    pub(super) fn averaged(&self, from: ArrayView1<F>, difference: Array2<F>) -> Array2<F> {
        let mut out = Array2::zeros(difference.raw_dim());
        let kinked = match self.rest {
            [FoldedStep::Activation(f), FoldedStep::Affine { weight, bias }, tail @ ..] => {
                lower_slope(*f).map(|lower| Kinked::new(from, lower, weight, bias, tail))
            }
            _ => None,
        };
        let width = match self.rest {
            [FoldedStep::Activation(_), FoldedStep::Affine { weight, .. }, ..] if kinked.is_some() => {
                weight.ncols()
            }
            _ => difference.ncols(),
        };
        let chunk = (CHUNK / (self.at.len() * width).max(1)).max(1);
        let parts = difference.axis_chunks_iter(Axis(0), chunk).zip(out.axis_chunks_iter_mut(Axis(0), chunk));
        for (difference, out) in parts {
            match &kinked {
                Some(kinked) => self.by_kinks(kinked, difference, out),
                None => self.by_points(from, difference, out),
            }
        }
        out
    }

    /// Any function: a forward and a backward pass at every point.
    fn by_points(&self, from: ArrayView1<F>, difference: ArrayView2<F>, mut out: ArrayViewMut2<F>) {
        let n = self.at.len();
        let mut points = Array2::zeros((difference.nrows() * n, from.len()));
        for (i, d) in difference.rows().into_iter().enumerate() {
            for (k, &at) in self.at.iter().enumerate() {
                let mut point = points.row_mut(i * n + k);
                ndarray::Zip::from(&mut point).and(&from).and(&d).for_each(|p, &b, &d| *p = b + at * d);
            }
        }
        let gradient = self.gradient(self.rest, points);
        for (mut out, gradient) in out.rows_mut().into_iter().zip(gradient.axis_chunks_iter(Axis(0), n)) {
            for (g, &w) in gradient.rows().into_iter().zip(self.weights) {
                out.scaled_add(w, &g);
            }
        }
    }

    fn gradient(&self, steps: &[FoldedStep<F>], points: Array2<F>) -> Array2<F> {
        let trace = trace(steps, points);
        let gradient = self.readout.gradient(trace.outputs.view());
        pull_back(steps, &trace, gradient)
    }

    /// A rectifier behind the first layer: between two crossings of zero its outputs are linear in α, and so
    /// are the values of the second layer. Each unit crosses at most once, so that the second weight matrix
    /// is passed about once a cell instead of once a point, forwards and backwards.
    fn by_kinks(&self, kinked: &Kinked<F>, difference: ArrayView2<F>, mut out: ArrayViewMut2<F>) {
        let (cells, n) = (difference.nrows(), self.at.len());
        let mut crossings = Vec::with_capacity(cells);
        let mut slopes = Array2::zeros(difference.raw_dim());
        let start = (&difference * &kinked.slope).dot(kinked.weight);
        let mut points = Array2::zeros((cells * n, kinked.weight.ncols()));
        for (i, d) in difference.rows().into_iter().enumerate() {
            let found = kinked.crossings(d, self.at);
            let points = points.slice_mut(s![i * n..(i + 1) * n, ..]);
            kinked.walk(&found, d, start.row(i), self.at, points);
            kinked.last_slopes(&found, slopes.row_mut(i));
            crossings.push(found);
        }
        let gradient = self.gradient(kinked.tail, points);
        // Running sums of the weighted gradients: row k is the sum over the points before k.
        let width = kinked.weight.ncols();
        let mut totals = Array2::zeros((cells, width));
        let mut sums = Array2::zeros((n + 1, width));
        let mut corrections = Array2::zeros(difference.raw_dim());
        for (i, gradient) in gradient.axis_chunks_iter(Axis(0), n).enumerate() {
            for (k, (g, &w)) in gradient.rows().into_iter().zip(self.weights).enumerate() {
                let (before, mut after) = sums.multi_slice_mut((s![k, ..], s![k + 1, ..]));
                ndarray::Zip::from(&mut after).and(&before).and(&g).for_each(|a, &b, &g| *a = b + w * g);
            }
            totals.row_mut(i).assign(&sums.row(n));
            for crossing in &crossings[i] {
                let before = kinked.weight.row(crossing.unit).dot(&sums.row(crossing.point));
                corrections[[i, crossing.unit]] =
                    (kinked.slope[crossing.unit] - kinked.other(crossing.unit)) * before;
            }
        }
        out.assign(&(totals.dot(&kinked.weight.t()) * slopes + corrections));
    }
}

/// A unit that changes sign on the path, and the first point at which it has.
struct Crossing {
    point: usize,
    unit: usize,
}

/// The rectifier behind the first layer, with its state at the baseline.
struct Kinked<'a, F> {
    from: ArrayView1<'a, F>,
    lower: F,
    weight: &'a Array2<F>,
    tail: &'a [FoldedStep<F>],
    /// Slope of every unit at the baseline.
    slope: Array1<F>,
    /// Values of the second layer at the baseline.
    base: Array1<F>,
}

impl<'a, F: Real> Kinked<'a, F> {
    fn new(
        from: ArrayView1<'a, F>,
        lower: F,
        weight: &'a Array2<F>,
        bias: &Array1<F>,
        tail: &'a [FoldedStep<F>],
    ) -> Self {
        let slope = from.mapv(|v| if v > F::zero() { F::one() } else { lower });
        let base = (&from * &slope).dot(weight) + bias;
        Self { from, lower, weight, tail, slope, base }
    }

    /// The slope that a unit does not have at the baseline.
    fn other(&self, unit: usize) -> F {
        if self.from[unit] > F::zero() { self.lower } else { F::one() }
    }

    /// The units that change sign, in the order in which they do.
    fn crossings(&self, difference: ArrayView1<F>, at: &[F]) -> Vec<Crossing> {
        let mut found = Vec::new();
        let last = at.last().copied().unwrap_or_default();
        for (unit, (&from, &d)) in self.from.iter().zip(&difference).enumerate() {
            let start = from > F::zero();
            // from + α·d rises or falls with α, in floating point too: the sign changes once.
            if (from + last * d > F::zero()) != start {
                let point = at.partition_point(|&at| (from + at * d > F::zero()) == start);
                found.push(Crossing { point, unit });
            }
        }
        found.sort_unstable_by_key(|c| c.point);
        found
    }

    /// Values of the second layer at every point: constant + α · rate, both updated at each crossing.
    fn walk(
        &self,
        crossings: &[Crossing],
        difference: ArrayView1<F>,
        rate: ArrayView1<F>,
        at: &[F],
        mut points: ArrayViewMut2<F>,
    ) {
        let (mut constant, mut rate) = (self.base.clone(), rate.to_owned());
        let mut crossings = crossings.iter().peekable();
        for (k, (mut point, &at)) in points.rows_mut().into_iter().zip(at).enumerate() {
            while let Some(c) = crossings.next_if(|c| c.point == k) {
                let change = self.other(c.unit) - self.slope[c.unit];
                let weights = self.weight.row(c.unit);
                constant.scaled_add(change * self.from[c.unit], &weights);
                rate.scaled_add(change * difference[c.unit], &weights);
            }
            ndarray::Zip::from(&mut point).and(&constant).and(&rate).for_each(|p, &c, &r| *p = c + at * r);
        }
    }

    /// Slopes at the last point.
    fn last_slopes(&self, crossings: &[Crossing], mut slopes: ArrayViewMut1<F>) {
        slopes.assign(&self.slope);
        for c in crossings {
            slopes[c.unit] = self.other(c.unit);
        }
    }
}
