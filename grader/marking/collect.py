"""Finds the submissions in a folder, as students or a learning platform left it."""

import csv
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from grader import notebook
from grader.marking import names
from grader.marking.mark import Submission
from grader.text import clean

# What a name can't hold, besides what `clean` takes out of every text.
NOT_IN_A_NAME = re.compile(r"[\t\n/\\]")
# What file managers leave in a folder.
LITTER = {"Thumbs.db", "desktop.ini", "__MACOSX"}
# Browsers and mail programs add one more, systems write it in capitals.
ENDING = re.compile(r"\.ipynb(\.(json|txt))?$", re.I)
VARIANTS = tuple("123456789")
TIMES = re.compile(r"[1-9]|10|[1-9]\.\d")


@dataclass(frozen=True)
class Place:
    """A student's line in the roster.

    Parameters
    ----------
    variant : int
    times : float
        How many times as long as others their notebook may compute.
    """

    variant: int = 1
    times: float = 1.0


class InputError(ValueError):
    """The folder or the roster can't be used as it is; the message says why."""


def submissions(
    folder: Path, roster: Path | None = None, assignment: str = ""
) -> list[Submission]:
    """Return one submission for each student, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds ``student-001.ipynb`` …, or folders ``student-001`` … with one
        notebook in each. Whatever else lies there becomes a submission that
        can't be read, so that nobody is passed over.
    roster : Path, optional
        A CSV file with the column ``student``, ``variant`` if you handed out
        variants, and ``times`` if somebody's notebook may take longer. Who is on it and
        handed in nothing gets a row as well.
    assignment : str, optional
        Of several notebooks in a folder the one that says it is this one counts.

    Raises
    ------
    InputError
        If there is no submission, or two of one student that differ.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} must be a folder of notebooks, and there is none.")
    known = read_roster(roster) if roster else {}
    entries = _entries(folder)
    students = _students(entries, known)
    found: dict[str, Submission] = {}
    places: dict[str, Path] = {}
    for entry in entries:
        submission = read(entry, known, assignment, students[entry])
        student = submission.student
        if student in found and names.of_a_platform(_name(entry.name)):
            # The platform tells students apart: these are two files of one of them.
            if submission.problem:
                continue
            if found[student].problem:
                del found[student]
        elif student in found and _spelt(places[student]) != _spelt(entry):
            # Two names that differ only in what a name can't hold.
            student = _free(student, found)
            submission = replace(submission, student=student)
        if student in found and not _same(submission, found[student]):
            raise InputError(
                f"{folder} holds two submissions of {student}, "
                f"{places[student].name} and {entry.name}: keep the one that counts."
            )
        found[student], places[student] = submission, entry
    for student in known.keys() - found.keys():
        variant, problem = known[student].variant, "nothing was handed in"
        found[student] = Submission(student, b"", problem, variant, "MISSING")
    if not found:
        raise InputError(f"{folder} holds no notebook.")
    return [found[student] for student in sorted(found)]


def _entries(folder):
    """Return what was handed in: all that is not litter, the hidden only if it is one.

    A hidden file beside one of the same name is a copy that some program made.
    """
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    entries = [entry for entry in entries if entry.name not in LITTER]
    seen = [entry for entry in entries if not entry.name.startswith(".")]
    taken = {_student(entry) for entry in seen}
    hidden = [entry for entry in entries if entry.name.startswith(".")]
    kept = [entry for entry in hidden if _is_notebook(entry)]
    return seen + [entry for entry in kept if _student(entry).lstrip(".") not in taken]


def passed_over(folder: Path) -> list[str]:
    """Return sentences about hidden files that were not taken for submissions."""
    taken = set(_entries(folder))
    hidden = [entry for entry in folder.iterdir() if entry.name.startswith(".")]
    known = (".DS_Store", "._", ".ipynb_checkpoints", ".git")
    left = [e.name for e in hidden if e not in taken and not e.name.startswith(known)]
    return [f"Hidden, and not marked: {', '.join(sorted(left))}."] if left else []


def _is_notebook(entry):
    """Tell whether a file holds a notebook, whatever it is called."""
    try:
        notebook.parse(notebook.load(entry))
    except (notebook.UnreadableError, OSError):
        return False
    return True


def _student(entry):
    """Return whose submission a file or a folder is."""
    raw = _stem(entry).encode("utf-8", "surrogateescape")
    return _name(raw.decode("utf-8", "replace"))


def _stem(entry):
    """Return a folder's name, or a file's without what says that it is a notebook."""
    if entry.is_dir():
        return entry.name
    return ENDING.sub("", entry.name) if ENDING.search(entry.name) else entry.stem


def _students(entries, known):
    """Return entry → student: by the roster, or as the learning platform has it."""
    told = {entry: names.of_a_platform(_name(entry.name)) for entry in entries}
    numbers: dict[str, set] = {}
    for name, number in filter(None, told.values()):
        numbers.setdefault(name, set()).add(number)
    found = {}
    for entry in entries:
        found[entry] = _student(entry)
        if told[entry] is None or found[entry] in known:
            continue
        name, number = told[entry]
        alike = [student for student in known if names.alike(student, name)]
        if number in known:
            found[entry] = number
        elif len(alike) == 1 and len(numbers[name]) == 1:
            found[entry] = alike[0]
        else:
            # Two students may have one name, but not one number.
            found[entry] = name if len(numbers[name]) == 1 else f"{name} ({number})"
    return found


def _spelt(entry):
    """Return the name as it is spelt, however its accents are."""
    return unicodedata.normalize("NFC", _stem(entry))


def _free(student, taken):
    """Return a name that nobody has yet."""
    numbers = (f"{student} ({number})" for number in range(2, len(taken) + 3))
    return next(name for name in numbers if name not in taken)


def _same(one, other):
    return one.data == other.data and one.problem == other.problem


def read(entry: Path, known: dict, assignment: str = "", student="") -> Submission:
    """Return the submission that a file or a folder holds.

    Who is on no roster has the variant that the notebook says.
    """
    student = student or _student(entry)
    if student not in known and student.lstrip(".") in known:
        student = student.lstrip(".")
    place = known.get(student, Place())
    try:
        data = notebook.load(_file(entry, assignment))
        variant = place.variant if student in known else _own_variant(data) or 1
        return Submission(student, data, variant=variant, times=place.times)
    except (notebook.UnreadableError, OSError) as error:
        return Submission(student, b"", str(error), place.variant)


def _own_variant(data):
    """Return the variant that a notebook says it is, None if it says none."""
    try:
        return notebook.parse(data).variant
    except notebook.UnreadableError:
        return None


def _name(text):
    """Return a name in one form: accents are spelt in two ways on two systems."""
    return NOT_IN_A_NAME.sub("?", clean(unicodedata.normalize("NFC", text)))


def _file(entry, assignment):
    """Return the notebook of an entry, the only one in it if it is a folder."""
    if entry.is_dir() and not entry.is_symlink():
        return _the_one(entry, assignment)
    if not ENDING.search(entry.name) and not _is_notebook(entry):
        kind = entry.suffix or "a file without an ending"
        raise notebook.UnreadableError(f"it is {kind} and no .ipynb")
    return entry


def _the_one(folder, assignment):
    """Return the notebook in a folder that counts."""
    files = sorted(path for path in folder.rglob("*") if _counts(path, folder))
    inside = [path for path in files if ENDING.search(path.name)]
    inside = inside or [path for path in files if _is_notebook(path)]
    if len(inside) > 1 and assignment:
        of_this = [path for path in inside if _says(path) == assignment]
        inside = of_this if len(of_this) == 1 else inside
    if len(inside) > 1 and len({_bytes(path) for path in inside}) > 1:
        some = ", ".join(path.name for path in inside[:5])
        raise notebook.UnreadableError(
            f"its folder holds {len(inside)} notebooks, not 1: {some}"
        )
    if not inside:
        raise notebook.UnreadableError("its folder holds 0 notebooks, not 1")
    return inside[0]


def _bytes(path):
    """Return what a file holds, or its own name if that can't be read."""
    try:
        return notebook.load(path)
    except (notebook.UnreadableError, OSError):
        return path.name


