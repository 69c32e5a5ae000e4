"""Proofs that run: a numbered equation of the book is the string that was proved.

`define` and `prove` take the LaTeX of an equation, show it, give it a meaning,
evaluate it at random points and prove it; `check` does so without a number. In the
order of their work: `_reader` turns LaTeX into a tree, `_names` keeps what the letters
stand for, `_meaning` turns a tree into sympy, `_numbers` evaluates it, `_normal` and
`_signs` bring it into a form in which `_prover` can see that it holds. `_mutants` makes
wrong versions, `_chapter` has what the cells call, `_record` what they leave behind.
"""

from celib.book.proofs._chapter import check, define, prove, start_over
from celib.book.proofs._record import Equation, Record, ledger

__all__ = [
    "Equation",
    "Record",
    "check",
    "define",
    "ledger",
    "prove",
    "start_over",
]
