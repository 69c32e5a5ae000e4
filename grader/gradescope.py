"""Results in the form that Gradescope reads: one `results.json` for each student.

The form: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from grader import feedback, pages


def results(result, task, written=None) -> dict:
    """Return the content of `results.json` for one student.

    Public checks are visible at once. Hidden ones are visible after the grades are
    published, with their hints and nothing else. All texts are plain, so that
    nothing a student's code has said is taken for HTML.

    Parameters
    ----------
    result : Result
    task : Assignment
    written : dict, optional
        Question → (points, comment), of those marked by hand so far.
    """
    marked = written or {}
    tests = [
        _check(check, pages.heading(task, question))
        for question in task.questions
        for check in result.checks.get(question, [])
    ]
    if not tests:
        test = _test("Your notebook can be marked", 0, task.points, "See above.")
        tests = [test | {"status": "failed"}]
    tests += [_by_hand(task, question, mark) for question, mark in marked.items()]
    return {
        "score": _exact(result.total + sum(score for score, _ in marked.values())),
        "output": pages.clean("\n".join(_output(result, task, marked))),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _output(result, task, marked):
    """Return what concerns the whole submission."""
    lines = [] if result.walled else [feedback.WALLS]
    lines += feedback.troubles(result, task)
    for question in task.written:
        if question not in marked and result.status not in feedback.NOT_RUN:
            lines.append(f"{pages.heading(task, question)} is marked by hand later.")
    return lines


def _check(check, title):
    lines = [] if feedback.passed(check) else [check["hint"], feedback.said(check)]
    test = _test(
        f"{title}, {check['name']}",
        check["earned"],
        check["possible"],
        "\n\n".join(filter(None, lines)),
        "after_published" if check["hidden"] else "visible",
    )
    return test | {"status": "passed" if feedback.passed(check) else "failed"}


def _by_hand(task, question, mark):
    score, comment = mark
    name = f"{pages.heading(task, question)}, marked by hand"
    of = task.written[question]["points"]
    return _test(name, score, of, comment, "after_published")


def _test(name, score, of, output, visibility="visible"):
    return {
        "name": pages.clean(name),
        "score": _exact(score),
        "max_score": _exact(of),
        "output": pages.clean(output),
        "visibility": visibility,
    }


def _exact(value):
    """Return a number without the dust of floats."""
    return round(float(value), 6)
