//! 10x folders: neighbours, orientation, and every way a Matrix Market file can be wrong.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::io::Write;

use ndarray::array;
use sensitome_data::read::{mtx, mtx_folder, mtx_parts};
use sensitome_data::{Column, Duplicates, ExpressionMatrix, Input, Result};

const FEATURES: &str = "E1\tTP53\tGene Expression\nE2\tMYC\tGene Expression\nE3\tCD3\tAntibody Capture\n";
const CELLS: &str = "AAA-1\nCCC-1\n";
/// Genes in rows: E1 = (0, 2), E2 = (1.5, 0), E3 = (9, 9).
const MATRIX: &str =
    "%%MatrixMarket matrix coordinate real general\n% a comment\n3 2 4\n1 2 2\n2 1 1.5\n3 1 9\n3 2 9\n";

fn bytes<'a>(name: &'a str, text: &'a str) -> Input<'a> {
    Input::Bytes { name, bytes: text.as_bytes() }
}

fn read(matrix: &str) -> Result<ExpressionMatrix> {
    mtx_parts(bytes("m.mtx", matrix), bytes("f.tsv", FEATURES), bytes("c.tsv", CELLS), Duplicates::Refuse)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn genes_in_rows_become_columns_and_antibodies_go() {
    let m = read(MATRIX).unwrap();
    assert_eq!(m.samples(), ["AAA-1", "CCC-1"]);
    assert_eq!(m.genes(), ["E1", "E2"]);
    assert_eq!(m.values().to_dense(), array![[0.0, 1.5], [2.0, 0.0]]);
    assert_eq!(m.gene_columns()["symbol"], Column::text(["TP53", "MYC"]));
}

#[test]
fn cells_in_rows_are_taken_where_only_that_fits() {
    let turned = "%%MatrixMarket matrix coordinate integer general\n2 3 2\n2 1 2\n1 2 7\n";
    assert_eq!(read(turned).unwrap().values().to_dense(), array![[0.0, 7.0], [2.0, 0.0]]);
}

#[test]
fn a_pattern_counts_one_for_each_entry() {
    let pattern = "%%MatrixMarket MATRIX coordinate pattern General\r\n\r\n3 2 2\r\n 1  2 \r\n2 1\r\n";
    assert_eq!(read(pattern).unwrap().values().to_dense(), array![[0.0, 1.0], [1.0, 0.0]]);
}

#[test]
fn each_fault_is_named_with_its_line() {
    let head = "%%MatrixMarket matrix coordinate integer general\n";
    let cases = [
        (String::new(), "line 1: does not begin with %%MatrixMarket"),
        ("1 2 3\n".to_owned(), "line 1: does not begin with %%MatrixMarket"),
        (
            "%%MatrixMarket matrix array real general\n3 2\n".to_owned(),
            "\"matrix array real general\" matrices",
        ),
        (
            "%%MatrixMarket matrix coordinate real symmetric\n3 2 0\n".to_owned(),
            "\"matrix coordinate real symmetric\" matrices",
        ),
        (head.to_owned(), "ends before the line of sizes"),
        (format!("{head}3 2\n"), "line 2: is not `rows columns entries`"),
        (format!("{head}3 -2 1\n"), "line 2: is not `rows columns entries`"),
        (format!("{head}4 2 0\n"), "4 × 2 values, but there are names of 3 genes and 2 cells"),
        (
            format!("{head}18446744073709551615 18446744073709551615 18446744073709551615\n"),
            "18446744073709551615 × 18446744073709551615 values",
        ),
        (format!("{head}3 2 18446744073709551615\n1 1 1\n"), "ends after 1 of 18446744073709551615 values"),
        (format!("{head}3 2 1\n1 1 1\n1 2 1\n"), "line 4: more than the 1 values announced"),
        (format!("{head}3 2 1\n0 1 1\n"), "line 3: position 0, 1 is outside a 3 × 2 matrix"),
        (format!("{head}3 2 1\n1 3 1\n"), "line 3: position 1, 3 is outside a 3 × 2 matrix"),
        (format!("{head}3 2 1\n1 1 x\n"), "line 3: is not `row column value`"),
        (format!("{head}3 2 1\n1 1\n"), "line 3: is not `row column value`"),
        (format!("{head}3 2 1\n1 1 1 1\n"), "line 3: is not `row column value`"),
        (format!("{head}3 2 1\n4294967297 1 1\n"), "line 3: is not `row column value`"),
        (format!("{head}3 2 2\n1 1 1\n1 1 2\n"), "row 0 holds column 0 twice"),
        (format!("{head}3 2 1\n1 1 nan\n"), "value NaN of gene E1 in sample AAA-1"),
        (format!("{head}{}", "9".repeat(2 << 20)), "line 2: has no end"),
    ];
    for (text, part) in cases {
        let message = read(&text).unwrap_err().to_string();
        assert!(message.starts_with("m.mtx"), "{message}");
        assert!(message.contains(part), "{message}\nshould hold\n{part}");
    }
}

#[test]
fn name_files_are_checked() {
    let parts = |features, cells| {
        let result = mtx_parts(bytes("m.mtx", MATRIX), features, cells, Duplicates::Refuse);
        result.unwrap_err().to_string()
    };
    let features = || bytes("f.tsv", FEATURES);
    let cells = || bytes("c.tsv", CELLS);
    assert!(parts(bytes("f.tsv", ""), cells()).contains("f.tsv: holds no names"));
    assert!(parts(bytes("f.tsv", "a\tb\nc\n"), cells()).contains("f.tsv, line 2"));
    assert!(parts(features(), bytes("c.tsv", "A\n")).contains("names of 3 genes and 1 cells"));
    assert!(parts(features(), bytes("c.tsv", "A\nA\n")).contains("1 duplicate sample names (A)"));
    let only = "E1\tx\tCustom\nE2\ty\tCustom\nE3\tz\tCustom\n";
    assert!(parts(bytes("f.tsv", only), cells()).contains("no feature is of kind Gene Expression"));
}

#[test]
fn neighbours_are_found_by_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("GSM1_matrix.mtx.gz", &gzip(MATRIX));
    let text = mtx_folder(folder.path()).unwrap_err().to_string();
    assert!(text.contains("GSM1_features.tsv") && text.contains("GSM1_genes.tsv.gz"), "{text}");
    write("GSM1_genes.tsv", FEATURES.as_bytes());
    write("GSM1_cells.csv.gz", &gzip("cell,line,score,note\nAAA-1,\"A,1\",1.5,\nCCC-1,B,,\n"));
    let m = mtx_folder(folder.path()).unwrap();
    assert_eq!(m.values(), read(MATRIX).unwrap().values());
    assert_eq!(m.sample_columns()["line"], Column::text(["A,1", "B"]));
    assert_eq!(m.sample_columns()["score"].get(0).as_deref(), Some("1.5"));
    assert_eq!(m.sample_columns()["score"].get(1), None);
    assert_eq!(m.sample_columns()["note"], Column::Text(vec![None, None]));

    write("other.mtx", MATRIX.as_bytes());
    let text = mtx_folder(folder.path()).unwrap_err().to_string();
    assert!(text.contains("2 matrices (GSM1_matrix.mtx.gz, other.mtx)"), "{text}");
    write("other.features.tsv.gz", &gzip(FEATURES));
    write("other.barcodes.tsv", CELLS.as_bytes());
    assert_eq!(mtx(folder.path().join("other.mtx")).unwrap(), read(MATRIX).unwrap());
}

#[test]
fn an_empty_folder_and_an_absent_one() {
    let folder = tempfile::tempdir().unwrap();
    assert!(mtx_folder(folder.path()).unwrap_err().to_string().contains("holds no .mtx"));
    assert!(mtx_folder(folder.path().join("no")).unwrap_err().to_string().contains("cannot open"));
}
