"""Odd submissions are used where it is certain what is meant, and named otherwise."""

import dataclasses
import json

import grading
import honest
import pytest
from grading import built, code_cells, mark, notebook

from grader import __main__ as command
from grader.marking import batch, collect, compare
from grader.marking.mark import Submission
from grader.marking.mark import mark as mark_submission
from grader.marking.store import Store
from grader.notebook import titles
from grader.pages import report, words
from grader.release import assignment
from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

walls = grading.walls
in_walls = pytest.mark.usefixtures("walls")
PLAIN = honest.forms()["the plain one"]
WHOLE = notebook(*PLAIN)


def found(folder, *more):
    return {s.student: s for s in collect.submissions(folder, *more)}


# ---- under odd names


@pytest.mark.parametrize(
    "name",
    [
        "student-001.ipynb.json",
        "student-001.IPYNB",
        "student-001.ipynb.txt",
        "student-001.json",
        "student-001",
        ".student-001.ipynb",
        "student-001/HW0.IPYNB",
        "student-001/hw0.ipynb.json",
        "student-001/hw0.json",
    ],
)
def test_a_notebook_is_found_under_an_odd_name(tmp_path, name):
    roster = tmp_path / "roster.csv"
    roster.write_text("student\nstudent-001\n")
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(WHOLE)
    submission = found(tmp_path / "in", roster)["student-001"]
    assert (submission.data, submission.problem) == (WHOLE, "")
    assert len(found(tmp_path / "in", roster)) == 1


def test_a_hidden_copy_is_no_second_submission_and_what_is_hidden_is_named(tmp_path):
    (tmp_path / "student-001.ipynb").write_bytes(WHOLE)
    (tmp_path / ".student-001.ipynb").write_bytes(notebook("an older one"))
    (tmp_path / "._student-001.ipynb").write_bytes(b"\0\5\26\7")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".notes").write_text("from a student")
    assert found(tmp_path)["student-001"].data == WHOLE
    assert len(found(tmp_path)) == 1
    said = collect.passed_over(tmp_path)
    assert said == ["Hidden, and not marked: .notes, .student-001.ipynb."]


def test_names_that_look_alike_are_two_students(tmp_path):
    (tmp_path / "a\tb.ipynb").write_bytes(WHOLE)
    (tmp_path / "a?b.ipynb").write_bytes(notebook("x = 1"))
    assert sorted(found(tmp_path)) == ["a?b", "a?b (2)"]


def test_the_same_file_twice_is_one_submission(tmp_path):
    (tmp_path / "student-001.ipynb").write_bytes(WHOLE)
    (tmp_path / "student-001").mkdir()
    (tmp_path / "student-001" / "hw0.ipynb").write_bytes(WHOLE)
    assert len(found(tmp_path)) == 1
    (tmp_path / "student-001" / "hw0.ipynb").write_bytes(notebook("x = 1"))
    with pytest.raises(collect.InputError, match=r"student-001, student-001 and stu"):
        found(tmp_path)


def test_of_several_notebooks_in_a_folder_the_one_that_was_asked_for_counts(tmp_path):
    folder = tmp_path / "student-001"
    folder.mkdir()
    (folder / "one.ipynb").write_bytes(WHOLE)
    (folder / "two.ipynb").write_bytes(WHOLE.replace(b"hw0", b"hw7"))
    assert found(tmp_path, None, "hw0")["student-001"].data == WHOLE
    assert "2 notebooks" in found(tmp_path, None, "hw9")["student-001"].problem
    (folder / "two.ipynb").write_bytes(WHOLE)
    assert found(tmp_path, None, "hw9")["student-001"].data == WHOLE


# ---- of another variant or another assignment


def test_without_a_roster_the_variant_is_the_notebooks_own(tmp_path):
    (tmp_path / "student-001.ipynb").write_bytes(notebook("VARIANT = 3  # yours"))
    (tmp_path / "student-002.ipynb").write_bytes(WHOLE)
    variants = [s.variant for s in collect.submissions(tmp_path)]
    assert variants == [3, 1]


@in_walls
def test_a_variant_other_than_the_rosters_is_named():
    data = notebook("VARIANT = 3", *PLAIN)
    box = sandbox.Sandbox(honest.TASK.packages, honest.TASK.limits)
    submission = Submission("student-001", data, variant=2)
    result = mark_submission(submission, honest.TASK, box, grading.SEED)
    assert result.notes[0].startswith("The notebook is of variant 3; it was marked as")


