//! Quality control, normalisation, highly variable genes, scaling and principal components.

use ndarray::{Array2, ArrayD, ArrayView2, Ix2};
use sensitome_data::preprocess::*;
use sensitome_data::{CsrMatrix, ExpressionMatrix, Values};
use sensitome_testkit::{Case, Csr, Report};

/// One case, by the part of its name before `__`.
pub(crate) fn run(case: &Case, report: &mut Report) {
    match case.prefix() {
        "filter" => filter(case, report),
        "hvg" => hvg(case, report),
        "normalize" => normalize(case, report),
        "pca" => components(case, report),
        "qc" => qc(case, report),
        "scale" => scale(case, report),
        "scalers" => scalers(case, report),
        _ => report.unknown(case),
    }
}

fn dense(case: &Case, name: &str) -> Array2<f64> {
    let array: ArrayD<f64> = if case.is_csr(name) { case.csr(name).to_dense() } else { case.f64s(name) };
    array.into_dimensionality::<Ix2>().unwrap()
}

fn sparse(csr: &Csr) -> Values {
    let indices = csr.indices.iter().map(|&j| j as u32).collect();
    let data = csr.data.iter().map(|&v| v as f32).collect();
    Values::Sparse(CsrMatrix::new(csr.shape.1, csr.indptr.clone(), indices, data).unwrap())
}

fn mask(kept: &[bool]) -> Vec<f64> {
    kept.iter().map(|&k| f64::from(u8::from(k))).collect()
}

fn whole(counts: &[usize]) -> Vec<f64> {
    counts.iter().map(|&c| c as f64).collect()
}

fn log1p_of(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.ln_1p()).collect()
}

fn mitochondrial(case: &Case) -> Vec<bool> {
    case.words("genes").iter().map(|g| g.starts_with("MT-")).collect()
}

fn qc(case: &Case, report: &mut Report) {
    let qc = quality_control(&sparse(&case.csr("counts")), &mitochondrial(case), &[5, 20]);
    report.check(case, "obs_n_genes_by_counts", whole(&qc.genes_per_cell));
    report.check(case, "obs_log1p_n_genes_by_counts", log1p_of(&whole(&qc.genes_per_cell)));
    report.check(case, "obs_total_counts", qc.total.clone());
    report.check(case, "obs_log1p_total_counts", log1p_of(&qc.total));
    report.check(case, "obs_pct_counts_in_top_5_genes", qc.percent_in_top[0].clone());
    report.check(case, "obs_pct_counts_in_top_20_genes", qc.percent_in_top[1].clone());
    report.check(case, "obs_total_counts_mt", qc.mitochondrial.clone());
    report.check(case, "obs_log1p_total_counts_mt", log1p_of(&qc.mitochondrial));
    report.check(case, "obs_pct_counts_mt", qc.percent_mitochondrial.clone());
    report.check(case, "var_n_cells_by_counts", whole(&qc.cells_per_gene));
    report.check(case, "var_mean_counts", qc.gene_mean.clone());
    report.check(case, "var_log1p_mean_counts", log1p_of(&qc.gene_mean));
    report.check(case, "var_pct_dropout_by_counts", qc.percent_dropout.clone());
    report.check(case, "var_total_counts", qc.gene_total.clone());
    report.check(case, "var_log1p_total_counts", log1p_of(&qc.gene_total));
}

fn filter(case: &Case, report: &mut Report) {
    let counts = sparse(&case.csr("counts"));
    let qc = quality_control(&counts, &[], &[]);
    let cells = |f: CellFilter| filter_cells(&qc, &f);
    let by_genes = cells(CellFilter { min_genes: case.count("min_genes"), ..CellFilter::default() });
    report.check(case, "cells_min_genes", mask(&by_genes));
    report.check(case, "genes_per_cell", whole(&qc.genes_per_cell));
    let by_counts = cells(CellFilter { min_counts: case.number("min_counts"), ..CellFilter::default() });
    report.check(case, "cells_min_counts", mask(&by_counts));
    let most = cells(CellFilter { max_genes: case.count("max_genes"), ..CellFilter::default() });
    report.check(case, "cells_max_genes", mask(&most));
    let min_cells = case.count("min_cells");
    report.check(case, "genes_min_cells", mask(&filter_genes(&qc, min_cells)));
    let rows: Vec<usize> = (0..by_genes.len()).filter(|&i| by_genes[i]).collect();
    let Values::Sparse(csr) = &counts else { unreachable!("made sparse above") };
    let after = quality_control(&Values::Sparse(csr.select_rows(&rows)), &[], &[]);
    report.check(case, "genes_min_cells_after_cells", mask(&filter_genes(&after, min_cells)));
    // Given over all genes or over the kept ones only.
    let kept: Vec<f64> = whole(&after.cells_per_gene);
    let n = case.expected_array("cells_per_gene_after_cells").len();
    let chosen = filter_genes(&after, min_cells);
    let got = if n == kept.len() {
        kept
    } else {
        kept.into_iter().zip(chosen).filter(|k| k.1).map(|k| k.0).collect()
    };
    report.check(case, "cells_per_gene_after_cells", got);
}

