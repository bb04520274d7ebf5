//! The table.

use super::Expect::{Defined, Is, Prevalence, Undefined};
use super::Field::{Classes, Clusters, Labels, Other, Points, Predicted, Probabilities, Scores};
use super::Order::{Drawn, PerSample};
use super::{Entry, Expect, Sample, Scale, Swap};
use ndarray::Array2;
use sensitome_eval::Metric;
use sensitome_eval::calibration::*;
use sensitome_eval::classification::*;
use sensitome_eval::clustering::*;
use sensitome_eval::comparison::*;
use sensitome_eval::correlation::{Correlation, kendall, pearson, spearman};
use sensitome_eval::embedding::*;
use sensitome_eval::intervals::*;
use sensitome_eval::probability::*;
use sensitome_eval::ranking::*;
use sensitome_eval::selection::{Evidence, SelectionScore};
use sensitome_eval::stability::*;

const NONE: Expect = Expect::No;

fn one(value: Metric) -> Metric<Vec<f64>> {
    value.map(|v| vec![v])
}

fn weights(s: &Sample) -> Option<&[f64]> {
    s.weights.as_deref()
}

fn matrix(s: &Sample) -> Metric<ConfusionMatrix> {
    ConfusionMatrix::weighted(&s.labels, &s.predicted, weights(s))
}

fn validation(s: &Sample) -> Validation<'_> {
    Validation { labels: &s.labels, scores: &s.scores, weights: weights(s) }
}

/// Probabilities, unweighted.
fn held_out(s: &Sample) -> Validation<'_> {
    Validation { labels: &s.labels, scores: &s.probabilities, weights: None }
}

fn two_columns(s: &Sample) -> Array2<f64> {
    Array2::from_shape_fn((s.probabilities.len(), 2), |(i, j)| {
        if j == 1 { s.probabilities[i] } else { 1.0 - s.probabilities[i] }
    })
}

fn correlation(c: Metric<Correlation>) -> Metric<Vec<f64>> {
    let c = c?;
    Ok(vec![c.coefficient, c.p_value?])
}

fn flat(m: &Array2<f64>) -> Vec<f64> {
    m.iter().copied().collect()
}

fn results(s: &Sample) -> Metric<Results> {
    let run = |strategy: &str, i: usize, value: f64| Run {
        strategy: strategy.into(),
        task: format!("task {}", i / 2),
        seed: i as u64 % 2,
        value,
    };
    let a = s.scores.iter().enumerate().map(|(i, v)| run("a", i, *v));
    let b = s.other.iter().enumerate().map(|(i, v)| run("b", i, *v));
    Results::new(a.chain(b))
}

fn evidence<'a>(s: &'a Sample, p: &'a Array2<f64>) -> Evidence<'a> {
    Evidence {
        source_labels: Some(&s.labels),
        source_probabilities: Some(&s.probabilities),
        source_features: Some(s.points.view()),
        training_features: Some(s.points.view()),
        target_features: Some(s.points.view()),
        target_probabilities: Some(p.view()),
        ridge_scores: Some(&s.scores),
        target_labels: Some(&s.labels),
    }
}

fn selection(s: &Sample, score: SelectionScore) -> Metric<Vec<f64>> {
    let p = two_columns(s);
    one(score.score(&evidence(s, &p)))
}

pub(crate) fn entries() -> Vec<Entry> {
    [hard(), ranking(), calibration(), clusters(), embeddings(), intervals(), comparisons(), selections()]
        .into_iter()
        .flatten()
        .collect()
}

