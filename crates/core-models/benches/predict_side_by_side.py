"""The PyTorch half of predict_side_by_side.sh: normalise, densify, scale, forward, block by block."""

import pathlib
import resource
import sys
import time

import numpy as np

GENES, BLOCK, WIDTHS = 3_000, 4096, [512, 128, 2]


def network(folder, torch):
    numbers = np.fromfile(folder / "net.f32", dtype="<f4")
    place = 0

    def take(*shape):
        nonlocal place
        n = int(np.prod(shape))
        place += n
        return torch.from_numpy(numbers[place - n : place].reshape(shape).copy())

    layers, inputs = [], GENES
    for i, width in enumerate(WIDTHS):
        linear = torch.nn.Linear(inputs, width)
        linear.weight.data, linear.bias.data = take(inputs, width).T.contiguous(), take(width)
        layers.append(linear)
        if i + 1 < len(WIDTHS):
            norm = torch.nn.BatchNorm1d(width)
            norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var = (take(width) for _ in range(4))
            layers += [norm, torch.nn.ReLU()]
        inputs = width
    return torch.nn.Sequential(*layers).eval(), take(GENES), take(GENES)


def predict(folder):
    import h5py
    import scipy.sparse
    import torch

    torch.set_num_threads(len(__import__("os").sched_getaffinity(0)))
    start, cpu = time.perf_counter(), time.process_time()
    net, mean, sd = network(folder, torch)
    scores = []
    with h5py.File(folder / "cells.h5ad") as file, torch.inference_mode():
        x = file["X"]
        indptr = x["indptr"][:]
        for first in range(0, len(indptr) - 1, BLOCK):
            pointers = indptr[first : first + BLOCK + 1]
            part = slice(pointers[0], pointers[-1])
            data, indices = x["data"][part], x["indices"][part]
            block = scipy.sparse.csr_matrix((data, indices, pointers - pointers[0]), shape=(len(pointers) - 1, GENES))
            total = np.repeat(np.asarray(block.sum(axis=1)).ravel(), np.diff(pointers))
            block.data = np.log1p(block.data * (1e4 / total).astype(np.float32))
            cells = torch.from_numpy(block.toarray()).sub_(mean).div_(sd)
            scores.append(torch.softmax(net(cells), dim=1)[:, 1].numpy())
    scores = np.concatenate(scores)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    ours = np.fromfile(folder / "scores.f64", dtype="<f8")
    worst = np.abs(scores - ours).max()
    assert worst <= 1e-5, f"scores differ by {worst}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"torch\t{len(scores)}\t{seconds:.4f}\t{cpu:.2f}\t{peak:.0f}\t{worst:.1e}\t{scores.min():.3f} to {scores.max():.3f}")


def table(folder):
    rows = {}
    for line in (folder / "times").read_text().splitlines():
        side, cells, *numbers = line.split("\t")
        rows.setdefault(side, []).append([float(v) for v in numbers[:3]])
        note = numbers[3:]
    print(f"{cells} cells; greatest difference of scores {note[0]}, scores from {note[1]}")
    print("| by | median s (min to max) | CPU s | peak MB | cells a second | times the reading | torch's time / this (CPU) |")
    print("|---|---|---|---|---|---|---|")
    medians = {side: np.median(np.array(runs), axis=0) for side, runs in rows.items()}
    for side, runs in rows.items():
        own, runs = medians[side], np.array(runs)
        times = f"{own[0]:.2f} ({runs[:, 0].min():.2f} to {runs[:, 0].max():.2f})"
        reading, speed = own[0] / medians["read"][0], medians["torch"] / own
        rate = float(cells) / own[0]
        print(f"| {side} | {times} | {own[1]:.2f} | {runs[:, 2].max():.0f} | {rate:,.0f} | {reading:.1f} | {speed[0]:.1f} ({speed[1]:.1f}) |")


folder = pathlib.Path(sys.argv[1])
table(folder) if sys.argv[2:] == ["table"] else predict(folder)
