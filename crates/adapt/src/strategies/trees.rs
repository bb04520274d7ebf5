//! Decision trees, grown for `random_forest` and `gradient_boosting` and written as a network of three linear layers, so
//! that they need no layer of their own (neural random forest, Biau et al. 2019).

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView1};
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use sensitome_core_models::{Activation, Device, FeedForward, Layer};

use crate::Result;

/// A question x\[feature\] > threshold, and the distance between the values around the threshold.
#[derive(Debug, Clone, Copy)]
struct Split {
    feature: usize,
    threshold: f64,
    gap: f64,
}

/// One tree: its questions, and for each leaf the answers on the way to it and its value.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    splits: Vec<Split>,
    leaves: Vec<(Vec<(usize, bool)>, f64)>,
}

impl Tree {
    /// The value of the leaf of a row.
    pub fn value(&self, row: ArrayView1<f64>) -> f64 {
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
pub struct Grower<'a> {
    /// Rows × genes.
    pub x: &'a Array2<f64>,
    /// One number a row.
    pub slope: &'a [f64],
    /// One number a row.
    pub curvature: &'a [f64],
    /// Added to the curvature of a leaf.
    pub ridge: f64,
    /// Questions on the way to a leaf at most.
    pub depth: usize,
    /// Rows of a leaf at least.
    pub least_rows: usize,
    /// Genes that are tried at each split, drawn at random.
    pub tried: usize,
}

impl Grower<'_> {
    /// A tree on the given rows of `x`, which may repeat.
    pub fn grow(&self, rows: &[usize], rng: &mut ChaCha8Rng) -> Tree {
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
pub fn network(
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
