"""An assignment as the marker needs it: `assignment.yml` and what was built from it."""

import datetime
import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from grader import notebook
from grader.limits import Limits

ROOT = Path(__file__).resolve().parents[2]


class AssignmentError(ValueError):
    """The assignment can't be used; the message says what must hold."""


@dataclass(frozen=True)
class Question:
    """One coded question: points, how many of them hidden tests give, its names."""

    points: float
    hidden: float
    exports: tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """An assignment as the marker sees it. It holds plain data, so that it travels."""

    name: str
    title: str
    due: str
    packages: tuple[str, ...]
    questions: dict[str, Question]
    written: dict[str, dict]
    limits: Limits
    tests: dict[str, str]
    released: tuple[str, ...]
    solution: bytes = b""

    @property
    def points(self) -> float:
        """What the coded questions are worth together."""
        return sum(question.points for question in self.questions.values())

    @property
    def written_points(self) -> float:
        """What the questions marked by hand are worth together."""
        return sum(question["points"] for question in self.written.values())

    @property
    def exports(self) -> list[str]:
        """The names that the tests take from a notebook."""
        return [name for q in self.questions.values() for name in q.exports]

    @property
    def hash(self) -> str:
        """A digest of all that decides a mark: tests, points, limits."""
        parts = [self.tests, str(self.questions), str(self.limits), self.packages]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def settings(folder: Path) -> dict:
    """Return the fields of an Assignment that `assignment.yml` gives.

    Raises
    ------
    AssignmentError
        If the file is missing, or something in it is.
    """
    path = folder / "assignment.yml"
    if not path.is_file():
        known = sorted(p.parent.name for p in folder.parent.glob("*/assignment.yml"))
        raise AssignmentError(
            f"There is no {path}. Assignments here: {', '.join(known) or 'none'}."
        )
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise AssignmentError(f"{path} can't be read: {reason}.") from None
    expected = ["title", "due", "packages", "questions", "written", "limits"]
    if not isinstance(given, dict) or sorted(given) != sorted(expected):
        raise AssignmentError(f"{path} must hold {', '.join(expected)}, and no more.")
    try:
        return _fields(folder.name, given)
    except (TypeError, KeyError, ValueError) as error:
        raise AssignmentError(f"{path}: {error}") from None


def _fields(name, given):
    return {
        "name": name,
        "title": str(given["title"]),
        "due": _due(given["due"]),
        "packages": tuple(given["packages"]),
        "questions": {q: _question(q, d) for q, d in given["questions"].items()},
        "written": {q: _written(q, d) for q, d in given["written"].items()},
        "limits": _limits(given["limits"]),
    }


def _due(given):
    """Return the due date in one form; a date alone means the end of its day."""
    if type(given) is datetime.date:
        return f"{given} 23:59"
    try:
        return f"{datetime.datetime.fromisoformat(str(given)):%Y-%m-%d %H:%M}"
    except ValueError:
        raise ValueError(f"due must look like 2027-03-05 23:59, got {given}") from None


def _question(name, given):
    if not 0 <= given["hidden"] <= given["points"] or not given["exports"]:
        raise ValueError(
            f"{name} must have 0 <= hidden <= points and name its exports, got {given}"
        )
    return Question(given["points"], given["hidden"], tuple(given["exports"]))


def _written(name, given):
    parts = sum(float(line.split()[0]) for line in given["rubric"])
    if parts != given["points"]:
        raise ValueError(
            f"the rubric of {name} must sum up to its {given['points']} points, "
            f"got {parts:g}"
        )
    return given


def _limits(given):
    known = {field.name for field in fields(Limits)}
    if set(given) != known or not all(value > 0 for value in given.values()):
        raise ValueError(
            f"limits must be positive and name {sorted(known)}, got {given}"
        )
    return Limits(**given)


def load(name: str, root: Path = ROOT) -> Assignment:
    """Return an assignment that `make assignments` has built.

    Raises
    ------
    AssignmentError
        If it does not exist, was not built, or was changed since.
    """
    folder, built = root / "assignments" / name, root / "dist" / name
    given = settings(folder)
    stamp = built / "built.json"
    if not stamp.is_file():
        raise AssignmentError(
            f"{name} has not been built: run `make assignments` first."
        )
    if json.loads(stamp.read_text())["source"] != source_hash(folder):
        raise AssignmentError(
            f"assignments/{name} was changed after it was built: run "
            f"`python -m grader.release {name}`."
        )
    tests = built / "autograder" / "tests"
    released = notebook.parse((built / "student" / f"{name}.ipynb").read_bytes()).text
    texts = {q: (tests / f"{q}.py").read_text() for q in given["questions"]}
    solution = (built / "autograder" / f"{name}.ipynb").read_bytes()
    return Assignment(**given, tests=texts, released=released, solution=solution)


def source_hash(folder: Path) -> str:
    """Return a digest of an assignment's own files."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".ipynb", ".yml")):
        if ".ipynb_checkpoints" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()
