//! x·W + b for sparse and for dense rows. Every row is added up in the order of its columns, with plain products and sums
//! where it is sparse and with fused ones where it is dense: the same bits whatever its neighbours, on every machine.

use ndarray::{Array2, Axis};
use pulp::{Simd, WithSimd, bytemuck::cast_slice};

/// Registers that the weights of an input, or the sums of a row, take.
const REGISTERS: usize = 8;
/// Dense rows that share the weights in registers, and the registers of sums of each.
const TILE: (usize, usize) = (4, 2);

/// Sparse rows, sorted by column.
#[derive(Debug)]
pub(super) struct Rows {
    /// What is not zero, row by row: (column, value), row `i` up to `ends[i]`.
    values: Vec<(u32, f32)>,
    ends: Vec<usize>,
    /// The same column by column: (row, value), column `j` from `starts[j]`.
    sorted: Vec<(u32, f32)>,
    starts: Vec<u32>,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), ends: Vec::new(), sorted: Vec::new(), starts: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.ends.clear();
    }

    /// Takes what `row` appends: (column, value).
    pub(super) fn push<E>(
        &mut self,
        row: impl FnOnce(&mut Vec<(u32, f32)>) -> Result<(), E>,
    ) -> Result<(), E> {
        row(&mut self.values)?;
        self.ends.push(self.values.len());
        Ok(())
    }

    /// Sorts what was pushed, by counting.
    fn sort(&mut self, columns: usize) {
        let Self { values, ends, sorted, starts } = self;
        starts.clear();
        starts.resize(columns + 2, 0); // one place ahead: filling a column moves its start to the next one's
        for (column, _) in &*values {
            starts[*column as usize + 2] += 1;
        }
        for j in 2..starts.len() {
            starts[j] += starts[j - 1];
        }
        sorted.clear();
        sorted.resize(values.len(), (0, 0.0));
        let mut first = 0;
        for (row, &end) in ends.iter().enumerate() {
            for &(column, value) in &values[first..end] {
                let place = &mut starts[column as usize + 1];
                sorted[*place as usize] = (row as u32, value);
                *place += 1;
            }
            first = end;
        }
    }
}

/// As many outputs as are computed together.
type Sums<S> = [<S as Simd>::f32s; REGISTERS];

/// A weight matrix in panels of as many outputs as [`REGISTERS`] hold on this machine.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    inputs: usize,
    outputs: usize,
    /// Outputs of a panel.
    width: usize,
    /// Panel after panel, and row after row within it; 0 beyond the last output.
    panels: Vec<f32>,
}

impl Weights {
    pub(super) fn new(weight: &Array2<f64>) -> Self {
        let (inputs, outputs) = weight.dim();
        let width = REGISTERS * pulp::Arch::new().dispatch(Lanes);
        let mut panels = vec![0.0; inputs * outputs.next_multiple_of(width)];
        for (i, row) in weight.rows().into_iter().enumerate() {
            for (panel, part) in row.axis_chunks_iter(Axis(0), width).enumerate() {
                let place = &mut panels[(panel * inputs + i) * width..];
                place.iter_mut().zip(part).for_each(|(place, w)| *place = *w as f32);
            }
        }
        Self { inputs, outputs, width, panels }
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether every weight is a finite number.
    pub(super) fn is_finite(&self) -> bool {
        self.panels.iter().all(|w| w.is_finite())
    }

    /// The weights of one input.
    pub(super) fn row(&self, input: usize) -> impl Iterator<Item = f32> + '_ {
        let rows = self.panels.chunks_exact(self.width).skip(input).step_by(self.inputs.max(1));
        rows.flatten().take(self.outputs).copied()
    }

