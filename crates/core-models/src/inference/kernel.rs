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

    pub(super) fn clear(&mut self) {
        self.starts.truncate(1);
        self.entries.clear();
    }

    pub(super) fn push(&mut self, row: impl Iterator<Item = (u32, f32)>) {
        self.entries.extend(row);
        self.starts.push(self.entries.len());
    }

    /// Takes on the rows of a dense matrix of this many columns.
    pub(super) fn set_dense(&mut self, values: &[f32], columns: usize) {
        self.clear();
        self.entries.resize(values.len(), (0, 0.0));
        let mut end = 0;
        for row in values.chunks_exact(columns.max(1)) {
            for (j, &value) in row.iter().enumerate() {
                // No branch: behind a relu, zeros come as a coin falls. What is no number is not zero.
                self.entries[end] = (j as u32, value);
                end += usize::from(value != 0.0);
            }
            self.starts.push(end);
        }
        self.entries.truncate(end);
    }
}

/// What a product needs besides: the same entries by column, and sums.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Column `j` at `starts[j]..starts[j + 1]`, as (row, value).
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
    sums: Vec<[f32; PANEL]>,
}

impl Scratch {
    fn sort(&mut self, rows: &Rows, columns: usize) {
        self.starts.clear();
        self.starts.resize(columns + 2, 0);
        for &(j, _) in &rows.entries {
            self.starts[j as usize + 2] += 1;
        }
        for j in 1..self.starts.len() {
            self.starts[j] += self.starts[j - 1];
        }
        self.entries.resize(rows.entries.len(), (0, 0.0));
        for (i, range) in rows.starts.windows(2).enumerate() {
            for &(j, value) in &rows.entries[range[0]..range[1]] {
                let next = &mut self.starts[j as usize + 1];
                self.entries[*next] = (i as u32, value);
                *next += 1;
            }
        }
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

    /// x·W + b, rows × outputs, into `out`. Every row is added up in the order of its columns, whatever its neighbours.
    pub(super) fn product(&self, rows: &Rows, bias: &[f32], scratch: &mut Scratch, out: &mut Vec<f32>) {
        out.clear();
        out.resize((rows.starts.len() - 1) * self.outputs, 0.0);
        scratch.sort(rows, self.inputs);
        pulp::Arch::new().dispatch(Product { weights: self, bias, scratch, out });
    }
}

struct Product<'a> {
    weights: &'a Weights,
    bias: &'a [f32],
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

/// Input by input: a row of weights stays in the registers while all rows use it, and the sums of all rows in the
/// cache. Compiled for the instructions this machine has: plain products and sums, which have the same bits on all.
impl pulp::NullaryFnOnce for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Weights { inputs, outputs, panels } = self.weights;
        let Scratch { starts, entries, sums } = self.scratch;
        if *inputs == 0 || *outputs == 0 {
            return;
        }
        let places = self.bias.chunks(PANEL).zip((0..*outputs).step_by(PANEL));
        for (panel, (bias, first)) in panels.chunks_exact(*inputs).zip(places) {
            let mut start = [0.0f32; PANEL];
            start[..bias.len()].copy_from_slice(bias);
            sums.clear();
            sums.resize(self.out.len() / outputs, start);
            for (weights, range) in panel.iter().zip(starts.windows(2)) {
                for &(row, value) in &entries[range[0]..range[1]] {
                    let sums = &mut sums[row as usize];
                    for k in 0..PANEL {
                        sums[k] += value * weights[k];
                    }
                }
            }
            for (out, sums) in self.out.chunks_exact_mut(*outputs).zip(sums.iter()) {
                out[first..first + bias.len()].copy_from_slice(&sums[..bias.len()]);
            }
        }
    }
}
