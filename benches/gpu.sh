#!/bin/sh
# Benchmarks of the devices, for a machine with a GPU: training steps and predicted cells a second on CUDA and on Vulkan,
# against the rates at which the same device copies and multiplies. CUDA needs the driver and NVRTC (the CUDA toolkit, or
# its libnvrtc) to run, and a network and a C++ compiler to build (docs/dependencies.md); Vulkan needs the driver.
#   benches/gpu.sh [--seconds S] [--quick]
# DEVICES="wgpu flex" builds and runs others than cuda and wgpu.
set -eu
cd "$(dirname "$0")/.."
devices=${DEVICES:-cuda wgpu}
features=$(echo "$devices" | sed 's/:[0-9]*//g; s/ /,/g')
cargo bench --features "$features" --bench device --no-run
failed=
for device in $devices; do
    cargo bench --quiet --features "$features" --bench device -- --device "$device" "$@" || failed="$failed $device"
    echo
done
[ -z "$failed" ] || { echo "no figures of:$failed" >&2; exit 1; }
