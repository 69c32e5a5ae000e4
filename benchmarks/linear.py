"""What a linear layer and its loss cost in one: time and memory, beside PyTorch.

Run by ``make bench``. CPU time on one thread, forward and backward, measured in
turns as in speed.py. Memory: how far the most that a fresh process has held rises
above what it held with its inputs in place, after a small call to warm up.
"""

import os
import sys

if __name__ == "__main__":
    # before NumPy and torch are imported, or they will not heed it
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import results
import torch
from speed import ABSENT, Target, judge, ratio, times
from torch.nn import functional as F

from celib.linear import linear_cross_entropy

PEAK = "--peak"
PLAIN = "plain"
CHUNKED = "torch chunked"
CELIB = "celib"
BESIDE = "celib / torch chunked"
SHARE = "celib / plain"
MIB = 1 << 20


class Case(NamedTuple):
    """How many tokens, hidden units and classes, and how often to time them."""

    tokens: int
    hidden: int
    classes: int
    rounds: int = 0

    @property
    def name(self) -> str:
        """Say which batch it is."""
        return str(tuple(self[:3]))


TIMED = [
    Case(2048, 512, 2000, 7),
    Case(2048, 512, 8000, 3),
    Case(2048, 512, 32000, 3),
    Case(4096, 512, 32000, 2),
    Case(512, 512, 128256, 1),
]
WEIGHED = [
    Case(2048, 256, 2000),
    Case(2048, 256, 8000),
    Case(2048, 256, 32000),
    Case(2048, 256, 128256),
    Case(4096, 512, 32000),
]
COLUMNS = ["batch", CELIB, CHUNKED, BESIDE]

TIME_TARGETS = [
    Target("(4096, 512, 32000)", CELIB, 0.85),
    Target("(2048, 512, 32000)", BESIDE, 0.6),
    Target("(512, 512, 128256)", BESIDE, 0.1),
]
MEMORY_TARGETS = [Target("(4096, 512, 32000)", SHARE, 0.1)]


# --- what is measured ------------------------------------------------------


def plain(hidden: Any, weight: Any, target: Any) -> Any:
    """Form all logits, then the loss."""
    return F.cross_entropy(F.linear(hidden, weight), target)


def chunked(hidden: Any, weight: Any, target: Any) -> Any:
    """Have torch do it in chunks of its own choice."""
    options = torch.nn.LinearCrossEntropyOptions()
    return F.linear_cross_entropy(hidden, weight, target, options=options)


def ways() -> dict[str, Callable[[Any, Any, Any], Any]]:
    """Return the ways to the loss; one that this torch lacks is left out."""
    known = {PLAIN: plain, CHUNKED: chunked, CELIB: linear_cross_entropy}
    if not hasattr(torch.nn, "LinearCrossEntropyOptions"):
        known.pop(CHUNKED)
    return known


def inputs(case: Case) -> tuple[Any, Any, Any]:
    """Return normal hidden states, and weights that give logits a spread of 3."""
    made = torch.Generator().manual_seed(0)
    hidden = torch.randn(case.tokens, case.hidden, generator=made)
    weight = torch.randn(case.classes, case.hidden, generator=made)
    weight.mul_(3 / case.hidden**0.5)
    target = torch.randint(0, case.classes, (case.tokens,), generator=made)
    return hidden.requires_grad_(), weight.requires_grad_(), target


def calls(case: Case) -> dict[str, Callable[[], None]]:
    """Return what is timed on a case, forward and backward."""
    hidden, weight, target = inputs(case)

    def both(way: Callable[[Any, Any, Any], Any]) -> Callable[[], None]:
        def call() -> None:
            hidden.grad = weight.grad = None
            way(hidden, weight, target).backward()

        return call

    return {name: both(way) for name, way in ways().items()}


