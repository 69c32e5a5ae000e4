"""Marks what must come out right or wrong, before a release or a class relies on it."""

import json
import os
import re
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from grader import notebook
from grader.marking import batch, checks
from grader.marking.mark import Submission, mark
from grader.release import assignment as assignments
from grader.release import seeds
from grader.release.assignment import ROOT
from grader.sandbox import walls
from grader.sandbox.session import Session

HINT = re.compile(r"# hint: (.+)")
# How many inputs of each hidden check the solution is tried with: every student's are
# others.
DRAWS = 50


class TrialError(RuntimeError):
    """A check does not do what it is for; the message says which."""


# ---- before a release is handed out


def try_out(name: str, root: Path = ROOT, course_seed="authoring") -> str:
    """Mark the solution, the blank release and every wrong answer; say what came out.

    Raises
    ------
    TrialError
        If the solution loses a point, the blank one earns one, or a wrong
        answer passes or does not bring up its hint.
    """
    task = assignments.load(name, root)
    box = walls.find(task.packages, task.limits)
    built, wrong = root / "dist" / name, wrong_answers(name, root)
    solution = (built / "autograder" / f"{name}.ipynb").read_bytes()
    blank = (built / "student" / f"{name}.ipynb").read_bytes()
    tried = [(Submission("solution", solution), task)]
    tried += [(Submission("blank", blank), task)]
    for path in wrong:
        answer = with_cell(solution, path.read_text())
        tried.append((Submission(path.stem, answer), _only(question_of(path), task)))
    full, nothing, *results = _mark_all(box, course_seed, tried)
    problems = [*_full(task, full), *_nothing(nothing)]
    problems += _other_draws(task, box, course_seed)
    problems += _enough_wrong_answers(task, root)
    for path, result in zip(wrong, results, strict=True):
        problems += _caught(path, result, task)
    if problems:
        raise TrialError(f"{name}:\n  " + "\n  ".join(problems))
    return f"{name}: solution 100 %, blank 0 %, {len(wrong)} wrong answers caught"


def question_of(path: Path) -> str:
    """Return the question that a wrong answer belongs to."""
    return path.stem.partition("-")[0]


def _only(question, task):
    """Return the assignment as if it asked one question: the others are solved."""
    asked = {q: told for q, told in task.questions.items() if q == question}
    return replace(task, questions=asked)


def _mark_all(box, course_seed, tried):
    """Return the results, each process having marked every n-th after the other."""
    jobs = os.cpu_count() or 1
    parts = [tried[n::jobs] for n in range(jobs)]
    results = [None] * len(tried)
    with batch.local(jobs) as executor:
        marked = executor.map(partial(_mark_part, box, course_seed), parts)
        for n, part in enumerate(marked):
            results[n::jobs] = part
    return results


def _mark_part(box, course_seed, tried):
    with walls.OneWorker(box, len(tried)) as one:
        return [mark(submission, task, one, course_seed) for submission, task in tried]


def wrong_answers(name: str, root: Path = ROOT) -> list[Path]:
    """Return the files that hold common wrong answers, in order."""
    return sorted((root / "assignments" / name / "wrong").glob("*.py"))


def with_cell(data: bytes, source: str) -> bytes:
    """Return a notebook with one more code cell at its end, and without its checks.

    An answer counts as it stands where it is checked, and this one is to count.
    """
    content = json.loads(data)
    content["cells"] = [c for c in content["cells"] if not _checks(c)]
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    content["cells"].append(cell)
    return json.dumps(content).encode()


def _checks(cell):
    return cell["cell_type"] == "code" and "grader.check(" in "".join(cell["source"])


def _full(task, result):
    if result.status != "ok" or result.total != task.points:
        yield (
            f"the solution gets {result.total:g} of {task.points:g} ({result.status}; "
            f"{'; '.join(result.notes)}): {result.scores}"
        )
        for question, checks in result.checks.items():
            for check in checks:
                if check["earned"] != check["possible"]:
                    yield f"{question}, {check['name']}: {check['message'][-500:]}"


