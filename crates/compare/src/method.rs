//! A method that takes part: one of the registry, or somebody's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::RngExt;
use sensitome_adapt::{Entry, Fit, Settings, find};
use sensitome_core_models::rng_for;
use sensitome_data::Scaling;

use crate::experiment::{MethodSpec, Space, words};
use crate::{CompareError, Result};

/// A method of a comparison.
#[derive(Clone)]
pub struct Method {
    /// Name in the tables.
    pub label: String,
    /// Name of the strategy.
    pub strategy: String,
    /// Labelled cells of each class, a run for each number.
    pub shots: Vec<usize>,
    /// Draws of a random search, the first of which is the settings as given.
    pub draws: usize,
    /// Scaling, where it differs from the task's.
    pub scaling: Option<Scaling>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Registered(&'static Entry, Settings, BTreeMap<String, Space>),
    Own(BTreeMap<String, String>, Arc<dyn Fit>),
}

/// A method ready to fit, and all its settings.
pub(crate) type Ready = (Arc<dyn Fit>, BTreeMap<String, String>);

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Method")
            .field("label", &self.label)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}

impl Method {
    /// A method that is in no registry. `settings` are what tells its results from those of other versions of it: a finished
    /// run is not made again as long as they are the same, so put a version among them and change it with the code.
    pub fn own(
        label: impl Into<String>,
        settings: BTreeMap<String, String>,
        fit: impl Fit + 'static,
    ) -> Self {
        let label = label.into();
        Self {
            strategy: label.clone(),
            label,
            shots: vec![0],
            draws: 1,
            scaling: None,
            kind: Kind::Own(settings, Arc::new(fit)),
        }
    }

    /// The same, run once for each number of labelled cells a class.
    #[must_use]
    pub fn with_shots(mut self, shots: &[usize]) -> Self {
        self.shots = shots.to_vec();
        self
    }

    pub(crate) fn registered(spec: &MethodSpec) -> Result<Self> {
        Ok(Self {
            label: spec.label.clone(),
            strategy: spec.strategy.clone(),
            shots: spec.shots.clone(),
            draws: spec.draws,
            scaling: spec.scaling,
            kind: Kind::Registered(find(&spec.strategy)?, spec.settings.clone(), spec.search.clone()),
        })
    }

    pub(crate) fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own(..))
    }

    /// The settings of every draw with this seed: those given, then random ones, as `sensitome train --search` draws them.
    pub(crate) fn ready(&self, seed: u64) -> Result<Vec<Ready>> {
        match &self.kind {
            Kind::Own(settings, fit) => Ok(vec![(Arc::clone(fit), settings.clone())]),
            Kind::Registered(entry, fixed, spaces) => {
                let mut rng = rng_for(seed, &format!("random search of {}", entry.name));
                (0..self.draws)
                    .map(|k| {
                        let drawn = match k {
                            0 => fixed.clone(),
                            _ if spaces.is_empty() => Settings::sample(entry.hypers, fixed, &mut rng),
                            _ => {
                                let drawn = spaces.iter().map(|(name, space)| (name, draw(space, &mut rng)));
                                drawn.fold(fixed.clone(), |settings, (name, value)| settings.set(name, value))
                            }
                        };
                        let checked = drawn.check(entry.hypers)?;
                        let all = checked.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                        Ok((Arc::from(entry.build(&drawn)?), all))
                    })
                    .collect::<std::result::Result<_, sensitome_adapt::AdaptError>>()
                    .map_err(CompareError::from)
            }
        }
    }
}

fn draw(space: &Space, rng: &mut impl RngExt) -> String {
    match space {
        Space::OneOf(values) => {
            let drawn = values.get(rng.random_range(0..values.len().max(1)));
            drawn.and_then(words).unwrap_or_default()
        }
        Space::Between { from, to } => {
            let number = |v: &toml::Value| words(v).and_then(|w| w.parse::<f64>().ok()).unwrap_or(0.0);
            let (a, b) = (number(from).min(number(to)), number(from).max(number(to)));
            let drawn = if a > 0.0 {
                rng.random_range(a.ln()..=b.ln()).exp().clamp(a, b)
            } else {
                rng.random_range(a..=b)
            };
            let whole = matches!((from, to), (toml::Value::Integer(_), toml::Value::Integer(_)));
            if whole { drawn.round().to_string() } else { drawn.to_string() }
        }
    }
}
