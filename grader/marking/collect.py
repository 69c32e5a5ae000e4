"""Finds the submissions in a folder, as students or a learning platform left it."""

import csv
import re
import unicodedata
from pathlib import Path

from grader import notebook
from grader.marking.mark import Submission
from grader.text import clean

# What a name can't hold, besides what `clean` takes out of every text.
NOT_IN_A_NAME = re.compile(r"[\t\n/\\]")
# What file managers leave in a folder.
LITTER = {"Thumbs.db", "desktop.ini", "__MACOSX"}
VARIANTS = tuple("123456789")


class InputError(ValueError):
    """The folder or the roster can't be used as it is; the message says why."""


def submissions(folder: Path, roster: Path | None = None) -> list[Submission]:
    """Return one submission for each student, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds ``student-001.ipynb`` …, or folders ``student-001`` … with one
        notebook in each. Whatever else lies there becomes a submission that
        can't be read, so that nobody is passed over.
    roster : Path, optional
        A CSV file with the column ``student`` and, if you handed out variants,
        ``variant``. Who is on it and handed in nothing gets a row as well.

    Raises
    ------
    InputError
        If there is no submission, or two of one student.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} must be a folder of notebooks, and there is none.")
    variants = read_roster(roster) if roster else {}
    entries = [entry for entry in folder.iterdir() if entry.name not in LITTER]
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    found: dict[str, Submission] = {}
    for entry in sorted(entries, key=lambda entry: entry.name):
        submission = _one(entry, variants)
        if submission.student in found:
            raise InputError(
                f"{folder} holds two submissions of {submission.student}: keep the one "
                "that counts."
            )
        found[submission.student] = submission
    for student in variants.keys() - found.keys():
        problem = "nothing was handed in"
        found[student] = Submission(student, b"", problem, variants[student], "MISSING")
    if not found:
        raise InputError(f"{folder} holds no notebook.")
    return [found[student] for student in sorted(found)]


def _one(entry, variants):
    """Return the submission that a file or a folder holds."""
    name = entry.name if entry.is_dir() else entry.stem
    raw = name.encode("utf-8", "surrogateescape")
    student = _name(raw.decode("utf-8", "replace"))
    variant = variants.get(student, 1)
    try:
        return Submission(student, notebook.load(_file(entry)), variant=variant)
    except (notebook.UnreadableError, OSError) as error:
        return Submission(student, b"", str(error), variant)


def _name(text):
    """Return a name in one form: accents are spelt in two ways on two systems."""
    return NOT_IN_A_NAME.sub("?", clean(unicodedata.normalize("NFC", text)))


def _file(entry):
    """Return the notebook of an entry, the only one in it if it is a folder."""
    if entry.is_dir() and not entry.is_symlink():
        inside = sorted(p for p in entry.glob("**/*.ipynb") if _counts(p, entry))
        if len(inside) != 1:
            raise notebook.UnreadableError(
                f"its folder holds {len(inside)} notebooks, not 1"
            )
        return inside[0]
    if entry.suffix != ".ipynb":
        kind = entry.suffix or "a file without an ending"
        raise notebook.UnreadableError(f"it is {kind} and no .ipynb")
    return entry


def _counts(path, folder):
    """Return whether a student put this notebook here, and no program its copy."""
    parts = path.relative_to(folder).parts
    return len(parts) <= 3 and not any(part.startswith((".", "__")) for part in parts)


def doubts(found: list[Submission], roster: Path | None) -> list[str]:
    """Return sentences about what may be a slip in the roster."""
    known = read_roster(roster) if roster else {s.student: 1 for s in found}
    strangers = [s.student for s in found if s.student not in known]
    if not strangers:
        return []
    return [f"Not in the roster, so with variant 1: {', '.join(strangers)}."]


def read_roster(path: Path) -> dict[str, int]:
    """Return student → variant, 1 where the roster has no such column.

    Raises
    ------
    InputError
        If the file is no such table, or names a student twice.
    """
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The roster can't be read: {error}.") from None
    variants: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        student = _name((row.get("student") or "").strip())
        variant = (row.get("variant") or "1").strip()
        if not student or variant not in VARIANTS or student in variants:
            raise InputError(
                f"{path}, line {line}: line 1 must name the columns student and, if "
                "there is one, variant; then each student once, with a variant from 1 "
                f"to 9, got {','.join(str(cell) for cell in row.values())!r}."
            )
        variants[student] = int(variant)
    return variants
