//! The model file: safetensors with a versioned JSON header. No code is in it, and none is run to read it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sensitome_data::FittedPreprocessing;
use serde::{Deserialize, Serialize};

use crate::feed_forward::{FeedForward, check_widths};
use crate::head::Output;
use crate::layer::{LayerShape, Parameter};
use crate::model::{ModelCard, ResponseModel};
use crate::{ModelError, Result};

/// Version of the format that this library writes; it reads this one and refuses newer ones.
const FORMAT: u32 = 1;
/// The metadata key of the header.
const KEY: &str = "sensitome";

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    preprocessing: FittedPreprocessing,
    encoder: Vec<LayerShape>,
    head: Vec<LayerShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    axes: Vec<String>,
    output: Output,
    class_names: [String; 2],
    threshold: f64,
    card: ModelCard,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl ResponseModel {
    /// The file as bytes. The same model always gives the same bytes.
    ///
    /// # Errors
    /// When the backend cannot give a weight back.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = Header {
            format: FORMAT,
            preprocessing: self.preprocessing.clone(),
            encoder: self.encoder.shapes(),
            head: self.head.shapes(),
            axes: self.axes.clone(),
            output: self.output,
            class_names: self.class_names.clone(),
            threshold: self.threshold,
            card: self.card.clone(),
        };
        let json = serde_json::to_string(&header).map_err(|e| ModelError::Backend(e.to_string()))?;
        let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        collect(&self.encoder, "encoder", &mut tensors)?;
        collect(&self.head, "head", &mut tensors)?;
        let views: Vec<(&str, TensorView)> = tensors
            .iter()
            .map(|(name, (shape, bytes))| {
                TensorView::new(Dtype::F32, shape.clone(), bytes)
                    .map(|v| (name.as_str(), v))
                    .map_err(|e| ModelError::Backend(e.to_string()))
            })
            .collect::<Result<_>>()?;
        safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), json)])))
            .map_err(|e| ModelError::Backend(e.to_string()))
    }

    /// Writes the model beside `path` and renames it there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        sensitome_data::write::atomic(path, |f| {
            f.write_all(&bytes).map_err(|e| sensitome_data::DataError::io(path, "write", e))
        })?;
        Ok(())
    }

    /// Reads a model onto a device.
    ///
    /// # Errors
    /// When the file cannot be read, is no model, is cut short, or was written by a newer version.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| sensitome_data::DataError::io(path, "read", e))?;
        Self::from_bytes(&bytes, &path.display().to_string(), device)
    }

    /// Reads a model from bytes; `origin` names them in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], origin: &str, device: &Device) -> Result<Self> {
        let bad = |problem: String| {
            ModelError::file(
                origin,
                problem,
                "pass a complete file written by `sensitome train` or ResponseModel::save",
            )
        };
        if bytes.is_empty() {
            return Err(bad("the file is empty".into()));
        }
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| bad(format!("this is no model file or it is cut short ({e})")))?;
        let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
            bad("these are safetensors of something else: the header `sensitome` is missing".into())
        })?;
        let format: FormatOnly =
            serde_json::from_str(json).map_err(|e| bad(format!("its header is damaged ({e})")))?;
        if format.format != FORMAT {
            return Err(ModelError::file(
                origin,
                format!("its format is version {}, this library reads {FORMAT}", format.format),
                "install the version of sensitome that wrote it, or train again",
            ));
        }
        let header: Header =
            serde_json::from_str(json).map_err(|e| bad(format!("its header is damaged ({e})")))?;
        let file =
            SafeTensors::deserialize(bytes).map_err(|e| bad(format!("it is cut short or damaged ({e})")))?;
        let read = |name: &str, shapes: &[LayerShape]| {
            load_network(name, shapes, &file, device).map_err(|e| bad(e.to_string()))
        };
        let mut model = Self::new(
            header.preprocessing,
            read("encoder", &header.encoder)?,
            read("head", &header.head)?,
            header.output,
            header.threshold,
            header.card,
            device.clone(),
        )
        .map_err(|e| bad(e.to_string()))?;
        model.class_names = header.class_names;
        model.with_axes(header.axes).map_err(|e| bad(e.to_string()))
    }
}

fn collect(
    network: &FeedForward,
    prefix: &str,
    out: &mut BTreeMap<String, (Vec<usize>, Vec<u8>)>,
) -> Result<()> {
    fn bytes<const D: usize>(t: &Tensor<D>) -> Result<(Vec<usize>, Vec<u8>)> {
        let values =
            t.clone().inner().try_into_vec_as::<f32>().map_err(|e| ModelError::Backend(e.to_string()))?;
        Ok((t.dims().to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
    }
    let mut failed = None;
    network.clone().visit(&mut |name, p| {
        let one = match p {
            Parameter::Matrix(t) => bytes(t),
            Parameter::Vector(t) | Parameter::Statistic(t) => bytes(t),
        };
        match one {
            Ok(v) => {
                out.insert(format!("{prefix}.{name}"), v);
            }
            Err(e) => failed = Some(e),
        }
    });
    failed.map_or(Ok(()), Err)
}

fn load_network(
    name: &str,
    shapes: &[LayerShape],
    file: &SafeTensors,
    device: &Device,
) -> Result<FeedForward> {
    check_widths(shapes)?;
    // The header is checked against the tensors before anything of its size is allocated.
    for (i, shape) in shapes.iter().enumerate() {
        let expected: &[(&str, Vec<usize>)] = &match *shape {
            LayerShape::Linear { inputs, outputs, bias } => {
                let mut t = vec![("weight", vec![inputs, outputs])];
                t.extend(bias.then(|| ("bias", vec![outputs])));
                t
            }
            LayerShape::BatchNorm { features } => {
                ["gamma", "beta", "mean", "variance"].map(|n| (n, vec![features])).to_vec()
            }
            LayerShape::Cosine { inputs, classes, .. } => vec![("weight", vec![inputs, classes])],
            LayerShape::Activation { .. }
            | LayerShape::Dropout { .. }
            | LayerShape::Mask { .. }
            | LayerShape::Normalize
            | LayerShape::Softmax => Vec::new(),
        };
        for (part, shape) in expected {
            let key = format!("{name}.{i}.{part}");
            let view = file
                .tensor(&key)
                .map_err(|_| ModelError::invalid(&key, "the weights are missing", "use a complete file"))?;
            if view.shape() != shape || view.dtype() != Dtype::F32 {
                return Err(ModelError::invalid(
                    &key,
                    format!("{:?} {:?}, the header says {shape:?}", view.dtype(), view.shape()),
                    "use an undamaged file",
                ));
            }
        }
    }
    let device = &device.clone().inner();
    let mut network = FeedForward::new(shapes.iter().map(|s| s.blank(device)).collect())?;
    fn set<const D: usize>(t: &mut Tensor<D>, data: &[u8], device: &Device) {
        let values: Vec<f32> =
            data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        *t = Tensor::from_data(TensorData::new(values, t.dims()), device);
    }
    network.visit(&mut |part, p| {
        if let Ok(view) = file.tensor(&format!("{name}.{part}")) {
            match p {
                Parameter::Matrix(t) => set(t, view.data(), device),
                Parameter::Vector(t) | Parameter::Statistic(t) => set(t, view.data(), device),
            }
        }
    });
    Ok(network)
}
