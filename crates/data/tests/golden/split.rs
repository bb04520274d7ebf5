//! Stratified splits and folds.

use sensitome_data::rng::NumpyRng;
use sensitome_data::split::{stratified_folds, stratified_halves};
use sensitome_testkit::{Case, Report};

pub(crate) fn run(case: &Case, report: &mut Report) {
    let labels: Vec<u8> = case.i64s("y").iter().map(|&y| y as u8).collect();
    if case.name == "split__stratified_kfold" || case.name.ends_with("stratified_kfold") {
        let k = case.count("n_splits");
        let folds = stratified_folds(&labels, k, None).unwrap();
        report.check(case, "test_fold", folds.iter().map(|&f| f as f64).collect::<Vec<_>>());
        let count =
            |f: usize, c: u8| folds.iter().zip(&labels).filter(|(g, y)| (**g, **y) == (f, c)).count() as f64;
        let classes = 1 + labels.iter().copied().max().unwrap();
        let counts: Vec<f64> =
            (0..k).flat_map(|f| (0..classes).map(move |c| (f, c))).map(|(f, c)| count(f, c)).collect();
        return report.check(case, "fold_class_counts", counts);
    }
    let size = case.number("test_size");
    let n_test = if size < 1.0 { (size * labels.len() as f64).ceil() as usize } else { size as usize };
    let draw = |seed: u64| stratified_halves(&labels, n_test, &mut NumpyRng::new(seed));
    if case.is_error() {
        return report.check_error(case, "error", &draw(0));
    }
    let classes = 1 + usize::from(labels.iter().copied().max().unwrap());
    let (mut least, mut most) = (vec![f64::INFINITY; classes], vec![0.0f64; classes]);
    for seed in 0..60 {
        let (train, test) = draw(seed).unwrap();
        let mut all: Vec<usize> = train.iter().chain(&test).copied().collect();
        all.sort_unstable();
        report.require(
            case,
            all == (0..labels.len()).collect::<Vec<_>>(),
            "parts are disjoint and cover all",
        );
        for c in 0..classes {
            let n = test.iter().filter(|&&i| usize::from(labels[i]) == c).count() as f64;
            least[c] = least[c].min(n);
            most[c] = most[c].max(n);
        }
        report.check(case, "n_train", train.len() as f64);
        report.check(case, "n_test", test.len() as f64);
    }
    report.check(case, "test_class_min", least);
    report.check(case, "test_class_max", most);
}
