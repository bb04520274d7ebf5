//! [`Target`]: the one number of a model that attributions explain.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use sensitome_core_models::{Activation, FeedForward, Output, ResponseModel};

use crate::network::Network;
use crate::passes::sigmoid;
use crate::{InterpretError, Real, Result};

/// What to explain. Classes are 0 resistant and 1 sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Logit of class 1 minus that of class 0: the log-odds of being sensitive. It does not saturate, and the
    /// attributions to one class are those to the other with the sign turned.
    #[default]
    Margin,
    /// The logit of one class. Models with a single logit z have z for class 1 and −z for class 0.
    Logit(usize),
    /// The probability of one class. It saturates: a cell far from the boundary has small attributions.
    Probability(usize),
    /// Output number `n` of the head as it is, whatever it means (regressions have one).
    Output(usize),
}

/// How the outputs of a network become the explained number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Readout {
    /// sign · output `column`.
    Column { column: usize, sign: f64 },
    /// Output 1 minus output 0.
    Difference,
    /// Softmax of class `class` over all outputs.
    Softmax { class: usize },
    /// Sigmoid of sign · output 0.
    Sigmoid { sign: f64 },
    /// Offset plus sign · output 0: the complement of a probability.
    Complement,
}

/// A network and the number of it that is explained.
#[derive(Debug, Clone)]
pub struct Explained<F> {
    pub(crate) network: Network<F>,
    pub(crate) readout: Readout,
}

impl<F: Real> Explained<F> {
    /// Encoder and head of a model in one: from genes to `target`.
    ///
    /// # Errors
    /// When the model has no such target, or a layer has no exact rule.
    pub fn model(model: &ResponseModel, target: Target) -> Result<Self> {
        let whole = model.encoder().clone().then(model.head().clone())?;
        Self::new(&whole, model.output(), target)
    }

    /// The head of a model alone: from the bottleneck (latent axes, pathways) to `target`.
    ///
    /// # Errors
    /// As [`model`](Self::model), and when the model has no head of its own (ridge).
    pub fn head(model: &ResponseModel, target: Target) -> Result<Self> {
        Self::new(model.head(), model.output(), target)
    }

    /// Any network, with how its outputs are read.
    ///
    /// # Errors
    /// When there is no such target, or a layer has no exact rule.
    pub fn new(network: &FeedForward, output: Output, target: Target) -> Result<Self> {
        let network = Network::new(network)?;
        let class = match target {
            Target::Logit(class) | Target::Probability(class) => class,
            Target::Margin | Target::Output(_) => 0,
        };
        if class > 1 {
            return Err(InterpretError::invalid("target", format!("class {class}"), "use 0 or 1"));
        }
        if network.outputs() != output.width() {
            return Err(InterpretError::invalid(
                "network",
                format!("{} outputs where {output:?} has {}", network.outputs(), output.width()),
                "pass the output that belongs to the network",
            ));
        }
        let sign = if class == 1 { 1.0 } else { -1.0 };
        let single = Readout::Column { column: 0, sign };
        let refuse = |problem: &str| {
            Err(InterpretError::unsupported(format!("{target:?}"), problem, "explain Target::Output instead"))
        };
        let readout = match (target, output) {
            (Target::Output(column), _) if column < network.outputs() => {
                Readout::Column { column, sign: 1.0 }
            }
            (Target::Output(column), _) => {
                return Err(InterpretError::invalid(
                    "target",
                    format!("output {column} of a network with {}", network.outputs()),
                    "count from 0",
                ));
            }
            (Target::Margin, Output::Softmax) => Readout::Difference,
            (Target::Margin, Output::Sigmoid) => Readout::Column { column: 0, sign: 1.0 },
            (Target::Logit(class), Output::Softmax) => Readout::Column { column: class, sign: 1.0 },
            (Target::Logit(_), Output::Sigmoid) => single,
            (Target::Probability(class), Output::Softmax) => Readout::Softmax { class },
            (Target::Probability(_), Output::Sigmoid) => Readout::Sigmoid { sign },
            (Target::Probability(class), Output::Second) => Readout::Column { column: class, sign: 1.0 },
            (Target::Margin | Target::Logit(_), Output::Second) => {
                // A pair of sigmoids: the logits lie one step deeper.
                let Some(network) = network.without_last(Activation::Sigmoid) else {
                    return refuse("the outputs are no logits and do not end in a sigmoid");
                };
                let readout = match target {
                    Target::Margin => Readout::Difference,
                    _ => Readout::Column { column: class, sign: 1.0 },
                };
                return Ok(Self { network, readout });
            }
            (_, Output::Linear) => return refuse("the model is a regression without classes"),
        };
        Ok(Self { network, readout })
    }

