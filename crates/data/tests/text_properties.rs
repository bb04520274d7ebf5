//! Properties of the text readers: no input makes them panic, and what is written is read back to the bit.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use proptest::prelude::*;
use sensitome_data::genes::{Aliases, IdMap};
use sensitome_data::read::{self, CsvOptions, Measure, Orientation, Table};
use sensitome_data::{Duplicates, ExpressionMatrix, Input, Values, write};

/// Every text reader on the same bytes; only that they come back matters.
fn read_all(bytes: &[u8]) {
    let input = Input::Bytes { name: "fuzz", bytes };
    let _ = read::expression_csv(&input, &CsvOptions::default());
    for orientation in [Orientation::SamplesInRows, Orientation::GenesInRows] {
        let options =
            CsvOptions { orientation: Some(orientation), duplicates: Duplicates::Sum, separator: Some(b',') };
        let _ = read::expression_csv(&input, &options);
    }
    let _ = Table::read(&input).map(|t| t.column("x").map(<[String]>::len));
    let _ = read::gmt(&input);
    let _ = read::binary_labels(&input).map(|t| t.labels("x"));
    let _ = read::response(&input).map(|r| {
        let _ = r.select("x", None, Measure::Auc);
        let _ = r.matrix(None, Measure::LnIc50);
    });
    let _ = (IdMap::read(&input), Aliases::read(&input));
}

/// Text with the marks that parsers stumble over.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(","),
        Just("\t"),
        Just(";"),
        Just("\n"),
        Just("\r\n"),
        Just("\r"),
        Just("\""),
        Just("\u{feff}"),
        Just("TP53"),
        Just("EGFR"),
        Just("MYC"),
        Just("cell"),
        Just("gene"),
        Just("drug"),
        Just("cell_line"),
        Just("auc"),
        Just("symbol"),
        Just("entrez"),
        Just("ensembl"),
        Just("alias"),
        Just("1"),
        Just("0"),
        Just("-2.5"),
        Just("1e39"),
        Just("nan"),
        Just("NA"),
        Just("é"),
        Just("x"),
        Just(""),
        Just("\0"),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|p| p.concat())
}

fn matrix() -> impl Strategy<Value = ExpressionMatrix> {
    let value = prop_oneof![
        3 => Just(0.0f32),
        2 => -1e30f32..1e30,
        2 => (0u32..1000).prop_map(|v| v as f32),
        1 => any::<f32>().prop_filter("finite", |v| v.is_finite()),
    ];
    let name = "[A-Za-z0-9 ,;\"'é_-]{0,8}";
    (1usize..6, 1usize..8)
        .prop_flat_map(move |(n, p)| {
            (
                prop::collection::vec(value.clone(), n * p),
                prop::collection::vec(name, n),
                prop::collection::vec(name, p),
            )
        })
        .prop_map(|(values, samples, genes)| {
            let unique = |names: Vec<String>, start: &str| -> Vec<String> {
                names.into_iter().enumerate().map(|(i, s)| format!("{start}{i}{s}!")).collect()
            };
            let values = ndarray::Array2::from_shape_vec((samples.len(), genes.len()), values).unwrap();
            ExpressionMatrix::new(Values::Dense(values), unique(samples, "s"), unique(genes, "g")).unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn hostile_text_never_panics(text in hostile()) {
        read_all(text.as_bytes());
    }

    #[test]
    fn damaged_gzip_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        read_all(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], bytes.as_slice()].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn expression_written_is_read_back_to_the_bit(m in matrix(), name in prop_oneof![Just("a.csv"), Just("a.tsv.gz")]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write::expression_csv(&path, &m, "cell").unwrap();
        let options = CsvOptions { orientation: Some(Orientation::SamplesInRows), ..CsvOptions::default() };
        let (back, _) = read::expression_csv(&path, &options).unwrap();
        prop_assert_eq!(back.samples(), m.samples());
        prop_assert_eq!(back.genes(), m.genes());
        prop_assert_eq!(back.values().to_dense(), m.values().to_dense());
    }

    #[test]
    fn tables_written_are_read_back(rows in prop::collection::vec(prop::collection::vec("[a-z ,;\"\t\n]{0,6}", 3), 0..8)) {
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|r| r.iter().map(|c| format!("x{}x", c)).collect()).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write::csv(&path, ["a", "b", "c"].map(String::from).to_vec(), rows.clone()).unwrap();
        let table = Table::read(&path).unwrap();
        for (j, name) in ["a", "b", "c"].iter().enumerate() {
            let column: Vec<String> = rows.iter().map(|r| r[j].clone()).collect();
            prop_assert_eq!(table.column(name).unwrap(), column);
        }
    }
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "old").unwrap();
    assert!(write::csv(&path, vec!["a", "b"], vec![vec!["1", "2"], vec!["3"]]).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(write::csv(folder.path().join("no/t.csv"), vec!["a"], vec![vec!["1"]]).is_err());
}
