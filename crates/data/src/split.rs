//! Splits: immutable values with a content hash.
//!
//! The draws are those of numpy, scikit-learn and Python's `random`, so that published splits can be repeated.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::rng::{NumpyRng, PythonRng};
use crate::{DataError, Result, hex, write};

/// Which rows are trained on, selected on and tested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub struct Split {
    rule: String,
    seed: u64,
    rows: usize,
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<usize>,
    hash: String,
}

/// A split as it stands in a file, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    rule: String,
    seed: u64,
    rows: usize,
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<usize>,
    hash: String,
}

impl TryFrom<Saved> for Split {
    type Error = &'static str;

    fn try_from(s: Saved) -> std::result::Result<Self, Self::Error> {
        let split = Self::new(s.rule, s.seed, s.rows, [s.train, s.validation, s.test]);
        if split.hash == s.hash && split.is_sound() {
            Ok(split)
        } else {
            Err("it was changed after it was saved")
        }
    }
}

impl Split {
    fn new(rule: String, seed: u64, rows: usize, parts: [Vec<usize>; 3]) -> Self {
        let [train, validation, test] = parts;
        let mut out = Self { rule, seed, rows, train, validation, test, hash: String::new() };
        out.hash = out.content_hash();
        out
    }

    fn content_hash(&self) -> String {
        let mut h = Sha256::new();
        h.update(format!("{}\0{}\0{}", self.rule, self.seed, self.rows));
        for part in [&self.train, &self.validation, &self.test] {
            h.update((part.len() as u64).to_le_bytes());
            part.iter().for_each(|&i| h.update((i as u64).to_le_bytes()));
        }
        hex(&h.finalize())
    }

    /// Whether every row that is named exists and is in one part only, once.
    fn is_sound(&self) -> bool {
        let mut named = HashSet::new();
        let parts = self.train.iter().chain(&self.validation).chain(&self.test);
        parts.into_iter().all(|&i| i < self.rows && named.insert(i))
    }

    /// Rows to train on.
    pub fn train(&self) -> &[usize] {
        &self.train
    }

    /// Rows to select on.
    pub fn validation(&self) -> &[usize] {
        &self.validation
    }

    /// Rows to test on.
    pub fn test(&self) -> &[usize] {
        &self.test
    }

    /// Number of rows that were split; parts need not hold all of them.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Seed of the draws; 0 where nothing was drawn.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How the split was made.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// SHA-256 over rule, seed and rows.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Random parts regardless of labels: the test part first, then the validation part of the rest, each share rounded
    /// up (scikit-learn's `train_test_split`, twice with the same seed, as scDEAL does).
    ///
    /// # Errors
    /// When the shares leave no row to train on.
    pub fn unstratified(rows: usize, validation: f64, test: f64, seed: u64) -> Result<Self> {
        check_shares(validation, test)?;
        let draw = |from: &[usize], share: f64| -> (Vec<usize>, Vec<usize>) {
            let n = (share * from.len() as f64).ceil() as usize;
            let order = NumpyRng::new(seed).permutation(from.len());
            let pick = |part: &[usize]| part.iter().map(|&k| from[k]).collect::<Vec<_>>();
            (pick(&order[n.min(order.len())..]), pick(&order[..n.min(order.len())]))
        };
        let all: Vec<usize> = (0..rows).collect();
        let (rest, test_rows) = if test > 0.0 { draw(&all, test) } else { (all, Vec::new()) };
        let (train, validation_rows) =
            if validation > 0.0 { draw(&rest, validation) } else { (rest, Vec::new()) };
        if train.is_empty() {
            return Err(DataError::invalid(
                "split",
                format!("{rows} rows leave none to train on"),
                "use smaller shares",
            ));
        }
        let rule = format!("unstratified, validation {validation}, test {test}");
        Ok(Self::new(rule, seed, rows, [train, validation_rows, test_rows]))
    }

