#!/bin/sh
# Times the steps from counts to z-scores of sensitome-data and scanpy on the same file, in turns, each case in a process of
# its own, on 1 thread and on 2, and checks that the results agree.
#   pip install numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 scanpy==1.11.5 anndata==0.12.19
#   crates/data/benches/preprocess_side_by_side.sh [PYTHON]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
if ! "$python" -W ignore -c "import scanpy" 2>/dev/null; then
    echo "SKIPPED: $python has no scanpy; name one that has" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here"
"$python" preprocess_side_by_side.py generate "$folder"
# Built once: later runs must not wait for other builds.
bench=$(cargo bench --features ndarray --workspace --bench preprocess --no-run 2>&1 | sed -n 's/.*(\(.*\/preprocess-[0-9a-f]*\)).*/\1/p')
cd "$(cargo locate-project --workspace --message-format plain | xargs dirname)"
export MIMALLOC_PURGE_DELAY=-1 # what the binary sets for itself
for round in 1 2; do
    for threads in 1 2; do
        export RAYON_NUM_THREADS=$threads NUMBA_NUM_THREADS=$threads OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$threads
        SENSITOME_BENCH_DATA=$folder "$bench" | sed "s/^/ours\t$threads\t/" >>"$folder/times"
        "$python" "$here/preprocess_side_by_side.py" case "$folder" | sed "s/^/scanpy\t$threads\t/" >>"$folder/times"
    done
done
"$python" "$here/preprocess_side_by_side.py" table "$folder"
