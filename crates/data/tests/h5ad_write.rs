//! Writing `.h5ad`: what is read back is what was written, here and in anndata.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests are tests

mod files;

use std::path::Path;
use std::process::Command;

use ndarray::{Array2, array};
use proptest::prelude::*;
use sensitome_data::read::{H5adLayer, h5ad};
use sensitome_data::{Column, CsrMatrix, ExpressionMatrix, Values, write};

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

/// Equality that takes NaN for itself.
fn assert_same(a: &ExpressionMatrix, b: &ExpressionMatrix) {
    assert_eq!((a.samples(), a.genes(), a.values()), (b.samples(), b.genes(), b.values()));
    for (x, y) in [(a.sample_columns(), b.sample_columns()), (a.gene_columns(), b.gene_columns())] {
        assert_eq!(x.keys().collect::<Vec<_>>(), y.keys().collect::<Vec<_>>());
        for (name, column) in x {
            match (column, &y[name]) {
                (Column::Number(p), Column::Number(q)) => {
                    let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(p), bits(q), "{name}");
                }
                (p, q) => assert_eq!(p, q, "{name}"),
            }
        }
    }
}

fn round_trip(m: &ExpressionMatrix) -> ExpressionMatrix {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    write::h5ad(&path, m, &[]).unwrap();
    h5ad(&path, &H5adLayer::X).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    // Anything but NUL, which ends a string in HDF5.
    "[^\u{0}]{0,12}"
}

fn column(n: usize) -> impl Strategy<Value = Column> {
    let number = prop_oneof![4 => any::<f64>(), 1 => Just(f64::NAN), 1 => (-9i32..9).prop_map(f64::from)];
    prop_oneof![
        prop::collection::vec(prop::option::of(text()), n).prop_map(Column::Text),
        prop::collection::vec(text(), n).prop_map(Column::text),
        prop::collection::vec(number, n).prop_map(|v: Vec<f64>| {
            Column::Number(v.into_iter().map(|x| if x.is_nan() { f64::NAN } else { x }).collect())
        }),
        (prop::collection::hash_set(text(), 1..5), prop::collection::vec(prop::option::of(any::<u32>()), n))
            .prop_map(|(names, codes)| {
                let codes = codes.into_iter().map(|c| c.map(|c| c % names.len() as u32)).collect();
                Column::Category { codes, names: names.into_iter().collect() }
            }),
        prop::collection::vec(prop::option::of(0u32..2), n)
            .prop_map(|codes| Column::Category { codes, names: vec!["false".into(), "true".into()] }),
        prop::collection::vec(0u32..2, n).prop_map(|codes| Column::Category {
            codes: codes.into_iter().map(Some).collect(),
            names: vec!["false".into(), "true".into()]
        }),
    ]
}

fn columns(n: usize) -> impl Strategy<Value = Vec<(String, Column)>> {
    // Names as people give them, even one that means something elsewhere in the format.
    let name = prop_oneof![Just("index".to_owned()), "[a-zA-Zäß _.()%-]{1,8}x"];
    prop::collection::vec((name, column(n)), 0..5)
}

