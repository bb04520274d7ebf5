//! The comparisons must be able to fail: each rule of the golden set's README, met and broken.

use ndarray::{Array1, Array2, array};
use sensitome_testkit::{Case, Got};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Set {
    dir: TempDir,
}

impl Set {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scalars = json!({"x": 2.0, "nan": "NaN", "inf": "-Infinity", "yes": true,
                             "error": {"error": "ValueError", "message": "no"}});
        std::fs::write(dir.path().join("expected.json"), scalars.to_string()).unwrap();
        std::fs::write(dir.path().join("words.json"), r#"["b", "a"]"#).unwrap();
        let write = |name: &str, a: Array1<f64>| ndarray_npy::write_npy(dir.path().join(name), &a).unwrap();
        write("v.npy", array![1.0, -2.0, f64::NAN]);
        write("data.npy", array![5.0, 7.0]);
        let m: Array2<f64> = array![[1.0, 2.0], [-3.0, 4.0]];
        ndarray_npy::write_npy(dir.path().join("m.npy"), &m).unwrap();
        ndarray_npy::write_npy(dir.path().join("mask.npy"), &array![1i64, 1, 0, 0]).unwrap();
        ndarray_npy::write_npy(dir.path().join("indptr.npy"), &array![0i64, 1, 2]).unwrap();
        ndarray_npy::write_npy(dir.path().join("indices.npy"), &array![2i32, 0]).unwrap();
        Self { dir }
    }

    fn case(&self, outputs: Value, tolerance: Value) -> Case {
        let csr = json!({"kind": "csr", "shape": [2, 3], "data": "data.npy", "indices": "indices.npy",
                         "indptr": "indptr.npy", "dtype": "float64"});
        let entry = json!({"name": "p__q", "group": "g", "params": {"k": 3}, "outputs": outputs,
                           "inputs": {"m": csr}, "tolerance": tolerance});
        Case::new(self.dir.path(), &entry)
    }
}

fn scalar(key: &str) -> Value {
    json!({"kind": "scalar", "file": "expected.json", "key": key})
}

fn npy(file: &str, dtype: &str) -> Value {
    json!({"kind": "npy", "file": file, "dtype": dtype, "shape": []})
}

fn failures(case: Case, name: &str, got: impl Into<Got>) -> usize {
    case.check(name, got);
    case.into_failures().len()
}

#[test]
fn scalars_and_errors() {
    let set = Set::new();
    let tight = json!({"rtol": 0.0, "atol": 1e-9});
    let check = |key: &str, got: Got| failures(set.case(json!({key: scalar(key)}), tight.clone()), key, got);
    assert_eq!(check("x", 2.0.into()), 0);
    assert_eq!(check("x", 2.0000001.into()), 1);
    assert_eq!(check("x", Got::Error("no".into())), 1);
    assert_eq!(check("nan", None.into()), 0);
    assert_eq!(check("nan", 0.5.into()), 1);
    assert_eq!(check("inf", f64::NEG_INFINITY.into()), 0);
    assert_eq!(check("inf", f64::INFINITY.into()), 1);
    assert_eq!(check("yes", true.into()), 0);
    assert_eq!(check("yes", false.into()), 1);
    assert_eq!(check("error", Got::Error("other wording".into())), 0);
    assert_eq!(check("error", 1.0.into()), 1);
}

#[test]
fn arrays_shapes_and_the_float32_allowance() {
    let set = Set::new();
    let case = || set.case(json!({"v": npy("v.npy", "float64")}), json!({"rtol": 0.0, "atol": 1e-9}));
    assert_eq!(failures(case(), "v", vec![1.0, -2.0, f64::NAN]), 0);
    assert_eq!(failures(case(), "v", vec![1.0, -2.0, 0.0]), 1);
    assert_eq!(failures(case(), "v", vec![1.0, -2.0]), 1);
    assert_eq!(failures(case(), "v", vec![1.000005, -2.0, f64::NAN]), 1);
    let near = case();
    near.check_f32("v", vec![1.000005, -2.0, f64::NAN]);
    assert!(near.into_failures().is_empty());
    // The allowance never reaches integers.
    let mask = set.case(json!({"mask": npy("mask.npy", "int64")}), json!({"rtol": 0.1, "atol": 0.1}));
    mask.check_f32("mask", vec![1.000005, 1.0, 0.0, 0.0]);
    assert_eq!(mask.into_failures().len(), 1);
}

