//! [`Predictions`]: one score, class and embedding a cell.

use std::path::Path;

use ndarray::Array2;
use sensitome_data::{Column, ExpressionMatrix, GeneReport};

use crate::{ModelError, Result};

/// What a model says about cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Cell names.
    pub cells: Vec<String>,
    /// One score a cell, the higher the more sensitive; a probability except for regression models.
    pub scores: Vec<f64>,
    /// 1 sensitive, 0 resistant: whether the score reaches the model's threshold.
    pub classes: Vec<u8>,
    /// Embedding, cells × latent; no column where the model has none (ridge).
    pub embedding: Array2<f32>,
    /// Names of class 0 and class 1.
    pub class_names: [String; 2],
    /// How the cells' genes met the model's.
    pub genes: GeneReport,
}

impl Predictions {
    /// The predicted class of cell `i` by name.
    pub fn class_name(&self, i: usize) -> &str {
        &self.class_names[usize::from(self.classes[i] == 1)]
    }

    /// Writes `cell,score,class,predicted` (the class is 0 or 1, `predicted` its name) and the annotations of the cells.
    ///
    /// # Errors
    /// When the cells are others, or the file cannot be written; nothing is left half-written.
    pub fn write_csv(&self, path: &Path, cells: &ExpressionMatrix) -> Result<()> {
        if cells.samples() != self.cells {
            return Err(ModelError::invalid(
                "predictions",
                "are for other cells",
                "pass the cells that were predicted",
            ));
        }
        sensitome_data::write::atomic(path, |file| {
            let failed = |e: csv::Error| sensitome_data::DataError::io(path, "write", e.into());
            let mut csv = csv::Writer::from_writer(file);
            let annotations = cells.sample_columns();
            let header = ["cell", "score", "class", "predicted"]
                .into_iter()
                .chain(annotations.keys().map(String::as_str));
            csv.write_record(header).map_err(failed)?;
            for (i, cell) in self.cells.iter().enumerate() {
                let own = [
                    cell.clone(),
                    self.scores[i].to_string(),
                    self.classes[i].to_string(),
                    self.class_name(i).to_owned(),
                ];
                let others = annotations.values().map(|c| c.get(i).unwrap_or_default());
                csv.write_record(own.into_iter().chain(others)).map_err(failed)?;
            }
            csv.flush().map_err(|e| sensitome_data::DataError::io(path, "write", e))
        })?;
        Ok(())
    }

    /// Writes the cells with `sensitome_score` and `sensitome_class` as annotations and the embedding as
    /// `X_sensitome`, for anndata and scanpy.
    ///
    /// # Errors
    /// When the cells are others, or the file cannot be written.
    pub fn write_h5ad(&self, path: &Path, cells: &ExpressionMatrix) -> Result<()> {
        let mut annotated = cells.clone();
        annotated.set_sample_column("sensitome_score", Column::Number(self.scores.clone()))?;
        let names = (0..self.cells.len()).map(|i| self.class_name(i));
        annotated.set_sample_column("sensitome_class", Column::category(names))?;
        let embeddings = if self.embedding.ncols() == 0 {
            Vec::new()
        } else {
            vec![("X_sensitome".to_owned(), self.embedding.clone())]
        };
        sensitome_data::write::h5ad(path, &annotated, &embeddings)?;
        Ok(())
    }
}
