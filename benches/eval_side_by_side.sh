#!/bin/sh
# Times sensitome-eval and scikit-learn on the same input, in turns, each case in its own process.
#   pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
#   benches/eval_side_by_side.sh [PYTHON]
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" benches/eval_side_by_side.py generate "$folder"
cargo bench --quiet -p sensitome-eval --bench eval --no-run
for name in auroc_and_ap silhouette ami; do
    for round in 1 2; do
        SENSITOME_BENCH_DATA=$folder cargo bench --quiet -p sensitome-eval --bench eval -- "$name" | sed 's/^/ours\t/' >>"$folder/times"
        "$python" benches/eval_side_by_side.py "$name" "$folder" | sed 's/^/theirs\t/' >>"$folder/times"
    done
done
"$python" benches/eval_side_by_side.py table "$folder"