fn matrix() -> impl Strategy<Value = ExpressionMatrix> {
    (0usize..7, 0usize..6, any::<bool>()).prop_flat_map(|(n, p, sparse)| {
        let value = prop_oneof![Just(0f32), -1e30f32..1e30, Just(f32::MIN_POSITIVE)];
        (prop::collection::vec(value, n * p), columns(n), columns(p)).prop_map(move |(values, obs, var)| {
            let dense = Array2::from_shape_vec((n, p), values).unwrap();
            let values =
                if sparse { Values::Sparse(CsrMatrix::from_dense(&dense)) } else { Values::Dense(dense) };
            let mut m = ExpressionMatrix::new(values, names("zelle ", n), names("Gen-β", p)).unwrap();
            obs.into_iter().for_each(|(k, c)| m.set_sample_column(k, c).unwrap());
            var.into_iter().for_each(|(k, c)| m.set_gene_column(k, c).unwrap());
            m
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_is_written_is_read(m in matrix()) {
        assert_same(&m, &round_trip(&m));
    }
}

/// Enough values for several chunks, in each form.
fn large(sparse: bool) -> ExpressionMatrix {
    let dense = Array2::from_shape_fn((1_500, 400), |(i, j)| {
        let k = (i * 31 + j * 17) % 101;
        if k < 30 { k as f32 / 7.0 } else { 0.0 }
    });
    let values = if sparse { Values::Sparse(CsrMatrix::from_dense(&dense)) } else { Values::Dense(dense) };
    ExpressionMatrix::new(values, names("c", 1_500), names("g", 400)).unwrap()
}

#[test]
fn matrices_of_several_chunks_are_exact_and_compressed() {
    for sparse in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.h5ad");
        write::h5ad(&path, &large(sparse), &[]).unwrap();
        assert_same(&large(sparse), &h5ad(&path, &H5adLayer::X).unwrap());
        let stored = large(sparse).values().stored().count() as u64 * 4;
        assert!(std::fs::metadata(&path).unwrap().len() < stored / 2);
    }
}

#[test]
fn the_same_matrix_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|n| folder.path().join(n));
    for path in &paths {
        write::h5ad(path, &large(true), &[("X_pca".into(), Array2::zeros((1_500, 3)))]).unwrap();
    }
    assert!(std::fs::read(&paths[0]).unwrap() == std::fs::read(&paths[1]).unwrap());
}

fn small() -> ExpressionMatrix {
    let mut m = ExpressionMatrix::new(
        Values::Dense(array![[1.0, 0.0], [0.0, 2.5], [3.0, 0.0]]),
        names("c", 3),
        names("g", 2),
    )
    .unwrap();
    m.set_sample_column("n", Column::Number(vec![1.5, f64::NAN, -2.0])).unwrap();
    m.set_sample_column("text", Column::text(["ä", "", "c"])).unwrap();
    m.set_sample_column("gaps", Column::Text(vec![Some("x".into()), None, Some(String::new())])).unwrap();
    let line =
        Column::Category { codes: vec![Some(1), None, Some(1)], names: vec!["unused".into(), "A549".into()] };
    m.set_sample_column("line", line).unwrap();
    let bools = |codes: [Option<u32>; 3]| Column::Category {
        codes: codes.to_vec(),
        names: vec!["false".into(), "true".into()],
    };
    m.set_sample_column("sensitive", bools([Some(1), Some(0), Some(1)])).unwrap();
    m.set_sample_column("maybe", bools([Some(1), None, Some(0)])).unwrap();
    m
}

#[test]
fn faults_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let mut slash = small();
    slash.set_sample_column("a/b", Column::text(["", "", ""])).unwrap();
    let mut index = small();
    index.set_gene_column("_index", Column::text(["", ""])).unwrap();
    let mut nul = small();
    nul.set_sample_column("t", Column::text(["a\0b", "", ""])).unwrap();
    let pca = |rows| ("X_pca".to_owned(), Array2::<f32>::zeros((rows, 2)));
    let cases = [
        (write::h5ad(&path, &slash, &[]), "a/b"),
        (write::h5ad(&path, &index, &[]), "column _index"),
        (write::h5ad(&path, &nul, &[]), "a\\0b"),
        (write::h5ad(&path, &small(), &[pca(2)]), "embedding X_pca: 2 rows for 3 samples"),
        (write::h5ad(&path, &small(), &[pca(3), pca(3)]), "embedding X_pca: is given twice"),
        (write::h5ad(folder.path().join("no/m.h5ad"), &small(), &[]), "cannot write"),
    ];
    for (result, part) in cases {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
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

/// Runs a script with the path as its argument and every warning an error, and gives back what it prints.
fn run(python: &str, script: &str, path: &Path) -> serde_json::Value {
    let out = Command::new(python).args(["-W", "error", "-c", script]).arg(path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

const DESCRIBE: &str = r#"
import json, sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the import, which is not ours
    import anndata as ad
a = ad.read_h5ad(sys.argv[1])
dense = a.X if isinstance(a.X, __import__("numpy").ndarray) else a.X.toarray()
missing = lambda c: [None if m else v for v, m in zip(c.tolist(), c.isna())]
print(json.dumps({
    "form": type(a.X).__name__, "dtype": str(a.X.dtype), "shape": a.shape, "X": dense.tolist(),
    "obs_names": a.obs_names.tolist(), "var_names": a.var_names.tolist(),
    "obs": {k: [str(a.obs[k].dtype), missing(a.obs[k])] for k in a.obs},
    "var": list(a.var), "obsm": {k: a.obsm[k].tolist() for k in a.obsm}, "uns": list(a.uns),
}))
"#;

#[test]
fn anndata_reads_what_is_written() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let pca = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.5]];
    for sparse in [false, true] {
        let mut m = small();
        if sparse {
            m = m.with_values(Values::Sparse(CsrMatrix::from_dense(&m.values().to_dense()))).unwrap();
        }
        write::h5ad(&path, &m, &[("X_pca".into(), pca.clone())]).unwrap();
        let found = run(&python, DESCRIBE, &path);
        let expected = serde_json::json!({
            "form": if sparse { "csr_matrix" } else { "ndarray" }, "dtype": "float32", "shape": [3, 2],
            "X": [[1.0, 0.0], [0.0, 2.5], [3.0, 0.0]],
            "obs_names": ["c0", "c1", "c2"], "var_names": ["g0", "g1"],
            "obs": {
                "n": ["float64", [1.5, null, -2.0]],
                "text": ["object", ["ä", "", "c"]],
                "gaps": ["string", ["x", null, ""]],
                "line": ["category", ["A549", null, "A549"]],
                "sensitive": ["bool", [true, false, true]],
                "maybe": ["boolean", [true, null, false]],
            },
            "var": [], "obsm": {"X_pca": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.5]]}, "uns": [],
        });
        assert_eq!(found, expected);
    }
}

