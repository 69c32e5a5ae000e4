"""`define` and `prove`: what a chapter's cells call.

The LaTeX of an equation is the only copy of it. It is what the page shows, what is
given a meaning, what is evaluated at random points and what is proved.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

from celib.book.proofs._known import KNOWN
from celib.book.proofs._meaning import Meaningless
from celib.book.proofs._mutants import rejected_versions
from celib.book.proofs._names import Ambiguous, Names, called, in_words
from celib.book.proofs._prover import prove_statement
from celib.book.proofs._reader import (
    Statement,
    Unreadable,
    excerpt,
    name_of,
    read,
    tokens_of,
)
from celib.book.proofs._record import Record, publish_record

__all__ = ["check", "define", "prove", "start_over"]


@dataclass
class Chapter:
    """The definitions and equations of the notebook so far."""

    names: Names = field(default_factory=Names)
    typed: dict = field(default_factory=dict)


CHAPTER = Chapter()


def start_over() -> None:
    """Forget the equations so far, as a new notebook does.

    Examples
    --------
    >>> start_over()
    """
    CHAPTER.names = Names()
    CHAPTER.typed = {}


def define(label: str, latex: str, domains: str = "", /, *, given=()) -> None:
    r"""Show a definition as the numbered equation `label`; later equations may use it.

    Parameters
    ----------
    label : str
        The equation's label, which begins with ``eq-``.
    latex : str
        The definition, as it is shown: a name on the left, its meaning on the right.
        Further links of a chain are claims, and proved. What follows a comma
        explains names of the definition.
    domains : str, optional
        The values that its letters may take, as for `prove`.
    given : sequence of str, optional
        Further definitions that it uses, as for `prove`.

    Raises
    ------
    ValueError
        If the LaTeX can't be read, a name is unknown or has two meanings, or a
        link of a chain is false or can't be proved.

    Examples
    --------
    >>> define("eq-surprisal", r"h(p) = -\log p", "0 < p < 1")
    h(p) = -\log p   [eq-surprisal: definition]
    """
    _check_label(label)
    with _telling_where(label, latex):
        record = _defined(label, latex, domains, given)
    CHAPTER.typed[label] = latex
    publish_record(record)


def _defined(label, latex, domains, given):
    """Take in a definition, and prove the further links of its chain."""
    scope = _scope(label, domains, given)
    head, *local = read(latex, scope.functions | _called(latex))
    if len(head.chain) < 3 or head.chain[1] != "=":
        raise Meaningless("a definition must have the form name = meaning")
    explained = tuple((name_of(s.chain[0]), s.chain[-1]) for s in local)
    left = scope.head(head.chain[0])
    scope.add(left, head.chain[2], latex, label=label, local=explained)
    scope.used.clear()
    links = range(2, len(head.chain) - 1, 2)
    for i in links:
        prove_statement(scope, Statement(head.chain[i : i + 3]), label)
    conditions = _conditions(scope, label, domains, given, (), checked=bool(links))
    CHAPTER.names.add(left, head.chain[2], latex, label=label, local=explained)
    return Record(label, "definition", latex, conditions)


def check(latex: str, domains: str = "", /, *, given=(), solves=()) -> None:
    r"""Prove an equation without a number, such as a step of your own, and show it.

    Parameters
    ----------
    latex, domains, given, solves
        As for `prove`.

    Raises
    ------
    ValueError
        As for `prove`.

    Examples
    --------
    >>> check(r"\sigma(z) + \sigma(-z) = 1", "z real")
    \sigma(z) + \sigma(-z) = 1   [proved]
    """
    with _telling_where("the equation", latex):
        record = _proved("", latex, domains, given, solves)
    publish_record(record)


def prove(label: str, latex: str, domains: str = "", /, *, given=(), solves=()) -> None:
    r"""Prove the equation `latex`, and show it as the numbered equation `label`.

    Every link of a chain, every entry of a vector and every condition in the string
    is evaluated at random points, in 40 digits, for several sizes, and then proved
    with symbols; for any number of classes, where there is one.

    Parameters
    ----------
    label : str
        The equation's label, which begins with ``eq-``.
    latex : str
        The equation, as it is shown.
    domains : str, optional
        The values that its letters may take, parted by semicolons: ``z_k, c real``,
        ``p_k distribution``, ``T > 0``, ``0 < q < 1``, ``b > 1``, ``y class``,
        ``f function``; and the ranges of indices: ``d = 1, \dots, D``.
    given : sequence of str, optional
        What its names mean: definitions such as ``q_k = e^{z_k} / S``, or labels of
        earlier equations of the chapter that give a name its meaning.
    solves : sequence of str, optional
        Conditions that determine the left-hand side. The equation then says what
        its names are, and the conditions are proved.

    Raises
    ------
    ValueError
        If the LaTeX can't be read, a name is unknown or has two meanings, a number
        contradicts it, or a step is beyond sympy. The message says where.

    Examples
    --------
    >>> prove("eq-square", "(x + 1)^2 = x^2 + 2x + 1", "x real")
    (x + 1)^2 = x^2 + 2x + 1   [eq-square: proved]
    """
    _check_label(label)
    with _telling_where(label, latex):
        record = _proved(label, latex, domains, given, solves)
    CHAPTER.typed[label] = latex
    publish_record(record)


def _proved(label, latex, domains, given, solves):
    """Prove all that the equation says, or raise; the record of it."""
    scope = _scope(label, domains, given)
    statements = read(latex, scope.functions | (_called(latex) if solves else set()))
    claims = list(statements)
    if solves:
        for statement in statements:
            _add_solution(scope, statement, latex)
        # a name may be a chain: its further links are claims of their own
        claims = [
            Statement(s.chain[2:], s.where) for s in statements if len(s.chain) > 3
        ]
        for condition in solves:
            claims += read(condition, scope.functions)
    results = [prove_statement(scope, claim, label or latex) for claim in claims]
    kinds = [kind for kind, _ in results]
    kind = next(k for k in ("instances", "any K", "no K") if k in kinds)
    everywhere = all(everywhere for _, everywhere in results)
    return Record(
        label=label,
        kind=kind,
        latex=latex,
        solves=tuple(solves),
        conditions=_conditions(scope, label, domains, given, solves)
        + ("" if everywhere else "; where both sides are defined"),
        rejected=() if solves else rejected_versions(scope, latex, label),
    )


@contextmanager
def _telling_where(label, latex):
    """Say of an error which equation it is in, and at which place."""
    try:
        yield
    except Unreadable as error:
        raise Unreadable(f"{label}: {error}") from None
    except Ambiguous as error:
        raise Ambiguous(f"{label}: {error}") from None
    except Meaningless as error:
        name = error.name.partition("_")[0]
        found = [t.start for t in tokens_of(latex) if t.text.lstrip("\\") == name]
        place = f", at {excerpt(latex, found[0])}" if name and found else ""
        raise Meaningless(f"{label}: {error}{place}", error.name) from None


def _check_label(label):
    if not re.fullmatch(r"eq-[a-z0-9-]+", label):
        raise ValueError(
            f"label must be 'eq-' and lower-case letters, digits or '-', got {label!r}"
        )


def _scope(label, domains, given):
    """All names that the equation of that label may use."""
    names = CHAPTER.names.copy()
    for known in KNOWN:
        if known not in CHAPTER.typed and known != label:
            _take_in_known(names, known)
    names.declare(domains)
    for item in given:
        if item.startswith("eq-"):
            _take_in(names, item, "")
        else:
            names.define(item)
    return names


def _take_in(names, label, mark):
    """Take the meaning of a name from an earlier equation."""
    typed = CHAPTER.typed.get(label, KNOWN.get(label))
    if typed is None:
        raise ValueError(f"given must name an earlier equation, got {label}")
    for statement in read(typed, names.functions | _called(typed)):
        head = names.head(statement.chain[0])
        names.add(head, statement.chain[2], label, label=mark)


def _take_in_known(names, label):
    """Take in a definition of another chapter, unless its name is taken."""
    typed = KNOWN[label]
    first, *local = read(typed, names.functions | _called(typed))
    base, params, indices = names.head(first.chain[0])
    if not params:
        return  # only functions are known without being given
    key = f"{base}/{len(params)}"
    if key not in names.names:
        explained = tuple((name_of(s.chain[0]), s.chain[-1]) for s in local)
        names.add((base, params, indices), first.chain[2], label, local=explained)
        names.known.add(key)


def _called(latex):
    """Names that the left-hand side of a definition calls, as h in h(p) = …"""
    left = latex.partition("=")[0]
    try:
        return called(Names().head(left))
    except ValueError:
        return set()


def _add_solution(names, statement, latex):
    head = names.head(statement.chain[0])
    names.add(head, statement.chain[2], latex)


def _conditions(names, label, domains, given, solves, checked=True):
    """The line under an equation: what holds for which letters, and with what names."""
    if checked:
        _refuse_unused(names, label, domains, given)
    parts = []
    if domains:
        parts.append("for " + ", ".join(in_words(domains)))
    shown = [f"${g}$" for g in given if not g.startswith("eq-")]
    links = [g for g in given if g.startswith("eq-")]
    used = {d.label or d.latex for k, d in names.names.items() if k in names.used}
    links += sorted(u for u in used if u.startswith("eq-") and u not in (label, *links))
    if shown:
        parts.append("where " + ", ".join(shown))
    if links:
        parts.append("by " + ", ".join(f"{{eq}}`{link}`" for link in links))
    if solves:
        parts.append("it satisfies " + ", ".join(f"${s}$" for s in solves))
    return "; ".join(parts)


def _refuse_unused(names, label, domains, given):
    declared = [k for k, d in names.domains.items() if k not in names.used]
    unused = [
        d.latex
        for k, d in names.names.items()
        if k not in names.used and (d.latex in given)
    ]
    if declared or unused:
        raise Meaningless(
            "it must use what is declared beside it, but does not use "
            + ", ".join([*declared, *unused])
        )
