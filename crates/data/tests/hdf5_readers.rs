//! Reading `.h5ad` and 10x `.h5`: every layout in use, and the real files.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests are tests

mod files;

use files::{data, fixture};
use ndarray::Array2;
use sensitome_data::read::{H5adLayer, TenxOptions, h5ad, h5ad_with, mtx, mtx_folder, tenx_h5};
use sensitome_data::{Column, Duplicates, ExpressionMatrix, Input, Values};

const CELLS: [&str; 6] = ["cell0", "cell1", "cell2", "cell3", "cell4", "cell5"];
const GENES: [&str; 4] = ["TP53", "MYC", "GAPDH", "β-actin"];

/// What `fixtures/make.py` fills every matrix with.
fn expected(genes: usize) -> Array2<f32> {
    Array2::from_shape_fn((6, genes), |(i, j)| ((7 * i + 3 * j) % 5) as f32)
}

fn bools(values: &[Option<bool>]) -> Column {
    Column::Category {
        codes: values.iter().map(|v| v.map(u32::from)).collect(),
        names: vec!["false".into(), "true".into()],
    }
}

fn total(m: &ExpressionMatrix) -> f64 {
    m.values().stored().map(f64::from).sum()
}

#[test]
fn modern_layout_with_every_kind_of_column() {
    for name in ["modern_gzip.h5ad.gz", "modern_lzf.h5ad.gz"] {
        let m = h5ad(fixture(name), &H5adLayer::X).unwrap();
        assert_eq!(m.samples(), CELLS);
        assert_eq!(m.genes(), &GENES[..3]);
        assert!(matches!(m.values(), Values::Sparse(_)));
        assert_eq!(m.values().to_dense(), expected(3));
        let obs = m.sample_columns();
        let order: Vec<&str> = obs.keys().map(String::as_str).collect();
        assert_eq!(order, ["zeta", "alpha", "flag", "maybe", "count", "whole", "big", "note", "rank"]);
        assert_eq!(obs["zeta"], Column::Number(vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5]));
        assert_eq!(
            obs["alpha"],
            Column::Category {
                codes: vec![Some(1), Some(0), None, Some(0), Some(1), Some(1)],
                names: vec!["a".into(), "b".into()]
            }
        );
        assert_eq!(obs["flag"], bools(&[true, false, true, true, false, false].map(Some)));
        assert_eq!(obs["maybe"], bools(&[Some(true), None, Some(false), Some(true), None, Some(false)]));
        let Column::Number(count) = &obs["count"] else { panic!("{:?}", obs["count"]) };
        assert!(count[1].is_nan());
        assert_eq!((count[0], &count[2..]), (1.0, [3.0, 4.0, 5.0, 6.0].as_slice()));
        assert_eq!(obs["whole"], Column::Number(vec![-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]));
        assert_eq!(obs["big"], Column::Number(vec![(2f64).powi(63) + (2f64).powi(20); 6]));
        assert_eq!(obs["note"], Column::text(["ü", "", "c", "d", "e", "f"]));
        assert_eq!(obs["rank"], Column::category(["10", "20", "10", "20", "10", "20"]));
        let alias = &m.gene_columns()["alias"];
        assert_eq!(
            (0..3).map(|j| alias.get(j)).collect::<Vec<_>>(),
            [Some("p53".to_owned()), None, Some("G3PDH".to_owned())]
        );
    }
}

#[test]
fn layers_of_every_form_hold_the_same_numbers() {
    for name in ["modern_gzip.h5ad.gz", "modern_lzf.h5ad.gz"] {
        for layer in ["csc", "dense64", "counts"] {
            let m = h5ad(fixture(name), &H5adLayer::Layer(layer.into())).unwrap();
            assert_eq!(m.values().to_dense(), expected(3), "{name} {layer}");
            assert_eq!(matches!(m.values(), Values::Sparse(_)), layer == "csc");
        }
        let raw = h5ad(fixture(name), &H5adLayer::Raw).unwrap();
        assert_eq!(raw.genes(), GENES);
        assert_eq!(raw.values().to_dense(), expected(4));
    }
}

#[test]
fn a_missing_layer_is_answered_with_those_there_are() {
    let message = |layer| h5ad(fixture("modern_gzip.h5ad.gz"), &layer).unwrap_err().to_string();
    let text = message(H5adLayer::Layer("nope".into()));
    for part in
        ["modern_gzip.h5ad.gz", "\"nope\"", "X, raw, layer counts, layer csc, layer dense64, layer half"]
    {
        assert!(text.contains(part), "{text}");
    }
    let text = h5ad(fixture("plain.h5ad"), &H5adLayer::Raw).unwrap_err().to_string();
    assert!(text.contains("there is no raw") && text.contains(": X"), "{text}");
}

#[test]
fn half_precision_is_refused_with_the_way_out() {
    let half = H5adLayer::Layer("half".into());
    let text = h5ad(fixture("modern_gzip.h5ad.gz"), &half).unwrap_err().to_string();
    assert!(text.contains("layers/half") && text.contains("astype(\"float32\")"), "{text}");
}