fn normalize(case: &Case, report: &mut Report) {
    let exact = dense(case, "counts");
    let scaled = |target: Option<f64>, exclude: Option<f64>| {
        let rule = Normalization { target_sum: target, exclude_above: exclude };
        let (factors, _) = rule.factors(&exact.view()).unwrap();
        let mut x = exact.clone();
        x.rows_mut().into_iter().zip(factors).for_each(|(mut r, f)| r *= f);
        x
    };
    let target = case.number("target_sum");
    let to_target = scaled(Some(target), None);
    report.check(case, "norm_1e4", to_target.clone());
    report.check(case, "log1p_1e4", to_target.mapv(f64::ln_1p));
    for name in case.output_names() {
        match name {
            "norm_1e4" | "log1p_1e4" => {}
            "norm_to_median" => report.check(case, name, scaled(None, None)),
            "log2_1p_1e4" => report.check(case, name, to_target.mapv(|v| v.ln_1p() / std::f64::consts::LN_2)),
            "norm_excl" => report.check(case, name, scaled(Some(target), Some(case.number("max_fraction")))),
            // The path that users take: sparse float32 in place.
            "log1p_1e4_f32" => {
                let mut values = sparse(&case.csr("counts"));
                let rule = Normalization { target_sum: Some(target), exclude_above: None };
                normalize_total(&mut values, &rule).unwrap();
                log1p(&mut values);
                report.check(case, name, values.to_dense().mapv(f64::from));
            }
            _ => report.unknown(case),
        }
    }
}

fn hvg(case: &Case, report: &mut Report) {
    if case.is_error() {
        // Two distinct means do not determine a quadratic. The reference gives up; the least-norm fit has an answer.
        let top = highly_variable_genes(
            &dense(case, "counts").view(),
            HvgFlavor::SeuratV3,
            case.count("n_top_genes"),
        );
        let top = top.unwrap();
        report.require(case, top.normalized.iter().all(|v| v.is_finite()), "finite values");
        report.require(case, mask(&top.highly_variable).iter().sum::<f64>() == 5.0, "five genes");
        return report.used(case, "error");
    }
    let (logged, counts) = (dense(case, "lognorm"), dense(case, "counts"));
    let n_top = case.count("n_top_genes");
    for (name, flavor) in [("seurat", HvgFlavor::Seurat), ("seurat_v3", HvgFlavor::SeuratV3)] {
        let name = format!("{name}_highly_variable");
        if case.has_output(&name) {
            // From the counts, all steps taken together.
            let names = |n: usize| (0..n).map(|i| i.to_string()).collect();
            let cells = ExpressionMatrix::new(
                sparse(&case.csr("counts")),
                names(counts.nrows()),
                names(counts.ncols()),
            );
            let target_sum = Some(1e4);
            let pipeline = Pipeline { target_sum, top_genes: Some((n_top, flavor)), ..Pipeline::default() };
            let fit = pipeline.run(&cells.unwrap()).unwrap().1;
            report.check(case, &name, mask(&fit.hvg.unwrap().highly_variable));
        }
    }
    for (prefix, flavor) in [("seurat", HvgFlavor::Seurat), ("cell_ranger", HvgFlavor::CellRanger)] {
        if !case.has_output(&format!("{prefix}_means")) {
            continue;
        }
        let name = |what: &str| format!("{prefix}_{what}");
        let top = highly_variable_genes(&logged.view(), flavor, n_top).unwrap();
        report.check(case, &name("highly_variable"), mask(&top.highly_variable));
        report.check(case, &name("means"), top.means);
        report.check(case, &name("dispersions"), top.dispersions);
        report.check(case, &name("dispersions_norm"), top.normalized);
        let within =
            highly_variable_genes_by_cutoffs(&logged.view(), flavor, &HvgCutoffs::default()).unwrap();
        report.check(case, &name("cutoffs_highly_variable"), mask(&within.highly_variable));
    }
    if case.has_output("seurat_v3_means") {
        let top = highly_variable_genes(&counts.view(), HvgFlavor::SeuratV3, n_top).unwrap();
        report.check(case, "seurat_v3_highly_variable", mask(&top.highly_variable));
        report.check(case, "seurat_v3_variances_norm", top.normalized.clone());
        report.check(case, "seurat_v3_variances_norm_direct", top.normalized);
        let varying: Vec<usize> = (0..top.means.len()).filter(|&j| top.dispersions[j] > 0.0).collect();
        let log = |v: &[f64]| varying.iter().map(|&j| v[j].log10()).collect::<Vec<f64>>();
        let fit = loess(&log(&top.means), &log(&top.dispersions), case.number("span"));
        let mut all = vec![0.0; top.means.len()];
        varying.iter().zip(fit).for_each(|(&j, f)| all[j] = f);
        report.check(case, "loess_fit_direct", all.clone());
        report.check(case, "loess_fit_interpolate", all);
        report.check(case, "seurat_v3_means", top.means);
        report.check(case, "seurat_v3_variances", top.dispersions);
    }
}