def _other_draws(task, box, course_seed):
    """Yield the hidden checks that fail the solution for some of their inputs."""
    with _solution(task, box) as names:
        for question, _, case in _drawn(task):
            failed = 0
            for number in range(DRAWS):
                seeds.set_course(course_seed, submission=f"draw {number}")
                failed += not checks.run(case, names)[0]
            if failed:
                yield (
                    f"a hidden check of {question} fails the solution for {failed} of "
                    f"{DRAWS} inputs: {case.hint}"
                )


@contextmanager
def _solution(task, box):
    """Run the solution's cells and yield the names that checks need."""
    with Session(notebook.parse(task.solution).code, box) as session:
        yield {"np": np, **session.names(task.exports), "on_rank": session.on_rank}


def _drawn(task):
    """Yield question, name and code of the hidden checks that draw their inputs."""
    for question, text in task.tests.items():
        hidden = (case for case in checks.read(text) if case.hidden)
        for number, case in enumerate(hidden, 1):
            if "course_rng" in case.code:
                yield question, f"Hidden check {number}", case


def _nothing(result):
    for question, score in result.scores.items():
        if score:
            yield f"the blank release gets {score:g} in {question}, and must get 0"


def _enough_wrong_answers(task, root):
    questions = [question_of(path) for path in wrong_answers(task.name, root)]
    for question in task.questions:
        if questions.count(question) < 3:
            yield f"{question} has {questions.count(question)} wrong answers, needs 3"


def _caught(path, result, task):
    question = question_of(path)
    hint = HINT.match(path.read_text())
    failed = [c for c in result.checks[question] if c["earned"] < c["possible"]]
    if not failed:
        yield f"{path.name} is wrong, and no check of {question} fails"
    elif not hint or not any(hint[1].strip() in check["hint"] for check in failed):
        got = "; ".join(check["hint"] for check in failed)
        yield f"{path.name} brings up other hints than {hint and hint[1]!r}: {got}"


# ---- before a class is marked


def prove_solution(task, box, seed) -> None:
    """Mark the solution with the course's seed, before anyone else.

    Raises
    ------
    TrialError
        If it loses a point: then a test is wrong for these inputs.
    """
    result = mark(Submission("solution", task.solution), task, box, seed)
    if result.total != task.points:
        full = {q: question.points for q, question in task.questions.items()}
        lost = ", ".join(q for q in full if result.scores[q] < full[q])
        raise TrialError(
            f"The solution of {task.name} gets {result.total:g} of {task.points:g} "
            f"with this seed ({lost}): a test is wrong, correct it before you mark."
        )


# ---- after a class was marked


def unfair(results, submissions, task, box, seed) -> list[str]:
    """Return whom a hidden check fails for inputs for which it fails the solution, too.

    Each notebook has inputs of its own, of which a check may be wrong for a few.
    """
    handed_in = {submission.student: submission for submission in submissions}
    total_s = box.limits.total_s * (1 + len(results))
    patient = replace(box, limits=replace(box.limits, total_s=total_s))
    told: list[str] = []
    with _solution(task, patient) as names:
        if set(task.exports) - names.keys():
            return told
        for result in results:
            own = handed_in[result.student]
            seeds.set_course(seed, own.variant, own.hash)
            for question, name, case in _drawn(task):
                if not _failed(result, question, name):
                    continue
                if not checks.run(case, names)[0]:
                    told.append(
                        f"{result.student}: {name} of {question} fails the solution as "
                        "well, for the inputs of this notebook. Correct the check, and "
                        "mark again."
                    )
    return told


def _failed(result, question, name):
    """Return whether a notebook has failed this check."""
    return any(
        check["name"] == name and check["earned"] < check["possible"]
        for check in result.checks.get(question, [])
    )