#[test]
fn the_layout_of_anndata_0_7() {
    let m = h5ad(fixture("anndata_0_7.h5ad"), &H5adLayer::X).unwrap();
    assert_eq!((m.samples(), m.genes()), (&CELLS.map(str::to_owned)[..], &GENES.map(str::to_owned)[..]));
    assert_eq!(m.values(), &Values::Dense(expected(4)));
    assert_eq!(
        m.sample_columns()["line"],
        Column::Category {
            codes: vec![Some(0), Some(1), None, Some(1), Some(0), Some(0)],
            names: vec!["A549".into(), "H838".into()]
        }
    );
    assert_eq!(m.sample_columns()["score"], Column::Number((0..6).map(f64::from).collect()));
    assert_eq!(m.sample_columns().len(), 2);
    assert!(m.gene_columns().is_empty());
}

#[test]
fn the_tables_of_records_of_anndata_0_6_behind_a_user_block() {
    let m = h5ad(fixture("anndata_0_6.h5ad"), &H5adLayer::X).unwrap();
    assert_eq!((m.samples(), m.genes()), (&CELLS.map(str::to_owned)[..], &GENES.map(str::to_owned)[..]));
    assert_eq!(m.values().to_dense(), expected(4));
    let obs = m.sample_columns();
    // `pos` has two numbers a cell and is left out.
    assert_eq!(obs.keys().collect::<Vec<_>>(), ["line", "n", "flag", "note"]);
    assert_eq!(
        obs["line"],
        Column::Category {
            codes: vec![Some(0), Some(1), Some(1), None, Some(0), Some(1)],
            names: vec!["A549".into(), "H838".into()]
        }
    );
    assert_eq!(obs["n"], Column::Number(vec![5.0, -4.0, 3.0, 2.0, 1.0, 0.0]));
    assert_eq!(obs["flag"], bools(&[true, false, true, false, true, false].map(Some)));
    assert_eq!(obs["note"], Column::text(["", "x", "", "ß", "", "y"]));
}

#[test]
fn bytes_read_as_the_path_does() {
    let bytes = std::fs::read(fixture("plain.h5ad")).unwrap();
    let from_bytes = h5ad(Input::Bytes { name: "upload", bytes: &bytes }, &H5adLayer::X).unwrap();
    assert_eq!(from_bytes, h5ad(fixture("plain.h5ad"), &H5adLayer::X).unwrap());
}

