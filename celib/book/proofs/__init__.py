"""Proofs that run: a numbered equation of the book is the string that was proved.

`define` and `prove` take the LaTeX of an equation, show it, give it a meaning,
evaluate it at random points and prove it. `_reader` turns LaTeX into a tree, `_names`
keeps what the letters stand for, `_meaning` turns a tree into sympy, `_prover` proves,
`_mutants` makes wrong versions, `_record` lists what was proved.
"""

import functools

from celib.book.proofs import _chapter, _legacy
from celib.book.proofs._chapter import check, start_over
from celib.book.proofs._legacy import (
    Equation,
    cross_entropy,
    distribution,
    entropy,
    kl_divergence,
    ledger,
    variables,
)
from celib.book.proofs._record import Record

__all__ = [
    "Equation",
    "Record",
    "check",
    "cross_entropy",
    "define",
    "distribution",
    "entropy",
    "kl_divergence",
    "ledger",
    "prove",
    "start_over",
    "variables",
]


# Until all chapters are converted, sympy's expressions are taken as well.
@functools.wraps(_chapter.define)
def define(label, first, *args, **options):
    way = _chapter if isinstance(first, str) else _legacy
    way.define(label, first, *args, **options)


@functools.wraps(_chapter.prove)
def prove(label, first, *args, **options):
    way = _chapter if isinstance(first, str) else _legacy
    way.prove(label, first, *args, **options)
