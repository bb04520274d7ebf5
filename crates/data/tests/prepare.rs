//! From matrices to a task: nothing is fitted on what is held out, and prediction prepares cells as training did.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use sensitome_data::simulate::{Simulation, SimulationConfig, simulate};
use sensitome_data::*;

fn simulation() -> Simulation {
    simulate(&SimulationConfig { n_lines: 60, n_cells: 50, n_genes: 260, ..SimulationConfig::default() })
        .unwrap()
}

fn input(s: &Simulation) -> SourceInput {
    SourceInput {
        name: "bulk".into(),
        expression: s.bulk.clone(),
        response: s.response.select(&s.truth.drug, None, read::Measure::Auc).unwrap(),
        labels: None,
        table: None,
    }
}

fn target(s: &Simulation) -> TargetInput {
    TargetInput {
        expression: s.cells.clone(),
        renamed: Default::default(),
        cluster_column: None,
        few_shot: Vec::new(),
        gene_sets: None,
    }
}

#[test]
fn prediction_prepares_cells_as_training_did() {
    let s = simulation();
    for scaling in [Scaling::Zscore, Scaling::ZscoreJoint, Scaling::Minmax, Scaling::None] {
        let task = s.task(&PrepareOptions { scaling, ..PrepareOptions::default() }).unwrap();
        let (x, report) = task.preprocessing.transform(&s.cells, Missing::Refuse).unwrap();
        assert_eq!(x, task.target.expression, "{scaling:?}");
        assert_eq!(report.found, task.genes.len());
        // Genes in another order, and more of them, change nothing but the totals' rounding.
        let reversed: Vec<usize> = (0..s.cells.n_genes()).rev().collect();
        let other = s.cells.select_genes(&reversed).unwrap();
        let (y, _) = task.preprocessing.transform(&other, Missing::Refuse).unwrap();
        assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn each_domain_is_standardised_by_its_own_training_part() {
    let s = simulation();
    let task = s.task(&PrepareOptions::default()).unwrap();
    let moments = |rows: ndarray::Array2<f32>| {
        let n = rows.nrows() as f64;
        let mean = rows.map_axis(ndarray::Axis(0), |c| c.iter().map(|&v| f64::from(v)).sum::<f64>() / n);
        let square =
            rows.map_axis(ndarray::Axis(0), |c| c.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n);
        mean.iter().zip(square).all(|(m, s)| m.abs() < 1e-3 && ((s - 1.0).abs() < 1e-3 || s < 1e-6))
    };
    assert!(moments(task.target.expression.clone()));
    let source = &task.sources[0];
    assert!(moments(source.expression.select(ndarray::Axis(0), &source.train)));
    assert!(!moments(source.expression.clone()), "held-out rows took part in the fit");
}

#[test]
fn a_held_out_line_changes_nothing_that_is_trained_on() {
    let s = simulation();
    let before = s.task(&PrepareOptions::default()).unwrap();
    let held_out = before.sources[0].samples[before.sources[0].validation[0]].clone();
    let mut source = input(&s);
    let row = source.expression.sample_index()[held_out.as_str()];
    let mut values = source.expression.values().to_dense();
    values.row_mut(row).iter_mut().for_each(|v| *v = 12.0 - *v * 0.5);
    source.expression = source.expression.with_values(Values::Dense(values)).unwrap();
    let after = prepare(vec![source], target(&s), &PrepareOptions::default()).unwrap();
    let train = |t: &TransferTask| t.sources[0].expression.select(ndarray::Axis(0), &t.sources[0].train);
    assert_eq!(train(&before), train(&after));
    assert_eq!(before.target, after.target);
    assert_ne!(before.hash(), after.hash());
}

#[test]
fn no_patient_is_both_trained_and_selected_on() {
    let s = simulation();
    let mut source = input(&s);
    let patient = |i: usize| format!("patient {}", i / 3);
    let names = Column::category((0..source.expression.n_samples()).map(patient));
    source.expression.set_sample_column("patient", names).unwrap();
    let options =
        |groups: &str| PrepareOptions { source_groups: Some(groups.into()), ..PrepareOptions::default() };
    for seed in 0..5 {
        let options = PrepareOptions { seed, ..options("patient") };
        let task = prepare(vec![source.clone()], target(&s), &options).unwrap();
        let d = &task.sources[0];
        let index = source.expression.sample_index();
        let of = |rows: &[usize]| -> std::collections::BTreeSet<String> {
            rows.iter().map(|&i| patient(index[d.samples[i].as_str()])).collect()
        };
        assert!(!d.validation.is_empty() && of(&d.train).is_disjoint(&of(&d.validation)));
    }
    let error = prepare(vec![source], target(&s), &options("pacient")).unwrap_err().to_string();
    assert!(error.contains("pacient") && error.contains("patient"), "{error}");
}

#[test]
fn excluded_lines_are_gone_and_given_labels_replace_the_rule() {
    let s = simulation();
    let out: Vec<String> = s.bulk.samples()[..7].to_vec();
    let task = s.task(&PrepareOptions { exclude: out.clone(), ..PrepareOptions::default() }).unwrap();
    assert!(task.sources[0].samples.iter().all(|n| !out.contains(n)));
    let mut source = input(&s);
    let given = s.bulk.samples()[10..40].iter().enumerate().map(|(i, n)| (n.clone(), (i % 2) as u8));
    source.labels = Some(given.collect());
    let task = prepare(vec![source], target(&s), &PrepareOptions::default()).unwrap();
    assert_eq!(task.sources[0].labels.iter().flatten().count(), 30);
    assert_eq!(task.sources[0].train.len() + task.sources[0].validation.len(), 30);
}

#[test]
fn quality_filters_leave_cells_out_of_training_only() {
    let s = simulation();
    let detected = |i: usize| match s.cells.values() {
        Values::Sparse(m) => m.row(i).0.len(),
        Values::Dense(a) => a.row(i).iter().filter(|v| **v != 0.0).count(),
    };
    let mut counts: Vec<usize> = (0..50).map(detected).collect();
    counts.sort_unstable();
    let options = PrepareOptions { min_genes: counts[10], ..PrepareOptions::default() };
    let task = s.task(&options).unwrap();
    assert!(task.target.cells.len() <= 40 && task.target.cells.len() >= 30);
    let (x, _) = task.preprocessing.transform(&s.cells, Missing::Refuse).unwrap();
    assert_eq!(x.nrows(), 50);
}

#[test]
fn the_number_of_genes_follows_the_options() {
    let s = simulation();
    let all = s.task(&PrepareOptions::default()).unwrap();
    let few = s.task(&PrepareOptions { hvg: Some(50), ..PrepareOptions::default() }).unwrap();
    assert!((50..60).contains(&few.genes.len()) && few.genes.len() < all.genes.len());
    assert!(few.genes.windows(2).all(|w| w[0] < w[1]), "genes are in order");
}

#[test]
fn tasks_that_cannot_be_learned_are_refused() {
    let s = simulation();
    let task = s.task(&PrepareOptions::default()).unwrap();
    let refused = |change: &dyn Fn(&mut TaskParts)| {
        let mut parts = (*task).clone();
        change(&mut parts);
        TransferTask::new(parts).unwrap_err().to_string()
    };
    assert!(
        refused(&|p| p.sources[0].labels.iter_mut().flatten().for_each(|l| *l = 1)).contains("no resistant")
    );
    assert!(refused(&|p| p.target.expression[[0, 0]] = f32::NAN).contains("not finite"));
    assert!(refused(&|p| p.sources.clear()).contains("0 sources"));
    assert!(refused(&|p| p.sources[0].train.push(0)).contains("row 0"));
    assert!(refused(&|p| p.genes.truncate(3)).contains("does not fit"));
}

#[test]
fn genes_of_several_names_are_merged_as_in_training() {
    // Training saw two identifiers of one gene added up; prediction gets the file with the identifiers.
    let s = simulation();
    let task = s.task(&PrepareOptions::default()).unwrap();
    let gene = task.genes[0].clone();
    let mut prepared = task.preprocessing.clone();
    for id in ["ID1", "ID2"] {
        prepared.renamed.insert(id.into(), gene.clone());
    }
    let at = s.cells.gene_index()[gene.as_str()];
    let whole = s.cells.values().to_dense();
    let mut halves = ndarray::concatenate(
        ndarray::Axis(1),
        &[whole.view(), whole.column(at).insert_axis(ndarray::Axis(1))],
    )
    .unwrap();
    let last = halves.ncols() - 1;
    halves.column_mut(at).mapv_inplace(|v| (v / 2.0).floor());
    halves.column_mut(last).mapv_inplace(|v| v - (v / 2.0).floor());
    let mut names = s.cells.genes().to_vec();
    names[at] = "ID1".into();
    names.push("ID2.7".into());
    let cells = ExpressionMatrix::new(Values::Dense(halves), s.cells.samples().to_vec(), names).unwrap();
    let (x, report) = prepared.transform(&cells, Missing::Refuse).unwrap();
    assert_eq!(x, task.target.expression);
    assert_eq!(report.renamed, 1);
}

#[test]
fn columns_go_to_no_gene_to_one_and_to_several() {
    // The first column is gene A by its name and gene B by its symbol; the model does not know the second.
    let cells = ExpressionMatrix::new(
        Values::Dense(ndarray::array![[3.0, 5.0, 0.0], [1.0, 0.0, 20.0]]),
        vec!["c1".into(), "c2".into()],
        vec!["A".into(), "X".into(), "C".into()],
    )
    .unwrap();
    let symbols = Column::Text(vec![Some("B".into()), None, None]);
    let mut with_symbols = cells.clone();
    with_symbols.set_gene_column("symbol", symbols).unwrap();
    let transform = |genes: [&str; 3], cells: &ExpressionMatrix| {
        let genes = genes.map(str::to_owned).to_vec();
        let prepared = FittedPreprocessing {
            target_sum: Some(10.0),
            ..FittedPreprocessing::identity(genes, detect::Scale::Counts)
        };
        prepared.transform(cells, Missing::Fill { min_overlap: 0.5 }).unwrap().0
    };
    let one = transform(["C", "A", "B"], &cells);
    ndarray::Zip::from(&one)
        .and(&ndarray::array![[0.0, 3.75, 0.0], [200.0 / 21.0, 10.0 / 21.0, 0.0]])
        .for_each(|a, b| assert!((a - b).abs() < 1e-6_f32));
    let several = transform(["C", "A", "B"], &with_symbols);
    assert_eq!(several.column(2), one.column(1));
    assert_eq!(several.slice(ndarray::s![.., ..2]), one.slice(ndarray::s![.., ..2]));
}