    /// Parts with the classes in proportion, shares of all rows. Classes of one member stay in training; where a part
    /// cannot hold a row of each class it is empty.
    ///
    /// # Errors
    /// When the shares are no shares or there is no row.
    pub fn stratified(labels: &[u8], validation: f64, test: f64, seed: u64) -> Result<Self> {
        check_shares(validation, test)?;
        if labels.is_empty() {
            return Err(DataError::invalid("split", "there is no row", "pass at least one"));
        }
        let mut rng = NumpyRng::new(seed);
        let mut train: Vec<usize> = (0..labels.len()).collect();
        let mut parts = [Vec::new(), Vec::new()];
        for (part, share) in parts.iter_mut().zip([test, validation]) {
            let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
            train.iter().for_each(|&i| *counts.entry(labels[i]).or_insert(0) += 1);
            let divisible: Vec<usize> = train.iter().copied().filter(|&i| counts[&labels[i]] > 1).collect();
            let classes = counts.values().filter(|&&n| n > 1).count();
            let n = ((share * labels.len() as f64).ceil() as usize).max(classes);
            if share == 0.0 || classes == 0 || n + classes > divisible.len() {
                continue;
            }
            let own: Vec<u8> = divisible.iter().map(|&i| labels[i]).collect();
            let (_, drawn) = stratified_halves(&own, n, &mut rng)?;
            *part = drawn.into_iter().map(|k| divisible[k]).collect();
            // Rounding may draw all of a small class: one of it stays to be trained on.
            for &class in counts.keys().filter(|c| counts[c] > 1) {
                if part.iter().filter(|&&i| labels[i] == class).count() == counts[&class]
                    && let Some(at) = part.iter().position(|&i| labels[i] == class)
                {
                    part.remove(at);
                }
            }
            let taken: HashSet<usize> = part.iter().copied().collect();
            train.retain(|i| !taken.contains(i));
        }
        let [test_rows, validation_rows] = parts;
        let rule = format!("stratified, validation {validation}, test {test}");
        Ok(Self::new(rule, seed, labels.len(), [train, validation_rows, test_rows]))
    }

    /// Parts that share no group (cell line, donor): groups in random order fill the test part, then the validation
    /// part, each to at least its share of the rows.
    ///
    /// # Errors
    /// When the shares leave no group to train on.
    pub fn grouped(groups: &[String], validation: f64, test: f64, seed: u64) -> Result<Self> {
        check_shares(validation, test)?;
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        groups.iter().enumerate().for_each(|(i, g)| members.entry(g).or_default().push(i));
        let names: Vec<&str> = members.keys().copied().collect();
        let mut parts = [Vec::new(), Vec::new()];
        let mut left = NumpyRng::new(seed).permutation(names.len()).into_iter().map(|k| names[k]);
        for (part, share) in parts.iter_mut().zip([test, validation]) {
            while (part.len() as f64) < share * groups.len() as f64
                && let Some(name) = left.next()
            {
                part.extend(&members[name]);
            }
        }
        let mut train: Vec<usize> = left.flat_map(|name| members[name].clone()).collect();
        train.sort_unstable();
        if train.is_empty() {
            return Err(DataError::invalid(
                "split",
                format!("{} groups leave none to train on", names.len()),
                "use smaller shares or finer groups",
            ));
        }
        let [test_rows, validation_rows] = parts;
        let rule = format!("grouped, validation {validation}, test {test}");
        Ok(Self::new(rule, seed, groups.len(), [train, validation_rows, test_rows]))
    }

    /// One split a fold of [`stratified_folds`]: the fold is tested on, the others are trained on.
    ///
    /// # Errors
    /// As [`stratified_folds`].
    pub fn folds(labels: &[u8], folds: usize, seed: Option<u64>) -> Result<Vec<Self>> {
        let fold_of = stratified_folds(labels, folds, seed)?;
        let drawn = if seed.is_some() { "shuffled" } else { "in order" };
        let split = |fold: usize| {
            let (test, train) = (0..labels.len()).partition(|&i| fold_of[i] == fold);
            let rule = format!("stratified, fold {} of {folds}, {drawn}", fold + 1);
            Self::new(rule, seed.unwrap_or(0), labels.len(), [train, Vec::new(), test])
        };
        Ok((0..folds).map(split).collect())
    }

    /// A few labelled rows of each class to train on, all others to test on: `n` of class 0, then `n` of class 1, drawn
    /// as Python's `random.sample` from `rows` in the order given. SSDA4Drug draws from the training part of an
    /// [`unstratified`](Self::unstratified) split of the cells, in the order of the split.
    ///
    /// # Errors
    /// When a class has fewer than `n` of the rows, or a row does not exist or is named twice.
    pub fn few_shot(labels: &[u8], rows: &[usize], n: usize, seed: u64) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(row) = rows.iter().find(|&&i| i >= labels.len() || !seen.insert(i)) {
            return Err(DataError::invalid(
                "few labelled cells",
                format!("row {row} does not exist or is named twice"),
                "name existing rows, each once",
            ));
        }
        let mut rng = PythonRng::new(seed);
        let mut train = Vec::new();
        for class in [0u8, 1] {
            let own: Vec<usize> = rows.iter().copied().filter(|&i| labels[i] == class).collect();
            if own.len() < n {
                return Err(DataError::invalid(
                    "few labelled cells",
                    format!("{n} of class {class} asked for, and there are {}", own.len()),
                    "ask for fewer",
                ));
            }
            train.extend(rng.sample(own.len(), n).into_iter().map(|k| own[k]));
        }
        let taken: HashSet<usize> = train.iter().copied().collect();
        let test = (0..labels.len()).filter(|i| !taken.contains(i)).collect();
        Ok(Self::new(format!("{n} of each class"), seed, labels.len(), [train, Vec::new(), test]))
    }

    /// Saves as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        write::atomic(path, |out| {
            serde_json::to_writer_pretty(out, self).map_err(|e| DataError::io(path, "write", e.into()))
        })
    }

    /// Loads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file cannot be read or its content is not what was saved.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| DataError::io(path, "read", e))?;
        serde_json::from_str(&text).map_err(|e| {
            DataError::file(
                &origin,
                format!("is no split ({e})"),
                "pass a file that a split was saved to, unchanged",
            )
        })
    }
}

