"""The sentences that the pages and Gradescope's form share."""

import hashlib
import platform
import re
from collections import Counter

from grader.marking.failures import first_failure
from grader.marking.mark import DOUBTED, MEANING, NOT_RUN
from grader.sandbox.session import LOSSES_A_NAME
from grader.text import clean

LONGEST = 600
MOST_NOTES = 20
PYTHON = ".".join(platform.python_version_tuple()[:2])
UNWALLED = (
    "This notebook was marked without a sandbox. Its code could reach the marking "
    "machine, so the points count only once your instructor has confirmed them."
)
RAISED = re.compile(r"The cell “[^”]*”(?: \(number \d+ of \d+\))? raised (.*)", re.S)
PATH = re.compile(r"(?<![\w/.])/(?:[\w.@+~-]+/)+[\w.@+~-]*")


# ---- points and names


def number(value: float) -> str:
    """Return points without needless digits."""
    return f"{round(float(value), 2):g}"


def points(value: float) -> str:
    """Return a number of points in words: 1 point, 2.5 points."""
    return f"{number(value)} point{'' if number(value) == '1' else 's'}"


def counted(count: int, thing: str) -> str:
    """Return how many of a thing there are: 1 notebook, 3 notebooks."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def anchor(name: str) -> str:
    """Return an identifier that any name can be linked by."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if plain == name:
        return f"of-{name}"
    return f"of-{plain[:40]}-{hashlib.sha256(clean(name).encode()).hexdigest()[:8]}"


def heading(task, question: str) -> str:
    """Return a question's heading as students know it, or its name."""
    number = re.escape(question.removeprefix("q"))
    pattern = re.compile(
        rf"^#+ *(Question {number}\b[^\n]*?) *(\([^()\n]*\))? *$", re.M
    )
    for cell in task.released:
        if match := pattern.search(cell):
            return match[1]
    return question


# ---- checks


def passed(check: dict) -> bool:
    """Tell whether a check passed, also one that gives no points."""
    return check["earned"] >= check["possible"] and not check["message"]


def said(check: dict) -> str:
    """Return what went wrong first in a public check: its text, no path, no trace.

    Of a hidden check, which runs on inputs that are kept secret, nothing is said.
    """
    if check["hidden"] or passed(check):
        return ""
    return _cut(PATH.sub("…", first_failure(check["message"]).strip()))


# ---- what went wrong with a notebook


def troubles(result, task) -> list[str]:
    """Return what went wrong, and what to do about it, in plain words."""
    if result.status in NOT_RUN:
        return _not_run(result, task)
    kinds = {kind for text in result.notes for kind in (_told(text)[0], *_why(text))}
    about = _explained(task.limits)
    return happened(result) + [about[kind] for kind in about if kind in kinds]


def happened(result) -> list[str]:
    """Return what went wrong, each thing once, and no more than fits on a page."""
    told = []
    counts = Counter(result.notes)
    for text, times in list(counts.items())[:MOST_NOTES]:
        often = f" ({times} times)" if times > 1 else ""
        told.append(f"{_told(text)[1]}{often}.")
    if len(counts) > MOST_NOTES:
        told.append(f"And {len(counts) - MOST_NOTES} more of the kind.")
    return told


def _not_run(result, task):
    """Return what to do when there is no notebook that can be read, or no result."""
    if result.status == "LOST":
        return [
            "Your notebook could not be marked: the marker itself failed over it.",
            "These 0 points say nothing about your work. Ask your instructor.",
        ]
    problem = "".join(result.notes).removeprefix("The file: ").rstrip(".")
    problem = _cut(PATH.sub("…", problem))
    name = f"{task.name}.ipynb"
    if result.status == "MISSING":
        return [
            f"There is no notebook of yours to mark: {problem}.",
            "If you did hand it in, tell your instructor when and where.",
        ]
    return [
        f"Your file could not be read as a notebook: {problem}.",
        f"Open your {name} in Jupyter and save it.",
        f"Hand in {name} itself: no PDF, no zip archive, no shortcut to it.",
        "Then download what you handed in and open it once, to be sure.",
        "If it opens for you, tell your instructor: your work may not be lost.",
    ]


def _told(text):
    """Return the kind of a note, and the note without its full stop."""
    if doubted(text):
        return "doubted", _cut(text).rstrip(".")
    if RAISED.fullmatch(text):
        return "raised", _cut(text).rstrip(".")
    for status, meaning in MEANING.items():
        if text.endswith(f": {meaning}."):
            place = text.removesuffix(f": {meaning}.")
            return status, f"{place} {meaning}"
    return "", _cut(text).rstrip(".")


def doubted(note: str) -> bool:
    """Tell whether a note says that a check failed which had passed at home."""
    return note.startswith(DOUBTED.partition("{}")[0])


def _why(text):
    """Return the kind of an exception of which more can be said."""
    match = RAISED.fullmatch(text)
    kind = match[1].partition(":")[0] if match else ""
    return [kind] if kind in ("NameError", "SyntaxError") else []


def _explained(limits):
    """Return the kind of a note → what you may use, and what to do about it."""
    stopped = f"After {LOSSES_A_NAME} such failures a function is not called again."
    return {
        "doubted": (
            "Tell your instructor, who can find out whether it is the marker's fault."
        ),
        "TIMEOUT": (
            f"A cell may compute for {limits.cell_s:g} seconds, a call by a check for "
            f"{limits.call_s:g}, and the whole notebook for {limits.total_s:g}. Look "
            f"for loops that don't end and for loops over single numbers. {stopped}"
        ),
        "DIED": (
            f"A notebook may use {limits.memory_mib:g} MiB of memory, and it must not "
            f"end its own process. {stopped}"
        ),
        "FLOOD": f"Look at the shape and the size of what you return. {stopped}",
        "PROTOCOL": f"Return plain numbers, arrays, tuples or lists. {stopped}",
        "raised": (
            "What a cell would have defined after the line that failed may be missing."
        ),
        "NameError": (
            "A name was used that no cell above it defines. Cells run from top to "
            "bottom: “Restart and run all” shows you the same error."
        ),
        "SyntaxError": (
            f"Notebooks are marked with Python {PYTHON}. It can't read what only a "
            "newer Python can."
        ),
    }


def _cut(text):
    text = clean(text).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
