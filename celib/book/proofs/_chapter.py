"""`define` and `prove`: what a chapter's cells call.

The LaTeX of an equation is the only copy of it. It is what the page shows, what is
given a meaning, what is evaluated at random points and what is proved.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from celib.book.proofs._known import KNOWN
from celib.book.proofs._meaning import Meaningless
from celib.book.proofs._mutants import rejected_versions
from celib.book.proofs._names import Ambiguous, Names, called, in_words, listed
from celib.book.proofs._numbers import Rejected, check_numbers
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

__all__ = ["Call", "check", "define", "meaning_of", "prove", "start_over"]


@dataclass(frozen=True)
class Call:
    """What a cell says of an equation; the arguments are those of `prove`."""

    label: str
    latex: str
    domains: str = ""
    given: tuple = ()
    solves: tuple = ()
    defines: bool = False


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
    _show(Call(label, latex, domains, tuple(given), defines=True))


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
    _show(Call("", latex, domains, tuple(given), tuple(solves)))


def prove(label: str, latex: str, domains: str = "", /, *, given=(), solves=()) -> None:
    r"""Prove the equation `latex`, and show it as the numbered equation `label`.

    Every link of a chain and every condition in the string is evaluated at random
    points, in 40 digits, for several sizes, and then proved with symbols, for every
    entry of a vector, and for any number of classes where there is one.

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
    _show(Call(label, latex, domains, tuple(given), tuple(solves)))


def _show(call):
    """Prove all that a call says, remember it, and show it."""
    title = call.label or "the equation"
    with _telling_where(title, call.latex):
        names, claims = meaning_of(call)
        proofs = [prove_statement(names, claim, title) for claim in claims]
        if call.solves:
            _refuse_empty_conditions(call, names, claims, title)
        record = _record(call, names, proofs)
    if call.defines:
        CHAPTER.names.names |= _defined_by(names, call.label)
    if call.label:
        CHAPTER.typed[call.label] = call.latex
    publish_record(record)


def meaning_of(call):
    """Return all names that an equation may use, and the statements that it claims.

    The statement of a definition is not a claim, nor is that of a solution: the
    conditions are what is claimed of it. What follows in their chains is.
    """
    names = _scope(call)
    if not call.defines and not call.solves:
        return names, read(call.latex, names.functions)
    statements = read(call.latex, names.functions | _called(call.latex))
    if call.defines:
        head, *local = statements
        if len(head.chain) < 3 or head.chain[1] != "=":
            raise Meaningless("a definition must have the form name = meaning")
        explained = tuple((name_of(s.chain[0]), s.chain[-1]) for s in local)
        statements = [head]
    for statement in statements:
        if statement.chain[1:2] != ("=",):
            raise Meaningless("what solves a condition must have the form name = value")
        name = names.head(statement.chain[0])
        local = explained if call.defines else ()
        label = call.label if call.defines else ""
        names.add(name, statement.chain[2], call.latex, label=label, local=local)
    names.used.clear()
    rest = [Statement(s.chain[2:], s.where) for s in statements]
    claims = [statement for statement in rest if len(statement.chain) > 1]
    for condition in call.solves:
        claims += read(condition, names.functions)
    return names, claims


def _record(call, names, proofs):
    """Return the record of an equation whose claims were proved."""
    kinds = [proof.kind for proof in proofs]
    order = ("instances", "any K", "no K")
    kind = next((k for k in order if k in kinds), "definition")
    if proofs:
        _refuse_unused(call, names)
    sizes = tuple(sorted({size for proof in proofs for size in proof.sizes}))
    conditions = _conditions(call, names, sizes)
    if not all(proof.everywhere for proof in proofs):
        conditions.append("wherever both sides are defined")
    wrong = () if call.defines or call.solves else rejected_versions(names, call)
    return Record(
        label=call.label,
        kind="definition" if call.defines else kind,
        latex=call.latex,
        sizes=sizes,
        conditions="; ".join(conditions),
        methods=tuple(sorted({m for proof in proofs for m in proof.methods})),
        solves=call.solves,
        rejected=wrong,
    )


