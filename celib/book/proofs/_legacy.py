"""Proofs that run: every numbered equation of the book is settled here.

`define` records a definition; `prove` records a result, and raises unless
sympy reduces it to nothing, random rational points agree, and a wrong twin
is turned away. `ledger` reads both back from the executed chapters.
"""

import itertools
import json
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sympy as sp

from celib.book.display import publish

__all__ = [
    "Equation",
    "cross_entropy",
    "define",
    "distribution",
    "entropy",
    "kl_divergence",
    "ledger",
    "prove",
    "variables",
]

MIME = "application/vnd.celib.proof+json"
POINTS = 6
DIGITS = 40
# Characters that fit beside an equation number; wider displays are broken in two.
LINE = 52

Terms = tuple[Any, ...]


# --- building blocks -------------------------------------------------------


def variables(name: str, K: int, /, **assumptions: bool) -> tuple[sp.Symbol, ...]:
    """Symbols name_1 to name_K, positive unless you say otherwise.

    Examples
    --------
    >>> variables("n", 3)
    (n_1, n_2, n_3)
    """
    assumptions = assumptions or {"positive": True}
    return tuple(sp.Symbol(f"{name}_{k}", **assumptions) for k in range(1, K + 1))


def distribution(name: str, K: int, /) -> tuple[sp.Expr, ...]:
    """K probabilities that sum to one: the last is one minus the others.

    Examples
    --------
    >>> distribution("p", 3)
    (p_1, p_2, -p_1 - p_2 + 1)
    """
    free = variables(name, K - 1)
    return (*free, 1 - sp.Add(*free))


def entropy(p: Iterable[sp.Expr], /) -> sp.Expr:
    """Entropy of `p`, in nats, as a formula.

    Examples
    --------
    >>> entropy(variables("p", 2))
    -p_1*log(p_1) - p_2*log(p_2)
    """
    p = tuple(p)
    return cross_entropy(p, p)


def cross_entropy(p: Iterable[sp.Expr], q: Iterable[sp.Expr], /) -> sp.Expr:
    """Cross-entropy of data from `p` under `q`, in nats, as a formula.

    Examples
    --------
    >>> cross_entropy(variables("p", 2), variables("q", 2))
    -p_1*log(q_1) - p_2*log(q_2)
    """
    return -sp.Add(*(a * sp.log(b) for a, b in zip(p, q, strict=True)))


def kl_divergence(p: Iterable[sp.Expr], q: Iterable[sp.Expr], /) -> sp.Expr:
    """Kullback-Leibler divergence of `q` from `p`, in nats, as a formula.

    Examples
    --------
    >>> kl_divergence(variables("p", 2), variables("q", 2))
    p_1*log(p_1/q_1) + p_2*log(p_2/q_2)
    """
    return sp.Add(*(a * sp.log(a / b) for a, b in zip(p, q, strict=True)))


# --- define and prove ------------------------------------------------------


def define(label: str, name: Any, meaning: Any, /) -> None:
    """Record the definition that carries `label`, and show it.

    Parameters
    ----------
    label : str
        The equation's label, which begins with ``eq-``.
    name, meaning : expression
        What is defined, and as what.

    Raises
    ------
    ValueError
        If `label` does not begin with ``eq-``.

    Examples
    --------
    >>> p = sp.Symbol("p", positive=True)
    >>> define("eq-surprisal", sp.Function("h")(p), -sp.log(p))
    h(p) := -log(p)   [eq-surprisal: definition]
    """
    _check_label(label)
    name, meaning = sp.sympify(name), sp.sympify(meaning)
    _publish(
        {
            "label": label,
            "kind": "definition",
            "latex": f"{sp.latex(name)} := {_latex(meaning)}",
        },
        plain=f"{name} := {meaning}   [{label}: definition]",
        note="definition",
    )


