//! Hyper-parameters: one table a strategy, with defaults, published values, ranges and samplers.

use indexmap::IndexMap;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Result};

/// What a hyper-parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// A number between two bounds, both allowed.
    Float {
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
        /// Whether random search draws near the default on a logarithmic scale, however short the range.
        log: bool,
    },
    /// A whole number between two bounds, both allowed.
    Integer {
        /// Least value.
        low: u64,
        /// Greatest value.
        high: u64,
    },
    /// Yes or no.
    Flag,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Widths of hidden layers, comma separated; random search draws one of these.
    Widths(&'static [&'static str]),
}

/// One hyper-parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// Its name in settings and config files.
    pub name: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// What it is unless set.
    pub default: &'static str,
    /// What the published code uses, where that differs; taken with `faithful = true`.
    pub published: Option<&'static str>,
    /// What it may be.
    pub range: Range,
}

impl Hyper {
    /// A hyper-parameter whose published value is the default.
    pub const fn new(name: &'static str, default: &'static str, range: Range, help: &'static str) -> Self {
        Self { name, help, default, published: None, range }
    }

    /// The same with another default.
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = value;
        self
    }

    /// The same with another published value.
    pub const fn published(mut self, value: &'static str) -> Self {
        self.published = Some(value);
        self
    }

    fn check(&self, value: &str) -> Result<()> {
        let bad = |expected: String| {
            Err(AdaptError::invalid(
                self.name,
                format!("{value:?} is not allowed"),
                format!("use {expected}"),
            ))
        };
        match self.range {
            Range::Float { low, high, .. } => match value.parse::<f64>() {
                Ok(x) if (low..=high).contains(&x) => Ok(()),
                _ => bad(format!("a number from {low} to {high}")),
            },
            Range::Integer { low, high } => match value.parse::<u64>() {
                Ok(x) if (low..=high).contains(&x) => Ok(()),
                _ => bad(format!("a whole number from {low} to {high}")),
            },
            Range::Flag if value.parse::<bool>().is_ok() => Ok(()),
            Range::Flag => bad("true or false".into()),
            Range::Choice(options) if options.contains(&value) => Ok(()),
            Range::Choice(options) => bad(format!("one of {}", options.join(", "))),
            Range::Widths(_) => match parse_widths(value) {
                Some(w) if w.iter().all(|x| (1..=65_536).contains(x)) => Ok(()),
                _ => bad("widths from 1 to 65536 separated by commas, such as 512,256".into()),
            },
        }
    }

    /// A draw of random search. Shares, words and short ranges are drawn evenly; anything else near its default, on a
    /// logarithmic scale, since the range only keeps out what cannot be meant: numbers within a factor of ten, counts and
    /// widths within a factor of two. A number whose default is 0 stays 0 half of the time, else it is from 0.001 to 1.
    fn sample(&self, rng: &mut ChaCha8Rng) -> String {
        let near = |low: f64, high: f64, factor: f64, rng: &mut ChaCha8Rng| {
            let default = self.default.parse::<f64>().unwrap_or(0.0);
            let (a, b) = if default > 0.0 { (default / factor, default * factor) } else { (1e-3, 1.0) };
            let zero = default <= 0.0 && rng.random::<bool>();
            let drawn = rng.random_range(a.max(low).ln()..=b.min(high).max(a.max(low)).ln()).exp();
            if zero { default } else { drawn }.clamp(low, high)
        };
        match self.range {
            Range::Float { low, high, log } if log || high - low > 1.0 => {
                near(low, high, 10.0, rng).to_string()
            }
            Range::Float { low, high, .. } => rng.random_range(low..=high).to_string(),
            Range::Integer { low, high } if high - low > 20 => {
                near(low as f64, high as f64, 2.0, rng).round().to_string()
            }
            Range::Integer { low, high } => rng.random_range(low..=high).to_string(),
            Range::Flag => rng.random::<bool>().to_string(),
            Range::Choice(options) | Range::Widths(options) => options
                .get(rng.random_range(0..options.len().max(1)))
                .copied()
                .unwrap_or(self.default)
                .to_owned(),
        }
    }
}

fn parse_widths(value: &str) -> Option<Vec<usize>> {
    value.split(',').map(|w| w.trim().parse().ok()).collect()
}

