"""What the grader writes: pages, the sheet to mark by hand, Gradescope's form."""

import csv
import functools
import io
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import asdict, replace
from urllib.parse import unquote

import matplotlib as mpl
import numpy as np
import pages as faults
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from chapters import ROOT
from grader import notebook
from grader.limits import Limits
from grader.marking import mark as marking
from grader.marking import sheet as sheets
from grader.marking.checks import Case
from grader.marking.mark import Result, Submission, mark
from grader.marking.store import Store
from grader.pages import (
    answers,
    feedback,
    gradescope,
    mathml,
    outputs,
    report,
    words,
    written,
)
from grader.release.assignment import Assignment, Question
from grader.sandbox import session
from grader.sandbox.inside import wire
from grader.sandbox.walls import Sandbox

pytestmark = pytest.mark.slow

TASK = Assignment(
    name="hw9",
    title="Less & <more>",
    due="2027-01-01 23:59",
    packages=("numpy",),
    questions={"q1": Question(4, 2, ("f",)), "q2": Question(2.5, 1, ("g",))},
    written={
        "q3": {"points": 6, "rubric": ["2 points: why", "4 points: a < b"]},
        "q4": {"points": 2.5, "rubric": ["2.5 points: how"]},
    },
    limits=Limits(cell_s=21, call_s=11, total_s=131, memory_mib=2047),
    tests={},
    released=(
        "# Homework 9",
        "Some text\n\n## Question 1: A $z$ (or two) (4 points)\n\nmore",
        "## Question 3: On paper (6 points, marked by hand)",
    ),
)
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror='alert(1)'>\"&\u202e\ud800"
HOSTILE += "w" * 150


PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNi"
    "AAAABgADNjd8qAAAAABJRU5ErkJggg=="
)


def check(code, hidden=False, points=1, **names):
    """A check that ran on `names`, as the marker keeps it."""
    lines = "".join(f">>> {line}\n" for line in code.splitlines())
    case = Case("q1 0", lines, hidden, points, "a hint")
    return asdict(marking.run_check(case, 1, {"np": np, **names}))


def named(name, earned, possible=1, **more):
    """A check's result, made up."""
    failed = earned < possible
    made = {
        "name": name,
        "hidden": name.startswith("Hidden"),
        "possible": possible,
        "earned": earned,
        "hint": f"the hint of {name}" if failed else "",
        "message": "Failed example:\n    f(1)\n" if failed else "",
    }
    return made | more


def result(student="student-001", q1=4.0, q2=2.5, **more):
    checks = {
        "q1": [named("Check 1", min(q1, 2), 2), named("Hidden check 1", q1 - 2, 2)],
        "q2": [named("Check 1", q2, 2.5)],
    }
    made = {"scores": {"q1": q1, "q2": q2}, "checks": checks, "written": "An answer."}
    return Result(student, "key", **(made | more))


def unreadable(student="student-001", status="UNREADABLE", problem="it is empty"):
    more = {"scores": {"q1": 0.0, "q2": 0.0}, "checks": {}, "written": ""}
    return Result(student, "key", status, [f"The file: {problem}."], **more)


def hostile():
    """A student who writes markup wherever anything can be written."""

    def f():
        raise ValueError(HOSTILE)

    checks = {"q1": [check("f()", f=f)], "q2": []}
    return result(
        HOSTILE,
        checks=checks,
        written=HOSTILE,
        notes=[f"The cell “f()” raised {HOSTILE}"],
    )


@functools.cache
def everything():
    """Every kind of page, of friendly and hostile students."""
    bad, marks = hostile(), {"q3": (3.5, HOSTILE)}
    crowd = [result(f"student-{n:03d}", float(n % 5)) for n in range(1, 21)]
    crowd += [bad, unreadable("student-021", problem=HOSTILE)]
    crowd += [result("student-022", walled=False)]
    crowd += [result("student-023", written=f"![p]({PNG}) $x^2$ $$\\frac{{1}}{{n}}$$")]
    return {
        "friendly": feedback.page(result(q1=1.0), TASK, {"q3": (1.0, "a\nb")}),
        "hostile": feedback.page(bad, TASK, marks),
        "unreadable": feedback.page(unreadable(HOSTILE, problem=HOSTILE), TASK),
        "report": report.page(crowd, TASK, {HOSTILE: marks}),
        "answers": answers.page(crowd, TASK),
    }


def read(page):
    return BeautifulSoup(page, "html.parser")


def text(page):
    return read(page).get_text(" ")


# ---- every page


@pytest.mark.parametrize("name", everything())
def test_a_page_stands_alone_and_runs_nothing(name):
    page = everything()[name]
    page.encode("utf-8")
    soup = read(page)
    assert faults.third_parties(soup) == []
    assert faults.faults_of_head(soup) == []
    assert faults.repeated_ids(soup) == []
    assert soup.find_all(["script", "iframe", "object", "link", "base"]) == []
    assert all(img["src"].startswith("data:image/png;base64,") for img in soup("img"))
    assert soup.find_all("img") == [] or name == "answers"
    assert [
        t.name for t in soup.find_all() for a in t.attrs if a.startswith("on")
    ] == []
    assert "\u202e" not in page
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    pictures = "; img-src data:" if name == "answers" else ""
    want = f"default-src 'none'; style-src 'unsafe-inline'{pictures}"
    assert policy["content"] == want
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("name", ["hostile", "unreadable", "report", "answers"])
def test_hostile_text_is_shown_as_text(name):
    assert "<script>alert(1)</script>" in text(everything()[name])


