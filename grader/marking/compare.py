"""Runs a notebook's public checks as a student's Jupyter does, and as the marker does.

A check that passes there and fails here is the marker's mistake until somebody shows
that it is not.
"""

import json
import os
import platform
import signal
import threading
from dataclasses import dataclass, replace

from grader import notebook
from grader.limits import PATIENCE
from grader.marking import checks
from grader.marking.failures import first_failure, kept
from grader.marking.mark import mark
from grader.sandbox import packages, walls
from grader.text import clean

# A kernel with all that is installed takes more to start than a worker does.
MORE_MEMORY = 4
# The kernel's whole answer: a few checks, and what they printed.
LONGEST = 2 * 2**20


class CompareError(RuntimeError):
    """The notebook can't be compared; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """One public check, in a kernel and here."""

    question: str
    name: str
    there: bool
    here: bool
    said_there: str
    said_here: str


@dataclass(frozen=True)
class Comparison:
    """All public checks of a notebook, and the cells that raised in a kernel."""

    outcomes: list[Outcome]
    raised_there: list[str]
    notes: list[str]

    @property
    def lost(self) -> list[Outcome]:
        """The checks that pass in a kernel and fail here."""
        return [o for o in self.outcomes if o.there and not o.here]

    @property
    def first(self) -> Outcome | None:
        """The first difference, one that costs points if there is such a one."""
        other = [o for o in self.outcomes if o.here and not o.there]
        return next(iter([*self.lost, *other]), None)

    def told(self) -> list[str]:
        """Return what came out, in words."""
        passed_there = sum(outcome.there for outcome in self.outcomes)
        passed_here = sum(outcome.here for outcome in self.outcomes)
        lines = [
            f"Of {len(self.outcomes)} public checks {passed_there} pass in a kernel "
            f"and {passed_here} here, both with Python {platform.python_version()}."
        ]
        if self.first is None:
            lines.append("No check differs.")
        else:
            lines += _difference(self.first)
        lines += [f"In the kernel: {line}" for line in self.raised_there]
        lines += [f"Here: {line}" for line in self.notes]
        return lines


def _difference(outcome):
    """Return what one check found, both ways."""
    name = f"{outcome.question}, {outcome.name}"
    if outcome.there:
        yield f"First difference: {name} passes in a kernel and fails here."
        yield f"  here: {outcome.said_here}"
        yield "Take it for the marker's fault until you know another cause."
    else:
        yield f"First difference: {name} passes here and fails in a kernel."
        yield f"  in a kernel: {outcome.said_there}"


def assignment_of(submission) -> str:
    """Return the assignment that a notebook says it is.

    Raises
    ------
    CompareError
        If it says none.
    """
    name = _read_pages(submission).assignment
    if not name:
        raise CompareError(
            "The notebook does not say which assignment it is: name it with "
            "--assignment."
        )
    return name


def _read_pages(submission):
    try:
        if submission.problem:
            raise notebook.UnreadableError(submission.problem)
        return notebook.parse(submission.data)
    except notebook.UnreadableError as error:
        raise CompareError(
            f"{submission.student} can't be compared: {error}."
        ) from None


def compare(submission, task, sandbox) -> Comparison:
    """Run a notebook's public checks both ways.

    Raises
    ------
    CompareError
        If it is no notebook, or the kernel gave no answer.
    """
    pages = _read_pages(submission)
    tests = {question: _public(task.tests[question]) for question in task.questions}
    there = in_a_kernel(pages.code, tests, sandbox)
    here = mark(submission, task, sandbox, "to compare")
    outcomes = []
    for question in task.questions:
        marked = [check for check in here.checks[question] if not check["hidden"]]
        for check, (passed, printed) in zip(marked, there[question], strict=True):
            said_here = first_failure(check["message"]).strip()
            said_there = first_failure(kept(printed)).strip()
            good = check["earned"] >= check["possible"] and not check["message"]
            outcome = (passed, good, clean(said_there), clean(said_here))
            outcomes.append(Outcome(question, check["name"], *outcome))
    return Comparison(outcomes, there["raised"], here.notes)


def _public(test):
    return [case.code for case in checks.read(test) if not case.hidden]


def in_a_kernel(cells, tests, sandbox) -> dict:
    """Return question → (passed, printed) for each public check, and what raised.

    The kernel stands in a sandbox, too, with all packages of this machine.
    """
    limits = sandbox.limits
    more = replace(limits, memory_mib=limits.memory_mib * MORE_MEMORY)
    box = replace(sandbox, packages=(packages.EVERYTHING,), limits=more)
    asked = json.dumps({"cells": list(cells), "tests": tests}).encode()
    with box.worker(walls.KERNEL) as process:
        out = _asked(process, asked, limits.total_s * PATIENCE)
    try:
        return _read(out, tests, cells)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise CompareError(
            "The kernel ended, or gave no answer that can be read: the notebook may "
            "end its own process, or take too much memory or time."
        ) from None


def _asked(process, question, seconds):
    """Return what a process answers within a time and a length."""
    stop = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
    stop.start()
    try:
        left = memoryview(question)
        while left:
            left = left[process.stdin.write(left) :]
        process.stdin.close()
        out = b""
        while len(out) <= LONGEST and (piece := process.stdout.read(2**16)):
            out += piece
        return out
    except BrokenPipeError:
        return b""
    finally:
        stop.cancel()


def _read(out, tests, cells):
    """Return what a kernel says, which a notebook may have forged."""
    if len(out) > LONGEST:
        raise ValueError
    told = json.loads(out)
    found = {}
    for question, codes in tests.items():
        pairs = [
            (passed is True, str(text)) for passed, text in told["checks"][question]
        ]
        if len(pairs) != len(codes):
            raise ValueError
        found[question] = pairs
    named = notebook.titles(cells)
    raised = [
        f"The cell {named[int(n) - 1]} raised {text}"
        for n, text in told["raised"].items()
    ]
    return {**found, "raised": [clean(line[:300]) for line in raised]}
