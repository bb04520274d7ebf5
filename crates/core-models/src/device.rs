//! Devices by name, chosen at run time among those compiled in.

use burn::tensor::Device;

use crate::{ModelError, Result};

/// Every device name the project knows, with the Cargo feature of the same name.
const KNOWN: [&str; 2] = ["flex", "ndarray"];

/// The names of the devices in this build.
pub fn available_devices() -> Vec<&'static str> {
    KNOWN.into_iter().filter(|n| open(n).is_some()).collect()
}

/// The device called `name`: `flex` (the CPU) or `ndarray` (the CPU, older backend).
///
/// # Errors
/// When the name is unknown or its feature is not compiled in.
pub fn parse_device(name: &str) -> Result<Device> {
    if let Some(device) = open(name) {
        return Ok(device);
    }
    let here = available_devices().join(", ");
    Err(if KNOWN.contains(&name) {
        ModelError::Device {
            name: name.to_owned(),
            problem: "is not in this build".to_owned(),
            hint: format!("build with `--features {name}`, or use one of: {here}"),
        }
    } else {
        ModelError::Device {
            name: name.to_owned(),
            problem: "is not known".to_owned(),
            hint: format!("use one of: {here}"),
        }
    })
}

/// The name of a device opened by [`parse_device`].
pub fn device_name(device: &Device) -> &'static str {
    let plain = device.clone().inner();
    available_devices().into_iter().find(|n| open(n).as_ref() == Some(&plain)).unwrap_or("unknown")
}

fn open(name: &str) -> Option<Device> {
    match name {
        #[cfg(feature = "flex")]
        "flex" => Some(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)] // kept as an independent second implementation of every number
        "ndarray" => Some(Device::ndarray()),
        _ => None,
    }
}
