//! x·W + b for rows given by their values that are not zero.

/// Outputs computed together: as many as the accumulators in the registers of a core hold.
const PANEL: usize = 64;

/// Rows by what is not zero in them: (column, value), row `i` at `starts[i]..starts[i + 1]`.
#[derive(Debug)]
pub(super) struct Rows {
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { starts: vec![0], entries: Vec::new() }
    }

    pub(super) fn push(&mut self, row: impl Iterator<Item = (u32, f32)>) {
        self.entries.extend(row);
        self.starts.push(self.entries.len());
    }

    /// The rows of a dense matrix of this many columns.
    pub(super) fn of(values: &[f32], columns: usize) -> Self {
        let mut rows = Self::new();
        for row in values.chunks_exact(columns.max(1)) {
            // What is no number is not zero either, and comes out as no number.
            rows.push(row.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(j, v)| (j as u32, *v)));
        }
        rows
    }
}

/// A weight matrix in panels of [`PANEL`] outputs, so that the part of it in use stays in the cache.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    inputs: usize,
    outputs: usize,
    /// Panel after panel, and row after row within it.
    panels: Vec<[f32; PANEL]>,
}

impl Weights {
    pub(super) fn new(weight: &ndarray::Array2<f64>) -> Self {
        let (inputs, outputs) = weight.dim();
        let mut panels = vec![[0.0; PANEL]; inputs * outputs.div_ceil(PANEL)];
        for ((i, j), &w) in weight.indexed_iter() {
            panels[j / PANEL * inputs + i][j % PANEL] = w as f32;
        }
        Self { inputs, outputs, panels }
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether every weight is a finite number.
    pub(super) fn is_finite(&self) -> bool {
        self.panels.as_flattened().iter().all(|w| w.is_finite())
    }

    /// The weights of one input.
    pub(super) fn row(&self, input: usize) -> impl Iterator<Item = f32> + '_ {
        let rows = self.panels.iter().skip(input).step_by(self.inputs.max(1));
        rows.flatten().take(self.outputs).copied()
    }

    /// x·W + b, rows × outputs. Every row is added up in the order of its entries, whatever its neighbours.
    pub(super) fn product(&self, rows: &Rows, bias: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; (rows.starts.len() - 1) * self.outputs];
        pulp::Arch::new().dispatch(Product { weights: self, rows, bias, out: &mut out });
        out
    }
}

struct Product<'a> {
    weights: &'a Weights,
    rows: &'a Rows,
    bias: &'a [f32],
    out: &'a mut [f32],
}

/// Compiled for the instructions this machine has: plain products and sums, which have the same bits on all.
impl pulp::NullaryFnOnce for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Weights { inputs, outputs, panels } = self.weights;
        if *inputs == 0 || *outputs == 0 {
            return;
        }
        let places = self.bias.chunks(PANEL).zip((0..*outputs).step_by(PANEL));
        for (panel, (bias, first)) in panels.chunks_exact(*inputs).zip(places) {
            let rows = self.rows.starts.windows(2).zip(self.out.chunks_exact_mut(*outputs));
            for (range, out) in rows {
                let mut sums = [0.0f32; PANEL];
                sums[..bias.len()].copy_from_slice(bias);
                for &(input, value) in &self.rows.entries[range[0]..range[1]] {
                    let weights = &panel[input as usize];
                    for k in 0..PANEL {
                        sums[k] += value * weights[k];
                    }
                }
                out[first..first + bias.len()].copy_from_slice(&sums[..bias.len()]);
            }
        }
    }
}
