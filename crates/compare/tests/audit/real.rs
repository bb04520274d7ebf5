//! The real data of the shared folder, where it is.

use indexmap::IndexMap;
use sensitome_compare::audit::{Check, Verdict};
use sensitome_data::genes::{Aliases, IdMap, to_symbols};
use sensitome_data::read::{self, Measure, ReadOptions, Table};
use sensitome_data::{Duplicates, ExpressionMatrix, PrepareOptions, SourceInput, TargetInput, prepare};
use sensitome_testkit::data_file;

use super::{Setup, only, verdict};

fn gdsc(drug: &str) -> Option<SourceInput> {
    let aliases = Aliases::read(data_file("gene_aliases.tsv.gz")?.as_path()).unwrap();
    let bulk = read::expression(data_file("gdsc_expression.csv.gz")?, &ReadOptions::default()).unwrap().0;
    let bulk = to_symbols(&bulk, None, Some(&aliases), Duplicates::Mean).unwrap().0;
    let responses = read::response(data_file("gdsc_response.csv.gz")?.as_path()).unwrap();
    Some(SourceInput {
        name: "GDSC".to_owned(),
        expression: bulk,
        response: responses.select(drug, Some("GDSC1"), Measure::Auc).unwrap(),
        labels: None,
        table: None,
    })
}

fn setup(source: SourceInput, cells: ExpressionMatrix, lines: Vec<String>, exclude: Vec<String>) -> Setup {
    let options = PrepareOptions { exclude, ..PrepareOptions::default() };
    let evaluated = (1..cells.n_samples()).collect();
    let target = TargetInput {
        few_shot: vec![(cells.samples()[0].clone(), 1)],
        expression: cells,
        renamed: IndexMap::new(),
        cluster_column: None,
        gene_sets: None,
    };
    let task = prepare(vec![source.clone()], target.clone(), &options).unwrap();
    Setup { sources: vec![source], target, options, task, lines, evaluated, few_shot: vec![0], column: None }
}

#[test]
fn a375_is_clean_without_its_line_and_caught_with_it() {
    let Some(source) = gdsc("PLX-4720") else { return };
    let Some(path) = data_file("sc_melanoma_a375_expression.csv.gz") else { return };
    let cells = read::expression(path, &ReadOptions::default()).unwrap().0;
    let of = |exclude: &[&str]| {
        let exclude = exclude.iter().map(|s| (*s).to_owned()).collect();
        setup(source.clone(), cells.clone(), vec!["A-375".to_owned()], exclude).audit()
    };
    for (exclude, expected) in
        [(&["A375"][..], Verdict::Passed), (&[], Verdict::Leak), (&["A-375"], Verdict::Leak)]
    {
        for f in of(exclude) {
            let expected = match f.check {
                Check::TargetLinesAbsent => expected,
                // The cells are z-scored gene by gene: copies would not show.
                Check::DuplicatesAcrossDomains => Verdict::NotApplicable,
                _ => Verdict::Passed,
            };
            assert_eq!(f.verdict, expected, "{f}");
        }
    }
}

#[test]
fn the_breast_atlas_is_clean_without_its_lines_and_caught_with_them() {
    let Some(source) = gdsc("Cisplatin") else { return };
    let (Some(path), Some(ids)) = (data_file("sc_brca_atlas.h5ad"), data_file("gene_ids.tsv.gz")) else {
        return;
    };
    let Some(lines) = data_file("sc_brca_atlas.line_response.csv.gz") else { return };
    let ids = IdMap::read(ids.as_path()).unwrap();
    let cells = read::expression(path, &ReadOptions::default()).unwrap().0;
    let cells = to_symbols(&cells, Some(&ids), None, Duplicates::Sum).unwrap().0;
    let exclude = Table::read(lines.as_path()).unwrap().column("expression_id").unwrap().to_vec();
    let column = &cells.sample_columns()["cell_line"];
    let names: Vec<String> = (0..cells.n_samples()).filter_map(|i| column.get(i)).collect();
    let start = std::time::Instant::now();
    let findings = setup(source.clone(), cells.clone(), names.clone(), exclude).audit();
    assert!(start.elapsed().as_secs() < 120, "preparation and audit take {:?}", start.elapsed());
    for f in &findings {
        assert_eq!(f.verdict, Verdict::Passed, "{f}");
    }
    let (_, detail) = verdict(&findings, Check::TargetLinesAbsent);
    assert!(detail.contains("none of 31 lines"), "{detail}");
    only(
        &setup(source, cells, names, Vec::new()).audit(),
        Check::TargetLinesAbsent,
        &["samples of the source are lines"],
    );
}
