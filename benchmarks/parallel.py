"""What a vocabulary on two machines costs: time, memory and what is exchanged.

Run by ``make bench``. Two processes of one thread each, joined by gloo, share the
classes. Ways to the same loss take turns, after a barrier; each round is divided
by what torch's loss_parallel took in the same round, and the median counts.
"""

import os

if __name__ == "__main__":
    # before NumPy and torch are imported, or they will not heed it
    for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[_name] = "1"
    # torch asks for no huge pages, and what they cost varies from call to call
    os.environ["NUMPY_MADVISE_HUGEPAGE"] = "0"

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import results
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor, Shard, init_device_mesh
from torch.distributed.tensor.parallel import loss_parallel
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from celib.parallel import vocab_parallel_cross_entropy

WORLD = 2
SHAPE = (2048, 32000)
ROUNDS = 9
# longer than any task takes, and the end of it if a process is stuck
PATIENCE = 150
REFERENCE = "torch loss_parallel"
COLUMNS = ["way", "wall time", "CPU time", "memory", "collectives", "numbers a token"]
# What celib's figures must not exceed.
TARGETS = {"wall time": 0.5, "CPU time": 0.5, "memory": 0.5}


# --- the ways to the loss --------------------------------------------------


def celib_way(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Take celib's loss of the shard."""
    return vocab_parallel_cross_entropy(z, y)


def torch_way(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Take torch's loss of a tensor that knows how it is spread; go backward too."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    with loss_parallel():
        loss = F.cross_entropy(DTensor.from_local(z, mesh, [Shard(1)]), y)
        loss.backward()
    return loss.to_local()


def gathering_way(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Bring all logits to every rank, which then needs no parallel loss."""
    parts = [torch.empty_like(z) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, z.detach())
    parts[dist.get_rank()] = z
    return F.cross_entropy(torch.cat(parts, dim=1), y)


WAYS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "celib": celib_way,
    REFERENCE: torch_way,
    "all_gather, F.cross_entropy": gathering_way,
}


def forward_and_backward(way: str, z: torch.Tensor, y: torch.Tensor) -> float:
    """Form the loss and, in `z.grad`, the gradient of this rank's shard."""
    z.grad = None
    loss = WAYS[way](z, y)
    if z.grad is None:
        loss.backward()
    return float(loss.detach())


def problem(n: int, k: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Make up this rank's logits, and the labels that all ranks share."""
    chance = torch.Generator().manual_seed(rank)
    z = torch.randn(n, k // WORLD, generator=chance).mul_(3).requires_grad_()
    return z, torch.randint(0, k, (n,), generator=torch.Generator().manual_seed(9))


# --- what one rank does ----------------------------------------------------


class Collectives(TorchDispatchMode):
    """Count the numbers that this rank gives to each collective."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []

    def __torch_dispatch__(
        self, call: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Look at a call on its way; a DTensor first makes others of its own."""
        if DTensor in types:
            return NotImplemented
        collective = call.namespace in ("c10d", "_c10d_functional")
        if collective and "all" in call.__name__:
            # the lists that all_gather fills come before what it is given
            given = args[1] if "gather" in call.__name__ else args[0]
            given = given if isinstance(given, list) else [given]
            self.given.append(sum(x.numel() for x in given))
        return call(*args, **(kwargs or {}))


def time_in_turns(way: str, rank: int) -> dict[str, Any]:
    """Wall and CPU time of a way and of the reference, after a round for nothing.

    Only these two: a third could leave memory behind in a state that slows them.
    """
    z, y = problem(*SHAPE, rank)
    spent: dict[str, Any] = {name: {"wall": [], "cpu": []} for name in (way, REFERENCE)}
    for turn in range(ROUNDS + 1):
        for name, clocks in spent.items():
            dist.barrier()
            wall, cpu = time.perf_counter(), time.process_time()
            forward_and_backward(name, z, y)
            if turn:
                clocks["wall"].append(time.perf_counter() - wall)
                clocks["cpu"].append(time.process_time() - cpu)
    return spent


def peak(way: str, rank: int) -> dict[str, Any]:
    """Tell how far memory grows beyond the logits, and what is exchanged."""
    z, y = problem(*SHAPE, rank)
    # what is loaded at the first call is no memory of the loss
    forward_and_backward(way, *problem(4, 8, rank))
    before = most_memory()
    with Collectives() as seen:
        loss = forward_and_backward(way, z, y)
    given = [count / len(z) for count in seen.given]
    return {"grown": most_memory() - before, "loss": loss, "given": given}


def most_memory() -> int:
    """Return the most bytes that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


TASKS = {"time": time_in_turns, "memory": peak}


def work(task: str, way: str, rank: int, meeting: str) -> None:
    """Join the other rank, do a task, print what it found."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=WORLD,
        timeout=timedelta(seconds=PATIENCE),
    )
    found = TASKS[task](way, rank)
    dist.barrier()
    dist.destroy_process_group()
    print(json.dumps(found))


# --- measuring -------------------------------------------------------------


def run(task: str, way: str) -> list[dict[str, Any]]:
    """Start the ranks on a task, each in a fresh process; return their answers."""
    with tempfile.TemporaryDirectory() as folder:
        start = [sys.executable, __file__, task, way]
        ranks = [
            subprocess.Popen(
                [*start, str(rank), f"{folder}/meeting"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(WORLD)
        ]
        try:
            said = [rank.communicate(timeout=PATIENCE)[0] for rank in ranks]
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
    if any(rank.returncode for rank in ranks):
        raise RuntimeError(f"all ranks must come back from {task} of {way}, see above")
    return [json.loads(text.splitlines()[-1]) for text in said]


def ratios(answers: Sequence[Mapping[str, Any]], way: str) -> tuple[float, float]:
    """Median ratios to the reference: wall time of the last rank, CPU time of all."""

    def rounds(name: str, clock: str, join: Callable[..., float]) -> list[float]:
        each = (answer[name][clock] for answer in answers)
        return [join(times) for times in zip(*each, strict=True)]

    found = []
    for clock, join in (("wall", max), ("cpu", sum)):
        pairs = zip(
            rounds(way, clock, join), rounds(REFERENCE, clock, join), strict=True
        )
        found.append(statistics.median(a / b for a, b in pairs))
    return found[0], found[1]


def row(
    way: str, times: Sequence[Mapping[str, Any]] | None, seen: Mapping[str, Any]
) -> dict[str, str]:
    """Put a way's row of the table together."""
    wall, cpu = ratios(times, way) if times else (1.0, 1.0)
    most = {name: max(answer["grown"] for answer in seen[name]) for name in seen}
    given = seen[way][0]["given"]
    return {
        "way": way,
        "wall time": f"{wall:.2f}",
        "CPU time": f"{cpu:.2f}",
        "memory": f"{most[way] / most[REFERENCE]:.2f}",
        "collectives": str(len(given)),
        "numbers a token": f"{sum(given):,.0f}",
    }


def judge(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Set celib's figures beside their targets: "holds" or "misses"."""
    (ours,) = (row for row in rows if row["way"] == "celib")
    return [
        {
            "figure": name,
            "measured": ours[name],
            "target": f"<= {most:g}",
            "verdict": "holds" if float(ours[name]) <= most else "misses",
        }
        for name, most in TARGETS.items()
    ]


def main() -> None:
    """Measure, print, and keep the result."""
    # the reference takes turns with each of the others
    others = [way for way in WAYS if way != REFERENCE]
    tasks = [*(("memory", way) for way in WAYS), *(("time", way) for way in others)]
    found = {}
    for i, (task, way) in enumerate(tasks, 1):
        print(f"[{i}/{len(tasks)}] {task}, {way}", file=sys.stderr, flush=True)
        found[task, way] = run(task, way)
    seen = {way: found["memory", way] for way in WAYS}
    rows = [row(way, found.get(("time", way)), seen) for way in WAYS]
    shard = SHAPE[0] * SHAPE[1] * 4 / WORLD
    shares = (max(a["grown"] for a in seen[way]) / shard for way in WAYS)
    held = ", ".join(f"{w} {s:.2f}" for w, s in zip(WAYS, shares, strict=True))
    verdicts = judge(rows)
    result = results.make(
        "parallel",
        f"Loss and gradient of logits {SHAPE} float32, their classes on {WORLD} "
        f"ranks / the same by {REFERENCE}",
        COLUMNS,
        rows,
        missing=[],
        notes=[
            f"{WORLD} processes joined by gloo, one thread each; medians over "
            f"{ROUNDS} rounds, in turns with the reference, after a barrier. Wall "
            "time: of the rank that came last. CPU time: of all ranks. No huge pages.",
            f"memory: growth of the peak of a fresh process. In logits of a rank: "
            f"{held}.",
            "collectives, numbers a token: of one rank, forward and backward.",
        ],
        targets=verdicts,
    )
    print(results.report(result))
    print("\n" + results.table(list(verdicts[0]), verdicts))
    print(f"Written to {results.write('parallel', result).relative_to(results.ROOT)}.")


if __name__ == "__main__":
    if len(sys.argv) == 5:
        work(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main()
