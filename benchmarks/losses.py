"""How long the losses of tensors take, as ratios to PyTorch's, on one thread.

Run by ``make bench``. Forward and backward, CPU time, measured in turns as in
`speed`. Where PyTorch has no such loss, the reference is the usual composition of
its operations.
"""

import os

if __name__ == "__main__":
    # before NumPy and torch are imported, or they will not heed it
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import results
import scipy.special
import speed
import torch
from torch.nn import functional as F

from celib import losses, softmax

Loss = Callable[[torch.Tensor], torch.Tensor]

# How often a loss is timed: rounds, and calls per round.
SHAPES = {(32, 10): (15, 200), (64, 10): (15, 200), (128, 1000): (15, 20)}
SHAPES |= {(8, 50257): (11, 5)}
SEGMENTATION = (2, 21, 128, 128)
ARRAYS = [(128, 1000), (1024, 1000), (8, 50257)]
ATMOST = {(64, 10): 1.5, (128, 1000): 1.0, (8, 50257): 1.0}
ROW, FIGURE = "loss", "time / torch"


class Pair(NamedTuple):
    """A loss of celib, and what does the same in PyTorch."""

    name: str
    ours: Loss
    theirs: Loss
    logits: torch.Tensor


def focal(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Compose the focal loss of PyTorch's cross-entropy."""
    nats = F.cross_entropy(z, y, reduction="none")
    return ((1 - torch.exp(-nats)) ** 2 * nats).mean()


def sigmoid_focal(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Compose the binary focal loss as torchvision does."""
    p = torch.sigmoid(x)
    nats = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    hit = p * y + (1 - p) * (1 - y)
    return (nats * (1 - hit) ** 2).mean()


def distillation(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Compose distillation at a temperature of 2 of PyTorch's kl_div."""
    log_q = F.log_softmax(student / 2, 1)
    p = F.softmax(teacher / 2, 1)
    return 4 * F.kl_div(log_q, p, reduction="batchmean")


def pairs(shape: tuple[int, int]) -> list[Pair]:
    """Return what is timed on logits of one shape."""
    draw = torch.Generator().manual_seed(0)
    n, k = shape
    z = torch.randn(shape, generator=draw).requires_grad_()
    short = z.detach().bfloat16().requires_grad_()
    other = torch.randn(shape, generator=draw)
    y = torch.randint(k, (n,), generator=draw)
    yes = torch.rand(shape, generator=draw).round()
    soft = torch.softmax(other, 1)
    bce = losses.binary_cross_entropy_with_logits
    return [
        Pair(
            "cross_entropy",
            lambda z: losses.cross_entropy(z, y),
            lambda z: F.cross_entropy(z, y),
            z,
        ),
        Pair(
            "cross_entropy, bfloat16",
            lambda z: losses.cross_entropy(z, y),
            lambda z: F.cross_entropy(z, y),
            short,
        ),
        Pair(
            "cross_entropy, smoothed",
            lambda z: losses.cross_entropy(z, y, label_smoothing=0.1),
            lambda z: F.cross_entropy(z, y, label_smoothing=0.1),
            z,
        ),
        Pair(
            "cross_entropy, probabilities",
            lambda z: losses.cross_entropy(z, soft),
            lambda z: F.cross_entropy(z, soft),
            z,
        ),
        Pair(
            "nll of log_softmax",
            lambda z: losses.nll(softmax.log_softmax(z), y),
            lambda z: F.nll_loss(F.log_softmax(z, 1), y),
            z,
        ),
        Pair(
            "binary with logits",
            lambda z: bce(z, yes),
            lambda z: F.binary_cross_entropy_with_logits(z, yes),
            z,
        ),
        Pair("focal", lambda z: losses.focal_loss(z, y), lambda z: focal(z, y), z),
        Pair(
            "sigmoid focal",
            lambda z: losses.sigmoid_focal_loss(z, yes),
            lambda z: sigmoid_focal(z, yes),
            z,
        ),
        Pair(
            "distillation",
            lambda z: losses.distillation_loss(z, other, temperature=2.0),
            lambda z: distillation(z, other),
            z,
        ),
        Pair(
            "hinge, Weston-Watkins",
            lambda z: losses.multiclass_hinge_loss(z, y, variant="weston-watkins"),
            lambda z: F.multi_margin_loss(z, y),
            z,
        ),
        Pair(
            "mse",
            lambda z: losses.mse_loss(z, other),
            lambda z: F.mse_loss(z, other),
            z,
        ),
    ]


def segmentation() -> Pair:
    """Return cross-entropy of images, whose class axis is the second."""
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(SEGMENTATION, generator=draw).requires_grad_()
    y = torch.randint(SEGMENTATION[1], (2, 128, 128), generator=draw)
    return Pair(
        f"cross_entropy, axis=1 {SEGMENTATION}",
        lambda z: losses.cross_entropy(z, y, axis=1),
        lambda z: F.cross_entropy(z, y),
        z,
    )


def time_pair(pair: Pair, rounds: int, repeats: int) -> str:
    """Return the median ratio of the two times."""

    def call(loss: Loss) -> Callable[[], None]:
        def run() -> None:
            pair.logits.grad = None
            loss(pair.logits).backward()

        return run

    timed: dict[str, Callable[[], Any]] = {
        "celib": call(pair.ours),
        speed.REFERENCE: call(pair.theirs),
    }
    spent = speed.times(timed, rounds, repeats)
    return f"{speed.ratio(spent, 'celib', speed.REFERENCE):.2f}"


def time_arrays(shape: tuple[int, int]) -> str:
    """Return the ratio for nll of log_softmax in NumPy, beside scipy's."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(shape, dtype=np.float32)
    y = rng.integers(0, shape[1], shape[0])
    rows = np.arange(shape[0])
    timed: dict[str, Callable[[], Any]] = {
        "celib": lambda: losses.nll(softmax.log_softmax(z), y),
        "scipy": lambda: -scipy.special.log_softmax(z, axis=1)[rows, y].mean(),
    }
    return f"{speed.ratio(speed.times(timed, 15, 10), 'celib', 'scipy'):.2f}"


def main() -> None:
    """Measure, print, and keep the result."""
    torch.set_num_threads(1)
    rows = []
    targets = []
    for shape, (rounds, repeats) in SHAPES.items():
        for pair in pairs(shape):
            name = f"{pair.name} {shape}"
            print(name, file=sys.stderr, flush=True)
            rows.append({ROW: name, FIGURE: time_pair(pair, rounds, repeats)})
            if shape in ATMOST:
                targets.append(speed.Target(name, FIGURE, ATMOST[shape]))
    pair = segmentation()
    rows.append({ROW: pair.name, FIGURE: time_pair(pair, 11, 2)})
    for shape in ARRAYS:
        name = f"nll of log_softmax, NumPy beside scipy {shape}"
        rows.append({ROW: name, FIGURE: time_arrays(shape)})
        targets.append(speed.Target(name, FIGURE, 1.0))
    verdicts = speed.judge(rows, targets, ROW)
    result = results.make(
        "losses",
        "CPU time of losses of float32 tensors / PyTorch's, forward and backward",
        [ROW, FIGURE],
        rows,
        missing=[],
        notes=["One thread; medians of ratios, timed in turns."],
        targets=verdicts,
    )
    print(results.report(result))
    print("\n" + results.table(list(verdicts[0]), verdicts))
    print(f"Written to {results.write('losses', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
