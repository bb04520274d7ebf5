//! What a person or a script gets to see.

use std::io::Write;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use sensitome_adapt::{AdaptError, EpochReport, Observer};
use sensitome_core_models::ModelError;
use sensitome_data::DataError;

/// What a command may fail with: one message that names the file, the problem and the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Adapt(#[from] AdaptError),
    #[error(transparent)]
    Compare(#[from] sensitome_compare::CompareError),
    #[error("{0}")]
    Message(String),
}

pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// A message of this layer.
pub(crate) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(CliError::Message(message.into()))
}

/// Prints the one line of an error.
pub(crate) fn error(error: &CliError) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
}

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl Output {
    /// Prints the result: JSON for scripts, or lines for people. A closed pipe is not an error.
    pub(crate) fn result(self, json: &serde_json::Value, text: impl FnOnce() -> String) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json { writeln!(out, "{json:#}") } else { writeln!(out, "{}", text().trim_end()) };
    }

    /// Prints a line about what is going on.
    pub(crate) fn note(self, line: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// A progress bar over cells.
    pub(crate) fn cells(self, total: usize) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} cells, {eta} left");
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new(total as u64) };
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A progress bar over the epochs of a fit.
    pub(crate) fn progress(self) -> Box<dyn Observer> {
        let style = ProgressStyle::with_template("{prefix:>20} {bar:30} {pos}/{len} {msg}");
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        Box::new(Bar {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            stage: None,
        })
    }
}

struct Bar {
    bar: ProgressBar,
    stage: Option<usize>,
}

impl Observer for Bar {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        if self.stage != Some(report.stage_index) {
            self.stage = Some(report.stage_index);
            self.bar.set_prefix(report.stage);
            self.bar.set_length(report.epochs as u64);
        }
        self.bar.set_position(report.epoch as u64);
        let losses: Vec<String> = report.losses.iter().map(|(n, v)| format!("{n} {v:.4}")).collect();
        self.bar.set_message(losses.join("  "));
        if report.epoch == report.epochs && report.stage_index + 1 == report.stages {
            self.bar.finish_and_clear();
        }
        ControlFlow::Continue(())
    }
}