fn hard() -> Vec<Entry> {
    const R: &[super::Field] = &[Labels, Predicted];
    let whole = Is(1.0);
    let none = Is(0.0);
    vec![
        Entry::new(
            &["accuracy", "ConfusionMatrix::accuracy", "ConfusionMatrix::new", "ConfusionMatrix::weighted"],
            R,
            |s| one(matrix(s)?.accuracy()),
        )
        .weighted()
        .swap(Swap::OneMinus, Swap::Same)
        .one_class(Defined)
        .ends(whole, none),
        Entry::new(&["balanced_accuracy", "ConfusionMatrix::balanced_accuracy"], R, |s| {
            one(matrix(s)?.balanced_accuracy())
        })
        .weighted()
        .swap(Swap::OneMinus, Swap::Same)
        .one_class(Defined)
        .ends(whole, none),
        Entry::new(&["balanced_accuracy_adjusted", "ConfusionMatrix::balanced_accuracy_adjusted"], R, |s| {
            one(matrix(s)?.balanced_accuracy_adjusted())
        })
        .weighted()
        .swap(Swap::Negated, Swap::Same)
        .one_class(Undefined)
        .ends(whole, Is(-1.0)),
        Entry::new(&["precision", "ConfusionMatrix::precision"], R, |s| {
            one(matrix(s)?.precision(Average::Binary, ZeroDivision::Undefined))
        })
        .weighted()
        .swap(Swap::OneMinus, Swap::No)
        .ends(whole, none),
        Entry::new(&["recall", "ConfusionMatrix::recall"], R, |s| {
            one(matrix(s)?.recall(Average::Binary, ZeroDivision::Undefined))
        })
        .weighted()
        .ends(whole, none),
        Entry::new(&["f1", "ConfusionMatrix::f1"], R, |s| {
            one(matrix(s)?.f1(Average::Macro, ZeroDivision::Undefined))
        })
        .weighted()
        .swap(Swap::No, Swap::Same)
        .ends(whole, none),
        Entry::new(&["specificity", "ConfusionMatrix::specificity"], R, |s| {
            one(matrix(s)?.specificity(ZeroDivision::Undefined))
        })
        .weighted()
        .ends(whole, none),
        Entry::new(&["mcc", "ConfusionMatrix::mcc"], R, |s| one(matrix(s)?.mcc()))
            .weighted()
            .swap(Swap::Negated, Swap::Same)
            .one_class(Undefined)
            .ends(whole, Is(-1.0)),
        Entry::new(&["cohen_kappa", "ConfusionMatrix::cohen_kappa"], R, |s| one(matrix(s)?.cohen_kappa()))
            .weighted()
            .swap(Swap::No, Swap::Same)
            .ends(whole, NONE),
        Entry::new(&["confusion_matrix", "ConfusionMatrix::to_array"], R, |s| {
            Ok(flat(&matrix(s)?.to_array()?))
        })
        .weighted()
        .one_class(Defined),
        Entry::new(&["choose_threshold"], &[Labels, Scores], |s| {
            let y = choose_threshold(validation(s), Criterion::Youden)?;
            let f = choose_threshold(validation(s), Criterion::F1)?;
            Ok(vec![y.value, y.reached, f.value, f.reached])
        })
        .weighted()
        .one_class(Undefined),
    ]
}

fn ranking() -> Vec<Entry> {
    const R: &[super::Field] = &[Labels, Scores];
    vec![
        Entry::new(&["auroc", "Ranking::auroc", "Ranking::new"], R, |s| {
            one(auroc(&s.labels, &s.scores, weights(s)))
        })
        .weighted()
        .scale(Scale::Monotone)
        .swap(Swap::OneMinus, Swap::Same)
        .one_class(Undefined)
        .tied(Is(0.5))
        .ends(Is(1.0), Is(0.0)),
        Entry::new(&["partial_auroc", "Ranking::partial_auroc"], R, |s| {
            one(partial_auroc(&s.labels, &s.scores, weights(s), 0.3))
        })
        .weighted()
        .scale(Scale::Monotone)
        .one_class(Undefined)
        .tied(Is(0.5))
        .ends(Is(1.0), NONE),
        Entry::new(&["average_precision", "Ranking::average_precision"], R, |s| {
            one(average_precision(&s.labels, &s.scores, weights(s)))
        })
        .weighted()
        .scale(Scale::Monotone)
        .tied(Prevalence)
        .ends(Is(1.0), NONE),
        Entry::new(&["aupr_trapezoid", "Ranking::aupr_trapezoid"], R, |s| {
            one(aupr_trapezoid(&s.labels, &s.scores, weights(s)))
        })
        .weighted()
        .scale(Scale::Monotone)
        .ends(Is(1.0), NONE),
        Entry::new(&["prevalence", "Ranking::prevalence"], &[Labels], |s| {
            one(prevalence(&s.labels, weights(s)))
        })
        .weighted()
        .swap(Swap::OneMinus, Swap::OneMinus)
        .one_class(Defined),
        Entry::new(
            &[
                "roc_curve",
                "Ranking::roc_curve",
                "Ranking::true_positive_rate",
                "Ranking::false_positive_rate",
            ],
            R,
            |s| {
                let c = roc_curve(&s.labels, &s.scores, weights(s), true)?;
                let r = Ranking::new(&s.labels, &s.scores, weights(s))?;
                Ok([
                    c.false_positive_rate,
                    c.true_positive_rate,
                    r.false_positive_rate()?,
                    r.true_positive_rate()?,
                ]
                .concat())
            },
        )
        .weighted()
        .scale(Scale::Monotone)
        .one_class(Undefined),
        Entry::new(&["pr_curve", "Ranking::pr_curve"], R, |s| {
            let c = pr_curve(&s.labels, &s.scores, weights(s))?;
            Ok([c.precision, c.recall].concat())
        })
        .weighted()
        .scale(Scale::Monotone),
    ]
}

