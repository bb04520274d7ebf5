//! Every text file of the shared data, with the numbers its README states.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests are tests

use std::collections::{HashMap, HashSet};

use sensitome_data::detect::{self, Scale};
use sensitome_data::genes::{Aliases, IdKind, IdMap, RenameSource, align, detect_ids, to_symbols};
use sensitome_data::read::{self, CsvOptions, Format, H5adLayer, Measure, Orientation, ReadOptions, Table};
use sensitome_data::{Duplicates, ExpressionMatrix, Values};
use sensitome_testkit::data_file;

/// Files of the shared folder, or the end of the test (visibly) where one is absent.
macro_rules! data {
    ($($name:expr),+) => { ($(match data_file($name) { Some(path) => path, None => return },)+) };
}

fn range(m: &ExpressionMatrix) -> (f32, f32) {
    m.values().stored().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)))
}

fn at(m: &ExpressionMatrix, sample: &str, gene: &str) -> f32 {
    m.values().to_dense()[[m.sample_index()[sample], m.gene_index()[gene]]]
}

#[test]
fn gdsc_expression() {
    let (path,) = data!("gdsc_expression.csv.gz");
    let (m, report) = read::expression(&path, &ReadOptions::default()).unwrap();
    assert_eq!((m.n_samples(), m.n_genes()), (975, 5778));
    assert!(matches!(m.values(), Values::Dense(_)));
    assert_eq!(range(&m), (0.0456, 6.0352));
    assert_eq!(at(&m, "201T", "ARHGEF10L"), 0.9873);
    assert_eq!(at(&m, "22RV1", "RTN4RL2"), 0.4935);
    assert_eq!(report.format, Format::Text);
    let text = report.text.unwrap();
    assert_eq!((text.separator, text.orientation), (b',', Orientation::SamplesInRows));
    assert!(text.annotations.is_empty() && text.merged.is_empty());
    assert_eq!(detect::scale(m.values()).scale, Scale::LogNormalised);
    // The README's count of genes that are absent from the package's list.
    assert!(["ESR1", "GAPDH", "ACTB"].iter().all(|g| !m.gene_index().contains_key(g)));
}

#[test]
fn cells_with_a_label_of_their_own() {
    for (set, cells, genes, entrez, labels) in [
        ("melanoma_a375", 108, 2873, 0, vec![("PLX-4720", 62)]),
        ("hnscc_jhu006", 66, 2933, 1, vec![("AR-42", 33), ("Gefitinib", 33), ("Vorinostat", 33)]),
        (
            "hnscc_scc47",
            120,
            2876,
            2,
            vec![("Afatinib", 60), ("Cetuximab", 60), ("NVP-TAE684", 60), ("Sorafenib", 60)],
        ),
    ] {
        let (path, label_path) =
            data!(&format!("sc_{set}_expression.csv.gz"), &format!("sc_{set}_labels.csv"));
        let (m, report) = read::expression_csv(&path, &CsvOptions::default()).unwrap();
        assert_eq!((m.n_samples(), m.n_genes()), (cells, genes), "{set}");
        assert_eq!(report.orientation, Orientation::SamplesInRows);
        let ids = detect_ids(m.genes());
        assert_eq!((ids.kind, ids.entrez), (IdKind::Symbol, entrez), "{set}");
        assert_eq!(detect::scale(m.values()).scale, Scale::ZScored, "{set}");
        let table = read::binary_labels(&label_path).unwrap();
        assert_eq!(table.drugs(), labels.iter().map(|l| l.0.to_owned()).collect::<Vec<_>>());
        for (drug, positive) in labels {
            let of_drug = table.labels(drug).unwrap();
            assert_eq!(of_drug.len(), cells);
            assert_eq!(of_drug.iter().filter(|l| l.1 == 1).count(), positive);
            assert!(
                of_drug.iter().zip(m.samples()).all(|(l, s)| l.0 == *s),
                "{set}: same order as the cells"
            );
        }
    }
}

