//! Gene identifiers: recognised, mapped, aligned.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use ndarray::array;
use proptest::prelude::*;
use sensitome_data::genes::{Aliases, IdKind, IdMap, RenameSource, align, detect_ids, to_symbols};
use sensitome_data::{Column, Duplicates, ExpressionMatrix, Input, Values};

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn table(text: &str) -> Input<'_> {
    Input::Bytes { name: "ids.tsv", bytes: text.as_bytes() }
}

const IDS: &str = "entrez\tsymbol\tensembl\tgene_type\n\
    7157\tTP53\tENSG00000141510\tprotein-coding\n\
    1956\tEGFR\tENSG00000146648;ENSG00000999999\tprotein-coding\n\
    1\tPSEUDO\tENSG00000136997\tpseudo\n\
    4609\tMYC\tENSG00000136997\tprotein-coding\n";

fn matrix(genes: &[&str]) -> ExpressionMatrix {
    let values = ndarray::Array2::from_shape_fn((2, genes.len()), |(i, j)| (10 * i + j + 1) as f32);
    ExpressionMatrix::new(Values::Dense(values), names(&["c1", "c2"]), names(genes)).unwrap()
}

#[test]
fn kinds_by_their_shape() {
    let kind = |list: &[&str]| detect_ids(&names(list)).kind;
    assert_eq!(kind(&["TP53", "HLA-A", "C1orf112", "AC012345.1", "MT-CO1"]), IdKind::Symbol);
    assert_eq!(kind(&["ENSG00000141510", "ENSG00000141510.17", "ENSMUSG00000059552"]), IdKind::Ensembl);
    assert_eq!(kind(&["7157", "1956", "entrez:4609"]), IdKind::Entrez);
    assert_eq!(kind(&["AAACCTGAGCATCGAG-1", "AAACCTGAGCATCGTT"]), IdKind::Unknown);
    assert_eq!(kind(&["cell 1", "cell_2", "ENST00000269305", ""]), IdKind::Unknown);
    assert_eq!(kind(&[]), IdKind::Unknown);
    let mixed = detect_ids(&names(&["TP53", "ENSG00000141510", "7157", "a b"]));
    assert_eq!((mixed.kind, mixed.symbol, mixed.ensembl, mixed.entrez), (IdKind::Unknown, 1, 1, 1));
    // Cell lines are written like symbols, but are not well known.
    let lines =
        detect_ids(&names(&["A375", "MCF7", "HCC827", "NCIH1975", "T47D", "SKMEL28", "KYSE30", "HEL9217"]));
    assert_eq!((lines.kind, lines.well_known), (IdKind::Symbol, 0));
}

#[test]
fn ids_become_symbols_and_the_rest_keeps_its_name() {
    let map = IdMap::read(table(IDS)).unwrap();
    assert_eq!(map.counts(), (4, 4));
    let m = matrix(&["ENSG00000146648.9", "ENSG00000141510", "ENSG00000000001", "ENSG00000136997"]);
    let (out, report) = to_symbols(&m, Some(&map), None, Duplicates::Refuse).unwrap();
    assert_eq!(out.genes(), ["EGFR", "TP53", "ENSG00000000001", "MYC"]);
    assert_eq!(out.values(), m.values());
    assert_eq!(
        (report.kind, report.by_id, report.unmapped),
        (IdKind::Ensembl, 3, names(&["ENSG00000000001"]))
    );
    let (out, _) =
        to_symbols(&matrix(&["1956", "entrez:7157"]), Some(&map), None, Duplicates::Refuse).unwrap();
    assert_eq!(out.genes(), ["EGFR", "TP53"]);
}

#[test]
fn several_ids_of_one_symbol_are_merged_as_asked() {
    let map = IdMap::read(table(IDS)).unwrap();
    let m = matrix(&["ENSG00000146648", "ENSG00000141510", "ENSG00000999999"]);
    let error = to_symbols(&m, Some(&map), None, Duplicates::Refuse).unwrap_err().to_string();
    assert!(error.contains("EGFR") && error.contains("--duplicates"), "{error}");
    let (out, report) = to_symbols(&m, Some(&map), None, Duplicates::Sum).unwrap();
    assert_eq!(
        (out.genes(), report.merged.as_slice()),
        (names(&["EGFR", "TP53"]).as_slice(), names(&["EGFR"]).as_slice())
    );
    assert_eq!(out.values().to_dense(), array![[4.0, 2.0], [24.0, 12.0]]);
}

#[test]
fn the_column_of_symbols_serves_where_no_map_is_given() {
    let mut m = matrix(&["ENSG00000141510", "ENSG00000000001", "ENSG00000136997"]);
    m.set_gene_column("symbol", Column::text(["TP53", "ENSG00000000001", "MYC"])).unwrap();
    let (out, report) = to_symbols(&m, None, None, Duplicates::Refuse).unwrap();
    assert_eq!(out.genes(), ["TP53", "ENSG00000000001", "MYC"]);
    assert_eq!((report.source, report.unmapped.len()), (RenameSource::Column("symbol".into()), 1));
    // Without either, nothing is renamed.
    let (out, report) = to_symbols(&matrix(&["ENSG00000141510"]), None, None, Duplicates::Refuse).unwrap();
    assert_eq!((out.genes(), report.source), (names(&["ENSG00000141510"]).as_slice(), RenameSource::None));
}

