//! One golden case: its inputs, parameters and expected outputs.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::ReadNpyExt;
use serde_json::{Map, Value};

use crate::compare::{Tolerance, number};
use crate::golden::Note;
use crate::paths::golden_dir;

/// A case of `index.json`. Its accessors panic, with the case's name, on what the fixture does not hold.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique name, `PREFIX__VARIANT`.
    pub name: String,
    /// Group, the folder the case lies in.
    pub group: String,
    /// `ordinary`, `small`, `large` or `edge`.
    pub kind: String,
    /// The reference function.
    pub function: String,
    /// Definitions and cautions.
    pub note: String,
    /// Parameters of the call.
    pub params: Value,
    root: PathBuf,
    inputs: Map<String, Value>,
    outputs: Map<String, Value>,
    tolerance: Value,
    pub(crate) notes: RefCell<Vec<Note>>,
}

/// A sparse matrix as compressed rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// Rows, columns.
    pub shape: (usize, usize),
    /// Row starts, one more than rows.
    pub indptr: Vec<usize>,
    /// Column of every stored value, ascending within a row.
    pub indices: Vec<usize>,
    /// Stored values.
    pub data: Vec<f64>,
}

impl Csr {
    /// The same matrix with its zeros.
    pub fn to_dense(&self) -> ArrayD<f64> {
        let mut dense = ArrayD::zeros(IxDyn(&[self.shape.0, self.shape.1]));
        for i in 0..self.shape.0 {
            for k in self.indptr[i]..self.indptr[i + 1] {
                dense[[i, self.indices[k]]] += self.data[k];
            }
        }
        dense
    }
}

/// All cases of a group, in the order of the index; none, with a `SKIPPED` line, without the fixtures.
pub fn cases(group: &str) -> Vec<Case> {
    let Some(root) = golden_dir() else { return Vec::new() };
    let index = json(&root.join("index.json"));
    let cases = index["cases"].as_array().expect("index.json has a list `cases`");
    let cases: Vec<Case> =
        cases.iter().filter(|c| c["group"] == group).map(|c| Case::from_index(&root, c)).collect();
    assert!(!cases.is_empty(), "index.json has no case of group {group}");
    cases
}

impl Case {
    fn from_index(root: &Path, entry: &Value) -> Self {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let table = |key: &str| entry[key].as_object().cloned().unwrap_or_default();
        Self {
            name: text("name"),
            group: text("group"),
            kind: text("kind"),
            function: text("function"),
            note: text("note"),
            params: entry["params"].clone(),
            root: root.to_path_buf(),
            inputs: table("inputs"),
            outputs: table("outputs"),
            tolerance: entry["tolerance"].clone(),
            notes: RefCell::default(),
        }
    }

    /// The name up to the first `__`: which function the case is about.
    pub fn prefix(&self) -> &str {
        self.name.split("__").next().unwrap_or(&self.name)
    }