/// The switch that every strategy with a published counterpart has.
pub const FAITHFUL: Hyper = Hyper::new(
    "faithful",
    "false",
    Range::Flag,
    "behave as the published code does, where that leaks no label",
);

/// Settings as somebody wrote them, not yet checked: a [`Settings::check`] makes them usable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(IndexMap<String, String>);

impl Settings {
    /// No setting: all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one value, in the form in which it is written in a config file or after `--set`.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.insert(name.into(), value.to_string());
        self
    }

    /// Reads `name=value`.
    ///
    /// # Errors
    /// When there is no `=`.
    pub fn set_pair(self, pair: &str) -> Result<Self> {
        match pair.split_once('=') {
            Some((name, value)) => Ok(self.set(name.trim(), value.trim())),
            None => Err(AdaptError::invalid(
                "setting",
                format!("{pair:?} has no ="),
                "write name=value, such as learning_rate=0.001",
            )),
        }
    }

    /// Draws every hyper-parameter of a table for random search; those of `fixed` keep their value there.
    pub fn sample(table: &[Hyper], fixed: &Settings, rng: &mut ChaCha8Rng) -> Self {
        let draw = |h: &Hyper, rng: &mut ChaCha8Rng| (h.name.to_owned(), h.sample(rng));
        let drawn: Vec<_> = table.iter().map(|h| draw(h, rng)).collect();
        let mut out = Self(drawn.into_iter().filter(|(n, _)| n != FAITHFUL.name).collect());
        out.0.extend(fixed.0.clone());
        out
    }

    /// Checks names and values against a table and fills in the defaults, or the published values where
    /// `faithful = true` and nothing else is set.
    ///
    /// # Errors
    /// Names the field that is unknown or out of range, and what is allowed.
    pub fn check(&self, table: &[Hyper]) -> Result<Checked> {
        for name in self.0.keys() {
            if !table.iter().any(|h| h.name == name) {
                let names: Vec<&str> = table.iter().map(|h| h.name).collect();
                return Err(AdaptError::invalid(
                    name,
                    "is no hyper-parameter of this strategy",
                    if names.is_empty() {
                        "it has none; leave it out".to_owned()
                    } else {
                        format!("use one of {}", names.join(", "))
                    },
                ));
            }
        }
        let faithful = self.0.get(FAITHFUL.name).is_some_and(|v| v == "true");
        let mut values = IndexMap::new();
        for h in table {
            let unset = if faithful { h.published.unwrap_or(h.default) } else { h.default };
            let value = self.0.get(h.name).map_or(unset, String::as_str);
            h.check(value)?;
            values.insert(h.name.to_owned(), value.to_owned());
        }
        Ok(Checked(values))
    }
}

/// Settings that hold a valid value for every hyper-parameter of the table they were checked against.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Checked(IndexMap<String, String>);

impl Checked {
    /// Every name and value in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.0.get(name).and_then(|v| parse(v)).ok_or_else(|| {
            AdaptError::invalid(name, "is not in the checked table with this type", "declare it in the table")
        })
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<f64> {
        self.parsed(name, |v| v.parse().ok())
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<usize> {
        self.parsed(name, |v| v.parse().ok())
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.parsed(name, |v| v.parse().ok())
    }

    /// A word.
    pub fn choice(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).ok_or_else(|| {
            AdaptError::invalid(name, "is not in the checked table", "declare it in the table")
        })
    }

    /// Widths.
    pub fn widths(&self, name: &str) -> Result<Vec<usize>> {
        self.parsed(name, parse_widths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::REGISTRY;
    use sensitome_core_models::rng_for;

    #[test]
    fn draws_are_allowed_and_near_the_defaults() {
        let mut rng = rng_for(0, "draws");
        for h in REGISTRY.iter().flat_map(|e| e.hypers) {
            for _ in 0..50 {
                let drawn = h.sample(&mut rng);
                h.check(&drawn).unwrap();
                let (Ok(x), Ok(default)) = (drawn.parse::<f64>(), h.default.parse::<f64>()) else { continue };
                let far = matches!(h.range, Range::Float { low, high, .. } if high - low > 1.0);
                assert!(!far || x <= 10.0 * default.max(0.1) * (1.0 + 1e-12), "{} {drawn}", h.name);
            }
        }
    }
}