def prove(
    label: str,
    lhs: Any,
    rhs: Any,
    /,
    *,
    relation: str = "=",
    classes: Iterable[int] | None = None,
    term: Terms | None = None,
    certificate: Any = None,
    twin: Any = None,
    name: Any = None,
) -> None:
    """Prove the equation that carries `label`, or raise; then record and show it.

    Three checks, all of which must succeed: sympy reduces the difference to
    zero (or, for an inequality, shows that it is not negative); both sides
    agree at random rational points, in 40 digits; and a wrong twin of the
    right-hand side is rejected by both.

    Parameters
    ----------
    label : str
        The equation's label, which begins with ``eq-``.
    lhs, rhs : expression, or function of K that returns one
        The two sides: numbers, formulas, matrices or tuples of them. Unevaluated
        derivatives, sums, limits and integrals are shown so and worked out.
    relation : {"=", ">="}
        What holds between them.
    classes : iterable of int, optional
        The numbers of classes K to prove it for, when the sides are functions;
        the first is shown.
    term : pair or triple of expressions, optional
        Both sides of one term of the sum, in symbols that do not depend on K,
        and for an inequality its certificate. What holds for every term holds
        for the sum, so this settles any K.
    certificate : expression, or function of K, optional
        For an inequality: an expression equal to lhs - rhs that sympy can see is
        not negative. Without one, lhs - rhs must be convex in its only
        symbol, with a minimum that is not negative.
    twin : expression, or function of K, optional
        A wrong right-hand side that a reader could believe. By default, the
        right-hand side with one sign turned round, or the reverse inequality.
    name : expression, or function of K, optional
        What to show in place of the left-hand side, when that is the result of
        a calculation, such as the solution of an equation.

    Raises
    ------
    ValueError
        If a check fails: the message names the label, the check and the case.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> prove("eq-square", (x + 1) ** 2, x**2 + 2 * x + 1)
    (x + 1)**2 = x**2 + 2*x + 1   [eq-square: proved]
    """
    _check_label(label)
    if relation not in ("=", ">="):
        raise ValueError(f"relation must be '=' or '>=', got {relation!r}")
    classes = None if classes is None else tuple(classes)
    sides = (lhs, rhs, certificate, twin, name)
    cases = [_case(label, relation, K, sides) for K in classes or (None,)]
    if term is not None:
        _check(_case(f"{label}, one term", relation, None, _padded(term)))
    for case in cases:
        _check(case)
    _record(label, classes, term, cases[0])


@dataclass(frozen=True)
class _Case:
    """What is to hold for one K: entry by entry, `left` and `right` in `relation`."""

    where: str
    relation: str
    left: list[sp.Expr]
    right: list[sp.Expr]
    certificate: list[sp.Expr] | None = None
    twin: list[sp.Expr] | None = None
    name: list[sp.Expr] | None = None
    K: int | None = None

    @property
    def symbols(self) -> list[sp.Symbol]:
        """The free symbols of both sides, in a fixed order."""
        sides = (*self.left, *self.right)
        return sorted({s for side in sides for s in side.free_symbols}, key=str)


def _check_label(label: str) -> None:
    if not re.fullmatch(r"eq-[a-z0-9-]+", label):
        raise ValueError(
            f"label must be 'eq-' and lower-case letters, digits or '-', got {label!r}"
        )


def _case(label: str, relation: str, K: int | None, sides: tuple[Any, ...]) -> _Case:
    where = label if K is None else f"{label} at K = {K}"
    values = [s(K) if callable(s) and K is not None else s for s in sides]
    lists = [None if value is None else _entries(value) for value in values]
    left, right, proof, wrong, shown = lists
    return _Case(where, relation, left or [], right or [], proof, wrong, shown, K)


def _padded(term: Terms) -> tuple[Any, ...]:
    """Complete a term's sides, with or without certificate, to those of a case."""
    return (*term, None, None, None)[:5]


def _entries(value: Any) -> list[sp.Expr]:
    """Flatten matrices and tuples, so that every entry is compared."""
    if isinstance(value, sp.MatrixBase):
        return list(value)
    if isinstance(value, tuple | list):
        return [entry for part in value for entry in _entries(part)]
    return [sp.sympify(value)]


def _check(case: _Case) -> None:
    left, right = case.left, case.right
    if len(left) != len(right) or not left:
        raise ValueError(
            f"{case.where}: both sides must have the same entries, "
            f"got {len(left)} and {len(right)}"
        )
    claim = f"{left} {case.relation} {right}"
    ways = _settle(case)
    if None in ways:
        raise ValueError(f"{case.where}: sympy must confirm {claim}")
    if not _agrees_at_points(left, right, case):
        raise ValueError(f"{case.where}: random points must confirm {claim}")
    # an inequality's twin is its reverse
    wrong = (left, case.twin or _twin(right))
    twin = replace(case, left=wrong[0], right=wrong[1])
    if case.relation == ">=":
        twin = replace(case, left=right, right=left)
    if _settle(twin, ways) == ways or _agrees_at_points(twin.left, twin.right, case):
        raise ValueError(f"{case.where}: the twin {twin.right} must fail, but passed")


# --- the three checks ------------------------------------------------------

