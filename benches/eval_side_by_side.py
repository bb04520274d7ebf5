"""The scikit-learn half of eval_side_by_side.sh."""

import pathlib
import resource
import sys
import time

import numpy as np

REPEATS = 7


def generate(folder):
    rng = np.random.default_rng(1)
    n = 1_000_000
    labels = (rng.random(n) < 0.3).astype(np.uint8)
    (rng.normal(size=n) + labels).astype("<f8").tofile(folder / "scores.f64")
    labels.tofile(folder / "labels.u8")
    classes = rng.integers(0, 8, 20_000)
    points = rng.normal(size=(20_000, 64)) + rng.normal(size=(8, 64))[classes]
    points.astype("<f8").tofile(folder / "points.f64")
    classes.astype("<i8").tofile(folder / "classes.i64")
    a = rng.integers(0, 20, n)
    b = np.where(rng.random(n) < 0.5, a, rng.integers(0, 30, n))
    a.astype("<i8").tofile(folder / "clusters_a.i64")
    b.astype("<i8").tofile(folder / "clusters_b.i64")


def case(name, folder):
    from sklearn import metrics

    read = lambda file, dtype: np.fromfile(folder / file, dtype=dtype)
    if name == "auroc_and_ap":
        y, s = read("labels.u8", np.uint8), read("scores.f64", "<f8")
        run = lambda: metrics.roc_auc_score(y, s) + metrics.average_precision_score(y, s)
    elif name == "silhouette":
        x, y = read("points.f64", "<f8").reshape(20_000, 64), read("classes.i64", "<i8")
        run = lambda: metrics.silhouette_score(x, y)
    else:
        a, b = read("clusters_a.i64", "<i8"), read("clusters_b.i64", "<i8")
        run = lambda: metrics.adjusted_mutual_info_score(a, b)
    result = run()
    cpu = time.process_time()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / REPEATS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}\t{result:.12f}\t{np.median(seconds):.4f}\t{min(seconds):.4f}\t{max(seconds):.4f}\t{cpu:.4f}\t{peak:.0f}")


def table(folder):
    rows = {}
    for line in (folder / "times").read_text().splitlines():
        side, name, *numbers = line.split("\t")
        rows.setdefault(name, {}).setdefault(side, []).append([float(v) for v in numbers])
    print("| case | ours: median s (min to max) | CPU s | peak MB | scikit-learn: median s (min to max) | CPU s | peak MB | times faster (CPU) |")
    print("|---|---|---|---|---|---|---|---|")
    for name, sides in rows.items():
        ours, theirs = (np.array(sides[s]) for s in ("ours", "theirs"))
        assert np.allclose(ours[:, 0], theirs[:, 0], rtol=1e-9), f"{name}: results differ: {ours[:, 0]} {theirs[:, 0]}"
        cell = lambda r: f"{np.median(r[:, 1]):.3f} ({r[:, 2].min():.3f} to {r[:, 3].max():.3f}) | {np.median(r[:, 4]):.3f} | {r[:, 5].max():.0f}"
        speed = np.median(theirs[:, 1]) / np.median(ours[:, 1])
        cpu = np.median(theirs[:, 4]) / np.median(ours[:, 4])
        print(f"| {name} | {cell(ours)} | {cell(theirs)} | {speed:.1f} ({cpu:.1f}) |")


command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if command == "generate":
    generate(folder)
elif command == "table":
    table(folder)
else:
    case(command, folder)
