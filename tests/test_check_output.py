"""What students see of a check that fails in their own notebook."""

import importlib.util
import json
import subprocess
import sys

import grading
import numpy as np
import pytest
from otter.test_files import ok_test

from grader.release.build import HANDED_OUT

pytestmark = pytest.mark.slow

spec = importlib.util.spec_from_file_location("check_output", HANDED_OUT)
check_output = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_output)

hw2 = grading.hw2

RUN = """
import json, os, sys
from IPython.core.interactiveshell import InteractiveShell
sys.path.insert(0, "")
shell = InteractiveShell.instance()
for cell in json.loads(sys.argv[1]):
    done = shell.run_cell(cell)
print("<<<", done.result, ">>>", sep="")
"""


def f(x):
    return np.array([1.0, 2.0])[x]


def chained():
    try:
        f(3)
    except IndexError:
        raise ValueError("of two\nlines") from None


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "np.testing.assert_allclose(f([0, 1]), [1, 3])",
            "Expected [1, 3], got [1., 2.]",
        ),
        (
            "np.testing.assert_allclose(np.zeros(2), np.zeros((1, 2)), strict=True)",
            "Expected [[0., 0.]], got [0., 0.] (shapes (2,), (1, 2) mismatch)",
        ),
        ("np.testing.assert_allclose(-np.inf, 1.0)", "Expected 1., got -inf"),
        ("assert f(1) == 3", "This does not hold: assert f(1) == 3"),
        ("assert f(1) == 3, f'got {f(1)}'", "got 2.0"),
        ("f(1)", "Expected nothing, got np.float64(2.0)"),
        ("chained()", "ValueError: of two lines"),
        ("np.sum(np.ones(2), axis=3)", "AxisError: axis 3 is out of bounds"),
        ("missing", "NameError: name 'missing' is not defined"),
        ("raise KeyError", "KeyError"),
    ],
)
def test_a_failure_is_one_line(code, line):
    names = {"np": np, "f": f, "chained": chained}
    passed, printed = ok_test.run_doctest("q1 0", f">>> x = 1\n>>> {code}\n", names)
    assert not passed
    told = check_output.brief(printed)
    assert told.startswith(line)
    assert "\n" not in told


def test_a_failure_that_is_long_is_cut():
    code = ">>> np.testing.assert_allclose(np.arange(900.0), np.ones(900))\n"
    told = check_output.brief(ok_test.run_doctest("q1 0", code, {"np": np})[1])
    assert len(told) <= 2 * check_output.LONGEST + 20


@pytest.fixture
def run(hw2):
    def run(*cells):
        folder = hw2.root / "dist" / "hw2" / "student"
        command = [sys.executable, "-c", RUN, json.dumps(cells)]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout.partition("<<<")[2].partition(">>>")[0]

    return run


def test_a_check_shows_the_hint_and_one_line(run, hw2):
    cells = grading.code_cells(hw2.blank)[:2]
    wrong = "def log_softmax(z):\n    q = z.copy()\n    return q - q[7]"
    said = run(*cells, wrong, 'grader.check("q1")')
    failures = said.split("q1 - ")[1:]
    assert len(failures) == 6
    for message, result in zip(failures[::2], failures[1::2], strict=True):
        assert len(message.split()) > 5
        lines = [line.strip() for line in result.splitlines() if line.strip()][1:]
        assert lines[0] == "❌ Test case failed"
        assert lines[1].endswith("in the line: return q - q[7]")
        assert len(lines) == 2
