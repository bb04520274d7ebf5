//! No sample of the source is a copy of a cell.

use std::collections::HashSet;

use ndarray::{Array2, ArrayViewMut1, Axis};
use rayon::prelude::*;
use sensitome_data::detect::{self, Scale};
use sensitome_data::{ExpressionMatrix, Values};

use super::{AuditInput, Check, Finding, Source, Verdict, first};

/// More alike than two measurements are: on the log scale the two most alike lines of GDSC reach .9958, a line and a cell
/// about .6.
const COPY: f64 = 0.999;
/// Fewer genes above the vector's least value say too little: empty cells are all alike.
const LEAST_GENES: usize = 50;
/// Counts are brought to this total before the logarithm, as in preparation.
const TOTAL: f64 = 1e4;
/// Cells taken up at once by a thread.
const BLOCK: usize = 128;

/// How a vector is looked at.
#[derive(Clone, Copy)]
enum View {
    /// Logarithms; of counts, ln(1 + counts per 10,000): finds copies up to an affine map, and with a little noise.
    Log,
    /// Ranks, ties in the middle: finds copies under any rising map, whatever normalisation or logarithm was applied.
    Ranks,
}

impl View {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "Pearson",
            Self::Ranks => "Spearman",
        }
    }
}

/// Samples × shared genes on demand, each vector centred and of length 1, so that a product is a correlation.
struct Side<'a> {
    matrix: &'a ExpressionMatrix,
    counts: bool,
    /// Place of each gene of the matrix among the shared ones.
    place: Vec<Option<usize>>,
    genes: usize,
}

/// Two samples alike: rows, correlation and view.
type Pair = (usize, usize, f64, View);

/// Every sample that is in the prepared source against every cell, on all genes that the two files share before any
/// scaling of genes, by Pearson on the log scale and by Spearman; above .999 is a copy. Vectors with fewer than 50
/// genes above their least value are passed over. Not seen: copies that were scaled gene by gene since, which is why
/// z-scored cells cannot be compared with logarithms; copies with noise added; copies on other genes.
pub(super) fn check(input: &AuditInput<'_>, sources: &[Source<'_>]) -> Finding {
    let cells = &input.target.expression;
    let cell_scale = scale(cells, input.options.target_scale);
    let mut copies = Vec::new();
    let mut looked = Vec::new();
    let mut blind = Vec::new();
    for source in sources {
        let bulk = &source.raw.expression;
        let name = &source.raw.name;
        let (shared, place_bulk, place_cells) = shared(bulk, cells);
        if shared < LEAST_GENES {
            blind.push(format!("{name}: {shared} shared genes are too few, {LEAST_GENES} are needed"));
            continue;
        }
        let bulk_scale = scale(bulk, input.options.source_scale);
        let left =
            Side { matrix: bulk, counts: bulk_scale == Scale::Counts, place: place_bulk, genes: shared };
        let right =
            Side { matrix: cells, counts: cell_scale == Scale::Counts, place: place_cells, genes: shared };
        let used: HashSet<&str> = source.domain.samples.iter().map(String::as_str).collect();
        let rows: Vec<usize> =
            (0..bulk.n_samples()).filter(|&i| used.contains(bulk.samples()[i].as_str())).collect();
        let (found, most, compared) = compare(&left, &rows, &right);
        let words = |p: &Pair| {
            let (sample, cell) = (&bulk.samples()[p.0], &cells.samples()[p.1]);
            format!("{sample} and {cell}, {} {:.5}", p.3.name(), p.2)
        };
        copies.extend(found.iter().map(|p| format!("{name}: {}", words(p))));
        let most = most.as_ref().map_or_else(|| "none with enough detected genes".to_owned(), words);
        let text = format!(
            "{name}: {} of {} samples and {} of {} cells on {shared} shared genes; most alike: {most}",
            compared.0,
            rows.len(),
            compared.1,
            cells.n_samples()
        );
        let logs = |s: Scale| matches!(s, Scale::Counts | Scale::LogNormalised);
        if compared.0 == 0 || compared.1 == 0 {
            blind.push(text);
        } else if logs(bulk_scale) && logs(cell_scale) || bulk_scale == cell_scale {
            looked.push(text);
        } else {
            blind.push(format!("{text}; the source is {bulk_scale} and the cells are {cell_scale}, where a copy would not show"));
        }
    }
    let finding = |verdict, detail: String| Finding::new(Check::DuplicatesAcrossDomains, verdict, detail);
    if !copies.is_empty() {
        let n = copies.len();
        return finding(
            Verdict::Leak,
            format!("{n} pairs of a sample and a cell are copies ({})", first(&copies)),
        );
    }
    // One source that could not be compared is one where a copy may hide.
    let verdict = if blind.is_empty() { Verdict::Passed } else { Verdict::NotApplicable };
    blind.extend(looked);
    finding(
        verdict,
        format!("{}; copies scaled gene by gene or with noise added are not seen", blind.join("; ")),
    )
}

