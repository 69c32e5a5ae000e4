"""How fast celib forms loss and gradient, as ratios to PyTorch, on one thread.

Run by ``make bench``. CPU time, measured in turns: each round times every library
once, divides by the time that PyTorch took in the same round, and the median over
the rounds is what counts. Ratios travel to another machine; times do not.
"""

import os

if __name__ == "__main__":
    # before NumPy and torch are imported, or they will not heed it
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import results
import torch
from torch.nn import functional as F

from celib.gradients import cross_entropy_value_and_grad
from celib.losses import cross_entropy

REFERENCE = "torch"
OPTAX = "optax jit"
LIMIT = "np.exp"
ABSENT = "absent"


class Case(NamedTuple):
    """A batch of logits, and how often to time it."""

    shape: tuple[int, int]
    dtype: str
    shift: float
    rounds: int
    repeats: int

    @property
    def name(self) -> str:
        """Say which batch it is."""
        shifted = f", moved by {self.shift:g}" if self.shift else ""
        return f"{self.shape} {self.dtype}{shifted}"


CASES = [
    Case((64, 10), "float32", 0, 31, 300),
    Case((64, 10), "float64", 0, 31, 300),
    Case((1024, 1000), "float32", 0, 21, 5),
    Case((1024, 1000), "float64", 0, 21, 3),
    Case((2048, 32000), "float32", 0, 7, 1),
    Case((2048, 32000), "float32", -30, 5, 1),
]


class Target(NamedTuple):
    """What a figure must not exceed."""

    case: str
    column: str
    most: float
    unit: str = ""


TARGETS = [
    Target("(2048, 32000) float32", "celib NumPy", 0.45),
    Target("(1024, 1000) float64", "celib NumPy", 0.7),
    Target("(1024, 1000) float32", "celib NumPy", 1.0),
    Target("(64, 10) float32", "celib NumPy", 0.7),
    Target("(2048, 32000) float32", "out= / np.exp", 2.0),
    Target("(2048, 32000) float32", "memory of out=", 1.0, " %"),
]

COLUMNS = [
    "logits",
    "celib NumPy",
    "celib NumPy out=",
    "celib torch",
    "textbook NumPy",
    OPTAX,
    "out= / np.exp",
    "memory of out=",
]


# --- what is timed ---------------------------------------------------------


def textbook(z: Any, y: Any) -> tuple[Any, Any]:
    """Do as textbooks do: softmax, logarithm, minus one at the label."""
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return loss, p / len(z)


def with_torch(f: Callable[..., Any], z: Any, y: Any) -> Callable[[], Any]:
    """Return a call that goes forward and backward through a torch loss."""
    leaf, labels = torch.tensor(z, requires_grad=True), torch.tensor(y)

    def call() -> None:
        leaf.grad = None
        f(leaf, labels).backward()

    return call


def with_optax(z: Any, y: Any) -> Callable[[], Any] | None:
    """Return a call of the compiled loss and gradient, if optax is installed."""
    try:
        import jax
        import optax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    loss = optax.softmax_cross_entropy_with_integer_labels
    both = jax.jit(jax.value_and_grad(lambda z, y: loss(z, y).mean()))
    logits, labels = jax.numpy.asarray(z), jax.numpy.asarray(y)
    return lambda: jax.block_until_ready(both(logits, labels))