    /// x·W + b, rows × outputs, in `out`, whatever was in it.
    pub(super) fn product(&self, x: &[f32], bias: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len() / self.inputs.max(1) * self.outputs, 0.0);
        pulp::Arch::new().dispatch(Dense { weights: self, bias: &self.padded(bias), x, out });
    }

    /// The same for sparse rows.
    pub(super) fn sparse_product(&self, rows: &mut Rows, bias: &[f32], out: &mut Vec<f32>) {
        rows.sort(self.inputs);
        out.resize(rows.ends.len() * self.outputs, 0.0);
        pulp::Arch::new().dispatch(Sparse { weights: self, bias: &self.padded(bias), rows, out });
    }

    fn padded(&self, bias: &[f32]) -> Vec<f32> {
        let mut padded = bias.to_vec();
        padded.resize(self.outputs.next_multiple_of(self.width), 0.0);
        padded
    }

    /// First output, weights and bias of every panel, in registers.
    fn panels<'a, S: Simd>(
        &'a self,
        bias: &'a [f32],
    ) -> impl Iterator<Item = (usize, &'a [Sums<S>], Sums<S>)> {
        let panels = self.panels.chunks_exact((self.inputs * self.width).max(1));
        panels.zip(bias.chunks_exact(self.width)).enumerate().map(|(k, (panel, bias))| {
            let bias: &[Sums<S>] = cast_slice(bias);
            (k * self.width, cast_slice(panel), bias[0])
        })
    }
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Sums, as many as there is place for.
#[inline(always)]
fn store<V: pulp::bytemuck::Pod>(out: &mut [f32], sums: &[V]) {
    let sums: &[f32] = cast_slice(sums);
    match out.get_mut(..sums.len()) {
        Some(out) => out.copy_from_slice(sums), // of a length that the compiler knows
        None => out.copy_from_slice(&sums[..out.len()]),
    }
}

struct Sparse<'a> {
    weights: &'a Weights,
    bias: &'a [f32],
    rows: &'a Rows,
    out: &'a mut [f32],
}

/// Panel by panel and input by input: its weights are in registers while they meet all rows that have it, and the sums of
/// the rows stay in the first cache. So weights are read once and in order, which row by row they are not.
impl WithSimd for Sparse<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rows { ends, sorted, starts, .. } = self.rows;
        let mut all: Vec<Sums<S>> = Vec::with_capacity(ends.len());
        for (first, panel, bias) in self.weights.panels::<S>(self.bias) {
            all.clear();
            all.resize(ends.len(), bias);
            for (weights, column) in panel.iter().zip(starts.windows(2)) {
                let weights = *weights;
                for &(row, value) in &sorted[column[0] as usize..column[1] as usize] {
                    let (sums, value) = (&mut all[row as usize], simd.splat_f32s(value));
                    for k in 0..REGISTERS {
                        sums[k] = simd.add_f32s(sums[k], simd.mul_f32s(value, weights[k]));
                    }
                }
            }
            for (out, sums) in self.out.chunks_exact_mut(self.weights.outputs).zip(&all) {
                store(&mut out[first..], sums);
            }
        }
    }
}

struct Dense<'a> {
    weights: &'a Weights,
    bias: &'a [f32],
    x: &'a [f32],
    out: &'a mut [f32],
}

/// Tile by tile: its sums stay in registers while all inputs go by.
impl WithSimd for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { inputs, outputs, .. } = *self.weights;
        if inputs == 0 {
            return;
        }
        for (first, panel, bias) in self.weights.panels::<S>(self.bias) {
            let blocks = self.x.chunks(TILE.0 * inputs).zip(self.out.chunks_mut(TILE.0 * outputs));
            for (x, out) in blocks {
                let last = x.len() - inputs;
                // Fewer rows than a tile has: the last one again, and those sums are not used.
                let rows: [&[f32]; TILE.0] = std::array::from_fn(|r| &x[last.min(r * inputs)..][..inputs]);
                for part in 0..REGISTERS / TILE.1 {
                    let first = first + part * TILE.1 * S::F32_LANES;
                    if first >= outputs {
                        break;
                    }
                    let mut sums = [[bias[part * TILE.1], bias[part * TILE.1 + 1]]; TILE.0];
                    let [a, b, c, d] = rows;
                    for ((((weights, a), b), c), d) in panel.iter().zip(a).zip(b).zip(c).zip(d) {
                        let weights = [weights[part * TILE.1], weights[part * TILE.1 + 1]];
                        for (sums, value) in sums.iter_mut().zip([*a, *b, *c, *d]) {
                            let value = simd.splat_f32s(value);
                            sums[0] = simd.mul_add_f32s(value, weights[0], sums[0]);
                            sums[1] = simd.mul_add_f32s(value, weights[1], sums[1]);
                        }
                    }
                    for (out, sums) in out.chunks_exact_mut(outputs).zip(&sums) {
                        store(&mut out[first..], sums);
                    }
                }
            }
        }
    }
}
