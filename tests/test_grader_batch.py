"""A class marked from the command line: stopped, run again, spread over a cluster."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from grading import ROOT, built, mark, notebook, solution_cells, walls  # noqa: F401

from grader import __main__ as command
from grader.marking import batch, trial
from grader.marking.checks import read
from grader.marking.mark import Submission
from grader.release import __main__ as release
from grader.release import assignment
from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

SEED = "a secret of the tests\n"
WRITTEN = ("markdown", "The sum of q is one. *So* the entries sum to zero. <script>")
ROWS = """\
student,q1,q2,q3,q4,q5,q6,total,out_of,status
student-001,6,4,7,8,7,,32,38,ok
student-002,0,0,0,0,0,,0,38,ok
student-003,0,0,0,0,0,,0,38,UNREADABLE
student-004,6,4,1,8,5,,24,38,ok
student-005,6,4,7,8,7,,32,38,DIED
student-006,0,0,0,0,0,,0,38,MISSING
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a class's submissions, a roster and a seed; hw2 is built."""
    root = built("hw2").root
    load = assignment.load
    monkeypatch.setattr(assignment, "load", lambda name: load(name, root))
    folder = tmp_path / "in"
    folder.mkdir()
    solution, wrong = built("hw2").solution, root / "assignments" / "hw2" / "wrong"
    cells = [*solution_cells(), WRITTEN]
    (folder / "student-001.ipynb").write_bytes(notebook(*cells))
    (folder / "student-002.ipynb").write_bytes(built("hw2").blank)
    (folder / "student-003.docx").write_bytes(b"PK")
    by_n = (wrong / "q3-divides-by-n.py").read_text()
    (folder / "student-004").mkdir()
    data = trial.with_cell(solution, by_n)
    (folder / "student-004" / "my homework.ipynb").write_bytes(data)
    leaves = trial.with_cell(solution, "import os\nos._exit(0)")
    (folder / "student-005.ipynb").write_bytes(leaves)
    (tmp_path / "seed.txt").write_text(SEED)
    names = "".join(f"student-00{n}\n" for n in range(1, 7))
    (tmp_path / "roster.csv").write_text("student\n" + names)
    return tmp_path


def words(place, *more):
    out, roster, seed = place / "out", place / "roster.csv", place / "seed.txt"
    options = ["--out", out, "--roster", roster, "--seed-file", seed, "--jobs", 2]
    return [str(word) for word in ("hw2", place / "in", *options, *more)]


def rows(path):
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


@pytest.mark.usefixtures("walls")
def test_a_class_is_marked_merged_and_marked_again(place, capsys):
    assert command.main(words(place)) == 0
    out = place / "out"
    said = capsys.readouterr().err
    assert "student-005: DIED" in said
    assert "6 submissions, 3 of them not ok." in said
    assert (out / "grades.csv").read_text() == ROWS
    assert len(rows(out / "log.csv")) == 6
    for folder in ("feedback", "gradescope", "results"):
        assert len(list((out / folder).iterdir())) == 6
    assert "<script>" not in (out / "written.html").read_text().partition("</style>")[2]

    # Run again: nothing is marked twice, and nothing changes.
    assert command.main(words(place)) == 0
    assert (out / "grades.csv").read_text() == ROWS
    assert len(rows(out / "log.csv")) == 6

    # One hands in again: that one is marked, and no other.
    shutil.copy(place / "in" / "student-001.ipynb", place / "in" / "student-002.ipynb")
    assert command.main(words(place)) == 0
    assert [row["student"] for row in rows(out / "log.csv")][6:] == ["student-002"]
    assert rows(out / "grades.csv")[1]["total"] == "32"

    # Marks given by hand are merged, and stay when all is marked again.
    sheet = out / "written.csv"
    lines = rows(sheet)
    assert [line["student"] for line in lines] == [
        f"student-00{n}" for n in range(1, 7)
    ]
    lines[0]["points"], lines[0]["comment"] = "4.5", "Say why."
    fill_in(sheet, lines)
    merge = ["hw2", "--out", str(out), "--merge"]
    assert command.main(merge) == 0
    assert rows(out / "grades.csv")[0]["q6"] == "4.5"
    assert rows(out / "grades.csv")[0]["total"] == "36.5"
    assert "Say why." in (out / "feedback" / "student-001.html").read_text()
    assert command.main(words(place, "--again")) == 0
    assert rows(out / "grades.csv")[0]["total"] == "36.5"
    assert len(rows(out / "log.csv")) == 13

    # Another answer needs another mark; the old one waits in the comment.
    other = notebook(*solution_cells(), ("markdown", "Another answer."))
    (place / "in" / "student-001.ipynb").write_bytes(other)
    assert command.main(words(place)) == 0
    assert rows(out / "grades.csv")[0]["q6"] == ""
    assert "4.5" in rows(sheet)[0]["comment"]

    # A mark that can't be is refused, and nothing is changed by it.
    before = (out / "grades.csv").read_bytes()
    lines = rows(sheet)
    lines[0]["points"] = "45"
    fill_in(sheet, lines)
    assert command.main(merge) == 1
    assert "student-001" in capsys.readouterr().err
    assert (out / "grades.csv").read_bytes() == before


