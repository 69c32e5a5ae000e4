"""Marks a class, many submissions side by side, and keeps each result at once."""

import csv
import hashlib
import os
import queue
import resource
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from grader.marking import sheet
from grader.marking.mark import Result, mark
from grader.sandbox import walls
from grader.text import clean

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
# How often a submission is marked before it is given up: the first time, the process
# may have ended for want of memory that another one used.
TRIES = 2


def keys(submissions, task, box, seed) -> dict[str, str]:
    """Return student → digest of all that decides the mark.

    A result with the same key is taken as it is; any other is marked again.
    """
    parts = [task.hash, seed, str(box.walled)]
    parts += [path.read_text(encoding="utf-8") for path in DECIDES]
    common = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return {
        s.student: hashlib.sha256(f"{common}{s.hash}{s.times:g}".encode()).hexdigest()
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

    Returns
    -------
    list of Result
        One for each submission, also for those over which the marking itself failed.
    """
    key = keys(submissions, task, box, seed)
    results = {s.student: store.load(s.student, key[s.student]) for s in submissions}
    todo = [s for s in submissions if results[s.student] is None]
    marks = store.marks()
    for result in filter(None, results.values()):
        tell(result)
    more = (task, box, seed)
    jobs = {executor.submit(timed_mark, s, *more, key[s.student]): s for s in todo}
    for job in as_completed(jobs):
        result, seconds = _outcome(job, jobs[job], task)
        results[result.student] = result
        store.save(result)
        store.write_grades(list(filter(None, results.values())), marks)
        log(store.out / "log.csv", result, seconds)
        tell(result)
    return list(filter(None, results.values()))


def _outcome(job, submission, task):
    """Return the result of a job and its seconds, also if the job itself failed.

    Such a result has no key, so that the next run marks this submission again.
    """
    error = job.exception()
    if error is None:
        return job.result()
    why = f"The marker: {type(error).__name__}: {str(error)[:200]}"
    result = Result(submission.student, "", "LOST", [clean(why)])
    result.scores = dict.fromkeys(task.questions, 0.0)
    return result, 0.0


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
        student = sheet.defused(result.student)
        rows.writerow([when, student, result.status, f"{seconds:.2f}"])


# ---- where the marking is done


class Separately(Executor):
    """Runs jobs side by side, each in one of a few processes, and outlives any of them.

    With one pool for all of them, the loss of a process would end every job, and leave
    open whose it was. Here each process is a pool of its own.

    Parameters
    ----------
    jobs : int
        How many processes there are.
    """

    def __init__(self, jobs):
        # Not forked off this process, which may have threads by now. What marks is
        # imported once, in a process that the others come from.
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["grader.marking.batch"])
        self._pools = queue.SimpleQueue()
        for _ in range(jobs):
            self._pools.put(self._pool())
        self._threads = ThreadPoolExecutor(jobs)

    def _pool(self):
        return ProcessPoolExecutor(1, self._context, _trusted_process)

    def submit(self, function, /, *args, **kwargs):
        """Run a function as soon as a process is free; return the future result."""
        return self._threads.submit(self._run, function, args, kwargs)

    def _run(self, function, args, kwargs):
        pool = self._pools.get()
        try:
            for tries_left in reversed(range(TRIES)):
                try:
                    return pool.submit(function, *args, **kwargs).result()
                except BrokenExecutor:
                    pool.shutdown()
                    pool = self._pool()
                    if not tries_left:
                        raise
        finally:
            self._pools.put(pool)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """End all processes, once those that run have finished their job."""
        self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        while not self._pools.empty():
            self._pools.get().shutdown(wait=wait)


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """Mark on this machine, `jobs` submissions at a time."""
    with Separately(jobs) as executor:
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
    # Where the machine's memory runs out, this process goes before the marker does.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


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
