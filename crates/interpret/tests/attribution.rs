//! The value, its files and its plots.

#![allow(clippy::unwrap_used)]

use ndarray::{Array2, array};
use sensitome_data::read;
use sensitome_interpret::{Attribution, InterpretError, plots};

fn attribution() -> Attribution {
    let values = array![[1.0f32, -2.0, 0.0], [3.0, 1.0, 0.5]];
    Attribution {
        method: "ig".into(),
        target: "log-odds of sensitive".into(),
        values,
        baseline: vec![0.0, 0.5, 0.0],
        expected: vec![0.5, 0.5],
        output: vec![-0.5, 5.0],
        gap: Some(vec![0.0, 1e-3]),
        cells: vec!["c1".into(), "c2".into()],
        genes: vec!["EGFR".into(), "KRAS & co".into(), "TP53".into()],
    }
    .checked()
    .unwrap()
}

#[test]
fn summaries() {
    let a = attribution();
    assert_eq!(a.mean(), array![2.0, -0.5, 0.25]);
    assert_eq!(a.mean_absolute(), array![2.0, 1.5, 0.25]);
    let top = a.top_genes(2);
    assert_eq!((top[0].gene.as_str(), top[1].column, top[1].mean), ("EGFR", 1, -0.5));
    let (groups, means) = a.by_group(&["b".into(), "a".into()]).unwrap();
    assert_eq!((groups, means), (vec!["b".into(), "a".into()], a.values.mapv(f64::from)));
    assert!(a.by_group(&["b".into()]).is_err());
    assert!((a.worst_gap().unwrap() - 2e-4).abs() < 1e-12);
}

#[test]
fn slices() {
    let a = attribution();
    let second = a.select_cells(&[1]).unwrap();
    assert_eq!((second.cells.as_slice(), second.output.as_slice()), (&["c2".to_owned()][..], &[5.0][..]));
    assert_eq!(second.gap, Some(vec![1e-3]));
    let genes = a.select_genes(&[2, 0]).unwrap();
    assert_eq!(genes.values, array![[0.0, 1.0], [0.5, 3.0]]);
    assert_eq!((genes.baseline.as_slice(), genes.gap), (&[0.0, 0.0][..], None));
    assert!(matches!(a.select_cells(&[2]), Err(InterpretError::Invalid { .. })));
    assert!(matches!(a.select_genes(&[3]), Err(InterpretError::Invalid { .. })));
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Attribution { cells: vec!["c1".into()], ..attribution() }.checked().is_err());
    assert!(Attribution { baseline: vec![0.0], ..attribution() }.checked().is_err());
    assert!(Attribution { gap: Some(vec![]), ..attribution() }.checked().is_err());
    let mut broken = attribution();
    broken.values[[0, 0]] = f32::NAN;
    assert!(broken.checked().is_err());
}

#[test]
fn files_come_back() {
    let (a, folder) = (attribution(), tempfile::tempdir().unwrap());
    let csv = folder.path().join("a.csv");
    a.write_csv(&csv).unwrap();
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(text.starts_with("cell,EGFR,KRAS & co,TP53\nc1,1,-2,0\n"), "{text}");
    let ranking = folder.path().join("ranking.csv");
    a.write_ranking(&ranking).unwrap();
    assert!(
        std::fs::read_to_string(&ranking).unwrap().starts_with("rank,gene,mean,mean_absolute\n1,EGFR,2,2\n")
    );
    let h5ad = folder.path().join("a.h5ad");
    a.write_h5ad(&h5ad).unwrap();
    let (matrix, _) = read::expression(&h5ad, &Default::default()).unwrap();
    assert_eq!((matrix.samples(), matrix.genes()), (a.cells.as_slice(), a.genes.as_slice()));
    assert_eq!(matrix.values().to_dense(), a.values);
    assert!(["output", "expected", "gap"].iter().all(|c| matrix.sample_columns().contains_key(*c)));
    assert!(["mean", "mean_absolute", "baseline"].iter().all(|c| matrix.gene_columns().contains_key(*c)));
}

#[test]
fn plots_are_svg_with_names_and_axes() {
    let a = attribution();
    let expression = array![[0.0f32, 1.0, 2.0], [1.0, 1.0, 0.0]];
    let groups = ["resistant".to_owned(), "sensitive".to_owned()];
    let pathways = [("Apoptosis".to_owned(), 0.3), ("Cell cycle".to_owned(), -0.2)];
    let all = [
        (plots::bar(&a, Some(expression.view()), 2).unwrap(), "Mean absolute attribution"),
        (plots::beeswarm(&a, expression.view(), 3).unwrap(), "Expression of the gene"),
        (plots::heatmap(&a, None, 3).unwrap(), "Cells, from low to high log-odds of sensitive"),
        (plots::heatmap(&a, Some(&groups), 3).unwrap(), "Group of cells (mean)"),
        (plots::waterfall(&a, 1, 2).unwrap(), "1 other genes"),
        (plots::scatter(&a, &[0.0, 1.0], 0, "log1p").unwrap(), "Expression of EGFR (log1p)"),
        (plots::bars(&pathways, "Pathways", "Sum of attributions").unwrap(), "Cell cycle"),
    ];
    for (svg, words) in &all {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains(words), "{words} in {svg}");
        assert!(!svg.contains("NaN") && !svg.contains("KRAS & co"), "numbers and escapes");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bar.svg");
    plots::save(&path, &all[0].0).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), all[0].0);
}

#[test]
fn a_bar_has_no_direction_where_the_cells_cancel() {
    let shown = |values: Array2<f32>| {
        let a = Attribution { values, ..attribution() };
        let svg = plots::bar(&a, None, 1).unwrap();
        // Blocks of the legend come last, one a kind.
        let fills: Vec<&str> = svg.split("fill=\"").skip(1).filter_map(|s| s.get(..7)).collect();
        let count = |color: &str| fills.iter().filter(|f| **f == color).count();
        (count("#D55E00"), count("#0072B2"))
    };
    assert_eq!(shown(array![[1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]), (2, 1));
    assert_eq!(shown(array![[-1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]), (1, 2));
    assert_eq!(shown(array![[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), (1, 1));
    // But more of the gene raises the output in both.
    let a = Attribution { values: array![[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], ..attribution() };
    let expression = array![[-2.0f32, 0.0, 0.0], [2.0, 0.0, 0.0]];
    let (with, without) = (plots::bar(&a, Some(expression.view()), 1), plots::bar(&a, None, 1));
    assert_ne!(with.unwrap(), without.unwrap());
    assert!(plots::bar(&a, Some(expression.slice(ndarray::s![..1, ..])), 1).is_err());
}

#[test]
fn plots_of_nothing_or_of_one_value() {
    let empty = Attribution {
        values: Array2::zeros((0, 3)),
        expected: vec![],
        output: vec![],
        gap: None,
        cells: vec![],
        ..attribution()
    };
    assert!(plots::heatmap(&empty, None, 3).is_err());
    assert!(plots::beeswarm(&empty, Array2::zeros((0, 3)).view(), 3).is_err());
    assert!(plots::waterfall(&empty, 0, 3).is_err());
    assert!(plots::bar(&attribution(), None, 0).is_err());
    assert!(plots::bars(&[("a".into(), f64::NAN)], "t", "x").is_err());
    let mut flat = attribution();
    flat.values.fill(0.0);
    for svg in [
        plots::bar(&flat, None, 3),
        plots::heatmap(&flat, None, 3),
        plots::scatter(&flat, &[1.0, 1.0], 0, "z"),
    ] {
        assert!(!svg.unwrap().contains("NaN"));
    }
}