def time_row(case: Case) -> dict[str, str]:
    """Time a case; return its row of the table."""
    spent = times(calls(case), case.rounds, 1)

    def figure(name: str, to: str) -> str:
        return f"{ratio(spent, name, to):.2f}" if {name, to} <= set(spent) else ABSENT

    quotients = [(CELIB, PLAIN), (CHUNKED, PLAIN), (CELIB, CHUNKED)]
    cells = [case.name, *(figure(*pair) for pair in quotients)]
    return dict(zip(COLUMNS, cells, strict=True))


# --- memory ----------------------------------------------------------------


def high_water() -> int:
    """Return the most bytes of memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would count what the parent held when this process began
        line = status.read_text("utf-8").partition("VmHWM:")[2]
        return 1024 * int(line.split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def rise(name: str, case: Case) -> int:
    """Return how many bytes a call adds to the most that was held before."""
    way = ways()[name]
    way(*inputs(Case(600, 8, 10))).backward()
    given = inputs(case)
    before = high_water()
    way(*given).backward()
    return high_water() - before


def peak(name: str, case: Case) -> int:
    """Return the rise in a process of its own."""
    command = [sys.executable, __file__, PEAK, name, *map(str, case[:3])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def memory_row(case: Case) -> dict[str, str]:
    """Weigh a case; return its row of the table, in MiB."""
    bytes_of = {name: peak(name, case) for name in ways()}
    row = {"batch": case.name}
    for name in (PLAIN, CHUNKED, CELIB):
        known = name in bytes_of
        row[name] = f"{bytes_of[name] / MIB:.0f}" if known else ABSENT
    return row | {SHARE: f"{bytes_of[CELIB] / bytes_of[PLAIN]:.3f}"}


# --- the result ------------------------------------------------------------


def verdicts(
    rows: Sequence[Mapping[str, str]], targets: Sequence[Target]
) -> list[dict[str, str]]:
    """Judge what could be measured."""
    absent = {row["batch"]: [c for c in row if row[c] == ABSENT] for row in rows}
    known = [t for t in targets if t.column not in absent[t.case]]
    return judge(rows, known, key="batch")


def measure() -> dict[str, Any]:
    """Time and weigh all cases; return the result."""
    steps = [(memory_row, case) for case in WEIGHED]
    steps += [(time_row, case) for case in TIMED]
    rows = []
    for i, (step, case) in enumerate(steps, 1):
        said = f"[{i}/{len(steps)}] {step.__name__} {case.name}"
        print(said, file=sys.stderr, flush=True)
        rows.append(step(case))
    memory, timed = rows[: len(WEIGHED)], rows[len(WEIGHED) :]
    absent = CHUNKED not in ways()
    return results.make(
        "linear",
        "CPU time of a linear layer with cross-entropy / that of F.linear and "
        "F.cross_entropy, forward and backward",
        COLUMNS,
        timed,
        missing=["F.linear_cross_entropy in chunks: PyTorch 2.13"] if absent else [],
        notes=[
            "batch: (tokens, hidden units, classes), float32, normal logits of "
            "spread 3, no bias.",
            "torch chunked: F.linear_cross_entropy with LinearCrossEntropyOptions().",
            f"One thread; medians of ratios, timed in turns, over as many rounds: "
            f"{', '.join(str(case.rounds) for case in TIMED)}.",
            "Memory in MiB: how far the peak of resident memory of a fresh process "
            "rises above what it held with its inputs, forward and backward, the "
            "gradients included.",
        ],
        memory=memory,
        targets=[*verdicts(timed, TIME_TARGETS), *verdicts(memory, MEMORY_TARGETS)],
    )


def main() -> None:
    """Measure, print, and keep the result; or print one peak."""
    torch.set_num_threads(1)
    if PEAK in sys.argv:
        name, *sizes = sys.argv[sys.argv.index(PEAK) + 1 :]
        print(rise(name, Case(*map(int, sizes))))
        return
    result = measure()
    print(results.report(result))
    for part in ("memory", "targets"):
        print("\n" + results.table(list(result[part][0]), result[part]))
    print(f"Written to {results.write('linear', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