fn calibration() -> Vec<Entry> {
    const P: &[super::Field] = &[Labels, Probabilities];
    const S: &[super::Field] = &[Labels, Scores];
    vec![
        Entry::new(&["log_loss"], P, |s| one(log_loss(&s.labels, &s.probabilities, weights(s))))
            .weighted()
            .swap(Swap::No, Swap::Same)
            .one_class(Defined),
        Entry::new(&["log_loss_multiclass"], P, |s| {
            one(log_loss_multiclass(&s.labels, two_columns(s).view(), None, weights(s)))
        })
        .weighted()
        .swap(Swap::No, Swap::Same)
        .one_class(Undefined),
        Entry::new(&["brier_score"], P, |s| one(brier_score(&s.labels, &s.probabilities, weights(s))))
            .weighted()
            .swap(Swap::No, Swap::Same)
            .one_class(Defined)
            .ends(Is(0.0), Is(1.0)),
        Entry::new(&["ece", "mce", "reliability_curve", "top_label"], P, |s| {
            let (y, p, w) = (&s.labels, &s.probabilities, weights(s));
            let mut all = Vec::new();
            for bins in [Bins::EqualWidth(7), Bins::EqualMass(5)] {
                all.extend([ece(y, p, w, bins)?, mce(y, p, w, bins)?]);
                all.extend(
                    reliability_curve(y, p, w, bins)?
                        .iter()
                        .flat_map(|b| [b.predicted, b.observed, b.weight]),
                );
            }
            let (correct, confidence) = top_label(y, p)?;
            all.push(ece(&correct, &confidence, w, Bins::EqualWidth(10))?);
            Ok(all)
        })
        .weighted()
        .one_class(Defined),
        Entry::new(&["Temperature::fit"], S, |s| {
            Ok(vec![Temperature::fit(&s.labels, &s.scores, weights(s))?.temperature])
        })
        .weighted()
        .swap(Swap::No, Swap::Same)
        .one_class(Undefined)
        .ends(Undefined, Undefined),
        Entry::new(&["Platt::fit"], S, |s| {
            let m = Platt::fit(&s.labels, &s.scores, weights(s))?;
            Ok(s.scores.iter().map(|v| m.probability(*v)).collect())
        })
        .order(PerSample)
        .scale(Scale::Affine)
        .swap(Swap::No, Swap::OneMinus)
        .one_class(Undefined)
        .tied(Undefined),
        Entry::new(&["Isotonic::fit"], S, |s| {
            let m = Isotonic::fit(&s.labels, &s.scores, weights(s))?;
            Ok(s.scores.iter().map(|v| m.probability(*v)).collect())
        })
        .order(PerSample)
        .scale(Scale::Monotone)
        .swap(Swap::No, Swap::OneMinus)
        .one_class(Undefined),
        Entry::new(&["Conformal::fit", "Conformal::predict"], P, |s| {
            let m = Conformal::fit(held_out(s), 0.2, true)?;
            let set = |p: &f64| {
                m.predict(*p)
                    .map(|set| f64::from(u8::from(set.contains(0))) - f64::from(u8::from(set.contains(1))))
            };
            s.probabilities.iter().map(set).collect()
        })
        .order(PerSample)
        .swap(Swap::No, Swap::Negated)
        .one_class(Undefined),
        Entry::new(&["significantly_sensitive", "conformal_p_values"], &[Labels, Scores], |s| {
            let unweighted = Validation { weights: None, ..validation(s) };
            let cells = significantly_sensitive(unweighted, &s.scores, 0.1)?;
            let direct = conformal_p_values(&s.scores, &s.scores)?;
            Ok(cells
                .p_values
                .iter()
                .zip(&cells.adjusted)
                .zip(direct)
                .map(|((p, q), d)| p + 2.0 * q + 4.0 * d)
                .collect())
        })
        .order(PerSample)
        .scale(Scale::Monotone),
        Entry::new(&["label_shift_bbse"], &[Labels, Predicted], |s| {
            Ok(label_shift_bbse(&s.labels, &s.predicted, &s.predicted)?.target)
        })
        .one_class(Undefined),
        Entry::new(&["label_shift_em", "correct_for_shift"], &[Labels, Probabilities], |s| {
            let p = two_columns(s);
            let shift = label_shift_em(&s.labels, p.view())?;
            Ok(correct_for_shift(p.view(), &shift)?.column(1).to_vec())
        })
        .order(PerSample)
        .swap(Swap::No, Swap::OneMinus)
        .one_class(Undefined),
    ]
}

