"""Draws the inputs of hidden tests, for each submission its own.

They come from the course's secret seed and the submission itself. What a student's code
might learn of them, and somehow tell another's, is of no use there.
"""

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass
class _Course:
    seed: str = "authoring"
    variant: int = 1
    submission: str = ""


_COURSE = _Course()


def set_course(seed: str, variant: int = 1, submission: str = "") -> None:
    """Say which course and which submission the hidden tests that follow are for.

    Parameters
    ----------
    seed : str
        The course's secret.
    variant : int
        The variant that this student was given.
    submission : str
        A digest of what was handed in.
    """
    _COURSE.seed, _COURSE.variant, _COURSE.submission = seed, variant, submission


def course_rng(name: str) -> np.random.Generator:
    """Return a generator that depends on seed, submission and `name` alone.

    A hidden test draws its inputs from it. So two tests don't disturb each
    other, the same notebook gets the same inputs on every machine, and a
    student who collects the inputs of another notebook or of last year's
    course has none of their own.

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
    drawn_from = f"{_COURSE.seed}\n{_COURSE.submission}\n{name}"
    digest = hashlib.sha256(drawn_from.encode()).digest()
    return np.random.default_rng(list(digest))


def course_variant() -> int:
    """Return the variant that the student at hand was given, 1 unless a roster says."""
    return _COURSE.variant
