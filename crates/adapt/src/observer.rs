//! Watching a fit: progress bars, logs, stopping.

use std::ops::ControlFlow;

/// One finished epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Name of the stage.
    pub stage: &'static str,
    /// Its position, from 0.
    pub stage_index: usize,
    /// Number of stages.
    pub stages: usize,
    /// Epochs finished in it.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Mean of every loss over the training rows, in the order of the strategy.
    pub losses: Vec<(&'static str, f64)>,
    /// Their sum over the validation rows, where there are some.
    pub validation_loss: Option<f64>,
    /// AUROC on the source's validation rows, where the stage looks at it.
    pub validation_auroc: Option<f64>,
    /// Learning rate of the epoch.
    pub learning_rate: f64,
}

/// Gets a report after every epoch; may stop the fit.
pub trait Observer {
    /// Called after every epoch, and after its checkpoint where one is due. `Break` stops the fit.
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()>;
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn epoch(&mut self, _report: &EpochReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Keeps all reports.
#[derive(Debug, Clone, Default)]
pub struct History(pub Vec<EpochReport>);

impl Observer for History {
    fn epoch(&mut self, report: &EpochReport) -> ControlFlow<()> {
        self.0.push(report.clone());
        ControlFlow::Continue(())
    }
}
