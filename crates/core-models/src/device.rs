//! Devices by name, chosen at run time among those compiled in.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use std::sync::{Mutex, OnceLock};

use burn::tensor::Device;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::{DeviceType, Tensor};

use crate::{ModelError, Result};

/// A backend: its name, which is that of its Cargo feature, and what to do where the machine has no device for it.
struct Backend {
    name: &'static str,
    compiled_in: bool,
    on_host: bool,
    missing: &'static str,
}

const KNOWN: [Backend; 4] = [
    Backend { name: "flex", compiled_in: cfg!(feature = "flex"), on_host: true, missing: "" },
    Backend { name: "ndarray", compiled_in: cfg!(feature = "ndarray"), on_host: true, missing: "" },
    Backend {
        name: "cuda",
        compiled_in: cfg!(feature = "cuda"),
        on_host: false,
        missing: "install the driver of an NVIDIA card",
    },
    Backend {
        name: "wgpu",
        compiled_in: cfg!(feature = "wgpu"),
        on_host: false,
        missing: "install the Vulkan driver of the card, or a software one (Debian: mesa-vulkan-drivers)",
    },
];

/// The names of the backends in this build for which this machine has a device.
pub fn available_devices() -> Vec<&'static str> {
    KNOWN.iter().map(|b| b.name).filter(|name| !devices(name).is_empty()).collect()
}

/// The device called `name`: `flex` (the CPU), `ndarray` (the CPU, older backend), `cuda` (an NVIDIA card) or `wgpu` (any
/// card with a Vulkan or Metal driver; a software driver where there is no card). `cuda:1` and `wgpu:1` are the second of
/// their kind.
///
/// # Errors
/// When the name is unknown, its feature is not compiled in, or the machine has no such device or none that works.
pub fn parse_device(name: &str) -> Result<Device> {
    let fail = |problem: &str, hint: String| ModelError::Device {
        name: name.to_owned(),
        problem: problem.to_owned(),
        hint,
    };
    let or_another = || format!("use one of: {}", available_devices().join(", "));
    let (backend, index) = name.split_once(':').map_or((name, None), |(b, i)| (b, Some(i)));
    let Some(backend) = KNOWN.iter().find(|b| b.name == backend) else {
        return Err(fail("is not known", or_another()));
    };
    if !backend.compiled_in {
        let hint = format!("build with `--features {}`, or {}", backend.name, or_another());
        return Err(fail("is not in this build", hint));
    }
    let found = devices(backend.name);
    let Some(first) = found.first() else {
        let hint = format!("{}, or {}", backend.missing, or_another());
        return Err(fail("this machine has none", hint));
    };
    let device = match index {
        None => Some(first),
        Some(index) => index.parse::<usize>().ok().and_then(|i| found.get(i)),
    };
    let Some(device) = device else {
        let names: Vec<String> = (0..found.len()).map(|i| format!("{}:{i}", backend.name)).collect();
        return Err(fail("this machine has no such device", format!("use one of: {}", names.join(", "))));
    };
    if !backend.on_host {
        try_out(device).map_err(|problem| fail(&format!("does not work: {problem}"), or_another()))?;
    }
    Ok(device.clone())
}

/// The name of the backend of a device opened by [`parse_device`].
pub fn device_name(device: &Device) -> &'static str {
    backend_of(device).map_or("unknown", |b| b.name)
}

/// Whether tensors of this device lie in the memory of the host, where reading them costs nothing.
pub fn is_on_host(device: &Device) -> bool {
    backend_of(device).is_some_and(|b| b.on_host)
}

/// Whether tensors of this device are those of `flex`, the CPU backend with operations of our own.
pub fn is_flex(device: &Device) -> bool {
    devices("flex").contains(&device.clone().inner())
}

fn backend_of(device: &Device) -> Option<&'static Backend> {
    let plain = device.clone().inner();
    KNOWN.iter().find(|b| devices(b.name).contains(&plain))
}

/// The devices of a backend in this machine, the one to take by default first.
fn devices(backend: &str) -> Vec<Device> {
    match backend {
        #[cfg(feature = "flex")]
        "flex" => vec![Device::flex()],
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)] // kept as an independent second implementation of every number
        "ndarray" => vec![Device::ndarray()],
        #[cfg(feature = "cuda")]
        "cuda" => {
            static FOUND: OnceLock<Vec<Device>> = OnceLock::new();
            FOUND.get_or_init(|| Device::enumerate(DeviceType::Cuda).into_vec()).clone()
        }
        #[cfg(feature = "wgpu")]
        "wgpu" => {
            static FOUND: OnceLock<Vec<Device>> = OnceLock::new();
            let software = Device::wgpu(burn::tensor::DeviceKind::Cpu);
            let list = || {
                let mut found = Device::enumerate(DeviceType::Wgpu).into_vec();
                found.sort_by_key(|d| *d == software);
                found
            };
            FOUND.get_or_init(list).clone()
        }
        _ => Vec::new(),
    }
}

/// Computes something, once a process: a driver that is there may still be too old or lack its compiler, and Burn panics
/// on that.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn try_out(device: &Device) -> std::result::Result<(), String> {
    static TRIED: Mutex<Vec<(Device, std::result::Result<(), String>)>> = Mutex::new(Vec::new());
    let mut tried = TRIED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, outcome)) = tried.iter().find(|(d, _)| d == device) {
        return outcome.clone();
    }
    let three = std::panic::catch_unwind(|| {
        (Tensor::<1>::ones([1], device) + 2.0).try_into_scalar::<f32>().map_err(|e| e.to_string())
    });
    let outcome = match three {
        Ok(Ok(3.0)) => Ok(()),
        Ok(Ok(other)) => Err(format!("1 + 2 is {other} there")),
        Ok(Err(problem)) => Err(problem),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "its driver fails".to_owned())),
    };
    tried.push((device.clone(), outcome.clone()));
    outcome
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn try_out(_: &Device) -> std::result::Result<(), String> {
    Ok(())
}