def fill_in(sheet, lines):
    with sheet.open("w", newline="") as file:
        table = csv.DictWriter(file, lines[0])
        table.writeheader()
        table.writerows(lines)


@pytest.mark.usefixtures("walls")
def test_hidden_tests_reach_no_page_for_students(place):
    assert command.main(words(place)) == 0
    hidden = [
        line.strip()
        for test in built("hw2").task.tests.values()
        for case in read(test)
        if case.hidden
        for line in case.code.replace(">>> ", "").replace("... ", "").splitlines()
        if len(line) > 20
    ]
    assert len(hidden) > 30
    for folder in ("feedback", "gradescope"):
        for path in (place / "out" / folder).iterdir():
            text = path.read_text()
            assert not [line for line in hidden if line in text]
            assert "Traceback" not in text
            assert SEED.strip() not in text


@pytest.mark.usefixtures("walls")
def test_killed_at_any_moment_and_run_again_the_grades_are_the_same(place):
    for n in range(10, 18):
        shutil.copy(place / "in" / "student-001.ipynb", place / "in" / f"s-{n}.ipynb")
    root = str(built("hw2").root)
    program = (
        "import sys, pathlib\nfrom grader import __main__\n"
        "from grader.release import assignment\n"
        "load = assignment.load\n"
        f"assignment.load = lambda name: load(name, pathlib.Path({root!r}))\n"
        "sys.exit(__main__.main())"
    )

    def start(out):
        run = [sys.executable, "-c", program, *words(place, "--out", out)]
        return subprocess.Popen(run, cwd=ROOT, stderr=subprocess.DEVNULL)

    assert start(place / "whole").wait(120) == 0
    whole = (place / "whole" / "grades.csv").read_bytes()
    assert whole.count(b"\n") == 15
    out, seen = place / "killed", set()
    for _ in range(4):
        process = start(out)
        wait_for_more(out / "results", len(seen), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = {path.name for path in (out / "results").glob("[!.]*")}
        assert seen <= now
        seen = now
        assert whole.startswith(header(out)) or not (out / "grades.csv").exists()
    assert start(out).wait(120) == 0
    assert (out / "grades.csv").read_bytes() == whole
    marked = [row["student"] for row in rows(out / "log.csv")]
    # What was kept is not marked again; a kill may come before the line in the log.
    assert len(marked) == len(set(marked))
    assert 14 - 4 <= len(marked) <= 14
    assert not list(out.rglob(".tmp*"))


def wait_for_more(folder, count, process):
    """Wait until the grader has kept another result, or has ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if len(list(folder.glob("[!.]*"))) > count:
            return
        time.sleep(0.01)


def header(out):
    path = out / "grades.csv"
    return path.read_bytes().partition(b"\n")[0] if path.exists() else b""


def test_another_seed_file_or_variant_is_marked_anew():
    task = built("hw2").task
    box = sandbox.Sandbox(task.packages, task.limits)
    keys = {
        batch.keys([who], task, box, seed)["student-001"]
        for seed in ("first", "second")
        for who in (
            Submission("student-001", b"x"),
            Submission("student-001", b"y"),
            Submission("student-001", b"x", variant=2),
        )
    }
    assert len(keys) == 6


@pytest.mark.usefixtures("walls")
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_grades(place):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        more = ["--scheduler", cluster.scheduler_address]
        assert command.main(words(place, *more)) == 0
    assert (place / "out" / "grades.csv").read_text() == ROWS


# ---- what the command says when something is wrong


@pytest.mark.parametrize(
    ("name", "says"),
    [("hw9", "There is no "), ("hw2", "must be a folder of notebooks")],
)
def test_errors_are_sentences(tmp_path, place, capsys, name, says):
    nowhere, out = str(tmp_path / "nowhere"), str(tmp_path / "o")
    assert command.main([name, nowhere, "--out", out]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert says in said
    assert "Traceback" not in said


def test_without_a_sandbox_it_refuses(place, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert command.main(words(place)) == 1
    assert "bubblewrap" in capsys.readouterr().err
    assert not (place / "out" / "grades.csv").exists()


def test_a_sandbox_that_does_not_hold_is_refused(place, capsys, monkeypatch):
    def no_walls(self, rules, script):
        return self._open(str(place), script)

    monkeypatch.setattr(sandbox.Sandbox, "_walled", no_walls)
    assert command.main(words(place)) == 1
    said = capsys.readouterr().err
    assert "did not hold" in said
    assert "it can write outside its own folder" in said


def test_unsafe_says_so_in_every_report(place, capsys):
    assert command.main(words(place, "--unsafe-no-sandbox")) == 0
    assert "No sandbox" in capsys.readouterr().err
    out = place / "out"
    pages = [out / "report.html", *(out / "feedback").iterdir()]
    assert len(pages) == 7
    for path in pages:
        assert "without a sandbox" in path.read_text(), path.name
    for path in (out / "gradescope").iterdir():
        assert "without a sandbox" in json.loads(path.read_text())["output"]


def test_the_seed_is_made_once_and_kept_private(tmp_path):
    path, said = tmp_path / "course" / "seed.txt", []
    seed = command.course_seed(path, said.append)
    assert len(seed) == 32
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert command.course_seed(path, said.append) == seed
    assert len(said) == 1


def test_the_help_says_what_comes_out(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    said = capsys.readouterr().out
    for word in ("grades.csv", "written.csv", "--merge", "TIMEOUT", "--scheduler"):
        assert word in said


# ---- what a course runs into


@pytest.mark.usefixtures("walls")
def test_another_due_date_takes_no_mark_away(place, monkeypatch):
    assert command.main(words(place)) == 0
    before = (place / "out" / "written.csv").read_bytes()
    task = built("hw2").task
    changed = [cell.replace("due 2027", "due 2028") for cell in task.released]
    changed = [cell.replace("mind the denominator", "mind it") for cell in changed]
    assert changed != list(task.released)
    other = dataclasses.replace(task, released=tuple(changed), due="2028-03-05 23:59")
    monkeypatch.setattr(assignment, "load", lambda name: other)
    assert command.main(words(place, "--again")) == 0
    assert (place / "out" / "written.csv").read_bytes() == before


@pytest.mark.usefixtures("walls")
def test_grades_of_two_seeds_are_not_mixed(place, capsys):
    assert command.main(words(place)) == 0
    (place / "seed.txt").write_text("another\n")
    assert command.main(words(place)) == 1
    assert "was marked with another seed" in capsys.readouterr().err
    (place / "seed.txt").unlink()
    assert command.main(words(place)) == 1
    assert not (place / "seed.txt").exists()
    assert command.main(words(place, "--again")) == 0


@pytest.mark.usefixtures("walls")
def test_a_test_that_fails_the_solution_stops_the_marking(place, monkeypatch, capsys):
    task = built("hw2").task
    wrong = task.tests | {
        "q2": task.tests["q2"].replace("0.1, 0.1, 0.8", "0.1, 0.1, 0.7")
    }
    other = dataclasses.replace(task, tests=wrong)
    monkeypatch.setattr(assignment, "load", lambda name: other)
    assert command.main(words(place)) == 1
    assert "gets 31 of 32 with this seed (q2)" in capsys.readouterr().err
    assert not (place / "out" / "grades.csv").exists()


@pytest.mark.usefixtures("walls")
def test_a_check_that_is_wrong_for_some_inputs_is_told(place, monkeypatch, capsys):
    # Every notebook has inputs of its own, for which this one fails now and then.
    task = built("hw2").task
    draws = ">>> rng = course_rng('q2')\\n"
    assert draws in task.tests["q2"]
    odd = task.tests["q2"].replace(draws, f"{draws}>>> assert rng.random() < LIMIT\\n")
    for limit in ("1", "0.1"):
        tests = task.tests | {"q2": odd.replace("LIMIT", limit)}
        other = dataclasses.replace(task, tests=tests)
        monkeypatch.setattr(assignment, "load", lambda name, other=other: other)
        monkeypatch.setattr(trial, "prove_solution", lambda *rest: None)
        assert command.main(words(place)) == 0
        said = capsys.readouterr().err
        table = rows(place / "out" / "grades.csv")
        lost = [row["student"] for row in table if row["q2"] == "2"]
        told = [line.split(":")[0] for line in said.splitlines() if "as well" in line]
        assert (lost == []) == (limit == "1")
        assert set(lost) <= set(told)
        assert set(told) <= {*lost, "student-002"}


@pytest.mark.usefixtures("walls")
def test_who_left_has_no_page_any_more(place):
    assert command.main(words(place)) == 0
    (place / "in" / "student-002.ipynb").unlink()
    (place / "roster.csv").write_text("student\nstudent-001\n")
    assert command.main(words(place)) == 0
    names = {path.stem for path in (place / "out" / "feedback").iterdir()}
    assert names == {f"student-00{n}" for n in (1, 3, 4, 5)}


def test_the_grades_lie_apart_from_the_submissions(place, capsys):
    for out in (place / "in", place / "in" / "grades", place):
        with pytest.raises(SystemExit):
            command.main(["hw2", str(place / "in"), "--out", str(out)])
    (place / "mine").mkdir()
    (place / "mine" / "thesis.txt").write_text("")
    assert command.main(["hw2", str(place / "in"), "--out", str(place / "mine")]) == 1
    assert "must be empty or hold grades" in capsys.readouterr().err


def test_a_release_that_fails_its_trial_is_removed(tmp_path, monkeypatch):
    def fails(name):
        raise trial.TrialError("the solution gets 31 of 32")

    monkeypatch.setattr(trial, "try_out", fails)
    (tmp_path / "hw2").mkdir()
    with pytest.raises(trial.TrialError):
        release.try_out_or_remove("hw2", tmp_path / "hw2")
    assert not (tmp_path / "hw2").exists()


@pytest.mark.usefixtures("walls")
def test_a_package_that_is_not_there_costs_what_uses_it():
    cells = [
        "import pandas as pd\nfrom tqdm import tqdm\nimport seaborn as sns",
        *solution_cells(),
        "def smooth(labels, K, eps):\n    return pd.DataFrame(labels)",
    ]
    result = mark(notebook(*cells), built("hw2").task)
    assert result.scores["q1"] == 6
    assert result.scores["q2"] == 0
    assert result.notes == []
    (hint, *_) = [check["message"] for check in result.checks["q2"]]
    assert "pandas is not there while notebooks are marked" in hint


@pytest.mark.usefixtures("walls")
def test_another_homework_is_called_so():
    result = mark(notebook("x = 1"), built("hw2").task)
    assert result.total == 0
    assert result.notes == ["It defines nothing that this assignment asks for."]
    assert result.checks["q1"][0]["hint"].startswith(
        "Not tried: log_softmax is missing"
    )


@pytest.mark.usefixtures("walls")
def test_what_students_see_is_said_before_the_code_sees_hidden_inputs():
    tells = (
        "seen = []\ndef log_softmax(z):\n    seen.append(z.shape)\n"
        "    raise ValueError(f'{seen}')"
    )
    result = mark(notebook(*solution_cells(), tells), built("hw2").task)
    said = {True: "", False: ""}
    for check in (check for checks in result.checks.values() for check in checks):
        said[check["hidden"]] += check["message"]
    assert "(1, 3)" in said[False]
    assert "(3, 4, 6)" in said[True]
    assert "(3, 4, 6)" not in said[False]
