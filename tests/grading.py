"""What the tests of the grader share: an assignment that was built, and notebooks."""

import dataclasses
import functools
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from chapters import ROOT

sys.path.append(str(ROOT))
from grader.limits import Limits
from grader.marking import mark as marking
from grader.release import assignment
from grader.release.build import build
from grader.sandbox import walls as sandbox

HOW = f"Students' code is kept in by bubblewrap, which is missing: {sandbox.INSTALL}."
LIMITS = Limits(cell_s=20, call_s=10, total_s=120, memory_mib=2048)
SEED = "the seed of a course that there never was"


@dataclasses.dataclass(frozen=True)
class Built:
    """An assignment in a folder of its own, built as `make assignments` does."""

    root: Path
    task: assignment.Assignment
    solution: bytes
    blank: bytes


@functools.cache
def _scratch():
    """Return a folder that goes away with this process."""
    return tempfile.TemporaryDirectory(prefix="grading-")


@functools.cache
def built(name):
    """Build an assignment, once in a test run; return what came out."""
    root = Path(_scratch().name, name)
    source = ROOT / "assignments" / name
    shutil.copytree(source, root / "assignments" / name)
    folder = build(name, root=root)
    return Built(
        root,
        assignment.load(name, root),
        (folder / "autograder" / f"{name}.ipynb").read_bytes(),
        (folder / "student" / f"{name}.ipynb").read_bytes(),
    )


@pytest.fixture(scope="session")
def hw2():
    """The second assignment, built into a temporary folder."""
    return built("hw2")


@pytest.fixture(scope="session")
def walls():
    """Skip where there is no sandbox, or fail where no test may skip."""
    try:
        sandbox.find(("numpy",), LIMITS)
    except sandbox.SandboxError as problem:
        how = HOW if shutil.which("bwrap") is None else str(problem)
        if os.environ.get("CELIB_REQUIRE_ALL") == "1":
            pytest.fail(how, pytrace=False)
        pytest.skip(how)


def notebook(*cells) -> bytes:
    """Return a notebook: a text is a code cell, a pair (kind, text) another one."""
    pairs = [("code", cell) if isinstance(cell, str) else cell for cell in cells]
    made = [{"cell_type": kind, "metadata": {}, "source": text} for kind, text in pairs]
    whole = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole).encode()


def code_cells(data: bytes) -> list[str]:
    """Return the code cells of a notebook."""
    cells = json.loads(data)["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


def solution_cells(name="hw2") -> list[str]:
    """Return the code cells of a solution without its checks: the last answer counts.

    What a check has seen counts as well, whatever cells come behind it.
    """
    return [c for c in code_cells(built(name).solution) if "grader.check(" not in c]


def mark(data, task, student="student-001", box=None, **limits) -> marking.Result:
    """Mark one notebook, given as bytes or as code cells, with limits of a test."""
    limits = dataclasses.replace(task.limits, **limits)
    box = box or sandbox.Sandbox(task.packages, limits)
    data = data if isinstance(data, bytes) else notebook(*data)
    return marking.mark(marking.Submission(student, data), task, box, SEED)
