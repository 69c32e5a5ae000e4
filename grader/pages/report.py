"""The instructor's report: how the class did, and what it found hard."""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from grader.marking.mark import MEANING, NOT_RUN
from grader.marking.store import file_name
from grader.pages import html, words

ENOUGH = 10
COMPARE = (
    "Where a check passed in the student's own Jupyter and failed here, take it for "
    "the marker's fault until this shows another cause:"
)
UNKNOWN = "n/a"
MEANINGS = {
    "ok": "marked without an accident",
    **{status: f"a cell or a call {meaning}" for status, meaning in MEANING.items()},
    "UNREADABLE": "the file is no notebook that can be marked",
    "OTHER": "the notebook is of another assignment",
    "MISSING": "nothing was handed in",
    "LOST": "marking it ended the marker's own process: look at it, and mark again",
}


def page(results, task, marks=None) -> str:
    """Return the report on all submissions of an assignment.

    Parameters
    ----------
    results : iterable of Result
    task : Assignment
    marks : dict, optional
        Student → question → (points, comment), of those marked by hand so far.
    """
    ordered = sorted(results, key=lambda result: result.student)
    marks = marks or {}
    ran = [result for result in ordered if result.status not in NOT_RUN]
    questions = _questions(ran, task, marks)
    checks = [_checks(ran, task, question) for question in task.questions]
    return html.fill(
        "report.html",
        task=task,
        count=words.counted(len(ordered), "submission"),
        walled=all(result.walled for result in ordered),
        meanings=MEANINGS,
        statuses=Counter(result.status for result in ordered),
        odd=sorted(filter(_is_odd, ordered), key=lambda one: not _is_doubted(one)),
        happened=words.happened,
        students=[_student(result, task, marks) for result in ordered],
        advice=COMPARE if any(map(_is_doubted, ordered)) else "",
        ran=ran,
        pictures=_pictures(ran, task, questions) if ran else [],
        questions=questions,
        enough=ENOUGH,
        checked=[checks_ for checks_ in checks if checks_],
    )


def _is_odd(result):
    return result.status != "ok" or bool(result.notes)


def _is_doubted(result):
    """Tell whether a check failed that had passed on the student's machine."""
    return any(map(words.doubted, result.notes))


def _pictures(ran, task, questions):
    # Here, as matplotlib takes longer to start than many a submission to mark.
    from grader.pages import pictures

    return pictures.draw(ran, task, questions)


# ---- students


@dataclass
class Student:
    """One student's row: where the feedback lies, the points, and what to look at."""

    name: str
    link: str
    code: float
    by_hand: float | None
    status: str
    doubts: list[str]

    @property
    def total(self) -> float:
        """All points so far."""
        return self.code + (self.by_hand or 0.0)


def _student(result, task, marks):
    given = marks.get(result.student, {}).values()
    by_hand = sum(score for score, _ in given) if given else None
    link = "feedback/" + quote(file_name(result.student, ".html"))
    more = (result.status, list(suspicions(result, task)))
    return Student(result.student, link, result.total, by_hand, *more)


def suspicions(result, task):
    """Yield what makes it worth a look whether the points of an `ok` are right."""
    if result.status != "ok":
        return
    if _is_doubted(result):
        yield "a check passed at home and failed here"
    if task.points and result.total == 0:
        yield "no point for the code"
    for question in task.questions:
        title = words.heading(task, question).partition(":")[0]
        checks = result.checks.get(question, [])
        public = [words.passed(check) for check in checks if not check["hidden"]]
        hidden = [words.passed(check) for check in checks if check["hidden"]]
        # One hidden check alone may be no more than hard.
        if all(public) and len(hidden) > 1 and not any(hidden):
            yield f"{title}: all public checks passed and no hidden one"
        if any(check["hint"].startswith("Not tried") for check in checks):
            yield f"{title}: a check was not tried"
    if task.written and not result.written:
        yield "no written answer"


# ---- questions


@dataclass
class Question:
    """One question's figures over all who have points in it."""

    name: str
    title: str
    points: float
    scores: np.ndarray
    discrimination: float | None

    @property
    def share(self) -> float | None:
        """The mean share of its points, None if there is none to take."""
        if not len(self.scores) or not self.points:
            return None
        return float(self.scores.mean() / self.points)

    @property
    def cells(self) -> list[str]:
        """Return what stands in its row of the table, behind its title."""
        start = [words.number(self.points), str(len(self.scores))]
        if self.share is None:
            return [*start, *[UNKNOWN] * 5]
        rest = self.discrimination
        return [
            *start,
            words.number(self.scores.mean()),
            f"{100 * self.share:.0f} %",
            str(int((self.scores >= self.points - 1e-9).sum())),
            str(int((self.scores <= 1e-9).sum())),
            UNKNOWN if rest is None else f"{rest:.2f}",
        ]


def _questions(results, task, marks):
    """Return the figures of each question, coded ones first."""
    totals = np.array([result.total for result in results])
    found = []
    for name, about in task.questions.items():
        scores = np.array([result.scores.get(name, 0.0) for result in results])
        rest = correlation(scores, totals - scores)
        title = words.heading(task, name)
        found.append(Question(name, title, about.points, scores, rest))
    for name, about in task.written.items():
        given = [marks.get(result.student, {}).get(name) for result in results]
        there = [mark is not None for mark in given]
        scores = np.array([mark[0] for mark in given if mark is not None])
        rest = correlation(scores, totals[there] if len(totals) else totals)
        title = words.heading(task, name)
        found.append(Question(name, title, about["points"], scores, rest))
    return found


def correlation(scores, rest) -> float | None:
    """Return how a question goes with the rest; None where that says nothing.

    That is so for fewer than ten students, or when all have the same points.
    """
    if len(scores) < ENOUGH or np.ptp(scores) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    return float(np.corrcoef(scores, rest)[0, 1])


# ---- checks


@dataclass
class Check:
    """One check's figures over all for whom it ran."""

    name: str
    points: float
    hint: str
    passed: int
    ran: int

    @property
    def share(self) -> str:
        """The percentage of those who passed it."""
        return f"{100 * self.passed / self.ran:.0f}"


def _checks(results, task, question):
    """Return the title and the checks of a question; nothing if none ran."""
    found: dict = {}
    for result in results:
        for check in result.checks.get(question, []):
            found.setdefault(check["name"], []).append(check)
    checks = [_check(name, outcomes) for name, outcomes in found.items()]
    if not checks:
        return None
    worst = max(checks, key=lambda check: check.ran - check.passed)
    return {"title": words.heading(task, question), "checks": checks, "worst": worst}


def _check(name, outcomes):
    # The hint that came with a failure, if there was one.
    hint = next((check["hint"] for check in outcomes if check["hint"]), "")
    passed = sum(words.passed(check) for check in outcomes)
    return Check(name, outcomes[0]["possible"], hint, passed, len(outcomes))
