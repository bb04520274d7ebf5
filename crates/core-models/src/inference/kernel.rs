//! x·W + b for sparse and for dense rows. Every row is added up in the order of its columns, with plain products and sums: the
//! same bits whatever its neighbours, on every machine.

use pulp::{Simd, WithSimd, bytemuck::cast_slice};

/// Registers that the sums of a row take. With half as many, weights stay in a nearer cache, and it is no faster.
const REGISTERS: usize = 8;
/// Inputs whose weights in a panel stay in the first cache.
const GROUP: usize = 128;
/// Dense rows that share the weights in registers, and the registers of sums of each.
const TILE: (usize, usize) = (4, 2);

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
    pub(super) fn new(weight: &ndarray::Array2<f64>) -> Self {
        let (inputs, outputs) = weight.dim();
        let width = REGISTERS * pulp::Arch::new().dispatch(Lanes);
        let mut panels = vec![0.0; inputs * outputs.next_multiple_of(width)];
        for ((i, j), &w) in weight.indexed_iter() {
            panels[(j / width * inputs + i) * width + j % width] = w as f32;
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

    /// x·W + b, rows × outputs, into `out`.
    pub(super) fn product(&self, x: &[f32], bias: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.resize(x.len() / self.inputs.max(1) * self.outputs, 0.0);
        pulp::Arch::new().dispatch(Dense { weights: self, bias: &self.padded(bias), x, out });
    }

    /// The same for sparse rows.
    pub(super) fn sparse_product(&self, rows: &Rows, bias: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.resize((rows.starts.len() - 1) * self.outputs, 0.0);
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
    let n = out.len().min(size_of_val(sums) / size_of::<f32>());
    out[..n].copy_from_slice(&cast_slice(sums)[..n]);
}

struct Sparse<'a> {
    weights: &'a Weights,
    bias: &'a [f32],
    rows: &'a Rows,
    out: &'a mut [f32],
}

/// Panel by panel and [`GROUP`] by group of inputs, so that weights come from the first cache. The sums of a row
/// are in registers while it goes through its part of a group; rows by column order gain most, all are added up in their order.
impl WithSimd for Sparse<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { inputs, outputs, .. } = *self.weights;
        let Rows { starts, entries } = self.rows;
        let n = starts.len() - 1;
        let mut all: Vec<Sums<S>> = Vec::with_capacity(n);
        let mut next: Vec<usize> = Vec::with_capacity(n);
        for (first, panel, bias) in self.weights.panels::<S>(self.bias) {
            all.clear();
            all.resize(n, bias);
            next.clear();
            next.extend(&starts[..n]);
            for group in (0..inputs).step_by(GROUP) {
                let end = (group + GROUP) as u32;
                for ((sums, next), &row_end) in all.iter_mut().zip(&mut next).zip(&starts[1..]) {
                    let mut kept = *sums;
                    let mut at = *next;
                    while let Some(&(j, value)) = entries[..row_end].get(at).filter(|e| e.0 < end) {
                        let (weights, value) = (&panel[j as usize], simd.splat_f32s(value));
                        for k in 0..REGISTERS {
                            kept[k] = simd.add_f32s(kept[k], simd.mul_f32s(value, weights[k]));
                        }
                        at += 1;
                    }
                    *sums = kept;
                    *next = at;
                }
            }
            for (out, sums) in self.out.chunks_exact_mut(outputs).zip(&all) {
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
                    for (i, weights) in panel.iter().enumerate() {
                        let (a, b) = (weights[part * TILE.1], weights[part * TILE.1 + 1]);
                        for r in 0..TILE.0 {
                            let value = simd.splat_f32s(rows[r][i]);
                            sums[r][0] = simd.add_f32s(sums[r][0], simd.mul_f32s(value, a));
                            sums[r][1] = simd.add_f32s(sums[r][1], simd.mul_f32s(value, b));
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
