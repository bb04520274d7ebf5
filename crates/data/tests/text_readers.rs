//! Text readers: what they accept, and how they refuse what they must not guess about.

#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests are tests

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sensitome_data::read::{
    self, BinaryLabels, CsvOptions, CsvReport, DrugResponse, GeneSets, Measure, Orientation, Table,
};
use sensitome_data::{Duplicates, ExpressionMatrix, Input, Result, Values};

fn input(text: &str) -> Input<'_> {
    Input::Bytes { name: "t.csv", bytes: text.as_bytes() }
}

fn expression(text: &str) -> Result<(ExpressionMatrix, CsvReport)> {
    read::expression_csv(input(text), &CsvOptions::default())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

/// Asserts that the error of `result` holds each of `parts`.
#[track_caller]
fn refused<T>(result: Result<T>, parts: &[&str]) {
    let error = result.err().expect("an error").to_string();
    for part in parts {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
}

const PLAIN: &str = "cell,TP53,EGFR,MYC\nc1,1,0,2.5\nc2,0,3,0.5\n";

#[test]
fn both_orientations_give_the_same_matrix() {
    let (m, report) = expression(PLAIN).unwrap();
    assert_eq!(
        (m.samples(), m.genes()),
        (["c1", "c2"].map(String::from).as_slice(), ["TP53", "EGFR", "MYC"].map(String::from).as_slice())
    );
    assert_eq!(m.values().to_dense(), ndarray::array![[1.0, 0.0, 2.5], [0.0, 3.0, 0.5]]);
    assert_eq!(report.orientation, Orientation::SamplesInRows);
    assert!(report.evidence.contains("3 of them well known"), "{}", report.evidence);
    let (turned, report) = expression("gene\tc1\tc2\nTP53\t1\t0\nEGFR\t0\t3\nMYC\t2.5\t0.5\n").unwrap();
    assert_eq!(turned, m);
    assert_eq!((report.orientation, report.separator), (Orientation::GenesInRows, b'\t'));
}

#[test]
fn forms_that_programs_write() {
    let (m, _) = expression(PLAIN).unwrap();
    for text in [
        "\u{feff}cell,TP53,EGFR,MYC\nc1,1,0,2.5\nc2,0,3,0.5\n", // Excel: byte-order mark
        "\"cell\",\"TP53\",\"EGFR\",\"MYC\"\r\n\"c1\",1,0,2.5\r\n\"c2\",\"0\",3,0.5", // R: quotes; Windows line ends
        "TP53,EGFR,MYC\nc1,1,0,2.5\nc2,0,3,0.5\n", // R: no name above the row names
        ",TP53,EGFR,MYC\nc1,1.0,0.0,2.5\n\nc2,0,3e0,5e-1\n", // pandas: empty corner; an empty line
        "cell;TP53;EGFR;MYC\nc1; 1;0 ;2.5\nc2;0;3;+0.5\n", // semicolons, spaces
    ] {
        assert_eq!(expression(text).unwrap().0, m, "{text}");
    }
    let packed = gzip(PLAIN);
    let zipped =
        read::expression_csv(Input::Bytes { name: "t.csv.gz", bytes: &packed }, &CsvOptions::default());
    assert_eq!(zipped.unwrap().0, m);
}

#[test]
fn sparse_when_mostly_zero() {
    let (m, _) = expression("cell,TP53,EGFR,MYC,KRAS\nc1,1,0,0,0\nc2,0,0,0,7\n").unwrap();
    assert!(matches!(m.values(), Values::Sparse(_)));
    assert_eq!(m.values().stored().collect::<Vec<_>>(), [1.0, 7.0]);
}

#[test]
fn ids_of_three_kinds_tell_the_orientation() {
    let by = |text: &str| expression(text).unwrap().1.orientation;
    assert_eq!(
        by("x,ENSG00000141510.12,ENSG00000146648.3\nA375,1,2\nMCF7,2,3\n"),
        Orientation::SamplesInRows
    );
    assert_eq!(by("x,A375,MCF7\nENSG00000141510,1,2\nENSG00000146648,1,2\n"), Orientation::GenesInRows);
    assert_eq!(by("x,line one,line two\n7157,1,2\n1956,1,2\n"), Orientation::GenesInRows);
    // Names of cell lines are written like symbols: the corner decides when no gene is known.
    assert_eq!(by("cell_line,QQA1,QQB2\nA375,1,2\nMCF7,1,2\n"), Orientation::SamplesInRows);
    assert_eq!(by("gene,A375,MCF7\nQQA1,1,2\nQQB2,1,2\n"), Orientation::GenesInRows);
    // Barcodes are written like symbols as well.
    assert_eq!(by("x,AAACCTGAGCATCGAG-1,AAACCTGAGCATCGTT-1\nQQA1,1,2\nQQB2,1,2\n"), Orientation::GenesInRows);
}

#[test]
fn an_ambiguous_orientation_must_be_stated() {
    let text = "x,A375,MCF7\nQQA1,1,2\nQQB2,3,4\n";
    refused(expression(text), &["t.csv", "rows or in columns", "--orientation"]);
    let stated = |o| CsvOptions { orientation: Some(o), ..CsvOptions::default() };
    let (m, _) = read::expression_csv(input(text), &stated(Orientation::GenesInRows)).unwrap();
    assert_eq!(
        (m.genes(), m.samples()),
        (["QQA1", "QQB2"].map(String::from).as_slice(), ["A375", "MCF7"].map(String::from).as_slice())
    );
    let (m, _) = read::expression_csv(input(text), &stated(Orientation::SamplesInRows)).unwrap();
    assert_eq!(m.samples(), ["QQA1", "QQB2"]);
}

#[test]
fn text_beside_the_names_becomes_annotation() {
    let (m, report) = expression("cell,tissue,TP53,EGFR,MYC\nc1,skin,1,0,2\nc2,,0,3,1\n").unwrap();
    assert_eq!(report.annotations, ["tissue"]);
    assert_eq!(
        (m.sample_columns()["tissue"].get(0), m.sample_columns()["tissue"].get(1)),
        (Some("skin".into()), None)
    );
    let (m, _) =
        expression("gene_id,symbol,c1,c2\nENSG00000141510,TP53,1,0\nENSG00000146648,EGFR,0,3\n").unwrap();
    assert_eq!(m.gene_columns()["symbol"].get(1), Some("EGFR".into()));
    refused(
        expression("cell,tissue,TP53,EGFR\nc1,skin,1,0\nc2,7,0,3\n"),
        &["line 3", "column tissue", "the number 7"],
    );
}

#[test]
fn cells_that_are_no_numbers_are_named() {
    refused(expression("cell,TP53,EGFR\nc1,1,2\nc2,oops,3\n"), &["t.csv, line 3", "column TP53", "oops"]);
    refused(expression("cell,TP53,EGFR\nc1,high,2\n"), &["line 2", "column TP53", "high"]);
    refused(expression("cell;TP53;EGFR\nc1;0,5;2\n"), &["line 2", "column TP53", "decimal point"]);
    refused(expression("cell,TP53,EGFR\nc1,1,1e999\n"), &["line 2", "column EGFR"]);
    for missing in ["", "NA", "NaN", "nan", "null", "N/A"] {
        refused(
            expression(&format!("cell,TP53,EGFR\nc1,1,2\nc2,1,{missing}\n")),
            &["line 3", "column EGFR", "missing value"],
        );
    }
    refused(expression("cell,TP53,EGFR\nc1,1,inf\n"), &["line 2", "column EGFR", "inf"]);
}

#[test]
fn duplicates_are_refused_or_merged_as_asked() {
    let text = "cell,TP53,EGFR,TP53\nc1,1,2,3\nc2,0,1,0\n";
    refused(expression(text), &["t.csv", "duplicate gene", "TP53", "--duplicates"]);
    let merged = |duplicates| {
        let options = CsvOptions { duplicates, ..CsvOptions::default() };
        let (m, report) = read::expression_csv(input(text), &options).unwrap();
        assert_eq!(
            (m.genes(), report.merged),
            (["TP53", "EGFR"].map(String::from).as_slice(), vec!["TP53".to_owned()])
        );
        m.values().to_dense()[[0, 0]]
    };
    assert_eq!([Duplicates::Sum, Duplicates::Mean, Duplicates::First].map(merged), [4.0, 2.0, 1.0]);
    refused(expression("cell,TP53,EGFR\nc1,1,2\nc1,3,4\n"), &["duplicate sample", "c1"]);
}

#[test]
fn tables_that_are_no_expression() {
    refused(expression(""), &["t.csv", "is empty"]);
    refused(expression("\n\n"), &["first line is empty"]);
    refused(expression("cell,TP53,EGFR\n"), &["no row"]);
    refused(expression("cell TP53 EGFR\nc1 1 2\n"), &["separat", "--separator"]);
    refused(expression("cell,TP53,EGFR\nc1,1\n"), &["line 2", "2 fields", "3"]);
    refused(expression("cell,TP53,EGFR\nc1,1,2\nc2,1,2,3,4\n"), &["line 3", "5 fields", "3"]);
    refused(expression("cell,TP53,EGFR\nc1,\"1,2\nc2,3,4\n"), &["line 2", "quote"]);
    refused(expression("cell,TP53,EGFR\n,1,2\n"), &["line 2", "no name"]);
    refused(expression("TP53,EGFR,MYC\n1,2,3\n4,5,6\n"), &["no column names the rows"]);
    refused(expression("cell,a,b\nc1,x,y\n"), &["line 2", "no column holds numbers"]);
    refused(expression("\u{0}\u{1}PK,\n"), &["not a text table"]);
    // A response among the genes would tell the answer.
    refused(expression("cell,response,TP53,EGFR,MYC\nc1,1,2,3,4\n"), &["column response", "labels"]);
    let latin = b"cell,TP53,EGFR\nz\xfcrich,1,2\n";
    refused(
        read::expression_csv(Input::Bytes { name: "t.csv", bytes: latin }, &CsvOptions::default()),
        &["line 2", "UTF-8"],
    );
}

#[test]
fn a_truncated_gzip_is_an_error_for_every_reader() {
    let rows: String = (0..2000).map(|i| format!("c{i},{},{},{}\n", i * 7 % 13, i * 5 % 11, i)).collect();
    let packed = gzip(&format!("cell,TP53,EGFR,MYC\n{rows}"));
    for cut in [packed.len() / 2, packed.len() - 4] {
        let bytes = Input::Bytes { name: "t.csv.gz", bytes: &packed[..cut] };
        refused(read::expression_csv(&bytes, &CsvOptions::default()), &["t.csv.gz", "too early"]);
        refused(Table::read(&bytes), &["t.csv.gz", "too early"]);
    }
    let packed = gzip("SET\tx\tTP53\tEGFR\n");
    refused(
        read::gmt(Input::Bytes { name: "t.gmt.gz", bytes: &packed[..packed.len() - 6] }),
        &["t.gmt.gz", "too early"],
    );
    refused(Table::read("no/such/file.csv"), &["no/such/file.csv", "open"]);
}

#[test]
fn tables_by_column_name() {
    let table = Table::read(input("\u{feff}id,cell_line,note\n1,A375,\"a, b\"\n2,MCF7,\n")).unwrap();
    assert_eq!((table.n_rows(), table.separator()), (2, b','));
    assert_eq!(table.column("id").unwrap(), ["1", "2"]);
    assert_eq!(table.column("note").unwrap(), ["a, b", ""]);
    assert_eq!((table.line(0), table.line(1), table.line(2)), (Some(2), Some(3), None));
    refused(table.column("cellline"), &["t.csv", "no column cellline", "cell_line"]);
    refused(table.column("zzz"), &["id, cell_line, note"]);
    refused(Table::read(input("a,b\n1,2\n3\n")), &["line 3", "1 fields"]);
    refused(Table::read(input("a,b,a\n1,2,3\n")), &["line 1", "column a occurs twice"]);
    refused(Table::read(input("")), &["is empty"]);
}

fn sets(text: &str) -> Result<GeneSets> {
    read::gmt(input(text))
}

#[test]
fn gene_sets() {
    let s = sets("A\thttp://x\tTP53\tEGFR\tTP53\t\nB set\t\tMYC\r\n\n").unwrap();
    assert_eq!(s["A"].genes, ["TP53", "EGFR"]);
    assert_eq!(
        (s["B set"].description.as_str(), s["B set"].genes.as_slice()),
        ("", ["MYC".to_owned()].as_slice())
    );
    refused(sets("A\tx\tTP53\nA\tx\tMYC\n"), &["line 2", "set A occurs twice"]);
    refused(sets("A\tx\tTP53\nB\tx\n"), &["line 2", "no gene"]);
    refused(sets("A,x,TP53\n"), &["line 1", "tab"]);
    refused(sets(" \n"), &["no gene set"]);
}

fn response(text: &str) -> Result<DrugResponse> {
    read::response(input(text))
}

const RESPONSE: &str = "expression_id,cell_line,drug,dataset,auc,ln_ic50\n\
    A375,A-375,PLX-4720,GDSC1,0.2,1.0\n\
    A375,A-375,PLX-4720,GDSC1,0.4,\n\
    ,T-T,PLX-4720,GDSC1,0.9,2.0\n\
    MCF7,MCF-7,PLX-4720,GDSC1,0.8,3.0\n\
    MCF7,MCF-7,\"5-FU, new\",GDSC1,0.5,1.5\n\
    MCF7,MCF-7,\"5-FU, new\",GDSC2,0.6,2.5\n";

#[test]
fn response_of_one_drug() {
    let r = response(RESPONSE).unwrap();
    let s = r.selection("plx4720", None, Measure::Auc).unwrap();
    assert_eq!((s.drug.as_str(), s.dataset.as_str()), ("PLX-4720", "GDSC1"));
    assert_eq!(s.values[0].0, "A375");
    assert!((s.values[0].1 - 0.3).abs() < 1e-12, "repeats are averaged");
    assert_eq!((s.values.len(), s.averaged, s.without_expression), (2, 1, 1));
    // A missing value is no measurement: nothing is averaged with it.
    let s = r.selection("PLX-4720", Some("gdsc1"), Measure::LnIc50).unwrap();
    assert_eq!((s.values[0].clone(), s.averaged), (("A375".to_owned(), 1.0), 0));
    refused(r.select("5-FU, new", None, Measure::Auc), &["GDSC1 (1 rows) and GDSC2 (1 rows)", "--dataset"]);
    assert_eq!(r.select("5fu new", Some("GDSC2"), Measure::Auc).unwrap(), [("MCF7".to_owned(), 0.6)]);
    refused(r.select("PLX-4720", Some("GDSC2"), Measure::Auc), &["GDSC2", "there are GDSC1"]);
    refused(
        r.select("PLX-4721", None, Measure::Auc),
        &["t.csv", "no drug PLX-4721", "did you mean PLX-4720"],
    );
    refused(r.select("", None, Measure::Auc), &["no drug"]);
    let m = r.matrix(Some("GDSC1"), Measure::Auc).unwrap();
    assert_eq!(
        (m.lines, m.drugs),
        (vec!["A375".to_owned(), "MCF7".to_owned()], vec!["PLX-4720".to_owned(), "5-FU, new".to_owned()])
    );
    assert!((m.values[[0, 0]] - 0.3).abs() < 1e-12 && m.values[[0, 1]].is_nan() && m.values[[1, 1]] == 0.5);
    refused(r.matrix(None, Measure::Auc), &["several datasets"]);
}

#[test]
fn response_tables_with_less() {
    let r = response("Cell_Line\tDrug\tAUC\nA375\tx\t0.5\nMCF7\tx\tNA\n").unwrap();
    assert_eq!(r.select("X", None, Measure::Auc).unwrap(), [("A375".to_owned(), 0.5)]);
    refused(r.select("x", None, Measure::LnIc50), &["no ln_ic50", "--measure auc"]);
    refused(r.select("x", Some("GDSC1"), Measure::Auc), &["no column dataset"]);
    refused(response("cell_line,auc\nA,1\n"), &["no column drug"]);
    refused(response("drug,auc\nx,1\n"), &["expression_id or cell_line"]);
    refused(response("cell_line,drug\nA,x\n"), &["auc or ln_ic50"]);
    refused(response("cell_line,drug,auc\nA,x,much\n"), &["line 2", "column auc", "much"]);
    refused(response("cell_line,drug,auc\nA,,1\n"), &["line 2", "no drug"]);
    refused(response("cell_line,drug,auc\n"), &["no response"]);
    refused(response("cell_line,drug,auc\nA,x\n"), &["line 2", "2 fields"]);
    // Names that differ in punctuation only must be written exactly.
    let r = response("cell_line,drug,auc\nA,AB-1,0.1\nA,AB1,0.2\n").unwrap();
    assert_eq!(r.select("AB1", None, Measure::Auc).unwrap()[0].1, 0.2);
    refused(r.select("ab1", None, Measure::Auc), &["AB-1 or AB1", "exactly"]);
}

fn labels(text: &str) -> Result<BinaryLabels> {
    read::binary_labels(input(text))
}

#[test]
fn binary_labels_in_either_spelling() {
    let t = labels("cosmic,cell_line,X5.FU,I.BET.762\n1,A375,1,sensitive\n2,MCF7,,resistant\n").unwrap();
    assert_eq!(t.drugs(), ["X5.FU", "I.BET.762"]);
    assert_eq!(t.labels("5-FU").unwrap(), [("A375".to_owned(), 1)]);
    assert_eq!(t.labels("i-bet-762").unwrap(), [("A375".to_owned(), 1), ("MCF7".to_owned(), 0)]);
    refused(labels("cell,X\nc1,2\n"), &["line 2", "column X holds 2"]);
    refused(labels("cell,X\nc1,1\nc1,0\n"), &["line 3", "c1 has labels already"]);
    refused(labels("cell,cell_line\nc1,A\n"), &["no column of labels"]);
    refused(t.labels("Y"), &["no drug Y"]);
}
