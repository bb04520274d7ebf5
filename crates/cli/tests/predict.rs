//! Prediction of files in blocks: the same table as all at once, for every form a matrix is stored in.

#![allow(clippy::unwrap_used, clippy::panic, clippy::unreachable)] // helpers of tests are tests

use std::path::Path;

use assert_cmd::Command;
use hdf5_pure::{AttrValue, File};
use sensitome_core_models::{PredictOptions, ResponseModel, parse_device};
use sensitome_data::read::{H5adLayer, h5ad};
use sensitome_data::write::{H5adBlocks, h5ad as write_h5ad};
use sensitome_data::{Column, ExpressionMatrix, Values};

fn run(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sensitome")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn ok(args: &[&str]) -> String {
    let (success, out, err) = run(args);
    assert!(success, "{args:?}: {err}");
    out
}

/// A folder with `cells.h5ad` and a model that was trained on them.
fn trained() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let data = at("");
    ok(&["simulate", "--lines", "60", "--cells", "50", "--genes", "240", "--out", &data]);
    let (bulk, response) = (at("bulk_expression.csv.gz"), at("bulk_response.csv.gz"));
    let (cells, model) = (at("cells.h5ad"), at("model.safetensors"));
    let train = ["train", "--source", &bulk, "--response", &response, "--cells", &cells, "--drug", "SIM-001"];
    ok(&[&train[..], &["--strategy", "source_only", "--set", "epochs=3", "--out", &model]].concat());
    (folder, vec![cells, model])
}

fn predict(folder: &Path, model: &str, cells: &str, more: &[&str]) -> String {
    let out = folder.join("out.csv").display().to_string();
    ok(&[&["predict", "--model", model, "--cells", cells, "--out", &out], more].concat());
    std::fs::read_to_string(&out).unwrap()
}

fn dense(cells: &ExpressionMatrix) -> ExpressionMatrix {
    cells.with_values(Values::Dense(cells.values().to_dense())).unwrap()
}

/// A copy of the file with its matrix by genes (CSC).
fn column_wise(matrix: &ExpressionMatrix, from: &Path, to: &Path) {
    let Values::Sparse(rows) = matrix.values() else { panic!("sparse cells") };
    let columns = rows.transpose();
    let (indptr, indices, data) = columns.parts();
    std::fs::copy(from, to).unwrap();
    let file = File::open_rw(to).unwrap();
    file.root().delete("X").unwrap();
    file.commit().unwrap();
    let x = file.root().create_group("X").unwrap();
    x.set_attr("encoding-type", AttrValue::VarLenString("csc_matrix".into())).unwrap();
    x.set_attr("encoding-version", AttrValue::VarLenString("0.1.0".into())).unwrap();
    let shape = vec![matrix.n_samples() as i64, matrix.n_genes() as i64];
    x.set_attr("shape", AttrValue::I64Array(shape)).unwrap();
    let whole = |v: &[usize]| v.iter().map(|&p| p as i64).collect::<Vec<_>>();
    let indices: Vec<i64> = indices.iter().map(|&i| i64::from(i)).collect();
    x.create_dataset("indptr", |b| {
        b.with_i64_data(&whole(indptr)).with_shape(&[indptr.len() as u64]);
    })
    .unwrap();
    x.create_dataset("indices", |b| {
        b.with_i64_data(&indices).with_shape(&[indices.len() as u64]);
    })
    .unwrap();
    x.create_dataset("data", |b| {
        b.with_f32_data(data).with_shape(&[data.len() as u64]);
    })
    .unwrap();
    file.commit().unwrap();
    file.close().unwrap();
}

#[test]
fn a_file_in_blocks_is_predicted_as_a_whole() {
    let (folder, paths) = trained();
    let [cells, model] = [&paths[0], &paths[1]];
    let at = |name: &str| folder.path().join(name).display().to_string();
    let matrix = h5ad(Path::new(cells), &H5adLayer::X).unwrap();
    let loaded = ResponseModel::load(Path::new(model), &parse_device("flex").unwrap()).unwrap();
    let whole = folder.path().join("whole.csv");
    let predictions = loaded.predict(&matrix, &PredictOptions::default()).unwrap();
    predictions.write_csv(&whole, &matrix).unwrap();
    let whole = std::fs::read_to_string(whole).unwrap();
    assert_eq!(whole.lines().count(), 51);
    // Blocks that divide the cells, that do not, of one cell, and of more than there are.
    for size in ["10", "7", "1", "1000"] {
        assert_eq!(predict(folder.path(), model, cells, &["--batch-size", size]), whole, "{size} a block");
    }
    write_h5ad(folder.path().join("dense.h5ad"), &dense(&matrix), &[]).unwrap();
    assert_eq!(predict(folder.path(), model, &at("dense.h5ad"), &["--batch-size", "9"]), whole);
    // By genes, as a transposed matrix is stored.
    column_wise(&matrix, Path::new(cells), &folder.path().join("csc.h5ad"));
    assert_eq!(predict(folder.path(), model, &at("csc.h5ad"), &["--batch-size", "9"]), whole);
    // Written block by block.
    let mut grown =
        H5adBlocks::create(folder.path().join("grown.h5ad"), matrix.genes(), matrix.gene_columns(), Some(4))
            .unwrap();
    for start in [0, 20, 40] {
        let rows: Vec<usize> = (start..(start + 20).min(50)).collect();
        grown.append(&matrix.select_samples(&rows).unwrap()).unwrap();
    }
    grown.finish().unwrap();
    assert_eq!(predict(folder.path(), model, &at("grown.h5ad"), &["--batch-size", "16"]), whole);
}

