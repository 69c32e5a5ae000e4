"""Reads what doctest prints about a check: what is kept of it, and what failed first.

A check goes on after a failure, and what fails later mostly follows from the first.
"""

import re
from itertools import dropwhile, takewhile

from grader.sandbox.session import WorkerLostError
from grader.text import clean

KEPT = 4000
FAILED = "Failed example:\n"
LOST = f"{WorkerLostError.__module__}.{WorkerLostError.__qualname__}: "
EXCEPTION = re.compile(r"(?P<home>(?:\w+\.)*)(?P<kind>\w+)(?:: ?(?P<text>.*))?", re.S)


def kept(printed: str) -> str:
    """Return what is kept of a failed check's output, from its first failure on."""
    start = max(printed.find(FAILED), 0)
    return clean(printed[start : start + KEPT])


def not_tried(message: str, found, exports) -> str:
    """Return why a check could not look at an answer: its own hint would mislead."""
    for name in exports:
        if name not in found and f"name '{name}' is not defined" in message:
            return f"Not tried: {name} is missing, or holds nothing to check."
    if LOST in message:
        return "Not tried to its end: the call took too long, or ended the process."
    return ""


def overwritten(message: str, found: dict, by_cell: dict[str, str]) -> str:
    """Return what became of a function's name: a hint about its values would mislead.

    Parameters
    ----------
    message : str
        What the check printed.
    found : dict
        Name → what it stands for.
    by_cell : dict
        Name of a function → the title of the cell that gave it another value.
    """
    for name, cell in by_cell.items():
        if _called(name, message) or f"name '{name}' is not defined" in message:
            return (
                f"Not tried: {name} was a function, until the cell {cell} gave "
                "the name another value."
            )
    for name, value in found.items():
        if _called(name, message) and not callable(value):
            kind = type(value).__name__
            return (
                f"Not tried: {name} stands for a {kind}, not for a function. Some "
                "line, such as a loop over it, gave the name another value."
            )
    return ""


def _called(name, message):
    """Tell whether a check has called something that is no function."""
    return f"{name}(" in message and "object is not callable" in message


def first_failure(message: str) -> str:
    """Return what failed first: the exception's own text, or what doctest expected.

    The code of the check and the traceback are left out.
    """
    _, _, rest = message.partition(FAILED)
    ends = ("Trying:", "*" * 20)
    block = takewhile(lambda line: not line.startswith(ends), rest.split("\n"))
    lines = list(dropwhile(lambda line: line[:1] in ("", " "), block))
    if lines and lines[0] == "Exception raised:":
        return _exception(lines)
    return _without_indent(lines)


def _exception(lines):
    """Return the text of an exception, and its type unless it is the marker's own."""
    starts = [n for n, line in enumerate(lines) if line.startswith("    Traceback (")]
    after = lines[starts[-1] + 1 :] if starts else []
    own = dropwhile(lambda line: not re.match(r" {4}\S", line), after)
    match = EXCEPTION.fullmatch(_without_indent(own))
    if match is None:
        return ""
    text = match["text"] or ""
    # The marker's own exceptions carry all they have to say in their text.
    if match["kind"] == "AssertionError" or match["home"].startswith("grader."):
        return text
    return f"{match['kind']}: {text}" if text else match["kind"]


def _without_indent(lines):
    return "\n".join(line.removeprefix("    ") for line in lines)
