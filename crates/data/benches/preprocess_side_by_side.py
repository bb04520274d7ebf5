"""The scanpy half of preprocess_side_by_side.sh."""

import pathlib
import resource
import sys
import time
import warnings

import numpy as np

CELLS, GENES, REPEATS = 20_000, 2_000, 5


def generate(folder):
    import anndata
    import pandas as pd
    import scipy.sparse

    rng = np.random.default_rng(1)
    # Genes from rare to frequent, some varying more than their mean says: one value in thirteen is a count.
    height = 0.3 * rng.random(GENES) ** 3
    groups = rng.integers(0, 4, CELLS)
    level = height * np.where(rng.random((4, GENES)) < 0.1, 4.0, 1.0)
    depth = rng.gamma(5.0, 0.2, CELLS)
    counts = rng.poisson(level[groups] * depth[:, None]).astype(np.float32)
    counts = scipy.sparse.csr_matrix(counts)
    print(f"{CELLS} cells x {GENES} genes, {100 * counts.nnz / CELLS / GENES:.1f} % stored", file=sys.stderr)
    cells = pd.DataFrame(index=[f"C{i}" for i in range(CELLS)])
    genes = pd.DataFrame(index=[f"G{j}" for j in range(GENES)])
    anndata.AnnData(counts, obs=cells, var=genes).write_h5ad(folder / "counts.h5ad")


def run(data):
    import scanpy

    scanpy.pp.filter_cells(data, min_genes=20)
    scanpy.pp.filter_genes(data, min_cells=3)
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    scanpy.pp.highly_variable_genes(data, n_top_genes=1000, flavor="seurat")
    data = data[:, data.var["highly_variable"]].copy()
    scanpy.pp.scale(data, max_value=10)
    return data


def case(folder):
    warnings.simplefilter("ignore")
    import anndata

    counts = anndata.read_h5ad(folder / "counts.h5ad")
    scaled = run(counts.copy())  # compiles what numba compiles
    check(folder, scaled, counts.var_names)
    seconds, cpus = [], []
    for _ in range(REPEATS):
        data = counts.copy()
        start, cpu = time.perf_counter(), time.process_time()
        run(data)
        seconds.append(time.perf_counter() - start)
        cpus.append(time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = np.abs(scaled.X.astype(float)).sum()
    print(
        f"in_memory\t{total:.3f}\t{np.median(seconds):.4f}\t{min(seconds):.4f}\t{max(seconds):.4f}"
        f"\t{np.mean(cpus):.4f}\t{peak:.0f}"
    )


def check(folder, scaled, names):
    """Same cells, same genes but for ties in single precision, same numbers."""
    genes, mean, sd = np.fromfile(folder / "genes_mean_sd.f64", "<f8").reshape(3, -1)
    ours = np.fromfile(folder / "scaled.f32", "<f4").reshape(-1, len(genes))
    assert ours.shape[0] == scaled.n_obs, f"{ours.shape[0]} cells, {scaled.n_obs} by scanpy"
    place = {name: k for k, name in enumerate(scaled.var_names)}
    shared = [(k, place[names[int(j)]]) for k, j in enumerate(genes) if names[int(j)] in place]
    assert len(shared) >= len(genes) - 4, f"{len(shared)} of {len(genes)} genes are shared"
    a, b = (np.array(v) for v in zip(*shared))
    for what, x, y, tolerance in [
        ("means", mean[a], scaled.var["mean"].to_numpy()[b], 1e-5),
        ("deviations", sd[a], scaled.var["std"].to_numpy()[b], 1e-5),
        ("z-scores", ours[:, a], scaled.X[:, b], 1e-3),
    ]:
        assert np.allclose(x, y, rtol=tolerance, atol=tolerance), f"{what} differ by {np.abs(x - y).max()}"


def table(folder):
    rows = {}
    for line in (folder / "times").read_text().splitlines():
        side, threads, _, *numbers = line.split("\t")
        rows.setdefault(threads, {}).setdefault(side, []).append([float(v) for v in numbers])
    print("| threads | by | median s (min to max) | CPU s | peak MB | scanpy's time / this (CPU) |")
    print("|---|---|---|---|---|---|")
    for threads, sides in rows.items():
        theirs = np.median(np.array(sides["scanpy"]), axis=0)
        for side, runs in sides.items():
            r = np.array(runs)
            own = np.median(r, axis=0)
            times = f"{own[1]:.3f} ({r[:, 2].min():.3f} to {r[:, 3].max():.3f})"
            speed = f"{theirs[1] / own[1]:.1f} ({theirs[4] / own[4]:.1f})"
            print(f"| {threads} | {side} | {times} | {own[4]:.3f} | {r[:, 5].max():.0f} | {speed} |")


command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
{"generate": generate, "case": case, "table": table}[command](folder)
