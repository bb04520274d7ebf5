//! One golden case: its inputs, expected outputs, and what has been checked of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use serde_json::Value;

use crate::Got;
use crate::compare;

/// One case of the golden set.
#[derive(Debug)]
pub struct Case {
    /// Its name, `prefix__rest`.
    pub name: String,
    /// Its group.
    pub group: String,
    /// `ordinary`, `small`, `large` or `edge`.
    pub kind: String,
    /// The reference function.
    pub function: String,
    /// Definitions and cautions.
    pub note: String,
    /// The parameters of the call.
    pub params: Value,
    root: PathBuf,
    inputs: Value,
    outputs: Value,
    tolerance: Value,
    seen: RefCell<BTreeSet<String>>,
    failures: RefCell<Vec<String>>,
}

/// A sparse matrix of the set, row by row.
#[derive(Debug, Clone)]
pub struct Csr {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// Row pointers.
    pub indptr: Vec<usize>,
    /// Columns, ascending in a row.
    pub indices: Vec<usize>,
    /// Values.
    pub data: Vec<f64>,
}

impl Csr {
    /// Every entry written out.
    pub fn to_dense(&self) -> ArrayD<f64> {
        let mut out = ArrayD::zeros(IxDyn(&[self.shape.0, self.shape.1]));
        for (i, w) in self.indptr.windows(2).enumerate() {
            for k in w[0]..w[1] {
                out[[i, self.indices[k]]] = self.data[k];
            }
        }
        out
    }
}

