"""A student's page: points, hints, and what went wrong with the code."""

from grader.marking.mark import NOT_RUN
from grader.pages import html, words


def page(result, task, marks=None) -> str:
    """Return a student's page, which holds nothing of the hidden tests but hints.

    Parameters
    ----------
    result : Result
    task : Assignment
    marks : dict, optional
        Question → (points, comment), of those marked by hand so far.
    """
    marks = marks or {}
    worth = sum(task.written[name]["points"] for name in task.written if name in marks)
    return html.fill(
        "feedback.html",
        result=result,
        task=task,
        marks=marks,
        by_hand=sum(score for score, _ in marks.values()),
        out_of=task.points + worth,
        ran=result.status not in NOT_RUN,
        unwalled=words.UNWALLED,
        troubles=words.troubles(result, task),
        passed=words.passed,
        said=words.said,
    )
