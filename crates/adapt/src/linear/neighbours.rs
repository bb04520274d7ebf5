//! Scores averaged over the cells around a cell: attention to places among the cells, and a test without labels of
//! whether that takes off noise alone.

use burn::tensor::Device;
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use sensitome_core_models::{FeedForward, Layer, ResponseModel};
use sensitome_data::FewShot;

use super::cells::{Cells, Sample};
use super::labelled::Direction;
use super::{dual, narrowed};
use crate::trainer::FitOptions;
use crate::{AdaptError, Result};

/// Principal components that neighbours are told by.
const AXES: usize = 30;
/// Cells whose mean is a place.
const NEAREST: usize = 15;
/// What the cosine between a cell and a place is divided by: smaller looks less far.
const TEMPERATURE: f64 = 0.15;
/// Square of the constant beside the components, in mean squared lengths of the cells: with it, the mean cell has a
/// direction as well, and attention a gradient everywhere (paths of integrated gradients pass the mean).
const CONSTANT: f64 = 0.02;
/// Deviations above and below the middle of the classes at which labelled cells lie.
const LABEL: f64 = 3.0;
/// Variance of a label, in mean variances of the labelled cells by the kernel.
const DOUBT: f64 = 0.1;
/// Genes that are averaged at once.
const BLOCK: usize = 512;
/// Correlation of the scores by two halves of the genes below which there is nothing to keep.
const LEAST_AGREEMENT: f64 = 0.2;

/// The cells' principal components, and places among them.
#[derive(Debug)]
pub(crate) struct Neighbours<'a> {
    sample: &'a Sample,
    /// Genes × axes: the components, and one of zeros.
    axes: Array2<f64>,
    /// Where the mean of the sample lies on the axes; less the constant on the last.
    centre: Array1<f64>,
    /// The sampled cells that each place is the mean of.
    groups: Vec<Vec<usize>>,
    /// Places × axes, of length 1.
    places: Array2<f64>,
    /// Sampled cells × places, every row adds up to 1.
    attention: Array2<f64>,
    /// Squared length of every gene over the sampled cells, centred: as it is, and averaged.
    own: [Array1<f64>; 2],
}

impl<'a> Neighbours<'a> {
    /// `None` where there are too few cells to be neighbours, or all are the same.
    ///
    /// # Errors
    /// When the cells' principal components cannot be computed.
    pub(crate) fn of(cells: &'a Cells) -> Result<Option<Self>> {
        let sample = cells.sample();
        let n = sample.x.nrows();
        if n < 2 * NEAREST {
            return Ok(None);
        }
        let Some(mut axes) = components(sample)? else { return Ok(None) };
        let mut at = sample.x.dot(&axes);
        let centre = at.sum_axis(Axis(0)) / n as f64;
        at -= &centre;
        let constant = (CONSTANT * at.mapv(|v| v * v).sum() / n as f64).sqrt();
        append(&mut axes, Array1::zeros(sample.x.ncols()))?;
        append(&mut at, Array1::from_elem(n, constant))?;
        let centre = centre.into_iter().chain([-constant]).collect();
        let at = directions(at);
        let near = at.dot(&at.t());
        let groups: Vec<Vec<usize>> = near.rows().into_iter().map(nearest).collect();
        let mut places = Array2::zeros(at.raw_dim());
        for (mut place, group) in places.rows_mut().into_iter().zip(&groups) {
            group.iter().for_each(|&i| place += &at.row(i));
        }
        let places = directions(places);
        let attention = attention(&at, &places);
        let own = [squared_lengths(&sample.x), Array1::zeros(sample.x.ncols())];
        let mut near = Self { sample, axes, centre, groups, places, attention, own };
        near.own[1] = near.squared_lengths_averaged();
        Ok(Some(near))
    }