def _defined_by(names, label):
    """Return the definitions that bear a label."""
    return {key: d for key, d in names.names.items() if d.label == label}


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


def _scope(call):
    """Return all names that an equation may use."""
    names = CHAPTER.names.copy()
    for label, latex in KNOWN.items():
        if label not in CHAPTER.typed and label != call.label:
            _take_in_known(names, label, latex)
    names.declare(call.domains)
    for item in call.given:
        if item.startswith("eq-"):
            _take_in(names, item)
        else:
            names.define(item)
    return names


def _take_in(names, label):
    """Take the meaning of a name from an earlier equation."""
    latex = CHAPTER.typed.get(label, KNOWN.get(label))
    if latex is None:
        raise ValueError(f"given must name an earlier equation, got {label}")
    for statement in read(latex, names.functions | _called(latex)):
        if statement.chain[1] != "=":
            raise Meaningless(f"{label} is no equation that could give a meaning")
        name = names.head(statement.chain[0])
        if names.key_of(name) in names.known:
            raise Ambiguous(f"{name[0]} has a meaning already, and another by {label}")
        names.add(name, statement.chain[2], label)


def _take_in_known(names, label, latex):
    """Take in a function that another chapter defines, unless this one does."""
    head, *local = read(latex, names.functions | _called(latex))
    base, params, indices = names.head(head.chain[0])
    key = f"{base}/{len(params)}"
    if params and key not in names.names:
        explained = tuple((name_of(s.chain[0]), s.chain[-1]) for s in local)
        names.add((base, params, indices), head.chain[2], label, local=explained)
        names.known.add(key)


def _called(latex):
    """Names that the left-hand side of a definition calls, as h in h(p) = …"""
    # the sign may stand on the next line
    left = re.split(r"=|\\\\", latex, maxsplit=1)[0]
    try:
        return called(Names().head(left))
    except ValueError:
        return set()


def _conditions(call, names, sizes):
    """Return what stands under an equation: letters, names, and what it satisfies."""
    parts = []
    # "for any K" says of K that it is a whole number
    said = in_words("; ".join(f"{size} size" for size in sizes))
    if letters := [words for words in in_words(call.domains) if words not in said]:
        parts.append("for " + listed(letters))
    shown = [f"${g}$" for g in call.given if not g.startswith("eq-")]
    links = [g for g in call.given if g.startswith("eq-")]
    used = {names.names[key] for key in names.used & names.names.keys()}
    sources = {definition.label or definition.latex for definition in used}
    sources = {source for source in sources if source.startswith("eq-")}
    links += sorted(sources - {call.label, *links})
    if shown:
        parts.append("where " + listed(shown))
    if links:
        parts.append("by " + listed([f"{{eq}}`{link}`" for link in links]))
    if call.solves:
        parts.append("it satisfies " + listed([f"${s}$" for s in call.solves]))
    return parts


def _refuse_empty_conditions(call, names, claims, title):
    """Refuse conditions that another value would satisfy as well."""
    wrong = names.copy()
    for key, definition in names.names.items():
        if definition.latex == call.latex:
            tree = ("+", definition.tree, ("num", "1"))
            wrong.names[key] = replace(definition, tree=tree)
    try:
        for claim in claims:
            check_numbers(wrong, claim, title, tries=2, classes=(3,))
    except (Rejected, Meaningless, TypeError):
        return
    raise Meaningless("the conditions must fail for another value than this one")


def _refuse_unused(call, names):
    """Refuse what is declared beside an equation, and not used by it."""
    declared = [key for key in names.domains if key not in names.used]
    given = [
        definition.latex
        for key, definition in names.names.items()
        if key not in names.used and definition.latex in call.given
    ]
    if declared or given:
        raise Meaningless(
            "it must use what is declared beside it, but does not use "
            + ", ".join([*declared, *given])
        )
