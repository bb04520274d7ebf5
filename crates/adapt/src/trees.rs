//! Decision trees, grown for `random_forest` and `gradient_boosting` and written as a network of three linear layers, so
//! that they need no layer of their own (neural random forest, Biau et al. 2019).

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView1};
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use sensitome_core_models::{Activation, Device, FeedForward, Layer};

use crate::Result;
use crate::hyper::{Hyper, Range};

/// Number of trees.
pub(crate) const TREES: Hyper =
    Hyper::new("trees", "100", Range::Integer { low: 1, high: 1000 }, "number of trees");
/// Depth of a tree; the layer of leaves doubles with each step.
pub(crate) const DEPTH: Hyper =
    Hyper::new("depth", "4", Range::Integer { low: 1, high: 6 }, "questions on the way to a leaf at most");
/// Size of a leaf.
pub(crate) const LEAST_ROWS: Hyper =
    Hyper::new("least_rows", "3", Range::Integer { low: 1, high: 1000 }, "rows of a leaf at least");

/// A question x\[feature\] > threshold, and the distance between the values around the threshold.
#[derive(Debug, Clone, Copy)]
struct Split {
    feature: usize,
    threshold: f64,
    gap: f64,
}

/// One tree: its questions, and for each leaf the answers on the way to it and its value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    splits: Vec<Split>,
    leaves: Vec<(Vec<(usize, bool)>, f64)>,
}

impl Tree {
    /// The value of the leaf of a row.
    pub(crate) fn value(&self, row: ArrayView1<f64>) -> f64 {
        let answers = |&(node, above): &(usize, bool)| {
            let split = self.splits[node];
            (row[split.feature] > split.threshold) == above
        };
        self.leaves.iter().find(|(path, _)| path.iter().all(answers)).map_or(0.0, |leaf| leaf.1)
    }
}

/// What a tree is grown on. Each split lowers the sum over the leaves of −G² / (H + ridge) most, with G and H the sums of
/// `slope` and `curvature` over the rows of a leaf, whose value is G / (H + ridge): the mean for a curvature of 1, a
/// Newton step for the derivatives of a loss.
#[derive(Debug)]
pub(crate) struct Grower<'a> {
    /// Rows × genes.
    pub(crate) x: &'a Array2<f64>,
    /// One number a row.
    pub(crate) slope: &'a [f64],
    /// One number a row.
    pub(crate) curvature: &'a [f64],
    /// Added to the curvature of a leaf.
    pub(crate) ridge: f64,
    /// Questions on the way to a leaf at most.
    pub(crate) depth: usize,
    /// Rows of a leaf at least.
    pub(crate) least_rows: usize,
    /// Genes that are tried at each split, drawn at random.
    pub(crate) tried: usize,
}

impl Grower<'_> {
    /// A tree on the given rows of `x`, which may repeat.
    pub(crate) fn grow(&self, rows: &[usize], rng: &mut ChaCha8Rng) -> Tree {
        let mut tree = Tree::default();
        self.branch(rows, Vec::new(), &mut tree, rng);
        tree
    }

    fn sums(&self, rows: &[usize]) -> (f64, f64) {
        rows.iter().fold((0.0, 0.0), |(g, h), &i| (g + self.slope[i], h + self.curvature[i]))
    }

    fn branch(&self, rows: &[usize], path: Vec<(usize, bool)>, tree: &mut Tree, rng: &mut ChaCha8Rng) {
        let best = if path.len() < self.depth { self.best_split(rows, rng) } else { None };
        let Some(split) = best else {
            let (g, h) = self.sums(rows);
            tree.leaves.push((path, g / (h + self.ridge).max(1e-12)));
            return;
        };
        let node = tree.splits.len();
        tree.splits.push(split);
        for above in [false, true] {
            let side = |&i: &usize| (self.x[[i, split.feature]] > split.threshold) == above;
            let rows: Vec<usize> = rows.iter().copied().filter(side).collect();
            self.branch(&rows, [path.clone(), vec![(node, above)]].concat(), tree, rng);
        }
    }

    fn best_split(&self, rows: &[usize], rng: &mut ChaCha8Rng) -> Option<Split> {
        let (g, h) = self.sums(rows);
        let gain = |g: f64, h: f64| g * g / (h + self.ridge).max(1e-12);
        let mut best = (gain(g, h) + 1e-9, None);
        let genes = self.x.ncols();
        for feature in index::sample(rng, genes, self.tried.clamp(1, genes)) {
            let value = |i: usize| self.x[[i, feature]];
            let mut order = rows.to_vec();
            order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
            let (mut left_g, mut left_h) = (0.0, 0.0);
            for k in 1..order.len() {
                left_g += self.slope[order[k - 1]];
                left_h += self.curvature[order[k - 1]];
                let gap = value(order[k]) - value(order[k - 1]);
                if gap <= 0.0 || k.min(order.len() - k) < self.least_rows {
                    continue;
                }
                let total = gain(left_g, left_h) + gain(g - left_g, h - left_h);
                if total > best.0 {
                    let threshold = 0.5 * (value(order[k]) + value(order[k - 1]));
                    best = (total, Some(Split { feature, threshold, gap }));
                }
            }
        }
        best.1
    }
}

