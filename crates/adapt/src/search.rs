//! Random search over the hyper-parameters of a method, choosing by a rule that sees no label of a cell.

use ndarray::{Array2, Axis};
use sensitome_core_models::{Device, GeneReport, Predictions, ResponseModel, rng_for};
use sensitome_data::TransferTask;
use sensitome_eval::selection::{Evidence, SelectionScore};

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
            Some(on_target(&fit(find("ridge")?, &Settings::new())?, task)?.scores)
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
        let judged = fit(entry, &settings)
            .and_then(|model| Ok((judge(&model, task, search.rule, ridge.as_deref())?, model)));
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

fn on_target(model: &ResponseModel, task: &TransferTask) -> Result<Predictions> {
    let target = &task.target;
    Ok(model.predict_prepared(target.expression.view(), &target.cells, GeneReport::default(), 1024)?)
}

/// The rule's score of a model, from its predictions for the cells and for source rows.
fn judge(
    model: &ResponseModel,
    task: &TransferTask,
    rule: SelectionScore,
    ridge: Option<&[f64]>,
) -> Result<f64> {
    let rows = |validation: bool| -> Result<(Vec<u8>, Predictions)> {
        let (mut x, mut labels, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for s in &task.sources {
            for &i in if validation { &s.validation } else { &s.train } {
                x.extend(s.expression.row(i).iter().copied());
                labels.extend(s.labels[i]);
                names.push(s.samples[i].clone());
            }
        }
        let x = Array2::from_shape_vec((names.len(), task.n_genes()), x).unwrap_or_default();
        Ok((labels, model.predict_prepared(x.view(), &names, GeneReport::default(), 1024)?))
    };
    let (labels, validation) = rows(true)?;
    let (_, training) = rows(false)?;
    let target = on_target(model, task)?;
    let features = |p: &Predictions| p.embedding.mapv(f64::from);
    let (f_validation, f_training, f_target) =
        (features(&validation), features(&training), features(&target));
    let mut p = Array2::zeros((target.scores.len(), 2));
    p.index_axis_mut(Axis(1), 1).assign(&ndarray::ArrayView1::from(&target.scores));
    p.index_axis_mut(Axis(1), 0).assign(&ndarray::ArrayView1::from(&target.scores).mapv(|s| 1.0 - s));
    let evidence = Evidence {
        source_labels: Some(&labels),
        source_probabilities: Some(&validation.scores),
        source_features: Some(f_validation.view()),
        training_features: Some(f_training.view()),
        target_features: Some(f_target.view()),
        target_probabilities: Some(p.view()),
        ridge_scores: ridge,
        target_labels: None,
    };
    rule.score(&evidence).map_err(|e| {
        AdaptError::invalid(format!("selection rule {}", rule.name()), e.to_string(), "use another rule")
    })
}
