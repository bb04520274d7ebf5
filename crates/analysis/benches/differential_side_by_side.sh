#!/bin/sh
# Times the Wilcoxon test of sensitome-analysis and scanpy on the same sparse input, in turns, each case in its own
# process, and checks that the scores are equal.
#   pip install numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 scanpy==1.11.5 anndata==0.12.19
#   crates/analysis/benches/differential_side_by_side.sh [PYTHON]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here"
"$python" differential_side_by_side.py generate "$folder"
bench() { SENSITOME_BENCH_DATA=$folder cargo bench --quiet -p sensitome-analysis --bench differential -- "$@"; }
cargo bench --quiet -p sensitome-analysis --bench differential --no-run
for name in wilcoxon_sparse wilcoxon_sparse_ties; do
    for round in 1 2; do
        bench "$name" | sed 's/^/ours\t/' >>"$folder/times"
        RAYON_NUM_THREADS=1 bench "$name" | sed 's/^/ours, 1 thread\t/' >>"$folder/times"
        "$python" differential_side_by_side.py "$name" "$folder" | sed 's/^/scanpy\t/' >>"$folder/times"
    done
done
"$python" differential_side_by_side.py table "$folder"
