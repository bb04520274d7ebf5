//! What a bench prints: times, processor seconds and memory of its own process.

use std::time::Instant;

/// User and system seconds of this process so far (Linux; 0 elsewhere).
pub fn cpu_seconds() -> f64 {
    // Fields 14 and 15 of /proc/self/stat, in hundredths of a second, counted from behind the name.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|v| v.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Most memory this process has had, in MB (Linux; no number elsewhere).
pub fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Seconds of one call out of several, and what the processor spent on it. Printed with the peak of memory in MB, parted by
/// tabs: median, least, greatest, processor, memory.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Median wall seconds.
    pub median: f64,
    /// Least wall seconds.
    pub least: f64,
    /// Greatest wall seconds.
    pub most: f64,
    /// Mean user and system seconds.
    pub cpu: f64,
}

impl Times {
    /// Times of calls of `run`, which is not warmed up here.
    pub fn of(repeats: usize, mut run: impl FnMut()) -> Self {
        let before = cpu_seconds();
        let mut seconds: Vec<f64> = (0..repeats)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            })
            .collect();
        let cpu = (cpu_seconds() - before) / repeats as f64;
        seconds.sort_by(f64::total_cmp);
        Self { median: seconds[repeats / 2], least: seconds[0], most: seconds[repeats - 1], cpu }
    }

    /// The same times in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            least: self.least * factor,
            most: self.most * factor,
            cpu: self.cpu * factor,
        }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, least, most, cpu } = self;
        write!(f, "{median:.4}\t{least:.4}\t{most:.4}\t{cpu:.4}\t{:.0}", peak_megabytes())
    }
}
