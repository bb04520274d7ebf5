//! Cells block by block: a block equals the same rows of the whole file, and blocks written are the file read.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests are tests

mod files;

use std::path::Path;
use std::process::Command;

use files::fixture;
use hdf5_pure::{AttrValue, DatasetBuilder, FileBuilder, GroupBuilder};
use ndarray::Array2;
use proptest::prelude::*;
use sensitome_data::read::{CellBlocks, H5adLayer, h5ad, h5ad_with, read_ahead};
use sensitome_data::write::H5adBlocks;
use sensitome_data::{Column, Columns, CsrMatrix, Duplicates, ExpressionMatrix, Input, Values, write};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Dense,
    Csr,
    Csc,
}

#[derive(Debug, Clone, Copy)]
enum Packing {
    Contiguous,
    Chunks(u64),
    Deflate(u64),
    Lzf(u64),
}

fn pack(dataset: &mut DatasetBuilder, shape: &[u64], packing: Packing) {
    dataset.with_shape(shape);
    if shape.contains(&0) {
        return;
    }
    let chunk = |n: u64| shape.iter().map(|&s| s.min(n)).collect::<Vec<u64>>();
    match packing {
        Packing::Contiguous => {}
        Packing::Chunks(n) => drop(dataset.with_chunks(&chunk(n))),
        Packing::Deflate(n) => drop(dataset.with_chunks(&chunk(n)).with_shuffle().with_deflate(4)),
        Packing::Lzf(n) => drop(dataset.with_chunks(&chunk(n)).with_lzf()),
    }
}

fn text(s: &str) -> AttrValue {
    AttrValue::VarLenString(s.to_owned())
}

fn frame(mut g: GroupBuilder, index: &[String], columns: &[&str]) -> GroupBuilder {
    g.set_attr("encoding-type", text("dataframe"));
    g.set_attr("_index", text("_index"));
    g.set_attr("column-order", AttrValue::VarLenStringArray(columns.iter().map(|c| (*c).into()).collect()));
    let names: Vec<&str> = index.iter().map(String::as_str).collect();
    g.create_dataset("_index").with_vlen_strings(&names).with_shape(&[names.len() as u64]);
    g
}

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

/// Writes `x` with a category, a text and a number for each cell.
fn store(path: &Path, x: &Array2<f32>, genes: &[String], layout: Layout, packing: Packing) {
    let (n, p) = x.dim();
    let mut file = FileBuilder::new();
    let mut obs = frame(file.create_group("obs"), &names("cell", n), &["line", "note", "depth"]);
    let mut line = obs.create_group("line");
    line.set_attr("encoding-type", text("categorical"));
    let codes: Vec<i8> = (0..n).map(|i| (i % 3) as i8 - 1).collect();
    pack(line.create_dataset("codes").with_i8_data(&codes), &[n as u64], packing);
    line.create_dataset("categories").with_vlen_strings(&["A549", "H838"]).with_shape(&[2]);
    obs.add_group(line.finish());
    let notes = names("ü", n);
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    obs.create_dataset("note").with_vlen_strings(&notes).with_shape(&[n as u64]);
    let depth: Vec<f64> = (0..n).map(|i| i as f64 / 7.0).collect();
    pack(obs.create_dataset("depth").with_f64_data(&depth), &[n as u64], packing);
    file.add_group(obs.finish());
    let var = frame(file.create_group("var"), genes, &[]);
    file.add_group(var.finish());
    if layout == Layout::Dense {
        let values: Vec<f32> = x.iter().copied().collect();
        let dataset = file.create_dataset("X");
        pack(dataset.with_f32_data(&values), &[n as u64, p as u64], packing);
    } else {
        let oriented = if layout == Layout::Csr { x.clone() } else { x.t().to_owned() };
        let m = CsrMatrix::from_dense(&oriented);
        let (indptr, indices, data) = m.parts();
        let mut g = file.create_group("X");
        g.set_attr("encoding-type", text(if layout == Layout::Csr { "csr_matrix" } else { "csc_matrix" }));
        g.set_attr("shape", AttrValue::I64Array(vec![n as i64, p as i64]));
        // Integers of 64 bits in one layout, of 32 in the other.
        let entries = data.len() as u64;
        pack(g.create_dataset("data").with_f32_data(data), &[entries], packing);
        let wide = |v: &[u32]| v.iter().map(|&c| i64::from(c)).collect::<Vec<_>>();
        let dataset = g.create_dataset("indices");
        match layout {
            Layout::Csr => dataset.with_i32_data(&indices.iter().map(|&c| c as i32).collect::<Vec<_>>()),
            _ => dataset.with_i64_data(&wide(indices)),
        };
        pack(dataset, &[entries], packing);
        let indptr: Vec<i64> = indptr.iter().map(|&c| c as i64).collect();
        pack(g.create_dataset("indptr").with_i64_data(&indptr), &[indptr.len() as u64], packing);
        file.add_group(g.finish());
    }
    file.write(path).unwrap();
}