#[test]
fn lung_counts_have_genes_in_rows() {
    let (path, cells) = data!("sc_lung_celseq2_5cl.counts.csv.gz", "sc_lung_celseq2_5cl.cells.csv");
    let (m, report) = read::expression(&path, &ReadOptions::default()).unwrap();
    assert_eq!((m.n_samples(), m.n_genes()), (542, 12653));
    assert_eq!(report.text.unwrap().orientation, Orientation::GenesInRows);
    assert_eq!(detect_ids(m.genes()).kind, IdKind::Ensembl);
    assert_eq!(detect::scale(m.values()).scale, Scale::Counts);
    assert_eq!(at(&m, "p1_A19", "ENSG00000154529"), 3.0);
    let table = Table::read(&cells).unwrap();
    assert_eq!(table.column("cell").unwrap(), m.samples());
    let mut lines: HashMap<&str, usize> = HashMap::new();
    table.column("cell_line").unwrap().iter().for_each(|l| *lines.entry(l).or_default() += 1);
    let expected = [("A549", 177), ("H838", 137), ("H1975", 83), ("H2228", 83), ("HCC827", 62)];
    assert_eq!(lines, HashMap::from(expected));
}

#[test]
fn gdsc_response() {
    let (path,) = data!("gdsc_response.csv.gz");
    let r = read::response(&path).unwrap();
    assert_eq!((r.len(), r.drugs().len()), (575_197, 542));
    assert_eq!(r.lines().map(|l| l.1).collect::<HashSet<_>>().len(), 978);
    assert_eq!(r.lines().filter(|l| l.0.is_empty()).count(), 32);
    let of = |dataset: &str| r.rows().filter(|row| row.dataset == dataset).count();
    assert_eq!((of("GDSC1"), of("GDSC2")), (333_161, 242_036));

    // Only GDSC1 holds it, so none need be named; case and punctuation do not matter.
    let plain = r.selection("NVP-TAE684", None, Measure::Auc).unwrap();
    assert_eq!(plain.dataset, "GDSC1");
    assert_eq!(r.selection("nvp tae684", None, Measure::Auc).unwrap(), plain);
    assert!((390..=420).contains(&plain.values.len()), "about 400 lines: {}", plain.values.len());

    // Several drug ids under one name.
    let cisplatin = r.selection("Cisplatin", Some("GDSC1"), Measure::LnIc50).unwrap();
    assert!(cisplatin.averaged > 0);
    let (id, mean) = &cisplatin.values[0];
    let repeats: Vec<f64> = r
        .rows()
        .filter(|row| row.drug == "Cisplatin" && row.dataset == "GDSC1" && row.expression_id == *id)
        .map(|row| row.ln_ic50)
        .collect();
    assert!((mean - repeats.iter().sum::<f64>() / repeats.len() as f64).abs() < 1e-12);

    let error = r.select("Cisplatin", None, Measure::Auc).unwrap_err().to_string();
    assert!(error.contains("GDSC1 (") && error.contains("GDSC2 (") && error.contains("--dataset"), "{error}");
    let error = r.select("Gefitinb", Some("GDSC1"), Measure::Auc).unwrap_err().to_string();
    assert!(error.contains("did you mean Gefitinib"), "{error}");
    let error = r.select("Etoposide", Some("GDSC2"), Measure::Auc).unwrap_err().to_string();
    assert!(error.contains("there are GDSC1"), "{error}");

    let matrix = r.matrix(Some("GDSC2"), Measure::Auc).unwrap();
    assert_eq!(matrix.values.dim(), (matrix.lines.len(), matrix.drugs.len()));
    let column = matrix.drugs.iter().position(|d| d == "Erlotinib").unwrap();
    let erlotinib: HashMap<_, _> =
        r.select("Erlotinib", Some("GDSC2"), Measure::Auc).unwrap().into_iter().collect();
    for (line, value) in matrix.lines.iter().zip(matrix.values.column(column)) {
        assert_eq!(erlotinib.get(line).copied().unwrap_or(f64::NAN).to_bits(), value.to_bits(), "{line}");
    }
}