def calls(case: Case) -> dict[str, Callable[[], Any]]:
    """Return what is timed on a case; what is not installed is left out."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(case.shape, dtype=np.float32).astype(case.dtype)
    z = z * 3 + np.asarray(case.shift, dtype=case.dtype)
    y = rng.integers(0, case.shape[1], case.shape[0])
    out, scratch = np.empty_like(z), np.empty_like(z)
    timed = {
        REFERENCE: with_torch(F.cross_entropy, z, y),
        "celib NumPy": lambda: cross_entropy_value_and_grad(z, y),
        "celib NumPy out=": lambda: cross_entropy_value_and_grad(z, y, out=out),
        "celib torch": with_torch(cross_entropy, z, y),
        "textbook NumPy": lambda: textbook(z, y),
        LIMIT: lambda: np.exp(z, out=scratch),
        OPTAX: with_optax(z, y),
    }
    return {name: call for name, call in timed.items() if call is not None}


# --- measuring -------------------------------------------------------------


def times(
    timed: Mapping[str, Callable[[], Any]],
    rounds: int,
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Time every call once a round, in turns, after a round that does not count."""
    spent: dict[str, list[float]] = {name: [] for name in timed}
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds + 1):
            for name, call in timed.items():
                start = clock()
                for _ in range(repeats):
                    call()
                if turn:
                    spent[name].append((clock() - start) / repeats)
    finally:
        gc.enable()
    return spent


def ratio(spent: Mapping[str, Sequence[float]], name: str, to: str) -> float:
    """Return the median over the rounds of one time divided by another."""
    pairs = zip(spent[name], spent[to], strict=True)
    return statistics.median(a / b for a, b in pairs)


def extra_memory(call: Callable[[], Any]) -> int:
    """Return the most bytes that a call holds beyond what was there before.

    As seen by tracemalloc, which NumPy tells of all its arrays.
    """
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def measure(case: Case) -> dict[str, str]:
    """Time a case; return its row of the table."""
    timed = calls(case)
    spent = times(timed, case.rounds, case.repeats)
    row = {"logits": case.name}
    for column in COLUMNS[1:6]:
        known = column in timed
        row[column] = f"{ratio(spent, column, REFERENCE):.2f}" if known else ABSENT
    row["out= / np.exp"] = f"{ratio(spent, 'celib NumPy out=', LIMIT):.2f}"
    size = case.shape[0] * case.shape[1] * np.dtype(case.dtype).itemsize
    extra = 100 * extra_memory(timed["celib NumPy out="]) / size
    row["memory of out="] = f"{extra:.2f} %" if extra < 10 else f"{extra:.0f} %"
    return row


def judge(
    rows: Sequence[Mapping[str, str]],
    targets: Sequence[Target],
    key: str = "logits",
) -> list[dict[str, str]]:
    """Set figures beside their targets: "holds" or "misses"."""
    verdicts = []
    for target in targets:
        (row,) = (row for row in rows if row[key] == target.case)
        figure = row[target.column]
        holds = float(figure.removesuffix(" %")) <= target.most
        verdicts.append(
            {
                key: target.case,
                "figure": target.column,
                "measured": figure,
                "target": f"<= {target.most:g}{target.unit}",
                "verdict": "holds" if holds else "misses",
            }
        )
    return verdicts


def main() -> None:
    """Measure, print, and keep the result."""
    torch.set_num_threads(1)
    rows = []
    for i, case in enumerate(CASES, 1):
        print(f"[{i}/{len(CASES)}] {case.name}", file=sys.stderr, flush=True)
        rows.append(measure(case))
    absent = any(row[OPTAX] == ABSENT for row in rows)
    verdicts = judge(rows, TARGETS)
    result = results.make(
        "speed",
        "CPU time of loss and gradient / that of torch's F.cross_entropy, "
        "forward and backward",
        COLUMNS,
        rows,
        missing=[results.missing_line("optax", "jax optax")] if absent else [],
        notes=[
            f"One thread (torch: {torch.get_num_threads()}); medians of ratios, "
            "timed in turns; normal logits, spread 3. CPU time includes what the "
            "system takes to hand out fresh memory.",
            "out= / np.exp: celib with out= beside np.exp(logits, out=), the least "
            "that any softmax can cost.",
            "memory of out=: peak seen by tracemalloc beyond logits and out, as a "
            "share of the logits.",
            "moved by -30: no row maximum lies where exp needs no shift, so the "
            "kernel works harder.",
        ],
        targets=verdicts,
    )
    print(results.report(result))
    print("\n" + results.table(list(verdicts[0]), verdicts))
    print(f"Written to {results.write('speed', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