fn open(path: &Path, size: usize) -> CellBlocks {
    CellBlocks::open(path, &H5adLayer::X, Duplicates::Refuse, size).unwrap()
}

fn matrix() -> impl Strategy<Value = Array2<f32>> {
    (1usize..40, 1usize..9).prop_flat_map(|(n, p)| {
        let value = prop_oneof![6 => Just(0f32), 3 => (1u8..9).prop_map(f32::from), 1 => -1e30f32..1e30];
        (prop::collection::vec(value, n * p), prop::collection::vec(any::<bool>(), n)).prop_map(
            move |(values, empty)| {
                let mut x = Array2::from_shape_vec((n, p), values).unwrap();
                for (mut row, empty) in x.rows_mut().into_iter().zip(empty) {
                    if empty {
                        row.fill(0.0);
                    }
                }
                x
            },
        )
    })
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        Just(Packing::Contiguous),
        (1u64..30).prop_map(Packing::Chunks),
        (1u64..30).prop_map(Packing::Deflate),
        (1u64..30).prop_map(Packing::Lzf),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn blocks_are_the_rows_of_the_file(
        x in matrix(),
        layout in prop_oneof![Just(Layout::Dense), Just(Layout::Csr), Just(Layout::Csc)],
        packing in packing(),
        size in prop_oneof![1usize..50, Just(usize::MAX)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.h5ad");
        store(&path, &x, &names("g", x.ncols()), layout, packing);
        let whole = h5ad(&path, &H5adLayer::X).unwrap();
        let mut blocks = open(&path, size);
        prop_assert_eq!((blocks.n_cells(), blocks.genes()), (whole.n_samples(), whole.genes()));
        for _ in 0..2 {
            let mut start = 0;
            for block in &mut blocks {
                let block = block.unwrap();
                let end = start + block.n_samples();
                prop_assert!(block.n_samples() == size || end == whole.n_samples());
                let rows: Vec<usize> = (start..end).collect();
                prop_assert_eq!(&block, &whole.select_samples(&rows).unwrap());
                start = end;
            }
            prop_assert_eq!(start, whole.n_samples());
            blocks.rewind();
        }
        let ahead: Vec<_> = read_ahead(blocks, 2).map(Result::unwrap).collect();
        let now: Vec<_> = open(&path, size).map(Result::unwrap).collect();
        prop_assert_eq!(ahead, now);
    }

    #[test]
    fn blocks_written_are_the_file_read(
        x in matrix(),
        sizes in prop::collection::vec(0usize..15, 40),
        dense in any::<bool>(),
        level in prop::option::of(1u32..=9),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("source.h5ad"), folder.path().join("m.h5ad"));
        let layout = if dense { Layout::Dense } else { Layout::Csr };
        store(&source, &x, &names("g", x.ncols()), layout, Packing::Contiguous);
        let whole = h5ad(&source, &H5adLayer::X).unwrap();
        let mut out = H5adBlocks::create(&path, whole.genes(), whole.gene_columns(), level).unwrap();
        let mut start = 0;
        for size in sizes {
            let rows: Vec<usize> = (start..(start + size).min(whole.n_samples())).collect();
            start += rows.len();
            out.append(&whole.select_samples(&rows).unwrap()).unwrap();
        }
        let rows: Vec<usize> = (start..whole.n_samples()).collect();
        out.append(&whole.select_samples(&rows).unwrap()).unwrap();
        prop_assert_eq!(out.finish().unwrap(), whole.n_samples());
        let sparse = Values::Sparse(CsrMatrix::from_dense(&whole.values().to_dense()));
        prop_assert_eq!(h5ad(&path, &H5adLayer::X).unwrap(), whole.with_values(sparse).unwrap());
    }
}