fn clusters() -> Vec<Entry> {
    const R: &[super::Field] = &[Classes, Clusters];
    let entry = |names, run| Entry::new(names, R, run).swap(Swap::Same, Swap::Same);
    vec![
        entry(&["mutual_information"], |s| one(mutual_information(&s.classes, &s.clusters)))
            .one_class(Is(0.0)),
        entry(&["expected_mutual_information"], |s| {
            one(expected_mutual_information(&s.classes, &s.clusters))
        })
        .one_class(Is(0.0)),
        entry(&["ami"], |s| one(ami(&s.classes, &s.clusters))).one_class(Is(0.0)).ends(Is(1.0), NONE),
        entry(&["nmi"], |s| one(nmi(&s.classes, &s.clusters))).one_class(Is(0.0)).ends(Is(1.0), NONE),
        entry(&["ari"], |s| one(ari(&s.classes, &s.clusters))).one_class(Is(0.0)).ends(Is(1.0), NONE),
        entry(&["homogeneity"], |s| one(homogeneity(&s.classes, &s.clusters)))
            .one_class(Is(1.0))
            .ends(Is(1.0), NONE),
        entry(&["completeness"], |s| one(completeness(&s.classes, &s.clusters)))
            .one_class(Is(0.0))
            .ends(Is(1.0), NONE),
        entry(&["v_measure"], |s| one(v_measure(&s.classes, &s.clusters)))
            .one_class(Is(0.0))
            .ends(Is(1.0), NONE),
        Entry::new(&["pearson"], &[Scores, Other], |s| correlation(pearson(&s.scores, &s.other)))
            .scale(Scale::Affine)
            .tied(Undefined),
        Entry::new(&["spearman"], &[Scores, Other], |s| correlation(spearman(&s.scores, &s.other)))
            .scale(Scale::Monotone)
            .tied(Undefined),
        Entry::new(&["kendall"], &[Scores, Other], |s| correlation(kendall(&s.scores, &s.other)))
            .scale(Scale::Monotone)
            .tied(Undefined),
    ]
}

