//! Random search over the hyper-parameters of a method, choosing by a rule that sees no label of a cell.

use sensitome_core_models::{Device, ResponseModel, rng_for};
use sensitome_data::TransferTask;
use sensitome_eval::selection::SelectionScore;

use crate::evidence::ModelEvidence;
use crate::hyper::Settings;
use crate::registry::{Entry, find};
use crate::trainer::FitOptions;
use crate::{AdaptError, Result};

/// What to draw and how to choose.
#[derive(Debug, Clone)]
pub struct Search {
    /// Number of settings that are tried, the first of which are the defaults.
    pub draws: usize,
    /// Settings that keep their value.
    pub fixed: Settings,
    /// What a draw is judged by.
    pub rule: SelectionScore,
    /// Seed of the draws and of every fit.
    pub seed: u64,
    /// Where to compute.
    pub device: Device,
}

/// One draw.
#[derive(Debug, Clone)]
pub struct Draw {
    /// What was tried.
    pub settings: Settings,
    /// How the rule judges it; the reason where it cannot, or where the fit failed.
    pub score: std::result::Result<f64, String>,
}

/// Fits every draw of a search and gives the best model and all draws. `watch` is called after each.
///
/// # Errors
/// When the rule looks at labels of the target, the fixed settings are wrong, or no draw could be judged.
pub fn random_search(
    entry: &Entry,
    task: &TransferTask,
    search: &Search,
    mut watch: impl FnMut(usize, &Draw),
) -> Result<(ResponseModel, Vec<Draw>)> {
    if search.rule.is_oracle() {
        return Err(AdaptError::invalid(
            "selection rule oracle",
            "it looks at labels of the target, which a task does not hold",
            "use a label-free rule, such as source_validation",
        ));
    }
    let fit = |entry: &Entry, settings: &Settings| -> Result<ResponseModel> {
        entry.build(settings)?.fit(task, &mut FitOptions::new(search.seed, search.device.clone()))
    };
    entry.build(&search.fixed)?;
    let ridge = match search.rule {
        SelectionScore::RidgeAgreement => {
            Some(ModelEvidence::new(&fit(find("ridge")?, &Settings::new())?, task)?.target.scores)
        }
        _ => None,
    };
    let mut rng = rng_for(search.seed, &format!("random search of {}", entry.name));
    let (mut best, mut draws): (Option<(f64, ResponseModel)>, Vec<Draw>) = (None, Vec::new());
    for k in 0..search.draws.max(1) {
        let settings = match k {
            0 => search.fixed.clone(),
            _ => Settings::sample(entry.hypers, &search.fixed, &mut rng),
        };
        let judged = fit(entry, &settings).and_then(|model| {
            let score = ModelEvidence::new(&model, task)?.score(search.rule, ridge.as_deref());
            let score = score.map_err(|e| {
                let what = format!("selection rule {}", search.rule.name());
                AdaptError::invalid(what, e.to_string(), "use another rule")
            })?;
            Ok((score, model))
        });
        let score = match judged {
            Ok((score, model)) => {
                let ordered = if search.rule.higher_is_better() { score } else { -score };
                if best.as_ref().is_none_or(|(b, _)| ordered > *b) {
                    best = Some((ordered, model));
                }
                Ok(score)
            }
            Err(e) => Err(e.to_string()),
        };
        draws.push(Draw { settings, score });
        watch(k, &draws[k]);
    }
    match best {
        Some((_, mut model)) => {
            let scored = draws.iter().filter(|d| d.score.is_ok()).count();
            let note = format!("chosen among {scored} draws of random search by {}", search.rule.name());
            model.card_mut().notes.push(note);
            Ok((model, draws))
        }
        None => {
            let reason = draws.first().and_then(|d| d.score.clone().err()).unwrap_or_default();
            Err(AdaptError::invalid(
                "random search",
                format!("no draw could be judged ({reason})"),
                "change the rule",
            ))
        }
    }
}