#[test]
fn every_layout_of_the_fixtures_reads_in_blocks() {
    let layer = |name: &str| H5adLayer::Layer(name.to_owned());
    for (file, layer) in [
        ("modern_gzip.h5ad.gz", H5adLayer::X),
        ("modern_gzip.h5ad.gz", H5adLayer::Raw),
        ("modern_lzf.h5ad.gz", layer("csc")),
        ("modern_lzf.h5ad.gz", layer("dense64")),
        ("anndata_0_7.h5ad", H5adLayer::X),
        ("anndata_0_6.h5ad", H5adLayer::X),
    ] {
        let whole = h5ad(fixture(file), &layer).unwrap();
        for size in [1, 4, 6, 7] {
            let blocks = CellBlocks::open(fixture(file), &layer, Duplicates::Refuse, size).unwrap();
            let blocks: Vec<ExpressionMatrix> = blocks.map(Result::unwrap).collect();
            assert_eq!(blocks.len(), 6usize.div_ceil(size));
            for (k, block) in blocks.iter().enumerate() {
                let rows: Vec<usize> = (k * size..(k * size + size).min(6)).collect();
                // As text, for NaN is not itself.
                assert_eq!(format!("{block:?}"), format!("{:?}", whole.select_samples(&rows).unwrap()));
            }
        }
    }
}

#[test]
fn more_blocks_than_temporary_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let x = Array2::from_shape_fn((700, 3), |(i, j)| ((i * 7 + j * 3) % 5) as f32);
    store(&path, &x, &names("g", 3), Layout::Csc, Packing::Deflate(100));
    let whole = h5ad(&path, &H5adLayer::X).unwrap();
    for (i, block) in open(&path, 1).enumerate() {
        assert_eq!(block.unwrap(), whole.select_samples(&[i]).unwrap());
    }
}

#[test]
fn genes_of_one_name_are_dealt_with_as_in_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let x = Array2::from_shape_fn((7, 3), |(i, j)| (i * j) as f32);
    let genes = ["A", "B", "A"].map(str::to_owned);
    for layout in [Layout::Dense, Layout::Csr, Layout::Csc] {
        store(&path, &x, &genes, layout, Packing::Contiguous);
        let open = |d| CellBlocks::open(&path, &H5adLayer::X, d, 3);
        let text = open(Duplicates::Refuse).unwrap_err().to_string();
        assert!(text.contains("m.h5ad") && text.contains("1 duplicate gene names (A)"), "{text}");
        for rule in [Duplicates::Sum, Duplicates::Mean, Duplicates::First] {
            let whole = h5ad_with(&path, &H5adLayer::X, rule).unwrap();
            let blocks = open(rule).unwrap();
            assert_eq!(blocks.genes(), ["A", "B"]);
            let parts: Vec<_> = blocks.map(Result::unwrap).collect();
            for (k, part) in parts.iter().enumerate() {
                let rows: Vec<usize> = (3 * k..(3 * k + 3).min(7)).collect();
                assert_eq!(part, &whole.select_samples(&rows).unwrap());
            }
        }
    }
}

#[test]
fn a_bad_value_ends_the_blocks_with_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    for layout in [Layout::Dense, Layout::Csr, Layout::Csc] {
        let mut x = Array2::from_elem((9, 2), 1f32);
        x[[5, 1]] = f32::NAN;
        store(&path, &x, &names("g", 2), layout, Packing::Contiguous);
        let mut blocks = open(&path, 2);
        for _ in 0..2 {
            assert!(blocks.next().unwrap().is_ok() && blocks.next().unwrap().is_ok());
            let text = blocks.next().unwrap().unwrap_err().to_string();
            assert!(text.contains("m.h5ad") && text.contains("gene g1 in sample cell5"), "{text}");
            assert!(blocks.next().is_none());
            blocks.rewind();
        }
        let results: Vec<bool> = read_ahead(blocks, 1).map(|b| b.is_ok()).collect();
        assert_eq!(results, [true, true, false]);
    }
}

