"""The course's assignments, built and tried; and builds that must be refused."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from grading import ROOT, walls  # noqa: F401

from grader import notebook
from grader.marking import trial
from grader.marking.mark import Submission, mark
from grader.release import assignment, leaks
from grader.release.build import ReleaseError, build
from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

NAMES = sorted(p.parent.name for p in (ROOT / "assignments").glob("*/assignment.yml"))


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """A place with the real assignments and a dist/ of its own."""
    root = tmp_path_factory.mktemp("course")
    (root / "assignments").symlink_to(ROOT / "assignments")
    return root


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", NAMES)
def test_solution_full_blank_nothing_wrong_answers_caught(course, name):
    build(name, course)
    said = trial.try_out(name, course, course_seed="a seed of the tests")
    wrong = len(trial.wrong_answers(name))
    assert said == f"{name}: solution 100 %, blank 0 %, {wrong} wrong answers caught"


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", NAMES)
def test_every_variant_is_marked_as_its_own(course, name):
    build(name, course)
    task = assignment.load(name, course)
    box = sandbox.Sandbox(task.packages, task.limits)

    def total(told, marked_as):
        data = task.solution.replace(b"VARIANT = 1", b"VARIANT = %d" % told)
        assert (data == task.solution) == (told == 1)
        return mark(Submission("s", data, variant=marked_as), task, one, "a seed").total

    with sandbox.OneWorker(box, 4) as one:
        assert [total(n, n) for n in (2, 5, 9)] == [task.points] * 3
        assert total(1, 2) < task.points


@pytest.mark.parametrize("name", NAMES)
def test_every_question_has_visible_and_hidden_points_and_its_own_names(name):
    given = assignment.settings(ROOT / "assignments" / name)
    for question in given["questions"].values():
        assert 0 < question.hidden < question.points
    names = [n for q in given["questions"].values() for n in q.exports]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_the_masters_hold_no_outputs(name):
    master = json.loads((ROOT / "assignments" / name / f"{name}.ipynb").read_text())
    assert [cell for cell in master["cells"] if cell.get("outputs")] == []


def test_a_variant_changes_one_line_for_the_student(course):
    first, second = build("hw2", course), build("hw2", course, 3)
    assert second.name == "hw2-variant-3"
    one, two = (
        notebook.parse((folder / "student" / "hw2.ipynb").read_bytes()).code
        for folder in (first, second)
    )
    ((before, after),) = [
        pair for pair in zip(one, two, strict=True) if len({*pair}) > 1
    ]
    assert before.replace("VARIANT = 1", "VARIANT = 3") == after


def test_the_zip_is_the_same_every_time(course):
    first = (build("hw2", course) / "hw2.zip").read_bytes()
    assert (build("hw2", course) / "hw2.zip").read_bytes() == first


# ---- what must be refused: hw2, spoilt in one place


def spoil_text(old, new, count=1):
    """Change the text of the master."""

    def apply(folder):
        path = folder / "hw2.ipynb"
        content = json.loads(path.read_text())
        left = count
        for cell in content["cells"]:
            text = "".join(cell["source"])
            if old in text and left:
                cell["source"], left = text.replace(old, new, 1), left - 1
        assert not left, "the master has changed: correct this test"
        path.write_text(json.dumps(content))

    return apply


def spoil_points(question, key, value):
    def apply(folder):
        path = folder / "assignment.yml"
        given = yaml.safe_load(path.read_text())
        given["questions"][question][key] = value
        path.write_text(yaml.safe_dump(given))

    return apply


def add_cell(text, kind="markdown"):
    def apply(folder):
        path = folder / "hw2.ipynb"
        content = json.loads(path.read_text())
        cell = {"cell_type": kind, "metadata": {}, "source": text, "id": "added"}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
        content["cells"].insert(2, cell)
        path.write_text(json.dumps(content))

    return apply


SPOILT = {
    "a misspelt hidden marker": (
        spoil_text("hidden: true", "hiden: true"),
        "q1: the tests give 6 points, 2 of them hidden",
    ),
    "a hidden test made public": (
        spoil_text("hidden: true", "hidden: false"),
        "q1: the tests give 6 points, 2 of them hidden",
    ),
    "points that differ": (
        spoil_points("q3", "points", 8),
        "q3: the tests give 7 points, 3 of them hidden; assignment.yml says 8 and 3",
    ),
    "a test without a hint": (
        spoil_text("failure_message", "success_message"),
        "q1, test 1, has no hint",
    ),
    "a solution in the text": (
        add_cell(
            "`return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))`"
        ),
        "this line is kept back",
    ),
    "a hidden test in the text": (
        add_cell('We test with `course_rng("q1 rows")`.'),
        "holds 'course_rng'",
    ),
    "the rubric in the text": (
        add_cell(
            "1 point: 0.05 / 1.04 = 4.8 % for an 8 on an image of a 3, against 1 % "
            "without weights."
        ),
        "this line is kept back",
    ),
    "the written solution in the text": (
        add_cell(
            "The entries sum to $S \\cdot 1 - S = 0$, since the $q_k$ sum to one: "
            "the loss does not change when all logits of a row are shifted."
        ),
        "this line is kept back",
    ),
    "a marker of the solution": (
        add_cell("# BEGIN SOLUTIONS\nx = 1", "code"),
        "holds 'BEGIN SOLUTION'",
    ),
}


@pytest.fixture
def spoilt(tmp_path):
    """A copy of hw2 to spoil."""
    folder = tmp_path / "assignments" / "hw2"
    shutil.copytree(ROOT / "assignments" / "hw2", folder)
    return folder


@pytest.mark.parametrize("fault", list(SPOILT))
def test_a_spoilt_release_is_refused(spoilt, fault):
    apply, says = SPOILT[fault]
    apply(spoilt)
    refused = (leaks.LeakError, ReleaseError)
    with pytest.raises(refused, match=re.escape(says)):
        build("hw2", spoilt.parent.parent)
    assert list((spoilt.parent.parent / "dist").iterdir()) == []


@pytest.mark.parametrize("kind", ["output", "count", "attachment", "file", "missing"])
def test_a_build_that_holds_more_than_it_should_is_refused(course, tmp_path, kind):
    built = tmp_path / "hw2"
    shutil.copytree(build("hw2", course), built)
    source = ROOT / "assignments" / "hw2"
    given = assignment.settings(source)
    leaks.check(source, built, given)
    path = built / "student" / "hw2.ipynb"
    content = json.loads(path.read_text())
    says = f"cell {len(content['cells'])}, has a"
    if kind == "output":
        content["cells"].append({"cell_type": "code", "source": [], "outputs": [1]})
        says = "has a stored output"
    elif kind == "count":
        content["cells"].append(
            {"cell_type": "code", "source": [], "execution_count": 3}
        )
        says = "has a stored output"
    elif kind == "attachment":
        content["cells"].append(
            {"cell_type": "markdown", "source": [], "attachments": {"a": 1}}
        )
        says = "has an attachment"
    elif kind == "file":
        (built / "student" / "solution.txt").write_text("psst")
        says = "solution.txt is not expected"
    else:
        (built / "student" / "tests" / "q3.py").unlink()
        says = "tests/q3.py is missing"
    path.write_text(json.dumps(content))
    with pytest.raises(leaks.LeakError, match=says):
        leaks.check(source, built, given)


# ---- what the trial must catch


@pytest.mark.usefixtures("walls")
def test_the_trial_catches_what_does_not_do_its_work(spoilt):
    root = spoilt.parent.parent
    spoil_text("    # BEGIN SOLUTION\n    if not", "    if not")(spoilt)
    spoil_text("eps / K\n    # END SOLUTION", "eps / K")(spoilt)
    spoil_text("return (mass", "return 2 * (mass")(spoilt)
    for path in (spoilt / "wrong").glob("q[345]-*.py"):
        path.unlink()
    for path in (spoilt / "wrong").glob("q1-*.py"):
        path.write_text(
            "# hint: something else\n" + path.read_text().partition("\n")[2]
        )
    (spoilt / "wrong" / "q2-right-after-all.py").write_text(
        "# hint: none\ndef smooth(labels, K, eps):\n"
        "    if not 0 <= eps <= 1:\n        raise ValueError\n"
        "    return (1 - eps) * np.eye(K)[labels] + eps / K\n"
    )
    build("hw2", root)
    with pytest.raises(trial.TrialError) as refused:
        trial.try_out("hw2", root)
    said = str(refused.value)
    assert re.search(r"the solution gets \d+ of 32", said)
    assert "the blank release gets 4 in q2, and must get 0" in said
    assert "q1-changes-input.py brings up other hints" in said
    assert "q2-right-after-all.py is wrong, and no check of q2 fails" in said
    assert "q4 has 0 wrong answers, needs 3" in said


@pytest.mark.usefixtures("walls")
def test_the_trial_finds_a_check_that_fails_for_some_inputs(spoilt):
    spoil_text(
        'rng = course_rng("q2")', 'rng = course_rng("q2")\nassert rng.random() < 0.9'
    )(spoilt)
    root = spoilt.parent.parent
    build("hw2", root)
    says = r"a hidden check of q2 fails the solution for [1-9]\d? of 50 inputs: Try"
    with pytest.raises(trial.TrialError, match=says):
        trial.try_out("hw2", root)


def test_the_command_says_what_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "grader.release", "none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no ")
    assert f"Assignments here: {', '.join(NAMES)}." in done.stderr
