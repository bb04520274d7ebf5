//! The one error type of this crate.

use sensitome_core_models::ModelError;
use sensitome_data::DataError;

/// What went wrong while configuring or training a strategy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// Preparing the data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Building, saving or applying a network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A hyper-parameter, strategy or option outside what is allowed.
    #[error("{what}: {problem}; {hint}")]
    Invalid {
        /// The setting.
        what: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// Training produced a loss that is not a finite number.
    #[error(
        "{stage}, epoch {epoch}: the loss {loss} is {value}; lower the learning rate or check the input's scale"
    )]
    Diverged {
        /// The stage.
        stage: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The name of the loss.
        loss: String,
        /// Its value.
        value: f64,
    },
    /// An observer asked to stop. The checkpoint, where one was asked for, holds all finished epochs.
    #[error("stopped as asked during {stage}, after epoch {epoch}; run the same command again to go on")]
    Stopped {
        /// The stage.
        stage: String,
        /// Epochs finished in it.
        epoch: usize,
    },
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, AdaptError>;

impl AdaptError {
    /// An [`AdaptError::Invalid`].
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), problem: problem.into(), hint: hint.into() }
    }
}

impl AdaptError {
    /// A batch without the rows that a stage needs: the stage did not ask for them.
    pub(crate) fn missing(stream: &str) -> Self {
        Self::invalid("batch", format!("there are no {stream} rows"), "ask for them in the stage")
    }
}
