"""Writes all that is made from the results and from the marks given by hand."""

import json

from grader.marking import sheet
from grader.marking.store import write
from grader.pages import answers, feedback, gradescope, report


def write_all(store, results) -> None:
    """Write the grades, pages, sheets and Gradescope's files for these results."""
    task = store.task
    if task.written:
        # First, since it drops the mark of an answer that is another one now.
        path = store.out / "written.csv"
        write(path, sheet.make(results, task, path if path.exists() else None))
        write(store.out / "written.html", answers.page(results, task))
    marks = store.marks()
    store.write_grades(results, marks)
    for result in results:
        by_hand = marks.get(result.student)
        page = feedback.page(result, task, by_hand)
        write(store.file("feedback", result.student, ".html"), page)
        form = gradescope.results(result, task, by_hand)
        text = json.dumps(form, indent=1, ensure_ascii=False)
        write(store.file("gradescope", result.student, ".json"), text + "\n")
    _clear(store, results)
    write(store.out / "report.html", report.page(results, task, marks))


def waiting(store, results) -> int:
    """Return how many written answers have no mark yet."""
    marks, questions = store.marks(), store.task.written
    answers = [result.student for result in results if result.written]
    return sum(q not in marks.get(who, {}) for who in answers for q in questions)


def _clear(store, results) -> None:
    """Remove the pages of students who are not in the table any more."""
    for folder, ending in (("feedback", ".html"), ("gradescope", ".json")):
        now = {store.file(folder, result.student, ending) for result in results}
        for path in (store.out / folder).glob(f"*{ending}"):
            if path not in now:
                path.unlink()
