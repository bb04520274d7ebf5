#!/usr/bin/env bash
# The workflow on the simulated grid with local cores, and whether it gives what one process gives. Needs `snakemake` (a
# Python package) and the built binary; says so where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-$HOME/.cache/sensitome-target}"
command -v snakemake > /dev/null || { echo "SKIPPED: no snakemake; install it with: pip install snakemake"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
snakemake --snakefile workflow/Snakefile --cores 2 --quiet all \
    --config experiment=experiments/simulated-grid.toml out="$work/parts" shards=3 binary="$target/release/sensitome"
"$target/release/sensitome" compare experiments/simulated-grid.toml --out "$work/single" --quiet > /dev/null
for file in runs.csv runs.parquet leaderboard.csv results.md regret.csv diagnosis.csv audit.json; do
    cmp "$work/single/$file" "$work/parts/$file"
done
diff -r --exclude='*.seconds' "$work/single/cells" "$work/parts/cells"
echo "the workflow's results are those of one process"
