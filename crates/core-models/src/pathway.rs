//! [`PathwayDecoder`]: one linear layer whose weights exist only where a gene belongs to a gene set.

use burn::tensor::{Tensor, TensorData};
use indexmap::IndexSet;
use sensitome_data::read::GeneSets;

use crate::feed_forward::{FeedForward, Init};
use crate::layer::{Layer, LayerShape, Parameter};
use crate::product::product;
use crate::{ModelError, Parts, Result};

/// Which genes belong to which axis of an embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct PathwayMask {
    /// Names of the axes: the gene sets that are kept, in file order, then `free_1`, `free_2`, ...
    pub axes: Vec<String>,
    /// Axes × genes, 1 where the gene belongs to the axis.
    pub member: ndarray::Array2<f32>,
}

impl PathwayMask {
    /// Keeps the sets that have at most `largest` genes in all and more than `smallest` among `genes`, and adds `free`
    /// axes that every gene belongs to.
    ///
    /// # Errors
    /// When no set is kept.
    pub fn new(
        sets: &GeneSets,
        genes: &[String],
        smallest: usize,
        largest: usize,
        free: usize,
    ) -> Result<Self> {
        let order: IndexSet<&str> = genes.iter().map(String::as_str).collect();
        let mut axes = Vec::new();
        let mut rows: Vec<f32> = Vec::new();
        for (name, set) in sets.iter().filter(|(_, s)| s.genes.len() <= largest) {
            let found: Vec<usize> = set.genes.iter().filter_map(|g| order.get_index_of(g.as_str())).collect();
            if found.len() > smallest {
                axes.push(name.clone());
                let start = rows.len();
                rows.resize(start + genes.len(), 0.0);
                found.iter().for_each(|&j| rows[start + j] = 1.0);
            }
        }
        if axes.is_empty() {
            return Err(ModelError::invalid(
                "gene sets",
                format!(
                    "none of {} has more than {smallest} of the {} genes and at most {largest} in all",
                    sets.len(),
                    genes.len()
                ),
                "check that the file names genes as the data do, or lower pathway_min",
            ));
        }
        axes.extend((1..=free).map(|i| format!("free_{i}")));
        rows.resize(axes.len() * genes.len(), 1.0);
        let shape = (axes.len(), genes.len());
        let member = ndarray::Array2::from_shape_vec(shape, rows)
            .map_err(|e| ModelError::Backend(format!("pathway mask: {e}")))?;
        Ok(Self { axes, member })
    }
}

/// x̂ = z·(W ∘ M) + b: the sparse decoder of He et al. 2025 (section 4.3), in which every axis of the embedding speaks
/// for one gene set. The mask multiplies the weights, so that it cuts their gradients as well; that is one pass over
/// them, against the two products of the dense layer.
#[derive(Debug, Clone)]
pub struct PathwayDecoder {
    linear: FeedForward,
    mask: Tensor<2>,
}

impl Parts for PathwayDecoder {
    fn networks(&mut self, path: &str, f: &mut dyn FnMut(&str, &mut FeedForward)) {
        f(path, &mut self.linear);
    }
}

impl PathwayDecoder {
    /// A decoder with fresh weights, uniform in ±1/√axes and 0 outside the mask.
    ///
    /// # Errors
    /// When the mask is empty.
    pub fn new(mask: &PathwayMask, init: &Init, name: &str) -> Result<Self> {
        let (inputs, outputs) = mask.member.dim();
        let mut linear = init.network(name, &[LayerShape::Linear { inputs, outputs, bias: true }])?;
        let values = mask.member.iter().copied().collect::<Vec<f32>>();
        let mask = Tensor::from_data(TensorData::new(values, [inputs, outputs]), init.device());
        linear.visit(&mut |_, p| {
            if let Parameter::Matrix(w) = p {
                *w = w.clone() * mask.clone();
            }
        });
        Ok(Self { linear, mask })
    }

    /// The reconstruction, rows × genes, of codes, rows × axes.
    pub fn forward(&self, z: Tensor<2>) -> Tensor<2> {
        match self.linear.layers() {
            [Layer::Linear { weight, bias: Some(bias) }] => {
                product(z, weight.clone() * self.mask.clone()) + bias.clone().unsqueeze::<2>()
            }
            _ => z, // unreachable: `new` builds exactly this layer
        }
    }

    /// The weights, axes × genes, with zeros outside the mask.
    pub fn weights(&self) -> Option<Tensor<2>> {
        match self.linear.layers() {
            [Layer::Linear { weight, .. }] => Some(weight.clone() * self.mask.clone()),
            _ => None,
        }
    }
}