/// The sum of the trees' values as a network: genes to questions, whose sigmoid is 0 or 1 at the values around the
/// threshold and passes from one to the other only within the gap; questions to leaves, 1 for the leaf of a row and 0 for
/// others; leaves to outputs, each the sum times its `signs` plus its `start`.
///
/// # Errors
/// When the layers do not fit.
pub(crate) fn network(
    trees: &[Tree],
    genes: usize,
    signs: &[f64],
    start: &[f64],
    device: &Device,
) -> Result<FeedForward> {
    let (questions, leaves): (usize, usize) =
        trees.iter().fold((1, 0), |(s, l), t| (s + t.splits.len(), l + t.leaves.len()));
    // One question too many, of no consequence, keeps the layer when there is no split.
    let outputs = signs.len();
    let mut ask = (vec![0f32; genes * questions], vec![0f32; questions]);
    let mut meet = (vec![0f32; questions * leaves], vec![0f32; leaves]);
    let mut answer = (vec![0f32; leaves * outputs], start.iter().map(|&b| b as f32).collect::<Vec<_>>());
    let (mut first, mut leaf) = (0, 0);
    for tree in trees {
        for (k, split) in tree.splits.iter().enumerate() {
            let steep = (40.0 / split.gap).min(1e5);
            ask.0[split.feature * questions + first + k] = steep as f32;
            ask.1[first + k] = -(steep * split.threshold) as f32;
        }
        for (path, value) in &tree.leaves {
            meet.1[leaf] = 1.0;
            for &(node, above) in path {
                meet.0[(first + node) * leaves + leaf] = if above { 1.0 } else { -1.0 };
                meet.1[leaf] -= if above { 1.0 } else { 0.0 };
            }
            for (o, sign) in signs.iter().enumerate() {
                answer.0[leaf * outputs + o] = (sign * value) as f32;
            }
            leaf += 1;
        }
        first += tree.splits.len();
    }
    let linear = |(weight, bias): (Vec<f32>, Vec<f32>)| {
        let width = bias.len();
        let inputs = weight.len() / width.max(1);
        let weight = TensorData::new(weight, [inputs, width]);
        let bias = Some(Tensor::from_data(TensorData::new(bias, [width]), device));
        Layer::Linear { weight: Tensor::from_data(weight, device), bias }
    };
    let [sigmoid, relu] = [Activation::Sigmoid, Activation::Relu].map(Layer::Activation);
    Ok(FeedForward::new(vec![linear(ask), sigmoid, linear(meet), relu, linear(answer)])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use sensitome_core_models::{parse_device, rng_for};

    #[test]
    fn the_network_gives_what_the_trees_give() {
        let mut rng = rng_for(7, "trees");
        let x = Array2::from_shape_fn((40, 6), |_| rng.random_range(-2.0..2.0));
        let slope: Vec<f64> = x.rows().into_iter().map(|r| f64::from(r[0] > 0.3) - r[1]).collect();
        let curvature = vec![1.0; 40];
        let grower = Grower {
            x: &x,
            slope: &slope,
            curvature: &curvature,
            ridge: 0.0,
            depth: 4,
            least_rows: 3,
            tried: 3,
        };
        let rows: Vec<usize> = (0..40).collect();
        let mut trees: Vec<Tree> = (0..5).map(|_| grower.grow(&rows, &mut rng)).collect();
        // One without a split: the mean of all rows.
        trees.push(Grower { depth: 0, ..grower }.grow(&rows, &mut rng));
        assert!((trees[5].value(x.row(0)) - slope.iter().sum::<f64>() / 40.0).abs() < 1e-12);
        let device = parse_device(&sensitome_testkit::device()).unwrap();
        let network = network(&trees, 6, &[-0.2, 0.5], &[1.0, 0.0], &device).unwrap();
        let values: Vec<f32> = x.iter().map(|&v| v as f32).collect();
        let found = network.evaluate(Tensor::from_data(TensorData::new(values, [40, 6]), &device));
        let found = found.try_into_vec_as::<f32>().unwrap();
        for (i, row) in x.rows().into_iter().enumerate() {
            let sum: f64 = trees.iter().map(|t| t.value(row)).sum();
            for (o, expected) in [1.0 - 0.2 * sum, 0.5 * sum].into_iter().enumerate() {
                let found = f64::from(found[2 * i + o]);
                assert!((found - expected).abs() < 1e-4, "row {i}, output {o}: {found} {expected}");
            }
        }
    }

    #[test]
    fn a_split_is_the_best_of_all() {
        let mut rng = rng_for(8, "trees");
        let x = Array2::from_shape_fn((15, 4), |_| rng.random_range(-1.0..1.0));
        let slope: Vec<f64> = (0..15).map(|_| rng.random_range(-1.0..1.0)).collect();
        let curvature: Vec<f64> = (0..15).map(|_| rng.random_range(0.1..1.0)).collect();
        let grower = Grower {
            x: &x,
            slope: &slope,
            curvature: &curvature,
            ridge: 1.0,
            depth: 1,
            least_rows: 4,
            tried: 4,
        };
        let rows: Vec<usize> = (0..15).collect();
        let tree = grower.grow(&rows, &mut rng);
        let gain = |rows: &[usize]| {
            let (g, h) = grower.sums(rows);
            g * g / (h + 1.0)
        };
        let of = |feature: usize, threshold: f64| {
            let (above, below): (Vec<usize>, Vec<usize>) =
                rows.iter().partition(|&&i| x[[i, feature]] > threshold);
            if above.len().min(below.len()) < 4 { 0.0 } else { gain(&above) + gain(&below) }
        };
        let all = (0..4).flat_map(|f| x.column(f).to_vec().into_iter().map(move |t| (f, t)));
        let best = all.map(|(f, t)| of(f, t)).fold(0.0, f64::max);
        let split = tree.splits[0];
        assert!((of(split.feature, split.threshold) - best).abs() < 1e-12);
    }
}