def test_all_tables_have_captions_and_scopes():
    soup = read(everything()["report"])
    assert len(soup.find_all("table")) > 3
    for table in soup.find_all("table"):
        assert table.caption.get_text()
        assert all(cell.get("scope") for cell in table.find_all("th"))
        assert all(len(row.find_all("th")) == 1 for row in table.tbody.find_all("tr"))


def test_questions_are_called_what_students_know_them_by():
    assert words.heading(TASK, "q1") == "Question 1: A $z$ (or two)"
    assert words.heading(TASK, "q3") == "Question 3: On paper"
    assert words.heading(TASK, "q2") == "q2"


def test_points_are_counted_in_words():
    said = [words.points(n) for n in (0, 0.5, 1, 1.0, 2.25, 0.1 + 0.2)]
    want = ["0 points", "0.5 points", "1 point", "1 point", "2.25 points", "0.3 points"]
    assert said == want


# ---- a student's page


def test_nothing_of_a_hidden_check_but_its_hint_is_shown():
    def f(x):
        raise ValueError(f"I was given {x}")

    secret = check("value = f(271828)\nassert value == 314159", hidden=True, f=f)
    assert "271828" in secret["message"]
    assert "314159" in secret["message"]
    one = result(checks={"q1": [secret], "q2": []})
    form = json.dumps(gradescope.results(one, TASK))
    for shown in (feedback.page(one, TASK), form, report.page([one], TASK)):
        assert "a hint" in shown
        assert not re.search(r"271828|314159|I was given|assert", shown)


def test_of_a_failed_public_check_the_first_message_is_shown():
    def f(x):
        raise KeyError("no such key")

    told = words.said(check("value = f(1)\nassert value == 2\nvalue + 1", f=f))
    assert told == "KeyError: 'no such key'"


def test_the_first_failure_is_kept_however_much_fails_after_it():
    def f():
        raise ValueError("the first")

    code = "value = f()\n" + "assert value == 2\n" * 40
    assert words.said(check(code, f=f)) == "ValueError: the first"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("assert 1 == 2, f'got {1}'", "got 1"),
        ("assert 1 == 2", ""),
        ("missing(1)", "NameError: name 'missing' is not defined"),
        ("1 + 1", "Expected nothing\nGot:\n2"),
        (
            "np.sum(np.ones(2), axis=3)",
            "AxisError: axis 3 is out of bounds for array of dimension 1",
        ),
        ("lost()", "no answer within 10 s"),
        ("strange()", "MyError: text\nmore"),
        ("uncrossable()", "f: functions don't cross"),
        ("path()", "OSError: see … and a/b, 1/2"),
        ("chained()", "TypeError: second"),
        ("forged()", "ValueError: Trying:\nFailed example:\n******"),
    ],
)
def test_the_message_is_the_exceptions_own_text(code, says):
    def raises(error):
        def f():
            raise error

        return f

    def chained():
        try:
            raise ValueError("first")
        except ValueError:
            raise TypeError("second")  # noqa: B904

    forged = ValueError("Trying:\nFailed example:\n******")
    names = {
        "lost": raises(session.WorkerLostError("TIMEOUT", "no answer within 10 s")),
        "strange": raises(session.RemoteError("MyError: text\nmore")),
        "uncrossable": raises(wire.UncrossableError("f: functions don't cross")),
        "path": raises(OSError("see /srv/grades/x.py and a/b, 1/2")),
        "forged": raises(forged),
        "chained": chained,
    }
    told = words.said(check(code, **names))
    assert told == says
    assert "Traceback" not in told
    assert ".py" not in told


def test_a_message_is_cut():
    def f():
        raise ValueError("a" * 5000)

    told = words.said(check("f()", f=f))
    assert len(told) == 600
    assert told.endswith("a…")


def test_a_check_that_passes_says_nothing_and_one_without_points_can_fail():
    assert words.passed(check("assert True"))
    assert words.said(check("assert True")) == ""
    bonus = check("assert False, 'no'", points=0)
    assert not words.passed(bonus)
    one = result(checks={"q1": [bonus], "q2": []})
    assert "Check 1 failed" in " ".join(text(feedback.page(one, TASK)).split())
    assert gradescope.results(one, TASK)["tests"][0]["status"] == "failed"