# Ways to reduce an expression to zero, the quick ones first.
_WAYS: tuple[Callable[[sp.Expr], sp.Expr], ...] = (
    sp.expand,
    lambda e: sp.expand(sp.expand_log(e, force=True)),
    lambda e: sp.simplify(sp.expand_log(e, force=True)),
    sp.simplify,
)


def _settle(case: _Case, ways: list[int | None] | None = None) -> list[int | None]:
    """Which way settles each entry, if any; for a twin, only that way is tried."""
    gaps = [a - b for a, b in zip(case.left, case.right, strict=True)]
    if case.relation == ">=" and case.certificate is None:
        return [0 if _convex_above_zero(gap) else None for gap in gaps]
    bounds = case.certificate or [sp.Integer(0)] * len(gaps)
    if not all(bound.is_nonnegative for bound in bounds):
        return [None]
    rests = [gap - bound for gap, bound in zip(gaps, bounds, strict=True)]
    tried = [
        range(len(_WAYS)) if w is None else [w] for w in ways or [None] * len(gaps)
    ]
    return [_way(*pair) for pair in zip(rests, tried, strict=True)]


def _way(difference: sp.Expr, ways: Iterable[int]) -> int | None:
    """Find the first of `ways` that reduces `difference` to zero."""
    d = difference.doit()
    return next((way for way in ways if _WAYS[way](d) == 0), None)


def _convex_above_zero(difference: sp.Expr) -> bool:
    """Whether a function of one symbol is convex with a minimum that is >= 0."""
    d = difference.doit()
    if len(d.free_symbols) != 1:
        return False
    (t,) = d.free_symbols
    lowest = sp.solve(sp.diff(d, t), t)
    curvature = sp.simplify(sp.diff(d, t, 2))
    return bool(
        len(lowest) == 1
        and curvature.is_positive
        and sp.simplify(d.subs(t, lowest[0])).is_nonnegative
    )


def _agrees_at_points(left: list[sp.Expr], right: list[sp.Expr], case: _Case) -> bool:
    draw = random.Random(case.where)
    differences = [(a - b).doit() for a, b in zip(left, right, strict=True)]
    symbols = sorted({s for d in differences for s in d.free_symbols}, key=str)
    for _ in range(POINTS):
        point = {s: _rational(s, len(symbols), draw) for s in symbols}
        values = [sp.N(d.subs(point), DIGITS) for d in differences]
        if not all(_holds(value, case.relation) for value in values):
            return False
    return True


def _holds(value: sp.Expr, relation: str) -> bool:
    if not value.is_real:
        return False
    tiny = sp.Float(10) ** (8 - DIGITS)
    return bool(abs(value) < tiny if relation == "=" else value > -tiny)


def _rational(symbol: sp.Symbol, n: int, draw: random.Random) -> sp.Rational:
    """Draw a random value that the symbol's assumptions allow.

    Positive ones stay below 1/n, so that 1 minus any sum of them is positive
    too: the last probability of a distribution must be one.
    """
    if symbol.is_integer:
        return sp.Integer(draw.randint(1 if symbol.is_positive else -9, 9))
    if symbol.is_nonnegative:
        return sp.Rational(draw.randint(1, 96), 97 * n)
    size = sp.Rational(draw.randint(1, 300), 97)
    return -size if symbol.is_negative or draw.random() < 0.5 else size


def _twin(right: list[sp.Expr]) -> list[sp.Expr]:
    """Make a wrong right-hand side: one sign turned round, or 1 too much."""
    first, *others = right
    last_term = sp.Add.make_args(first)[-1]
    return [first + 1 if last_term == 0 else first - 2 * last_term, *others]


# --- recording -------------------------------------------------------------


def _record(
    label: str, classes: tuple[int, ...] | None, term: Terms | None, shown: _Case
) -> None:
    any_k = classes is None or term is not None
    listed = f"K = {', '.join(map(str, classes or ()))}"
    sign = "=" if shown.relation == "=" else r"\ge"
    left = shown.name or shown.left
    record = {
        "label": label,
        "kind": "any K" if any_k else listed,
        "classes": list(classes or ()),
        "latex": _relation_latex(_tuple_latex(left), sign, _tuple_latex(shown.right)),
        "points": POINTS if shown.symbols else 0,
    }
    if shown.twin is not None:
        record["twin"] = _tuple_latex(shown.twin)
    scope = ""
    if classes:
        scope = f" for {listed}"
    if classes and term:
        scope = f" for any K, term by term, and as a whole{scope}"
    if shown.K is not None:
        record["shown"] = shown.K
    plain = f"{_tuple_text(left)} {shown.relation} {_tuple_text(shown.right)}"
    _publish(
        record,
        plain=f"{plain}   [{label}: proved{scope}]",
        note=f"proved{scope} · {_evidence(record)}",
    )