def _says(path):
    """Return which assignment a notebook says it is."""
    try:
        return notebook.parse(notebook.load(path)).assignment
    except (notebook.UnreadableError, OSError):
        return ""


def _counts(path, folder):
    """Return whether a student put this file here, and no program its copy."""
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "__")) for part in parts)
    return len(parts) <= 3 and not hidden and not path.is_dir()


def doubts(found: list[Submission], roster: Path | None) -> list[str]:
    """Return sentences about slips in the roster, or that there should be one."""
    own = {s.student: _own_variant(s.data) for s in found if not s.problem}
    if roster is None:
        variants = sorted(set(own.values()) - {None})
        if variants in ([], [1]):
            return []
        listed = ", ".join(map(str, variants))
        return [
            f"No roster was given, and there are notebooks of variant {listed}. Each "
            "is marked as the variant that it says itself, whichever the student was "
            "given: name the roster with --roster."
        ]
    known, told = read_roster(roster), []
    strangers = [s.student for s in found if s.student not in known]
    if strangers:
        told.append(
            f"Not in the roster, so with the variant of their own notebook: "
            f"{', '.join(strangers)}. "
            "If they stand in it under another name, give them this one there."
        )
    others = [
        student
        for student, variant in own.items()
        if student in known and variant not in (None, known[student].variant)
    ]
    if others:
        told.append(
            f"The roster says another variant than the notebook: {', '.join(others)}. "
            "They are marked as the roster says; is it the right one?"
        )
    return told


def read_roster(path: Path) -> dict[str, Place]:
    """Return student → what the roster says of them.

    Raises
    ------
    InputError
        If the file is no such table, or names a student twice.
    """
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The roster can't be read: {error}.") from None
    known: dict[str, Place] = {}
    for line, row in enumerate(rows, 2):
        got = ",".join(str(cell) for cell in row.values())
        student = _name((row.get("student") or "").strip())
        variant = (row.get("variant") or "1").strip()
        times = (row.get("times") or "1").strip()
        right = variant in VARIANTS and TIMES.fullmatch(times)
        if not student or not right or student in known:
            raise InputError(
                f"{path}, line {line}: line 1 must name the columns student and, if "
                "there are such, variant and times; then each student once, with a "
                f"variant from 1 to 9 and times from 1 to 10, got {got!r}."
            )
        known[student] = Place(int(variant), float(times))
    return known