#[test]
fn what_cannot_be_read_in_blocks_is_refused_at_once() {
    let open = |size| CellBlocks::open(fixture("plain.h5ad"), &H5adLayer::X, Duplicates::Refuse, size);
    assert!(open(0).unwrap_err().to_string().contains("ask for at least 1"));
    let layer = H5adLayer::Layer("nope".into());
    let text = CellBlocks::open(fixture("plain.h5ad"), &layer, Duplicates::Refuse, 5).unwrap_err();
    assert!(text.to_string().contains("\"nope\""), "{text}");
    let text = CellBlocks::open(fixture("tenx_v3_mixed.h5"), &H5adLayer::X, Duplicates::Refuse, 5);
    assert!(text.unwrap_err().to_string().contains("is a 10x file"));
    // The thread that reads ahead ends with whoever takes its blocks.
    drop(read_ahead(open(1).unwrap(), 1));
}

#[test]
fn a_cell_named_twice_far_apart_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    store(&path, &Array2::ones((9, 2)), &names("g", 2), Layout::Csr, Packing::Contiguous);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|w| w == b"cell8").unwrap();
    bytes[at + 4] = b'1';
    let input = Input::Bytes { name: "twice", bytes: &bytes };
    let text = CellBlocks::open(&input, &H5adLayer::X, Duplicates::Refuse, 2).unwrap_err().to_string();
    assert!(text.contains("twice") && text.contains("duplicate sample names (cell1)"), "{text}");
}

/// Some cells with one column, named from `first` on.
fn cells(first: usize, x: Array2<f32>, column: Column) -> ExpressionMatrix {
    let samples = (first..first + x.nrows()).map(|i| format!("c{i}")).collect();
    let genes = names("g", x.ncols());
    let mut m = ExpressionMatrix::new(Values::Sparse(CsrMatrix::from_dense(&x)), samples, genes).unwrap();
    m.set_sample_column("kind", column).unwrap();
    m
}

#[test]
fn categories_of_blocks_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let mut out = H5adBlocks::create(&path, &names("g", 2), &Columns::new(), None).unwrap();
    out.append(&cells(0, Array2::ones((2, 2)), Column::category(["b", "a"]))).unwrap();
    out.append(&cells(2, Array2::zeros((2, 2)), Column::category(["c", "a"]))).unwrap();
    out.finish().unwrap();
    let read = h5ad(&path, &H5adLayer::X).unwrap();
    assert_eq!(read.sample_columns()["kind"], Column::category(["b", "a", "c", "a"]));
}

