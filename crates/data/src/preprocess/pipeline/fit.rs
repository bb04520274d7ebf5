//! What has to be known of all cells before one can be written.

use super::super::hvg::{self, Expected};
use super::super::known::Known;
use super::super::ordered::{Moments, Ordered, Tally};
use super::super::{HvgFlavor, Rows, Scaler, normalize};
use super::{Pipeline, PipelineFit};
use crate::matrix::all_stored;
use crate::read::{CellBlocks, each_ahead};
use crate::{DataError, ExpressionMatrix, Result, Values};

/// Cells that can be gone over again and again, in one block or many.
pub(super) trait Cells {
    /// Hands over every block with the number of cells before it.
    fn each(&mut self, take: &mut dyn FnMut(usize, &ExpressionMatrix) -> Result<()>) -> Result<()>;
    fn genes(&self) -> &[String];
}

impl Cells for &ExpressionMatrix {
    fn each(&mut self, take: &mut dyn FnMut(usize, &ExpressionMatrix) -> Result<()>) -> Result<()> {
        take(0, self)
    }

    fn genes(&self) -> &[String] {
        ExpressionMatrix::genes(self)
    }
}

impl Cells for CellBlocks {
    fn each(&mut self, take: &mut dyn FnMut(usize, &ExpressionMatrix) -> Result<()>) -> Result<()> {
        each_ahead(self, |first, block| take(first, &block))
    }

    fn genes(&self) -> &[String] {
        CellBlocks::genes(self)
    }
}

/// A gene that is left out.
pub(crate) const OUT: u32 = u32::MAX;

/// The place of each of `n` genes among `chosen`.
pub(super) fn places(n: usize, chosen: &[usize]) -> Vec<u32> {
    let mut out = vec![OUT; n];
    for (new, &old) in (0..).zip(chosen) {
        if let Some(place) = out.get_mut(old) {
            *place = new;
        }
    }
    out
}

/// Calls `f` with every stored value of row `i`.
#[inline]
fn every(values: &Values, i: usize, mut f: impl FnMut(usize, f32)) {
    match values {
        Values::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &v)| f(j, v)),
        Values::Sparse(m) => {
            let (columns, values) = m.row(i);
            columns.iter().zip(values).for_each(|(&j, &v)| f(j as usize, v));
        }
    }
}

/// Stored values that are looked at before those with a place are handed on.
const STRETCH: usize = 64;

/// Calls `f` with every stored value of row `i` whose gene has a place.
#[inline]
pub(super) fn row(values: &Values, i: usize, places: &[u32], mut f: impl FnMut(usize, f32)) {
    match values {
        Values::Dense(a) => {
            for (&j, &v) in places.iter().zip(a.row(i)) {
                if j != OUT {
                    f(j as usize, v);
                }
            }
        }
        Values::Sparse(m) => {
            let (columns, values) = m.row(i);
            for (columns, values) in columns.chunks(STRETCH).zip(values.chunks(STRETCH)) {
                // Whether a gene has a place is as good as random, and a branch on it would be guessed wrong every other time.
                let (mut found, mut n) = ([(0, 0.0); STRETCH], 0);
                for (&c, &v) in columns.iter().zip(values) {
                    let j = places[c as usize];
                    found[n % STRETCH] = (j, v);
                    n += usize::from(j != OUT);
                }
                found[..n].iter().for_each(|&(j, v)| f(j as usize, v));
            }
        }
    }
}

