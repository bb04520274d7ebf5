//! Saving an unfinished fit, and going on from it to the same weights.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sensitome_core_models::{Parameter, Parts, device_name};
use sensitome_data::{TransferTask, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hyper::Checked;
use crate::optimizer::{OptimizerState, Slots};
use crate::strategy::Stage;
use crate::{AdaptError, Result};

const VERSION: u32 = 1;

/// Where a fit stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) stage: usize,
    pub(crate) epoch: usize,
    // JSON has no infinity: it is written as null and read back.
    #[serde(with = "infinite")]
    pub(crate) best: f64,
    pub(crate) stale: usize,
    #[serde(with = "infinite")]
    pub(crate) plateau_best: f64,
    pub(crate) plateau_bad: usize,
    pub(crate) rate_factor: f64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            stage: 0,
            epoch: 0,
            best: f64::INFINITY,
            stale: 0,
            plateau_best: f64::INFINITY,
            plateau_bad: 0,
            rate_factor: 1.0,
        }
    }
}

mod infinite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(x: &f64, s: S) -> Result<S::Ok, S::Error> {
        x.is_finite().then_some(*x).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(d)?.unwrap_or(f64::INFINITY))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    fingerprint: String,
    progress: Progress,
    steps: std::collections::BTreeMap<String, u64>,
    has_best: bool,
}

/// What a fit depends on; another fit's checkpoint is not taken.
pub(crate) fn fingerprint(
    name: &str,
    settings: &Checked,
    task: &TransferTask,
    seed: u64,
    device: &Device,
) -> String {
    let mut h = Sha256::new();
    let version = env!("CARGO_PKG_VERSION");
    for part in [name, task.hash(), device_name(device), version] {
        h.update(part.as_bytes());
        h.update([0]);
    }
    for (k, v) in settings.iter() {
        h.update(format!("{k}={v}\0").as_bytes());
    }
    h.update(seed.to_le_bytes());
    hex(&h.finalize())
}

fn damaged(path: &Path, problem: impl std::fmt::Display) -> AdaptError {
    AdaptError::invalid(
        format!("checkpoint {}", path.display()),
        problem.to_string(),
        "delete it to start anew, or name another with --checkpoint",
    )
}

type Saved = Vec<(String, Vec<usize>, Vec<u8>)>;

fn collect(parts: &mut impl Parts, prefix: &str, out: &mut Saved) -> Result<()> {
    let mut failed = None;
    fn bytes<const D: usize>(t: &Tensor<D>) -> std::result::Result<(Vec<usize>, Vec<u8>), String> {
        let data = t.clone().inner().try_into_data().map_err(|e| e.to_string())?;
        let values = data.as_slice::<f32>().map_err(|e| e.to_string())?;
        Ok((t.dims().to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
    }
    parts.parameters(&mut |path, p| {
        let one = match p {
            Parameter::Matrix(t) => bytes(t),
            Parameter::Vector(t) | Parameter::Statistic(t) => bytes(t),
        };
        match one {
            Ok((shape, data)) => out.push((format!("{prefix}/{path}"), shape, data)),
            Err(e) => failed = Some(e),
        }
    });
    match failed {
        None => Ok(()),
        Some(e) => Err(AdaptError::Model(sensitome_core_models::ModelError::Backend(e))),
    }
}

pub(crate) fn save<P: Parts>(
    path: &Path,
    fingerprint: &str,
    progress: &Progress,
    networks: &mut P,
    best: Option<&mut P>,
    optimizer: &OptimizerState,
) -> Result<()> {
    let mut tensors = Saved::new();
    collect(networks, "current", &mut tensors)?;
    let has_best = best.is_some();
    if let Some(best) = best {
        collect(best, "best", &mut tensors)?;
    }
    for (name, slots) in &optimizer.slots {
        for (k, values) in slots.read()?.iter().enumerate() {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            tensors.push((format!("slot{k}/{name}"), vec![values.len()], bytes));
        }
    }
    let header = Header {
        version: VERSION,
        fingerprint: fingerprint.to_owned(),
        progress: progress.clone(),
        steps: optimizer.slots.iter().map(|(k, s)| (k.clone(), s.steps)).collect(),
        has_best,
    };
    let json = serde_json::to_string(&header).map_err(|e| damaged(path, e))?;
    let views: Vec<(&str, TensorView)> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes)
                .map(|v| (name.as_str(), v))
                .map_err(|e| damaged(path, e))
        })
        .collect::<Result<_>>()?;
    let metadata = HashMap::from([("sensitome_checkpoint".to_owned(), json)]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| damaged(path, e))?;
    sensitome_data::write::atomic(path, |f| {
        f.write_all(&bytes).map_err(|e| sensitome_data::DataError::io(path, "write", e))
    })?;
    Ok(())
}

