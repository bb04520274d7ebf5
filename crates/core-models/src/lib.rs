//! Encoders, classifier heads and the model file.
//!
//! A network is an explicit list of layers ([`FeedForward`]). The same list is trained, applied, explained and
//! written to the model file; nothing is hidden in between.

mod autoencoder;
mod device;
mod error;
mod feed_forward;
mod head;
mod inference;
mod layer;
mod model;
mod model_file;
mod parts;
mod pathway;
mod predict;
mod predictions;
mod product;
mod random;
mod shared_private;
mod total;

pub use autoencoder::{
    Autoencoder, AutoencoderConfig, Coder, DenoisingAutoencoder, Variational, VariationalAutoencoder,
};
pub use burn::tensor::Device;
pub use device::{available_devices, device_name, is_flex, is_on_host, parse_device};
pub use error::{ModelError, Result};
pub use feed_forward::{FeedForward, Init, MlpConfig, Normalization};
pub use head::{HeadConfig, Output};
pub use inference::FoldedStep;
pub use layer::{Activation, Layer, LayerShape, Parameter, Pass, unit};
pub use model::{ModelCard, ResponseModel};
pub use parts::{Parts, join_path};
pub use pathway::{PathwayDecoder, PathwayMask};
pub use predict::PredictOptions;
pub use predictions::{CsvPredictions, Predictions};
pub use product::product;
pub use random::{Noise, rng_for, seed_for};
pub use sensitome_data::GeneReport;
pub use shared_private::{Codes, Domain, SharedPrivate};
pub use total::total;
