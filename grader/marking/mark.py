"""Marks one submission: all public checks first, then the hidden ones."""

import hashlib
import threading
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from grader import notebook
from grader.marking import checks, failures
from grader.release import seeds
from grader.sandbox.session import Session
from grader.text import clean

# The checks of a test file write to the process's own output, so one at a time.
_ONE = threading.Lock()
# Of several incidents, the one that the status names.
GRAVITY = ("PROTOCOL", "FLOOD", "DIED", "TIMEOUT")

MEANING = {
    "TIMEOUT": "took longer than is allowed and was stopped",
    "DIED": "ended the process, or needed more memory than is allowed",
    "FLOOD": "returned more than any answer needs",
    "PROTOCOL": "answered in a way that can't be read",
}
# Nothing is wrong with the code, but it answers the questions of another assignment.
OTHER = "OTHER"
# The notebook was saved after its checks ran, and its own outputs say so.
DOUBTED = (
    "All public checks of {} passed in the student's own Jupyter, as the notebook's "
    "stored output says, and here one failed."
)
# The statuses of those of whose code nothing is known.
NOT_RUN = ("UNREADABLE", "MISSING", "LOST")


@dataclass(frozen=True)
class Submission:
    """What one student handed in: the bytes, or why there are none.

    It may compute so many `times` as long as others.
    """

    student: str
    data: bytes = b""
    problem: str = ""
    variant: int = 1
    status: str = "UNREADABLE"
    times: float = 1.0

    @property
    def hash(self) -> str:
        """A digest of what decides this student's mark."""
        parts = f"{self.status}\n{self.problem}\n{self.variant}\n"
        parts = parts.encode("utf-8", "backslashreplace")
        return hashlib.sha256(parts + self.data).hexdigest()


@dataclass
class Check:
    """One test of a question, and what became of it."""

    name: str
    hidden: bool
    possible: float
    earned: float
    hint: str
    message: str = field(repr=False)


@dataclass
class Result:
    """All that is known of a submission after it was marked."""

    student: str
    key: str
    status: str = "ok"
    notes: list[str] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    checks: dict[str, list[dict]] = field(default_factory=dict)
    written: str = ""
    walled: bool = True

    @property
    def total(self) -> float:
        """The points of the coded questions."""
        return round(sum(self.scores.values()), 6)


def mark(submission, assignment, sandbox, course_seed, key="") -> Result:
    """Mark one submission; whatever it does, there is a result.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    sandbox : Sandbox
    course_seed : str
        Hidden inputs are drawn from it, and from what was handed in.
    key : str
        Stored with the result, to recognise it on the next run.
    """
    result = Result(submission.student, key, walled=sandbox.walled)
    result.scores = dict.fromkeys(assignment.questions, 0.0)
    try:
        if submission.problem:
            raise notebook.UnreadableError(submission.problem)
        pages = notebook.parse(submission.data)
    except notebook.UnreadableError as error:
        result.status = submission.status
        result.notes = [clean(f"The file: {error}.")]
        return result
    exports = {name: q.exports for name, q in assignment.questions.items()}
    pages, was_text = notebook.restored(pages, assignment.exports)
    result.written = notebook.written_answer(pages.text, assignment.released)
    for line in was_text:
        result.notes.append(
            clean(f"A text cell was run as the code that it is: {line}")
        )
    if submission.times != 1:
        sandbox = replace(sandbox, limits=sandbox.limits.stretched(submission.times))
        result.notes.append(
            f"It could take {submission.times:g} times as long as others."
        )
    with _ONE, Session(pages.code, sandbox, exports) as session:
        seeds.set_course(course_seed, submission.variant, submission.hash)
        _run_checks(assignment, session, result)
        _describe(session, result)
    _doubt(result, pages, submission, assignment)
    return result


def _doubt(result, pages, submission, assignment):
    """Say first what makes it doubtful that the points are right."""
    doubts = []
    for question in assignment.questions:
        lost = [c for c in result.checks[question] if not c["hidden"] and c["message"]]
        if question in pages.passed and lost:
            doubts.append(DOUBTED.format(question))
    name, given = pages.assignment, pages.variant
    if name and not name.startswith(assignment.name):
        doubts.append(f"Its first cell says that it is {name}, not {assignment.name}.")
        if result.total == 0 and result.status == "ok":
            result.status = OTHER
    if given not in (None, submission.variant):
        doubts.append(
            f"The notebook is of variant {given}; it was marked as variant "
            f"{submission.variant}, which the roster says."
        )
    result.notes[:0] = map(clean, doubts)


