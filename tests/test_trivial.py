"""Each question of each assignment, answered without any thought."""

import functools
import warnings

import grading
import numpy as np
import pytest
import trivial

from grader.marking import checks
from grader.release import seeds
from grader.sandbox.inside import wire

pytestmark = pytest.mark.slow

NAMES = [f"hw{n}" for n in range(1, 6)]


def across(value):
    """Return a value as it comes out on the other side of the sandbox's wall."""
    message, blobs = wire.Reader().feed(wire.pack({"id": 1}, [value]))
    return wire.decode(message["values"][0], blobs)


def called_across(function):
    """Return a function as the checks call it: through the wall, there and back."""

    @functools.wraps(function)
    def call(*args, **options):
        args, options = across((args, options))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return across(function(*args, *options.values()))

    return call


def on_rank(rank, function):
    return function


def solution(name):
    """Return the names that an assignment's solution defines."""
    names = {"__name__": "__main__"}
    for cell in grading.solution_cells(name):
        if "grader" not in cell:
            exec(cell, names)
    return names


def answers(functions, values):
    """Yield what the exports of a question become: one idea for all of them."""
    for idea, function in trivial.FUNCTIONS.items():
        yield f"functions: {idea}", dict.fromkeys(functions, called_across(function))
    for idea, value in trivial.VALUES.items():
        yield f"values: {idea}", dict.fromkeys(values, value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_no_trivial_answer_earns_a_point(name):
    task, right = grading.built(name).task, solution(name)
    seeds.set_course("a seed of the tests")
    earned = []
    for question, told in task.questions.items():
        functions = [n for n in told.exports if callable(right[n])]
        values = [n for n in told.exports if n not in functions]
        cases = checks.read(task.tests[question])
        for idea, given in answers(functions, values):
            for case in cases:
                if not given.keys() & names_in(case, told.exports):
                    continue
                passed, _ = checks.run(case, {"np": np, "on_rank": on_rank, **given})
                if passed:
                    earned.append(f"{question}, {case.name}: {idea}")
    assert not earned, "\n".join(earned)


def names_in(case, exports):
    """Return the exported names that a check uses."""
    return {name for name in exports if name in case.code}
