"""What Gradescope reads: one `results.json` for each student.

The form: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from grader.marking.mark import NOT_RUN
from grader.pages import words
from grader.text import clean


def results(result, task, marks=None) -> dict:
    """Return the content of `results.json` for one student.

    Public checks are visible at once. Hidden ones are visible after the grades are
    published, with their hints and nothing else. All texts are plain, so that
    nothing a student's code has said is taken for HTML.

    Parameters
    ----------
    result : Result
    task : Assignment
    marks : dict, optional
        Question → (points, comment), of those marked by hand so far.
    """
    marks = marks or {}
    tests = [
        _check(check, words.heading(task, question))
        for question in task.questions
        for check in result.checks.get(question, [])
    ]
    if not tests:
        test = _test("Your notebook can be marked", 0, task.points, "See above.")
        tests = [test | {"status": "failed"}]
    tests += [_by_hand(task, question, mark) for question, mark in marks.items()]
    return {
        "score": _exact(result.total + sum(score for score, _ in marks.values())),
        "output": clean("\n".join(_output(result, task, marks))),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _output(result, task, marks):
    """Return what concerns the whole submission."""
    lines = [] if result.walled else [words.UNWALLED]
    lines += words.troubles(result, task)
    for question in task.written:
        if question not in marks and result.status not in NOT_RUN:
            lines.append(f"{words.heading(task, question)} is marked by hand later.")
    return lines


def _check(check, title):
    lines = [] if words.passed(check) else [check["hint"], words.said(check)]
    test = _test(
        f"{title}, {check['name']}",
        check["earned"],
        check["possible"],
        "\n\n".join(filter(None, lines)),
        "after_published" if check["hidden"] else "visible",
    )
    return test | {"status": "passed" if words.passed(check) else "failed"}


def _by_hand(task, question, mark):
    score, comment = mark
    name = f"{words.heading(task, question)}, marked by hand"
    of = task.written[question]["points"]
    return _test(name, score, of, comment, "after_published")


def _test(name, score, of, output, visibility="visible"):
    return {
        "name": clean(name),
        "score": _exact(score),
        "max_score": _exact(of),
        "output": clean(output),
        "visibility": visibility,
    }


def _exact(value):
    """Return a number without the dust of floats."""
    return round(float(value), 6)
