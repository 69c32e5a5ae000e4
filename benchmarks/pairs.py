"""Is one call faster than two? Ways to the same loss, as ratios to F.cross_entropy.

CPU time on one thread, forward and backward, measured in turns as in speed.py.
"""

import os

if __name__ == "__main__":
    # before NumPy and torch are imported, or they will not heed it
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import results
import torch
from speed import REFERENCE, Case, ratio, times, with_torch
from torch.nn import functional as F

CASES = [
    Case((64, 10), "float32", 0, 61, 300),
    Case((4096, 1000), "float32", 0, 61, 1),
]


def two_calls(z: Any, y: Any) -> Any:
    """Take the log-softmax, then pick the label: what F.cross_entropy calls."""
    return F.nll_loss(F.log_softmax(z, dim=1), y)


def by_hand(z: Any, y: Any) -> Any:
    """Take the softmax, then its logarithm, then pick the label."""
    return F.nll_loss(torch.log(torch.softmax(z, dim=1)), y)


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    REFERENCE: F.cross_entropy,
    "log_softmax, nll_loss": two_calls,
    "log(softmax), nll_loss": by_hand,
}
COLUMNS = ["logits", *list(WAYS)[1:]]


def calls(case: Case) -> dict[str, Callable[[], Any]]:
    """Return what is timed on a case."""
    rng = np.random.default_rng(0)
    z = 3 * rng.standard_normal(case.shape, dtype=np.float32).astype(case.dtype)
    y = rng.integers(0, case.shape[1], case.shape[0])
    return {name: with_torch(way, z, y) for name, way in WAYS.items()}


def measure(case: Case) -> dict[str, str]:
    """Time a case; return its row of the table."""
    spent = times(calls(case), case.rounds, case.repeats)
    ratios = {name: f"{ratio(spent, name, REFERENCE):.2f}" for name in COLUMNS[1:]}
    return {"logits": case.name, **ratios}


def main() -> None:
    """Measure, print, and keep the result."""
    torch.set_num_threads(1)
    rows = []
    for i, case in enumerate(CASES, 1):
        print(f"[{i}/{len(CASES)}] {case.name}", file=sys.stderr, flush=True)
        rows.append(measure(case))
    result = results.make(
        "pairs",
        "CPU time / that of torch's F.cross_entropy, forward and backward",
        COLUMNS,
        rows,
        missing=[],
        notes=[
            "One thread; medians of ratios, timed in turns; normal logits, spread 3."
        ],
    )
    print(results.report(result))
    print(f"Written to {results.write('pairs', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