pub(super) fn fit(pipeline: &Pipeline, cells: &mut impl Cells) -> Result<PipelineFit> {
    let p = cells.genes().len();
    let (kept, mut totals, cells_per_gene) = look(pipeline, cells)?;
    let n = kept.iter().filter(|k| **k).count();
    let seen: Vec<usize> = (0..p).filter(|&j| cells_per_gene[j] >= pipeline.min_cells).collect();
    if n == 0 || seen.is_empty() {
        let problem = if n == 0 { "no cell is left" } else { "no gene is left" };
        return Err(DataError::invalid("preprocessing", problem, "lower min_genes or min_cells"));
    }
    if pipeline.top_genes.is_some() {
        hvg::check(n, 1)?;
    }
    let places = places(p, &seen);
    // Totals are those of the genes that are left.
    if (0..p).any(|j| places[j] == OUT && cells_per_gene[j] > 0) {
        totals = Totals::of(cells, &places)?;
    }
    let of_kept = |totals: &[f64]| totals.iter().zip(&kept).filter(|(_, k)| **k).map(|(t, _)| *t).collect();
    let target_sum = pipeline.target_sum.unwrap_or_else(|| normalize::median_total(of_kept(&totals)));
    let factors: Vec<f64> = totals.iter().map(|&t| normalize::factor(target_sum, t)).collect();
    drop(totals);

    let tally = GeneMoments::of(pipeline, cells, &kept, &factors, &places, seen.len())?;
    let (mean, variance) = tally.by(|g| g.value);
    let mut hvg = None;
    let mut genes = seen.clone();
    if let Some((n_top, flavor)) = pipeline.top_genes {
        let (means, variances) = tally.by(|g| g.variability);
        let mut found = match flavor {
            HvgFlavor::SeuratV3 => {
                let expected = Expected::new(n, &means, &variances);
                let sums = CutSums::of(cells, &kept, &places, &expected.limit)?;
                expected.hvg(n, means, variances, &sums.sum, &sums.squares)
            }
            _ => hvg::by_dispersion(means, &variances, flavor),
        };
        hvg::choose(&mut found, flavor, n_top);
        genes = seen.iter().zip(&found.highly_variable).filter(|(_, h)| **h).map(|(&j, _)| j).collect();
        hvg = Some(found);
    }
    let at = |v: &[f64]| genes.iter().map(|&j| v[places[j] as usize]).collect::<Vec<f64>>();
    let sd = at(&variance).iter().map(|&v| if v > 0.0 && v.is_finite() { v.sqrt() } else { 1.0 }).collect();
    let scaler = Scaler::ZScore { mean: at(&mean), sd, center: true, max_value: pipeline.max_value };
    Ok(PipelineFit { cells: kept, seen, genes, target_sum, hvg, scaler, factors })
}

/// Which cells are kept, the total of every cell, and the number of kept cells that have each gene.
fn look(pipeline: &Pipeline, cells: &mut impl Cells) -> Result<(Vec<bool>, Vec<f64>, Vec<usize>)> {
    let genes = cells.genes().len();
    let empty = || Look { kept: Vec::new(), totals: Vec::new(), cells_per_gene: vec![0; genes] };
    let mut sum = Ordered::new(empty());
    cells.each(&mut |first, block| {
        refuse_negative(block)?;
        let values = block.values();
        sum.add(first..first + block.n_samples(), empty, |t, i| {
            let (mut genes, mut total) = (0, 0.0);
            every(values, i - first, |j, v| {
                let seen = usize::from(v != 0.0);
                t.cells_per_gene[j] += seen;
                genes += seen;
                total += f64::from(v);
            });
            let kept = genes >= pipeline.min_genes;
            if !kept {
                every(values, i - first, |j, v| t.cells_per_gene[j] -= usize::from(v != 0.0));
            }
            t.kept.push(kept);
            t.totals.push(total);
        });
        Ok(())
    })?;
    let found = sum.finish();
    Ok((found.kept, found.totals, found.cells_per_gene))
}

fn refuse_negative(block: &ExpressionMatrix) -> Result<()> {
    if all_stored(block.values(), |v| v >= 0.0) {
        return Ok(());
    }
    let mut found = String::new();
    for (i, cell) in block.samples().iter().enumerate() {
        block.values().row(i, &mut |j, v| {
            if v < 0.0 && found.is_empty() {
                found = format!("{v} of gene {} in cell {cell}", block.genes()[j]);
            }
        });
    }
    Err(DataError::invalid(
        "preprocessing",
        format!("the value {found} is negative"),
        "pass counts; z-scores have been through this already",
    ))
}

struct Look {
    kept: Vec<bool>,
    totals: Vec<f64>,
    cells_per_gene: Vec<usize>,
}

impl Tally for Look {
    fn merge(&mut self, later: Self) {
        self.kept.extend(later.kept);
        self.totals.extend(later.totals);
        self.cells_per_gene.iter_mut().zip(later.cells_per_gene).for_each(|(a, b)| *a += b);
    }
}

/// The totals of all cells.
struct Totals(Vec<f64>);