@in_walls
def test_a_notebook_of_another_assignment_is_named():
    cells = [cell.replace("hw0", "hw7") for cell in PLAIN]
    other = mark(notebook(cells[0], "x = 1", cells[3]), honest.TASK)
    assert (other.status, other.total) == ("OTHER", 0)
    assert other.notes[0] == "Its first cell says that it is hw7, not hw0."
    assert "another assignment" in report.page([other], honest.TASK)
    # It holds the right answers, so that they count.
    right = mark(notebook(*cells), honest.TASK)
    assert (right.status, right.scores) == ("ok", honest.FULL)


# ---- code that is text


@in_walls
def test_code_cells_that_became_text_are_run():
    kinds = {2: "markdown", 6: "raw"}
    cells = [(kinds.get(n, "code"), cell) for n, cell in enumerate(PLAIN)]
    result = mark(notebook(*cells), honest.TASK)
    assert result.scores == honest.FULL
    assert result.notes == [
        "A text cell was run as the code that it is: def softmax(z):",
        "A text cell was run as the code that it is: losses = [loss(np.array([[p, "
        "1 - p]]), np.array([0])) for p…",
    ]
    imports = [("markdown" if n == 1 else "code", c) for n, c in enumerate(PLAIN)]
    assert mark(notebook(*imports), honest.TASK).scores == honest.FULL
    assert result.written == ""


@in_walls
@pytest.mark.parametrize(
    "text",
    [
        "def softmax(z):\n    return z  # my first try",
        "My answer: softmax = exp(z) / sum",
        "```python\ndef loss(q, labels):\n    return 0\n```",
        "import numpy as np\n\nis the first line.",
        "# softmax\n\nimport os; os._exit(0)",
    ],
)
def test_text_stays_text_where_code_has_the_name(text):
    cells = [*PLAIN, ("markdown", text)]
    result = mark(notebook(*cells), honest.TASK)
    assert (result.scores, result.status, result.notes) == (honest.FULL, "ok", [])


# ---- what is said


@in_walls
def test_which_cell_took_a_functions_name_is_said():
    loop = "for loss in [0.1, 0.2]:\n    print(loss)"
    kept = [cell for cell in PLAIN if "grader" not in cell]
    lost = mark(notebook(*kept[:-1], f"{honest.LOSS}\n{loop}"), honest.TASK)
    assert lost.scores == honest.FULL
    both = [cell.replace(honest.LOSS, honest.LOSS + loop) for cell in PLAIN]
    lost = mark(notebook(*both), honest.TASK)
    assert lost.scores["q2"] == 0
    assert lost.checks["q2"][0]["hint"] == (
        "Not tried: loss stands for a float, not for a function. Some line, such as a "
        "loop over it, gave the name another value."
    )
    check = honest.CHECKS["q2"]
    before = [c.replace(check, f"{loop}\n{check}") for c in PLAIN]
    lost = mark(notebook(*before), honest.TASK)
    assert lost.checks["q2"][0]["hint"] == (
        "Not tried: loss was a function, until the cell “for loss in [0.1, 0.2]:” gave "
        "the name another value."
    )


@in_walls
def test_what_was_left_out_for_want_of_a_package_is_said():
    cell = f"import torch\nx = float(torch.tensor(2.0))\n{honest.LOSS}"
    cells = [cell if c == honest.LOSS else c for c in PLAIN]
    result = mark(notebook(*cells), honest.TASK)
    assert result.scores == honest.FULL
    assert result.notes == [
        "In the cell “import torch” lines that use torch were left out, which is not "
        "there while notebooks are marked."
    ]
    needs = honest.LOSS.replace("return float", "import scipy.special as s; return s.x")
    result = mark(
        notebook(*[needs if c == honest.LOSS else c for c in PLAIN]), honest.TASK
    )
    assert result.scores == honest.FULL | {"q2": 0, "q3": 0}
    said = words.said(result.checks["q2"][0])
    assert "scipy is not there while notebooks are marked" in said


def test_restart_is_advised_only_where_it_helps():
    def told(what):
        result = marked(notes=[f"The cell “x = 1” raised {what}"])
        return " ".join(words.troubles(result, honest.TASK))

    assert "Restart and run all" in told("NameError: name 'x' is not defined")
    assert "Restart" not in told("FileNotFoundError: my-data.csv")
    newer = told("SyntaxError: invalid syntax")
    assert f"marked with Python {words.PYTHON}" in newer
    assert "Restart" not in newer


def marked(**more):
    from grader.marking.mark import Result

    return Result("student-001", "", **more)


def test_the_notebook_says_which_python_marks():
    pages = json.loads(built("hw2").blank)["cells"]
    text = "".join("".join(cell["source"]) for cell in pages)
    assert f"Notebooks are marked with Python {words.PYTHON}" in text


# ---- a check that passed at home


