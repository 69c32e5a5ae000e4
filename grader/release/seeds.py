"""Draws the inputs of hidden tests from the course's secret seed."""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass
class _Course:
    seed: str = "authoring"
    variant: int = 1


_COURSE = _Course()


def set_course(seed: str, variant: int = 1) -> None:
    """Say which course the hidden tests that follow belong to."""
    _COURSE.seed, _COURSE.variant = seed, variant


def course_rng(name: str) -> np.random.Generator:
    """Return a generator that depends on the course's seed and `name` alone.

    A hidden test draws its inputs from it. So two tests don't disturb each
    other, the same course gives the same inputs on every machine, and a
    student who collects the inputs of last year's course has those of
    another one.

    Parameters
    ----------
    name : str
        Any text that no other test of the assignment uses.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> set_course("authoring")
    >>> first = float(course_rng("q1").normal())
    >>> first == float(course_rng("q1").normal())
    True
    >>> set_course("another course")
    >>> first == float(course_rng("q1").normal())
    False
    >>> set_course("authoring")
    """
    digest = hashlib.sha256(f"{_COURSE.seed}\n{name}".encode()).digest()
    return np.random.default_rng(list(digest))


def course_variant() -> int:
    """Return the variant that the student at hand was given, 1 unless a roster says."""
    return _COURSE.variant