fn embeddings() -> Vec<Entry> {
    vec![
        Entry::new(&["silhouette"], &[Points, Labels], |s| {
            one(silhouette(s.points.view(), &s.labels, Distance::Euclidean))
        })
        .scale(Scale::Affine)
        .swap(Swap::Same, Swap::Same)
        .one_class(Undefined),
        Entry::new(&["silhouette_samples"], &[Points, Clusters], |s| {
            silhouette_samples(s.points.view(), &s.clusters, Distance::Cosine)
        })
        .order(PerSample)
        .scale(Scale::Factor),
        Entry::new(&["kbet"], &[Points, Labels], |s| {
            let k = kbet(s.points.view(), &s.labels, 7, 0.05)?;
            Ok(k.p_values.iter().map(|p| p + k.rejection_rate).collect())
        })
        .order(PerSample)
        .scale(Scale::Affine)
        .swap(Swap::Same, Swap::Same)
        .one_class(Undefined),
        Entry::new(&["lisi"], &[Points, Labels], |s| lisi(s.points.view(), &s.labels, 5.0))
            .order(PerSample)
            .scale(Scale::Affine)
            .swap(Swap::Same, Swap::Same)
            .one_class(Undefined),
        Entry::new(&["ilisi", "clisi"], &[Points, Labels], |s| {
            Ok(vec![ilisi(s.points.view(), &s.labels, 5.0)?, clisi(s.points.view(), &s.labels, 5.0)?])
        })
        .scale(Scale::Affine)
        .swap(Swap::Same, Swap::Same)
        .one_class(Undefined),
        Entry::new(&["proxy_a_distance"], &[Points, Labels], |s| {
            one(proxy_a_distance(s.points.view(), &s.labels, 3))
        })
        .order(Drawn)
        .scale(Scale::Affine)
        .one_class(Undefined),
        Entry::new(&["nearest_neighbours"], &[Points], |s| {
            let found = nearest_neighbours(s.points.view(), 3, Distance::Euclidean)?;
            Ok(found.distances.iter().map(|d| d.iter().sum()).collect())
        })
        .order(PerSample),
        Entry::new(&["trustworthiness"], &[Points], |s| {
            one(trustworthiness(
                s.points.view(),
                s.points.slice(ndarray::s![.., ..s.points.ncols().min(2)]),
                4,
            ))
        })
        .scale(Scale::Affine),
    ]
}

fn intervals() -> Vec<Entry> {
    const R: &[super::Field] = &[Labels, Scores];
    const FEW: Bootstrap = Bootstrap { resamples: 60, level: 0.9, method: Method::Percentile, seed: 5 };
    fn resampled(s: &Sample) -> impl Fn(&[usize]) -> Metric + Sync + '_ {
        |rows| {
            let labels: Vec<u8> = rows.iter().filter_map(|&i| s.labels.get(i).copied()).collect();
            let scores: Vec<f64> = rows.iter().filter_map(|&i| s.scores.get(i).copied()).collect();
            auroc(&labels, &scores, None)
        }
    }
    vec![
        Entry::new(&["delong"], R, |s| {
            let d = delong(&s.labels, &s.scores, 0.95)?;
            Ok(vec![d.auroc, d.standard_error])
        })
        .scale(Scale::Monotone)
        .one_class(Undefined)
        .tied(Undefined)
        .ends(Undefined, Undefined),
        Entry::new(&["delong_paired"], &[Labels, Scores, Other], |s| {
            let d = delong_paired(&s.labels, &s.scores, &s.other, 0.95)?;
            Ok(vec![d.difference, d.standard_error])
        })
        .scale(Scale::Monotone)
        .swap(Swap::No, Swap::Same)
        .one_class(Undefined),
        Entry::new(&["bootstrap"], R, |s| {
            let i = bootstrap(Design::Stratified(&s.labels), FEW, resampled(s))?;
            Ok(vec![i.estimate, i.low, i.high])
        })
        .order(Drawn)
        .scale(Scale::Monotone)
        .one_class(Undefined)
        .ends(Is(1.0), Is(0.0)),
        Entry::new(&["percentile_interval"], &[Scores], |s| {
            let (low, high) = percentile_interval(&s.scores, 0.8)?;
            Ok(vec![low, high])
        }),
        Entry::new(&["bca_interval"], &[Scores, Other], |s| {
            let centre = s.scores.iter().sum::<f64>() / s.scores.len() as f64;
            let (low, high) = bca_interval(centre, &s.scores, std::slice::from_ref(&s.other), 0.8)?;
            Ok(vec![low, high])
        }),
        Entry::new(&["stratified_subsample"], &[Labels], |s| {
            Ok(stratified_subsample(&s.labels, 0.8, 1, 0)?.iter().map(|i| *i as f64).collect())
        })
        .order(Drawn)
        .one_class(Defined),
        Entry::new(&["stability"], R, |s| Ok(stability(&s.labels, 0.8, 10, 1, resampled(s))?.values))
            .order(Drawn)
            .scale(Scale::Monotone)
            .swap(Swap::No, Swap::No)
            .one_class(Undefined)
            .ends(Is(1.0), Is(0.0)),
        Entry::new(&["rank_agreement"], &[Points], |s| {
            let a = rank_agreement(s.points.t())?;
            Ok(vec![a.kendall_w, a.mean_spearman, a.worst_spearman])
        })
        .scale(Scale::Affine),
    ]
}