#[test]
fn an_unsupported_compression_is_named_with_the_way_out() {
    for name in ["zstd", "blosc"] {
        let text = h5ad(fixture(&format!("{name}.h5ad")), &H5adLayer::X).unwrap_err().to_string();
        for part in [&format!("{name}.h5ad")[..], "X:", name, "compression=\"gzip\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn files_of_another_kind_are_told_apart() {
    let cases = [
        (h5ad(fixture("make.py"), &H5adLayer::X), "is not an HDF5 file"),
        (h5ad(fixture("tenx_v3_mixed.h5"), &H5adLayer::X), "is a 10x file"),
        (tenx_h5(fixture("plain.h5ad"), &TenxOptions::default()), "read it as .h5ad"),
        (h5ad(fixture("absent.h5ad"), &H5adLayer::X), "cannot open"),
        (h5ad(Input::Bytes { name: "empty", bytes: &[] }, &H5adLayer::X), "empty: is not an HDF5 file"),
    ];
    for (result, part) in cases {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn tenx_keeps_expression_only_and_the_genome_asked_for() {
    let read = |genome: Option<&str>| {
        let options = TenxOptions { genome: genome.map(str::to_owned), ..TenxOptions::default() };
        tenx_h5(fixture("tenx_v3_mixed.h5"), &options)
    };
    let all = read(None).unwrap();
    assert_eq!(all.genes(), ["ENSG1", "ENSMUSG2", "ENSG4"]);
    let columns: Vec<usize> = vec![0, 1, 3];
    assert_eq!(all.values().to_dense(), expected(4).select(ndarray::Axis(1), &columns));
    assert_eq!(all.gene_columns()["symbol"], Column::text(["TP53", "Myc", "GAPDH"]));
    let human = read(Some("GRCh38")).unwrap();
    assert_eq!(human.genes(), ["ENSG1", "ENSG4"]);
    assert_eq!(human.values().to_dense(), expected(4).select(ndarray::Axis(1), &[0, 3]));
    let text = read(Some("hg19")).unwrap_err().to_string();
    assert!(text.contains("no genome hg19") && text.contains("GRCh38, mm10"), "{text}");
}

#[test]
fn the_breast_atlas_is_the_same_as_h5ad_and_as_mtx() {
    let (Some(anndata), Some(market)) = (data("sc_brca_atlas.h5ad"), data("sc_brca_atlas.matrix.mtx.gz"))
    else {
        return;
    };
    let a = h5ad(&anndata, &H5adLayer::X).unwrap();
    let b = mtx(&market).unwrap();
    assert_eq!((a.n_samples(), a.n_genes()), (930, 30_087));
    assert_eq!(a.values().stored().count(), 3_066_658);
    assert_eq!(total(&a), 9_922_127.0);
    assert_eq!((a.samples(), a.genes(), a.values()), (b.samples(), b.genes(), b.values()));
    assert_eq!(a.genes()[0], "ENSG00000000003");
    for i in 0..930 {
        assert_eq!(a.sample_columns()["cell_line"].get(i), b.sample_columns()["cell_line"].get(i));
    }
    for j in 0..30_087 {
        assert_eq!(a.gene_columns()["symbol"].get(j), b.gene_columns()["symbol"].get(j));
    }
    let Column::Category { names, .. } = &a.sample_columns()["cell_line"] else { panic!() };
    assert_eq!(names.len(), 31);
}

#[test]
fn the_old_pbmc_file() {
    let Some(path) = data("pbmc68k_reduced.h5ad") else { return };
    let x = h5ad(&path, &H5adLayer::X).unwrap();
    assert_eq!((x.n_samples(), x.n_genes()), (700, 765));
    assert!(matches!(x.values(), Values::Dense(_)));
    let obs: Vec<&String> = x.sample_columns().keys().collect();
    assert_eq!(
        obs,
        ["bulk_labels", "n_genes", "percent_mito", "n_counts", "S_score", "G2M_score", "phase", "louvain"]
    );
    let Column::Category { names, codes } = &x.sample_columns()["bulk_labels"] else { panic!() };
    assert_eq!((names.len(), names[0].as_str()), (10, "CD4+/CD25 T Reg"));
    assert!(codes.iter().all(Option::is_some));
    assert_eq!(x.sample_columns()["n_genes"].get(0).as_deref(), Some("1003"));
    assert_eq!(x.gene_columns()["highly_variable"].get(2).as_deref(), Some("false"));
    // Scaled: every gene has mean 0 before clipping at 10.
    assert!((total(&x) / 535_500.0).abs() < 1e-3);
    let raw = h5ad(&path, &H5adLayer::Raw).unwrap();
    assert_eq!((raw.n_samples(), raw.n_genes()), (700, 765));
    assert_eq!(raw.values().stored().count(), 174_400);
    assert!(raw.values().stored().all(|v| v > 0.0));
    assert_eq!(raw.samples(), x.samples());
}

#[test]
fn the_tenx_files_of_both_versions() {
    let (Some(v3), Some(v2), Some(folder)) = (
        data("tenx_v3_small/filtered_feature_bc_matrix.h5"),
        data("tenx_v3_small/filtered_gene_bc_matrices_v2.h5"),
        data("tenx_v3_small"),
    ) else {
        return;
    };
    let h5 = tenx_h5(&v3, &TenxOptions::default()).unwrap();
    let market = mtx_folder(&folder).unwrap();
    assert_eq!((h5.n_samples(), h5.n_genes()), (1_107, 507));
    assert_eq!(h5.values().stored().count(), 23_866);
    assert_eq!((h5.samples(), h5.genes(), h5.values()), (market.samples(), market.genes(), market.values()));
    assert_eq!(h5.gene_columns()["symbol"], market.gene_columns()["symbol"]);
    assert_eq!(h5.genes()[0], "ENSG00000279493");
    assert_eq!(h5.gene_columns()["symbol"].get(0).as_deref(), Some("CH507-9B2.2"));

    let m = tenx_h5(&v2, &TenxOptions::default()).unwrap();
    assert_eq!((m.n_samples(), m.n_genes(), total(&m)), (12, 343, 12.0));
    let chosen = TenxOptions { genome: Some("hg19_chr21".into()), ..TenxOptions::default() };
    assert_eq!(tenx_h5(&v2, &chosen).unwrap(), m);
    let wrong = TenxOptions { genome: Some("mm10".into()), ..TenxOptions::default() };
    let text = tenx_h5(&v2, &wrong).unwrap_err().to_string();
    assert!(text.contains("no genome mm10") && text.contains("hg19_chr21"), "{text}");
}

#[test]
fn genes_of_one_name_are_refused_or_merged_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.h5ad");
    let m = ExpressionMatrix::new(
        Values::Dense(expected(2)),
        CELLS.map(str::to_owned).to_vec(),
        vec!["A".into(), "B".into()],
    )
    .unwrap();
    sensitome_data::write::h5ad(&path, &m, &[]).unwrap();
    // The last name in the file is that of gene B.
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(2).rposition(|w| w == b"B\0").unwrap();
    bytes[at] = b'A';
    let input = Input::Bytes { name: "twice", bytes: &bytes };
    let text = h5ad(&input, &H5adLayer::X).unwrap_err().to_string();
    assert!(text.contains("twice") && text.contains("1 duplicate gene names (A)"), "{text}");
    let summed = h5ad_with(&input, &H5adLayer::X, Duplicates::Sum).unwrap();
    assert_eq!(summed.genes(), ["A"]);
    let sums = expected(2).sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    assert_eq!(summed.values().to_dense(), sums);
}