def _evidence(record: dict[str, Any]) -> str:
    points = f"{record['points']} random points agree"
    if not record["points"]:
        points = f"the first {DIGITS - 8} digits agree"
    twin = f"wrong twin ${record['twin']}$" if "twin" in record else "a wrong twin"
    shown = f" · shown for K = {record['shown']}" if "shown" in record else ""
    return f"{points} · {twin} rejected{shown}"


def _latex(expression: Any) -> str:
    return str(sp.latex(expression, ln_notation=False))


_PAIR = r"\left({}\right)"


def _relation_latex(left: str, sign: str, right: str) -> str:
    """One line, or two if that would be wider than the page."""
    line = f"{left} {sign} {right}"
    # commands take no room, but for the name of a function
    seen = re.sub(r"\\(?!log|exp)[a-zA-Z]+|[\\{}^_ ]", "", line)
    if len(seen) <= LINE:
        return line
    return rf"\begin{{aligned}} & {left} \\ & \quad {sign} {right} \end{{aligned}}"


def _tuple_latex(entries: list[sp.Expr]) -> str:
    parts = [_latex(entry) for entry in entries]
    return parts[0] if len(parts) == 1 else _PAIR.format(", ".join(parts))


def _tuple_text(entries: list[sp.Expr]) -> str:
    parts = [str(entry) for entry in entries]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def _publish(record: dict[str, Any], *, plain: str, note: str) -> None:
    mark = "≔" if record["kind"] == "definition" else "✓"
    markdown = f"$$\n{record['latex']}\n$$\n\n{mark} *{note}*"
    publish({"text/markdown": markdown, "text/plain": plain, MIME: record})


# --- the ledger ------------------------------------------------------------


@dataclass
class Equation:
    """A numbered equation: as typed, and what settled it.

    Attributes
    ----------
    label, chapter : str
        Its label, and the name of the notebook that it stands in.
    typed : list of str
        Its LaTeX in the text; empty when an entry has no equation.
    entries : list of dict
        What settled it; empty when an equation has no entry.
    kind : str
        Its strongest entry: "any K" before "K = 2, 3, 4" before "definition";
        else "unproved".

    Examples
    --------
    >>> Equation("eq-a", "01-a", [r"a = a"]).kind
    'unproved'
    """

    label: str
    chapter: str
    typed: list[str] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its strongest entry: 'any K' before 'K = 2, 3, 4' before a definition."""
        kinds = sorted(entry["kind"] for entry in self.entries)
        order = ("any K", "no K", "K", "instances", "definition")
        return next((k for o in order for k in kinds if k.startswith(o)), "unproved")


def ledger(folder: str | Path, /) -> list[Equation]:
    r"""Every numbered equation of the chapters in `folder`, with what settled it.

    Parameters
    ----------
    folder : path
        A folder of executed notebooks.

    Returns
    -------
    list of Equation
        In the order of the chapters and of the text.

    Raises
    ------
    ValueError
        If `folder` holds no notebook.

    Examples
    --------
    >>> import tempfile
    >>> text = "$$\nH = 1\n$$ (eq-h)"
    >>> cell = {"cell_type": "markdown", "source": [text]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     chapter = Path(folder, "01-one.ipynb")
    ...     _ = chapter.write_text(json.dumps({"cells": [cell]}))
    ...     [(e.label, e.typed, e.kind) for e in ledger(folder)]
    [('eq-h', ['H = 1'], 'unproved')]
    """
    notebooks = sorted(Path(folder).glob("*.ipynb"))
    if not notebooks:
        raise ValueError(f"folder must hold executed notebooks, got none in {folder}")
    return list(itertools.chain.from_iterable(map(_equations, notebooks)))


_NUMBERED = re.compile(r"^\$\$(.+?)\$\$\s*\((eq-[^)\s]+)\)", re.DOTALL | re.MULTILINE)


def _equations(path: Path) -> list[Equation]:
    found: dict[str, Equation] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for typed, label in _NUMBERED.findall("".join(cell["source"])):
                new = Equation(label, path.stem)
                found.setdefault(label, new).typed.append(typed.strip())
        for output in cell.get("outputs", ()):
            if record := output.get("data", {}).get(MIME):
                new = Equation(record["label"], path.stem)
                found.setdefault(record["label"], new).entries.append(record)
                if "conditions" in record:
                    found[record["label"]].typed.append(record["latex"])
    return list(found.values())