def with_outputs(data):
    """Return a notebook as Jupyter saves it after all checks have passed."""
    content = json.loads(data)
    for cell in content["cells"]:
        if "grader.check" in cell["source"]:
            question = cell["source"].split('"')[1]
            said = f"{question} results: All test cases passed!"
            cell["outputs"] = [{"data": {"text/plain": [said]}}]
    return json.dumps(content).encode()


@in_walls
def test_a_check_that_passed_at_home_and_fails_here_is_said_first():
    assert mark(with_outputs(WHOLE), honest.TASK).notes == []
    wrong = with_outputs(WHOLE.replace(b"np.exp(z - np.max(z))", b"np.exp(z)"))
    result = mark(wrong, honest.TASK)
    assert result.notes[0].startswith("All public checks of q1 passed in the student's")
    # It comes before all others, whatever the names.
    other = marked(status="UNREADABLE", notes=["The file: it is empty."])
    result.student = "student-002"
    page = report.page([other, result], honest.TASK)
    assert "take it for the marker" in page
    odd = page.partition("Not ok, or with cells that raised")[2]
    assert 0 < odd.index("in the student") < odd.index("it is empty")


@in_walls
def test_compare_says_what_passes_in_a_kernel_and_fails_here(
    tmp_path, capsys, monkeypatch
):
    load = assignment.load
    monkeypatch.setattr(assignment, "load", lambda name: load(name, built("hw2").root))
    path = tmp_path / "student-001.ipynb"
    path.write_bytes(built("hw2").solution)
    assert command.main(["compare", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Of 12 public checks 12 pass in a kernel and 12 here" in said
    assert "No check differs." in said

    with_scipy = (
        "from scipy.special import log_softmax as theirs\n"
        "def log_softmax(z):\n    return theirs(z, axis=-1)"
    )
    cells = code_cells(built("hw2").solution)
    at = next(n for n, cell in enumerate(cells) if "def log_softmax" in cell)
    cells[at] = with_scipy
    path.write_bytes(notebook(*cells, "1 / 0"))
    assert command.main(["compare", str(path)]) == 1
    said = capsys.readouterr().out
    assert "First difference: q1, Check 1 passes in a kernel and fails here." in said
    assert "here: ModuleNotFoundError: scipy is not there" in said
    assert "Take it for the marker's fault until you know another cause." in said
    assert "In the kernel: The cell “1 / 0” raised ZeroDivisionError" in said


@in_walls
@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([PLAIN[0], "import os\nos._exit(0)"], "gave no answer that can be read"),
        (
            [
                PLAIN[0],
                "import os\nfor n in range(3, 20):\n    try:\n"
                "        os.write(n, b'x' * 3_000_000)\n    except OSError: pass",
            ],
            "gave no answer that can be read",
        ),
    ],
)
def test_compare_says_why_it_can_not(cells, says):
    box = sandbox.Sandbox(honest.TASK.packages, honest.TASK.limits)
    submission = Submission("student-001", notebook(*cells))
    with pytest.raises(compare.CompareError, match=says):
        compare.compare(submission, honest.TASK, box)


def test_compare_wants_a_notebook_and_its_assignment(tmp_path, capsys):
    path = tmp_path / "student-001.ipynb"
    path.write_bytes(notebook("x = 1"))
    assert command.main(["compare", str(path)]) == 1
    assert "name it with --assignment" in capsys.readouterr().err
    path.write_bytes(b"%PDF")
    assert command.main(["compare", str(path)]) == 1
    assert "student-001 can't be compared: it is not JSON" in capsys.readouterr().err


# ---- what a cell is called


def test_a_cell_is_called_by_its_first_line():
    cells = ["# why\n\nx = 1", "# only this", "x = 1\ny", "y“”: took\u202e", "z" * 70]
    assert titles(cells) == [
        "“x = 1” (number 1 of 2)",
        "“# only this”",
        "“x = 1” (number 2 of 2)",
        '“y"": took\ufffd”',
        f"“{'z' * 59}…”",
    ]


# ---- as a learning platform names them


@pytest.mark.parametrize(
    ("name", "on_the_roster"),
    [
        ("doejane_4711_90210_hw0.ipynb", "Doe, Jane"),
        ("doejane_LATE_4711_90210_hw0-1.ipynb", "Jane Doe"),
        ("doejane_4711_90210_hw0.ipynb", "4711"),
        ("vandervaartzoe_4711_90210_my_work.ipynb", "Zoë van der Vaart"),
        ("Jane Doe_4711_assignsubmission_file_/hw0.ipynb", "Doe, Jane"),
        ("Jane Doe_4711_assignsubmission_file_hw0.ipynb", "Jane Doe"),
        ("muellerhans_4711_90210_hw0.ipynb", "Müller, Hans"),
        ("mullerhans_4711_90210_hw0.ipynb", "Müller, Hans"),
        ("yildizayse_4711_90210_hw0.ipynb", "Ayşe Yıldız"),  # noqa: RUF001
        ("lab_1_2_jane.ipynb", "lab_1_2_jane"),
        ("doejane_4711_90210_hw0.ipynb", "doejane_4711_90210_hw0"),
    ],
)
def test_a_platforms_name_becomes_the_rosters(tmp_path, name, on_the_roster):
    roster = tmp_path / "roster.csv"
    roster.write_text(f'student\n"{on_the_roster}"\nsomebody else\n')
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(WHOLE)
    submissions = found(tmp_path / "in", roster)
    assert sorted(submissions) == sorted([on_the_roster, "somebody else"])
    assert submissions[on_the_roster].data == WHOLE


