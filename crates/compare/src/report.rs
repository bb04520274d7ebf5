//! Everything that a comparison says, as files.

use std::path::{Path, PathBuf};

use sensitome_data::DataError;

use crate::{Comparison, Diagnosis, Grid, Leaderboard, Regret, Result, diagnose, markdown, plots, table};

/// A comparison with everything that is derived from it.
#[derive(Debug)]
pub struct Report<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Its runs, arranged.
    pub grid: Grid<'a>,
    /// A leaderboard per number of shots, ascending.
    pub boards: Vec<Leaderboard>,
    /// Regret of the selection rules.
    pub regret: Regret,
    /// A sentence per task and method.
    pub diagnoses: Vec<Diagnosis>,
}

impl<'a> Report<'a> {
    /// Derives everything.
    ///
    /// # Errors
    /// When a run's task or method is not listed, or something is there twice.
    pub fn new(comparison: &'a Comparison) -> Result<Self> {
        let grid = Grid::new(comparison)?;
        let boards = grid.shots().into_iter().map(|s| Leaderboard::new(&grid, s)).collect::<Result<_>>()?;
        let (regret, diagnoses) = (Regret::new(&grid)?, diagnose(&grid));
        Ok(Self { comparison, grid, boards, regret, diagnoses })
    }

    /// Writes `runs.csv`, `runs.parquet`, `leaderboard.csv`, `tasks.csv`, `diagnosis.csv`, `audit.json`, `results.md`, where there
    /// is a search `regret.csv`, and the plots that make sense under `plots/`; gives their paths. The same comparison gives the
    /// same bytes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let drawn = folder.join("plots");
        std::fs::create_dir_all(&drawn).map_err(|e| DataError::io(&drawn, "create", e))?;
        remove_plots(&drawn)?;
        let mut written = Vec::new();
        let mut path = |name: &str| {
            written.push(folder.join(name));
            folder.join(name)
        };
        let rows = table::runs(self.comparison)?;
        table::runs_csv(&path("runs.csv"), &rows)?;
        table::runs_parquet(&path("runs.parquet"), &rows)?;
        table::leaderboard_csv(&path("leaderboard.csv"), &self.boards)?;
        table::tasks_csv(&path("tasks.csv"), &self.boards)?;
        table::diagnosis_csv(&path("diagnosis.csv"), &self.diagnoses)?;
        if !self.regret.is_empty() {
            table::regret_csv(&path("regret.csv"), &self.regret)?;
        }
        let mut audit = serde_json::to_vec_pretty(&self.comparison.audits)
            .map_err(|e| DataError::io(folder, "write", e.into()))?;
        audit.push(b'\n');
        table::save(&path("audit.json"), &audit)?;
        table::save(&path("results.md"), markdown(self).as_bytes())?;
        for (name, svg) in plots::all(self)? {
            table::save(&path(&format!("plots/{name}.svg")), svg.as_bytes())?;
        }
        Ok(written)
    }

    /// The leaderboards in a few lines, for a terminal: mean of the task means, mean rank.
    pub fn summary(&self) -> String {
        let mut lines = Vec::new();
        for board in &self.boards {
            let shown = if board.shots == 0 {
                "no labelled cells".to_owned()
            } else {
                format!("{} shots", board.shots)
            };
            lines.push(format!("{shown}: {} over {} tasks, mean rank", board.metric, board.counted.len()));
            for s in &board.standings {
                let rank = s.rank.map_or_else(String::new, |r| format!("{r:.1}"));
                lines.push(format!("  {:<34} {:.3}  {rank}", s.entry.name, s.summary.mean));
            }
            lines.extend(board.left_out.iter().map(|(name, why)| format!("  {name}: not ranked, {why}")));
        }
        lines.join("\n")
    }
}

/// Plots of an earlier report may be of tasks that are no longer there.
fn remove_plots(folder: &Path) -> Result<()> {
    let failed = |e| DataError::io(folder, "clear", e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "svg") {
            std::fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}
