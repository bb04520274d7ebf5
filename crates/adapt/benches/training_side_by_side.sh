#!/bin/sh
# Times training steps, and whole fits of scdeal and ssda4drug on PLX-4720 -> A375 (from ../shared/data), here and in
# PyTorch, in turns, each case in its own process, with one thread and two.
#   pip install numpy==2.4.6 torch==2.15.0
#   crates/adapt/benches/training_side_by_side.sh [PYTHON]
# ROUNDS (default 1) repeats everything. Without PyTorch only our half runs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here/../../.."
export SENSITOME_BENCH_DATA="$folder"
export MIMALLOC_PURGE_DELAY=-1 # what the binary sets for itself
build() { cargo bench --features ndarray --bench training --no-run --message-format short 2>&1; }
binary=$(build | sed -n 's/.*(\(.*training-[0-9a-f]*\)).*/\1/p' | tail -1)
[ -x "$binary" ] || { echo "the bench did not build" >&2; exit 1; }
torch=$("$python" -c 'import torch; print(1)' 2>/dev/null || echo 0)
[ "$torch" = 1 ] || echo "SKIPPED: no PyTorch in $python; only our half is timed"
[ -n "${SENSITOME_DATA:-}" ] || ! [ -d ../shared/data ] || export SENSITOME_DATA="$PWD/../shared/data"
"$binary" export
both() { # THREADS WORDS...
    threads=$1
    shift
    RAYON_NUM_THREADS=$threads "$binary" "$@" | sed "/^#/d; s/^/ours\t$threads\t/" >>"$folder/times"
    [ "$torch" = 1 ] || return 0
    case $1 in fit) set -- "$@" "$folder" ;; esac
    OMP_NUM_THREADS=$threads "$python" "$here/training_side_by_side.py" "$@" |
        sed "s/^/PyTorch\t$threads\t/" >>"$folder/times"
    [ "$1" = step ] || return 0
    OMP_NUM_THREADS=$threads "$python" "$here/training_side_by_side.py" "$@" fused |
        sed "s/^/PyTorch, fused Adam\t$threads\t/" >>"$folder/times"
}
for round in $(seq "${ROUNDS:-1}"); do
    for threads in 1 2; do
        for network in ae classifier; do
            for batch in 64 256; do
                both "$threads" step "$network" "$batch"
                RAYON_NUM_THREADS=$threads "$binary" limit "$network" "$batch" |
                    sed "/^#/d; s/, products alone//; s/^/ours, its matrix products alone\t$threads\t/" >>"$folder/times"
            done
        done
        [ -f "$folder/genes" ] || continue
        both "$threads" fit scdeal
        both "$threads" fit ssda4drug
    done
done
"$binary" limit copy | sed 's/^/# /'
"$python" "$here/training_side_by_side.py" table "$folder"
