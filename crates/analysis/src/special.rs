//! Tails of distributions.

use statrs::function::gamma::ln_gamma;

/// P(X >= k) where X of `drawn` genes fall into a set of `set` among `total` (hypergeometric).
pub(crate) fn hypergeometric_tail(k: usize, total: usize, set: usize, drawn: usize) -> f64 {
    let (low, high) = ((set + drawn).saturating_sub(total), set.min(drawn));
    if k <= low {
        return 1.0;
    }
    if k > high {
        return 0.0;
    }
    let ln_choose = |n: usize, r: usize| {
        ln_gamma(n as f64 + 1.0) - ln_gamma(r as f64 + 1.0) - ln_gamma((n - r) as f64 + 1.0)
    };
    let ln_term =
        |x: usize| (ln_choose(set, x) + ln_choose(total - set, drawn - x) - ln_choose(total, drawn)).exp();
    // P(X = x + 1) / P(X = x)
    let ratio = |x: usize| {
        (set - x) as f64 * (drawn - x) as f64 / ((x + 1) as f64 * (total + x + 1 - set - drawn) as f64)
    };
    // The tail away from the mean is summed: its terms fall, so neither overflow nor cancellation.
    let (mut term, mut sum) = (1.0, 1.0);
    if k as f64 > set as f64 * drawn as f64 / total as f64 {
        for x in k..high {
            term *= ratio(x);
            sum += term;
        }
        (ln_term(k) * sum).min(1.0)
    } else {
        for x in (low..k - 1).rev() {
            term /= ratio(x);
            sum += term;
        }
        (1.0 - ln_term(k - 1) * sum).clamp(0.0, 1.0)
    }
}
