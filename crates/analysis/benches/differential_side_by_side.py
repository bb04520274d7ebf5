"""The scanpy half of differential_side_by_side.sh."""

import pathlib
import resource
import sys
import time

import numpy as np

CELLS, GENES, REPEATS = 5_000, 3_000, 3


def generate(folder):
    rng = np.random.default_rng(1)
    labels = (rng.random(CELLS) < 0.3).astype(np.uint8)
    stored = rng.random((CELLS, GENES)) < 0.1
    counts = rng.exponential(2.0, (CELLS, GENES)) + 0.1
    # Every tenth gene is higher in the sensitive cells.
    counts[:, ::10] *= 1.0 + labels[:, None]
    indptr = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
    indptr.astype("<u8").tofile(folder / "indptr.u64")
    np.nonzero(stored)[1].astype("<u4").tofile(folder / "indices.u32")
    np.log1p(counts[stored]).astype("<f4").tofile(folder / "data.f32")
    labels.tofile(folder / "labels.u8")


def case(name, folder):
    import anndata
    import pandas as pd
    import scanpy
    import scipy.sparse

    read = lambda file, dtype: np.fromfile(folder / file, dtype=dtype)
    parts = read("data.f32", "<f4"), read("indices.u32", "<u4").astype(np.int32), read("indptr.u64", "<u8").astype(np.int64)
    labels = pd.Categorical(np.where(read("labels.u8", np.uint8) == 1, "sensitive", "resistant"))
    genes = pd.DataFrame(index=[f"G{j}" for j in range(GENES)])
    cells = pd.DataFrame({"group": labels}, index=[f"C{i}" for i in range(CELLS)])
    data = anndata.AnnData(scipy.sparse.csr_matrix(parts, shape=(CELLS, GENES)), obs=cells, var=genes)
    run = lambda: scanpy.tl.rank_genes_groups(data, "group", method="wilcoxon", tie_correct=name.endswith("ties"))
    run()
    cpu = time.process_time()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / REPEATS
    found = data.uns["rank_genes_groups"]
    scores = pd.Series(found["scores"]["sensitive"], index=found["names"]["sensitive"])[genes.index].to_numpy()
    ours = read(f"{name}.f64", "<f8")
    assert np.allclose(scores, ours, rtol=1e-6, atol=1e-6), f"scores differ by {np.abs(scores - ours).max()}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = np.abs(scores.astype(float)).sum()
    print(f"{name}\t{total:.9f}\t{np.median(seconds):.4f}\t{min(seconds):.4f}\t{max(seconds):.4f}\t{cpu:.4f}\t{peak:.0f}")


def table(folder):
    rows = {}
    for line in (folder / "times").read_text().splitlines():
        side, name, *numbers = line.split("\t")
        rows.setdefault(name, {}).setdefault(side, []).append([float(v) for v in numbers])
    print("| case | by | median s (min to max) | CPU s | peak MB | scanpy's time / this (CPU) |")
    print("|---|---|---|---|---|---|")
    for name, sides in rows.items():
        theirs = np.median(np.array(sides["scanpy"]), axis=0)
        for side, runs in sides.items():
            r = np.array(runs)
            own = np.median(r, axis=0)
            times = f"{own[1]:.4f} ({r[:, 2].min():.4f} to {r[:, 3].max():.4f})"
            speed = f"{theirs[1] / own[1]:.0f} ({theirs[4] / own[4]:.0f})"
            print(f"| {name} | {side} | {times} | {own[4]:.3f} | {r[:, 5].max():.0f} | {speed} |")


command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if command == "generate":
    generate(folder)
elif command == "table":
    table(folder)
else:
    case(command, folder)