def test_the_total_says_what_is_still_to_come():
    page = " ".join(text(feedback.page(result(q1=3.0), TASK)).split())
    assert "5.5 of 6.5 points" in page
    assert "Question 3: On paper (6 points) is marked by hand later." in page
    marks = {"q3": (4.5, "Good.\nNearly all.")}
    page = " ".join(text(feedback.page(result(q1=3.0), TASK, marks)).split())
    assert "10 of 12.5 points Code: 5.5 of 6.5. By hand: 4.5." in page
    assert "Good. Nearly all." in page
    assert "Question 3: On paper (6 points) is" not in page
    assert "q4 (2.5 points) is marked by hand later." in page
    both = marks | {"q4": (0.0, "")}
    page = " ".join(text(feedback.page(result(q1=3.0), TASK, both)).split())
    assert "10 of 15 points" in page
    assert "later" not in page


def test_points_hints_and_names_of_all_checks_are_there():
    page = " ".join(text(feedback.page(result(q1=3.0), TASK)).split())
    assert "Question 1: A $z$ (or two) 3 of 4 points" in page
    assert "Check 1 passed 2 of 2 points" in page
    assert "Hidden check 1 failed 1 of 2 points the hint of Hidden check 1" in page


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("TIMEOUT", "A cell may compute for 21 seconds, a call by a check for "),
        ("TIMEOUT", "notebook for 131."),
        ("DIED", "may use 2047 MiB of memory"),
        ("FLOOD", "the size of what you return"),
        ("PROTOCOL", "plain numbers"),
    ],
)
def test_accidents_are_told_once_with_the_limits(status, says):
    meaning = marking.MEANING[status]
    notes = [f"f: {meaning}."] * 2 + [f"The cell “f(3)”: {meaning}."]
    one = result(status=status, notes=notes)
    told = " ".join(words.troubles(one, TASK))
    assert told.count("f " + meaning) == 1
    assert f"f {meaning} (2 times)." in told
    assert f"The cell “f(3)” {meaning}." in told
    assert says in told
    assert "After 2 such failures" in told
    assert says in gradescope.results(one, TASK)["output"]
    assert says in text(feedback.page(one, TASK))


def test_a_cell_that_raised_is_named():
    note = "The cell “y = x” raised NameError: name 'x' is not defined"
    told = words.troubles(result(notes=[note]), TASK)
    assert told[0] == f"{note}."
    assert "Restart and run all" in told[2]


def test_a_cell_cannot_pass_its_error_off_as_an_accident():
    cell = "The cell “y” (number 2 of 3)"
    note = f"{cell} raised X: f: took longer than is allowed and was stopped."
    told = words.troubles(result(notes=[note]), TASK)
    assert told[0].startswith(f"{cell} raised X: ")
    assert not any("21 seconds" in line for line in told)


def test_without_a_sandbox_all_say_so():
    one = result(walled=False)
    for shown in (
        feedback.page(one, TASK),
        feedback.page(replace(unreadable(), walled=False), TASK),
        gradescope.results(one, TASK)["output"],
        report.page([result(), one], TASK),
    ):
        assert "without a sandbox" in shown
    for shown in (feedback.page(result(), TASK), report.page([result()], TASK)):
        assert "without a sandbox" not in shown
    assert gradescope.results(result(), TASK)["output"].count("\n") == 1


def test_an_unreadable_file_gets_words_that_help():
    one = unreadable(problem="[Errno 13] Permission denied: '/srv/course/x.ipynb'")
    page = " ".join(text(feedback.page(one, TASK)).split())
    assert "0 of 6.5 points" in page
    assert "could not be read as a notebook: [Errno 13] Permission denied: '…'." in page
    assert "Hand in hw9.ipynb itself" in page
    assert "Check" not in page
    assert "by hand" not in page
    page = text(feedback.page(unreadable(status="MISSING", problem="nothing"), TASK))
    assert "There is no notebook of yours to mark: nothing." in page
    assert "Jupyter" not in page


def test_a_student_sees_which_answer_was_read():
    assert "An answer." in text(feedback.page(result(), TASK))
    page = text(feedback.page(result(written=""), TASK))
    assert "No written answer was found" in page


# ---- what the marker must hand over for that


def test_what_can_not_be_written_to_a_file_does_not_get_into_a_result():
    given = Submission("student-001", b"", "it is .\udcff and no .ipynb")
    assert len(given.hash) == 64
    told = mark(given, TASK, Sandbox((), TASK.limits), "seed")
    json.dumps(asdict(told), ensure_ascii=False).encode("utf-8")

    def f():
        raise ValueError("\ud800")

    json.dumps(check("f()", f=f), ensure_ascii=False).encode("utf-8")


# ---- Gradescope


def test_the_form_is_gradescopes():
    marks = {"q3": (4.5, "Good."), "q4": (2.5, "")}
    form = gradescope.results(result(q1=3.0), TASK, marks)
    assert json.loads(json.dumps(form, allow_nan=False)) == form
    assert form["score"] == sum(test["score"] for test in form["tests"]) == 12.5
    assert sum(test["max_score"] for test in form["tests"]) == 15
    assert (form["visibility"], form["stdout_visibility"]) == ("visible", "hidden")
    formats = ("output_format", "test_output_format", "test_name_format")
    assert {form[name] for name in formats} == {"text"}
    first, hidden, second, by_hand, full = form["tests"]
    assert first == {
        "name": "Question 1: A $z$ (or two), Check 1",
        "score": 2.0,
        "max_score": 2.0,
        "status": "passed",
        "output": "",
        "visibility": "visible",
    }
    assert hidden["visibility"] == "after_published"
    assert hidden["output"] == "the hint of Hidden check 1"
    assert hidden["status"] == "failed"
    assert second["visibility"] == "visible"
    assert by_hand["name"] == "Question 3: On paper, marked by hand"
    assert by_hand["output"] == "Good."
    assert by_hand["visibility"] == full["visibility"] == "after_published"