def test_without_a_roster_a_platforms_name_counts(tmp_path):
    names = ["doejane_4711_90210_hw0", "roerichard_12_3456_a", "roerichard_13_3457_b"]
    for name in names:
        (tmp_path / f"{name}.ipynb").write_bytes(WHOLE)
    assert sorted(found(tmp_path)) == [
        "doejane",
        "roerichard (12)",
        "roerichard (13)",
    ]


def test_of_a_students_files_on_a_platform_the_notebook_counts(tmp_path):
    (tmp_path / "doejane_4711_90210_hw0.ipynb").write_bytes(WHOLE)
    for name in ("doejane_4711_90209_a.pdf", "doejane_4711_90211_photo.jpg"):
        (tmp_path / name).write_bytes(b"a photo")
    assert found(tmp_path)["doejane"].data == WHOLE
    assert len(found(tmp_path)) == 1
    for name in ("roerichard_12_3456_a.jpg", "roerichard_12_3457_b.jpg"):
        (tmp_path / name).write_bytes(b"a photo")
    assert found(tmp_path)["roerichard"].problem == "it is .jpg and no .ipynb"
    (tmp_path / "doejane_4711_90212_other.ipynb").write_bytes(notebook("x = 1"))
    with pytest.raises(collect.InputError, match="two submissions of doejane"):
        found(tmp_path)


# ---- the roster


def test_a_roster_that_was_forgotten_or_says_otherwise_is_a_doubt(tmp_path):
    folder, roster = tmp_path / "in", tmp_path / "roster.csv"
    folder.mkdir()
    (folder / "student-001.ipynb").write_bytes(notebook("VARIANT = 3  # yours"))
    (folder / "student-002.ipynb").write_bytes(WHOLE)
    submissions = collect.submissions(folder)
    (line,) = collect.doubts(submissions, None)
    assert "notebooks of variant 3. Each is marked as the variant that it" in line
    roster.write_text("student,variant\nstudent-001,2\nstudent-002,1\n")
    (line,) = collect.doubts(collect.submissions(folder, roster), roster)
    assert line.startswith(
        "The roster says another variant than the notebook: student-001."
    )
    roster.write_text("student,variant\nstudent-001,3\nstudent-002,1\n")
    assert collect.doubts(collect.submissions(folder, roster), roster) == []
    (folder / "student-001.ipynb").write_bytes(notebook("VARIANT = 1"))
    assert collect.doubts(collect.submissions(folder), None) == []


def test_a_roster_of_the_last_run_is_missed(tmp_path):
    store = Store(tmp_path, honest.TASK)
    tries = [None, tmp_path / "roster.csv", None, None]
    assert [store.forgot_roster(roster) for roster in tries] == [0, 0, 1, 0]


@in_walls
def test_one_slow_student_can_have_more_time(tmp_path):
    slow = "import time\nbegan = time.process_time()\n"
    slow += "while time.process_time() < began + 0.6: pass"
    folder, roster = tmp_path / "in", tmp_path / "roster.csv"
    folder.mkdir()
    for name in ("student-001", "student-002"):
        (folder / f"{name}.ipynb").write_bytes(notebook(slow, *PLAIN))
    roster.write_text("student,times\nstudent-001,\nstudent-002,5\n")
    limits = dataclasses.replace(honest.TASK.limits, cell_s=0.3)
    box = sandbox.Sandbox(honest.TASK.packages, limits)
    submissions = collect.submissions(folder, roster)
    marked = [mark_submission(s, honest.TASK, box, grading.SEED) for s in submissions]
    assert [result.status for result in marked] == ["TIMEOUT", "ok"]
    assert marked[1].notes == ["It could take 5 times as long as others."]
    before = batch.keys(submissions, honest.TASK, box, grading.SEED)
    roster.write_text("student,times\nstudent-001,1.5\nstudent-002,5\n")
    again = collect.submissions(folder, roster)
    after = batch.keys(again, honest.TASK, box, grading.SEED)
    assert [before[name] == after[name] for name in sorted(before)] == [False, True]
