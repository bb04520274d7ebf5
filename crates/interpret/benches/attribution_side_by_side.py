"""The captum and shap half of attribution_side_by_side.sh.

    attribution_side_by_side.py generate FOLDER | NAME FOLDER | compare FOLDER
"""

import pathlib
import resource
import sys
import time

import numpy as np

WIDTHS = [3000, 512, 128, 2]


def generate(folder):
    rng = np.random.default_rng(7)
    write = lambda name, a: a.astype("<f4").tofile(folder / f"{name}.f32")
    for i, (n, m) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        write(f"w{i}", rng.normal(size=(n, m)) / np.sqrt(n))
        write(f"b{i}", rng.normal(size=m) * 0.1)
    for name, rows in [("cells", 1000), ("background", 100)]:
        write(name, rng.normal(size=(rows, 3000)))
        # As log-normalised expression: nine in ten are zero.
        values = rng.lognormal(size=(rows, 3000)) * (rng.random((rows, 3000)) < 0.1)
        write(name + "_sparse", np.log1p(values))


def read(folder, name, shape):
    return np.fromfile(folder / f"{name}.f32", dtype="<f4").reshape(shape)


def case(name, folder):
    import torch
    from torch import nn

    layers = []
    for i, (n, m) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        linear = nn.Linear(n, m)
        linear.weight.data = torch.from_numpy(read(folder, f"w{i}", (n, m)).T.copy())
        linear.bias.data = torch.from_numpy(read(folder, f"b{i}", (m,)).copy())
        layers += [linear, nn.ReLU()]
    net = nn.Sequential(*layers[:-1]).eval()
    suffix = "_sparse" if name.endswith("_sparse") else ""
    x = torch.from_numpy(read(folder, "cells" + suffix, (1000, 3000)))
    if name.startswith("ig"):
        from captum.attr import IntegratedGradients

        zero = torch.zeros(1, 3000)
        batch = 1000 if "batch1000" in name else None
        ig = IntegratedGradients(net)
        run = lambda: ig.attribute(x, zero, target=1, n_steps=50, internal_batch_size=batch)
        repeats = 3
    else:
        import shap

        background = torch.from_numpy(read(folder, "background" + suffix, (100, 3000)))
        if "one" in name:  # only the output that is explained, the best case for shap
            last = nn.Linear(128, 1)
            last.weight.data, last.bias.data = net[-1].weight.data[1:], net[-1].bias.data[1:]
            net = nn.Sequential(*list(net)[:-1], last).eval()
        cells = x[:200]
        run = lambda: shap.DeepExplainer(net, background).shap_values(cells, check_additivity=False)
        repeats = 3
    values = run()
    cpu, seconds = time.process_time(), []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / repeats
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    values = np.asarray(values.detach() if hasattr(values, "detach") else values)
    if values.ndim == 3:
        values = values[:, :, -1]
    values.astype("<f4").tofile(folder / f"theirs_{name}.f32")
    print(f"{name}\t{np.median(seconds):.4f}\t{min(seconds):.4f}\t{max(seconds):.4f}\t{cpu:.4f}\t{peak:.0f}")


def compare(folder):
    for theirs in sorted(folder.glob("theirs_*.f32")):
        name = theirs.stem[len("theirs_"):].replace("_batch1000", "").replace("_one", "")
        a, b = np.fromfile(theirs, "<f4"), np.fromfile(folder / f"ours_{name}.f32", "<f4")
        print(f"{theirs.stem}: largest difference {np.abs(a - b).max():.2e}, largest value {np.abs(a).max():.3f}")


if __name__ == "__main__":
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    {"generate": generate, "compare": compare}.get(command, lambda f: case(command, f))(folder)
