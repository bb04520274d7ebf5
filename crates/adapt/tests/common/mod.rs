//! A small transfer task with a known answer.

use ndarray::Array2;
use rand::RngExt;
use sensitome_core_models::rng_for;
use sensitome_data::read::{GeneSet, GeneSets};
use sensitome_data::{
    FittedPreprocessing, ResponseTable, SourceDomain, TargetDomain, TaskParts, TransferTask, detect::Scale,
};

/// One set of the genes that matter, and two of others.
fn gene_sets(genes: usize) -> GeneSets {
    let set = |from: usize, to: usize| GeneSet {
        description: String::new(),
        genes: (from..to.min(genes)).map(|i| format!("G{i}")).collect(),
    };
    [("RESPONSE", set(0, 5)), ("OTHER", set(2, 7)), ("ALL", set(0, genes))]
        .map(|(n, s)| (n.to_owned(), s))
        .into()
}

/// Lines and cells whose response is the sum of their first five genes, with the target shifted; and the cells' labels.
pub(crate) fn easy_task(seed: u64, lines: usize, cells: usize, genes: usize) -> (TransferTask, Vec<u8>) {
    let mut rng = rng_for(seed, "task");
    let mut domain = |n: usize, shift: f32| {
        let mut signal = Vec::new();
        let x = Array2::from_shape_fn((n, genes), |(_, _)| rng.random_range(-1.0f32..1.0));
        let mut x = x + shift;
        for (i, mut row) in x.rows_mut().into_iter().enumerate() {
            let class = (i % 2) as f32;
            row.iter_mut().take(5).for_each(|v| *v += 2.0 * class - 1.0);
            signal.push(class as u8);
        }
        (x, signal)
    };
    let (source, labels) = domain(lines, 0.0);
    let (target, truth) = domain(cells, 0.1);
    let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
    let response: Vec<Option<f64>> = labels.iter().map(|&y| Some(0.9 - 0.5 * f64::from(y))).collect();
    let parts = TaskParts {
        genes: names("G", genes),
        sources: vec![SourceDomain {
            name: "bulk".into(),
            expression: source,
            samples: names("L", lines),
            labels: labels.iter().copied().map(Some).collect(),
            response: response.clone(),
            train: (0..lines).filter(|i| i % 5 > 1).collect(),
            validation: (0..lines).filter(|i| i % 5 <= 1).collect(),
            table: Some(ResponseTable {
                drugs: vec!["drug".into()],
                values: Array2::from_shape_fn((lines, 1), |(i, _)| response[i].unwrap_or(f64::NAN)),
            }),
        }],
        target: TargetDomain { expression: target, cells: names("C", cells), clusters: None },
        few_shot: None,
        gene_sets: Some(gene_sets(genes)),
        preprocessing: FittedPreprocessing::identity(names("G", genes), Scale::Unknown),
        notes: Vec::new(),
    };
    (TransferTask::new(parts).unwrap(), truth)
}