#[test]
fn aliases_never_overwrite_a_gene_that_is_there() {
    let aliases = Aliases::read(table("alias\tsymbol\nHER1\tEGFR\nP53\tTP53\nAMB\tA\nAMB\tB\n")).unwrap();
    assert_eq!((aliases.len(), aliases.symbol("AMB")), (2, None));
    let (out, report) =
        to_symbols(&matrix(&["HER1", "P53", "TP53", "AMB"]), None, Some(&aliases), Duplicates::Refuse)
            .unwrap();
    assert_eq!(out.genes(), ["EGFR", "P53", "TP53", "AMB"]);
    assert_eq!((report.by_alias, report.merged.len()), (1, 0));
}

#[test]
fn tables_of_the_wrong_kind_are_refused() {
    for (text, part) in [
        ("symbol\tname\nA\tB\n", "neither"),
        ("entrez\tname\n1\tB\n", "no column symbol"),
        ("symbol\tentrez\nA\t\n", "maps no"),
    ] {
        let error = IdMap::read(table(text)).unwrap_err().to_string();
        assert!(error.contains("ids.tsv") && error.contains(part), "{error}");
    }
    assert!(Aliases::read(table("old\tnew\na\tb\n")).unwrap_err().to_string().contains("no column alias"));
}

#[test]
fn alignment_reports_both_directions() {
    let (a, b) = (names(&["MYC", "TP53", "KRAS", "EGFR"]), names(&["EGFR", "BRAF", "MYC"]));
    let found = align(&a, &b, 0.5).unwrap();
    assert_eq!((found.genes, found.in_a, found.in_b), (names(&["EGFR", "MYC"]), vec![3, 0], vec![0, 2]));
    let r = found.report;
    assert_eq!(
        (r.shared, r.missing_in_b.clone(), r.missing_in_a.clone()),
        (2, names(&["KRAS", "TP53"]), names(&["BRAF"]))
    );
    assert_eq!((r.share_of_a(), r.share_of_b()), (0.5, 2.0 / 3.0));
}

#[test]
fn too_small_an_overlap_says_what_to_pass() {
    let refused = |a: &[&str], b: &[&str], min, parts: &[&str]| {
        let error = align(&names(a), &names(b), min).unwrap_err().to_string();
        parts.iter().for_each(|p| assert!(error.contains(p), "{p} is missing in: {error}"));
    };
    refused(&["TP53", "EGFR"], &["ENSG00000141510"], 0.5, &["gene symbols", "Ensembl ids", "--gene-ids"]);
    refused(&["TP53", "EGFR"], &["7157", "1956"], 0.0, &["gene symbols", "Entrez ids", "--gene-ids"]);
    refused(
        &["TP53", "EGFR"],
        &["TP53", "MYC"],
        0.6,
        &["only 1 of 2", "60 %", "--gene-aliases", "--min-overlap"],
    );
    refused(&["TP53", "EGFR"], &["TP53", "cell 1", "cell 2"], 0.9, &["no known kind", "--orientation"]);
    refused(&["TP53"], &["TP53"], 1.5, &["not a share"]);
    refused(&["TP53", "TP53"], &["TP53"], 0.5, &["TP53 occurs twice in the first"]);
    refused(&[], &["TP53"], 0.0, &["only 0"]);
}

proptest! {
    #[test]
    fn alignment_holds_for_any_lists(
        a in prop::collection::hash_set("[A-F]{1,2}", 1..30),
        b in prop::collection::hash_set("[A-F]{1,2}", 1..30),
    ) {
        let (a, b): (Vec<String>, Vec<String>) = (a.into_iter().collect(), b.into_iter().collect());
        let shared = a.iter().filter(|g| b.contains(g)).count();
        match align(&a, &b, 0.0) {
            Err(_) => prop_assert_eq!(shared, 0),
            Ok(found) => {
                prop_assert_eq!(found.genes.len(), shared);
                prop_assert!(found.genes.windows(2).all(|w| w[0] < w[1]));
                for (k, gene) in found.genes.iter().enumerate() {
                    prop_assert!(a[found.in_a[k]] == *gene && b[found.in_b[k]] == *gene);
                }
                let swapped = align(&b, &a, 0.0).unwrap();
                prop_assert_eq!(swapped.genes, found.genes);
                prop_assert_eq!(swapped.in_a, found.in_b);
                prop_assert_eq!(found.report.missing_in_b.len() + shared, a.len());
            }
        }
    }

    #[test]
    fn any_name_has_a_kind(names in prop::collection::vec(".*", 0..20)) {
        let r = detect_ids(&names);
        prop_assert!(r.symbol + r.ensembl + r.entrez <= r.n && r.well_known <= r.symbol);
    }
}