    /// A network that ends in one sigmoid unit itself: the probability of `class`.
    ///
    /// # Errors
    /// When the network has not one output, or a layer has no exact rule.
    pub fn unit(network: &FeedForward, class: usize) -> Result<Self> {
        let network = Network::new(network)?;
        match (network.outputs(), class) {
            (1, 0) => Ok(Self { network, readout: Readout::Complement }),
            (1, 1) => Ok(Self { network, readout: Readout::Column { column: 0, sign: 1.0 } }),
            (n, _) => Err(InterpretError::invalid(
                "network",
                format!("{n} outputs, class {class}"),
                "pass a network with one output and class 0 or 1",
            )),
        }
    }

    /// The network.
    pub fn network(&self) -> &Network<F> {
        &self.network
    }

    /// The explained number of every row.
    ///
    /// # Errors
    /// When `x` is not rows × inputs, or holds a value that is not finite.
    pub fn value(&self, x: ArrayView2<F>) -> Result<Array1<F>> {
        Ok(self.readout.value(self.network.forward(x)?.view()))
    }

    /// Its gradient at the inputs, rows × inputs.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn gradient(&self, x: ArrayView2<F>) -> Result<Array2<F>> {
        let trace = self.network.trace(x)?;
        let gradient = self.readout.gradient(trace.outputs.view());
        self.network.pull_back(&trace, gradient)
    }
}

/// Softmax of a row, shifted by its maximum.
pub(crate) fn softmax<F: Real>(row: ArrayView1<F>) -> Array1<F> {
    let top = row.fold(F::neg_infinity(), |a, &b| a.max(b));
    let e = row.mapv(|v| (v - top).exp());
    let sum = e.sum();
    e / sum
}

impl Readout {
    /// The explained number of each row of outputs.
    pub(crate) fn value<F: Real>(self, outputs: ArrayView2<F>) -> Array1<F> {
        match self {
            Self::Column { column, sign } => outputs.column(column).mapv(|v| v * F::of(sign)),
            Self::Difference => &outputs.column(1) - &outputs.column(0),
            Self::Softmax { class } => outputs.rows().into_iter().map(|r| softmax(r)[class]).collect(),
            Self::Sigmoid { sign } => outputs.column(0).mapv(|v| sigmoid(v * F::of(sign))),
            Self::Complement => outputs.column(0).mapv(|v| F::one() - v),
        }
    }

    /// Its gradient at the outputs, rows × outputs.
    pub(crate) fn gradient<F: Real>(self, outputs: ArrayView2<F>) -> Array2<F> {
        let mut grad = Array2::zeros(outputs.raw_dim());
        match self {
            Self::Column { column, sign } => grad.column_mut(column).fill(F::of(sign)),
            Self::Complement => grad.column_mut(0).fill(-F::one()),
            Self::Difference => {
                grad.column_mut(0).fill(-F::one());
                grad.column_mut(1).fill(F::one());
            }
            Self::Softmax { class } => {
                for (mut g, row) in grad.axis_iter_mut(Axis(0)).zip(outputs.rows()) {
                    let p = softmax(row);
                    g.assign(&p.mapv(|v| -v * p[class]));
                    g[class] += p[class];
                }
            }
            Self::Sigmoid { sign } => {
                grad.column_mut(0).assign(&outputs.column(0).mapv(|v| {
                    let s = sigmoid(v * F::of(sign));
                    s * (F::one() - s) * F::of(sign)
                }));
            }
        }
        grad
    }
}