#[test]
fn responses_of_the_single_cell_lines() {
    for (name, lines) in [("sc_brca_atlas.line_response.csv.gz", 27), ("sc_lung.line_response.csv.gz", 5)] {
        let (path,) = data!(name);
        let r = read::response(&path).unwrap();
        assert_eq!((r.lines().len(), r.drugs().len()), (lines, 542), "{name}");
    }
}

#[test]
fn scdeal_labels_under_names_as_r_writes_them() {
    let (path,) = data!("scdeal_binary_labels.csv.gz");
    let table = read::binary_labels(&path).unwrap();
    assert_eq!((table.rows().len(), table.drugs().len()), (804, 83));
    assert_eq!(table.rows().iter().flatten().count(), 556);
    assert_eq!(table.column("5-Fluorouracil").unwrap(), table.column("X5.FLUOROURACIL").unwrap());
    assert_eq!(table.labels("I-BET-762").unwrap(), table.labels("I.BET.762").unwrap());
    let error = table.labels("Gefitnib").unwrap_err().to_string();
    assert!(error.contains("GEFITINIB"), "{error}");
}

#[test]
fn plain_tables_and_gene_sets() {
    let (lines, zero) = data!("sc_brca_atlas.cells.csv.gz", "gdsc_expression_zero_filled_genes.txt");
    let table = Table::read(&lines).unwrap();
    assert_eq!((table.n_rows(), table.header().len()), (930, 2));
    assert_eq!(table.column("cell_line").unwrap().iter().collect::<HashSet<_>>().len(), 31);
    // A bare list: its first entry reads as the header.
    assert_eq!(Table::read(&zero).unwrap().n_rows() + 1, 385);
    for (name, n) in [("hallmark_v6.2", 50), ("reactome_v6.2", 674), ("kegg_v6.2", 186), ("go_bp_2023", 5407)]
    {
        let (path,) = data!(&format!("genesets_{name}.gmt.gz"));
        let sets = read::gmt(&path).unwrap();
        assert_eq!(sets.len(), n, "{name}");
        let all: Vec<String> = sets.values().flat_map(|s| s.genes.iter().cloned()).collect();
        assert_eq!(detect_ids(&all).kind, IdKind::Symbol);
    }
}