fn comparisons() -> Vec<Entry> {
    const PAIR: &[super::Field] = &[Scores, Other];
    vec![
        Entry::new(&["wilcoxon_signed_rank", "rank_biserial", "cohens_d_paired"], PAIR, |s| {
            let w = wilcoxon_signed_rank(&s.scores, &s.other, Zeros::Pratt, Alternative::TwoSided)?;
            let (r, d) = (rank_biserial(&s.scores, &s.other)?, cohens_d_paired(&s.scores, &s.other)?);
            Ok(vec![w.positive, w.p_value, r, d])
        }),
        Entry::new(&["win_tie_loss"], PAIR, |s| {
            let w = win_tie_loss(&s.scores, &s.other, 0.1)?;
            Ok(vec![w.wins as f64, w.ties as f64, w.losses as f64])
        }),
        Entry::new(&["cliffs_delta"], &[Scores], |s| {
            one(cliffs_delta(&s.scores, &s.other[..s.other.len() / 2]))
        })
        .order(Drawn),
        Entry::new(&["bonferroni", "holm", "benjamini_hochberg"], &[Probabilities], |s| {
            let p = &s.probabilities;
            let all = bonferroni(p)?.into_iter().zip(holm(p)?).zip(benjamini_hochberg(p)?);
            Ok(all.map(|((a, b), c)| a + 2.0 * b + 4.0 * c).collect())
        })
        .order(PerSample),
        Entry::new(&["friedman", "mean_ranks", "nemenyi", "pairwise_wilcoxon"], &[Points], |s| {
            let x = s.points.view();
            let f = friedman(x, true)?;
            let n = nemenyi(x, true, 0.05)?;
            let w = pairwise_wilcoxon(x)?;
            let head = vec![f.chi_square, f.p_value, f.f_test?.1, n.critical_difference];
            Ok([head, mean_ranks(x, true)?, flat(&n.p_values), flat(&w.adjusted)].concat())
        })
        .scale(Scale::Factor),
        Entry::new(&["critical_difference_groups"], &[Scores], |s| {
            Ok(critical_difference_groups(&s.scores, 0.5)?.iter().map(|g| g.len() as f64).collect())
        }),
        Entry::new(
            &["Results::new", "Results::task_means", "Results::summary", "Results::contrast"],
            PAIR,
            |s| {
                let r = results(s)?;
                let (a, c) = (r.summary("a", 0.9)?, r.contrast("a", "b", 0.9, 1)?);
                Ok([
                    vec![a.mean, a.interval?.0, a.between_tasks?, c.difference, c.interval?.0],
                    flat(&r.task_means()?),
                ]
                .concat())
            },
        )
        .order(Drawn),
    ]
}

fn selections() -> Vec<Entry> {
    use SelectionScore as S;
    const P: &[super::Field] = &[Probabilities];
    vec![
        Entry::new(&["SelectionScore::score"], P, |s| selection(s, S::Entropy)),
        Entry::new(&["SelectionScore::score"], P, |s| selection(s, S::InfoMax)),
        Entry::new(&["SelectionScore::score"], P, |s| selection(s, S::SoftNeighbourhoodDensity)),
        Entry::new(&["SelectionScore::score"], P, |s| selection(s, S::BatchNuclearNorm)),
        Entry::new(&["SelectionScore::score"], &[Labels, Probabilities], |s| {
            selection(s, S::SourceValidation)
        })
        .swap(Swap::OneMinus, Swap::Same)
        .one_class(Undefined)
        .ends(Is(1.0), Is(0.0)),
        Entry::new(&["SelectionScore::score"], &[Labels, Probabilities, Points], |s| {
            selection(s, S::DeepEmbeddedValidation)
        })
        .scale(Scale::Affine),
        Entry::new(&["SelectionScore::score"], &[Probabilities, Scores], |s| selection(s, S::RidgeAgreement))
            .tied(Undefined),
        Entry::new(&["SelectionScore::score"], &[Labels, Probabilities], |s| selection(s, S::Oracle))
            .swap(Swap::OneMinus, Swap::Same)
            .one_class(Undefined)
            .ends(Is(1.0), Is(0.0)),
    ]
}
