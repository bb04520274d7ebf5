//! Leak-free, resumable comparisons: strategies × tasks × seeds, from one TOML file.

pub mod audit;
mod collect;
mod diagnosis;
mod error;
mod evaluate;
mod experiment;
mod files;
mod fit;
mod grid;
mod interval;
mod leaderboard;
mod leaks;
mod markdown;
mod method;
mod numbers;
mod outcome;
mod plan;
pub mod plots;
mod regret;
pub mod report;
mod run;
mod store;
pub mod table;
mod task;

pub use diagnosis::{Diagnosis, STRONG_SHIFT, diagnose};
pub use error::{CompareError, Result};
pub use evaluate::{HiddenLabels, METRICS};
pub use experiment::{
    AuditFields, Experiment, MethodSpec, Names, OnLeak, OneOrMany, Resources, Space, TaskFields, TaskSpec,
    Test, Truth,
};
pub use grid::{CONTROLS, Cell, Choice, Entry, Grid};
pub use interval::{CELLS_DRAWN_FOR, Estimate, LEVEL, REPLICATES, Resampled};
pub use leaderboard::{Critical, Leaderboard, Standing, TaskBoard, TaskRow};
pub use leaks::TaskAudit;
pub use markdown::markdown;
pub use method::Method;
pub use outcome::{Comparison, Fitted, LabelShiftEstimate, Measured, MethodSummary, Role, Run, TaskSummary};
pub use plan::Plan;
pub use regret::{Chosen, Regret, RuleRegret};
pub use report::Report;
pub use run::{Done, Progress, RunOptions, merge};