#[test]
fn tables_of_gene_names_hold_for_every_block() {
    let (folder, paths) = trained();
    let [cells, model] = [&paths[0], &paths[1]];
    let matrix = h5ad(Path::new(cells), &H5adLayer::X).unwrap();
    let whole = predict(folder.path(), model, cells, &[]);
    let old: Vec<String> = (0..matrix.n_genes()).map(|j| format!("OLD{j}")).collect();
    let table: String = old.iter().zip(matrix.genes()).map(|(a, g)| format!("{a},{g}\n")).collect();
    let aliases = folder.path().join("aliases.csv");
    std::fs::write(&aliases, format!("alias,symbol\n{table}")).unwrap();
    let (renamed, _) = matrix.rename_genes(old, sensitome_data::Duplicates::Refuse).unwrap();
    let other = folder.path().join("other.h5ad");
    write_h5ad(&other, &renamed, &[]).unwrap();
    let (other, aliases) = (other.display().to_string(), aliases.display().to_string());
    let found = predict(folder.path(), model, &other, &["--gene-aliases", &aliases, "--batch-size", "8"]);
    assert_eq!(found, whole);
}

#[test]
fn a_copy_of_the_file_keeps_all_it_holds() {
    let (folder, paths) = trained();
    let [cells, model] = [&paths[0], &paths[1]];
    let path = |name: &str| folder.path().join(name);
    // Something that no matrix of ours carries.
    let file = File::open_rw(cells).unwrap();
    let numbers = file.group("uns").unwrap();
    numbers
        .create_dataset("kept", |b| {
            b.with_f64_data(&[1.5, 2.5]).with_shape(&[2]);
        })
        .unwrap();
    file.commit().unwrap();
    file.close().unwrap();
    let before = h5ad(Path::new(cells), &H5adLayer::X).unwrap();
    let expected = ResponseModel::load(Path::new(model), &parse_device("flex").unwrap())
        .unwrap()
        .predict(&before, &PredictOptions::default())
        .unwrap();
    // Once, over its own result, and in place.
    std::fs::copy(cells, path("own.h5ad")).unwrap();
    for (from, to) in [
        (Path::new(cells), "first.h5ad"),
        (&path("first.h5ad"), "second.h5ad"),
        (&path("own.h5ad"), "own.h5ad"),
    ] {
        let (from, to) = (from.display().to_string(), path(to));
        let shown = to.display().to_string();
        ok(&["predict", "--model", model, "--cells", &from, "--out", &shown, "--batch-size", "20"]);
        let after = h5ad(to.as_path(), &H5adLayer::X).unwrap();
        assert_eq!((after.values(), after.samples()), (before.values(), before.samples()));
        let columns = after.sample_columns();
        for (name, column) in before.sample_columns() {
            assert_eq!(columns.get(name), Some(column), "{name}");
        }
        assert_eq!(columns.len(), before.sample_columns().len() + 2);
        assert_eq!(columns["sensitome_score"], Column::Number(expected.scores.clone()));
        let classes: Vec<Option<String>> = (0..50).map(|i| columns["sensitome_class"].get(i)).collect();
        assert!((0..50).all(|i| classes[i].as_deref() == Some(expected.class_name(i))));
        let file = File::open(&to).unwrap();
        assert_eq!(file.dataset("uns/kept").unwrap().read_f64().unwrap(), [1.5, 2.5]);
        let embedding = file.dataset("obsm/X_sensitome").unwrap().read_f32().unwrap();
        assert_eq!(embedding, expected.embedding.iter().copied().collect::<Vec<_>>());
    }
}

#[test]
fn what_is_wrong_in_a_later_block_leaves_no_file() {
    let (folder, paths) = trained();
    let [cells, model] = [&paths[0], &paths[1]];
    let matrix = h5ad(Path::new(cells), &H5adLayer::X).unwrap();
    let mut x = matrix.values().to_dense();
    x[[45, 3]] = 0.5;
    let bad = folder.path().join("bad.h5ad");
    write_h5ad(&bad, &matrix.with_values(Values::Dense(x)).unwrap(), &[]).unwrap();
    let (bad, out) = (bad.display().to_string(), folder.path().join("none.csv"));
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let shown = out.display().to_string();
    let args = ["predict", "--model", model, "--cells", &bad, "--out", &shown, "--batch-size", "10"];
    let (success, _, error) = run(&args);
    assert!(!success && error.contains("counts was declared"), "{error}");
    assert!(!out.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    let (success, _, error) = run(&[&args[..7], &["--batch-size", "0"]].concat());
    assert!(!success && error.contains("--batch-size"), "{error}");
}