impl Tally for Totals {
    fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

impl Totals {
    fn of(cells: &mut impl Cells, places: &[u32]) -> Result<Vec<f64>> {
        let mut sum = Ordered::new(Self(Vec::new()));
        cells.each(&mut |first, block| {
            let rows = first..first + block.n_samples();
            sum.add(
                rows,
                || Self(Vec::new()),
                |t, i| {
                    let mut total = 0.0;
                    row(block.values(), i - first, places, |_, v| total += f64::from(v));
                    t.0.push(total);
                },
            );
            Ok(())
        })?;
        Ok(sum.finish().0)
    }
}

/// Moments of every gene over the cells that are kept.
struct GeneMoments {
    cells: f64,
    genes: Vec<Gene>,
}

/// Of a chunk: moments of the values that are stored. Put together: of all, zeros included.
#[derive(Clone, Copy, Default)]
struct Gene {
    stored: f64,
    /// As the value is before scaling.
    value: Moments,
    /// As variability is measured: without logarithm for Seurat, as counted for Seurat v3.
    variability: Moments,
}

impl Tally for GeneMoments {
    fn merge(&mut self, later: Self) {
        for (a, b) in self.genes.iter_mut().zip(later.genes) {
            let all = |m: Moments| m.join(b.stored, Moments::default(), later.cells - b.stored);
            a.value = a.value.join(self.cells, all(b.value), later.cells);
            a.variability = a.variability.join(self.cells, all(b.variability), later.cells);
        }
        self.cells += later.cells;
    }
}

impl GeneMoments {
    fn of(
        pipeline: &Pipeline,
        cells: &mut impl Cells,
        kept: &[bool],
        factors: &[f64],
        places: &[u32],
        genes: usize,
    ) -> Result<Self> {
        let empty = || Self { cells: 0.0, genes: vec![Gene::default(); genes] };
        let flavor = pipeline.top_genes.map(|(_, flavor)| flavor);
        let mut sum = Ordered::new(empty());
        cells.each(&mut |first, block| {
            sum.add(first..first + block.n_samples(), empty, |t, i| {
                if !kept[i] {
                    return;
                }
                t.cells += 1.0;
                let mut known = Known::new();
                row(block.values(), i - first, places, |j, count| {
                    let (value, variability) = known.of(count, || {
                        let value = f64::from(pipeline.value(count, factors[i]));
                        let variability = match flavor {
                            Some(HvgFlavor::Seurat) => value.exp_m1(),
                            Some(HvgFlavor::SeuratV3) => f64::from(count),
                            Some(HvgFlavor::CellRanger) | None => value,
                        };
                        (value, variability)
                    });
                    let gene = &mut t.genes[j];
                    if gene.stored == 0.0 {
                        (gene.value, gene.variability) = (Moments::from(value), Moments::from(variability));
                    }
                    gene.stored += 1.0;
                    gene.value.push(value);
                    gene.variability.push(variability);
                });
            });
            Ok(())
        })?;
        Ok(sum.finish())
    }

    /// Means and variances (over n - 1) of the genes by one of their moments.
    fn by(&self, which: impl Fn(&Gene) -> Moments) -> (Vec<f64>, Vec<f64>) {
        self.genes.iter().map(|g| which(g).mean_and_variance(self.cells)).unzip()
    }
}

/// The sums of the cut counts and of their squares, for Seurat v3.
struct CutSums {
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Tally for CutSums {
    fn merge(&mut self, later: Self) {
        self.sum.iter_mut().zip(later.sum).for_each(|(a, b)| *a += b);
        self.squares.iter_mut().zip(later.squares).for_each(|(a, b)| *a += b);
    }
}

impl CutSums {
    fn of(cells: &mut impl Cells, kept: &[bool], places: &[u32], limit: &[f64]) -> Result<Self> {
        let empty = || Self { sum: vec![0.0; limit.len()], squares: vec![0.0; limit.len()] };
        let mut sum = Ordered::new(empty());
        cells.each(&mut |first, block| {
            sum.add(first..first + block.n_samples(), empty, |t, i| {
                if !kept[i] {
                    return;
                }
                row(block.values(), i - first, places, |j, count| {
                    let v = f64::from(count).min(limit[j]);
                    t.sum[j] += v;
                    t.squares[j] += v * v;
                });
            });
            Ok(())
        })?;
        Ok(sum.finish())
    }
}
