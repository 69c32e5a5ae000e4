"""Notebooks that go to the marker's limits: sizes, lost processes, files, secrets."""

import csv
import dataclasses
import os
import re
import resource
import signal

import attacks
import grading
import pytest
from grading import notebook, solution_cells
from test_grader_attacks import lost_over

from grader.marking import batch
from grader.marking.mark import Result, Submission
from grader.marking.store import Store
from grader.pages import answers, feedback, gradescope, outputs, report
from grader.sandbox import session
from grader.sandbox import walls as sandbox
from grader.sandbox.inside import wire

pytestmark = pytest.mark.slow

hw2, walls = grading.hw2, grading.walls
in_walls = pytest.mark.usefixtures("walls")

FULL = {"q1": 6, "q2": 4, "q3": 7, "q4": 8, "q5": 7}


# ---- files that others open


def test_no_line_of_the_log_is_a_formula(tmp_path):
    for name in ('=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "student-001"):
        batch.log(tmp_path / "log.csv", Result(name, ""), 1.0)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    starts = [row["student"][0] for row in rows]
    assert starts == ["'", "'", "'", "'", "s"]


def test_pages_stay_small_whatever_is_handed_in(hw2):
    # Each letter becomes five where a page shows it.
    notes = [f"The cell “{n}” raised ValueError: {'<' * 300}" for n in range(1000)]
    long = Result("student-001", "", notes=notes, written="<" * 20_000_000)
    long.scores = dict.fromkeys(hw2.task.questions, 0.0)
    written = answers.page([long] * 4, hw2.task)
    assert len(written) < 2_000_000
    assert "19,950,000 more characters: see the notebook" in written
    assert len(feedback.page(long, hw2.task)) < 500_000
    assert len(report.page([long], hw2.task)) < 200_000
    form = gradescope.results(long, hw2.task)
    assert len(form["output"]) < 50_000
    assert "And 980 more of the kind." in form["output"]
    short = Result("student-001", "", written="Short.", scores=long.scores)
    assert "<pre>Short.</pre>" in feedback.page(short, hw2.task)


# ---- the size of an answer

# Each is short on its way here, and would take gigabytes as an array.
WIDE = {
    "a long text among short ones": "['x' * 1_000_000] + [''] * 1380",
    "in a tuple of lists": "([['x' * 1_000_000], [''] * 1380], 0.0)",
    "a long text among numbers": "[0.0] * 4000 + ['x' * 1_000_000]",
    "an array among texts": "[np.array(['x' * 1_000_000])] + [''] * 1380",
    "in a dict": "{'a': ['x' * 1_000_000] + [''] * 1380}",
}


@in_walls
@pytest.mark.parametrize("name", WIDE)
def test_an_answer_that_would_grow_is_refused_before_it_does(hw2, name):
    cell = f"def log_softmax(z):\n    return {WIDE[name]}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = grading.mark([*solution_cells(), cell], hw2.task)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000  # KiB
    assert (result.status, result.scores["q1"]) == ("ok", 0)
    assert "more than any answer needs" in result.checks["q1"][0]["message"]


def test_a_reply_by_hand_that_would_grow_is_refused(hw2):
    text = ["x" * 1_000_000] + [""] * 1380
    lost, _ = lost_over([attacks.reply([{"is": "list", "of": text}])])
    assert lost.status == "FLOOD"


def test_a_list_in_itself_is_refused_at_once():
    value = []
    value.extend([value] * 10)
    with pytest.raises(wire.UncrossableError, match="nested"):
        wire.check_room(value)


def test_what_honest_answers_hold_is_not_refused():
    for value in (
        "x" * 1_000_000,
        ["gull", "owl", "penguin"] * 1000,
        (0.5, [float(n) for n in range(100_000)]),
        {"text": "x" * 1_000_000, "numbers": [1.0] * 10_000},
    ):
        wire.check_room(value)


# ---- a marking process that is lost


def timed_mark_or_die(submission, *more):
    """Mark a submission, but be killed over one, as for want of memory."""
    if submission.student == "student-002":
        os.kill(os.getpid(), signal.SIGKILL)
    return batch.timed_mark(submission, *more)


@in_walls
def test_a_lost_process_costs_one_student_a_status(hw2, tmp_path, monkeypatch):
    right = notebook(*solution_cells())
    students = [f"student-{n:03}" for n in range(1, 6)]
    class_ = [Submission(student, right) for student in students]
    box = sandbox.Sandbox(hw2.task.packages, hw2.task.limits)
    store, told = Store(tmp_path / "out", hw2.task), []

    def run():
        with batch.local(2) as executor:
            return batch.run(
                class_, hw2.task, box, grading.SEED, executor, store, told.append
            )

    with monkeypatch.context() as patch:
        patch.setattr(batch, "timed_mark", timed_mark_or_die)
        results = run()
    assert [result.student for result in results] == students
    statuses = [result.status for result in results]
    assert statuses == ["ok", "LOST", "ok", "ok", "ok"]
    assert [result.total for result in results] == [32, 0, 32, 32, 32]
    assert len(told) == 5
    outputs.write_all(store, results)
    page = (tmp_path / "out/feedback/student-002.html").read_text()
    assert "the marker itself failed over it" in page
    assert "marking it ended the marker" in (tmp_path / "out/report.html").read_text()

    # Run again: this one is marked, no other.
    assert [result.total for result in run()] == [32] * 5
    log = csv.DictReader((tmp_path / "out/log.csv").read_text().splitlines())
    assert [row["student"] for row in log][5:] == ["student-002"]


def test_a_process_lost_once_is_no_loss(tmp_path):
    with batch.local(1) as executor:
        once = executor.submit(die_the_first_time, tmp_path / "been-here")
        assert once.result() == "done"
        assert executor.submit(abs, -1).result() == 1


def die_the_first_time(path):
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


# ---- hidden inputs


def said(result, hidden):
    """Return what failed checks have printed, the hidden ones or the others."""
    checks = [check for checks in result.checks.values() for check in checks]
    return " ".join(check["message"] for check in checks if check["hidden"] is hidden)


TELLS = """
def log_softmax(z):
    raise ValueError(f"GIVEN {z.ravel().tolist()}")
"""


@in_walls
def test_each_submission_has_hidden_inputs_of_its_own(hw2):
    # A blank is enough to be another one.
    first, again, other = (
        grading.mark([*solution_cells(), TELLS + more], hw2.task)
        for more in ("", "", " ")
    )
    number = re.compile(r"-?\d+\.\d{9,}")
    assert len(number.findall(said(first, hidden=True))) > 20
    assert said(first, hidden=True) == said(again, hidden=True)
    assert said(first, hidden=False) == said(other, hidden=False)
    found = [set(number.findall(said(each, hidden=True))) for each in (first, other)]
    assert not found[0] & found[1]


# What leaves a text for the worker after it, if only in the time that has passed.
LATER = """
def log_softmax(z):
    if z.shape in [(1, 3), (2, 2), (3,)]:
        raise ValueError(f"PUBLIC {time.time()}")
    os._exit(0)
"""


@in_walls
def test_nothing_is_told_of_cells_that_run_after_hidden_inputs_were_seen(hw2):
    cells = [*solution_cells(), attacks.FREEZE, "import os, time", LATER]
    result = grading.mark([*cells, "raise ValueError(f'NOW {time.time()}')"], hw2.task)
    assert result.status == "DIED"
    (note,) = [note for note in result.notes if "NOW" in note]
    public = re.findall(r"PUBLIC ([\d.]+)", said(result, hidden=False))
    assert float(note.rpartition("NOW ")[2]) < float(public[0])


# ---- ranks, and the whole class


@in_walls
def test_no_rank_sees_what_another_one_keeps():
    cells = ["kept = []", "def keep(x):\n    kept.append(x)\n    return kept"]
    box = sandbox.Sandbox(("numpy",), grading.LIMITS)
    with session.Session(cells, box) as running:
        keep = running.names(["keep"])["keep"]
        assert [running.on_rank(r, keep)(r) for r in (0, 1, 2)] == [[0], [1], [2]]
        assert [running.on_rank(r, keep)(9) for r in (0, 1)] == [[0, 9], [1, 9]]
        assert keep(8) == [0, 9, 8]


@in_walls
def test_a_rank_that_is_lost_is_told_and_not_asked_for_ever():
    cells = ["import os", "def ends(x):\n    os._exit(0)"]
    box = sandbox.Sandbox(("numpy",), grading.LIMITS)
    with session.Session(cells, box) as running:
        ends = running.names(["ends"])["ends"]
        for rank in range(4):
            with pytest.raises(session.WorkerLostError):
                running.on_rank(rank, ends)(0)
        assert running.incidents == [("DIED", "ends")] * session.LOSSES_A_NAME


# Cells that stand behind the right answers, and what becomes of the notebook.
HOSTILE = {
    "grows": (WIDE["a long text among short ones"], "ok", 26),
    "stays": ("stay()", "TIMEOUT", 26),
    "leaves a sign": ("later()", "DIED", 26),
    "gives back what it is given": ("z", "ok", 26),
}
PRELUDE = """
import ctypes, os, time
def stay():
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    while True:
        pass
def later():
    time.sleep(time.time() % 1)
    os._exit(0)
for number in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{number}/mem", "r+b", 0) as memory:
            memory.write(b"x")
    except OSError:
        pass
"""


@in_walls
def test_a_class_with_all_of_these_in_it_is_marked_right(hw2, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "timed_mark", timed_mark_or_die)
    right, want = notebook(*solution_cells()), {}
    class_ = [Submission("student-002", right)]
    for who, (answer, status, total) in HOSTILE.items():
        cell = f"def log_softmax(z):\n    return {answer}"
        data = notebook(*solution_cells(), attacks.FREEZE, PRELUDE, cell)
        class_.append(Submission(f"={who}", data))
        want[f"={who}"] = (status, total)
    long = notebook(*solution_cells(), ("markdown", "<" * 19_000_000))
    class_.append(Submission("long", long))
    honest = [f"student-1{n}" for n in range(6)]
    class_ += [Submission(student, right) for student in honest]
    want |= dict.fromkeys([*honest, "long"], ("ok", 32)) | {"student-002": ("LOST", 0)}
    limits = dataclasses.replace(hw2.task.limits, call_s=1)
    box = sandbox.Sandbox(hw2.task.packages, limits)
    store = Store(tmp_path / "out", hw2.task)
    with batch.local(2) as executor:
        results = batch.run(
            class_, hw2.task, box, grading.SEED, executor, store, lambda result: None
        )
    outputs.write_all(store, results)
    assert {r.student: (r.status, r.total) for r in results} == want
    pages = [path for path in (tmp_path / "out").rglob("*.html")]
    assert len(pages) == len(class_) + 2
    assert max(path.stat().st_size for path in pages) < 2_000_000
    for name in ("grades.csv", "log.csv"):
        table = csv.reader((tmp_path / "out" / name).read_text().splitlines())
        assert not [cell for row in table for cell in row if cell.startswith("=")]