    /// How much of what scores by two halves of the genes agree on (their covariance) is left once they are averaged, expected
    /// over all ways to halve them; 0 where they do not agree. The noise of a cell is not the same in both halves: averages
    /// that keep what is shared take off noise alone.
    ///
    /// Every gene lies in either half with probability one half, so the halves share a quarter of the squared length of the
    /// scores, less what each gene adds of its own.
    pub(crate) fn kept(&self, weight: &Array1<f64>) -> f64 {
        let scores = centred(self.sample.x.dot(weight));
        let averages = centred(self.averaged(&scores));
        let squares = weight * weight;
        let [own, left] = [&self.own[0], &self.own[1]].map(|of| of.dot(&squares));
        let (all, shared) = (scores.dot(&scores), scores.dot(&scores) - own);
        let agreement = shared / (all + own).max(1e-300);
        if agreement >= LEAST_AGREEMENT { (averages.dot(&averages) - left) / shared } else { 0.0 }
    }

    /// The mean score of the cells of every place.
    fn by_place(&self, scores: &Array1<f64>) -> Array1<f64> {
        let mean = |group: &Vec<usize>| group.iter().map(|&i| scores[i]).sum::<f64>() / group.len() as f64;
        self.groups.iter().map(mean).collect()
    }

    fn averaged(&self, scores: &Array1<f64>) -> Array1<f64> {
        self.attention.dot(&self.by_place(scores))
    }

    /// Squared length of every gene once it is averaged, a block of genes at a time.
    fn squared_lengths_averaged(&self) -> Array1<f64> {
        let mut out = Vec::with_capacity(self.sample.x.ncols());
        for genes in self.sample.x.axis_chunks_iter(Axis(1), BLOCK) {
            let mut by_place = Array2::zeros((self.groups.len(), genes.ncols()));
            for (mut place, group) in by_place.rows_mut().into_iter().zip(&self.groups) {
                group.iter().for_each(|&i| place.scaled_add(1.0 / group.len() as f64, &genes.row(i)));
            }
            out.extend(squared_lengths(&self.attention.dot(&by_place)));
        }
        Array1::from_vec(out)
    }

    /// What every place stands for, if cells score by `weight`: averages over the cells have mean 0 and deviation 1.
    pub(crate) fn values(&self, weight: &Array1<f64>) -> Array1<f64> {
        let values = self.by_place(&self.sample.x.dot(weight));
        let averages = self.attention.dot(&values);
        let mean = averages.sum() / averages.len() as f64;
        (values - mean) / averages.std(0.0).max(1e-12)
    }

    /// How much cells, in rows, look at each place.
    fn looks(&self, cells: ArrayView2<f32>) -> Array2<f64> {
        attention(&directions(cells.mapv(f64::from).dot(&self.axes) - &self.centre), &self.places)
    }

    /// The averages of cells, from what the places stand for.
    pub(crate) fn averages(&self, cells: ArrayView2<f32>, values: &Array1<f64>) -> Array1<f64> {
        self.looks(cells).dot(values)
    }

    /// What the places stand for once a few cells are labelled. The labels are told to the places that these cells look at,
    /// by Gaussian process regression: the averages are its mean before, cells covary as they look at the same places, and a
    /// label says [`LABEL`] deviations above or below the middle.
    fn told(
        &self,
        values: Array1<f64>,
        looks: &Array2<f64>,
        few: &FewShot,
        middle: f64,
    ) -> Result<Array1<f64>> {
        let wanted = few.labels.iter().map(|&l| if l == 1 { middle + LABEL } else { middle - LABEL });
        let missing = wanted.collect::<Array1<f64>>() - looks.dot(&values);
        let kernel = looks.dot(&looks.t());
        let doubt = DOUBT * kernel.diag().sum() / few.rows.len().max(1) as f64;
        let change = looks.t().dot(&dual::solve(&kernel, doubt, &missing.insert_axis(Axis(1)))?);
        Ok(values + change.column(0))
    }

