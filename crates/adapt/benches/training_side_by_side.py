"""The PyTorch half of training_side_by_side.sh: the same steps and fits, from docs/methods/scdeal.md and ssda4drug.md.

    training_side_by_side.py step ae|classifier BATCH [fused] | fit scdeal|ssda4drug FOLDER | table FOLDER

Prints name, median, least and greatest wall milliseconds, CPU milliseconds, peak resident MB. Threads: OMP_NUM_THREADS.
"""

import copy
import os
import resource
import sys
import time

if "table" not in sys.argv:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

REPEATS = 7


def measure(name, repeats, steps, run):
    if steps > 1:  # a whole fit is long enough to warm itself up
        run()
    cpu, times = time.process_time(), []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3 / steps)
    cpu = (time.process_time() - cpu) * 1e3 / (repeats * steps)
    times.sort()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}\t{times[repeats // 2]:.3f}\t{times[0]:.3f}\t{times[-1]:.3f}\t{cpu:.3f}\t{peak:.0f}")


def step(network, batch, fused):
    widths = {"ae": [2000, 512, 128, 512, 2000], "classifier": [2000, 512, 128, 2]}[network]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers += [nn.Linear(a, b)] + [nn.ReLU()] * (i < len(widths) - 2)
    net = nn.Sequential(*layers)
    # `fused` is PyTorch's one-pass Adam, which is not its default.
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=fused or None)
    rows, labels = torch.randn(batch, 2000), torch.arange(batch) % 2
    steps = 15 if batch > 100 else 40

    def run():
        for _ in range(steps):
            x = rows[torch.arange(batch)]
            y = net(x)
            loss = F.mse_loss(y, x) if network == "ae" else F.cross_entropy(y, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    measure(f"{network} {batch}", REPEATS, steps, run)


def block(a, b, dropout, norm=True):
    return [nn.Linear(a, b)] + [nn.BatchNorm1d(b)] * norm + [nn.ReLU(), nn.Dropout(dropout)]


def autoencoder(genes, dropout=0.3, mask=0.2):
    """Encoder and decoder; the encoder zeroes inputs in training without scaling the others."""

    class Mask(nn.Module):
        def forward(self, x):
            return x * (torch.rand_like(x) >= mask) if self.training else x

    net = nn.Module()
    net.encoder = nn.Sequential(Mask(), *block(genes, 512, dropout), *block(512, 256, dropout), nn.Linear(256, 128))
    net.decoder = nn.Sequential(nn.Linear(128, 256), *block(256, 512, dropout), nn.Linear(512, genes))
    return net


class Data:
    def __init__(self, folder):
        genes = int(open(f"{folder}/genes").read())
        matrix = lambda name: torch.from_numpy(np.fromfile(f"{folder}/{name}.f32", "f4").reshape(-1, genes))
        labels = lambda name: torch.from_numpy(np.fromfile(f"{folder}/{name}.u8", "u1").astype("i8"))
        self.genes, self.cells = genes, matrix("cells")
        self.train, self.validation = (matrix("train"), labels("train")), (matrix("validation"), labels("validation"))
        y = self.train[1]
        self.weights = 1.0 / torch.bincount(y).float()[y]

    def source_order(self):
        return torch.multinomial(self.weights, len(self.weights), replacement=True)


def chunks(order, size):
    return [c for c in order.split(size) if len(c) > 1]


def train(parts, epochs, batch, source, target, order, loss, held_out, data):
    """Adam at 1e-3 with reduction on plateau, ending with the weights of the least validation loss."""
    parameters = [p for part in parts for p in part.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    best, kept = float("inf"), None
    for _ in range(epochs):
        [part.train() for part in parts]
        s = chunks(data.source_order(), batch) if source else []
        t = chunks(order[torch.randperm(len(order))], batch) if target else []
        total = 0.0
        for i in range(max(len(s), len(t))):
            value = loss(s and s[i % len(s)], t and t[i % len(t)], data.train)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.detach()
        schedule.step(total.item() if max(len(s), len(t)) else 0.0)
        [part.eval() for part in parts]
        with torch.no_grad():
            s = chunks(torch.arange(len(data.validation[1])), batch) if source else []
            t = chunks(held_out, batch) if target else []
            value = sum(
                loss(s and s[i], t and t[i % len(t)], data.validation).item() for i in range(len(s) or len(t))
            )
        if value < best:
            best, kept = value, [copy.deepcopy(part.state_dict()) for part in parts]
    for part, state in zip(parts, kept):
        part.load_state_dict(state)


def mmd(x, y):
    z = torch.cat([x, y])
    n, m = len(x), len(z)
    d = ((z[:, None] - z[None]) ** 2).sum(2) if m <= 16 else torch.cdist(z, z, compute_mode="use_mm_for_euclid_dist") ** 2
    width = d.detach().sum() / (m * m - m) / 4
    k = sum(torch.exp(-d / (width * 2**t)) for t in range(5))
    return k[:n, :n].mean() + k[n:, n:].mean() - 2 * k[:n, n:].mean()


def scdeal(data):
    source, head = autoencoder(data.genes), nn.Sequential(*block(128, 256, 0.3), *block(256, 128, 0.3), nn.Linear(128, 2))
    order = torch.randperm(len(data.cells))
    held_out, order = order[: -(-len(order) // 5)], order[-(-len(order) // 5):]
    back = lambda net, x: F.mse_loss(net.decoder(net.encoder(x)), x)
    go = lambda *a: train(*a, held_out, data)
    go([source], 30, 64, True, False, order, lambda s, t, rows: back(source, rows[0][s]))
    classify = lambda z, s, rows: F.cross_entropy(head(z), rows[1][s])
    go([source, head], 50, 64, True, False, order, lambda s, t, rows: classify(source.encoder(rows[0][s]), s, rows))
    target = copy.deepcopy(source)
    go([target], 30, 64, False, True, order, lambda s, t, rows: back(target, data.cells[t]))

    def transfer(s, t, rows):
        z = source.encoder(rows[0][s])
        return classify(z, s, rows) + 0.1 * mmd(z, target.encoder(data.cells[t]))

    go([source, target, head], 50, 64, True, True, order, transfer)


def ssda4drug(data):
    net, predictor = autoencoder(data.genes), nn.Sequential(*block(128, 32, 0.3, norm=False))
    classes = nn.Parameter(torch.empty(32, 2).uniform_(-(32**-0.5), 32**-0.5))
    parts = [net, predictor]
    optimizer = torch.optim.Adagrad([p for part in parts for p in part.parameters()] + [classes], lr=1e-3)

    def forward(x, reverse=False):
        z = net.encoder(x)
        f = predictor(z)
        f = 2 * f.detach() - f if reverse else f  # the gradient reversed
        return z, F.normalize(f) @ classes / 0.05

    def update(loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(30):
        s = chunks(data.source_order(), 32)
        t = chunks(torch.randperm(len(data.cells)), 32)
        for i in range(max(len(s), len(t))):
            x, y, u = data.train[0][s[i % len(s)]], data.train[1][s[i % len(s)]], data.cells[t[i % len(t)]]
            z, logits = forward(x)
            loss = F.cross_entropy(logits, y) + F.mse_loss(net.decoder(z), x)
            [part.eval() for part in parts]
            leaf = x.clone().requires_grad_()
            (g,) = torch.autograd.grad(F.cross_entropy(forward(leaf)[1], y), leaf)
            [part.train() for part in parts]
            update(loss + F.cross_entropy(forward(x + g / (g.norm(dim=1, keepdim=True) + 1e-12))[1], y))
            z, logits = forward(u, reverse=True)
            entropy = -(F.softmax(logits, 1) * F.log_softmax(logits, 1)).sum(1).mean()
            update(F.mse_loss(net.decoder(z), u) - 0.1 * entropy)


def fit(name, folder):
    data = Data(folder)
    measure(f"{name}, whole fit", 5, 1, lambda: {"scdeal": scdeal, "ssda4drug": ssda4drug}[name](data))


def table(folder):
    """Medians and extremes over all rounds of `who, threads, name, median, least, most, cpu, peak`."""
    rounds = {}
    for line in open(f"{folder}/times"):
        who, threads, name, *numbers = line.rstrip("\n").split("\t")
        rounds.setdefault((name, threads), {}).setdefault(who, []).append([float(x) for x in numbers])
    print("| case | threads | by | median ms (min to max) | CPU ms | peak MB | time / ours (CPU) |\n|---|---|---|---|---|---|---|")
    for (name, threads), sides in rounds.items():
        ours = None
        for who, found in sides.items():
            middle = lambda k: sorted(f[k] for f in found)[len(found) // 2]
            wall, cpu = middle(0), middle(3)
            ours = ours or (wall, cpu)
            span = f"{min(f[1] for f in found):.1f} to {max(f[2] for f in found):.1f}"
            peak = max(f[4] for f in found)
            print(
                f"| {name} | {threads} | {who} | {wall:.1f} ({span}) | {cpu:.1f} | {peak:.0f} | "
                f"{wall / ours[0]:.2f} ({cpu / ours[1]:.2f}) |"
            )


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    if mode == "table":
        table(*rest)
    else:
        step(rest[0], int(rest[1]), "fused" in rest) if mode == "step" else fit(*rest)
