//! Midranks, the base of every rank statistic.

/// Ranks from 1, tied values sharing their mean rank, and the sizes of the tie groups (size 1 included).
///
/// NaN sorts last; callers check for it beforehand.
pub(crate) fn midranks(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut groups = Vec::new();
    let mut before = 0;
    // `==` and not the total order: -0.0 and 0.0 are tied.
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        for &i in tied {
            ranks[i] = rank;
        }
        groups.push(tied.len());
        before += tied.len();
    }
    (ranks, groups)
}