    /// `linear` with its direction averaged over neighbours, calibrated by slope and intercept. Labelled cells are told to the
    /// cells around, and one half lies midway between the averages of their classes.
    ///
    /// # Errors
    /// When the backend does not take the layers.
    pub(crate) fn instead_of(
        &self,
        linear: &ResponseModel,
        found: &Direction,
        (cells, few): (&Cells, Option<&FewShot>),
        options: &FitOptions,
        (slope, intercept): (f64, f64),
    ) -> Result<ResponseModel> {
        let (mut values, mut middle) = (self.values(&found.weight), 0.0);
        if let Some(few) = few.filter(|_| found.support.is_some()) {
            let looks = self.looks(cells.rows(&few.rows).view());
            middle = middle_of(few, &looks.dot(&values));
            values = self.told(values, &looks, few, middle)?;
        }
        let device = options.device.clone().inner();
        let (encoder, head) = self.network(&values, (slope, intercept - slope * middle), &device)?;
        let (preparation, card) = (linear.preprocessing().clone(), linear.card().clone());
        let threshold = linear.threshold();
        Ok(ResponseModel::new(preparation, encoder, head, linear.output(), threshold, card, device)?)
    }

    /// Encoder (the principal components) and head (attention, then a line through the averages).
    fn network(
        &self,
        values: &Array1<f64>,
        (slope, intercept): (f64, f64),
        device: &Device,
    ) -> Result<(FeedForward, FeedForward)> {
        let matrix = |m: &Array2<f64>| narrowed(m, [m.nrows(), m.ncols()], device);
        let vector = |v: &Array1<f64>| narrowed(v, [v.len()], device);
        let components = Layer::Linear { weight: matrix(&self.axes), bias: Some(vector(&-&self.centre)) };
        let places = self.places.t().as_standard_layout().to_owned();
        let similarity =
            Layer::Cosine { weight: matrix(&places), temperature: TEMPERATURE, normalize_weight: true };
        let line = Layer::Linear {
            weight: matrix(&(values * slope).insert_axis(Axis(1))),
            bias: Some(vector(&Array1::from_elem(1, intercept))),
        };
        Ok((FeedForward::new(vec![components])?, FeedForward::new(vec![similarity, Layer::Softmax, line])?))
    }
}

/// The first principal components of the cells, genes × axes; `None` where all cells are the same.
fn components(Sample { x, kernel }: &Sample) -> Result<Option<Array2<f64>>> {
    let n = x.nrows();
    let matrix = Mat::from_fn(n, n, |i, j| kernel[[i, j]]);
    let eigen = SelfAdjointEigen::new(matrix.as_ref(), Side::Lower).map_err(|e| {
        AdaptError::invalid("cells", format!("no principal components ({e:?})"), "check the values")
    })?;
    // Ascending: the last are the largest.
    let size = |k: usize| eigen.S().column_vector()[n - 1 - k];
    let count = (0..AXES.min(n - 1)).take_while(|&k| size(k) > 1e-9 * size(0).max(1e-12)).count();
    let dual = Array2::from_shape_fn((n, count), |(i, k)| eigen.U()[(i, n - 1 - k)] / size(k).sqrt());
    Ok((count > 0).then(|| x.t().dot(&dual)))
}

/// A further column.
fn append(matrix: &mut Array2<f64>, column: Array1<f64>) -> Result<()> {
    let shape = |e: ndarray::ShapeError| AdaptError::invalid("cells", e.to_string(), "check their shape");
    matrix.push_column(column.view()).map_err(shape)
}

/// Rows divided by their length.
fn directions(mut x: Array2<f64>) -> Array2<f64> {
    for mut row in x.rows_mut() {
        let length = row.dot(&row).sqrt().max(1e-12);
        row /= length;
    }
    x
}

/// The cells most similar to one, the most similar first.
fn nearest(similarity: ndarray::ArrayView1<f64>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..similarity.len()).collect();
    order.sort_by(|&a, &b| similarity[b].total_cmp(&similarity[a]));
    order.truncate(NEAREST);
    order
}

/// Softmax of the similarities of cells to places, both of length 1.
fn attention(cells: &Array2<f64>, places: &Array2<f64>) -> Array2<f64> {
    let mut weights = cells.dot(&places.t()) / TEMPERATURE;
    for mut row in weights.rows_mut() {
        let most = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|v| (v - most).exp());
        let sum = row.sum();
        row /= sum;
    }
    weights
}