type Loaded<P> = (Progress, (Option<P>, OptimizerState));

pub(crate) fn load<P: Parts>(
    path: &Path,
    fingerprint: &str,
    stages: &[Stage],
    networks: &mut P,
    device: &Device,
) -> Result<(Progress, Option<P>, OptimizerState)> {
    let (progress, (best, optimizer)) = load_parts(path, fingerprint, stages, networks, device)?;
    Ok((progress, best, optimizer))
}

fn load_parts<P: Parts>(
    path: &Path,
    fingerprint: &str,
    stages: &[Stage],
    networks: &mut P,
    device: &Device,
) -> Result<Loaded<P>> {
    let bytes = std::fs::read(path).map_err(|e| sensitome_data::DataError::io(path, "read", e))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(path, e))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(path, e))?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get("sensitome_checkpoint"));
    let header: Header = json
        .ok_or_else(|| damaged(path, "is not a checkpoint"))
        .and_then(|j| serde_json::from_str(j).map_err(|e| damaged(path, e)))?;
    if header.version != VERSION || header.fingerprint != fingerprint {
        return Err(damaged(path, "belongs to another fit (other data, settings, seed, device or version)"));
    }
    let Some(stage) = stages.get(header.progress.stage) else {
        return Err(damaged(path, "names a stage that does not exist"));
    };
    let mut best = header.has_best.then(|| networks.clone());
    restore(networks, "current", &file, device).map_err(|e| damaged(path, e))?;
    if let Some(best) = &mut best {
        restore(best, "best", &file, device).map_err(|e| damaged(path, e))?;
    }
    let mut optimizer = OptimizerState::new(stage.optimizer);
    for (name, steps) in &header.steps {
        let mut slots = Slots { steps: *steps, ..Slots::default() };
        while let Ok(view) = file.tensor(&format!("slot{}/{name}", slots.values.len())) {
            slots.values.push(floats(view.data()));
        }
        optimizer.slots.insert(name.clone(), slots);
    }
    Ok((header.progress, (best, optimizer)))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn restore(
    parts: &mut impl Parts,
    prefix: &str,
    file: &SafeTensors,
    device: &Device,
) -> std::result::Result<(), String> {
    let mut failed = None;
    fn set<const D: usize>(
        t: &mut Tensor<D>,
        name: &str,
        file: &SafeTensors,
        device: &Device,
    ) -> std::result::Result<(), String> {
        let view = file.tensor(name).map_err(|e| e.to_string())?;
        if view.shape() != t.dims() || view.dtype() != Dtype::F32 {
            return Err(format!("{name} is {:?}, expected {:?}", view.shape(), t.dims()));
        }
        *t = Tensor::from_data(TensorData::new(floats(view.data()), t.dims()), device);
        Ok(())
    }
    parts.parameters(&mut |path, p| {
        let name = format!("{prefix}/{path}");
        let done = match p {
            Parameter::Matrix(t) => set(t, &name, file, device),
            Parameter::Vector(t) | Parameter::Statistic(t) => set(t, &name, file, device),
        };
        if let Err(e) = done {
            failed.get_or_insert(e);
        }
    });
    failed.map_or(Ok(()), Err)
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(sensitome_data::DataError::io(path, "remove", e).into()),
    }
}
