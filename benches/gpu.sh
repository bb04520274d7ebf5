#!/bin/sh
# Benchmarks of the devices, for a machine with a GPU: training steps and predicted cells a second on CUDA and on Vulkan,
# against the rates at which the same device copies and multiplies. CUDA needs the driver and NVRTC (the CUDA toolkit, or
# its libnvrtc) to run, and a network and a C++ compiler to build (docs/dependencies.md); Vulkan needs the driver.
#   benches/gpu.sh [--seconds S] [--quick]
# DEVICES="cuda:1 flex" runs others than cuda and wgpu.
set -eu
cd "$(dirname "$0")/.."
cargo bench --features cuda,wgpu --bench device --no-run
for device in ${DEVICES:-cuda wgpu}; do
    cargo bench --quiet --features cuda,wgpu --bench device -- --device "$device" "$@" || failed="${failed:-} $device"
    echo
done
[ -z "${failed:-}" ] || { echo "no figures of:$failed" >&2; exit 1; }
