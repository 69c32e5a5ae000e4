"""Shows below the hint of a failed check one line: what was expected, and what came.

The files in `tests` use this. Without it the checks work as well, and show all that
Python has to say.
"""

import re

from otter.test_files import ok_test

LONGEST = 100
# What NumPy writes about two arrays: the first came, the second was expected.
ARRAYS = re.compile(r"^ (?:x|ACTUAL): (.*?)^ (?:y|DESIRED): (.*)", re.M | re.S)
BARE = re.compile(r"^array\((.*)\)\s*$", re.S)
MISMATCH = re.compile(r"\((?:shapes|dtypes) .* mismatch\)")
VALUES = re.compile(r"^Expected(.*?)^Got:\n(.*)", re.M | re.S)
# A line of a traceback that stands in a cell, and the code below it.
IN_A_CELL = re.compile(
    r'^ *File "[^"]*(?:ipykernel|ipython-input|<cell).*\n *(.+)', re.M
)
# Behind the lines of the traceback, which are indented further.
EXCEPTION = re.compile(r"^ {4}(?:[\w.]*\.)?(\w+)(?:: ?(.*))?\Z", re.M | re.S)


def install() -> None:
    """Let Otter show one line for each failed check; it has no setting for that."""
    if ok_test.run_doctest.__module__ == __name__:
        return
    whole = ok_test.run_doctest

    def run_doctest(name, code, names):
        passed, printed = whole(name, code, names)
        return passed, printed if passed else brief(printed)

    ok_test.run_doctest = run_doctest


def brief(printed: str) -> str:
    """Return one line about what failed first in the output of a doctest."""
    failed = printed.partition("Failed example:\n")[2]
    failed = re.split(r"^(?:Trying:|\*{20,})", failed, maxsplit=1, flags=re.M)[0]
    code, raised, trace = failed.partition("Exception raised:\n")
    if not raised:
        values = VALUES.search(failed)
        return _both(values[1].lstrip(":"), values[2]) if values else _short(failed)
    # Of several exceptions the last one ended the check.
    trace = trace.rpartition("Traceback (most recent call last):\n")[2].rstrip()
    error = EXCEPTION.search(trace)
    if error is None:
        return _short(trace)
    kind, text = error[1], re.sub("^    ", "", error[2] or "", flags=re.M)
    if kind != "AssertionError":
        place = IN_A_CELL.findall(trace)
        where = f", in the line: {_short(place[-1])}" if place else ""
        return _short(f"{kind}: {text}" if text else kind) + where
    if arrays := ARRAYS.search(text):
        came, wanted = arrays.groups()
        mismatch = MISMATCH.search(text)
        both = _both(BARE.sub(r"\1", wanted), BARE.sub(r"\1", came))
        return f"{both} {mismatch[0]}" if mismatch else both
    return _short(text) if text.strip() else f"This does not hold: {_short(code)}"


def _both(wanted, came):
    return f"Expected {_short(wanted)}, got {_short(came)}"


def _short(text):
    """Return a text on one line, cut where it gets long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
