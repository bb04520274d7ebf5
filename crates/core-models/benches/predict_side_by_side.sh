#!/bin/sh
# Predicts the cells of the same file block by block here and in PyTorch, in turns, each in a process of its own, and
# checks that the scores are equal to 1e-5. Without torch only this side is timed.
#   pip install torch==2.15.0 h5py==3.16.0 scipy==1.17.1
#   crates/core-models/benches/predict_side_by_side.sh [PYTHON] [CELLS] [ROUNDS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
cells=${2:-100000}
rounds=${3:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here"
export MIMALLOC_PURGE_DELAY=-1 # what the binary sets for itself
bench() { cargo bench --quiet --features ndarray --bench predict --manifest-path ../../../Cargo.toml -- "$@"; }
bench generate "$folder" "$cells"
theirs=yes
"$python" -c "import torch, h5py, scipy" 2>/dev/null || theirs=no
[ $theirs = yes ] || echo "SKIPPED: no torch, h5py and scipy in $python; only this side is timed" >&2
round=1
while [ "$round" -le "$rounds" ]; do
    bench read "$folder" >>"$folder/times"
    bench predict "$folder" >>"$folder/times"
    if [ $theirs = yes ]; then "$python" predict_side_by_side.py "$folder" >>"$folder/times"; fi
    round=$((round + 1))
done
if [ $theirs = yes ]; then "$python" predict_side_by_side.py "$folder" table; else cat "$folder/times"; fi