#[test]
fn faults_of_a_writer_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let genes = names("g", 2);
    let new = || H5adBlocks::create(&path, &genes, &Columns::new(), None).unwrap();
    let kind = || Column::category(["a"]);
    let one = |i| cells(i, Array2::ones((1, 2)), kind());
    let message = |r: sensitome_data::Result<()>| r.unwrap_err().to_string();

    let mut out = new();
    out.append(&one(0)).unwrap();
    drop(out); // never finished
    let mut out = new();
    assert!(message(out.append(&cells(0, Array2::ones((1, 3)), kind()))).contains("genes"));
    out.append(&one(0)).unwrap();
    let number = Column::Number(vec![1.0]);
    let text = message(out.append(&cells(1, Array2::ones((1, 2)), number)));
    assert!(text.contains("column kind: is of another kind"), "{text}");
    assert!(message(out.append(&one(1))).contains("m.h5ad: an earlier block"));
    assert!(message(out.finish().map(drop)).contains("an earlier block"));
    let mut out = new();
    out.append(&one(0)).unwrap();
    out.append(&one(0)).unwrap();
    assert!(message(out.finish().map(drop)).contains("duplicate sample names (c0)"));
    let mut out = new();
    let mut slash = one(0);
    slash.set_sample_column("a/b", Column::text(["x"])).unwrap();
    out.append(&slash).unwrap();
    assert!(message(out.finish().map(drop)).contains("a/b"));
    let column = Columns::from([("mean".to_owned(), Column::Number(vec![1.0]))]);
    let create = |genes: &[String], columns: &Columns, level| {
        message(H5adBlocks::create(&path, genes, columns, level).map(drop))
    };
    assert!(create(&genes, &column, None).contains("column mean: 1 rows for 2 genes"));
    assert!(create(&genes, &Columns::new(), Some(10)).contains("choose 1 to 9"));
    assert!(create(&["A".into(), "A".into()], &Columns::new(), None).contains("duplicate gene names"));
    let absent = folder.path().join("no/m.h5ad");
    let text = H5adBlocks::create(&absent, &genes, &Columns::new(), None).unwrap_err().to_string();
    assert!(text.contains("no/m.h5ad: cannot write"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Enough entries for many chunks in the arrays of entries and, with small blocks, of pointers.
fn large() -> ExpressionMatrix {
    let x = Array2::from_shape_fn((40_000, 30), |(i, j)| ((i * 31 + j * 17) % 101) as f32);
    cells(0, x, Column::category((0..40_000).map(|i| if i % 2 == 0 { "even" } else { "odd" })))
}

#[test]
fn many_chunks_are_exact_and_anndata_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let whole = large();
    let mut means = Columns::new();
    means.insert("mean".to_owned(), Column::Number((0..30).map(f64::from).collect()));
    for level in [None, Some(1)] {
        let mut out = H5adBlocks::create(&path, whole.genes(), &means, level).unwrap();
        for start in (0..40_000).step_by(9_999) {
            let rows: Vec<usize> = (start..(start + 9_999).min(40_000)).collect();
            out.append(&whole.select_samples(&rows).unwrap()).unwrap();
        }
        out.finish().unwrap();
        let read = h5ad(&path, &H5adLayer::X).unwrap();
        assert_eq!((read.values(), read.samples()), (whole.values(), whole.samples()));
        assert_eq!((read.sample_columns(), read.gene_columns()), (whole.sample_columns(), &means));
        let bytes = std::fs::metadata(&path).unwrap().len();
        let plain = 8 * whole.values().stored().filter(|v| *v != 0.0).count() as u64;
        assert_eq!(bytes < plain / 2, level.is_some(), "{bytes} of {plain}");
        let sum: f64 = whole.values().stored().map(f64::from).sum();
        for backed in ["None", "\"r\""] {
            let Some(python) = python() else { continue };
            let script = format!(
                r#"
import sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import anndata as ad
a = ad.read_h5ad(sys.argv[1], backed={backed})
x = a.X[:] if a.isbacked else a.X
assert x.has_canonical_format and x.shape == (40000, 30) and x.dtype == "float32", x
print(a.obs["kind"].dtype, a.var["mean"].iloc[29], x[39999].toarray()[0, 29], x.sum(dtype="float64"))
"#
            );
            let last = whole.values().to_dense()[[39_999, 29]];
            assert_eq!(run(&python, &script, &path).trim(), format!("category 29.0 {last:.1} {sum:.1}"));
        }
    }
    // And what anndata reads in a small file without cells.
    let out = H5adBlocks::create(&path, whole.genes(), &means, Some(1)).unwrap();
    assert_eq!(out.finish().unwrap(), 0);
    assert_eq!(h5ad(&path, &H5adLayer::X).unwrap().n_samples(), 0);
    assert_eq!(open(&path, 5).count(), 0);
    write::h5ad(&path, &whole.select_samples(&[0]).unwrap(), &[]).unwrap();
    assert_eq!(open(&path, 5).count(), 1);
}

/// A Python that has anndata, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("SENSITOME_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import anndata"]).output();
    if found.is_ok_and(|o| o.status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: {python} has no anndata; name one that has with SENSITOME_PYTHON");
    None
}

fn run(python: &str, script: &str, path: &Path) -> String {
    let out = Command::new(python).args(["-W", "error", "-c", script]).arg(path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}