#[test]
fn gene_overlaps_are_those_of_the_readme() {
    let (bulk, ids, aliases) = data!("gdsc_expression.csv.gz", "gene_ids.tsv.gz", "gene_aliases.tsv.gz");
    let (id_table, alias_table) = (Table::read(&ids).unwrap(), Table::read(&aliases).unwrap());
    assert_eq!((id_table.n_rows(), alias_table.n_rows()), (55_046, 62_335));
    let (ids, aliases) = (IdMap::read(&ids).unwrap(), Aliases::read(&aliases).unwrap());
    assert_eq!(aliases.len(), 62_335);
    assert_eq!(ids.symbol_of_ensembl("ENSG00000146648.18"), Some("EGFR"));
    assert_eq!(ids.symbol_of_entrez("1956"), Some("EGFR"));

    let (bulk, _) = read::expression_csv(&bulk, &CsvOptions::default()).unwrap();
    let current: HashSet<&str> = id_table.column("symbol").unwrap().iter().map(String::as_str).collect();
    // The README says 5,484 and, below, 25; the files hold 5,483 and 26 (17 of these are `HLA.A` and the like).
    assert_eq!(bulk.genes().iter().filter(|g| current.contains(g.as_str())).count(), 5483);
    assert_eq!(bulk.genes().iter().filter(|g| aliases.symbol(g).is_some()).count(), 269);
    let (bulk, report) = to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean).unwrap();
    // C2orf48 and TMEM133 stay: the table holds RRM2 and ARHGAP42, their current names, as well.
    assert_eq!((report.by_alias, report.merged.len()), (267, 0));

    for (set, target, shared) in
        [("melanoma_a375", 2873, 1438), ("hnscc_jhu006", 2933, 1389), ("hnscc_scc47", 2876, 1390)]
    {
        let (path,) = data!(&format!("sc_{set}_expression.csv.gz"));
        let (cells, _) = read::expression_csv(&path, &CsvOptions::default()).unwrap();
        let alignment = align(bulk.genes(), cells.genes(), 0.3).unwrap();
        assert_eq!((alignment.report.shared, alignment.report.n_b), (shared, target), "{set}");
        for ((gene, &a), &b) in alignment.genes.iter().zip(&alignment.in_a).zip(&alignment.in_b) {
            assert!(*gene == bulk.genes()[a] && *gene == cells.genes()[b]);
        }
    }

    let (path,) = data!("sc_lung_celseq2_5cl.counts.csv.gz");
    let (lung, _) = read::expression_csv(&path, &CsvOptions::default()).unwrap();
    let error = align(bulk.genes(), lung.genes(), 0.1).unwrap_err().to_string();
    assert!(
        error.contains("Ensembl") && error.contains("symbols") && error.contains("--gene-ids"),
        "{error}"
    );
    let (lung, report) = to_symbols(&lung, Some(&ids), Some(&aliases), Duplicates::Sum).unwrap();
    assert_eq!((report.kind, report.by_id, report.merged.len()), (IdKind::Ensembl, 11_670, 6));
    // The README's 3,905 depends on what is done with Ensembl ids that stand on two lines: 3,895 when they are left
    // out, 3,896 when the last line counts, 3,908 when the first or the protein-coding one does.
    assert_eq!(align(bulk.genes(), lung.genes(), 0.3).unwrap().report.shared, 3908);

    // The breast atlas carries its symbols; the table gives nearly the same.
    let (path,) = data!("sc_brca_atlas.h5ad");
    let (breast, read) = read::expression(&path, &ReadOptions::default()).unwrap();
    assert_eq!((breast.n_samples(), breast.n_genes(), read.format), (930, 30_087, Format::H5ad));
    assert_eq!(detect::scale(breast.values()).scale, Scale::Counts);
    let (by_column, report) = to_symbols(&breast, None, Some(&aliases), Duplicates::Sum).unwrap();
    assert_eq!(report.source, RenameSource::Column("symbol".to_owned()));
    assert_eq!(align(bulk.genes(), by_column.genes(), 0.3).unwrap().report.shared, 5563);
}

#[test]
fn one_door_for_every_format() {
    let (folder, mtx, pbmc) = data!("tenx_v3_small", "sc_brca_atlas.matrix.mtx.gz", "pbmc68k_reduced.h5ad");
    let format = |path: &std::path::Path| read::expression(path, &ReadOptions::default()).unwrap().1.format;
    assert_eq!(format(&folder), Format::Mtx);
    assert_eq!(format(&mtx), Format::Mtx);
    for name in ["filtered_feature_bc_matrix.h5", "filtered_gene_bc_matrices_v2.h5"] {
        let file = folder.join(name);
        let options = ReadOptions { duplicates: Duplicates::Sum, ..ReadOptions::default() };
        assert_eq!(read::expression(&file, &options).unwrap().1.format, Format::TenxH5);
    }
    let layer = |layer| {
        let (m, _) = read::expression(&pbmc, &ReadOptions { layer, ..ReadOptions::default() }).unwrap();
        (m.n_samples(), m.n_genes(), detect::scale(m.values()).scale)
    };
    assert_eq!(layer(H5adLayer::X), (700, 765, Scale::ZScored));
    assert_eq!(layer(H5adLayer::Raw), (700, 765, Scale::LogNormalised));
}