/// Midway between the mean scores of the labelled cells of either class.
fn middle_of(few: &FewShot, scores: &Array1<f64>) -> f64 {
    let mean = |class: u8| {
        let of = few.labels.iter().zip(scores).filter(|(label, _)| **label == class);
        of.clone().map(|(_, s)| s).sum::<f64>() / of.count().max(1) as f64
    };
    (mean(0) + mean(1)) / 2.0
}

/// Of every column, less its mean.
fn squared_lengths(x: &Array2<f64>) -> Array1<f64> {
    x.var_axis(Axis(0), 0.0) * x.nrows() as f64
}

fn centred(scores: Array1<f64>) -> Array1<f64> {
    let mean = scores.sum() / scores.len().max(1) as f64;
    scores - mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Tensor, TensorData};
    use rand::RngExt;
    use sensitome_core_models::{parse_device, rng_for};

    /// Groups of cells that share a profile; the scores to be found are the groups', or every cell's own.
    fn groups(seed: u64, own: f32) -> (Array2<f32>, Array1<f64>) {
        let mut rng = rng_for(seed, "groups");
        let genes = 60;
        let profiles = Array2::from_shape_fn((6, genes), |_| rng.random_range(-1.0f32..1.0));
        // Every cell of its own along the first axis of genes, beside the noise of each gene.
        let side: Vec<f32> = (0..120).map(|_| rng.random_range(-1.0..1.0)).collect();
        let x = Array2::from_shape_fn((120, genes), |(i, j)| {
            let shared = if j < 30 { own * side[i] } else { 0.0 };
            2.0 * profiles[[i % 6, j]] + shared + rng.random_range(-1.0f32..1.0)
        });
        let truth = (0..120).map(|i| f64::from(if own > 0.0 { side[i] } else { (i % 6) as f32 })).collect();
        (x, truth)
    }

    #[test]
    fn averages_keep_what_neighbours_share_and_the_test_sees_when_they_do_not() {
        let (x, truth) = groups(1, 0.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        // A direction of the groups, in which every gene carries noise.
        let weight = cells.covariances(&centred(truth.clone()));
        let scores = cells.scores(&weight);
        let averages = near.averages(x.view(), &near.values(&weight));
        let spread = |s: &Array1<f64>| {
            // Variance within the groups, in variances of all.
            let mean = |g: usize| s.iter().skip(g).step_by(6).sum::<f64>() / 20.0;
            s.iter().enumerate().map(|(i, v)| (v - mean(i % 6)).powi(2)).sum::<f64>()
                / (120.0 * s.std(0.0).powi(2))
        };
        assert!(spread(&averages) < 0.1 * spread(&scores), "{} {}", spread(&averages), spread(&scores));
        assert!((averages.std(0.0) - 1.0).abs() < 1e-6 && averages.sum().abs() < 1e-6);
        assert!(near.kept(&weight) > 0.8, "{}", near.kept(&weight));
        // What differs from cell to cell within the groups, and is in both halves of the genes, would be lost.
        let (x, truth) = groups(2, 1.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let groups = Array1::from_iter((0..120).map(|i| f64::from(i % 6)));
        let along = cells.covariances(&centred(truth));
        let across = cells.covariances(&centred(groups));
        assert!(near.kept(&along) < near.kept(&across) - 0.2, "{}", near.kept(&along));
        // Genes that have nothing in common have nothing to keep.
        let mut rng = rng_for(5, "noise");
        let noise = Array2::from_shape_fn((120, 60), |_| rng.random_range(-1.0f32..1.0));
        let cells = Cells::new(noise.view());
        assert_eq!(Neighbours::of(&cells).unwrap().unwrap().kept(&Array1::ones(60)), 0.0);
    }

    /// What is kept against the mean over all ways to halve some genes, each of them looked at.
    #[test]
    fn what_is_kept_is_that_of_all_halves() {
        let (x, truth) = groups(1, 0.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let mut weight = cells.covariances(&centred(truth));
        weight.iter_mut().skip(10).for_each(|w| *w = 0.0);
        let (mut shared, mut left) = (0.0, 0.0);
        for halves in 0u32..1 << 10 {
            let half = |side| {
                Array1::from_shape_fn(60, |j| if (halves >> j.min(31)) & 1 == side { weight[j] } else { 0.0 })
            };
            let [a, b] = [half(0), half(1)].map(|w| centred(near.sample.x.dot(&w)));
            shared += a.dot(&b);
            left += centred(near.averaged(&a)).dot(&centred(near.averaged(&b)));
        }
        assert!(
            (near.kept(&weight) - left / shared).abs() < 1e-9,
            "{} {}",
            near.kept(&weight),
            left / shared
        );
    }

    #[test]
    fn the_network_gives_the_averages() {
        let (x, truth) = groups(3, 0.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let values = near.values(&cells.covariances(&centred(truth)));
        let device = parse_device("flex").unwrap();
        let (encoder, head) = near.network(&values, (2.0, -0.5), &device).unwrap();
        let data = TensorData::new(x.iter().copied().collect::<Vec<f32>>(), [120, 60]);
        let y = head.evaluate(encoder.evaluate(Tensor::<2>::from_data(data, &device)));
        let y = y.try_into_vec_as::<f64>().unwrap();
        for (y, average) in y.iter().zip(near.averages(x.view(), &values)) {
            assert!((y - (2.0 * average - 0.5)).abs() < 1e-4, "{y} {average}");
        }
    }

    /// A label says what the cells around are, here against all that was thought before, and little of the others.
    #[test]
    fn labels_are_told_to_the_cells_around() {
        let (x, truth) = groups(3, 0.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let before = near.values(&cells.covariances(&centred(truth)));
        // Groups 0 and 5 lie at the two ends; by the labels it is the other way round.
        let few = FewShot { rows: vec![0, 6, 5, 11], labels: vec![1, 1, 0, 0] };
        let looks = near.looks(cells.rows(&few.rows).view());
        let middle = middle_of(&few, &looks.dot(&before));
        let after = near.told(before.clone(), &looks, &few, middle).unwrap();
        let of = |values: &Array1<f64>, group: usize| {
            let scores = near.averages(x.view(), values);
            scores.iter().skip(group).step_by(6).sum::<f64>() / 20.0
        };
        assert!(of(&before, 0) < of(&before, 5) - 1.0);
        assert!((of(&after, 0) - (middle + LABEL)).abs() < 0.5, "{}", of(&after, 0));
        assert!((of(&after, 5) - (middle - LABEL)).abs() < 0.5, "{}", of(&after, 5));
        let moved = |group| (of(&after, group) - of(&before, group)).abs();
        assert!((1..5).all(|group| moved(group) < 0.2 * moved(0)), "{:?}", [1, 2, 3, 4].map(moved));
    }

    /// No direction is that of the mean cell, and yet the averages change little from one side of it to the other.
    #[test]
    fn averages_are_smooth_about_the_mean_cell() {
        let (x, truth) = groups(3, 0.0);
        let cells = Cells::new(x.view());
        let near = Neighbours::of(&cells).unwrap().unwrap();
        let values = near.values(&cells.covariances(&centred(truth)));
        let mean = cells.means().mapv(|m| m as f32);
        let away = |step: f32| &mean + &((&x.row(0) - &mean) * step);
        let at = |step: f32| near.averages(away(step).insert_axis(Axis(0)).view(), &values)[0];
        assert!((at(1e-3) - at(-1e-3)).abs() < 0.05, "{} {}", at(1e-3), at(-1e-3));
        assert!((at(1.0) - at(-1.0)).abs() > 0.5, "{} {}", at(1.0), at(-1.0));
    }

    #[test]
    fn few_or_equal_cells_have_no_neighbours() {
        let (x, _) = groups(4, 0.0);
        let few = x.slice(ndarray::s![..20, ..]);
        assert!(Neighbours::of(&Cells::new(few)).unwrap().is_none());
        let equal = Array2::from_elem((40, 5), 1.0f32);
        assert!(Neighbours::of(&Cells::new(equal.view())).unwrap().is_none());
    }
}