fn scale(case: &Case, report: &mut Report) {
    let x = dense(case, "X");
    let Scaler::ZScore { mean, sd, .. } = Scaler::fit_zscore(x.view(), 1).unwrap() else {
        unreachable!("a z-score")
    };
    let apply = |center: bool, max_value: Option<f64>| {
        Scaler::ZScore { mean: mean.clone(), sd: sd.clone(), center, max_value }.transform(x.clone()).unwrap()
    };
    let (high, low) = (case.number("max_value"), case.number("max_value_low"));
    report.check(case, "centered", apply(true, None));
    report.check(case, "centered_max10", apply(true, Some(high)));
    report.check(case, "centered_max1p5", apply(true, Some(low)));
    report.check(case, "not_centered", apply(false, None));
    report.check(case, "not_centered_max1p5", apply(false, Some(low)));
    report.check(case, "mean", mean.clone());
    report.check(case, "std", sd.clone());
}

fn scalers(case: &Case, report: &mut Report) {
    let (x, new) = (dense(case, "X"), dense(case, "new"));
    let unit = Scaler::fit_minmax(x.view()).unwrap();
    let Scaler::MinMax { min, max, .. } = unit.clone() else { unreachable!("a range") };
    let other = |low: f64, high: f64, clip: bool| Scaler::MinMax {
        min: min.clone(),
        max: max.clone(),
        low,
        high,
        clip,
    };
    report.check(case, "minmax", unit.transform(x.clone()).unwrap());
    report.check(case, "minmax_new", unit.transform(new.clone()).unwrap());
    report.check(case, "minmax_clip_new", other(0.0, 1.0, true).transform(new.clone()).unwrap());
    report.check(case, "minmax_minus1_1", other(-1.0, 1.0, false).transform(x.clone()).unwrap());
    report.check(case, "minmax_data_min", min.clone());
    report.check(case, "minmax_data_max", max.clone());
    let range = |a: &f64, b: &f64| if b - a < 10.0 * f64::EPSILON { 1.0 } else { 1.0 / (b - a) };
    report.check(case, "minmax_scale", min.iter().zip(&max).map(|(a, b)| range(a, b)).collect::<Vec<f64>>());
    report.check(case, "minmax_inverse_new", unit.inverse(new.clone()).unwrap());
    let standard = Scaler::fit_zscore(x.view(), 0).unwrap();
    let Scaler::ZScore { mean, sd, .. } = standard.clone() else { unreachable!("a z-score") };
    report.check(case, "standard", standard.transform(x.clone()).unwrap());
    report.check(case, "standard_new", standard.transform(new).unwrap());
    report.check(case, "standard_mean", mean.clone());
    report.check(case, "standard_scale", sd.clone());
    let ones = vec![1.0; sd.len()];
    let centred = Scaler::ZScore { mean: mean.clone(), sd: ones, center: true, max_value: None };
    report.check(case, "centered_only", centred.transform(x.clone()).unwrap());
    report.check(case, "standard_var", variances(x.view(), &mean));
}

/// By the definition, for comparison with the fitted deviations' squares where they are not replaced by 1.
fn variances(x: ArrayView2<f64>, mean: &[f64]) -> Vec<f64> {
    let of = |(column, m): (ndarray::ArrayView1<f64>, &f64)| {
        let known: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
        known.iter().map(|v| (v - m).powi(2)).sum::<f64>() / known.len() as f64
    };
    x.columns().into_iter().zip(mean).map(of).collect()
}

fn components(case: &Case, report: &mut Report) {
    let x = dense(case, "X");
    let sparse = case.has_output("scores_f64");
    let k = if sparse { case.count("n_comps") } else { case.count("n_components") };
    let fit = pca(&x.view(), k, Centering::Mean).unwrap();
    for name in case.output_names() {
        match name {
            "mean" => report.check(case, name, fit.mean.to_vec()),
            "explained_variance" | "explained_variance_f64" => {
                report.check(case, name, fit.explained_variance.to_vec());
            }
            "explained_variance_ratio" => report.check(case, name, fit.explained_variance_ratio.to_vec()),
            "singular_values" => report.check(case, name, fit.singular_values.to_vec()),
            "components" => report.check(case, name, fit.components.clone()),
            "scores" | "scores_f64" => report.check(case, name, fit.scores.clone()),
            "noise_variance" => report.check(case, name, fit.noise_variance),
            "scores_whitened" => report.check(case, name, fit.whitened()),
            "n_components_for_0.8" | "n_components_for_0.95" => {
                let share: f64 = name.trim_start_matches("n_components_for_").parse().unwrap();
                let all = pca(&x.view(), x.nrows().min(x.ncols()), Centering::Mean).unwrap();
                report.check(case, name, all.components_for(share).unwrap() as f64);
            }
            "truncated_singular_values" => {
                let fit = pca(&x.view(), k, Centering::None).unwrap();
                report.check(case, name, fit.singular_values.to_vec());
            }
            _ => report.unknown(case),
        }
    }
}
