#!/bin/sh
# The tests of networks, training and explanations on one device.
#   tests/devices.sh flex|ndarray|wgpu|cuda [argument of cargo test]...
# wgpu runs on a software adapter where there is no card (Debian: apt-get install mesa-vulkan-drivers), and is left out,
# visibly, where there is no Vulkan driver at all. How near the numbers of a device must come stands in
# crates/testkit/src/device.rs.
set -eu
cd "$(dirname "$0")/.."
device=${1:?"name a device: flex, ndarray, wgpu or cuda"}
shift
if [ "$device" = wgpu ] && [ "$(uname)" = Linux ] && [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] &&
    [ -z "$(ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json 2>/dev/null)" ]; then
    echo "SKIPPED: no Vulkan driver; Debian has a software one: apt-get install mesa-vulkan-drivers" >&2
    exit 0
fi
SENSITOME_DEVICE=$device exec cargo test --release --features "${device%%:*}" --workspace \
    --test networks --test pathway --test model_file \
    --test contract --test golden --test gradients --test transport --test faithful --test sensitome \
    --test controls_and_relatives \
    --test explainer --test network --test integrated_gradients --test deep_shap --test sampled "$@"