@dataclass
class Answer:
    """A question's names as they stand at one place, and what its checks make of them.

    Parameters
    ----------
    found : dict
        Every name that the assignment asks for and the notebook has.
    """

    found: dict
    checks: list[Check] = field(default_factory=list)

    @property
    def earned(self) -> float:
        """The points of the checks that ran so far."""
        return sum(check.earned for check in self.checks)


def _run_checks(assignment, session, result):
    """Run all public tests before any hidden input reaches the student's code."""
    exports = assignment.exports
    end = session.names(exports)
    if not end and not session.incidents:
        result.notes.append("It defines nothing that this assignment asks for.")
    places = session.places()
    answers = {}
    for question in assignment.questions:
        answers[question] = list(_answers(assignment, question, session, end, places))
    # A worker may be started again from now on, and its cells then raise what the one
    # before has left them somewhere: no word of that is told.
    session.telling = False
    for question, tried in answers.items():
        cases = checks.read(assignment.tests[question])
        for answer in tried:
            _try(answer, cases, True, session, exports)
        best = max(tried, key=lambda answer: answer.earned)
        result.checks[question] = [asdict(check) for check in best.checks]
        result.scores[question] = round(float(best.earned), 6)


def _answers(assignment, question, session, end, places):
    """Yield the answers to a question that pass most public checks: one, or two.

    What counts is the answer as it stands where the notebook checks it: a later cell
    may use its name for something else. But an answer that was corrected further down
    must not lose by that, so that the end counts where it is as good.
    """
    exports = assignment.exports
    cases = checks.read(assignment.tests[question])
    asked, tried, settled = assignment.questions[question].exports, [], False
    if question in places:
        found, same = session.looked_up(exports, question)
        tried.append(Answer(found))
        _try(tried[0], cases, False, session, exports)
        passed = all(check.earned >= check.possible for check in tried[0].checks)
        settled = passed and same.issuperset(asked)
    if not settled:
        tried.append(Answer(end))
        _try(tried[-1], cases, False, session, exports)
    most = max(answer.earned for answer in tried)
    return (answer for answer in tried if answer.earned == most)


def _try(answer, cases, hidden, session, exports):
    """Run the public tests of a question on an answer, or the hidden ones."""
    names = {"np": np, **answer.found, "on_rank": session.on_rank}
    part = [case for case in cases if case.hidden is hidden]
    for number, case in enumerate(part, 1):
        done = run_check(case, number, names, answer.found, exports)
        by_cell = session.overwritten
        done.hint = (
            failures.overwritten(done.message, answer.found, by_cell) or done.hint
        )
        answer.checks.append(done)


def run_check(case, number, names, found=(), exports=()) -> Check:
    """Run one test on `names`; say what became of it, and what helps."""
    kind = "Hidden check" if case.hidden else "Check"
    passed, printed = checks.run(case, names)
    message = "" if passed else failures.kept(printed)
    hint = failures.not_tried(message, found, exports) or case.hint
    return Check(
        name=f"{kind} {number}",
        hidden=case.hidden,
        possible=case.points,
        earned=case.points if passed else 0.0,
        hint="" if passed else hint,
        message=message,
    )


def _describe(session, result):
    """Set the status, and say what happened to cells and calls."""
    statuses = {status for status, _ in session.incidents}
    result.status = next((s for s in GRAVITY if s in statuses), "ok")
    for status, place in session.incidents:
        result.notes.append(f"{place}: {MEANING[status]}.")
    for number, what in sorted(session.raised.items()):
        result.notes.append(clean(f"The cell {session.titles[number]} raised {what}"))
    for number, packages in sorted(session.missing.items()):
        result.notes.append(
            clean(
                f"In the cell {session.titles[number]} lines that use "
                f"{', '.join(packages)} were left out, which is not there while "
                "notebooks are marked."
            )
        )