def test_the_form_says_what_is_marked_later_and_what_can_not_be_read():
    form = gradescope.results(result(), TASK, {"q4": (1.0, "")})
    assert form["output"] == "Question 3: On paper is marked by hand later."
    form = gradescope.results(unreadable(problem="it is empty\ud800"), TASK)
    assert form["score"] == 0
    assert "could not be read as a notebook: it is empty" in form["output"]
    assert [test["status"] for test in form["tests"]] == ["failed"]
    json.dumps(form, ensure_ascii=False).encode("utf-8")
    late = result(notes=[f"\ud800: {marking.MEANING['TIMEOUT']}."])
    form = gradescope.results(late, TASK)
    json.dumps(form, ensure_ascii=False).encode("utf-8")


# ---- the sheet


def rows_of(sheet):
    return list(csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff"), newline="")))


def filled(sheet, marks):
    """The sheet after a person typed points and comments into it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, sheets.COLUMNS, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows_of(sheet):
        given, comment = marks.get((row["student"], row["question"]), ("", ""))
        writer.writerow(row | {"points": given, "comment": comment})
    return out.getvalue()


def saved(tmp_path, sheet, encoding="utf-8"):
    path = tmp_path / "written.csv"
    path.write_bytes(sheet.encode(encoding))
    return path


NAMES = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\tx",
    "\rx",
    "'=x",
    "''+",
    "a;=b",
    'a,"b"',
    "Zoë 語",
]


def test_the_sheet_has_a_row_for_each_student_and_question():
    sheet = sheets.make([result("student-002"), unreadable("student-001")], TASK)
    assert sheet.startswith("\ufeff")
    rows = [list(row.values()) for row in rows_of(sheet)]
    sha = sheets.fingerprint("An answer.")
    assert rows == [
        ["student-001", "q3", "", "6", "", "no answer"],
        ["student-001", "q4", "", "2.5", "", "no answer"],
        ["student-002", "q3", "", "6", "", sha],
        ["student-002", "q4", "", "2.5", "", sha],
    ]
    assert re.fullmatch(r"sha-[0-9a-f]{12}", sha)
    assert sha != sheets.fingerprint("Another answer.")


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_a_formula_and_every_name_comes_back(name, tmp_path):
    results = [result(name), result("student-001")]
    sheet = sheets.make(results, TASK)
    for separator in ",;\t":
        reader = csv.reader(io.StringIO(sheet, newline=""), delimiter=separator)
        cells = [cell for row in reader for cell in row]
        assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []
    place = sheets.defused(name), "q3"
    sheet = filled(sheet, {place: ("3", sheets.defused(name))})
    marks = sheets.read_marks(saved(tmp_path, sheet), TASK)
    assert marks == {name: {"q3": (3.0, name)}}
    again = sheets.make(results, TASK, saved(tmp_path, sheet))
    assert sheets.read_marks(saved(tmp_path, again), TASK) == marks


def test_a_name_that_can_not_be_written_does_not_stop_the_sheet():
    sheets.make([result("\ud800")], TASK).encode("utf-8")


def test_marks_stay_with_their_answer(tmp_path):
    one, two = result("student-001"), result("student-002")
    places = {("student-001", "q3"): ("3", "Why?"), ("student-002", "q3"): ("0", "")}
    sheet = filled(sheets.make([one, two], TASK), places)
    same = sheets.make([two, one], TASK, saved(tmp_path, sheet))
    want = {"student-001": {"q3": (3.0, "Why?")}, "student-002": {"q3": (0.0, "")}}
    assert sheets.read_marks(saved(tmp_path, same), TASK) == want
    assert same == sheets.make([one, two], TASK, saved(tmp_path, same))
    other = [replace(one, written="Another."), replace(two, written="")]
    changed = sheets.make(other, TASK, saved(tmp_path, same))
    assert sheets.read_marks(saved(tmp_path, changed), TASK) == {}
    told = [(row["points"], row["comment"]) for row in rows_of(changed)]
    assert told == [
        ("", "earlier: 3 points for another answer; Why?"),
        ("", ""),
        ("", "earlier: 0 points for another answer"),
        ("", ""),
    ]
    assert sheets.make(other, TASK, saved(tmp_path, changed)) == changed


def test_marks_of_who_is_not_there_now_are_not_lost(tmp_path):
    gone = [result("student-001"), result("student-002"), result("student-003")]
    places = {("student-001", "q3"): ("3", ""), ("student-003", "q4"): ("", "=Ask!")}
    sheet = filled(sheets.make(gone, TASK), places)
    fewer = sheets.make(gone[1:2], TASK, saved(tmp_path, sheet))
    held = [(row["student"], row["points"], row["comment"]) for row in rows_of(fewer)]
    assert held == [
        ("student-002", "", ""),
        ("student-002", "", ""),
        ("student-001", "3", ""),
        ("student-003", "", "'=Ask!"),
    ]
    again = rows_of(sheets.make(gone, TASK, saved(tmp_path, fewer)))
    assert [row["points"] for row in again] == ["3", "", "", "", "", ""]


HEAD = "student,question,points,out_of,comment,answer_sha\n"
TYPED = HEAD + "student-001,q3,3.5,6,Très bien,sha-1\nstudent-002,q3,,6,,sha-1\n"
GERMAN = TYPED.replace(",", ";").replace("3.5", "3,5")


@pytest.mark.parametrize(
    "data",
    [
        TYPED.encode(),
        TYPED.encode("utf-8-sig"),
        TYPED.replace("\n", "\r\n").encode("utf-8-sig"),
        TYPED.replace("\n", "\r").encode(),
        TYPED.replace("3.5", '"3,5"').encode(),
        TYPED.replace("3.5", " 3,50 ").replace(" 3,50 ", '" 3,50 "').encode(),
        TYPED.replace(",", "\t").encode("utf-16"),
        GERMAN.encode("utf-8-sig"),
        GERMAN.encode("cp1252"),
        (GERMAN.replace("\n", "\r\n") + ";;;;;\r\n;;;;;\r\n\r\n").encode("utf-8-sig"),
        TYPED.replace("sha-1", "sha-1,,")
        .replace("answer_sha", "answer_sha,,")
        .encode(),
        TYPED.replace("student,question", "Student ,QUESTION").encode(),
    ],
)
def test_what_spreadsheets_make_of_it_is_understood(data, tmp_path):
    path = tmp_path / "written.csv"
    path.write_bytes(data)
    want = {"student-001": {"q3": (3.5, "Très bien")}}
    assert sheets.read_marks(path, TASK) == want


def test_numbers_that_lost_their_zeros_are_known_again(tmp_path):
    path = saved(tmp_path, HEAD + "7,q3,3,6,,sha-1\n12,q3,2,6,,sha-1\n")

    def students(*names):
        made = rows_of(sheets.make([result(name) for name in names], TASK, path))
        return [row["student"] for row in made]

    assert students("007") == ["007", "007", "12"]
    assert students("007", "12", "0012") == ["0012", "0012", "007", "007", "12", "12"]
    # Two could be meant, so the mark stays with the number that was typed.
    assert students("007", "07") == ["007", "007", "07", "07", "7", "12"]


LINE = "student-001,q3,3,6,,sha-1\n"


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        (HEAD + "student-001,q7,3,6,,\n", "line 2: the question must be .*'q7'"),
        (HEAD + "student-001,q7,,6,x,\n", "line 2: the question must be .*'q7'"),
        (HEAD + "\n" + LINE.replace(",3,", ",three,"), "line 3: .* a number.*'three'"),
        (HEAD + LINE.replace(",3,", ",nan,"), "must be a number, got 'nan'"),
        (HEAD + LINE.replace(",3,", ",1e1,"), "must be a number, got '1e1'"),
        (HEAD + LINE.replace(",3,", ",-1,"), "line 2: .* between 0 and 6, got -1"),
        (HEAD + LINE.replace(",3,", ",6.01,"), "line 2: .* between 0 and 6, got 6.01"),
        (HEAD + LINE.replace("q3,3", "q4,3"), "between 0 and 2.5, got 3"),
        (HEAD + LINE + LINE, "line 3: student-001 and q3 .*line 2 as well"),
        (HEAD + LINE.replace(",3,", ",3,5,"), "line 2 must have 6 cells, got 7"),
        (HEAD.replace("points,", ""), "line 1 must name .*: points missing"),
        (HEAD.replace("sha", "sha,points"), "line 1 must name .*: points twice"),
        ("", "line 1 must name the columns"),
        (HEAD + "x" * 200_000, "no table that can be read"),
    ],
)
def test_a_sheet_that_is_wrong_says_where(sheet, says, tmp_path):
    with pytest.raises(sheets.SheetError, match=f"^written.csv.*{says}"):
        sheets.read_marks(saved(tmp_path, sheet), TASK)


@pytest.mark.parametrize("sheet", ["", HEAD.replace("points,", ""), HEAD + LINE * 2])
def test_a_sheet_that_is_not_understood_is_not_written_over(sheet, tmp_path):
    with pytest.raises(sheets.SheetError):
        sheets.make([result()], TASK, saved(tmp_path, sheet))


def test_a_typing_error_survives_until_it_is_corrected(tmp_path):
    sha = sheets.fingerprint("An answer.")
    typed = HEAD + f"student-001,q3,3o,6,Why?,{sha}\n"
    row = rows_of(sheets.make([result()], TASK, saved(tmp_path, typed)))[0]
    assert (row["points"], row["comment"]) == ("3o", "Why?")


def test_the_answers_stand_in_order_below_the_rubric():
    given = {"student-002": "b *bold*\n$x < 1$", "student-001": "first", "a b": ""}
    results = [result(name, written=answer) for name, answer in given.items()]
    soup = read(answers.page([*results, unreadable("student-003")], TASK))
    told = soup.get_text(" ")
    assert told.index("4 points: a < b") < told.index("2.5 points: how")
    assert told.index("2.5 points: how") < told.index("first")
    names = [section.h2.get_text() for section in soup.find_all("section")]
    assert names == ["a b", "student-001", "student-002", "student-003"]
    assert [div.get_text() for div in soup.select(".answer")] == [
        "first",
        "b *bold*\nx<1x < 1",
    ]
    ids = [section["id"] for section in soup.find_all("section")]
    assert [link["href"] for link in soup.nav.find_all("a")] == [f"#{i}" for i in ids]
    assert ids[1] == "of-student-001"
    assert not any(re.search(r"[^\w.-]", anchor) for anchor in ids)
    assert "The notebook holds no written answer." in told
    assert "it is empty" in told
    assert sheets.fingerprint("first") in told


def test_pasted_pictures_are_shown():
    kind, _, data = PNG.removeprefix("data:").partition(";base64,")
    other = {"image/svg+xml": "PHN2Zz4="}
    cells = [
        {
            "cell_type": "markdown",
            "source": ["See ![one](attachment:a.png)\n", "![x](attachment:b.svg)"],
            "attachments": {"a.png": {kind: data}, "b.svg": other, "c.png": None},
        },
        {"cell_type": "markdown", "source": f'<img alt="2" src="{PNG}" width=9>'},
    ]
    pages = notebook.parse(json.dumps({"cells": cells}).encode())
    answer = notebook.written_answer(pages.text, ())
    page = answers.page([result(written=answer)], TASK)
    assert [img["src"] for img in read(page).find_all("img")] == [PNG, PNG]
    assert "![x](attachment:b.svg)" in text(page)
    # A student needs no second copy, and a mark is of what was shown.
    assert "See [a picture]" in text(feedback.page(result(written=answer), TASK))
    assert sheets.fingerprint(answer) != sheets.fingerprint("See ")


def test_pictures_have_a_limit_of_their_own():
    large = f"![a](data:image/png;base64,{'A' * 3 * 2**20})"
    page = answers.page([result(written=f"{large}{large} The end.")], TASK)
    assert len(read(page).find_all("img")) == 1
    assert "[a picture of 2.3 MiB: see the notebook]" in text(page)
    assert "The end." in text(page)


@pytest.mark.parametrize(
    "source",
    [
        'x" onerror="alert(1)',
        "https://example.org/a.png",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html;base64,PHN2Zz4=",
        "data:image/png;base64,AA<b>",
    ],
)
def test_no_other_picture_is_shown(source):
    typed = f"![a]({source}) <img src='{source}'> <img src=\"{source}\">"
    soup = read(answers.page([result(written=typed)], TASK))
    assert soup.find_all("img") == []
    assert source in soup.select_one(".answer").get_text()


@pytest.mark.parametrize(
    ("tex", "drawn"),
    [
        ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        (
            r"\frac{a}{b}",
            "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>",
        ),
        (r"\sum_k q_k", "<munder><mo>∑</mo><mi>k</mi></munder>"),
        (r"\log p", '<mo lspace=".17em" rspace=".17em">log</mo><mi>p</mi>'),
        (r"\text{if } a < b", "<mtext>if </mtext><mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        (r"\left( x \right]", '<mo stretchy="true">]</mo>'),
        (r"a &= b \\ &= c", "<mtable"),
        (r"\begin{cases} 1 & x \\ 0 & y \end{cases}", "<mo>{</mo><mtable"),
        (r"\mathbb{E}_p \hat{x}", '<mover accent="true"><mrow><mi>x</mi></mrow>'),
        (r"f'(x)", "<msup><mi>f</mi><mo>′</mo></msup>"),  # noqa: RUF001
    ],
)
def test_a_formula_is_drawn(tex, drawn):
    made = mathml.mathml(tex)
    soup = read(made)
    soup.annotation.decompose()
    assert drawn.replace(" accent", "") in str(soup).replace(" accent", "")


@pytest.mark.parametrize(
    "tex",
    [
        r"\input{x}",
        r"\frac{a",
        "{" * 500,
        r"\hat" * 490 + "x",
        r"\left(" * 300,
        "x^2^3",
        "x" * 3000,
        r"\begin{document} x \end{document}",
        r"\left(",
        r"\text{<b>",
        "}",
        "^",
    ],
)
def test_a_formula_that_is_not_known_is_left_as_it_is(tex):
    made = mathml.mathml(tex)
    assert read(made).get_text() == tex
    assert made.startswith("<code>")


def test_money_is_no_formula():
    assert "$5 and $6" in written.shown("It costs $5 and $6.")
    assert "<math" not in written.shown("It costs $ 5 and 6 $ more.")


def test_no_answer_takes_long_to_read():
    began = time.process_time()
    for piece in ("$", "\\[", "\\(", r"\begin{align}", "![", "<img ", "![a](data:"):
        written.shown(piece * (60_000 // len(piece)))
    assert time.process_time() - began < 20


# ---- the report


def crowd(count):
    rng = random.Random(0)
    made = []
    for n in range(1, count + 1):
        skill = rng.random()
        q1 = float(sum(rng.random() < skill for _ in range(4)))
        made.append(result(f"student-{n:03d}", q1, 2.5 * (rng.random() < skill)))
    return made


def cells(page, caption):
    soup = read(page)
    table = next(t for t in soup.find_all("table") if t.caption.get_text() == caption)
    rows = table.find_all("tr")
    return [[c.get_text() for c in row.find_all(["th", "td"])] for row in rows]


def labels(page):
    return [svg["aria-label"] for svg in read(page).find_all("svg")]


def test_the_report_counts_and_names():
    slow = result("student-002", status="TIMEOUT", notes=["f: " + "x."])
    raised = result("student-003", notes=["The cell “y” raised KeyError: 'x'"])
    results = [unreadable("student-004"), raised, slow, result("student-001")]
    page = report.page(results, TASK)
    assert "4 submissions" in text(page)
    counts = {row[0]: row[2] for row in cells(page, "How marking went")[1:]}
    assert counts == {"ok": "2", "TIMEOUT": "1", "UNREADABLE": "1"}
    odd = cells(page, "Not ok, or with cells that raised")[1:]
    assert [row[0] for row in odd] == ["student-002", "student-003", "student-004"]
    assert odd[1][2] == "The cell “y” raised KeyError: 'x'."


def test_the_report_has_each_students_total_and_a_link_to_the_feedback(tmp_path):
    names = ["student-001", "Zoë #1/2", "student-003"]
    results = [result(name, q1=3.0) for name in names]
    marks = {"student-001": {"q3": (1.5, ""), "q4": (2.0, "")}}
    store = Store(tmp_path, TASK)
    outputs.write_all(store, [*results, unreadable("student-004")])
    page = report.page([*results, unreadable("student-004")], TASK, marks)
    rows = cells(page, "Points so far")[1:]
    assert rows == [
        ["Zoë #1/2", "5.5", "", "5.5", "ok", ""],
        ["student-001", "5.5", "3.5", "9", "ok", ""],
        ["student-003", "5.5", "", "5.5", "ok", ""],
        ["student-004", "0", "", "0", "UNREADABLE", ""],
    ]
    links = [link["href"] for link in read(page).select("table a")]
    assert len(links) == 4
    for link in links:
        assert (tmp_path / unquote(link)).is_file()
    assert "Out of 6.5 for the code and 8.5 by hand" in text(page)


def test_a_row_that_is_ok_and_suspicious_is_marked():
    untried = named("Check 1", 0, hint="Not tried: f is missing, or holds nothing.")
    copied = [named("Check 1", 2, 2), named("Hidden check 1", 0)]
    copied += [named("Hidden check 2", 0)]
    doubt = marking.DOUBTED.format("q1")
    q2 = [named("Check 1", 2.5, 2.5)]
    crowd = [
        result("student-001"),
        result("student-002", 0.0, 0.0),
        result("student-003", checks={"q1": [untried], "q2": q2}),
        result("student-004", checks={"q1": copied, "q2": q2}),
        result("student-005", written=""),
        result("student-006", notes=[doubt]),
        result("student-007", 0.0, 0.0, status="TIMEOUT"),
    ]
    page = report.page(crowd, TASK)
    assert [row[-1] for row in cells(page, "Points so far")[1:]] == [
        "",
        "no point for the code",
        "Question 1: a check was not tried",
        "Question 1: all public checks passed and no hidden one",
        "no written answer",
        "a check passed at home and failed here",
        "",
    ]
    assert len(read(page).select("tr.doubted")) == 5
    assert "python -m grader compare" in text(page)
    assert "python -m grader compare" not in text(report.page(crowd[:5], TASK))
    # What only an instructor can do is no use to a student.
    page = text(feedback.page(crowd[5], TASK))
    assert "compare" not in page
    assert "Tell your instructor, who can find out" in page


def test_all_statuses_are_explained():
    assert set(marking.MEANING) | {"ok", *marking.NOT_RUN, marking.OTHER} == set(
        report.MEANINGS
    )


def test_the_histogram_counts_all_that_ran():
    results = [result("student-001", 0.0, 0.0), result("student-002"), unreadable("s")]
    results += [result("student-003", 1.0, 0.0), result("student-004", 0.5, 0.5)]
    page = report.page(results, TASK)
    bins = [int(n) for n in re.findall(r"(\d+) from", labels(page)[0])]
    assert bins == [1, 2, 0, 0, 0, 0, 1]
    assert "mean 2.12, median 1, from 0 to 6.5 points" in text(page)


def test_difficulty_is_the_mean_share():
    results = [result("student-001", 1.0, 2.5), result("student-002", 4.0, 0.0)]
    page = report.page(results, TASK, {"student-001": {"q3": (1.5, "")}})
    want = "Question 1 62 %, q2 50 %, Question 3 25 %"
    assert labels(page)[1] == f"Bars, a question each: {want}."
    assert "Hardest: Question 3: On paper, with 25 % of its points." in text(page)
    rows = cells(page, "Points")
    assert rows[1][1:] == ["4", "2", "2.5", "62 %", "1", "0", "n/a"]
    assert rows[3][1:] == ["6", "1", "1.5", "25 %", "0", "0", "n/a"]
    assert rows[4][1:] == ["2.5", "0", *["n/a"] * 5]


def test_the_check_that_fails_most_is_named_with_its_hint():
    results = [result("student-001", 2.0), result("student-002", 3.0), result()]
    page = report.page(results, TASK)
    worst = "Hidden check 1 fails most, for 2 of 3: “the hint of Hidden check 1”"
    assert worst in text(page)
    assert "Everyone passed every check." in text(page)
    rows = cells(page, "Checks of Question 1: A $z$ (or two)")
    assert [row[:3] for row in rows[1:]] == [
        ["Check 1", "2", "100 %"],
        ["Hidden check 1", "2", "33 %"],
    ]


def test_discrimination_is_the_correlation_with_the_rest():
    results = crowd(30)
    q1 = [r.scores["q1"] for r in results]
    q2 = [r.scores["q2"] for r in results]
    want = f"{np.corrcoef(q1, q2)[0, 1]:.2f}"
    marks = {r.student: {"q3": (r.total / 2, "")} for r in results[:12]}
    rows = cells(report.page(results, TASK, marks), "Points")
    assert [row[-1] for row in rows[1:]] == [want, want, "1.00", "n/a"]
    few = report.page(results[:9], TASK)
    assert {row[-1] for row in cells(few, "Points")[1:]} == {"n/a"}
    assert "shown from 10 marked notebooks on" in text(few)


def test_discrimination_is_left_out_where_it_says_nothing():
    ten = np.arange(10.0)
    assert report.correlation(ten, ten * 2) == pytest.approx(1)
    assert report.correlation(ten, -ten) == pytest.approx(-1)
    assert report.correlation(ten[:9], ten[:9]) is None
    assert report.correlation(ten, np.ones(10)) is None
    assert report.correlation(np.ones(10), ten) is None


@pytest.mark.parametrize("count", [1, 300])
def test_a_report_on_any_number(count):
    page = report.page(crowd(count), TASK)
    assert len(read(page).find_all("svg")) == 2
    assert f"{count} submission" in text(page)


@pytest.mark.parametrize("results", [[], [unreadable()], [unreadable()] * 12])
def test_a_report_without_a_notebook_that_ran(results):
    page = report.page(results, TASK)
    assert "nothing to draw" in text(page)
    assert read(page).find_all("svg") == []


def test_the_same_results_give_the_same_bytes_in_any_order():
    results = crowd(12)
    page = report.page(results, TASK)
    assert report.page(results[::-1], TASK) == page
    assert "dc:date" not in page


def test_pictures_take_the_colours_of_the_page():
    for svg in read(report.page(crowd(12), TASK)).find_all("svg"):
        colours = set(re.findall(r"(?:fill|stroke): ?([^;\"]+)", str(svg)))
        assert colours == {"none", "currentColor", "var(--blue)", "var(--line)"}
        assert svg["role"] == "img"
        assert not re.search(r"#0[147]0", str(svg))


def test_the_style_of_the_process_does_not_matter():
    before = report.page(crowd(12), TASK)
    with mpl.rc_context({"grid.color": "#dddddd", "font.size": 30.0}):
        assert report.page(crowd(12), TASK) == before


STATE = """
import sys
import matplotlib
before = matplotlib.rcParams.copy()
from grader.marking.mark import Result
from grader.pages import report
from grader.release.assignment import Assignment, Question
task = Assignment("", "", "", (), {"q": Question(1, 0, ("f",))}, {}, None, {}, ())
assert "<svg" in report.page([Result("student-001", "", scores={"q": 1.0})], task)
assert matplotlib.rcParams.copy() == before, "settings"
assert "matplotlib.pyplot" not in sys.modules, "pyplot"
"""


def test_no_state_of_matplotlib_is_touched():
    done = subprocess.run([sys.executable, "-c", STATE], cwd=ROOT, capture_output=True)
    assert done.stderr.decode() == ""


# ---- in a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", everything())
def test_everyone_can_use_it_on_a_phone(browser, tmp_path, name, scheme):
    path = tmp_path / "page.html"
    path.write_text(everything()[name], encoding="utf-8")
    size = {"width": 360, "height": 740}
    context = browser.new_context(color_scheme=scheme, viewport=size, bypass_csp=True)
    page, told = context.new_page(), []
    for event in ("console", "pageerror", "dialog", "requestfailed"):
        page.on(event, lambda thing: told.append(str(thing)))
    page.goto(path.as_uri())
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page, None, {"resultTypes": ["violations"]}).response
    assert {v["id"]: v["nodes"][0]["html"] for v in found["violations"]} == {}
    context.close()
