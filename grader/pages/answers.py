"""The page to read while you mark by hand: the rubric, then every student's answer."""

from grader.marking import sheet
from grader.marking.mark import NOT_RUN
from grader.pages import html


def page(results, task) -> str:
    """Return the page with all written answers of an assignment."""
    return html.fill(
        "answers.html",
        results=sorted(results, key=lambda result: result.student),
        task=task,
        not_run=NOT_RUN,
        fingerprint=sheet.fingerprint,
    )
