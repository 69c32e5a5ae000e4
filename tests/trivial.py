"""Answers that need no thought; none of them may earn a point in any question."""

import numpy as np


def _array(args):
    return np.asarray(args[0])


def _refuses(*args):
    raise ValueError("no")


# Name → function of the arguments that a check passes. One that raises an exception
# where the arguments don't suit it is an answer like any other.
FUNCTIONS = {
    "nothing": lambda *args: None,
    "0": lambda *args: 0,
    "0.0": lambda *args: 0.0,
    "1": lambda *args: 1,
    "1.0": lambda *args: 1.0,
    "0.5": lambda *args: 0.5,
    "-1": lambda *args: -1,
    "NaN": lambda *args: np.nan,
    "infinity": lambda *args: np.inf,
    "True": lambda *args: True,
    "False": lambda *args: False,
    "an empty text": lambda *args: "",
    "fine": lambda *args: "fine",
    "an empty list": lambda *args: [],
    "its arguments": lambda *args: args,
    "the first argument": lambda *args: args[0],
    "the second argument": lambda *args: args[1],
    "the last argument": lambda *args: args[-1],
    "its first two arguments": lambda *args: args[:2],
    "the first argument, twice": lambda *args: (args[0], args[0]),
    "the first of the first argument": lambda *args: args[0][0],
    "minus the first argument": lambda *args: -args[0],
    "its size": lambda *args: abs(args[0]),
    "zeros like it": lambda *args: np.zeros_like(args[0]),
    "zeros like it, twice": lambda *args: (np.zeros_like(args[0]),) * 2,
    "zeros like each": lambda *args: tuple(np.zeros_like(arg) for arg in args),
    "ones like it": lambda *args: np.ones_like(args[0]),
    "ones like it, twice": lambda *args: (np.ones_like(args[0]),) * 2,
    "equal shares": lambda *args: np.full(np.shape(args[0]), 1 / len(args[0])),
    "equal shares on the last axis": lambda *args: np.full_like(
        args[0], 1 / np.shape(args[0])[-1]
    ),
    "a zero per row": lambda *args: np.zeros(len(args[0])),
    "a one per row": lambda *args: np.ones(len(args[0])),
    "a zero per row, twice": lambda *args: (np.zeros(len(args[0])),) * 2,
    "a zero per row, thrice": lambda *args: (np.zeros(len(args[0])),) * 3,
    "a one per row, twice": lambda *args: (np.ones(len(args[0])),) * 2,
    "a one per row, in rows": lambda *args: np.ones((1, len(args[0]))),
    "a zero and zeros like it": lambda *args: (0.0, np.zeros_like(args[0])),
    "zeros without the last axis": lambda *args: np.zeros(np.shape(args[0])[:-1]),
    "four zeros": lambda *args: (0.0,) * 4,
    "its length": lambda *args: len(args[0]),
    "its sum": lambda *args: _array(args).sum(),
    "its sums": lambda *args: _array(args).sum(axis=-1),
    "its mean": lambda *args: _array(args).mean(),
    "its means": lambda *args: _array(args).mean(axis=-1),
    "its maximum": lambda *args: _array(args).max(),
    "its maxima": lambda *args: _array(args).max(axis=-1),
    "its minima": lambda *args: _array(args).min(axis=-1),
    "its likeliest": lambda *args: _array(args).argmax(axis=-1),
    "its smallest": lambda *args: _array(args).argmin(axis=-1),
    "it in order": lambda *args: np.sort(args[0]),
    "it without its maxima": lambda *args: (
        args[0] - _array(args).max(axis=-1, keepdims=True)
    ),
    "its shares": lambda *args: args[0] / _array(args).sum(axis=-1, keepdims=True),
    "its exponentials": lambda *args: np.exp(args[0]),
    "its logarithms": lambda *args: np.log(args[0]),
    "a ValueError": _refuses,
    "a ValueError below 0": lambda *args: 0.0 if args[-1] >= 0 else _refuses(),
    "a ValueError outside of 0 to 1": lambda *args: (
        0.0 if 0 <= args[-1] <= 1 else _refuses()
    ),
}

# For a name that stands for a value.
VALUES = {
    "None": None,
    "0": 0,
    "0.0": 0.0,
    "1": 1,
    "1.0": 1.0,
    "0.5": 0.5,
    "-1": -1,
    "2": 2,
    "NaN": np.nan,
    "infinity": np.inf,
    "True": True,
    "a text": "en",
    "an empty list": [],
    "three zeros": [0.0, 0.0, 0.0],
    "four zeros": (0.0, 0.0, 0.0, 0.0),
}