fn scale(matrix: &ExpressionMatrix, declared: Option<Scale>) -> Scale {
    declared.unwrap_or_else(|| detect::scale(matrix.values()).scale)
}

/// Number of genes that both have, and the place of each of their genes among those.
fn shared(a: &ExpressionMatrix, b: &ExpressionMatrix) -> (usize, Vec<Option<usize>>, Vec<Option<usize>>) {
    let index = b.gene_index();
    let mut in_b = vec![None; b.n_genes()];
    let mut n = 0;
    let place = |gene: &String| {
        let j = *index.get(gene.as_str())?;
        in_b[j] = Some(n);
        n += 1;
        Some(n - 1)
    };
    let in_a = a.genes().iter().map(place).collect();
    (n, in_a, in_b)
}

/// Pairs above the threshold, the most alike pair, and how many samples and cells had enough detected genes.
fn compare(left: &Side<'_>, rows: &[usize], right: &Side<'_>) -> (Vec<Pair>, Option<Pair>, (usize, usize)) {
    const VIEWS: [View; 2] = [View::Log, View::Ranks];
    let samples = VIEWS.map(|v| left.vectors(rows, v));
    let cells: Vec<usize> = (0..right.matrix.n_samples()).collect();
    // Cells are written out block by block: memory for all of them is never taken.
    let blocks: Vec<(Vec<Pair>, Option<Pair>, usize)> = cells
        .par_chunks(BLOCK)
        .map(|block| {
            let (mut found, mut most, mut usable): (Vec<Pair>, Option<Pair>, usize) = (Vec::new(), None, 0);
            for (view, (a, usable_a)) in VIEWS.into_iter().zip(&samples) {
                let (b, usable_b) = right.vectors(block, view);
                usable = usable_b.iter().filter(|u| **u).count();
                let products = a.dot(&b.t());
                for ((i, k), &r) in products.indexed_iter().filter(|((i, k), _)| usable_a[*i] && usable_b[*k])
                {
                    let pair = (rows[i], block[k], f64::from(r), view);
                    if most.is_none_or(|m| m.2 < pair.2) {
                        most = Some(pair);
                    }
                    if pair.2 > COPY && !found.iter().any(|f: &Pair| (f.0, f.1) == (pair.0, pair.1)) {
                        found.push(pair);
                    }
                }
            }
            (found, most, usable)
        })
        .collect();
    let samples_used = samples[0].1.iter().filter(|u| **u).count();
    let cells_used = blocks.iter().map(|b| b.2).sum();
    let most = blocks.iter().filter_map(|b| b.1).reduce(|a, b| if a.2 >= b.2 { a } else { b });
    (blocks.into_iter().flat_map(|b| b.0).collect(), most, (samples_used, cells_used))
}

impl Side<'_> {
    /// Rows × shared genes, centred and of length 1, and which rows have enough genes above their least value.
    fn vectors(&self, rows: &[usize], view: View) -> (Array2<f32>, Vec<bool>) {
        let mut x = Array2::<f32>::zeros((rows.len(), self.genes));
        let usable = x
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(rows)
            .map(|(mut row, &i)| {
                self.write(i, view, &mut row);
                let least = row.iter().copied().fold(f32::INFINITY, f32::min);
                let enough = row.iter().filter(|v| **v > least).count() >= LEAST_GENES;
                if let (View::Ranks, true) = (view, enough) {
                    rank(&mut row);
                }
                enough && to_unit(&mut row)
            })
            .collect();
        (x, usable)
    }

    fn write(&self, i: usize, view: View, row: &mut ArrayViewMut1<'_, f32>) {
        let mut total = 0.0;
        let mut see = |j: usize, v: f32| {
            total += f64::from(v);
            if let Some(k) = self.place[j] {
                row[k] = v;
            }
        };
        match self.matrix.values() {
            Values::Dense(a) => a.row(i).iter().enumerate().for_each(|(j, &v)| see(j, v)),
            Values::Sparse(m) => {
                let (columns, values) = m.row(i);
                columns.iter().zip(values).for_each(|(&j, &v)| see(j as usize, v));
            }
        }
        if self.counts && matches!(view, View::Log) && total > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) * TOTAL / total).ln_1p() as f32);
        }
    }
}

/// Values to their ranks; equal values share the middle of theirs.
fn rank(row: &mut ArrayViewMut1<'_, f32>) {
    let values = row.to_vec();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|&&k| values[k] == values[order[start]]).count();
        let middle = start as f32 + (tied - 1) as f32 / 2.0;
        order[start..start + tied].iter().for_each(|&k| row[k] = middle);
        start += tied;
    }
}

/// Centred and of length 1; `false` for a constant vector.
fn to_unit(row: &mut ArrayViewMut1<'_, f32>) -> bool {
    let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / row.len() as f64;
    let squares: f64 = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
    let length = squares.sqrt();
    if length <= 1e-6 * (1.0 + mean.abs()) {
        return false;
    }
    row.mapv_inplace(|v| ((f64::from(v) - mean) / length) as f32);
    true
}