#[test]
fn own_tolerance_sign_and_overlap() {
    let set = Set::new();
    let m = json!({"m": npy("m.npy", "float64")});
    let tol = json!({"rtol": 0.0, "atol": 0.0, "per_output": {"m": {"rtol": 0.0, "atol": 0.5}}});
    assert_eq!(failures(set.case(m.clone(), tol.clone()), "m", array![[1.4, 2.0], [-3.0, 4.0]]), 0);
    assert_eq!(failures(set.case(m.clone(), tol), "m", array![[1.6, 2.0], [-3.0, 4.0]]), 1);
    let sign = |axis: u8| json!({"rtol": 0.0, "atol": 1e-12, "up_to_sign": {"m": axis}});
    let row_flipped = array![[1.0, 2.0], [3.0, -4.0]];
    let column_flipped = array![[-1.0, 2.0], [3.0, 4.0]];
    assert_eq!(failures(set.case(m.clone(), sign(0)), "m", &row_flipped), 0);
    assert_eq!(failures(set.case(m.clone(), sign(1)), "m", &row_flipped), 1);
    assert_eq!(failures(set.case(m.clone(), sign(1)), "m", &column_flipped), 0);
    assert_eq!(failures(set.case(m, sign(0)), "m", &column_flipped), 1);
    let mask = || {
        set.case(
            json!({"mask": npy("mask.npy", "int64")}),
            json!({"rtol": 0.0, "atol": 0.0, "set_overlap": {"mask": 0.5}}),
        )
    };
    assert_eq!(failures(mask(), "mask", vec![0, 1, 1, 0]), 0);
    assert_eq!(failures(mask(), "mask", vec![0, 0, 1, 1]), 1);
}

#[test]
fn words_sparse_inputs_and_parameters() {
    let set = Set::new();
    let words = json!({"w": {"kind": "json", "file": "words.json"}});
    let case = || set.case(words.clone(), json!({"rtol": 0.0, "atol": 0.0}));
    assert_eq!(failures(case(), "w", vec!["b".to_owned(), "a".to_owned()]), 0);
    assert_eq!(failures(case(), "w", vec!["a".to_owned(), "b".to_owned()]), 1);
    assert_eq!(case().param("k"), 3.0);
    let dense = case().csr("m").to_dense();
    assert_eq!(dense, array![[0.0, 0.0, 5.0], [7.0, 0.0, 0.0]].into_dyn());
    assert_eq!(case().prefix(), "p");
}

#[test]
fn an_output_nobody_checked_fails_the_case() {
    let set = Set::new();
    let outputs = json!({"x": scalar("x"), "nan": scalar("nan")});
    let tol = json!({"rtol": 0.0, "atol": 0.0});
    let case = set.case(outputs.clone(), tol.clone());
    case.check("x", 2.0);
    assert_eq!(case.into_failures(), ["p__q: never checked: nan"]);
    let left = set.case(outputs.clone(), tol);
    left.check("x", 2.0);
    left.leave_out(&["nan"], "not ours");
    assert!(left.into_failures().is_empty());
    let informative = json!({"rtol": 0.0, "atol": 0.0, "do_not_compare": ["nan"]});
    assert_eq!(failures(set.case(outputs.clone(), informative.clone()), "x", 2.0), 0);
    assert_eq!(failures(set.case(outputs, informative), "unknown", 2.0), 2);
}