impl Case {
    /// The case of an entry of `index.json`; `root` is the folder that its files are relative to.
    pub fn new(root: &Path, entry: &Value) -> Self {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            group: text("group"),
            kind: text("kind"),
            function: text("function"),
            note: text("note"),
            params: entry["params"].clone(),
            root: root.to_owned(),
            inputs: entry["inputs"].clone(),
            outputs: entry["outputs"].clone(),
            tolerance: entry["tolerance"].clone(),
            seen: RefCell::default(),
            failures: RefCell::default(),
        }
    }

    /// The name up to `__`, which says what the case is about.
    pub fn prefix(&self) -> &str {
        self.name.split("__").next().unwrap_or_default()
    }

    /// A number among the parameters, written as JSON or as `"NaN"`, `"Infinity"`, `"-Infinity"`.
    pub fn param(&self, name: &str) -> f64 {
        number(&self.params[name]).unwrap_or_else(|| panic!("parameter {name} is no number"))
    }

    /// Names of the inputs.
    pub fn input_names(&self) -> Vec<String> {
        keys(&self.inputs)
    }

    /// Whether there is such an input.
    pub fn has_input(&self, name: &str) -> bool {
        !self.inputs[name].is_null()
    }

    /// A numeric input of any dtype.
    pub fn f64s(&self, name: &str) -> ArrayD<f64> {
        self.array(self.input(name))
    }

    /// An integer input, flat in C order.
    pub fn i64s(&self, name: &str) -> Vec<i64> {
        assert_eq!(self.input(name)["dtype"], "int64", "input {name} holds no integers");
        self.f64s(name).iter().map(|&x| x as i64).collect()
    }

    /// An input of words.
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

    /// Whether an input is stored as float32.
    pub fn is_f32(&self, name: &str) -> bool {
        self.input(name)["dtype"] == "float32"
    }

    /// The file of an input, for formats a test reads itself.
    pub fn path(&self, name: &str) -> PathBuf {
        self.file(&self.input(name)["file"])
    }

    /// Names of the outputs.
    pub fn output_names(&self) -> Vec<String> {
        keys(&self.outputs)
    }

    /// Whether there is such an output.
    pub fn has_output(&self, name: &str) -> bool {
        !self.outputs[name].is_null()
    }

    /// An expected array (or sparse matrix, written out); for formulas whose draws are given.
    pub fn expected_array(&self, name: &str) -> ArrayD<f64> {
        let entry = self.output(name);
        if entry["kind"] == "csr" { self.sparse(entry).to_dense() } else { self.array(entry) }
    }

    /// An expected scalar as it stands in the JSON file.
    pub fn expected_scalar(&self, name: &str) -> Value {
        let entry = self.output(name);
        assert_eq!(entry["kind"], "scalar", "output {name} is no scalar");
        self.json(&entry["file"])[entry["key"].as_str().unwrap()].clone()
    }

    /// Whether the reference raised for this output.
    pub fn expects_error(&self, name: &str) -> bool {
        self.has_output(name)
            && self.output(name)["kind"] == "scalar"
            && !self.expected_scalar(name)["error"].is_null()
    }

    /// Compares an output as the set's README says: its tolerance, sign freedom and mask overlap.
    pub fn check(&self, name: &str, got: impl Into<Got>) {
        self.check_floor(name, got.into(), 0.0);
    }

    /// As [`check`](Self::check), with the README's allowance of 1e-5 (relative and absolute) for float32 arithmetic.
    pub fn check_f32(&self, name: &str, got: impl Into<Got>) {
        self.check_floor(name, got.into(), 1e-5);
    }

    /// Checks a result: an `Err` is right only where the reference raised.
    pub fn check_result<T: Into<Got>, E: std::fmt::Display>(&self, name: &str, got: Result<T, E>) {
        self.check(name, Got::of(got));
    }

    /// Marks outputs that a test does not cover, and says so on stderr.
    pub fn leave_out(&self, names: &[&str], reason: &str) {
        for name in names.iter().filter(|n| self.has_output(n)) {
            eprintln!("NOT COVERED: {} {} {name}: {reason}", self.group, self.name);
            self.seen.borrow_mut().insert((*name).to_owned());
        }
    }

    /// Marks outputs that were used as inputs of a formula (given draws), so that they need no check.
    pub fn used(&self, names: &[&str]) {
        for name in names {
            self.output(name);
            self.seen.borrow_mut().insert((*name).to_owned());
        }
    }

    /// Notes a failure; the other outputs and cases still run.
    pub fn fail(&self, message: impl Into<String>) {
        self.failures.borrow_mut().push(format!("{}: {}", self.name, message.into()));
    }

    fn check_floor(&self, name: &str, got: Got, floor: f64) {
        if !self.has_output(name) {
            return self.fail(format!("{name} is not among the outputs {:?}", self.output_names()));
        }
        self.seen.borrow_mut().insert(name.to_owned());
        if let Err(problem) = self.compare(name, got, floor) {
            self.fail(format!("{name}: {problem}"));
        }
    }

    fn compare(&self, name: &str, got: Got, floor: f64) -> Result<(), String> {
        let entry = self.output(name);
        if self.informative(name) {
            return Ok(());
        }
        match (self.expects_error(name), &got) {
            (true, Got::Error(_)) => return Ok(()),
            (true, _) => return Err("a value, expected an error".into()),
            (false, Got::Error(e)) => return Err(format!("error: {e}")),
            _ => {}
        }
        if entry["kind"] == "json" {
            let expected = self.word_list(entry);
            return match got {
                Got::Words(w) if w == expected => Ok(()),
                Got::Words(w) => Err(compare::words(&w, &expected)),
                _ => Err("no words, expected words".into()),
            };
        }
        let expected = match entry["kind"].as_str() {
            Some("scalar") => {
                let value = self.expected_scalar(name);
                let x = number(&value).ok_or_else(|| format!("expected value {value} is no number"))?;
                ArrayD::from_elem(IxDyn(&[]), x)
            }
            _ => self.expected_array(name),
        };
        let got = got.numbers(expected.shape())?;
        if let Some(share) = self.tolerance["set_overlap"][name].as_f64() {
            return compare::overlap(&got, &expected, share);
        }
        let (rtol, atol) = if entry["dtype"] == "int64" { (0.0, 0.0) } else { self.tolerances(name, floor) };
        let axis = self.tolerance["up_to_sign"][name].as_u64();
        compare::numbers(got, &expected, rtol, atol, axis.map(|a| a as usize))
    }

    fn tolerances(&self, name: &str, floor: f64) -> (f64, f64) {
        let own = &self.tolerance["per_output"][name];
        let of =
            |key: &str| own[key].as_f64().or(self.tolerance[key].as_f64()).expect("a tolerance").max(floor);
        (of("rtol"), of("atol"))
    }

    fn informative(&self, name: &str) -> bool {
        self.tolerance["do_not_compare"].as_array().is_some_and(|a| a.iter().any(|v| v == name))
    }

    /// What failed, with the outputs that nobody looked at.
    pub fn into_failures(self) -> Vec<String> {
        let seen = self.seen.borrow();
        let missed: Vec<String> =
            self.output_names().into_iter().filter(|n| !seen.contains(n) && !self.informative(n)).collect();
        let mut out = self.failures.borrow().clone();
        if !missed.is_empty() {
            out.push(format!("{}: never checked: {}", self.name, missed.join(", ")));
        }
        out
    }

    fn input(&self, name: &str) -> &Value {
        assert!(self.has_input(name), "{} has no input {name}", self.name);
        &self.inputs[name]
    }

    fn output(&self, name: &str) -> &Value {
        assert!(self.has_output(name), "{} has no output {name}", self.name);
        &self.outputs[name]
    }

    fn file(&self, name: &Value) -> PathBuf {
        self.root.join(name.as_str().expect("a file name"))
    }

    fn json(&self, name: &Value) -> Value {
        let path = self.file(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    fn word_list(&self, entry: &Value) -> Vec<String> {
        let value = self.json(&entry["file"]);
        let list = value.as_array().expect("a list of words");
        list.iter().map(|w| w.as_str().expect("a word").to_owned()).collect()
    }

    fn array(&self, entry: &Value) -> ArrayD<f64> {
        let path = self.file(&entry["file"]);
        read(&path, entry["dtype"].as_str().unwrap_or_default())
    }

    fn sparse(&self, entry: &Value) -> Csr {
        let part = |key: &str, dtype: &str| read(&self.file(&entry[key]), dtype).into_iter();
        let size = |k: usize| entry["shape"][k].as_u64().expect("a shape") as usize;
        Csr {
            shape: (size(0), size(1)),
            indptr: part("indptr", "int64").map(|x| x as usize).collect(),
            indices: part("indices", "int64").map(|x| x as usize).collect(),
            data: part("data", entry["dtype"].as_str().unwrap_or_default()).collect(),
        }
    }
}

fn keys(object: &Value) -> Vec<String> {
    object.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::String(s) => match s.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => other.as_f64(),
    }
}

fn read(path: &Path, dtype: &str) -> ArrayD<f64> {
    let stop = |e: ndarray_npy::ReadNpyError| -> ! { panic!("{}: {e}", path.display()) };
    match dtype {
        "float64" => ndarray_npy::read_npy(path).unwrap_or_else(|e| stop(e)),
        "float32" => {
            ndarray_npy::read_npy::<_, ArrayD<f32>>(path).unwrap_or_else(|e| stop(e)).mapv(f64::from)
        }
        // The index arrays of sparse matrices may be 32 bits wide.
        "int64" => match ndarray_npy::read_npy::<_, ArrayD<i64>>(path) {
            Ok(a) => a.mapv(|x| x as f64),
            Err(_) => {
                ndarray_npy::read_npy::<_, ArrayD<i32>>(path).unwrap_or_else(|e| stop(e)).mapv(f64::from)
            }
        },
        other => panic!("{}: unknown dtype {other}", path.display()),
    }
}
