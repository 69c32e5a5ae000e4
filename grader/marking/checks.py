"""Runs the tests of a question, doctests in Otter's files, as Otter runs them.

Otter itself is not imported: it brings all that its notebooks need, and takes longer
to start than most submissions take to mark.
"""

import doctest
import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One test of a question: its code, and what comes of it."""

    name: str
    code: str
    hidden: bool
    points: float
    hint: str = ""


def read(text: str) -> list[Case]:
    """Return the tests that a file of Otter's holds."""
    names: dict = {}
    exec(text, names)
    test = names["test"]
    return [
        Case(
            name=f"{test['name']} {number}",
            code=case["code"],
            hidden=case["hidden"],
            points=case["points"],
            hint=case.get("failure_message") or "",
        )
        for number, case in enumerate(test["suites"][0]["cases"])
    ]


def run(case: Case, names: dict) -> tuple[bool, str]:
    """Run one test on `names`; return whether it passed, and what it printed.

    It writes to this process's own output, and so must be the only one that runs.
    """
    test = doctest.DocTestParser().get_doctest(case.code, names, case.name, None, None)
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        failed, _ = doctest.DocTestRunner(verbose=True).run(test, clear_globs=False)
    return not failed, printed.getvalue()
