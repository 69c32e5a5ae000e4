"""What the book's pages are made with: proofs, figures, and source on show.

A chapter imports what it puts on the page from here. The formulas that proofs
are about are built with `celib.book.proofs`: symbols, distributions, entropies.
The library itself never imports this package, which needs sympy and matplotlib.
"""

from celib.book.display import publish, show_source
from celib.book.figures import COLOURS, show, subplots
from celib.book.proofs import check, define, ledger, prove

__all__ = [
    "COLOURS",
    "check",
    "define",
    "ledger",
    "prove",
    "publish",
    "show",
    "show_source",
    "subplots",
]