    /// Names of the inputs, ascending.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.keys().map(String::as_str).collect()
    }

    /// Whether the case has this input.
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    /// Whether an input is stored as float32.
    pub fn is_f32(&self, name: &str) -> bool {
        self.input(name)["dtype"] == "float32"
    }

    /// An array input of any type, as doubles; a sparse one with its zeros.
    pub fn f64s(&self, name: &str) -> ArrayD<f64> {
        self.array(self.input(name))
    }

    /// An integer input, flat in C order.
    pub fn i64s(&self, name: &str) -> Vec<i64> {
        let entry = self.input(name);
        assert_eq!(entry["dtype"], "int64", "{}: input {name} is not of integers", self.name);
        self.integers(entry)
    }

    /// A list of words.
    pub fn words(&self, name: &str) -> Vec<String> {
        self.word_list(self.input(name))
    }

    /// A sparse input.
    pub fn csr(&self, name: &str) -> Csr {
        self.sparse(self.input(name))
    }

    /// Whether an input is sparse.
    pub fn is_csr(&self, name: &str) -> bool {
        self.input(name)["kind"] == "csr"
    }

    /// Where the file of an input lies.
    pub fn input_path(&self, name: &str) -> PathBuf {
        self.file(self.input(name), "file")
    }

    /// A numeric parameter.
    pub fn number(&self, name: &str) -> f64 {
        self.params[name].as_f64().unwrap_or_else(|| panic!("{}: no number {name}", self.name))
    }

    /// A parameter that is a whole number.
    pub fn count(&self, name: &str) -> usize {
        let n = self.params[name].as_u64().unwrap_or_else(|| panic!("{}: no count {name}", self.name));
        usize::try_from(n).unwrap()
    }

    /// A parameter that may be absent.
    pub fn param(&self, name: &str) -> Option<f64> {
        number(&self.params[name])
    }

    /// An option of the call (`params.options`) that may be absent; true and false are 1 and 0.
    pub fn option(&self, name: &str) -> Option<f64> {
        let value = &self.params["options"][name];
        value.as_bool().map(|b| f64::from(u8::from(b))).or_else(|| number(value))
    }

    /// A parameter that is a word.
    pub fn word(&self, name: &str) -> String {
        let word = self.params[name].as_str();
        word.unwrap_or_else(|| panic!("{}: no word {name}", self.name)).to_owned()
    }

    /// A parameter that is a list of numbers.
    pub fn list(&self, name: &str) -> Vec<f64> {
        let list = self.params[name].as_array();
        list.into_iter().flatten().filter_map(number).collect()
    }

    /// The layers of the network `prefix`, as the fixture describes them.
    pub fn layers(&self, prefix: &str) -> Vec<Value> {
        self.params["layers"][prefix].as_array().cloned().unwrap_or_default()
    }

    /// Names of the outputs, ascending.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.keys().map(String::as_str).collect()
    }

    /// Whether the case lists this output.
    pub fn has_output(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }

    /// An expected array as doubles; a sparse one with its zeros.
    pub fn expected_array(&self, name: &str) -> ArrayD<f64> {
        self.array(self.output(name))
    }

    /// An expected array of integers, flat in C order.
    pub fn expected_integers(&self, name: &str) -> Vec<i64> {
        self.integers(self.output(name))
    }

    /// An expected list of words.
    pub fn expected_words(&self, name: &str) -> Vec<String> {
        self.word_list(self.output(name))
    }

    /// An expected value of `expected.json`, as it is written there.
    pub fn expected_scalar(&self, name: &str) -> Value {
        let entry = self.output(name);
        let key = entry["key"].as_str().unwrap_or_else(|| panic!("{}: {name} is no scalar", self.name));
        json(&self.file(entry, "file"))[key].clone()
    }

    /// An expected array, or a scalar as an array of one value.
    pub fn expected_array_or_scalar(&self, name: &str) -> ArrayD<f64> {
        if self.kind_of(name) != "scalar" {
            return self.expected_array(name);
        }
        let value = self.expected_scalar(name);
        let value = number(&value).unwrap_or_else(|| panic!("{}: {name} is no number: {value}", self.name));
        ArrayD::from_elem(IxDyn(&[1]), value)
    }

    /// Whether the reference raised an error there.
    pub fn expects_error(&self, name: &str) -> bool {
        self.kind_of(name) == "scalar" && self.expected_scalar(name).get("error").is_some()
    }

    /// Whether the call as a whole is an error: the case lists an output `error`.
    pub fn is_error(&self) -> bool {
        self.has_output("error")
    }

    /// Whether an output is only for information.
    pub fn do_not_compare(&self, name: &str) -> bool {
        self.tolerance["do_not_compare"].as_array().is_some_and(|l| l.iter().any(|v| v == name))
    }

    pub(crate) fn kind_of(&self, name: &str) -> &str {
        self.output(name)["kind"].as_str().unwrap_or_default()
    }

    pub(crate) fn tolerance(&self, name: &str) -> Tolerance {
        let own = &self.tolerance["per_output"][name];
        let pick = |key: &str| own[key].as_f64().or(self.tolerance[key].as_f64()).unwrap_or(0.0);
        Tolerance {
            rtol: pick("rtol"),
            atol: pick("atol"),
            sign_axis: self.tolerance["up_to_sign"][name].as_u64().map(|a| usize::try_from(a).unwrap()),
            overlap: self.tolerance["set_overlap"][name].as_f64(),
            exact: self.output(name)["dtype"] == "int64",
        }
    }

    fn input(&self, name: &str) -> &Value {
        self.inputs.get(name).unwrap_or_else(|| panic!("{}: no input {name}", self.name))
    }

    fn output(&self, name: &str) -> &Value {
        self.outputs.get(name).unwrap_or_else(|| panic!("{}: no output {name}", self.name))
    }

    fn file(&self, entry: &Value, key: &str) -> PathBuf {
        self.root.join(entry[key].as_str().unwrap_or_else(|| panic!("{}: no {key} in {entry}", self.name)))
    }

    fn array(&self, entry: &Value) -> ArrayD<f64> {
        match entry["kind"].as_str() {
            Some("csr") => self.sparse(entry).to_dense(),
            Some("npy") => npy(&self.file(entry, "file")),
            _ => panic!("{}: no array: {entry}", self.name),
        }
    }

    fn integers(&self, entry: &Value) -> Vec<i64> {
        ArrayD::<i64>::read_npy(open(&self.file(entry, "file"))).unwrap().into_iter().collect()
    }

    fn word_list(&self, entry: &Value) -> Vec<String> {
        serde_json::from_value(json(&self.file(entry, "file"))).unwrap()
    }

    fn sparse(&self, entry: &Value) -> Csr {
        assert_eq!(entry["kind"], "csr", "{}: no sparse matrix: {entry}", self.name);
        let sizes =
            |key: &str| -> Vec<usize> { npy(&self.file(entry, key)).iter().map(|&v| v as usize).collect() };
        let shape = entry["shape"].as_array().unwrap();
        let side = |i: usize| usize::try_from(shape[i].as_u64().unwrap()).unwrap();
        Csr {
            shape: (side(0), side(1)),
            indptr: sizes("indptr"),
            indices: sizes("indices"),
            data: npy(&self.file(entry, "data")).into_iter().collect(),
        }
    }
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Any numeric .npy as doubles.
fn npy(path: &Path) -> ArrayD<f64> {
    if let Ok(array) = ArrayD::<f64>::read_npy(open(path)) {
        return array;
    }
    if let Ok(array) = ArrayD::<f32>::read_npy(open(path)) {
        return array.mapv(f64::from);
    }
    if let Ok(array) = ArrayD::<i32>::read_npy(open(path)) {
        return array.mapv(f64::from);
    }
    let array = ArrayD::<i64>::read_npy(open(path));
    array.unwrap_or_else(|e| panic!("{}: {e}", path.display())).mapv(|v| v as f64)
}
