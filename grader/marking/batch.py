"""Marks a class, many submissions side by side, and keeps each result at once."""

import csv
import hashlib
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from grader.marking.mark import Result, mark
from grader.sandbox import walls

GRADER = Path(__file__).resolve().parents[1]
# The code that decides a mark: when it changes, everyone is marked anew.
DECIDES = sorted(
    [
        *(GRADER / f"{name}.py" for name in ("limits", "notebook", "text")),
        *(GRADER / "sandbox").rglob("*.py"),
        *(GRADER / "marking" / f"{name}.py" for name in ("mark", "checks", "failures")),
        GRADER / "release" / "seeds.py",
    ]
)
# The trusted process holds answers of 32 MiB; more than this is a mistake or an attack.
TRUSTED_MEMORY = 6 * 2**30


class MarkingError(RuntimeError):
    """Marking ended before all submissions were marked."""


def keys(submissions, task, box, seed) -> dict[str, str]:
    """Return student → digest of all that decides the mark.

    A result with the same key is taken as it is; any other is marked again.
    """
    parts = [task.hash, seed, str(box.walled)]
    parts += [path.read_text(encoding="utf-8") for path in DECIDES]
    common = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return {
        s.student: hashlib.sha256(f"{common}{s.hash}".encode()).hexdigest()
        for s in submissions
    }


def run(submissions, task, box, seed, executor, store, tell) -> list[Result]:
    """Mark what is not marked yet, and keep each result as soon as it is there.

    Parameters
    ----------
    submissions : list of Submission
    task : Assignment
    box : Sandbox
    seed : str
        The course's secret seed.
    executor : concurrent.futures.Executor
        Where the marking is done.
    store : Store
        Keeps results and `grades.csv`.
    tell : callable
        Called with each result, for a progress bar.

    Raises
    ------
    MarkingError
        If a marking process was lost; what was marked is kept.
    """
    key = keys(submissions, task, box, seed)
    results = {s.student: store.load(s.student, key[s.student]) for s in submissions}
    todo = [s for s in submissions if results[s.student] is None]
    marks = store.marks()
    for result in filter(None, results.values()):
        tell(result)
    more = (task, box, seed)
    jobs = {executor.submit(timed_mark, s, *more, key[s.student]): s for s in todo}
    failed = {}
    for job in as_completed(jobs):
        if error := job.exception():
            failed[jobs[job].student] = f"{type(error).__name__}: {error}"
            continue
        result, seconds = job.result()
        results[result.student] = result
        store.save(result)
        store.write_grades(list(filter(None, results.values())), marks)
        log(store.out / "log.csv", result, seconds)
        tell(result)
    if failed:
        raise MarkingError(_what_failed(failed))
    return list(filter(None, results.values()))


def _what_failed(failed):
    lines = [f"{student}: {why}"[:200] for student, why in sorted(failed.items())]
    some = "; ".join(lines[:3])
    return (
        f"{len(failed)} submissions were not marked ({some}). Nothing of the others is "
        "lost: run the same command again."
    )


def timed_mark(submission, task, box, seed, key) -> tuple[Result, float]:
    """Mark one submission and take the time."""
    began = time.monotonic()
    result = mark(submission, task, box, seed, key)
    return result, time.monotonic() - began


def log(path: Path, result: Result, seconds: float) -> None:
    """Add a line to the log, which alone holds times."""
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow(["when", "student", "status", "seconds"])
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        rows.writerow([when, result.student, result.status, f"{seconds:.2f}"])


# ---- where the marking is done


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """Mark on this machine, `jobs` submissions at a time."""
    # Not forked off this process, which may have threads by now. What marks is imported
    # once, in a process that the others come from.
    context = get_context("forkserver")
    context.set_forkserver_preload(["grader.marking.batch"])
    with ProcessPoolExecutor(jobs, context, _trusted_process) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _trusted_process():
    """End with the marker, leave Ctrl-C to it, and keep memory in bounds."""
    threading.Thread(target=_end_with_the_marker, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (TRUSTED_MEMORY, TRUSTED_MEMORY))


def _end_with_the_marker():
    """Wait until the marker is gone, however it went; its sandboxes then go as well."""
    connection.wait([parent_process().sentinel])
    os._exit(1)


@contextmanager
def cluster(address: str, box) -> Iterator[Executor]:
    """Mark on the workers of a Dask scheduler, after each tried its sandbox.

    Raises
    ------
    SandboxError
        If a worker has none that holds.
    """
    from distributed import Client

    with Client(address, timeout=20) as client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise walls.SandboxError(f"No worker has joined the scheduler {address}.")
        if box.walled:
            for worker, problem in client.run(_try_there, box).items():
                if problem:
                    raise walls.SandboxError(f"Worker {worker}: {problem}")
        yield client.get_executor(pure=False)


def _try_there(box):
    """Return why the worker's machine can't be used, or nothing."""
    try:
        walls.find(box.packages, box.limits)
    except walls.SandboxError as error:
        return str(error)
    return ""
