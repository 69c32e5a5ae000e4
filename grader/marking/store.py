"""Keeps results and `grades.csv` in the output folder: files are whole or not there."""

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path

from grader.marking import sheet
from grader.marking.mark import Result
from grader.text import clean

# What a file's name can't hold on one system or another, and a dot in front.
NOT_IN_A_FILE_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^\.')


def file_name(student: str, ending: str) -> str:
    """Return what a student's file is called, whatever the name is made of."""
    student = clean(student)
    name = NOT_IN_A_FILE_NAME.sub(lambda match: f"%{ord(match[0]):02X}", student)
    if len(name.encode()) > 200:
        name = name[:40] + hashlib.sha256(student.encode()).hexdigest()[:16]
    return f"{name}{ending}"


class StoreError(RuntimeError):
    """The output folder is in use, or belongs to another assignment."""


def write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a stop leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".tmp", delete=False, encoding="utf-8", newline=""
    ) as scratch:
        try:
            scratch.write(text)
            scratch.flush()
            os.fsync(scratch.fileno())
            os.chmod(scratch.name, 0o644)
            os.replace(scratch.name, path)
        except BaseException:
            os.unlink(scratch.name)
            raise


class Store:
    """The output folder of one assignment.

    Parameters
    ----------
    out : Path
        The folder; it is made if need be.
    task : Assignment
        Whose points the table has columns for.
    """

    def __init__(self, out: Path, task) -> None:
        self.out, self.task = out, task

    @contextlib.contextmanager
    def locked(self):
        """Hold the folder for one grader, and for one assignment."""
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"Another grader is writing to {self.out}.") from None
            self._claim()
            yield self

    def _claim(self):
        about = self.about()
        if not about and any(p.name != ".lock" for p in self.out.iterdir()):
            raise StoreError(f"{self.out} must be empty or hold grades, and does not.")
        name = about.setdefault("assignment", self.task.name)
        if name != self.task.name:
            raise StoreError(
                f"{self.out} holds the grades of {name}: give --out another folder "
                f"for {self.task.name}."
            )
        self._note(about)
        for leftover in self.out.rglob(".tmp*"):
            leftover.unlink()

    def about(self) -> dict:
        """Return whose grades these are, and what tells their seed from others."""
        path = self.out / "about.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _note(self, about):
        write(self.out / "about.json", json.dumps(about, sort_keys=True) + "\n")

    def seeded(self, seed: str | None, again: bool) -> None:
        """Remember the seed, and refuse another one unless all is marked again."""
        about, own = self.about(), seed and hashlib.sha256(seed.encode()).hexdigest()
        if not again and about.get("seed", own) != own:
            raise StoreError(
                f"{self.out} was marked with another seed: bring back the course's "
                "seed file, or mark all again with --again."
            )
        if own:
            self._note(about | {"seed": own})

    def forgot_roster(self, roster: Path | None) -> bool:
        """Remember if there is a roster; tell whether only the last run had one."""
        about = self.about()
        self._note(about | {"roster": roster is not None})
        return roster is None and about.get("roster", False)

    def file(self, folder: str, student: str, ending: str) -> Path:
        """Return where a student's file lies."""
        return self.out / folder / file_name(student, ending)

    # ---- results

    def save(self, result: Result) -> None:
        """Keep a result."""
        text = json.dumps(asdict(result), indent=1, ensure_ascii=False, sort_keys=True)
        write(self.file("results", result.student, ".json"), text + "\n")

    def load(self, student: str, key: str | None = None) -> Result | None:
        """Return a student's result, if there is one with this key."""
        path = self.file("results", student, ".json")
        try:
            result = Result(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return result if key in (None, result.key) else None

    def forget(self) -> None:
        """Drop all results, so that every submission is marked again."""
        for path in (self.out / "results").glob("*.json"):
            path.unlink()

    # ---- the table

    def write_grades(self, results: list[Result], marks: dict) -> None:
        """Write `grades.csv`: a row for each student, in the order of their names."""
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        questions = [*self.task.questions, *self.task.written]
        rows.writerow(["student", *questions, "total", "out_of", "status"])
        out_of = f"{self.task.points + self.task.written_points:g}"
        for result in sorted(results, key=lambda result: result.student):
            by_hand = marks.get(result.student, {})
            by_question = result.scores | {q: mark[0] for q, mark in by_hand.items()}
            points = map(by_question.get, questions)
            cells = ["" if value is None else sheet.number(value) for value in points]
            cells += [sheet.number(sum(by_question.values())), out_of]
            rows.writerow([sheet.defused(result.student), *cells, result.status])
        write(self.out / "grades.csv", table.getvalue())

    def marks(self) -> dict:
        """Return the marks given by hand: student → question → (points, comment)."""
        path = self.out / "written.csv"
        if not path.exists():
            return {}
        return sheet.read_marks(path, self.task)

    def students(self) -> list[str]:
        """Return the students of the last table."""
        path = self.out / "grades.csv"
        if not path.exists():
            return []
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        return [sheet.plain(row["student"]) for row in rows]
