//! [`Predictions`]: one score, class and embedding a cell.

use std::fs::File;
use std::path::Path;

use ndarray::Array2;
use sensitome_data::write::Unfinished;
use sensitome_data::{Column, Columns, DataError, ExpressionMatrix, GeneReport};

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
        let mut file = CsvPredictions::new(path)?;
        file.append(self, cells)?;
        file.finish()
    }

    /// Writes the cells with `sensitome_score` and `sensitome_class` as annotations and the embedding as
    /// `X_sensitome`, for anndata and scanpy.
    ///
    /// # Errors
    /// When the cells are others, or the file cannot be written.
    pub fn write_h5ad(&self, path: &Path, cells: &ExpressionMatrix) -> Result<()> {
        let mut annotated = cells.clone();
        for (name, column) in self.columns() {
            annotated.set_sample_column(name, column)?;
        }
        sensitome_data::write::h5ad(path, &annotated, &self.embeddings())?;
        Ok(())
    }

    /// Copies the `.h5ad` that the cells came from and adds the same annotations to the copy; whatever else it holds
    /// stays as it is.
    ///
    /// # Errors
    /// As [`h5ad_annotated`](sensitome_data::write::h5ad_annotated).
    pub fn add_to_h5ad(&self, from: &Path, to: &Path) -> Result<()> {
        Ok(sensitome_data::write::h5ad_annotated(from, to, &self.columns(), &self.embeddings())?)
    }

    /// Puts the predictions of more cells of the same model and genes below these.
    ///
    /// # Errors
    /// When their embeddings are of another width.
    pub fn extend(&mut self, more: &Self) -> Result<()> {
        let rows = self.embedding.append(ndarray::Axis(0), more.embedding.view());
        rows.map_err(|e| ModelError::invalid("predictions", e.to_string(), "join those of one model"))?;
        self.cells.extend_from_slice(&more.cells);
        self.scores.extend_from_slice(&more.scores);
        self.classes.extend_from_slice(&more.classes);
        Ok(())
    }

    fn columns(&self) -> Columns {
        let names = (0..self.cells.len()).map(|i| self.class_name(i));
        Columns::from([
            ("sensitome_score".to_owned(), Column::Number(self.scores.clone())),
            ("sensitome_class".to_owned(), Column::category(names)),
        ])
    }

    fn embeddings(&self) -> Vec<(String, Array2<f32>)> {
        let some = self.embedding.ncols() > 0;
        some.then(|| ("X_sensitome".to_owned(), self.embedding.clone())).into_iter().collect()
    }
}

/// A table of predictions that grows block by block, with the columns of [`Predictions::write_csv`]. It appears under
/// its name when [`finish`](Self::finish)ed; dropped before, nothing is left.
#[derive(Debug)]
pub struct CsvPredictions<'a> {
    path: &'a Path,
    csv: csv::Writer<File>,
    unfinished: Unfinished<'a>,
    /// The annotations that the header names, once it is written.
    annotations: Option<Vec<String>>,
}

impl<'a> CsvPredictions<'a> {
    /// Begins the file.
    ///
    /// # Errors
    /// When its folder cannot be written to.
    pub fn new(path: &'a Path) -> Result<Self> {
        let unfinished = Unfinished::new(path)?;
        let file = unfinished.file().try_clone().map_err(|e| DataError::io(path, "write", e))?;
        Ok(Self { path, csv: csv::Writer::from_writer(file), unfinished, annotations: None })
    }

    /// Appends a row for every cell. The annotations of the first block are the columns.
    ///
    /// # Errors
    /// When the predictions are of other cells, a block has other annotations than the first, or writing fails.
    pub fn append(&mut self, predictions: &Predictions, cells: &ExpressionMatrix) -> Result<()> {
        if cells.samples() != predictions.cells {
            return Err(ModelError::invalid(
                "predictions",
                "are for other cells",
                "pass the cells that were predicted",
            ));
        }
        let failed = |e: csv::Error| DataError::io(self.path, "write", e.into());
        let columns = cells.sample_columns();
        match &self.annotations {
            None => {
                let own = ["cell", "score", "class", "predicted"];
                let header = own.into_iter().chain(columns.keys().map(String::as_str));
                self.csv.write_record(header).map_err(failed)?;
                self.annotations = Some(columns.keys().cloned().collect());
            }
            Some(names) if names.iter().eq(columns.keys()) => {}
            Some(_) => {
                return Err(ModelError::invalid(
                    "annotations of the cells",
                    "are others than those of the first block",
                    "pass blocks with the same annotation columns",
                ));
            }
        }
        for (i, cell) in predictions.cells.iter().enumerate() {
            let own = [
                cell.clone(),
                predictions.scores[i].to_string(),
                predictions.classes[i].to_string(),
                predictions.class_name(i).to_owned(),
            ];
            let others = columns.values().map(|c| c.get(i).unwrap_or_default());
            self.csv.write_record(own.into_iter().chain(others)).map_err(failed)?;
        }
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.csv.flush().map_err(|e| DataError::io(self.path, "write", e))?;
        Ok(self.unfinished.finish()?)
    }
}
