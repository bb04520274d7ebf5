//! Numbers as tables and sentences show them.

use crate::interval::Estimate;

/// Fixed decimals, never a negative zero.
pub(crate) fn plain(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// Fixed decimals without a zero before the point: .893.
pub(crate) fn short(value: f64, decimals: usize) -> String {
    let text = plain(value, decimals);
    match text.strip_prefix('-') {
        Some(rest) if rest.starts_with("0.") => format!("-{}", &rest[1..]),
        None if text.starts_with("0.") => text[1..].to_owned(),
        _ => text,
    }
}

/// In a sentence: 0.12 [0.05, 0.19].
pub(crate) fn estimate(e: &Estimate) -> String {
    format!("{} [{}, {}]", plain(e.value, 2), plain(e.low, 2), plain(e.high, 2))
}

/// In a table: .893 [.85, .93].
pub(crate) fn short_estimate(e: &Estimate) -> String {
    short_interval(e.value, Some((e.low, e.high)))
}

/// The same, the interval where there is one, with a third decimal where two would not tell its ends from the value.
pub(crate) fn short_interval(value: f64, interval: Option<(f64, f64)>) -> String {
    let interval = interval.map(|(low, high)| {
        let decimals = if high > low && high - low < 0.03 { 3 } else { 2 };
        format!(" [{}, {}]", short(low, decimals), short(high, decimals))
    });
    short(value, 3) + &interval.unwrap_or_default()
}

/// A p-value: .023, <.001.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".to_owned() } else { short(p, 3) }
}

/// A rank: 3, 9.5.
pub(crate) fn rank(r: f64) -> String {
    plain(r, if r.fract() == 0.0 { 0 } else { 1 })
}

/// For files: the shortest text that reads back as the same number; empty where there is none.
pub(crate) fn exact(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map(|v| format!("{v:?}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_do() {
        assert_eq!(short(0.8934, 3), ".893");
        assert_eq!(short(-0.034, 2), "-.03");
        assert_eq!(short(-0.001, 2), ".00");
        assert_eq!(short(1.0, 3), "1.000");
        assert_eq!(short(-12.5, 1), "-12.5");
        assert_eq!(plain(-0.001, 2), "0.00");
        let e = Estimate { value: 0.8934, low: 0.851, high: 0.9299 };
        assert_eq!(short_estimate(&e), ".893 [.85, .93]");
        assert_eq!(short_interval(0.9991, Some((0.998, 0.9999))), ".999 [.998, 1.000]");
        assert_eq!((rank(3.0), rank(9.5)), ("3".into(), "9.5".into()));
        assert_eq!(estimate(&e), "0.89 [0.85, 0.93]");
        assert_eq!((p_value(0.0001), p_value(0.0234)), ("<.001".into(), ".023".into()));
        assert_eq!(
            (exact(Some(0.1)), exact(None), exact(Some(f64::NAN))),
            ("0.1".into(), "".into(), "".into())
        );
    }
}
