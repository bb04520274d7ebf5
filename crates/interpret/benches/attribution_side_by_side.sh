#!/bin/sh
# Times sensitome-interpret, captum and shap on the same network and cells, in turns, each case in its own process.
#   pip install numpy==2.4.6 torch==2.15.0 captum==0.9.0 shap==0.51.0
#   crates/interpret/benches/attribution_side_by_side.sh [PYTHON]
# Columns: name, median, least and greatest wall seconds, CPU seconds a run, peak resident MB of the process.
set -eu
cd "$(dirname "$0")/../../.."
python=${1:-python3}
script=crates/interpret/benches/attribution_side_by_side.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" "$script" generate "$folder"
cargo bench --quiet --features ndarray --bench attribution --no-run
bench() {
    SENSITOME_BENCH_DATA=$folder cargo bench --quiet --features ndarray --bench attribution -- "$1"
}
for round in 1 2; do
    for pair in "ig ig ig_batch1000" "ig_sparse ig_batch1000_sparse" "shap shap shap_one" "shap_sparse shap_one_sparse"; do
        set -- $pair
        bench "$1" | sed 's/^/ours\t/'
        shift
        for name in "$@"; do "$python" "$script" "$name" "$folder" | sed 's/^/theirs\t/'; done
    done
done
"$python" "$script" compare "$folder"