#[test]
fn anndata_writes_again_what_it_read() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    let wide = Array2::from_shape_fn((3, 70_000), |(i, j)| (i * j % 7) as f32);
    let wide = ExpressionMatrix::new(Values::Dense(wide), names("c", 3), names("g", 70_000)).unwrap();
    for m in [large(true), large(false), small(), wide] {
        write::h5ad(&path, &m, &[]).unwrap();
        let script = r#"
import sys, warnings
warnings.simplefilter("ignore")
import anndata as ad
ad.settings.allow_write_nullable_strings = True
a = ad.read_h5ad(sys.argv[1])
a.write_h5ad(sys.argv[1], compression="lzf")
print(a.n_obs)
"#;
        run(&python, script, &path);
        let again = h5ad(&path, &H5adLayer::X).unwrap();
        assert_eq!((again.samples(), again.values()), (m.samples(), m.values()));
        assert_eq!(
            again.sample_columns().keys().collect::<Vec<_>>(),
            m.sample_columns().keys().collect::<Vec<_>>()
        );
    }
}

#[test]
fn anndata_reads_matrices_without_cells_or_genes() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5ad");
    for (n, p) in [(0, 3), (2, 0), (0, 0)] {
        for values in [
            Values::Dense(Array2::zeros((n, p))),
            Values::Sparse(CsrMatrix::from_dense(&Array2::zeros((n, p)))),
        ] {
            let m = ExpressionMatrix::new(values, names("c", n), names("g", p)).unwrap();
            write::h5ad(&path, &m, &[]).unwrap();
            assert_eq!(run(&python, DESCRIBE, &path)["shape"], serde_json::json!([n, p]));
        }
    }
}