fn check_shares(validation: f64, test: f64) -> Result<()> {
    if [validation, test].iter().all(|s| (0.0..1.0).contains(s)) && validation + test < 1.0 {
        return Ok(());
    }
    Err(DataError::invalid(
        "split",
        format!("shares of {validation} and {test}"),
        "use shares from 0 to 1 that leave some rows to train on",
    ))
}

/// Two parts with the classes in proportion, the second of `n_second` rows: scikit-learn's `train_test_split` with
/// `stratify`.
///
/// # Errors
/// When a class has one member, or a part has fewer rows than there are classes.
pub fn stratified_halves(
    labels: &[u8],
    n_second: usize,
    rng: &mut NumpyRng,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let mut classes: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(i, &y)| classes.entry(y).or_default().push(i));
    let n_first = labels.len().saturating_sub(n_second);
    if classes.values().any(|m| m.len() < 2) || n_second < classes.len() || n_first < classes.len() {
        return Err(DataError::invalid(
            "stratified split",
            format!("{n_first} and {n_second} rows of {} classes", classes.len()),
            "each class needs two members, and each part a row of each class",
        ));
    }
    let counts: Vec<usize> = classes.values().map(Vec::len).collect();
    let first = proportional(&counts, n_first, rng);
    let left: Vec<usize> = counts.iter().zip(&first).map(|(c, f)| c - f).collect();
    let second = proportional(&left, n_second, rng);
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for ((members, a), b) in classes.values().zip(first).zip(second) {
        let order = rng.permutation(members.len());
        one.extend(order[..a].iter().map(|&k| members[k]));
        two.extend(order[a..a + b].iter().map(|&k| members[k]));
    }
    let shuffle = |v: Vec<usize>, rng: &mut NumpyRng| -> Vec<usize> {
        rng.permutation(v.len()).into_iter().map(|k| v[k]).collect()
    };
    Ok((shuffle(one, rng), shuffle(two, rng)))
}

/// `n` draws over classes in proportion to their counts, rounded by the largest remainders; ties at random.
fn proportional(counts: &[usize], n: usize, rng: &mut NumpyRng) -> Vec<usize> {
    let total = counts.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = counts.iter().map(|&c| c as f64 / total * n as f64).collect();
    let mut out: Vec<usize> = exact.iter().map(|e| e.floor() as usize).collect();
    let mut need = n - out.iter().sum::<usize>();
    let rest: Vec<f64> = exact.iter().map(|e| e - e.floor()).collect();
    let mut values = rest.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        let tied: Vec<usize> = (0..rest.len()).filter(|&k| rest[k] == value).collect();
        let now = need.min(tied.len());
        rng.permutation(tied.len()).into_iter().take(now).for_each(|k| out[tied[k]] += 1);
        need -= now;
        if need == 0 {
            break;
        }
    }
    out
}

/// The fold of each row in stratified cross-validation (scikit-learn's `StratifiedKFold`); shuffled where a seed is given.
///
/// # Errors
/// With fewer than two folds, or when no class has as many rows as there are folds.
pub fn stratified_folds(labels: &[u8], folds: usize, seed: Option<u64>) -> Result<Vec<usize>> {
    // Classes are numbered by first appearance.
    let mut names: Vec<u8> = Vec::new();
    let codes: Vec<usize> = labels
        .iter()
        .map(|y| {
            names.iter().position(|n| n == y).unwrap_or_else(|| {
                names.push(*y);
                names.len() - 1
            })
        })
        .collect();
    let largest = (0..names.len()).map(|c| codes.iter().filter(|&&k| k == c).count()).max().unwrap_or(0);
    if folds < 2 || largest < folds {
        return Err(DataError::invalid(
            "folds",
            format!("{folds} folds of {} rows", labels.len()),
            "use from 2 folds to the size of the largest class",
        ));
    }
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    let mut rng = seed.map(NumpyRng::new);
    let mut out = vec![0; labels.len()];
    for class in 0..names.len() {
        let allocated =
            |fold: usize| sorted.iter().skip(fold).step_by(folds).filter(|&&c| c == class).count();
        let mut own: Vec<usize> = (0..folds).flat_map(|f| std::iter::repeat_n(f, allocated(f))).collect();
        if let Some(rng) = &mut rng {
            rng.shuffle(&mut own);
        }
        (0..labels.len()).filter(|&i| codes[i] == class).zip(own).for_each(|(i, f)| out[i] = f);
    }
    Ok(out)
}
